#include "daemon/base/workers.h"

#include "common/alloc.h"
#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { JOBS = 100 };

struct crew {
	struct clock *clock;
	struct loop *loop;
	struct workers *workers;
	pthread_t loop_thread;
	unsigned n_done;
	unsigned n_done_elsewhere;    /* not on the loop thread */
	atomic_uint n_on_loop_thread; /* jobs, not done functions */
};

struct job {
	struct crew *crew;
	unsigned in;
	unsigned out;
};

static void
crew_init(struct crew *crew, struct clock *clock)
{
	*crew = (struct crew){ .clock = clock, .loop_thread = pthread_self() };
	crew->loop = loop_new(clock);
	crew->workers = workers_new(crew->loop, 4);
}

static void
crew_clear(struct crew *crew)
{
	workers_free(crew->workers);
	loop_free(crew->loop);
	clock_free(crew->clock);
}

static void
work(void *arg)
{
	struct job *job = arg;

	job->out = job->in * 2;
	if (pthread_equal(pthread_self(), job->crew->loop_thread))
		atomic_fetch_add(&job->crew->n_on_loop_thread, 1);
}

static void
done(void *arg)
{
	struct job *job = arg;
	struct crew *crew = job->crew;

	cr_expect_eq(job->out, job->in * 2);
	if (!pthread_equal(pthread_self(), crew->loop_thread))
		crew->n_done_elsewhere++;
	if (++crew->n_done == JOBS)
		loop_stop(crew->loop);
	free(job);
}

static void
run_jobs(struct crew *crew)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	for (unsigned i = 0; i < JOBS; i++) {
		struct job *job = xcalloc(1, sizeof(*job));

		job->crew = crew;
		job->in = i;
		workers_run(crew->workers, work, done, job);
	}
	cr_assert_eq(loop_run(crew->loop, &err), 0);
	cr_expect_eq(crew->n_done, JOBS);
	cr_expect_eq(crew->n_done_elsewhere, 0);
}

Test(workers, jobs_run_on_threads_and_are_done_on_the_loop, .timeout = 300)
{
	struct crew crew;

	crew_init(&crew, clock_new_real());
	run_jobs(&crew);
	cr_expect_eq(atomic_load(&crew.n_on_loop_thread), 0);
	crew_clear(&crew);
}

Test(workers, jobs_run_on_the_loop_with_a_virtual_clock, .timeout = 300)
{
	struct crew crew;

	crew_init(&crew, clock_new_virtual(1000));
	run_jobs(&crew);
	cr_expect_eq(atomic_load(&crew.n_on_loop_thread), JOBS);
	cr_expect_eq(clock_wall_ms(crew.clock), 1000000, "work takes no virtual time");
	crew_clear(&crew);
}

struct slow {
	atomic_uint started;
	atomic_uint finished;
	unsigned released;
};

static void
slow_work(void *arg)
{
	struct slow *slow = arg;

	atomic_fetch_add(&slow->started, 1);
	usleep(50000);
	atomic_fetch_add(&slow->finished, 1);
}

static void
count_released(void *arg)
{
	struct slow *slow = arg;

	slow->released++;
}

Test(workers, free_waits_for_running_jobs_runs_no_more_and_releases_all, .timeout = 300)
{
	enum { MANY = 10000 }; /* minutes of work, so that some is left however late this thread continues */
	struct crew crew;
	struct slow slow = { 0 };

	crew_init(&crew, clock_new_real());
	for (unsigned i = 0; i < MANY; i++)
		workers_run(crew.workers, slow_work, count_released, &slow);
	while (atomic_load(&slow.started) == 0)
		usleep(1000);
	workers_free(crew.workers);
	crew.workers = NULL;
	cr_expect_eq(atomic_load(&slow.finished), atomic_load(&slow.started));
	cr_expect_lt(atomic_load(&slow.finished), MANY);
	cr_expect_eq(slow.released, MANY);
	crew_clear(&crew);
}

Test(workers, free_releases_jobs_of_the_virtual_clock_without_running_them)
{
	struct crew crew;
	struct slow slow = { 0 };

	crew_init(&crew, clock_new_virtual(1000));
	workers_run(crew.workers, slow_work, count_released, &slow);
	crew_clear(&crew);
	cr_expect_eq(atomic_load(&slow.started), 0);
	cr_expect_eq(slow.released, 1);
}
