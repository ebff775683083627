/*
 * daemon/base/workers.h: a few threads for slow work: key generation, PKCS#12, writing and syncing of drops.
 * Octets in, octets out: a job uses only its own argument. With a virtual clock jobs run on the loop thread, in order,
 * so that simulations are repeatable.
 */
#ifndef DAEMON_BASE_WORKERS_H
#define DAEMON_BASE_WORKERS_H

struct loop;
struct workers;

typedef void
workers_job_fn(void *arg); /* on a worker thread */
typedef void
workers_done_fn(void *arg); /* on the loop, once per job, in any order */

/* @threads 0: one per CPU, at least 2. */
struct workers *
workers_new(struct loop *loop, unsigned threads);

/*
 * Waits for running jobs, then calls the done function of every remaining job, run or not, so that its argument is
 * released. Owners that are gone have orphaned it before. Done functions must not queue jobs then.
 */
void
workers_free(struct workers *workers);

/* Queues a job; @done may free @arg. Jobs cannot be cancelled: an owner that is freed marks @arg as orphaned. */
void
workers_run(struct workers *workers, workers_job_fn *job, workers_done_fn *done, void *arg);

#endif
