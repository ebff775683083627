/*
 * The event stream. Events are collected during a turn and handed to subscribers when their change is durable, so
 * nobody hears of something that did not happen. Sequence numbers are given at once: order in the store is order of
 * emission. The store keeps the last max_events; each new event pushes out the one that leaves the window.
 */
#include "daemon/report/events.h"

#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"

#include <endian.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { EVENT_MESSAGE_MAX = 2000 };

struct event_subscription {
	struct events *events;
	char object_id[STORE_ID_SIZE]; /* "" : all */
	event_fn *fn;
	void *arg;
	bool gone; /* unsubscribed while being told */
	struct event_subscription *prev, *next;
};

struct events {
	struct store *store;
	struct clock *clock;
	struct log *log;
	uint64_t max_events;
	uint64_t last_seq;
	unsigned telling; /* calls of events_tell() under way: a subscriber may emit */
	struct event_subscription *subscriptions;
};

/* An event that waits for its commit. */
struct event_pending {
	struct events *events;
	struct json_object *event;
};

/* Keys sort as numbers. */
static void
seq_key(uint64_t seq, unsigned char ret[8])
{
	uint64_t be = htobe64(seq);

	memcpy(ret, &be, sizeof(be));
}

static uint64_t
seq_of_key(const struct buf *key)
{
	uint64_t be = 0;

	if (key->len == sizeof(be))
		memcpy(&be, key->data, sizeof(be));
	return be64toh(be);
}

/* The last number given in an earlier life: walk down from the far end by halving (keys are dense but for the window). */
static uint64_t
find_last_seq(struct store *store)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	uint64_t low = 0, high = UINT64_MAX >> 1;

	while (low < high) {
		uint64_t mid = low + (high - low + 1) / 2;
		unsigned char k[8];

		seq_key(mid, k);
		if (store_next(store, STORE_EVENT, k, sizeof(k), false, &key, NULL, NULL) == 1)
			low = seq_of_key(&key) > mid ? seq_of_key(&key) : mid;
		else
			high = mid - 1;
	}
	return low;
}

/* What an earlier life left outside the window: it was larger, or the event that was to push it out failed. */
static void
trim(struct events *events)
{
	struct store_txn *txn = store_begin(events->store);
	_cleanup_buf_ struct buf key = BUF_INIT;
	unsigned char from[8];

	seq_key(0, from);
	buf_add(&key, from, sizeof(from));
	while (store_next(events->store, STORE_EVENT, key.data, key.len, true, &key, NULL, NULL) == 1 &&
		events->last_seq - seq_of_key(&key) >= events->max_events)
		store_del(txn, STORE_EVENT, key.data, key.len);
}

struct events *
events_new(struct store *store, struct clock *clock, struct log *log, uint64_t max_events)
{
	struct events *events = xcalloc(1, sizeof(*events));

	events->store = store;
	events->clock = clock;
	events->log = log;
	events->max_events = max_events;
	events->last_seq = find_last_seq(store);
	trim(events);
	return events;
}

void
events_free(struct events *events)
{
	struct event_subscription *sub, *tmp;

	if (!events)
		return;
	DL_FOREACH_SAFE(events->subscriptions, sub, tmp)
	{
		DL_DELETE(events->subscriptions, sub);
		free(sub);
	}
	free(events);
}

/* --- telling --- */

static bool
concerns(const struct event_subscription *sub, struct json_object *event)
{
	struct json_object *object = NULL;
	const char *id = NULL;

	if (!sub->object_id[0])
		return true;
	return json_get_object(event, "object", &object, NULL) == 1 &&
	       json_get_string(object, "id", &id, NULL) == 1 && strcmp(id, sub->object_id) == 0;
}

static void
events_tell(struct events *events, struct json_object *event)
{
	struct event_subscription *sub, *tmp;

	events->telling++;
	DL_FOREACH(events->subscriptions, sub) {
		if (!sub->gone && concerns(sub, event))
			sub->fn(event, sub->arg);
	}
	if (--events->telling)
		return;
	DL_FOREACH_SAFE(events->subscriptions, sub, tmp)
	{
		if (!sub->gone)
			continue;
		DL_DELETE(events->subscriptions, sub);
		free(sub);
	}
}

static void
event_durable(const struct error *err, void *arg)
{
	struct event_pending *p = arg;

	if (!err)
		events_tell(p->events, p->event);
	json_object_put(p->event);
	free(p);
}

/* --- making --- */

/* The journal field that carries the object's name, by its type. */
static const char *
field_of_type(const char *type)
{
	static const char *const fields[][2] = {
		{ "autocertificate", "CERTD_AUTOCERTIFICATE" },
		{ "certificate", "CERTD_CERTIFICATE" },
		{ "provider", "CERTD_PROVIDER" },
		{ "dnsprovider", "CERTD_DNSPROVIDER" },
		{ "consumer", "CERTD_CONSUMER" },
	};

	for (size_t i = 0; type && i < ARRAY_SIZE(fields); i++)
		if (strcmp(type, fields[i][0]) == 0)
			return fields[i][1];
	return "CERTD_OBJECT";
}

static void
event_log(struct events *events, const struct event_info *info, const struct event_object *object,
	const char *message, const char *problem)
{
	const char *name = object ? object->name : NULL;
	const struct log_field fields[] = {
		{ "CERTD_EVENT", info->name },
		{ field_of_type(object ? object->type : NULL), name },
		{ "CERTD_OBJECT_ID", object ? object->id : NULL },
		{ "CERTD_PROBLEM", problem },
	};

	log_write(events->log, (enum log_level)info->level, fields, ARRAY_SIZE(fields), "%s%s%s",
		name ? name : "", name ? ": " : "", message);
}

