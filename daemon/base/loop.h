/*
 * daemon/base/loop.h: the one thread that owns all state; the only module that uses libevent.
 *
 * A turn: wait for events once, run their callbacks, run deferred calls, then the turn-end function (the store's one
 * commit), repeated until nothing is left; only then wait again. Callbacks have five lines: unpack, call, re-arm. With
 * a virtual clock the loop never sleeps: when no descriptor is ready and no worker is busy, time jumps to the earliest
 * timer. All timers of the daemon belong to this module, so that years can be simulated.
 */
#ifndef DAEMON_BASE_LOOP_H
#define DAEMON_BASE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock;
struct error;
struct loop;

typedef void
loop_fn(void *arg);
typedef void
loop_fd_fn(int fd, short what, void *arg); /* @what: LOOP_READ | LOOP_WRITE */

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

/* @clock: borrowed; must outlive the loop. */
struct loop *
loop_new(struct clock *clock);

void
loop_free(struct loop *loop);

/*
 * Runs turns until loop_stop(), or with a virtual clock until no event is left. A loop_stop() before the call ends it
 * at once. Return: 0 or -1.
 */
int
loop_run(struct loop *loop, struct error *err);

/* Ends loop_run() after the current turn, including its commit. */
void
loop_stop(struct loop *loop);

/* Virtual and tests: runs until @wall_at is reached or loop_stop(). */
int
loop_run_until(struct loop *loop, int64_t wall_at, struct error *err);

struct clock *
loop_clock(const struct loop *loop);

/* Its wall time, UNIX seconds. */
int64_t
loop_now(const struct loop *loop);

/* Runs @fn in this turn (or the next, when none is running), in order of calls. Cannot be cancelled. */
void
loop_defer(struct loop *loop, loop_fn *fn, void *arg);

/* The function that ends each turn (the store's commit); returns true if it created more work for this turn. */
typedef bool
loop_turn_fn(void *arg);

void
loop_set_turn_end(struct loop *loop, loop_turn_fn *fn, void *arg);

/*
 * Longest and 99th percentile turn in microseconds since start, excluding waits, for metrics and tests. The percentile
 * is the upper edge of a bucket, at most a quarter too large.
 */
void
loop_turn_stats(const struct loop *loop, int64_t *ret_max_us, int64_t *ret_p99_us);

/*
 * loop_turn_counts() - the turns since start by duration, for metrics
 * @bounds_us: @n ascending powers of two; @ret_counts[i]: turns that took less than bounds_us[i]
 */
void
loop_turn_counts(const struct loop *loop, const int64_t *bounds_us, size_t n, uint64_t *ret_counts, uint64_t *ret_count,
	int64_t *ret_sum_us);

/* One-shot timers. The struct is embedded in its owner; loop_timer_init() before anything else. */
struct loop_timer {
	struct loop *loop;
	loop_fn *fn;
	void *arg;
	int64_t due_ms; /* boot time; -1: not armed */
	uint64_t seq;   /* the order of arming decides between equal times */
	size_t index;   /* place in the loop's heap while armed */
};

void
loop_timer_init(struct loop_timer *timer, struct loop *loop, loop_fn *fn, void *arg);

/* Arms (or arms anew) for @ms from now; 0 is "in the next turn". */
void
loop_timer_set(struct loop_timer *timer, int64_t ms);

/* No-op when not armed, or zeroed without initialization. Must be called before the owner is freed. */
void
loop_timer_cancel(struct loop_timer *timer);

bool
loop_timer_is_armed(const struct loop_timer *timer);

/*
 * The one timer on wall time (timerfd CLOCK_REALTIME, TFD_TIMER_CANCEL_ON_SET), for the schedule: @fn runs when
 * @wall_at is reached, or at once with @was_clock_set when the clock was set or the machine was suspended. It is always
 * armed (for a far date when nothing is due).
 */
typedef void
loop_wall_fn(bool was_clock_set, void *arg);

void
loop_wall_init(struct loop *loop, loop_wall_fn *fn, void *arg);

/* @wall_at: UNIX seconds; INT64_MAX: nothing is due. */
void
loop_wall_set(struct loop *loop, int64_t wall_at);

/* Descriptor watches (persistent until removed). */
struct loop_fd;

struct loop_fd *
loop_fd_new(struct loop *loop, int fd, short what, loop_fd_fn *fn, void *arg);

/* Changes the watched events; 0 pauses. */
void
loop_fd_set(struct loop_fd *watch, short what);

/* Does not close the descriptor. NULL is a no-op. */
void
loop_fd_free(struct loop_fd *watch);

/* Signals arrive as loop callbacks (SIGTERM, SIGINT, SIGHUP; hook.c needs no SIGCHLD). Freed with the loop. */
void
loop_signal(struct loop *loop, int signo, loop_fn *fn, void *arg);

/*
 * Calls @fn from loop_free(), while the loop is still usable: for objects without another owner. Last added, first run.
 */
void
loop_at_free(struct loop *loop, loop_fn *fn, void *arg);

#endif
