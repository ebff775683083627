/* daemon/rollout/rollout_private.h: shared by the files of the rollout machine. */
#ifndef DAEMON_ROLLOUT_ROLLOUT_PRIVATE_H
#define DAEMON_ROLLOUT_ROLLOUT_PRIVATE_H

#include "daemon/base/loop.h"
#include "daemon/rollout/rollout.h"
#include "daemon/rollout/rollout_back.h"
#include "daemon/rollout/subject.h"

/* Between an activation and the first probe, and between the next ones. */
enum { ROLLOUT_SETTLE_SEC = 2 };

struct rollout {
	struct rollout_env env;
	struct prober *prober;
	struct sdbus *bus;
	struct consumer_queue *queues; /* of consumers that are notified in turn; empty when nothing runs */
};

/* A running row: takes one step of one consumer after the other, of all that are due. */
struct run {
	struct rollout *rollout;
	enum schedule_kind kind;
	char lane[STORE_ID_SIZE]; /* of the row: "", or the consumer that is notified of one certificate at a time */
	int64_t started_at;
	struct subject subject;
	struct certificate cert; /* of the current target; without its key */
	struct rollout_state state;
	char *directory; /* of the drop, for consumers */
	struct write *write;
	struct activation *activation;
	struct probe_run *probe;
	struct consumer consumer;       /* of the current target */
	size_t seen;                    /* how many targets had their turn */
	size_t target;                  /* index of the current one */
	char next_lane[STORE_ID_SIZE];  /* a consumer that has to be notified in its own lane; "": none */
	char rolls_back[STORE_ID_SIZE]; /* a consumer that is rolled back at the end of the run; "": none */
	schedule_done_fn *done;
	void *arg;
};

/* The writing of a drop outlives its run. */
struct write {
	struct run *run;   /* NULL: gone */
	bool is_of_target; /* the directory of the current target, not live/<slug> */
};

static inline int64_t
run_now(const struct run *run)
{
	return loop_now(run->rollout->env.loop);
}

static inline struct event_object
run_object(const struct run *run)
{
	return (struct event_object){ run->subject.type, run->subject.id, run->subject.name };
}

/* What became of a step of the current target. */
enum step_result {
	STEP_RUNS,     /* rollout_step_ended() follows, from the loop */
	STEP_ADVANCED, /* it has the next step */
	STEP_WAITS,    /* until its next_at */
};

void
rollout_step_ended(struct run *run, enum step_result result);

/* Takes a step of @target, the current one, whose consumer and certificate are loaded. */
typedef enum step_result
rollout_step_fn(struct run *run, struct rollout_target *target);

rollout_step_fn rollout_write, rollout_test, rollout_activate, rollout_probe;

/* Writes live/<slug>. */
enum step_result
rollout_write_live(struct run *run);

/* @target, the current one, has failed: its consumer's policy may demand a rollback at the end of the run. */
void
rollout_consider_rollback(struct run *run, const struct rollout_target *target);

/* A step before ACTIVATED failed: reports it, and sets the time of the next attempt. */
enum step_result
rollout_step_failed(struct run *run, struct rollout_target *target, const struct error *err);

/* Nothing of the deployment is left to do: reports it in @txn, once. */
void
rollout_note_done(struct run *run, struct store_txn *txn);

/* --- rollout_plan.c: decisions, without side effects --- */

/* When the next step is due, of writing or activating, and of probing. UNIX seconds; 1: at once; 0: none is left. */
int64_t
rollout_deploy_at(const struct rollout_state *state);

int64_t
rollout_probe_at(const struct rollout_state *state);

/* Is the step of @target due that a row of @kind takes? */
bool
rollout_target_is_due(const struct rollout_target *target, enum schedule_kind kind, int64_t now);

/* The id of the certificate that @target (NULL: live/<slug>) is to have. Borrowed. */
const char *
rollout_certificate_of(const struct rollout_state *state, const struct rollout_target *target);

/* The files are written and all consumers activated. */
bool
rollout_is_deployed(const struct rollout_state *state);

