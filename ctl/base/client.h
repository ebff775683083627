/* ctl/base/client.h: a connection to certd's control socket; calls, and events in between. */
#ifndef CTL_BASE_CLIENT_H
#define CTL_BASE_CLIENT_H

#include "common/json.h"

struct client;
struct error;

enum { CLIENT_CALL_MS = 30 * 1000 }; /* a change waits for one commit; all other calls are immediate */

/*
 * client_open() - connect
 * ERROR_UNAVAILABLE: certd is not running; the message says how to start it. ERROR_DENIED: the message names the group.
 * Return: owned by the caller, or NULL.
 */
struct client *
client_open(const char *path, struct error *err);

/* NULL is a no-op. */
void
client_close(struct client *client);

/*
 * client_call() - call a method and wait for its answer; notifications received before it are queued
 * @params: taken; NULL: none
 * @ret: owned by the caller
 * @timeout_ms: 0 means CLIENT_CALL_MS
 */
int
client_call(struct client *client, const char *method, struct json_object *params, int64_t timeout_ms,
	struct json_object **ret, struct error *err);

/* client_call() that also passes a descriptor to certd; borrowed. */
int
client_call_passing(struct client *client, const char *method, struct json_object *params, int fd, int64_t timeout_ms,
	struct json_object **ret, struct error *err);

enum { CLIENT_CALLS_AT_ONCE = 16 };

/* @result: NULL when the call failed with @err; both borrowed. Return: 0, or -1 to end with @err, which it may fill. */
typedef int
client_answer_fn(size_t index, struct json_object *result, struct error *err, void *arg);

/*
 * client_calls() - call a method for each of the array @params, CLIENT_CALLS_AT_ONCE at the same time
 * @answer: called in the order of @params
 * Return: 0, or -1: the connection failed, no answer came within CLIENT_CALL_MS, or @answer ended it.
 */
int
client_calls(struct client *client, const char *method, struct json_object *params, client_answer_fn *answer, void *arg,
	struct error *err);

/*
 * client_event() - wait for the next subscribed event
 * @interrupt_fd: the wait ends when it is readable (signalfd); -1: none
 * @ret: owned by the caller
 * Return: 1 and the event, 0 timed out or interrupted, -1 failed.
 */
int
client_event(struct client *client, int interrupt_fd, int64_t timeout_ms, struct json_object **ret, struct error *err);

/*
 * Forgets the events received so far. After a call: those that certd stored before it, because a connection carries
 * events and answers in the order in which they became durable.
 */
void
client_drop_events(struct client *client);

#endif
