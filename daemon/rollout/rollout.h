/*
 * daemon/rollout/rollout.h: from a stored certificate to a served one. Each auto-certificate or imported certificate
 * has a record (STORE_ROLLOUT), and in it each consumer has its own step and backoff: one that fails neither delays
 * nor repeats the work of the others. A SCHEDULE_DEPLOY and a SCHEDULE_PROBE row of the subject are due when the first
 * of its consumers is.
 */
#ifndef DAEMON_ROLLOUT_ROLLOUT_H
#define DAEMON_ROLLOUT_ROLLOUT_H

#include "daemon/report/events.h"
#include "daemon/rollout/drop.h"
#include "daemon/schedule/scheduler.h"
#include "daemon/store/object.h"

struct dns;
struct loop;
struct rollout; /* the owner of all rollouts, owned by certd */

struct rollout_env {
	struct loop *loop; /* all borrowed */
	struct store *store;
	struct events *events;
	struct drops *drops;
	struct dns *dns;
};

struct rollout *
rollout_new(const struct rollout_env *env);

void
rollout_free(struct rollout *rollout);

/*
 * How far a consumer has got with the files of a generation. Each step may be repeated, so only finished ones are
 * saved. On disk: never renumber.
 */
enum rollout_step {
	ROLLOUT_STAGED,      /* the certificate is stored */
	ROLLOUT_WRITTEN,     /* its files are complete */
	ROLLOUT_TESTED,      /* it accepts them, as far as its kind can tell */
	ROLLOUT_ACTIVATED,   /* it was notified */
	ROLLOUT_PROBED,      /* it was probed, and does not serve the certificate */
	ROLLOUT_SERVED,      /* all its endpoints serve the certificate */
	ROLLOUT_ROLLED_BACK, /* they serve the earlier certificate that was deployed instead */
	ROLLOUT_STEP_COUNT
};

/* "staged", "rolled back". An unknown number is the first step. Static. */
const char *
rollout_step_name(int64_t step);

/* What one endpoint presented at the last probe: the worst of its addresses. */
struct rollout_endpoint {
	char *endpoint;       /* "www.example.com:443", as endpoint_text() */
	char *served;         /* a probe_state_name() */
	int64_t not_after_at; /* of the presented certificate, UNIX seconds; 0: unknown */
	struct buf unknown;   /* record.h */
};

/*
 * One consumer in the record of STORE_ROLLOUT, as shown by `certctl show`. Each has its own backoff. Watchers of the
 * database (store_watch()) receive the id of the subject.
 */
struct rollout_target {
	char *consumer;    /* id */
	int64_t step;      /* enum rollout_step */
	char *served;      /* a probe_state_name(); NULL: not probed */
	int64_t probed_at; /* UNIX seconds, like all times here */
	int64_t served_at; /* when it was first found to serve this generation; 0: not yet */
	struct error failure;
	int64_t attempts;    /* consecutive failures to write, test or activate */
	int64_t next_at;     /* before ACTIVATED, of the next attempt, 0: at once; then of the next probe, 0: none */
	int64_t probes;      /* consecutive ones that did not find it served */
	int64_t activations; /* how often it was activated again because it was stale */
	bool is_stuck;       /* that did not help: reported as consumer.stale */
	bool is_unserved;    /* an endpoint was stale or unreachable for longer than a server takes to load */
	bool is_asked;       /* somebody waits for the result of the next probe */
	char *earlier;       /* id of the certificate that it has after a rollback; NULL: the rollout's */
	bool was_notified;   /* read from the record of an earlier certd: it was activated */
	struct record_list endpoints; /* struct rollout_endpoint; empty: not probed */
	struct buf unknown;           /* record.h */
};

struct rollout_state {
	char *certificate; /* id of the certificate being rolled out */
	int64_t generation;
	bool is_written;              /* live/<slug> */
	struct record_list targets;   /* struct rollout_target */
	int64_t attempts;             /* consecutive failures to write live/<slug> */
	int64_t next_at;              /* of the next attempt; 0: at once */
	struct error failure;         /* of that */
	int64_t done_at;              /* when all consumers were activated; 0: not yet */
	char *earlier;                /* id of the certificate in live/<slug> after a rollback; NULL: .certificate */
	int64_t rolled_back_at;       /* shown until another certificate is served; 0: nothing to show */
	struct error rolled_back_why; /* what failed; unset: somebody asked for it */
	int64_t former_probes;        /* of all targets, from the record of an earlier certd: like the two below */
	bool was_unserved;
	bool was_asked;
	struct buf unknown; /* record.h */
};

RECORD_DECLARE(rollout_state, rollout_class);
extern const struct record_class rollout_endpoint_class;

#define _cleanup_rollout_state_ _cleanup_(rollout_state_clear)

/*
 * A request for the certificate that was rolled back, because consumers changed or files are missing, deploys the
 * earlier one again: only rollout_request_newest() and another certificate end a rollback.
 *
 * rollout_request() - @autocert has a new certificate (or its consumers changed): makes the intent durable in @txn
 * (state record + SCHEDULE_DEPLOY row due now).
 */
void
rollout_request(struct rollout *rollout, struct store_txn *txn, const struct autocert *autocert,
	const char *certificate_id, int64_t now);

/* The same for any subject (subject.h). */
void
rollout_request_for(struct rollout *rollout, struct store_txn *txn, const char *subject_id,
	const struct strlist *consumers, const char *certificate_id, int64_t now);

/* The same, and a rollback of that certificate ends: somebody asks for the newest. */
void
rollout_request_newest(struct rollout *rollout, struct store_txn *txn, const char *subject_id,
	const struct strlist *consumers, const char *certificate_id, int64_t now);

/* Probe it now, and say what is served even if that is no news. */
void
rollout_request_probe(struct rollout *rollout, struct store_txn *txn, const char *subject_id, int64_t now);

/* The subject is gone: deletes its record and rows in @txn. */
void
rollout_forget(struct rollout *rollout, struct store_txn *txn, const char *subject_id);

/* @to replaces @from, which has the same drop: generations continue. A request for @to must follow. */
void
rollout_hand_over(struct rollout *rollout, struct store_txn *txn, const char *from_id, const char *to_id);

/* The jobs of this folder: deploy, probe, remove. */
void
rollout_register_jobs(struct scheduler *scheduler, struct rollout *rollout);

/* The worst result of its endpoints, a probe_state_name(), or "rolled back"; NULL: none was probed. Static. */
const char *
rollout_served_of(const struct rollout_state *state);

/* Return: 1 found, 0 never rolled out, -1 failed. */
int
rollout_load(struct rollout *rollout, const char *subject_id, struct rollout_state *ret, struct error *err);

/* Why it is retried: the error of writing, or of the first consumer that failed; NULL: none did. Borrowed. */
const struct error *
rollout_failure(const struct rollout_state *state);

/* The consecutive failures of what rollout_failure() is about. */
int64_t
rollout_attempts(const struct rollout_state *state);

/* Is an endpoint stale or unreachable for longer than a server takes to load a certificate? */
bool
rollout_is_unserved(const struct rollout_state *state);

/* How many are retried, or not served: stored numbers. */
int64_t
rollout_count_failing(struct rollout *rollout);

int64_t
rollout_count_unserved(struct rollout *rollout);

/* How many of the latter did not recover by retries. */
int64_t
rollout_count_stuck(struct rollout *rollout);

#endif
