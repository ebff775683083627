/*
 * The connection to the system's message bus, on the loop.
 *
 * The service manager is known by its unique name: any program may send a signal directly, so those of others are
 * ignored.
 */
#include "daemon/base/sdbus_private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	MESSAGES_MAX = 32,       /* of one turn of the loop */
	LINGER_MS = 5000,        /* a connection without jobs is closed after that */
	CALL_USEC = 30 * 1000000 /* for one answer */
};

struct sdbus *
sdbus_new(struct loop *loop)
{
	struct sdbus *b = xcalloc(1, sizeof(*b));

	b->loop = loop;
	b->watched_fd = -1;
	return b;
}

static void
sdbus_close(struct sdbus *b)
{
	loop_timer_cancel(&b->timer);
	loop_timer_cancel(&b->linger);
	loop_fd_free(b->watch);
	b->watch = NULL;
	b->watched_fd = -1;
	free(b->owner);
	b->owner = NULL;
	if (b->bus) {
		sd_bus_close(b->bus); /* does not flush, which would wait */
		sd_bus_unref(b->bus);
		b->bus = NULL;
	}
}

void
sdbus_free(struct sdbus *b)
{
	if (!b)
		return;
	while (b->jobs)
		unit_job_cancel(b->jobs);
	sdbus_close(b);
	free(b);
}

/* All jobs begin again. One may end by that, and with it begin others. */
static void
sdbus_lost(struct sdbus *b, const struct error *why)
{
	struct unit_job *job, *next;

	for (job = b->jobs; job; job = next) {
		next = unit_job_next(job);
		unit_job_lost(job, why);
	}
}

static void
sdbus_process(void *arg)
{
	struct sdbus *b = arg;
	_cleanup_error_ struct error why = ERROR_INIT;
	int rc = 1;

	for (int i = 0; i < MESSAGES_MAX && rc > 0; i++)
		rc = sd_bus_process(b->bus, NULL);
	if (rc >= 0) {
		sdbus_arm(b);
		if (rc > 0)
			loop_timer_set(&b->timer, 0);
		return;
	}
	error_set_errno(&why, -rc, "the connection to D-Bus was lost");
	why.code = ERROR_UNAVAILABLE;
	sdbus_close(b);
	sdbus_lost(b, &why);
}

static void
sdbus_on_fd(int fd _unused_, short what _unused_, void *arg)
{
	sdbus_process(arg);
}

