/* tests/unit/challenge/rig.h: a solver with everything that it needs, and the loop run until something happens. */
#ifndef TESTS_UNIT_CHALLENGE_RIG_H
#define TESTS_UNIT_CHALLENGE_RIG_H

#include "common/error.h"
#include "common/strlist.h"
#include "daemon/acme/acme_msg.h"
#include "daemon/challenge/solver.h"
#include "daemon/report/events.h"
#include "tests/unit/store/tmp_store.h"

struct rig {
	struct tmp_store store;
	struct clock *clock;
	struct dnsprovider_env env;
	struct solver_config config;
	struct solver *solver;
	struct log *log;
};

/* What done and progress functions leave behind. */
struct result {
	struct rig *rig;
	int calls;
	struct error error;
	struct strlist progress;
};

/* @resolver: "address:port" of the server for queries without one; NULL: none. */
void
rig_init(struct rig *rig, const char *resolver);

void
rig_clear(struct rig *rig);

/* Frees the solver and makes it anew from rig->config: what it knew is gone but for the store. */
void
rig_restart(struct rig *rig);

/* What is left of a certd that was killed. */
struct rig_remains {
	struct loop *loop;
	struct dns *dns;
	struct solver *solver;
};

/*
 * As after kill -9 and a new start: nothing that runs is told, and only the store remains. @resolver: as in rig_init().
 * Its memory is released by rig_bury(), after its solves were stopped.
 */
void
rig_kill(struct rig *rig, const char *resolver, struct rig_remains *ret);

void
rig_bury(struct rig_remains *remains);

void
rig_run_ms(struct rig *rig, int64_t ms);

/* Until @result has a call more than before, at most @ms. Return: did it? */
bool
rig_wait(struct rig *rig, struct result *result, int64_t ms);

void
result_clear(struct result *result);

/* solver_done_fn and solver_progress_fn with a struct result */
void
note_done(const struct error *err, void *arg);

void
note_progress(const char *why, void *arg);

/* A provider of kind rfc2136 is in the store; returns its id. @zone NULL: none. */
void
rig_add_provider(struct rig *rig, const char *name, const char *server, const char *zone, char ret_id[STORE_ID_SIZE]);

/* Adds (or removes) a TXT value at the server of rig_add_provider(), as an operator would. @zone: of @owner. */
void
rig_publish(
	struct rig *rig, const char *server, const char *zone, const char *owner, const char *value, bool is_removal);

/* The last event of that kind is about this object (NULL: none); it is told in one line that has @says. */
void
rig_expect_event(struct rig *rig, enum event_kind kind, const struct event_object *about, const char *says);

/* An authorization with one challenge each of @types (comma separated), with @token; dns-persist-01 with an issuer. */
void
authz_init(struct acme_authorization *authz, const char *name, bool is_wildcard, const char *types, const char *token);

#endif
