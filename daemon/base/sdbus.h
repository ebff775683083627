/*
 * daemon/base/sdbus.h: runs units of the service manager over D-Bus. Nothing waits: every call is answered from the
 * loop. There is one connection for all jobs, which is opened by the first and closed after the last.
 *
 * A oneshot unit is started; any other is reloaded, or restarted if it cannot be reloaded, and left alone if it does
 * not run. A run that has already begun, for whomever, may have read the files too early: it is waited for, and then
 * follows another. When the connection or the service manager goes away in the middle, the job begins again, which
 * does no harm to a unit that may be run twice.
 */
#ifndef DAEMON_BASE_SDBUS_H
#define DAEMON_BASE_SDBUS_H

#include <stdint.h>

struct error;
struct loop;
struct sdbus;
struct unit_job;

/* @loop: borrowed. Return: owned by the caller; it does not connect yet. */
struct sdbus *
sdbus_new(struct loop *loop);

/* Cancels all jobs. NULL is a no-op. */
void
sdbus_free(struct sdbus *bus);

/*
 * Called once, from the loop, never from inside unit_job_start(). @err: NULL if the unit's job succeeded; borrowed.
 * ERROR_HOOK: it failed; the text has the unit's status text, else its result. ERROR_NOT_FOUND, ERROR_STATE: there is
 * no such unit, it is masked or cannot be loaded. ERROR_DENIED: certd may not run it. ERROR_UNAVAILABLE: no D-Bus, or
 * no service manager on it. ERROR_TIMEOUT.
 */
typedef void
unit_job_done_fn(const struct error *err, void *arg);

/*
 * unit_job_start() - run or reload the unit @name
 * @timeout_ms: for all of it; what runs then is not stopped
 * Return: handle, valid until @done is called or unit_job_cancel().
 */
struct unit_job *
unit_job_start(struct sdbus *bus, const char *name, int64_t timeout_ms, unit_job_done_fn *done, void *arg);

/* @done is not called; the unit is not stopped. NULL is a no-op. */
void
unit_job_cancel(struct unit_job *job);

/* Is @name that of a service, e.g. "certd-reload-app.service"? ERROR_INVALID. Return: 0 or -1. */
int
unit_name_check(const char *name, struct error *err);

#endif
