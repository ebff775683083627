/* A data file of LMDB that a disk has damaged, as it is read before LMDB trusts it. */
#include "common/error.h"
#include "daemon/store/store_check.h"
#include "daemon/store/store_lmdb.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	const uint8_t *data;
	size_t size;
	uint64_t sum;
};

static void
expect_inside(const struct seen *seen, const void *at, size_t len)
{
	const uint8_t *p = at;

	if (p < seen->data || len > seen->size || p > seen->data + (seen->size - len))
		abort();
}

static void
visit(const char *name, size_t name_len, const void *key, size_t key_len, const void *value, size_t value_len,
	void *arg)
{
	struct seen *seen = arg;

	expect_inside(seen, name, name_len);
	expect_inside(seen, key, key_len);
	expect_inside(seen, value, value_len);
	if (key_len == 0 || key_len > LMDB_KEY_MAX || value_len > LMDB_VALUE_MAX)
		abort();
	seen->sum += store_check_sum(key, key_len, value, value_len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen first = { data, size, 0 }, second = { data, size, 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	int rc = store_check_octets("/store", data, size, LMDB_VALUE_MAX, visit, &first, &err);

	if (rc < 0 && (err.code != ERROR_CORRUPT || !strstr(err.message, STORE_DAMAGE_ADVICE)))
		abort();
	if (store_check_octets("/store", data, size, LMDB_VALUE_MAX, visit, &second, NULL) != rc ||
		first.sum != second.sum)
		abort();
	return 0;
}
