/*
 * The event stream. Events are collected during a turn, numbered and stored in its commit, and passed to subscribers
 * when their change is durable. So no subscriber sees an event without its change, and numbers have no gaps. The store
 * keeps the last max_events; each new event removes the oldest one outside that window.
 *
 * Events of one object are found by STORE_INDEX rows "o" object-id NUL number. Stores of an earlier certd get them when
 * they are opened ("event-index" in STORE_META).
 */
#include "daemon/report/events.h"

#include "common/api/event_catalog.h"
#include "common/printable.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"

#include <endian.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	EVENT_MESSAGE_MAX = 2000,
	INDEX_AT_ONCE = 1000,
	ALONE_MS = 10, /* how long an event without a change may wait to share a commit */
};

static const char index_mark[] = "event-index";

struct event_subscription {
	struct events *events;
	char object_id[STORE_ID_SIZE]; /* "" : all */
	event_fn *fn;
	void *arg;
	bool is_gone; /* unsubscribed during a notification */
	struct event_subscription *prev, *next;
};

struct events {
	struct store *store;
	struct clock *clock;
	struct log *log;
	uint64_t max_events;
	uint64_t first_seq; /* of this run, less one; the store continues the numbers: events_last() */
	unsigned telling;   /* running calls of events_tell(): a subscriber may emit */
	struct event_subscription *subscriptions;
};

/* An event that waits for its commit. */
struct event_pending {
	struct events *events;
	const struct event_info *info;
	struct json_object *event;
	char object_id[STORE_ID_SIZE]; /* "": none */
	bool is_alone;                 /* it does not belong to a change */
};

/* Keys sort as numbers. */
static void
seq_key(uint64_t seq, unsigned char ret[8])
{
	uint64_t be = htobe64(seq);

	memcpy(ret, &be, sizeof(be));
}

/* The number at the end of a key, of an event or of its index row. */
static uint64_t
seq_at_end(const void *key, size_t len)
{
	uint64_t be = 0;

	if (len >= sizeof(be))
		memcpy(&be, (const char *)key + len - sizeof(be), sizeof(be));
	return be64toh(be);
}

static uint64_t
seq_of_key(const struct buf *key)
{
	return seq_at_end(key->data, key->len);
}

/* --- the index by object --- */

static void
events_index_key(struct buf *ret, const char *object_id, uint64_t seq)
{
	unsigned char number[8];

	seq_key(seq, number);
	buf_reset(ret);
	buf_add_char(ret, 'o');
	buf_add(ret, object_id, strlen(object_id) + 1);
	buf_add(ret, number, sizeof(number));
}

/*
 * The object's id in the text of an event, without parsing it: event_make() puts "object" before the message, and
 * quotes inside a string are escaped. Return: whether the event is about an object.
 */
static bool
object_id_of(const struct buf *text, char ret[STORE_ID_SIZE])
{
	static const char object_mark[] = ",\"object\":{", id_mark[] = "\"id\":\"";
	const char *object = strstr(buf_str(text), object_mark);
	const char *message = strstr(buf_str(text), ",\"message\":");
	const char *id = object ? strstr(object, id_mark) : NULL;
	size_t len;

	if (!id || !message || id > message)
		return false;
	id += strlen(id_mark);
	len = strcspn(id, "\"");
	if (len == 0 || len >= STORE_ID_SIZE)
		return false;
	memcpy(ret, id, len);
	ret[len] = '\0';
	return true;
}

static void
index_put(struct store_txn *txn, const char *object_id, uint64_t seq)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	events_index_key(&key, object_id, seq);
	store_put(txn, STORE_INDEX, key.data, key.len, NULL, 0);
}

/* Removes an event and its row from the store. */
static void
event_del(struct store *store, struct store_txn *txn, uint64_t seq)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_buf_ struct buf row = BUF_INIT;
	unsigned char key[8];
	char id[STORE_ID_SIZE];

	seq_key(seq, key);
	if (store_get(store, STORE_EVENT, key, sizeof(key), &text, NULL) == 1 && object_id_of(&text, id)) {
		events_index_key(&row, id, seq);
		store_del(txn, STORE_INDEX, row.data, row.len);
	}
	store_del(txn, STORE_EVENT, key, sizeof(key));
}

