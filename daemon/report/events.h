/*
 * daemon/report/events.h: the stream of events. An event is stored (STORE_EVENT, the last max_events are kept), logged
 * with journal fields, and passed to subscribers once it is durable. Kinds and levels: common/api/event.h. Progress
 * events go to subscribers and are logged at debug level, but not stored.
 */
#ifndef DAEMON_REPORT_EVENTS_H
#define DAEMON_REPORT_EVENTS_H

#include "common/api/event.h"
#include "common/json.h"
#include "daemon/store/object.h"

struct clock;
struct events;
struct log;

/* All borrowed; must outlive it. */
struct events *
events_new(struct store *store, struct clock *clock, struct log *log, uint64_t max_events);

void
events_free(struct events *events);

/* The object of an event; any member may be NULL. Borrowed for the call. */
struct event_object {
	const char *type; /* "autocertificate" */
	const char *id;
	const char *name;
};

/*
 * event_emit() - emit an event
 * @txn: the change it belongs to, so that both are durable or neither; NULL: none
 * @data: details as a JSON object, taken; or NULL
 */
void
event_emit(struct events *events, struct store_txn *txn, enum event_kind kind, const struct event_object *object,
	struct json_object *data, const char *fmt, ...) _printf_(6, 7);

/* @err as the data of an event; owned by the caller, who may add members. */
struct json_object *
event_error_data(const struct error *err);

/* event_emit() whose data is @err: {code, field, problem, retryAt, message}. */
void
event_emit_error(struct events *events, struct store_txn *txn, enum event_kind kind, const struct event_object *object,
	const struct error *err, const char *fmt, ...) _printf_(6, 7);

/* {seq, time, level, kind, object{type, id, name}, message, data}; borrowed for the call. */
typedef void
event_fn(struct json_object *event, void *arg);

struct event_subscription;

/* @object_id: only events about that object; NULL: all. */
struct event_subscription *
events_subscribe(struct events *events, const char *object_id, event_fn *fn, void *arg);

/* NULL is a no-op. */
void
events_unsubscribe(struct event_subscription *subscription);

/*
 * Stored events with seq > @after, oldest first, at most @limit; @object_id NULL: all. @after < 0: the last @limit.
 * Return: a JSON array owned by the caller, or NULL.
 */
struct json_object *
events_list(struct events *events, const char *object_id, int64_t after, size_t limit, struct error *err);

/* Sequence number of the last event that is durable. */
uint64_t
events_last(const struct events *events);

#endif
