/*
 * tests/sim/sim.h: shared by simulations: one seed that decides everything, a log whose hash shows whether two runs
 * were
 * equal, and a failure message that says how to repeat the run.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "common/alloc.h"

#include <stdbool.h>
#include <stdint.h>

struct sim {
	uint64_t seed;
	uint64_t random; /* state of the generator */
	uint64_t hash;   /* of the log */
	uint64_t lines;
	bool is_loud; /* SIM_LOG=1: the log is printed */
};

/* Seed: SIM_SEED of the environment, else @seed. */
void
sim_init(struct sim *sim, uint64_t seed);

/* SIM_LONG=1: the form that takes minutes. */
bool
sim_is_long(void);

uint64_t
sim_random(struct sim *sim);

/* 0 .. @n - 1; 0 if @n is not positive. */
int64_t
sim_below(struct sim *sim, int64_t n);

/* True in @per_mille of 1000 cases. */
bool
sim_chance(struct sim *sim, unsigned per_mille);

/* One line of the log. */
void
sim_log(struct sim *sim, const char *fmt, ...) _printf_(2, 3);

/* The run is a failure: says why and with which seed, and ends the process. */
_Noreturn void
sim_fail(const struct sim *sim, const char *fmt, ...) _printf_(2, 3);

/*
 * Makes the random numbers of common/random.h and of OpenSSL follow from @seed, for this whole process and until the
 * next call: ids, keys and signatures are then the same in each run.
 */
void
sim_seed_random(uint64_t seed);

/*
 * From now on, each id is greater than the ones before it, so that lists of objects are in the order of their creation.
 */
void
sim_count_ids(void);

/* Makes a directory on tmpfs (else in TMPDIR) and enters it, so that paths in the log are the same in each run. */
void
sim_enter_directory(void);

/* Leaves it and removes it with all that is in it. */
void
sim_leave_directory(void);

#endif
