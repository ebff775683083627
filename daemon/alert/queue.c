/* Messages in the order of their keys. */
#include "daemon/alert/queue.h"

#include "common/error.h"
#include "common/strlist.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
queue_prefix(const char *alert_id, struct buf *ret)
{
	buf_printf(ret, "%s/", alert_id);
}

struct queue_walk {
	struct strlist keys;
	size_t max;
};

static bool
queue_take_key(const void *key, size_t len, void *arg)
{
	struct queue_walk *w = arg;

	strlist_take(&w->keys, xstrndup(key, len));
	return w->keys.count < w->max;
}

/* The keys of the first @max messages; to be cleared by the caller. Return: 0 or -1. */
static int
queue_keys(struct store *store, const char *alert_id, size_t max, struct strlist *ret, struct error *err)
{
	struct queue_walk w = { .max = max };
	_cleanup_buf_ struct buf from = BUF_INIT;
	_cleanup_buf_ struct buf end = BUF_INIT;
	int rc;

	queue_prefix(alert_id, &from);
	buf_printf(&end, "%s0", alert_id); /* '0' follows '/' */
	rc = store_walk_keys(store, STORE_MESSAGE, &from, false, &end, queue_take_key, &w, err);
	*ret = w.keys;
	return rc < 0 ? -1 : 0;
}

static uint64_t
queue_number(const char *key)
{
	return strtoull(strchr(key, '/') + 1, NULL, 16);
}

/* Makes room for @m among @keys. */
static int
queue_merge(
	struct store *store, struct store_txn *txn, const struct strlist *keys, struct message *m, struct error *err)
{
	size_t victim = 1;
	int64_t merged = 0;

	for (size_t i = 1; i < keys->count; i++) {
		_cleanup_message_ struct message old = { 0 };

		if (record_load(store, &message_class, keys->items[i], &old, err) < 0)
			return -1;
		if (i == 1)
			merged = old.merged;
		if (strcmp(old.condition, m->condition) == 0) {
			victim = i;
			merged = old.merged;
			break;
		}
	}
	queue_remove(txn, keys->items[victim]);
	m->merged += merged + 1;
	return 0;
}

void
queue_put(struct store *store, struct store_txn *txn, const char *alert_id, struct message *m, int64_t now)
{
	_cleanup_strlist_ struct strlist keys = STRLIST_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	char key[QUEUE_KEY_SIZE];
	uint64_t number = 1;

	if (queue_keys(store, alert_id, QUEUE_MAX + 1, &keys, &err) < 0 ||
		(keys.count >= QUEUE_MAX && queue_merge(store, txn, &keys, m, &err) < 0)) {
		store_fail(txn, &err);
		return;
	}
	if (keys.count)
		number = queue_number(keys.items[keys.count - 1]) + 1;
	snprintf(key, sizeof(key), "%s/%016" PRIx64, alert_id, number);
	record_save(store, txn, &message_class, key, m);
	if (!keys.count)
		schedule_set(store, txn, SCHEDULE_ALERT, alert_id, QUEUE_LANE, now);
}

int
queue_first(
	struct store *store, const char *alert_id, char ret_key[QUEUE_KEY_SIZE], struct message *ret, struct error *err)
{
	_cleanup_strlist_ struct strlist keys = STRLIST_INIT;

	if (queue_keys(store, alert_id, 1, &keys, err) < 0)
		return -1;
	if (!keys.count)
		return 0;
	snprintf(ret_key, QUEUE_KEY_SIZE, "%s", keys.items[0]);
	return record_load(store, &message_class, ret_key, ret, err);
}

void
queue_replace(struct store *store, struct store_txn *txn, const char *key, const struct message *m)
{
	record_save(store, txn, &message_class, key, m);
}

void
queue_remove(struct store_txn *txn, const char *key)
{
	store_del(txn, STORE_MESSAGE, key, strlen(key));
}

void
queue_plan(struct store *store, struct store_txn *txn, const char *alert_id, int64_t at)
{
	if (queue_length(store, alert_id))
		schedule_set(store, txn, SCHEDULE_ALERT, alert_id, QUEUE_LANE, at);
	else
		schedule_del(store, txn, SCHEDULE_ALERT, alert_id);
}

void
queue_forget(struct store *store, struct store_txn *txn, const char *alert_id)
{
	_cleanup_strlist_ struct strlist keys = STRLIST_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	if (queue_keys(store, alert_id, SIZE_MAX, &keys, &err) < 0)
		store_fail(txn, &err);
	for (size_t i = 0; i < keys.count; i++)
		queue_remove(txn, keys.items[i]);
	schedule_del(store, txn, SCHEDULE_ALERT, alert_id);
}

size_t
queue_length(struct store *store, const char *alert_id)
{
	_cleanup_strlist_ struct strlist keys = STRLIST_INIT;

	queue_keys(store, alert_id, QUEUE_MAX + 1, &keys, NULL);
	return keys.count;
}
