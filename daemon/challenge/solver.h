/*
 * daemon/challenge/solver.h: publishing the answer to a challenge and taking it down: a table of solvers, one file per
 * kind (http-01: own listener, webroot; tls-alpn-01: own listener; dns-01, dns-account-01: through daemon/dnsprovider;
 * manual, dns-persist-01: by the operator).
 *
 * Before a value is added to DNS, its removal is durable (STORE_CLEANUP and a SCHEDULE_CLEANUP row), so that a crash
 * leaves no orphan. The row is deleted when the removal has succeeded; until then it is retried.
 */
#ifndef DAEMON_CHALLENGE_SOLVER_H
#define DAEMON_CHALLENGE_SOLVER_H

#include "daemon/acme/acme_msg.h"
#include "daemon/base/loop.h"
#include "daemon/dnsprovider/dnsprovider.h"
#include "daemon/schedule/job.h"
#include "daemon/store/object.h"

struct events;
struct solver; /* all solvers, owned by certd */
struct solve;  /* one challenge that is published or being published */

struct solver_config {
	struct strlist http_listen; /* "[::]:80", "127.0.0.1:5002", "unix:/run/..."; empty: no own listener */
	struct strlist webroots;    /* of web servers on this host; see common/webroot_entry.h */
	bool is_http_stateless;     /* another server answers http-01 by itself; nothing is published */
	const int *http_fds;        /* listening sockets passed by the service manager; taken */
	size_t n_http_fds;
	struct strlist tlsalpn_listen; /* addresses likewise */
	const int *tlsalpn_fds;
	size_t n_tlsalpn_fds;
	int64_t propagation_poll_ms; /* first pause between queries of the name servers, doubled; 0: 250 */
	struct events *events;       /* borrowed; NULL: failed removals and records to publish are not reported */
};

/*
 * @env: copied, what it points to and @store are borrowed; @config: copied. Never fails: solver_http_error() reports a
 * listener that cannot be bound, and it is retried when needed.
 */
struct solver *
solver_new(const struct dnsprovider_env *env, struct store *store, const struct solver_config *config);

/* All solves must be stopped. Running removals are cancelled; their rows repeat them. NULL is a no-op. */
void
solver_free(struct solver *solver);

/* Why the http-01 listener is not bound; NULL when it is, or when none is configured. Borrowed. */
const struct error *
solver_http_error(const struct solver *solver);

/* The same for tls-alpn-01. */
const struct error *
solver_tlsalpn_error(const struct solver *solver);

/* Is the choice left to certd? */
bool
solver_is_auto(const struct autocert *autocert);

/*
 * solver_choose() - choose the challenge to answer (pure, except that it reads the store)
 * autocert.challenge decides. "auto" is dns-01 for wildcards, else the first that is ready and offered: dns-01 when a
 * DNS provider is set, http-01 when there is a listener or webroot, tls-alpn-01 when there is a listener, else dns-01
 * when a DNS provider has the zone. The one that worked for this name the last time goes before the others, and one
 * that has failed three times in succession after them. Tries to bind a listener that is not bound.
 * Return: index into authz->challenges, or -1 with ERROR_INVALID/ERROR_STATE that says what is offered, what is
 * configured, and what to do.
 */
int
solver_choose(struct solver *solver, const struct autocert *autocert, const struct acme_authorization *authz,
	struct error *err);

/*
 * Called once, from the loop, never from inside solver_start(): published (and found on all name servers, or time is
 * up), or the error. solver_stop() is required in both cases and allowed inside.
 */
typedef void
solver_done_fn(const struct error *err, void *arg);

/*
 * One line of what it waits for, such as "ns1.example.com does not have the TXT record yet"; any number of times. Must
 * not call solver_stop().
 */
typedef void
solver_progress_fn(const char *why, void *arg);

struct solver_request {
	const struct autocert *autocert; /* all borrowed for the call */
	const struct acme_authorization *authz;
	size_t challenge;       /* index, from solver_choose() */
	const char *thumbprint; /* of the account key */
	const char *account_url;
	const char *account_hash_prefix; /* of the CA's directory; or NULL */
};

struct solve *
solver_start(struct solver *solver, const struct solver_request *request, solver_done_fn *done,
	solver_progress_fn *progress, void *arg);

/* When the present wait ends at the latest, UNIX time; 0: unknown. */
int64_t
solver_until(const struct solve *solve);

/*
 * After solver_done_fn without an error, the standing record that the CA will find: "owner content"; NULL: this kind of
 * challenge has none. Borrowed.
 */
const char *
solver_standing_record(const struct solve *solve);

/*
 * Takes the answer down (DNS: in the background, durable) and frees @solve; @done is not called any more. NULL is a
 * no-op.
 */
void
solver_stop(struct solve *solve);

/*
 * Removes a TXT value. When the job ends, the row was deleted or moved to its next attempt, and a failure was reported
 * as an event. Registered with the struct solver, which cancels running removals when it is freed.
 */
extern const struct job_kind cleanup_job;

/* The environment of DNS providers. Borrowed. */
const struct dnsprovider_env *
solver_dns_env(const struct solver *solver);

/*
 * solver_method() - how @name, which may begin with "*.", would be validated at this moment
 * Tries to bind a listener that is not bound. Return: a value of autocert.challenge but "auto", static; NULL with @err.
 */
const char *
solver_method(struct solver *solver, const struct autocert *autocert, const char *name, struct error *err);

/* Could dns-01 validate @name: is it chosen, or has no other way been found? Only then certd looks for a zone. */
bool
solver_may_need_dns(struct solver *solver, const struct autocert *autocert, const char *name);

/*
 * Could the names of a new auto-certificate with these settings be validated? Checked at creation.
 * Return: 0, or -1 with ERROR_INVALID that names the field ("challenge", "dnsProvider") and what to add.
 */
int
solver_check(struct solver *solver, const struct autocert *autocert, struct error *err);

/*
 * Can all names be validated at this moment? Tries to bind a listener that is not bound.
 * @err: why not, and what to do; or NULL
 */
bool
solver_can_validate(struct solver *solver, const struct autocert *autocert, struct error *err);

/*
 * The challenge that "auto" chooses for @name at this moment, and why: a line for people, owned by the caller; NULL
 * when the declaration names the challenge, or none is possible. Tries to bind a listener that is not bound.
 */
char *
solver_explain(struct solver *solver, const struct autocert *autocert, const char *name);

#endif
