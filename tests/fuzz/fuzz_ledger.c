/*
 * What certd reads back from its directories: the ledger of declared files, and the manifest. They are its own, but a
 * damaged disk, a restored copy or another user may have changed them.
 */
#include "common/error.h"
#include "daemon/rollout/drop_ledger.h"
#include "daemon/rollout/drop_private.h"
#include "tests/fuzz/directory.h"

#include <stdint.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read is written as something that is read as the same. */
static void
check_ledger(const struct ledger *l)
{
	_cleanup_ledger_ struct ledger again = { .files = NULL };

	for (size_t i = 0; i < l->count; i++) {
		const struct ledger_file *f = &l->files[i];

		fuzz_expect(f->path[0] == '/' && f->base > 0 && f->base < strlen(f->path) && f->path[f->base] == '/');
		fuzz_expect(f->mode <= 0777 && ledger_find(l, f->path));
	}
	fuzz_expect(ledger_write(fuzz_directory(), "again", l, NULL) == 0);
	fuzz_expect(ledger_read(fuzz_directory(), "again", &again, NULL) == 0);
	fuzz_expect(again.count == l->count && again.generation == l->generation &&
		    again.not_after_at == l->not_after_at && strlist_equal(&again.directories, &l->directories));
	for (size_t i = 0; i < l->count; i++)
		fuzz_expect(strcmp(again.files[i].path, l->files[i].path) == 0 &&
			    again.files[i].base == l->files[i].base && again.files[i].gid == l->files[i].gid);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_ledger_ struct ledger ledger = { .files = NULL };
	_cleanup_error_ struct error err = ERROR_INIT;
	struct drop_manifest manifest;

	fuzz_put("it.json", data, size);
	if (ledger_read(fuzz_directory(), "it", &ledger, &err) == 0)
		check_ledger(&ledger);
	else
		fuzz_expect(error_is_set(&err) && ledger.count == 0);
	fuzz_put("manifest.json", data, size);
	if (drop_read_manifest(fuzz_directory(), &manifest))
		fuzz_expect(manifest.generation > 0 && memchr(manifest.certificate, '\0', STORE_ID_SIZE) &&
			    memchr(manifest.autocert, '\0', STORE_ID_SIZE));
	return 0;
}
