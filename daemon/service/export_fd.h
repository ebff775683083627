/*
 * daemon/service/export_fd.h: calls that a worker answers by writing secrets to a descriptor that the caller passed:
 * certificate.export, provider.export and server.backup.
 */
#ifndef DAEMON_SERVICE_EXPORT_FD_H
#define DAEMON_SERVICE_EXPORT_FD_H

#include "daemon/report/events.h"
#include "daemon/service/call.h"

/*
 * May a worker write to @fd (borrowed; -1: none was passed) without hanging? Else ERROR_INVALID. @method: for the
 * message
 */
int
export_fd_check(int fd, const char *method, struct error *err);

/* The beginning of a call's own data, which outlives the connection. */
struct export_work {
	const struct export_kind *kind;
	struct call *call;
	struct service *service;
	int fd; /* owned */
	struct error error;
};

struct export_kind {
	size_t size; /* of the call's own data */
	/* Checks the call, and ends with export_record() or export_write(). Return: 0 or -1. */
	int (*begin)(struct export_work *work, struct json_object *params, struct error *err);
	void (*run)(struct export_work *work); /* on a worker; a failure is work->error */
	struct json_object *(*result)(struct export_work *work);
	void (*clear)(struct export_work *work); /* of all but the common part */
};

/* The body of such a method: see service_fn. */
int
export_start(const struct export_kind *kind, struct call *call, struct json_object *params, struct error *err);

/* The data of the event: who asks. Owned by the caller. */
struct json_object *
export_event_data(const struct export_work *work);

/*
 * Emits an event and adds a record to the audit log. The worker begins when they are durable, before the first octet
 * is written. @object: NULL: the server. @data: taken.
 */
void
export_record(struct export_work *work, enum event_kind event, const struct event_object *object,
	struct json_object *data, const char *fmt, ...) _printf_(5, 6);

/* The worker begins at once. */
void
export_write(struct export_work *work);

/* On a worker. Return: 0 or -1. */
int
export_fd_write(int fd, const struct secret *octets, struct error *err);

#endif
