/*
 * daemon/rollout/rollout.h: from a stored certificate to a served one: write -> notify -> probe. Each auto-certificate
 * or imported certificate has a durable state (STORE_ROLLOUT) and its own persistent backoff until it succeeds.
 * Entering a state is repeatable; SCHEDULE_DEPLOY and SCHEDULE_PROBE rows drive it.
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

/* The record of STORE_ROLLOUT, as shown by `certctl show`. */
struct rollout_target {
	char *consumer;   /* id */
	bool is_notified; /* for this generation */
	char *served;     /* "served", "stale", "unreachable", NULL: not probed */
	int64_t probed_at;
	struct error failure;
	struct buf unknown; /* record.h */
};

struct rollout_state {
	char *certificate; /* id of the certificate being rolled out */
	int64_t generation;
	bool is_written;
	struct record_list targets; /* struct rollout_target */
	int64_t attempts;
	struct error failure; /* of writing */
	int64_t done_at;      /* 0: not yet */
	int64_t probes;       /* probes since then that did not find it served */
	bool is_unserved;     /* an endpoint was stale or unreachable for longer than a server takes to load */
	bool is_asked;        /* somebody waits for the result of the next probe */
	struct buf unknown;   /* record.h */
};

extern const struct record_class rollout_class;

/*
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

/* The worst result of its endpoints: "served", "stale", "unreachable"; NULL: none was probed. Static. */
const char *
rollout_served(struct rollout *rollout, const char *subject_id);

/* Return: 1 found, 0 never rolled out, -1 failed. Cleared by record_clear(&rollout_class, ..). */
int
rollout_load(struct rollout *rollout, const char *subject_id, struct rollout_state *ret, struct error *err);

/* Why it is retried: the error of writing, or of the first consumer; NULL: neither failed. Borrowed. */
const struct error *
rollout_failure(const struct rollout_state *state);

/* How many are retried, or not served: stored numbers. */
int64_t
rollout_count_failing(struct rollout *rollout);

int64_t
rollout_count_unserved(struct rollout *rollout);

#endif
