/* daemon/rollout/rollout_private.h: shared by the files of the rollout machine. */
#ifndef DAEMON_ROLLOUT_ROLLOUT_PRIVATE_H
#define DAEMON_ROLLOUT_ROLLOUT_PRIVATE_H

#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/rollout/rollout.h"
#include "daemon/rollout/subject.h"

/* A server needs a moment to load: "stale" is not reported before. */
enum { ROLLOUT_SETTLE_SEC = 2 };

struct rollout {
	struct rollout_env env;
	struct exec_queue *exec_queues; /* of the kind exec; empty when nothing runs */
};

/* A running row. */
struct run {
	struct rollout *rollout;
	enum schedule_kind kind;
	char lane[STORE_ID_SIZE]; /* of the row: "", or the consumer that is notified of one certificate at a time */
	char failed_batch[STORE_ID_SIZE]; /* a consumer whose batch failed; "": none */
	struct subject subject;
	struct certificate cert;
	struct rollout_state state;
	char *directory; /* of the drop, for consumers */
	struct write *write;
	struct activation *activation;
	struct probe_run *probe;
	struct consumer consumer; /* of the current target */
	size_t target;            /* index */
	size_t endpoint;          /* index into the endpoints of the current target's consumer */
	bool was_served;          /* by that consumer, at the last look */
	schedule_done_fn *done;
	void *arg;
};

/* The writing of a drop outlives its run. */
struct write {
	struct run *run; /* NULL: gone */
};

static inline int64_t
run_now(const struct run *run)
{
	return clock_wall(loop_clock(run->rollout->env.loop));
}

static inline struct event_object
run_object(const struct run *run)
{
	return (struct event_object){ run->subject.type, run->subject.id, run->subject.name };
}

/* The work after a run. */
struct run_next {
	enum schedule_kind kind;
	int64_t due_at;   /* 0: nothing */
	const char *lane; /* NULL: the default one */
};

/* Saves the state and the next work, unless there is a newer generation; then ends. */
void
rollout_finish(struct run *run, struct store_txn *txn, const struct run_next *next);

/* Start or continue their half of the run; end in rollout_finish(). */
void
rollout_deploy(struct run *run);

void
rollout_probe(struct run *run);

/* @old: the record that it replaces. */
void
rollout_save(struct rollout *rollout, struct store_txn *txn, const char *subject_id, const struct rollout_state *old,
	const struct rollout_state *state);

static inline struct rollout_target *
rollout_target_at(const struct rollout_state *state, size_t i)
{
	return (struct rollout_target *)state->targets.items + i;
}

/* The error of the first consumer that could not be notified; or NULL. */
const struct error *
rollout_consumer_failure(const struct rollout_state *state);

/* --- rollout_consumer.c: the state of consumers --- */

/* @consumer_id could not be notified of the subject's files. */
void
rollout_consumer_failed(struct rollout *rollout, struct store_txn *txn, const char *consumer_id, const char *subject_id,
	const struct error *why);

/* It was notified, or no longer has to be. */
void
rollout_consumer_recovered(
	struct rollout *rollout, struct store_txn *txn, const char *consumer_id, const char *subject_id);

/* The subject's rollout @state is discarded; the consumers in @kept keep it (ids; NULL: none). */
void
rollout_consumers_released(struct rollout *rollout, struct store_txn *txn, const char *subject_id,
	const struct rollout_state *state, const struct strlist *kept);

/* The time of the next attempt after @attempts consecutive failures (RETRY_LOCAL). */
int64_t
rollout_retry_at(const struct rollout *rollout, const char *subject_id, int64_t attempts);

/* Adds the own directories of these consumers (ids), in addition to live/<slug>. Return: 0 or -1. */
int
rollout_directories(struct rollout *rollout, const struct strlist *consumers, struct strlist *ret, struct error *err);

/* More than the last delay of rollout_retry_at(): no row but that of a probe is due later than that from now. */
enum { ROLLOUT_LONGEST_WAIT_SEC = 2 * 3600 };

/* A job_kind's start() and cancel(), for both halves. */
void *
rollout_start(void *rollout, const struct schedule_row *row, schedule_done_fn *done, void *arg);

void
rollout_cancel(void *run);

/* A job_kind's after_clock_change(). */
int64_t
rollout_after_clock_change(void *env, const struct schedule_row *row, int64_t now);

/* Registered with the struct rollout. */
extern const struct job_kind probe_job;
extern const struct job_kind remove_job;

#endif