/* Makes rows for the next events. Return: 1 there may be more, 0 the end, -1 failed. */
static int
index_some(struct store *store, struct buf *after)
{
	struct store_txn *txn = store_begin(store);
	_cleanup_buf_ struct buf text = BUF_INIT;
	char id[STORE_ID_SIZE];
	int rc = 1;

	for (int i = 0; rc == 1 && i < INDEX_AT_ONCE; i++) {
		rc = store_next(store, STORE_EVENT, after->data, after->len, true, after, &text, NULL);
		if (rc == 1 && object_id_of(&text, id))
			index_put(txn, id, seq_of_key(after));
	}
	return store_commit_now(store, txn, NULL) < 0 ? -1 : rc;
}

/* Done once for a store; retried at the next start if it fails. */
static void
index_upgrade(struct store *store)
{
	_cleanup_buf_ struct buf after = BUF_INIT;
	_cleanup_buf_ struct buf value = BUF_INIT;
	unsigned char from[8];
	int rc = 1;

	if (store_get(store, STORE_META, index_mark, strlen(index_mark), &value, NULL) != 0)
		return;
	seq_key(0, from);
	buf_add(&after, from, sizeof(from));
	while (rc == 1)
		rc = index_some(store, &after);
	if (rc == 0)
		store_put(store_begin(store), STORE_META, index_mark, strlen(index_mark), "1", 1);
}

static bool
take_seq(const void *key, size_t len, void *seq)
{
	*(uint64_t *)seq = seq_at_end(key, len);
	return false;
}

/*
 * The last number of an earlier run, found by bisection from the far end (keys are dense within the window). Uses only
 * keys, so that the number of a damaged event is not reused.
 */
static uint64_t
find_last_seq(struct store *store)
{
	static const struct buf no_end = BUF_INIT;
	_cleanup_buf_ struct buf from = BUF_INIT;
	uint64_t low = 0, high = UINT64_MAX >> 1, seq;

	while (low < high) {
		uint64_t mid = low + (high - low + 1) / 2;
		unsigned char k[8];

		seq_key(mid, k);
		buf_reset(&from);
		buf_add(&from, k, sizeof(k));
		if (store_walk_keys(store, STORE_EVENT, &from, false, &no_end, take_seq, &seq, NULL) == 1)
			low = seq > mid ? seq : mid;
		else
			high = mid - 1;
	}
	return low;
}

/* Events outside the window: it was larger earlier, or their removal failed. */
static void
events_trim(struct events *events)
{
	struct store_txn *txn = store_begin(events->store);
	_cleanup_buf_ struct buf key = BUF_INIT;
	unsigned char from[8];

	seq_key(0, from);
	buf_add(&key, from, sizeof(from));
	while (store_next(events->store, STORE_EVENT, key.data, key.len, true, &key, NULL, NULL) == 1 &&
		events_last(events) - seq_of_key(&key) >= events->max_events)
		event_del(events->store, txn, seq_of_key(&key));
}

struct events *
events_new(struct store *store, struct clock *clock, struct log *log, uint64_t max_events)
{
	struct events *events = xcalloc(1, sizeof(*events));

	events->store = store;
	events->clock = clock;
	events->log = log;
	events->max_events = max_events;
	events->first_seq = find_last_seq(store) - (uint64_t)store_counter(store, STORE_EVENT, 0);
	index_upgrade(store);
	events_trim(events);
	return events;
}

