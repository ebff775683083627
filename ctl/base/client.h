/* ctl/base/client.h: a connection to certd's control socket; one call at a time, events in between. */
#ifndef CTL_BASE_CLIENT_H
#define CTL_BASE_CLIENT_H

#include "common/json.h"

struct client;
struct error;

enum { CLIENT_CALL_MS = 30 * 1000 }; /* a change waits for one commit; all else is immediate */

/*
 * client_open() - connect
 * ERROR_UNAVAILABLE: certd is not there, with how to start it; ERROR_DENIED: with which group may.
 * Return: owned by the caller, or NULL.
 */
struct client *
client_open(const char *path, struct error *err);

/* NULL is a no-op. */
void
client_close(struct client *client);

/*
 * client_call() - call a method and wait for its answer; notifications that come before it are kept
 * @params: taken; NULL: none
 * @ret: owned by the caller
 * @timeout_ms: 0 is CLIENT_CALL_MS
 */
int
client_call(struct client *client, const char *method, struct json_object *params, int64_t timeout_ms,
	struct json_object **ret, struct error *err);

/* client_call() with a descriptor that certd gets a copy of; borrowed. */
int
client_call_passing(struct client *client, const char *method, struct json_object *params, int fd,
	struct json_object **ret, struct error *err);

/*
 * client_event() - the next event that was subscribed to
 * @interrupt_fd: readable ends the wait (signalfd); -1: none
 * @ret: owned by the caller
 * Return: 1 and the event, 0 time is over or interrupted, -1 failed.
 */
int
client_event(struct client *client, int interrupt_fd, int64_t timeout_ms, struct json_object **ret, struct error *err);

#endif
