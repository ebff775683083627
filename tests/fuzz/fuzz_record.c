/*
 * Records of the store. The first octet picks the class, the rest is the record: it is refused, or what it says comes
 * out the same after encoding and decoding once more.
 */
#include "common/error.h"
#include "daemon/alert/condition.h"
#include "daemon/alert/message.h"
#include "daemon/rollout/rollout.h"
#include "daemon/store/object.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct record_class *const classes[] = { &provider_class, &autocert_class, &certificate_class,
	&dnsprovider_class, &consumer_class, &alert_class, &message_class, &condition_class, &rollout_class };

static void
expect(bool is_so)
{
	if (!is_so)
		abort();
}

static void
check_round_trip(const struct record_class *cls, const void *obj)
{
	_cleanup_buf_ struct buf once = BUF_INIT;
	_cleanup_buf_ struct buf twice = BUF_INIT;
	void *again = xcalloc(1, cls->size);

	expect(record_encode(NULL, cls, "id", obj, &once, NULL) == 0);
	expect(record_decode(NULL, cls, "id", once.data, once.len, again, NULL) == 0);
	expect(record_encode(NULL, cls, "id", again, &twice, NULL) == 0);
	expect(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	record_clear(cls, again);
	free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct record_class *cls;
	_cleanup_error_ struct error err = ERROR_INIT;
	void *obj;

	if (size == 0)
		return 0;
	cls = classes[data[0] % ARRAY_SIZE(classes)];
	obj = xcalloc(1, cls->size);
	if (record_decode(NULL, cls, "id", data + 1, size - 1, obj, &err) == 0)
		check_round_trip(cls, obj);
	else
		expect(err.code == ERROR_CORRUPT);
	record_clear(cls, obj);
	free(obj);
	return 0;
}