void
events_free(struct events *events)
{
	struct event_subscription *sub, *tmp;

	if (!events)
		return;
	DL_FOREACH_SAFE(events->subscriptions, sub, tmp) {
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
	return json_get_object(event, "object", &object, NULL) == 1 && json_get_string(object, "id", &id, NULL) == 1 &&
	       strcmp(id, sub->object_id) == 0;
}

static void
events_tell(struct events *events, struct json_object *event)
{
	struct event_subscription *sub, *tmp;

	events->telling++;
	DL_FOREACH(events->subscriptions, sub) {
		if (!sub->is_gone && concerns(sub, event))
			sub->fn(event, sub->arg);
	}
	if (--events->telling)
		return;
	DL_FOREACH_SAFE(events->subscriptions, sub, tmp) {
		if (!sub->is_gone)
			continue;
		DL_DELETE(events->subscriptions, sub);
		free(sub);
	}
}

/* --- logging --- */

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
event_log(struct events *events, const struct event_info *info, struct json_object *event)
{
	struct json_object *object = NULL, *data = NULL;
	const char *type = NULL, *id = NULL, *name = NULL, *problem = NULL, *message = NULL;

	json_get_string(event, "message", &message, NULL);
	if (json_get_object(event, "object", &object, NULL) == 1) {
		json_get_string(object, "type", &type, NULL);
		json_get_string(object, "id", &id, NULL);
		json_get_string(object, "name", &name, NULL);
	}
	if (json_get_object(event, "data", &data, NULL) == 1)
		json_get_string(data, "problem", &problem, NULL);

	const struct log_field fields[] = {
		{ "MESSAGE_ID", event_message_id(info) },
		{ "CERTD_EVENT", info->name },
		{ field_of_type(type), name },
		{ "CERTD_OBJECT_ID", id },
		{ "CERTD_PROBLEM", problem },
	};

	log_write(events->log, (enum log_level)info->level, fields, ARRAY_SIZE(fields), "%s%s%s", name ? name : "",
		name ? ": " : "", message ? message : "");
}

/* --- being durable --- */

/*
 * Success is logged when it is durable, because otherwise it has not happened. Failures are logged in any case, and so
 * are events without a change.
 */
static void
event_durable(const struct error *err, void *arg)
{
	struct event_pending *p = arg;

	if (!err || p->is_alone || p->info->level <= EVENT_WARNING)
		event_log(p->events, p->info, p->event);
	if (!err)
		events_tell(p->events, p->event);
	json_object_put(p->event);
	free(p);
}

/* --- making --- */

static struct json_object *
event_make(struct events *events, const struct event_info *info, const struct event_object *object,
	struct json_object *data, const char *message)
{
	struct json_object *event = json_object_new_object();

	json_add_int(event, "seq", (int64_t)events_last(events)); /* until it is stored */
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

/* store_hook_fn: numbers the event, and removes the oldest. */
static int
event_write(struct store_txn *additions, void *arg, struct error *err _unused_)
{
	struct event_pending *p = arg;
	struct events *events = p->events;
	_cleanup_buf_ struct buf text = BUF_INIT;
	unsigned char key[8];
	uint64_t seq;

	store_counter_add(additions, STORE_EVENT, 0, 1);
	seq = events_last(events);
	json_object_set_int64(json_object_object_get(p->event, "seq"), (int64_t)seq);
	json_write(p->event, &text);
	seq_key(seq, key);
	store_put(additions, STORE_EVENT, key, sizeof(key), text.data, text.len);
	if (p->object_id[0])
		index_put(additions, p->object_id, seq);
	if (seq > events->max_events)
		event_del(events->store, additions, seq - events->max_events);
	return 0;
}

static void
event_store(struct events *events, struct store_txn *txn, const struct event_info *info, const char *object_id,
	struct json_object *event)
{
	struct event_pending *p = xcalloc(1, sizeof(*p));

	p->is_alone = !txn;
	if (!txn) {
		txn = store_begin(events->store);
		store_relax(txn, ALONE_MS);
	}
	p->events = events;
	p->info = info;
	p->event = event;
	if (object_id && strlen(object_id) < STORE_ID_SIZE)
		strncpy(p->object_id, object_id, sizeof(p->object_id) - 1);
	store_at_commit(txn, event_write, p);
	store_then(txn, event_durable, p);
}

/* @data is taken. */
static void
events_emit(struct events *events, struct store_txn *txn, enum event_kind kind, const struct event_object *object,
	struct json_object *data, const char *message)
{
	const struct event_info *info = event_info(kind);
	_cleanup_free_ char *fault = event_data_fault(info, data);
	const char *text = object && object->name ? error_text_below(message, object->name) : message;
	_cleanup_free_ char *line = printable_line(text, strlen(text), EVENT_MESSAGE_MAX);
	struct json_object *event;

	if (fault) /* a defect of certd, which a system test finds in the log */
		log_error(events->log, "event %s", fault);
	event = event_make(events, info, object, data, line);
	if (event_is_transient(info)) {
		event_log(events, info, event);
		events_tell(events, event);
		json_object_put(event);
	} else {
		event_store(events, txn, info, object ? object->id : NULL, event);
	}
}

void
event_emit(struct events *events, struct store_txn *txn, enum event_kind kind, const struct event_object *object,
	struct json_object *data, const char *fmt, ...)
{
	_cleanup_free_ char *message = NULL;
	va_list ap;

	va_start(ap, fmt);
	message = xvasprintf(fmt, ap);
	va_end(ap);
	events_emit(events, txn, kind, object, data, message);
}

struct json_object *
event_error_data(const struct error *err)
{
	struct json_object *data = json_object_new_object();

	json_add_string(data, "code", error_code_name(err->code));
	json_add_string(data, "field", err->field);
	json_add_string(data, "problem", err->problem);
	json_add_time(data, "retryAt", err->retry_at);
	json_add_string(data, "message", err->message);
	return data;
}

void
event_emit_error(struct events *events, struct store_txn *txn, enum event_kind kind, const struct event_object *object,
	const struct error *err, const char *fmt, ...)
{
	_cleanup_free_ char *message = NULL;
	va_list ap;

	va_start(ap, fmt);
	message = xvasprintf(fmt, ap);
	va_end(ap);
	events_emit(events, txn, kind, object, event_error_data(err), message);
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
		sub->is_gone = true;
		return;
	}
	DL_DELETE(sub->events->subscriptions, sub);
	free(sub);
}

uint64_t
events_last(const struct events *events)
{
	return events->first_seq + (uint64_t)store_counter(events->store, STORE_EVENT, 0);
}

/* Appends the event; a damaged or missing one does not hide others. */
static void
events_list_add(struct json_object *list, const struct buf *text)
{
	struct json_object *event = json_parse(text->data, text->len, NULL);

	if (event)
		json_object_array_add(list, event);
}

static int
list_all(struct events *events, uint64_t after, size_t limit, struct json_object *list, struct error *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	unsigned char from[8];
	int found = 1;

	seq_key(after, from);
	buf_add(&key, from, sizeof(from));
	while (found == 1 && json_object_array_length(list) < limit) {
		found = store_next(events->store, STORE_EVENT, key.data, key.len, true, &key, &text, err);
		if (found == 1)
			events_list_add(list, &text);
	}
	return found < 0 ? -1 : 0;
}

/* Numbers of one object's events. */
struct numbers {
	uint64_t *items; /* owned; room for @limit */
	size_t count, limit;
};

static bool
take_number(const void *key, size_t len, void *arg)
{
	struct numbers *n = arg;

	n->items[n->count++] = seq_at_end(key, len);
	return n->count < n->limit;
}

/* The first ones after @after. */
static int
numbers_after(struct store *store, const char *object_id, uint64_t after, struct numbers *n, struct error *err)
{
	_cleanup_buf_ struct buf from = BUF_INIT;
	_cleanup_buf_ struct buf end = BUF_INIT;

	events_index_key(&from, object_id, after);
	events_index_key(&end, object_id, UINT64_MAX);
	return store_walk_keys(store, STORE_INDEX, &from, true, &end, take_number, n, err);
}

/* The last ones, in ascending order. */
static int
numbers_last(struct store *store, const char *object_id, struct numbers *n, struct error *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	size_t prefix = 1 + strlen(object_id) + 1;
	int found = 1;

	events_index_key(&key, object_id, UINT64_MAX);
	while (n->count < n->limit) {
		found = store_prev(store, STORE_INDEX, key.data, key.len, &key, NULL, err);
		if (found != 1 || key.len != prefix + 8 || memcmp(key.data + 1, object_id, prefix - 1) != 0)
			break;
		n->items[n->count++] = seq_of_key(&key);
	}
	for (size_t i = 0; i < n->count / 2; i++) {
		uint64_t last = n->items[n->count - 1 - i];

		n->items[n->count - 1 - i] = n->items[i];
		n->items[i] = last;
	}
	return found < 0 ? -1 : 0;
}

static int
list_of_object(struct events *events, const char *object_id, int64_t after, size_t limit, struct json_object *list,
	struct error *err)
{
	_cleanup_free_ uint64_t *items = xcalloc(limit, sizeof(*items));
	struct numbers n = { .items = items, .limit = limit };
	int rc;

	if (strlen(object_id) >= STORE_ID_SIZE)
		return 0; /* no object has such an id */
	rc = after < 0 ? numbers_last(events->store, object_id, &n, err)
		       : numbers_after(events->store, object_id, (uint64_t)after, &n, err);
	for (size_t i = 0; rc >= 0 && i < n.count; i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		unsigned char key[8];

		seq_key(n.items[i], key);
		if (store_get(events->store, STORE_EVENT, key, sizeof(key), &text, NULL) == 1)
			events_list_add(list, &text);
	}
	return rc < 0 ? -1 : 0;
}

struct json_object *
events_list(struct events *events, const char *object_id, int64_t after, size_t limit, struct error *err)
{
	struct json_object *list = json_object_new_array();
	uint64_t start = after >= 0 ? (uint64_t)after : 0;
	int rc;

	if (after < 0 && events_last(events) > limit)
		start = events_last(events) - limit;
	rc = object_id ? list_of_object(events, object_id, after, limit, list, err)
		       : list_all(events, start, limit, list, err);
	if (rc == 0)
		return list;
	json_object_put(list);
	return NULL;
}