void
sdbus_arm(struct sdbus *b)
{
	int fd = sd_bus_get_fd(b->bus);
	int events = sd_bus_get_events(b->bus);
	uint64_t due_us = UINT64_MAX;
	short what = (short)((events > 0 && events & POLLIN ? LOOP_READ : 0) |
			     (events > 0 && events & POLLOUT ? LOOP_WRITE : 0));

	if (fd >= 0 && fd != b->watched_fd) {
		loop_fd_free(b->watch);
		b->watch = loop_fd_new(b->loop, fd, what, sdbus_on_fd, b);
		b->watched_fd = fd;
	} else if (fd >= 0) {
		loop_fd_set(b->watch, what);
	}
	/* The time is absolute, by the monotonic clock: 0 is "now". */
	if (fd < 0 || events < 0 || sd_bus_get_timeout(b->bus, &due_us) < 0 || due_us == 0) {
		loop_timer_set(&b->timer, 0);
	} else if (due_us == UINT64_MAX) {
		loop_timer_cancel(&b->timer);
	} else {
		struct timespec ts;
		int64_t now_us;

		clock_gettime(CLOCK_MONOTONIC, &ts);
		now_us = (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
		loop_timer_set(&b->timer, (int64_t)due_us > now_us ? ((int64_t)due_us - now_us) / 1000 + 1 : 0);
	}
}

bool
sdbus_is_loss(const sd_bus_error *error)
{
	static const char *const names[] = { SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_DISCONNECTED,
		SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_SERVICE_UNKNOWN };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (sd_bus_error_has_name(error, names[i]))
			return true;
	return false;
}

/* --- the service manager --- */

static bool
is_from_manager(const struct sdbus *b, sd_bus_message *m)
{
	const char *sender = sd_bus_message_get_sender(m);

	return sender && b->owner && strcmp(sender, b->owner) == 0;
}

static int
on_job_removed(sd_bus_message *m, void *arg, sd_bus_error *error _unused_)
{
	struct sdbus *b = arg;
	const char *path, *unit, *result;
	struct unit_job *job, *next;
	uint32_t id;

	if (!is_from_manager(b, m) || sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0)
		return 0;
	for (job = b->jobs; job; job = next) {
		next = unit_job_next(job);
		unit_job_removed(job, path, result);
	}
	return 0;
}

/* It may have been executed anew, with all its jobs, or be another one: what was going on is asked for again. */
static int
on_owner_changed(sd_bus_message *m, void *arg, sd_bus_error *error _unused_)
{
	struct sdbus *b = arg;
	const char *name, *before, *after;
	_cleanup_error_ struct error why = ERROR_INIT;

	if (sd_bus_message_read(m, "sss", &name, &before, &after) < 0 || strcmp(name, SYSTEMD_NAME) != 0)
		return 0;
	str_replace(&b->owner, *after ? after : NULL);
	if (*after)
		sd_bus_call_method_async(
			b->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "Subscribe", NULL, NULL, NULL);
	error_set(&why, ERROR_UNAVAILABLE, "systemd left D-Bus");
	sdbus_lost(b, &why);
	return 0;
}

static int
on_owner(sd_bus_message *m, void *arg, sd_bus_error *error _unused_)
{
	struct sdbus *b = arg;
	const char *owner;

	if (!sd_bus_message_is_method_error(m, NULL) && sd_bus_message_read(m, "s", &owner) >= 0)
		str_replace(&b->owner, owner);
	return 0;
}

/* Answers to these are in order: the owner is known before the first job can end. */
static int
sdbus_greet(struct sdbus *b)
{
	int rc = sd_bus_set_method_call_timeout(b->bus, CALL_USEC);

	if (rc >= 0)
		rc = sd_bus_add_match_async(b->bus, NULL,
			"type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
			"interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" SYSTEMD_NAME "'",
			on_owner_changed, NULL, b);
	if (rc >= 0)
		rc = sd_bus_match_signal_async(b->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "JobRemoved",
			on_job_removed, NULL, b);
	if (rc >= 0)
		rc = sd_bus_call_method_async(b->bus, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus",
			"org.freedesktop.DBus", "GetNameOwner", on_owner, b, "s", SYSTEMD_NAME);
	if (rc >= 0) /* without it systemd sends no signals */
		rc = sd_bus_call_method_async(
			b->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "Subscribe", NULL, NULL, NULL);
	return rc;
}

static void
sdbus_on_linger(void *arg)
{
	sdbus_close(arg);
}

int
sdbus_connect(struct sdbus *b, struct error *err)
{
	int rc;

	loop_timer_cancel(&b->linger);
	if (b->bus)
		return 0;
	loop_timer_init(&b->timer, b->loop, sdbus_process, b);
	loop_timer_init(&b->linger, b->loop, sdbus_on_linger, b);
	rc = sd_bus_open_system(&b->bus);
	if (rc >= 0)
		rc = sdbus_greet(b);
	if (rc < 0) {
		sdbus_close(b);
		error_set_errno(err, -rc, "cannot connect to the system's D-Bus");
		if (err)
			err->code = ERROR_UNAVAILABLE;
		return -1;
	}
	sdbus_arm(b);
	return 0;
}

void
sdbus_job_left(struct sdbus *b)
{
	if (b->bus && !b->jobs)
		loop_timer_set(&b->linger, LINGER_MS);
}
