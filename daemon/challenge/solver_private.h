/* daemon/challenge/solver_private.h: the interface between solver.c and the kinds of challenges. */
#ifndef DAEMON_CHALLENGE_SOLVER_PRIVATE_H
#define DAEMON_CHALLENGE_SOLVER_PRIVATE_H

#include "daemon/base/loop.h"
#include "daemon/challenge/solver.h"

struct dns_check;
struct dns_solves; /* solve_dns.c */
struct http01;
struct tlsalpn;
struct txt_queue;
struct txt_removals;

struct solver {
	struct dnsprovider_env env;
	struct store *store;
	struct strlist webroots;
	bool is_http_stateless;
	struct http01 *http;
	struct tlsalpn *tlsalpn;
	struct dns_solves *dns;
	struct dns_check *checks; /* running ones (dns_check.h) */
	struct events *events;    /* or NULL */
};

/* One kind of challenge. */
struct solver_kind {
	const char *word; /* value of autocert.challenge: "http-01", "manual" */
	const char *type; /* the CA's: "http-01" */
	bool has_no_token;
	bool is_extra; /* few hosts have it: where it is not configured, "auto" does not speak of it */
	/*
	 * Can @name (without "*.") be validated this way? @is_now: at this moment, otherwise: is it configured? -1:
	 * @err says what is missing and how to add it.
	 */
	int (*check)(struct solver *solver, const struct autocert *autocert, const char *name, bool is_wildcard,
		bool is_now, struct error *err);
	/*
	 * Sets solve->data; the result arrives by solve_done(), never from inside. @key_authorization: NULL if it
	 * has_no_token.
	 */
	void (*start)(struct solve *solve, const struct solver_request *request, const char *key_authorization);
	/* Takes the answer down and releases solve->data. */
	void (*stop)(struct solve *solve);
};

extern const struct solver_kind solver_http01;
extern const struct solver_kind solver_tlsalpn01;
extern const struct solver_kind solver_dns01;
extern const struct solver_kind solver_dns_account01;
extern const struct solver_kind solver_dns_persist01;
extern const struct solver_kind solver_manual;

struct solve {
	struct solver *solver;
	const struct solver_kind *kind;
	void *data;       /* the kind's */
	int64_t until_at; /* when the present wait ends at the latest, UNIX time; 0: unknown */
	char *standing;   /* see solver_standing_record() */
	solver_done_fn *done;
	solver_progress_fn *progress;
	void *arg;
};

void
solve_done(struct solve *solve, const struct error *err);

void
solve_progress(struct solve *solve, const char *fmt, ...) _printf_(2, 3);

/* @poll_ms: first pause between queries of the name servers. */
struct dns_solves *
dns_solves_new(struct solver *solver, int64_t poll_ms);

/* Cancels all running work; the rows in the store stay for the next start. */
void
dns_solves_free(struct dns_solves *solves);

struct txt_queue *
dns_solves_txt_queue(struct dns_solves *solves);

/* What answers http-01 of @name, for people: "a webroot". Static. */
const char *
http_means(const struct solver *solver, const char *name);

/* Publishes an answer of http-01 by the listener and in the webroots of @name; http_withdraw() in any case. */
int
http_publish(
	struct solver *solver, const char *name, const char *token, const char *key_authorization, struct error *err);

void
http_withdraw(struct solver *solver, const char *name, const char *token, const char *key_authorization);

/* Cancels all checks without calling back. */
void
dns_checks_free(struct solver *solver);

struct txt_removals *
dns_solves_txt_removals(struct dns_solves *solves);

/* Emits EVENT_CLEANUP_FAILED; @provider: or NULL. */
void
solver_cleanup_failed(struct solver *solver, const struct dnsprovider *provider, const struct error *err);

#endif
