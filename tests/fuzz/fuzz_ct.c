/* Answers of a service for Certificate Transparency: what is reported is bounded, printable and canonical. */
#include "common/error.h"
#include "common/name.h"
#include "common/printable.h"
#include "daemon/renew/ct_read.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect_text(const char *text)
{
	if (strlen(text) > CT_TEXT_MAX || !printable_is_line(text, strlen(text)))
		abort();
}

static void
take(struct ct_entry *entry, void *arg)
{
	_cleanup_free_ char *serial = ct_serial(entry->serial);

	++*(size_t *)arg;
	if (!serial || strcmp(serial, entry->serial) != 0 || strlen(serial) > CT_SERIAL_MAX || !entry->names.count ||
		entry->not_before_at > entry->not_after_at)
		abort();
	expect_text(entry->issuer);
	if (entry->report_to)
		expect_text(entry->report_to);
	for (size_t i = 0; i < entry->names.count; i++) {
		_cleanup_free_ char *name = NULL;

		if (name_canonical(entry->names.items[i], false, &name, NULL) < 0 ||
			strcmp(name, entry->names.items[i]) != 0)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct ct_page page;
	size_t taken = 0;
	int rc = ct_read((const char *)data, size, take, &taken, &page, &err);

	if ((rc < 0) != error_is_set(&err) || taken > page.entries || strlen(page.last) > CT_PAGE_ID_MAX)
		abort();
	return 0;
}
