/* daemon/base/sdbus_private.h: shared by sdbus.c and sdbus_job.c. */
#ifndef DAEMON_BASE_SDBUS_PRIVATE_H
#define DAEMON_BASE_SDBUS_PRIVATE_H

#include "common/alloc.h"
#include "common/error.h"
#include "daemon/base/loop.h"
#include "daemon/base/sdbus.h"

#include <systemd/sd-bus.h>

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"

struct sdbus {
	struct loop *loop;
	sd_bus *bus; /* NULL: not connected */
	struct loop_fd *watch;
	int watched_fd;
	struct loop_timer timer;  /* sd-bus's own deadlines; zero: data is waiting */
	struct loop_timer linger; /* closes the connection after the last job */
	char *owner;              /* unique name of the service manager; NULL: not known, or gone */
	struct unit_job *jobs;    /* list */
};

/* Connects, unless it is connected. Return: 0 or -1. */
int
sdbus_connect(struct sdbus *bus, struct error *err);

/* Sends what was queued, and waits for answers. After every call of sd-bus. */
void
sdbus_arm(struct sdbus *bus);

/* There is one job fewer. */
void
sdbus_job_left(struct sdbus *bus);

/* Does the answer say that the connection or the service manager has gone? */
bool
sdbus_is_loss(const sd_bus_error *error);

/* --- sdbus_job.c --- */

/* The connection, or the service manager, has gone: the job begins again. @why: borrowed. */
void
unit_job_lost(struct unit_job *job, const struct error *why);

/* The service manager's job @path has ended. */
void
unit_job_removed(struct unit_job *job, const char *path, const char *result);

struct unit_job *
unit_job_next(const struct unit_job *job);

#endif
