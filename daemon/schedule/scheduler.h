/*
 * daemon/schedule/scheduler.h: runs what is due. Arms the loop's one wall timer for the earliest row of a lane that has
 * room, starts it, and looks again when something ends. What the work is, the kinds of jobs say that were registered.
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
	int64_t build_at; /* UNIX seconds: no date before it is believed */
};

/* Nothing runs before scheduler_kick(). */
struct scheduler *
scheduler_new(const struct scheduler_config *config);

/* Cancels all work; records stay as they are. NULL is a no-op. */
void
scheduler_free(struct scheduler *scheduler);

/* @kind, @env: borrowed. Rows of a kind that nobody registered stay as they are. */
void
scheduler_register(struct scheduler *scheduler, const struct job_kind *kind, void *env);

/* NULL: nobody registered it. */
const struct job_kind *
scheduler_kind(const struct scheduler *scheduler, enum schedule_kind kind);

/* Does a row of any kind wait because its work failed? Costs nothing. */
bool
scheduler_has_troubles(const struct scheduler *scheduler);

/* The kind's describe_trouble(). Return: false when the row does not wait because of a failure. */
bool
scheduler_describe_trouble(const struct scheduler *scheduler, const struct schedule_row *row, struct job_trouble *ret);

/* The kind's after_clock_change(): when @row is due by the clock of @now. UNIX seconds. */
int64_t
scheduler_due_after_clock_change(const struct scheduler *scheduler, const struct schedule_row *row, int64_t now);

/* Look at the schedule at the end of this turn, as every schedule_set() has it done. Cheap. */
void
scheduler_kick(struct scheduler *scheduler);

/* What start() returned for the job that is under way, or NULL. Borrowed. */
void *
scheduler_work(const struct scheduler *scheduler, enum schedule_kind kind, const char *object);

/* How many jobs of @kind are under way. */
unsigned
scheduler_running(const struct scheduler *scheduler, enum schedule_kind kind);

/* Stops the job if it is under way. Its row, if it stays, is looked at again. */
void
scheduler_cancel(struct scheduler *scheduler, enum schedule_kind kind, const char *object);

struct scheduler_stats {
	unsigned running;         /* jobs of all kinds */
	int64_t next_at;          /* earliest row; INT64_MAX none */
	bool store_fails;         /* nothing is started until the store takes a trial record */
	bool is_waiting_for_date; /* the date is not believed: only what needs none is run */
};

void
scheduler_get_stats(const struct scheduler *scheduler, struct scheduler_stats *ret);

#endif
