/*
 * tests/unit/renew/run.h: the world of the simulation for one test: perfect weather, one provider, one
 * auto-certificate.
 */
#ifndef TESTS_UNIT_RENEW_RUN_H
#define TESTS_UNIT_RENEW_RUN_H

#include "tests/sim/world.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 24 * HOUR };

struct run {
	struct sim sim;
	struct world world;
};

/* Provider "ca" and auto-certificate "a-90d" with two names are declared; it stops at request @n (0: does not). */
void
run_begin(struct run *r, uint64_t n);

void
run_end(struct run *r);

/* certd ends and starts again. Return: had it come to world.stop_at_commit, which is over? */
bool
run_restart(struct run *r);

/* The auto-certificate and its row. Ends the test when it is not there. @ret: zeroed. */
void
run_load(struct run *r, const char *name, struct autocert *ret);

/* When the row of that kind is due; 0: there is none. */
int64_t
run_due(struct run *r, enum schedule_kind kind, const char *id);

/* A wrong answer of the provider's CA to each request of one kind. */
struct run_fault {
	enum fake_ca_kind kind;
	enum error_code failure; /* no answer at all but this; ERROR_NONE: a problem */
	int status;
	const char *problem;
	const char *body;             /* instead of a problem */
	const struct run_fault *also; /* or NULL: a fault of another kind of request */
};

/* From now on, until run_mend(); @fault is borrowed for that long. */
void
run_spoil(struct run *r, const struct run_fault *fault);

void
run_mend(struct run *r);

#endif
