/*
 * The thread pool. Threads are started when a job finds all busy, up to the limit, so that an idle daemon has few.
 * Finished jobs return in a list, signalled by an eventfd; their done functions run on the loop. With a virtual clock a
 * timer at zero replaces the threads.
 */
#include "daemon/base/workers.h"

#include "common/alloc.h"
#include "daemon/base/clock.h"
#include "daemon/base/fatal.h"
#include "daemon/base/loop.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

struct workers_job {
	struct workers_job *prev, *next;
	workers_job_fn *job;
	workers_done_fn *done;
	void *arg;
};

struct workers {
	struct loop *loop; /* borrowed */
	int done_fd;       /* eventfd; -1 with a virtual clock */
	struct loop_fd *done_watch;
	struct loop_timer run_inline; /* virtual clock only */
	pthread_t *threads;           /* loop thread only, like the two counts */
	unsigned n_threads;
	unsigned max_threads;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t wake;
	struct workers_job *waiting;
	struct workers_job *done;
	unsigned n_unfinished; /* waiting or running */
	bool is_stopping;
};

/* Called with the lock held, and returns with it held. */
static void
run_one(struct workers *workers)
{
	struct workers_job *job = workers->waiting;

	DL_DELETE(workers->waiting, job);
	pthread_mutex_unlock(&workers->lock);
	job->job(job->arg);
	pthread_mutex_lock(&workers->lock);
	workers->n_unfinished--;
	DL_APPEND(workers->done, job);
}

static void *
thread_main(void *arg)
{
	struct workers *workers = arg;

	pthread_mutex_lock(&workers->lock);
	while (!workers->is_stopping) {
		if (!workers->waiting) {
			pthread_cond_wait(&workers->wake, &workers->lock);
			continue;
		}
		run_one(workers);
		eventfd_write(workers->done_fd, 1);
	}
	pthread_mutex_unlock(&workers->lock);
	return NULL;
}

static void
workers_call_done(struct workers *workers)
{
	struct workers_job *done, *job, *next;

	pthread_mutex_lock(&workers->lock);
	done = workers->done;
	workers->done = NULL;
	pthread_mutex_unlock(&workers->lock);
	DL_FOREACH_SAFE(done, job, next) {
		if (job->done)
			job->done(job->arg);
		free(job);
	}
}

static void
on_done(int fd, short what _unused_, void *arg)
{
	eventfd_t count;

	eventfd_read(fd, &count);
	workers_call_done(arg);
}

static void
on_run_inline(void *arg)
{
	struct workers *workers = arg;

	pthread_mutex_lock(&workers->lock);
	while (workers->waiting)
		run_one(workers);
	pthread_mutex_unlock(&workers->lock);
	workers_call_done(workers);
}

static unsigned
cpu_count(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n > 2 ? (unsigned)n : 2;
}

/* Signals are for the loop: threads block all. Return: 0 or an errno. */
static int
start_thread(struct workers *workers)
{
	pthread_t *thread = &workers->threads[workers->n_threads];
	sigset_t all;
	sigset_t old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(thread, NULL, thread_main, workers);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0) {
		pthread_setname_np(*thread, "certd-worker");
		workers->n_threads++;
	}
	return rc;
}

struct workers *
workers_new(struct loop *loop, unsigned threads)
{
	struct workers *workers = xcalloc(1, sizeof(*workers));
	int rc;

	workers->loop = loop;
	workers->done_fd = -1;
	workers->max_threads = threads ? threads : cpu_count();
	workers->threads = xcalloc(workers->max_threads, sizeof(*workers->threads));
	pthread_mutex_init(&workers->lock, NULL);
	pthread_cond_init(&workers->wake, NULL);
	loop_timer_init(&workers->run_inline, loop, on_run_inline, workers);
	if (clock_is_virtual(loop_clock(loop)))
		return workers;
	workers->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (workers->done_fd < 0)
		fatal_errno(errno, "create an event descriptor");
	workers->done_watch = loop_fd_new(loop, workers->done_fd, LOOP_READ, on_done, workers);
	rc = start_thread(workers); /* one at once, so that a lack of threads shows at the start and never later */
	if (rc)
		fatal_errno(rc, "start a thread");
	return workers;
}

void
workers_free(struct workers *workers)
{
	if (!workers)
		return;
	pthread_mutex_lock(&workers->lock);
	workers->is_stopping = true;
	pthread_cond_broadcast(&workers->wake);
	pthread_mutex_unlock(&workers->lock);
	for (unsigned i = 0; i < workers->n_threads; i++)
		pthread_join(workers->threads[i], NULL);
	DL_CONCAT(workers->done, workers->waiting);
	workers_call_done(workers);
	loop_timer_cancel(&workers->run_inline);
	loop_fd_free(workers->done_watch);
	if (workers->done_fd >= 0)
		close(workers->done_fd);
	pthread_mutex_destroy(&workers->lock);
	pthread_cond_destroy(&workers->wake);
	free(workers->threads);
	free(workers);
}

void
workers_run(struct workers *workers, workers_job_fn *job, workers_done_fn *done, void *arg)
{
	struct workers_job *entry = xmalloc(sizeof(*entry));
	unsigned n_unfinished;

	*entry = (struct workers_job){ .job = job, .done = done, .arg = arg };
	pthread_mutex_lock(&workers->lock);
	DL_APPEND(workers->waiting, entry);
	n_unfinished = ++workers->n_unfinished;
	pthread_cond_signal(&workers->wake);
	pthread_mutex_unlock(&workers->lock);
	if (workers->done_fd < 0)
		loop_timer_set(&workers->run_inline, 0);
	else if (n_unfinished > workers->n_threads && workers->n_threads < workers->max_threads)
		start_thread(workers);
}
