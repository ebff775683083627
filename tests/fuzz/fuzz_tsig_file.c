/* Key files as an operator may hand them over. */
#include "common/alloc.h"
#include "common/error.h"
#include "ctl/declare/tsig_file.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	struct tsig_file file;

	if (tsig_file_read(text, &file, &err) < 0)
		return 0;
	if (!file.secret || !*file.secret)
		abort();
	tsig_file_clear(&file);
	return 0;
}
