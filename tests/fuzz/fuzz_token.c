/* Untrusted Authorization headers: an accepted token has the one format, and occurs in the header. */
#include "common/alloc.h"
#include "daemon/service/token.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *value = xstrndup((const char *)data, size);
	unsigned char hash[TOKEN_HASH_LEN];
	char text[TOKEN_TEXT_SIZE];
	char id[STORE_ID_SIZE];

	if (token_of_authorization(value, text) && (strlen(text) != TOKEN_TEXT_LEN || !strstr(value, text)))
		abort();
	if (token_parse(value, id, hash) && (strlen(id) != STORE_ID_SIZE - 1 || !strstr(value, id)))
		abort();
	return 0;
}