/* A certificate that is not rolled back is served, wherever that is probed: an earlier rollback is over. */
bool
rollout_is_resolved(const struct rollout_state *state);

/* Has it failed so often that its consumer's policy may roll it back? Not if the certificate was served before. */
bool
rollout_may_roll_back(const struct rollout_target *target);

/* A step before ACTIVATED failed. @retry_at: of the next attempt. */
void
rollout_target_failed(struct rollout_target *target, const struct error *why, int64_t retry_at);

/* A step before ACTIVATED succeeded. @probe_at: when the target is ACTIVATED and has endpoints; else 0. */
void
rollout_target_advance(struct rollout_target *target, enum rollout_step step, int64_t probe_at);

/*
 * It was probed. @served: the worst result of its endpoints; @why: what is wrong, or unset; @id: of the subject, for
 * jitter. One that stays stale is activated again, ROLLOUT_ACTIVATIONS times.
 * Return: true when retries have not helped, once.
 */
bool
rollout_target_probed(
	struct rollout_target *target, const char *served, const struct error *why, int64_t now, const char *id);

bool
rollout_target_is_served(const struct rollout_target *target);

/* A server needs a moment to load: the number of probes, ROLLOUT_SETTLE_SEC apart, before stale is reported. */
enum { ROLLOUT_PROBE_GRACE = 4 };

/* How often a consumer that stays stale is activated again. More would only reload a server that does not want it. */
enum { ROLLOUT_ACTIVATIONS = 3 };

/* Failed attempts to write, test or activate after which a consumer is rolled back, if that is its policy. */
enum { ROLLOUT_ATTEMPTS = 3 };

/* The certificate of live/<slug> is to be written again; and everything for one consumer. */
void
rollout_restage_live(struct rollout_state *state);

void
rollout_restage_target(struct rollout_target *target);

/* Puts or removes the rows that follow from @state. */
void
rollout_set_rows(struct rollout *rollout, struct store_txn *txn, const char *subject_id,
	const struct rollout_state *state, int64_t now);

/* --- rollout_back.c --- */

/* Keeps the index of rollout_needs(). */
void
rollout_note_rollback(struct store_txn *txn, const char *subject_id, const struct rollout_state *old,
	const struct rollout_state *new);

/* @old: the record that it replaces. */
void
rollout_save(struct rollout *rollout, struct store_txn *txn, const char *subject_id, const struct rollout_state *old,
	const struct rollout_state *state);

static inline struct rollout_target *
rollout_target_at(const struct rollout_state *state, size_t i)
{
	return (struct rollout_target *)state->targets.items + i;
}

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

/* Adds the directories of these consumers (ids) with the same files as live/<slug>. Return: 0 or -1. */
int
rollout_directories(struct rollout *rollout, const struct strlist *consumers, struct strlist *ret, struct error *err);

/* The files that the consumers of a rollout declare in one directory. */
struct rollout_sets {
	struct drop_output_set *items;
	size_t count;
};

/* @ret: empty; cleared by rollout_sets_clear(), also on failure. Return: 0 or -1. */
int
rollout_sets_of(struct rollout *rollout, const struct rollout_state *state, const char *directory,
	struct rollout_sets *ret, struct error *err);

/* Adds the directories in which its consumers declare files. Return: 0 or -1. */
int
rollout_declared_directories(
	struct rollout *rollout, const struct rollout_state *state, struct strlist *ret, struct error *err);

void
rollout_sets_clear(struct rollout_sets *sets);

/* More than the last delay of rollout_retry_at(): no row but that of a probe is due later than that from now. */
enum { ROLLOUT_LONGEST_WAIT_SEC = 2 * 3600 };

/* A job_kind's start() and cancel(), for both halves. */
void *
rollout_start(void *rollout, const struct schedule_row *row, schedule_done_fn *done, void *arg);

void
rollout_cancel(void *run);

/* A job_kind's describe_trouble(), for a consumer that does not serve the certificate. */
bool
rollout_describe_unserved(void *rollout, const struct schedule_row *row, struct job_trouble *ret);

/* Registered with the struct rollout. */
extern const struct job_kind probe_job;
extern const struct job_kind remove_job;

#endif
