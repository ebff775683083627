/*
 * The rows of the schedule. Each is stored twice: by lane and time, to find the next due one, and by kind and object,
 * to replace it. All keys are encoded and decoded here.
 */
#include "daemon/schedule/schedule.h"

#include "common/buf.h"
#include "common/error.h"
#include "common/hash.h"

#include <string.h>

enum { DUE_LEN = 8, KIND_LEN = 1 };

/* Big endian with the sign bit flipped, so that the octets sort like the times, negative ones first. */
static void
add_due(struct buf *b, int64_t due_at)
{
	uint64_t u = (uint64_t)due_at ^ (UINT64_C(1) << 63);

	for (int shift = 56; shift >= 0; shift -= 8)
		buf_add_char(b, (char)(u >> shift & 0xff));
}

static int64_t
get_due(const char *p)
{
	uint64_t u = 0;

	for (int i = 0; i < DUE_LEN; i++)
		u = u << 8 | (unsigned char)p[i];
	return (int64_t)(u ^ (UINT64_C(1) << 63));
}

/* Key in STORE_SCHEDULE_ROW. */
static void
make_row_key(struct buf *ret, enum schedule_kind kind, const char *object)
{
	buf_add_char(ret, (char)kind);
	buf_add_str(ret, object);
}

/* Key in STORE_SCHEDULE. */
static void
schedule_make_key(struct buf *ret, const struct schedule_row *row)
{
	buf_add(ret, row->lane, strlen(row->lane) + 1);
	add_due(ret, row->due_at);
	make_row_key(ret, row->kind, row->object);
}

/* @ret: as large as an id. Return: -1 when the text is too long. */
static int
schedule_take_id(char ret[STORE_ID_SIZE], const char *text, size_t len)
{
	if (len >= STORE_ID_SIZE)
		return -1;
	memcpy(ret, text, len);
	ret[len] = '\0';
	return 0;
}

static int
schedule_read_key(const struct buf *key, struct schedule_row *ret, struct error *err)
{
	size_t lane_len = strnlen(buf_str(key), key->len);
	size_t head = lane_len + 1 + DUE_LEN + KIND_LEN;

	if (key->len < head || schedule_take_id(ret->lane, key->data, lane_len) < 0 ||
		schedule_take_id(ret->object, key->data + head, key->len - head) < 0)
		return error_set(err, ERROR_CORRUPT, "a row of the schedule is damaged");
	ret->due_at = get_due(key->data + lane_len + 1);
	ret->kind = (enum schedule_kind)(unsigned char)key->data[head - 1];
	return 0;
}

int
schedule_get(
	struct store *store, enum schedule_kind kind, const char *object, struct schedule_row *ret, struct error *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct schedule_row row = { .kind = kind };
	int rc;

	make_row_key(&key, kind, object);
	rc = store_get(store, STORE_SCHEDULE_ROW, key.data, key.len, &value, err);
	if (rc <= 0)
		return rc;
	if (value.len < DUE_LEN || schedule_take_id(row.object, object, strlen(object)) < 0 ||
		schedule_take_id(row.lane, value.data + DUE_LEN, value.len - DUE_LEN) < 0)
		return error_set(err, ERROR_CORRUPT, "the schedule's row of '%s' is damaged", object);
	row.due_at = get_due(value.data);
	*ret = row;
	return 1;
}

/*
 * The row by time of an earlier schedule_set(). If it cannot be read, @txn fails: a second row would remain for ever.
 */
static void
remove_old(struct store *store, struct store_txn *txn, enum schedule_kind kind, const char *object)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buf_ struct buf key = BUF_INIT;
	struct schedule_row old;
	int rc = schedule_get(store, kind, object, &old, &err);

	if (rc < 0)
		store_fail(txn, &err);
	if (rc <= 0)
		return;
	schedule_make_key(&key, &old);
	store_del(txn, STORE_SCHEDULE, key.data, key.len);
}

void
schedule_set(struct store *store, struct store_txn *txn, enum schedule_kind kind, const char *object, const char *lane,
	int64_t due_at)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	_cleanup_buf_ struct buf row_key = BUF_INIT;
	_cleanup_buf_ struct buf value = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct schedule_row row = { .kind = kind, .due_at = due_at };

	if (schedule_take_id(row.object, object, strlen(object)) < 0 ||
		schedule_take_id(row.lane, lane, strlen(lane)) < 0) {
		error_set(&err, ERROR_INTERNAL, "schedule: '%s' or '%s' is too long", object, lane);
		store_fail(txn, &err);
		return;
	}
	remove_old(store, txn, kind, object);
	schedule_make_key(&key, &row);
	make_row_key(&row_key, kind, object);
	add_due(&value, due_at);
	buf_add_str(&value, lane);
	store_put(txn, STORE_SCHEDULE, key.data, key.len, NULL, 0);
	store_put(txn, STORE_SCHEDULE_ROW, row_key.data, row_key.len, value.data, value.len);
	store_changed(store, txn, STORE_SCHEDULE, NULL, &row);
}

void
schedule_del(struct store *store, struct store_txn *txn, enum schedule_kind kind, const char *object)
{
	_cleanup_buf_ struct buf row_key = BUF_INIT;

	remove_old(store, txn, kind, object);
	make_row_key(&row_key, kind, object);
	store_del(txn, STORE_SCHEDULE_ROW, row_key.data, row_key.len);
}

int
schedule_next_in_lane(struct store *store, const char *lane, const struct schedule_row *is_after,
	struct schedule_row *ret, struct error *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	struct schedule_row row = { .due_at = 0 };
	int rc;

	if (is_after)
		schedule_make_key(&key, is_after);
	else
		buf_add(&key, lane, strlen(lane) + 1);
	rc = store_next(store, STORE_SCHEDULE, key.data, key.len, is_after != NULL, &key, NULL, err);
	if (rc == 1)
		rc = schedule_read_key(&key, &row, err) < 0 ? -1 : strcmp(row.lane, lane) == 0;
	if (rc == 1)
		*ret = row;
	return rc;
}

int
schedule_next_of_kind(struct store *store, enum schedule_kind kind, char object[STORE_ID_SIZE], struct error *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	int rc;

	make_row_key(&key, kind, object);
	rc = store_next(store, STORE_SCHEDULE_ROW, key.data, key.len, true, &key, NULL, err);
	if (rc != 1)
		return rc;
	if (key.data[0] != (char)kind)
		return 0;
	if (schedule_take_id(object, key.data + KIND_LEN, key.len - KIND_LEN) < 0)
		return error_set(err, ERROR_CORRUPT, "a row of the schedule is damaged");
	return 1;
}

/* All rows of a lane begin with its name and NUL: the first key that is not below name and 01 is in the next lane. */
int
schedule_next_lane(
	struct store *store, const char *lane, bool is_after, char ret_lane[STORE_ID_SIZE], struct error *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	struct schedule_row row = { .due_at = 0 };
	int rc;

	buf_add_str(&key, lane);
	buf_add_char(&key, is_after ? '\1' : '\0');
	rc = store_next(store, STORE_SCHEDULE, key.data, key.len, false, &key, NULL, err);
	if (rc == 1 && schedule_read_key(&key, &row, err) < 0)
		return -1;
	if (rc == 1)
		memcpy(ret_lane, row.lane, STORE_ID_SIZE);
	return rc;
}

uint64_t
schedule_seed(const char *id)
{
	return hash_fnv1a(HASH_FNV1A_BASIS, id);
}
