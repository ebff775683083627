/*
 * daemon/challenge/solver.h: publishing the answer to a challenge and taking it down: a table of solvers, one file
 * per kind (http-01: own listener, webroot; dns-01: through daemon/dnsprovider; manual: by whoever publishes it).
 *
 * A value that must be removed from DNS is durable (STORE_CLEANUP and a SCHEDULE_CLEANUP row) before it is added, so
 * that a crash leaves no orphan; the row goes when the removal succeeded and is retried otherwise.
 */
#ifndef DAEMON_CHALLENGE_SOLVER_H
#define DAEMON_CHALLENGE_SOLVER_H

#include "daemon/acme/acme_msg.h"
#include "daemon/base/loop.h"
#include "daemon/dnsprovider/dnsprovider.h"
#include "daemon/schedule/job.h"
#include "daemon/store/object.h"

struct events;
struct solver; /* all of them together, owned by certd */
struct solve;  /* one challenge that is up or coming up */

struct solver_config {
	struct strlist http_listen; /* "[::]:80", "127.0.0.1:5002", "unix:/run/..."; empty: no listener of our own */
	struct strlist webroots;    /* directories that a web server of the host serves */
	const int *http_fds;        /* listening sockets from the service manager; taken */
	size_t n_http_fds;
	int64_t propagation_poll_ms; /* first pause between looks at the name servers, doubled; 0: 250 */
	struct events *events;       /* borrowed; NULL: nobody is told of failed removals and records to publish */
};

/*
 * @env: copied, what it points to and @store are borrowed; @config: copied. Never fails: a listener that cannot be
 * bound is said by solver_http_error() and tried again when needed.
 */
struct solver *
solver_new(const struct dnsprovider_env *env, struct store *store, const struct solver_config *config);

/* All solves must be stopped. Removals under way are cancelled; their rows bring them back. NULL is a no-op. */
void
solver_free(struct solver *solver);

/* Why the http-01 listener is not there; NULL when it is, or when none is configured. Borrowed. */
const struct error *
solver_http_error(const struct solver *solver);

/*
 * solver_choose() - which of the offered challenges to answer (pure but for reads of the store)
 * By the declaration (autocert.challenge): "auto" is dns-01 for wildcards, else what is configured and matches:
 * dns-01 when a DNS provider is named, http-01 when a listener or webroot is there, else dns-01 when a DNS provider
 * has the zone.
 * Return: index into authz->challenges, or -1 with ERROR_INVALID/ERROR_STATE that says what is offered, what is
 * configured, and what to do. Tries to bind a listener that is not there.
 */
int
solver_choose(struct solver *solver, const struct autocert *autocert, const struct acme_authorization *authz,
	struct error *err);

/*
 * Once, from the loop, never from inside solver_start(): published (and seen by all name servers, or time for that is
 * up), or why not. solver_stop() is due in both cases and allowed inside.
 */
typedef void
solver_done_fn(const struct error *err, void *arg);

/* One line of what is waited for, e.g. "ns1.example.com does not have the TXT record yet"; many times or never. Must not call
 * solver_stop(). */
typedef void
solver_progress_fn(const char *why, void *arg);

struct solver_request {
	const struct autocert *autocert; /* all borrowed for the call */
	const struct acme_authorization *authz;
	size_t challenge;       /* index, from solver_choose() */
	const char *thumbprint; /* of the account key */
};

struct solve *
solver_start(struct solver *solver, const struct solver_request *request, solver_done_fn *done,
	solver_progress_fn *progress, void *arg);

/*
 * Takes the answer down (DNS: in the background, durable) and frees @solve; @done is not called any more. NULL is a
 * no-op.
 */
void
solver_stop(struct solve *solve);

/*
 * Removes a TXT value. When it ends, the row is gone or was moved to its next try, and a failure was reported as an
 * event. Registered with the struct solver, which cancels what is under way when it is freed.
 */
extern const struct job_kind cleanup_job;

/* What DNS providers are worked with. Borrowed. */
const struct dnsprovider_env *
solver_dns_env(const struct solver *solver);

/*
 * Might dns-01 be what proves @name: is it chosen, or has nothing been found so far that can? Whether somebody has a
 * zone for it is worth finding out then.
 */
bool
solver_may_need_dns(struct solver *solver, const struct autocert *autocert, const char *name);

/*
 * Would a new auto-certificate with these names and settings have a way to prove control? Said at creation:
 * 0, or -1 with ERROR_INVALID that names the field ("challenge", "dnsProvider") and what to add.
 */
int
solver_check(struct solver *solver, const struct autocert *autocert, struct error *err);

/*
 * Which challenge "auto" takes for @name at this moment, and why: a line for a person, owned by the caller; NULL when
 * the declaration names the challenge, or none is possible. Tries to bind a listener that is not there.
 */
char *
solver_explain(struct solver *solver, const struct autocert *autocert, const char *name);

#endif
