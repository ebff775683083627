/* certd.conf with anything in it: read, or refused with a reason. */
#include "common/conf.h"
#include "common/error.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "name = value" as an option of the command line. */
static void
set_one(struct conf *conf, const char *text, size_t size)
{
	const char *end = memmem(text, size, " = ", 3);
	_cleanup_free_ char *name = end ? xstrndup(text, (size_t)(end - text)) : NULL;
	_cleanup_free_ char *value = end ? xstrndup(end + 3, size - (size_t)(end + 3 - text)) : NULL;
	_cleanup_error_ struct error err = ERROR_INIT;

	if (name && conf_set(conf, name, value, &err) < 0 && err.code != ERROR_CONFIG)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct conf conf;

	conf_init(&conf);
	if (conf_read(&conf, (const char *)data, size, "certd.conf", &err) < 0 && err.code != ERROR_CONFIG)
		abort();
	conf_finish(&conf);
	set_one(&conf, (const char *)data, size);
	conf_clear(&conf);
	return 0;
}
