/*
 * daemon/startup.h: readiness of the files. After the store is open and requests are answered, one time-sliced pass
 * checks whether the drop of every auto-certificate is the one that was rolled out (a drop root on tmpfs is empty after
 * a boot), has missing ones written, and then reports so. A drop that cannot be written does not hold it up.
 *
 * The pass is repeated while certd runs. Then it compares the contents of all files, and reports what was changed by
 * others. At the start it only does so for the directories of consumers.
 */
#ifndef DAEMON_STARTUP_H
#define DAEMON_STARTUP_H

#include "daemon/rollout/rollout.h"
#include "daemon/schedule/scheduler.h"

struct startup;

struct startup_env {
	struct loop *loop; /* all borrowed */
	struct store *store;
	struct events *events;
	struct drops *drops;
	struct rollout *rollout;
	struct scheduler *scheduler;
	bool is_repeated; /* not at the start */
};

/* Called once, from the loop; the pass is then freed. @rewritten: drops that had to be written. */
typedef void
startup_done_fn(size_t rewritten, void *arg);

struct startup *
startup_begin(const struct startup_env *env, startup_done_fn *done, void *arg);

/* NULL is a no-op. */
void
startup_cancel(struct startup *startup);

#endif
