/*
 * daemon/renew/issue.h: one issue of one auto-certificate, from the due row to the stored certificate: the second of
 * the persisted machines. Owns the acme_order, the certificate key and the published challenges.
 *
 * Durable before effect: order intent before newOrder; certificate key and order URL before any challenge is answered;
 * the verified chain, the next renewal's row and the rollout's intent in one transaction. A restart needs only the
 * record (STORE_ISSUE).
 */
#ifndef DAEMON_RENEW_ISSUE_H
#define DAEMON_RENEW_ISSUE_H

#include "common/crypto/key.h"
#include "daemon/acme/acme_client.h"
#include "daemon/challenge/solver.h"
#include "daemon/renew/clients.h"
#include "daemon/renew/policy.h"
#include "daemon/report/audit.h"
#include "daemon/report/events.h"
#include "daemon/rollout/rollout.h"
#include "daemon/schedule/job.h"

struct issue;
struct alerts;
struct issue_env;
struct workers;
struct x509_seen;

/* Shared by all issues; borrowed, must outlive them. */
struct issue_env {
	struct loop *loop;
	struct store *store;
	struct events *events;
	struct audit *audit; /* for changes that certd makes itself; NULL: none is recorded */
	struct workers *workers;
	struct clients *clients;
	struct solver *solver;
	struct rollout *rollout;
	struct x509_seen *seen; /* or NULL */
	int64_t renew_before;   /* configured default, seconds */
	int64_t purge_after;    /* seconds after expiry */
	unsigned max_names;
	unsigned *running;              /* the number of running issues; or NULL */
	int64_t check_revocation_every; /* seconds; 0: never */
	const char *ct_source;          /* of certd.conf; NULL: not watched */
	const struct strlist *ct_known_issuers;
	int64_t check_ct_every;      /* seconds */
	struct scheduler *scheduler; /* to cancel orders; or NULL */
	struct alerts *alerts;       /* for the consequences of changes (daemon/alert/alerts.h); or NULL */
};

/* The record of STORE_ISSUE. */
struct issue_record {
	char *provider;    /* id of the provider that the order was made with */
	char *order_url;   /* NULL: no order yet */
	struct secret key; /* certificate key, PKCS#8 DER */
	struct strlist names;
	int64_t started_at;
	struct buf unknown; /* record.h */
};

extern const struct record_class issue_class;

/* The progress of an issue, for explain. */
struct issue_progress {
	const char *state; /* borrowed; acme_order_state_name(), or "key" while the key is generated */
	const char *why;   /* borrowed; what it waits for, or NULL */
};

/*
 * Starts or continues the issue of an auto-certificate. A cancelled issue keeps its record, from which the next start
 * continues. Registered with a struct issue_env. Its lane is the provider's id.
 */
extern const struct job_kind issue_job;

/* A job_kind's lane_room() for lanes that are providers. @env: struct issue_env. */
int64_t
issue_lane_room(void *env, const char *lane, struct error *err);

/* Its lane_opens_at(): while the CA asks all orders of the provider to wait, none starts. */
int64_t
issue_lane_opens_at(void *env, const char *lane);

/* The running issue of an auto-certificate, or NULL. Borrowed. */
const struct issue *
issue_running(const struct scheduler *scheduler, const char *autocert_id);

/* The name that "certctl resume" needs: the second of two keys is paused and resumed with the first. Owned. */
char *
issue_name_to_resume(struct store *store, const struct autocert *autocert);

/* Is it a rehearsal before the order? It stores nothing, so it may be cancelled. */
bool
issue_is_rehearsal(const struct issue *issue);

void
issue_get_progress(const struct issue *issue, struct issue_progress *ret);

/* Of the key that the declaration asks for. */
enum key_algorithm
issue_wanted_algorithm(const struct autocert *autocert);

/*
 * Notes a failed order: the error, the number of attempts, and the date of the next one. The caller saves the record.
 * @is_network: the cause is outside the certificate (policy.h)
 */
void
issue_note_failure(const struct issue_env *env, struct autocert *autocert, const struct error *err, bool is_network);

/*
 * @cert is the certificate in use from now on. The caller saves the record, which deploys it.
 * @has_ari: its CA offers renewal information
 */
void
issue_use(const struct issue_env *env, struct autocert *autocert, const struct certificate *cert, bool has_ari);

/*
 * The time at which the newest certificate is due for renewal (policy.h): now when there is none, or it is for an
 * earlier declaration.
 */
int64_t
issue_renewal_at(const struct issue_env *env, const struct autocert *autocert);

/* What issue_renewal_at() decides by, while there is a certificate. */
struct renewal_in
issue_renewal_in(const struct issue_env *env, const struct autocert *autocert);

/* Does the CA ask for an earlier renewal than that, but has asked so too often (policy.h)? */
bool
issue_is_held(const struct issue_env *env, const struct autocert *autocert);

/*
 * Sets the next order's date: issue_renewal_at(), or now when @is_now. The caller saves the record, and that puts the
 * row.
 */
void
issue_plan_renewal(const struct issue_env *env, struct autocert *autocert, bool is_now);

/*
 * issue_plan_again() - sets the next order's date when what held it back has changed
 * After a failure that is when its delay since the last attempt is over: now, if it was over already. Otherwise it is
 * issue_renewal_at(). The caller saves the record.
 */
void
issue_plan_again(const struct issue_env *env, struct autocert *autocert);

/*
 * issue_replace() - the newest certificate is replaced now, whatever its dates and the CA's suggestions
 * An order that is under way begins again: its key may be one that must not be used. One that is paused waits until it
 * is resumed. The caller cancels the running issue and saves the record, both in the turn of @txn.
 */
void
issue_replace(const struct issue_env *env, struct store_txn *txn, struct autocert *autocert);

#endif