static struct json_object *
event_make(struct events *events, uint64_t seq, const struct event_info *info,
	const struct event_object *object, struct json_object *data, const char *message)
{
	struct json_object *event = json_object_new_object();

	json_add_int(event, "seq", (int64_t)seq);
	json_add_time(event, "time", clock_wall(events->clock));
	json_add_string(event, "level", event_level_name(info->level));
	json_add_string(event, "kind", info->name);
	if (object) {
		struct json_object *o = json_object_new_object();

		json_add_string(o, "type", object->type);
		json_add_string(o, "id", object->id);
		json_add_string(o, "name", object->name);
		json_object_object_add(event, "object", o);
	}
	json_add_string(event, "message", message);
	if (data)
		json_object_object_add(event, "data", data);
	return event;
}

static void
event_store(struct events *events, struct store_txn *txn, uint64_t seq, struct json_object *event)
{
	struct event_pending *p = xcalloc(1, sizeof(*p));
	_cleanup_buf_ struct buf text = BUF_INIT;
	unsigned char key[8];

	if (!txn)
		txn = store_begin(events->store);
	json_write(event, &text);
	seq_key(seq, key);
	store_put(txn, STORE_EVENT, key, sizeof(key), text.data, text.len);
	if (seq > events->max_events) {
		seq_key(seq - events->max_events, key);
		store_del(txn, STORE_EVENT, key, sizeof(key));
	}
	p->events = events;
	p->event = event;
	store_then(txn, event_durable, p);
}

/* @data and @message are taken. */
static void
emit(struct events *events, struct store_txn *txn, enum event_kind kind, const struct event_object *object,
	struct json_object *data, const char *problem, char *message)
{
	const struct event_info *info = event_info(kind);
	struct json_object *event;

	if (strlen(message) > EVENT_MESSAGE_MAX)
		message[EVENT_MESSAGE_MAX] = '\0';
	event_log(events, info, object, message, problem);
	if (info->is_transient) {
		event = event_make(events, events->last_seq, info, object, data, message);
		events_tell(events, event);
		json_object_put(event);
	} else {
		event = event_make(events, ++events->last_seq, info, object, data, message);
		event_store(events, txn, events->last_seq, event);
	}
	free(message);
}

void
event_emit(struct events *events, struct store_txn *txn, enum event_kind kind,
	const struct event_object *object, struct json_object *data, const char *fmt, ...)
{
	va_list ap;
	char *message;

	va_start(ap, fmt);
	message = xvasprintf(fmt, ap);
	va_end(ap);
	emit(events, txn, kind, object, data, NULL, message);
}

void
event_emit_error(struct events *events, struct store_txn *txn, enum event_kind kind,
	const struct event_object *object, const struct error *err, const char *fmt, ...)
{
	struct json_object *data = json_object_new_object();
	va_list ap;
	char *message;

	json_add_string(data, "code", error_code_name(err->code));
	json_add_string(data, "field", err->field);
	json_add_string(data, "problem", err->problem);
	json_add_time(data, "retryAt", err->retry_at);
	json_add_string(data, "message", err->message);
	va_start(ap, fmt);
	message = xvasprintf(fmt, ap);
	va_end(ap);
	emit(events, txn, kind, object, data, err->problem, message);
}

/* --- reading --- */

struct event_subscription *
events_subscribe(struct events *events, const char *object_id, event_fn *fn, void *arg)
{
	struct event_subscription *sub = xcalloc(1, sizeof(*sub));

	sub->events = events;
	if (object_id)
		strncpy(sub->object_id, object_id, sizeof(sub->object_id) - 1);
	sub->fn = fn;
	sub->arg = arg;
	DL_APPEND(events->subscriptions, sub);
	return sub;
}

void
events_unsubscribe(struct event_subscription *sub)
{
	if (!sub)
		return;
	if (sub->events->telling) {
		sub->gone = true;
		return;
	}
	DL_DELETE(sub->events->subscriptions, sub);
	free(sub);
}

uint64_t
events_last(const struct events *events)
{
	return events->last_seq;
}

static uint64_t
list_start(const struct events *events, int64_t after, size_t limit)
{
	if (after >= 0)
		return (uint64_t)after;
	return events->last_seq > limit ? events->last_seq - limit : 0;
}

struct json_object *
events_list(struct events *events, const char *object_id, int64_t after, size_t limit, struct error *err)
{
	/* "The last N" about one object: look through the whole window, keep the newest N. */
	bool newest = after < 0 && object_id;
	struct event_subscription filter = { 0 };
	struct json_object *list = json_object_new_array();
	_cleanup_buf_ struct buf key = BUF_INIT;
	_cleanup_buf_ struct buf value = BUF_INIT;
	unsigned char from[8];
	int found;

	if (object_id)
		strncpy(filter.object_id, object_id, sizeof(filter.object_id) - 1);
	seq_key(newest ? 0 : list_start(events, after, limit), from);
	buf_add(&key, from, sizeof(from));
	while ((found = store_next(events->store, STORE_EVENT, key.data, key.len, true, &key, &value, err)) ==
		1) {
		struct json_object *event = json_parse(value.data, value.len, NULL);

		if (!event)
			continue; /* a damaged one hides no other */
		if (!concerns(&filter, event)) {
			json_object_put(event);
			continue;
		}
		json_object_array_add(list, event);
		if (json_object_array_length(list) > limit)
			json_object_array_del_idx(list, 0, 1);
		if (!newest && json_object_array_length(list) == limit)
			return list;
	}
	if (found == 0)
		return list;
	json_object_put(list);
	return NULL;
}
