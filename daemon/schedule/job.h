/*
 * daemon/schedule/job.h: a kind of scheduled work. The folder that owns the work describes it in a struct job_kind and
 * registers it with the scheduler, which knows no more about it.
 */
#ifndef DAEMON_SCHEDULE_JOB_H
#define DAEMON_SCHEDULE_JOB_H

#include "common/error.h"
#include "daemon/schedule/schedule.h"

struct events;
struct record_class;
struct scheduler;

enum {
	JOB_CLASSES_MAX = 2,
	JOB_LANE_ROOM = 32, /* jobs at once in a lane, where the kind does not say */
};

/* Why a row is retried. */
struct job_trouble {
	const char *type; /* of the object: "autocertificate", ... */
	char *name;       /* of the object; owned */
	struct error why; /* owned */
};

/* @env is the pointer that the kind was registered with. Functions that are NULL do nothing. */
struct job_kind {
	enum schedule_kind kind;
	const char *word; /* in schedule.list and in the list of failures */
	/* The type of the row's object in the API; none: it is internal to certd. */
	const struct record_class *classes[JOB_CLASSES_MAX];
	const char *subject;         /* what an internal row is about, for people; NULL: the row's id */
	bool needs_date;             /* a wrong date would harm it: it waits while the clock is suspect */
	enum schedule_kind excludes; /* another kind that must not run for the same object at the same time; or 0 */

	/*
	 * Starts the work of @row (borrowed). @done: once, from the loop, never from inside start(). Before calling it,
	 * the work has moved or removed its row, and released what start() returned.
	 * Return: the work, for cancel() and scheduler_work(); may be NULL.
	 */
	void *(*start)(void *env, const struct schedule_row *row, schedule_done_fn *done, void *arg);
	/* Stops the work that start() returned (not NULL). The row stays unchanged; done is not called. */
	void (*cancel)(void *work);
	/*
	 * How many jobs may run in @lane at once; 0: none for now, and scheduler_kick() follows when that changes.
	 * NULL: the default. -1 with @err: unknown.
	 */
	int64_t (*lane_room)(void *env, const char *lane, struct error *err);
	/* No job starts in @lane before this time (UNIX seconds; 0: open). NULL: always open. */
	int64_t (*lane_opens_at)(void *env, const char *lane);
	/*
	 * The clock was set, and @row may have been put while it was wrong. Returns its due time by the clock of @now.
	 * If a record repeats the due time, this function saves the record too.
	 */
	int64_t (*after_clock_change)(void *env, const struct schedule_row *row, int64_t now);
	int64_t longest_sec; /* in place of that function: job_due_within() */
	/* The number of rows that wait after a failure: a stored number, without a walk. NULL: none ever does. */
	int64_t (*count_troubles)(void *env);
	/* Does @row wait after a failure? Fills @ret then. Required with count_troubles(). */
	bool (*describe_trouble)(void *env, const struct schedule_row *row, struct job_trouble *ret);
};

/* @type: borrowed, static; @name, @why: copied. */
void
job_trouble_set(struct job_trouble *trouble, const char *type, const char *name, const struct error *why);

void
job_trouble_clear(struct job_trouble *trouble);

/* Pure: the row's due time, or a time within the next minutes if it is due later than @longest_sec from @now. */
int64_t
job_due_within(const struct schedule_row *row, int64_t now, int64_t longest_sec);

/* The due time of @row, of this kind, when the clock was set to @now: by one of the two, or unchanged. */
int64_t
job_due_after_clock_change(const struct job_kind *kind, void *env, const struct schedule_row *row, int64_t now);

/*
 * job_over() - the end of a work whose last changes are stored, or failed with @err, which is then reported
 * @cancel: releases @work, its owner; then @done is called with @arg
 */
void
job_over(struct events *events, const struct error *err, void *work, void (*cancel)(void *work), schedule_done_fn *done,
	void *arg);

/*
 * job_end_with() - for work that only fills @txn: calls @done when it is committed
 * Return: the work, for job_commit_cancel(); released when @done was called.
 */
struct job_commit *
job_end_with(struct store *store, struct store_txn *txn, schedule_done_fn *done, void *arg);

/* A job_kind's cancel(). @work: struct job_commit. */
void
job_commit_cancel(void *work);

#endif
