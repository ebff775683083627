/*
 * daemon/schedule/job.h: a kind of scheduled work. The folder that owns the work describes it in one struct job_kind and
 * registers it with the scheduler, which knows nothing else about it.
 */
#ifndef DAEMON_SCHEDULE_JOB_H
#define DAEMON_SCHEDULE_JOB_H

#include "common/error.h"
#include "daemon/schedule/schedule.h"

struct record_class;
struct scheduler;

enum {
	JOB_CLASSES_MAX = 2,
	JOB_LANE_ROOM = 32, /* jobs at once in a lane, where the kind does not say */
};

/* Why a row is tried again. */
struct job_trouble {
	const char *type; /* of the object: "autocertificate", ... */
	char *name;       /* of the object; owned */
	struct error why; /* owned */
};

/* @env is what the kind was registered with. Functions that are NULL do nothing. */
struct job_kind {
	enum schedule_kind kind;
	const char *word; /* in schedule.list and in troubles */
	/* What the row's object may be, as an operator knows it; none: only certd knows it. */
	const struct record_class *classes[JOB_CLASSES_MAX];
	bool needs_date;             /* a wrong date would spoil it: it waits while the clock is suspect */
	enum schedule_kind excludes; /* another kind that does not run for the same object at the same time; or 0 */

	/*
	 * Begins the work of @row (borrowed). @done: once, from the loop, never from inside start(); the work moved or
	 * removed its row before that, and what start() returned is free then.
	 * Return: the work, for cancel() and scheduler_work(); may be NULL.
	 */
	void *(*start)(void *env, const struct schedule_row *row, schedule_done_fn *done, void *arg);
	/* Stops what start() returned, which is not NULL. The row stays as it is; done is not called. */
	void (*cancel)(void *work);
	/*
	 * How many jobs may run in @lane at once; 0: none at present, and scheduler_kick() follows when that changes.
	 * NULL: the lane has the usual room. -1 with @err: not known.
	 */
	int64_t (*lane_room)(void *env, const char *lane, struct error *err);
	/*
	 * The clock was set, and @row may have been put while it was wrong: when is it due, by the clock of @now? Often
	 * job_due_within(). What repeats the due time in a record is saved, too.
	 */
	int64_t (*after_clock_change)(void *env, const struct schedule_row *row, int64_t now);
	/* How many rows wait because their work failed: a stored number, nothing is walked. NULL: none ever does. */
	int64_t (*count_troubles)(void *env);
	/* Does @row wait because its work failed? Fills @ret then. With count_troubles(). */
	bool (*describe_trouble)(void *env, const struct schedule_row *row, struct job_trouble *ret);
};

/* @type: borrowed, static; @name, @why: copied. */
void
job_trouble_set(struct job_trouble *trouble, const char *type, const char *name, const struct error *why);

void
job_trouble_clear(struct job_trouble *trouble);

/* Pure: the row's due time, or a moment within the next minutes if it is due later than @longest_sec from @now. */
int64_t
job_due_within(const struct schedule_row *row, int64_t now, int64_t longest_sec);

/*
 * job_end_with() - the whole work was to fill @txn: calls @done when it is committed
 * Return: the work, for job_commit_cancel(); free when @done was called.
 */
struct job_commit *
job_end_with(struct store *store, struct store_txn *txn, schedule_done_fn *done, void *arg);

/* A job_kind's cancel(). @work: struct job_commit. */
void
job_commit_cancel(void *work);

#endif
