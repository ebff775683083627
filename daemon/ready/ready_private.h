/* daemon/ready/ready_private.h: the interface between ready.c and the checks, one file each. */
#ifndef DAEMON_READY_READY_PRIVATE_H
#define DAEMON_READY_READY_PRIVATE_H

#include "common/conf.h"
#include "daemon/base/dns.h"
#include "daemon/base/loop.h"
#include "daemon/ready/ready.h"

struct ready_step;

/* One of both arguments is NULL; borrowed for the call. */
typedef void
ready_answered_fn(struct ready_step *step, const struct dns_answer *answer, const struct error *err);

/* One row of the table of checks. */
struct ready_check {
	const char *word;
	bool is_of_name; /* once for each name; otherwise once for the auto-certificate, before the names */
	/*
	 * Reports what it finds by ready_add(), and ends with ready_next(), from inside or later. While it waits,
	 * step->cancel releases what it holds in step->data.
	 */
	void (*start)(struct ready_step *step);
};

extern const struct ready_check *const ready_checks[];
extern const size_t ready_n_checks;

extern const struct ready_check ready_check_account, ready_check_profile, ready_check_staple, ready_check_files,
	ready_check_challenge, ready_check_delegation, ready_check_dnssec, ready_check_caa, ready_check_zone,
	ready_check_address, ready_check_answer;
extern const struct ready_check ready_check_fallback;

void
ready_fallbacks_clear(struct ready_run *run);

struct ready_question; /* question.c */

enum { READY_RUNS_AT_ONCE = 32 };

struct ready {
	struct ready_config config;
	const struct dnsprovider_env *dns;
	struct store *store;
	struct ready_run *runs; /* in the order in which they came; those that have begun are the first */
	unsigned n_begun;
	struct ready_question *questions; /* a hash */
	struct loop_timer tidy;
};

/* A fallback provider with an account, whose CA was asked who it is. */
struct ready_fallback {
	char *name;
	char *account_url;
	struct strlist identities; /* as those of the run */
};

struct ready_run {
	struct ready *ready;
	struct autocert a;
	struct provider p;
	struct strlist names;
	size_t next_name;                 /* index of the next one that is to be checked */
	struct ready_step *steps;         /* running ones */
	struct strlist identities;        /* of the CA; from ready_check_profile */
	struct ready_fallback *fallbacks; /* from ready_check_fallback */
	size_t n_fallbacks;
	struct ready_state state;
	struct error failure;    /* why it cannot be checked */
	struct loop_timer timer; /* the time limit */
	bool has_begun;
	ready_done_fn *done;
	void *arg;
	struct ready_run *prev, *next;
};

/* The checks of one name, or of the auto-certificate, one after the other. */
struct ready_step {
	struct ready_run *run;
	size_t check;     /* index in ready_checks */
	const char *name; /* NULL: the auto-certificate */
	const char *base; /* without "*." */
	struct loop_timer timer;
	struct ready_question *question; /* that it waits for */
	ready_answered_fn *answered;
	struct ready_step *prev_waiter, *next_waiter;
	void (*cancel)(struct ready_step *step);
	void *data;        /* the check's */
	const char *asked; /* likewise; borrowed */
	unsigned tries;
	/* What the checks of a name have found for the next ones: */
	const char *method; /* static, as in autocert.challenge; NULL: none */
	char *zone;         /* that contains .base; NULL: unknown */
	struct ready_step *prev, *next;
};

/* Adds a finding of the current check; only the first READY_FINDINGS_MAX of a run are kept. */
void
ready_add(struct ready_step *step, enum ready_grade grade, const char *fmt, ...) _printf_(3, 4);

/* The worst grade of a list. */
int64_t
ready_worst(const struct record_list *list);

/* The check is over. */
void
ready_next(struct ready_step *step);

enum { READY_ASK_MS = 4000, READY_AGAIN_MS = 2000 };

/* Asks @server (NULL: the resolver), unless the answer is known; @answered is called once, from the loop. */
void
ready_ask(
	struct ready_step *step, const char *server, const char *name, enum dns_type type, ready_answered_fn *answered);

/* Asks the resolver, which is told not to validate (DNSSEC). */
void
ready_ask_unvalidated(struct ready_step *step, const char *name, enum dns_type type, ready_answered_fn *answered);

/* The addresses of a host. */
void
ready_ask_addresses(struct ready_step *step, const char *host, ready_answered_fn *answered);

/* The zones that the DNS provider with that id has, as the values of the answer. Return: false: its kind lists none. */
bool
ready_ask_zones(struct ready_step *step, const char *id, ready_answered_fn *answered);

/* Its answer is not wanted any more. */
void
question_leave(struct ready_step *step);

/* Forgets old answers, or @all; not those that somebody waits for. */
void
questions_drop(struct ready *ready, bool all);

/* Calls @fn after @ms. */
void
ready_after(struct ready_step *step, int64_t ms, void (*fn)(void *step));

/* NOERROR or NXDOMAIN? */
bool
ready_is_answer(const struct dns_answer *answer);

enum { READY_SERVFAIL = 2, READY_NXDOMAIN = 3 };

/* The DNS provider that would change the records of @name. Return: 1 found (clear it), 0 none or unknown. */
int
ready_dnsprovider(struct ready_step *step, const char *name, struct dnsprovider *ret);

int64_t
ready_now(const struct ready *ready);

#endif
