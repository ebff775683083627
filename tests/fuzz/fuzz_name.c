/* Host names and addresses: the canonical form stays as it is, fits everywhere and is harmless as a file name. */
#include "common/alloc.h"
#include "common/error.h"
#include "common/name.h"
#include "common/strlist.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Its lines as the names of a certificate. */
static void
read_list(const char *text, bool may_be_ip)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_strlist_ struct strlist lines = STRLIST_INIT;
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;

	strlist_split(&lines, text, '\n');
	if (name_list(NULL, &lines, 3, may_be_ip, &list, &err) < 0) {
		if (!err.field)
			abort();
	} else if (list.count == 0 || list.count > 3) {
		abort();
	}
	name_in_zone(text, "example");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	_cleanup_free_ char *name = NULL;
	_cleanup_free_ char *again = NULL;
	_cleanup_free_ char *slug = NULL;
	_cleanup_strlist_ struct strlist sans = STRLIST_INIT;
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;
	bool may_be_ip = size % 2;

	read_list(text, may_be_ip);
	if (name_canonical(text, may_be_ip, &name, &err) < 0)
		return 0;
	if (strlen(name) > 253 || (name_type_of(name) == NAME_IP && !may_be_ip))
		abort();
	if (name_canonical(name, may_be_ip, &again, &err) < 0 || strcmp(name, again) != 0)
		abort();
	slug = name_slug(name);
	if (strpbrk(slug, "/*:\\ \t\n") || slug[0] == '.' || slug[0] == '-')
		abort();
	if (!name_in_zone(name, name_base(name)))
		abort();
	strlist_add(&sans, name);
	strlist_add(&sans, text);
	if (name_list(text, &sans, 1, may_be_ip, &list, &err) < 0 || list.count != 1)
		abort();
	return 0;
}
