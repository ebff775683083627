/* certd.conf with anything in it: read, or refused with a reason. */
#include "common/conf.h"
#include "common/error.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct conf conf;

	conf_init(&conf);
	if (conf_read(&conf, (const char *)data, size, "certd.conf", &err) < 0 && err.code != ERROR_CONFIG)
		abort();
	conf_finish(&conf);
	conf_clear(&conf);
	return 0;
}
