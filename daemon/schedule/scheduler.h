/*
 * daemon/schedule/scheduler.h: runs due work. Arms the loop's wall timer for the earliest row of a lane that has room,
 * starts its work, and looks again when something ends. The registered kinds of jobs implement the work.
 */
#ifndef DAEMON_SCHEDULE_SCHEDULER_H
#define DAEMON_SCHEDULE_SCHEDULER_H

#include "daemon/schedule/job.h"

struct events;
struct loop;

struct scheduler_config {
	struct loop *loop; /* all borrowed */
	struct store *store;
	struct events *events;
	int64_t build_at; /* UNIX seconds: earlier dates are not trusted */
};

/* Nothing runs before scheduler_kick(). */
struct scheduler *
scheduler_new(const struct scheduler_config *config);

/* Cancels all work; records stay as they are. NULL is a no-op. */
void
scheduler_free(struct scheduler *scheduler);

/* @kind, @env: borrowed. Rows of an unregistered kind stay unchanged. */
void
scheduler_register(struct scheduler *scheduler, const struct job_kind *kind, void *env);

/* NULL: not registered. */
const struct job_kind *
scheduler_kind(const struct scheduler *scheduler, enum schedule_kind kind);

/* Does a row of any kind wait after a failure? Reads a counter. */
bool
scheduler_has_troubles(const struct scheduler *scheduler);

/* The kind's count_troubles(): the rows that wait after a failure. -1: none ever does. */
int64_t
scheduler_count_troubles(const struct scheduler *scheduler, enum schedule_kind kind);

/* The kind's describe_trouble(). Return: false when the row does not wait after a failure. */
bool
scheduler_describe_trouble(const struct scheduler *scheduler, const struct schedule_row *row, struct job_trouble *ret);

/* The kind's after_clock_change(): the due time of @row by the clock of @now. UNIX seconds. */
int64_t
scheduler_due_after_clock_change(const struct scheduler *scheduler, const struct schedule_row *row, int64_t now);

/* Starts a pass at the end of this turn; every schedule_set() does so too. Cheap. */
void
scheduler_kick(struct scheduler *scheduler);

/* The result of start() for a running job, or NULL. Borrowed. */
void *
scheduler_work(const struct scheduler *scheduler, enum schedule_kind kind, const char *object);

/* The number of running jobs of @kind. */
unsigned
scheduler_running(const struct scheduler *scheduler, enum schedule_kind kind);

/* Stops the job if it is running. Its row, if it remains, is considered again. */
void
scheduler_cancel(struct scheduler *scheduler, enum schedule_kind kind, const char *object);

struct scheduler_stats {
	unsigned running;         /* jobs of all kinds */
	int64_t next_at;          /* earliest row; INT64_MAX none */
	bool is_store_failing;    /* nothing is started until the store accepts a trial record */
	bool is_waiting_for_date; /* the clock is suspect: only date-independent work runs */
};

void
scheduler_get_stats(const struct scheduler *scheduler, struct scheduler_stats *ret);

#endif
