/* daemon/base/loop_private.h: shared by loop.c, loop_timer.c and fair.c; only for them and their tests. */
#ifndef DAEMON_BASE_LOOP_PRIVATE_H
#define DAEMON_BASE_LOOP_PRIVATE_H

#include "daemon/base/loop.h"

#include <sys/types.h>

struct event;

struct loop_call {
	loop_fn *fn;
	void *arg;
};

struct loop_calls {
	struct loop_call *items; /* owned */
	size_t count;
	size_t cap;
};

/* All armed timers: a binary heap by (due_ms, seq); each timer stores its index. */
struct loop_timers {
	struct loop_timer **heap; /* owned; the timers are borrowed from their owners */
	size_t count;
	size_t cap;
	uint64_t next_seq;
	int wake_fd;     /* timerfd on boot time that ends the wait; -1 with a virtual clock */
	int64_t wake_ms; /* the time it is armed for; -1: not armed */
	struct loop_fd *wake_watch;
};

struct loop_wall {
	loop_wall_fn *fn; /* NULL before loop_wall_init() */
	void *arg;
	int64_t at; /* UNIX seconds; INT64_MAX: nothing is due */
	int fd;     /* timerfd on wall time; -1 with a virtual clock */
	struct loop_fd *watch;
	unsigned seen_set_count;                        /* of the virtual clock */
	ssize_t (*read)(int fd, void *buf, size_t len); /* read(2); a test simulates a clock that was set */
};

/* Turns by duration in microseconds: four buckets for each power of two. */
enum { LOOP_STATS_BUCKETS = 248 };

struct loop_stats {
	uint64_t buckets[LOOP_STATS_BUCKETS];
	uint64_t count;
	int64_t max_us;
	int64_t sum_us;
};

struct loop {
	struct clock *clock; /* borrowed */
	struct event_base *base;
	struct loop_calls deferred;
	struct loop_calls at_free;
	struct loop_turn_fn_slot {
		loop_turn_fn *fn;
		void *arg;
	} turn_end;
	struct loop_signal_watch *signals; /* list */
	struct loop_timers timers;
	struct loop_wall wall;
	struct loop_stats stats;
	struct fair *fair;       /* fair.c; NULL: no users */
	int64_t turn_started_us; /* first callback of the current turn; -1: none yet */
	bool is_stopping;
};

/* Marks the start of a callback of the current turn. */
void
loop_enter(struct loop *loop);

void
loop_timers_init(struct loop *loop);

void
loop_timers_clear(struct loop *loop);

/* Is a timer due, or with a virtual clock the wall timer? */
bool
loop_timers_are_due(const struct loop *loop);

/* Real clock: ends the wait when the earliest timer is due. */
void
loop_timers_arm(struct loop *loop);

/* Runs due timers, but not those that are armed meanwhile. */
void
loop_timers_run(struct loop *loop);

/* Virtual clock: milliseconds from now to the earliest timer of either kind; INT64_MAX: there is none. */
int64_t
loop_timers_next_ms(const struct loop *loop);

void
loop_stats_add(struct loop_stats *stats, int64_t us);

int64_t
loop_stats_percentile_us(const struct loop_stats *stats, unsigned percent);

/* Turns that took less than @bound_us, a power of two. */
uint64_t
loop_stats_below(const struct loop_stats *stats, int64_t bound_us);

#endif
