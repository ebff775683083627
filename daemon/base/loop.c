/*
 * The loop. libevent waits and calls descriptor and signal callbacks. The rest of a turn is here: event_base_loop(
 * EVLOOP_ONCE) is followed by due timers, then deferred calls, then the turn-end function, the last two until nothing
 * is left. libevent has no hook before waiting, and a low-priority event in its place would starve.
 *
 * With a virtual clock nothing waits: descriptors are polled, and when none is ready the clock jumps.
 */
#include "daemon/base/loop.h"

#include "common/alloc.h"
#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/fatal.h"
#include "daemon/base/loop_private.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

struct loop_fd {
	struct loop *loop;
	struct event *event;
	loop_fd_fn *fn;
	void *arg;
};

struct loop_signal_watch {
	struct loop_signal_watch *next;
	struct loop *loop;
	struct event *event;
	loop_fn *fn;
	void *arg;
};

/* libevent gives no reason: usually epoll_create1() without a free descriptor. */
static void *
or_die(void *p)
{
	if (!p)
		fatal_errno(errno ? errno : ENOMEM, "set up the event loop");
	return p;
}

static struct event_base *
base_new(void)
{
	struct event_config *config = or_die(event_config_new());
	struct event_base *base;

	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
	base = or_die(event_base_new_with_config(config));
	event_config_free(config);
	return base;
}

struct loop *
loop_new(struct clock *clock)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));

	loop->clock = clock;
	loop->turn_started_us = -1;
	loop->base = base_new();
	loop_timers_init(loop);
	return loop;
}

static void
calls_add(struct loop_calls *calls, loop_fn *fn, void *arg)
{
	if (calls->count == calls->cap) {
		calls->cap = calls->cap ? calls->cap * 2 : 32;
		calls->items = xreallocarray(calls->items, calls->cap, sizeof(*calls->items));
	}
	calls->items[calls->count++] = (struct loop_call){ .fn = fn, .arg = arg };
}

void
loop_at_free(struct loop *loop, loop_fn *fn, void *arg)
{
	calls_add(&loop->at_free, fn, arg);
}

void
loop_free(struct loop *loop)
{
	if (!loop)
		return;
	while (loop->at_free.count) {
		struct loop_call call = loop->at_free.items[--loop->at_free.count];

		call.fn(call.arg);
	}
	while (loop->signals) {
		struct loop_signal_watch *watch = loop->signals;

		LL_DELETE(loop->signals, watch);
		event_free(watch->event);
		free(watch);
	}
	loop_timers_clear(loop);
	event_base_free(loop->base);
	free(loop->deferred.items);
	free(loop->at_free.items);
	free(loop);
}

struct clock *
loop_clock(const struct loop *loop)
{
	return loop->clock;
}

int64_t
loop_now(const struct loop *loop)
{
	return clock_wall(loop->clock);
}

void
loop_stop(struct loop *loop)
{
	loop->is_stopping = true;
}

void
loop_defer(struct loop *loop, loop_fn *fn, void *arg)
{
	calls_add(&loop->deferred, fn, arg);
}

void
loop_set_turn_end(struct loop *loop, loop_turn_fn *fn, void *arg)
{
	loop->turn_end.fn = fn;
	loop->turn_end.arg = arg;
}

void
loop_turn_stats(const struct loop *loop, int64_t *ret_max_us, int64_t *ret_p99_us)
{
	*ret_max_us = loop->stats.max_us;
	*ret_p99_us = loop_stats_percentile_us(&loop->stats, 99);
}

void
loop_turn_counts(const struct loop *loop, const int64_t *bounds_us, size_t n, uint64_t *ret_counts, uint64_t *ret_count,
	int64_t *ret_sum_us)
{
	for (size_t i = 0; i < n; i++)
		ret_counts[i] = loop_stats_below(&loop->stats, bounds_us[i]);
	*ret_count = loop->stats.count;
	*ret_sum_us = loop->stats.sum_us;
}

/* A turn's time starts here, because libevent does not report the end of its wait. */
void
loop_enter(struct loop *loop)
{
	if (loop->turn_started_us < 0)
		loop->turn_started_us = clock_boot_us(loop->clock);
}

static void
run_deferred(struct loop *loop)
{
	for (size_t i = 0; i < loop->deferred.count; i++) {
		struct loop_call call = loop->deferred.items[i]; /* the array may move below */

		call.fn(call.arg);
	}
	loop->deferred.count = 0;
}

/* All parts of a turn except waiting for descriptors and their callbacks. */
static void
finish_turn(struct loop *loop)
{
	loop_timers_run(loop);
	loop_enter(loop);
	do
		run_deferred(loop);
	while ((loop->turn_end.fn && loop->turn_end.fn(loop->turn_end.arg)) || loop->deferred.count);
	loop_stats_add(&loop->stats, clock_boot_us(loop->clock) - loop->turn_started_us);
	loop->turn_started_us = -1;
}

static int
call_events(struct loop *loop, int flags, struct error *err)
{
	if (event_base_loop(loop->base, flags) < 0)
		return error_set(err, ERROR_INTERNAL, "libevent's event loop failed");
	return 0;
}

static int
wait_real(struct loop *loop, struct error *err)
{
	if (loop->deferred.count || loop_timers_are_due(loop))
		return call_events(loop, EVLOOP_ONCE | EVLOOP_NONBLOCK, err);
	loop_timers_arm(loop);
	return call_events(loop, EVLOOP_ONCE, err);
}

/* The same without a wait. Return: 1, 0 nothing happens before @until_ms any more, -1 failed. */
static int
wait_virtual(struct loop *loop, int64_t until_at, struct error *err)
{
	int64_t next_ms;
	int64_t left_ms = INT64_MAX;

	if (call_events(loop, EVLOOP_ONCE | EVLOOP_NONBLOCK, err) < 0)
		return -1;
	if (loop->turn_started_us >= 0 || loop->deferred.count || loop_timers_are_due(loop))
		return 1;
	next_ms = loop_timers_next_ms(loop);
	if (until_at != INT64_MAX)
		left_ms = until_at * 1000 - clock_wall_ms(loop->clock);
	if (next_ms <= left_ms && next_ms != INT64_MAX) {
		clock_advance_ms(loop->clock, next_ms);
		return 1;
	}
	if (left_ms > 0 && left_ms != INT64_MAX)
		clock_advance_ms(loop->clock, left_ms);
	return 0;
}

static int
loop_run_due(struct loop *loop, int64_t until_at, struct error *err)
{
	int more = 1;

	while (more > 0 && !loop->is_stopping) {
		if (!clock_is_virtual(loop->clock))
			more = wait_real(loop, err) < 0 ? -1 : 1;
		else
			more = wait_virtual(loop, until_at, err);
		finish_turn(loop);
	}
	loop->is_stopping = false;
	return more < 0 ? -1 : 0;
}

int
loop_run(struct loop *loop, struct error *err)
{
	return loop_run_due(loop, INT64_MAX, err);
}

struct until {
	struct loop_timer timer;
	int64_t wall_at;
};

/* Arms for the rest: the milliseconds of the two clocks begin at different moments, and wall time may be set. */
static void
on_until(void *arg)
{
	struct until *until = arg;
	struct loop *loop = until->timer.loop;
	int64_t left_ms = until->wall_at * 1000 - clock_wall_ms(loop->clock);

	if (left_ms > 0)
		loop_timer_set(&until->timer, left_ms);
	else
		loop_stop(loop);
}

int
loop_run_until(struct loop *loop, int64_t wall_at, struct error *err)
{
	struct until until = { .wall_at = wall_at };
	int rc;

	if (clock_is_virtual(loop->clock))
		return loop_run_due(loop, wall_at, err);
	loop_timer_init(&until.timer, loop, on_until, &until);
	loop_timer_set(&until.timer, 0);
	rc = loop_run_due(loop, wall_at, err);
	loop_timer_cancel(&until.timer);
	return rc;
}

static void
loop_on_fd(evutil_socket_t fd, short what, void *arg)
{
	struct loop_fd *watch = arg;
	short mine = 0;

	loop_enter(watch->loop);
	if (what & EV_READ)
		mine |= LOOP_READ;
	if (what & EV_WRITE)
		mine |= LOOP_WRITE;
	watch->fn(fd, mine, watch->arg); /* may free the watch */
}

static short
events_of(short what)
{
	return (short)(EV_PERSIST | (what & LOOP_READ ? EV_READ : 0) | (what & LOOP_WRITE ? EV_WRITE : 0));
}

struct loop_fd *
loop_fd_new(struct loop *loop, int fd, short what, loop_fd_fn *fn, void *arg)
{
	struct loop_fd *watch = xmalloc(sizeof(*watch));

	*watch = (struct loop_fd){ .loop = loop, .fn = fn, .arg = arg };
	watch->event = or_die(event_new(loop->base, fd, events_of(what), loop_on_fd, watch));
	if (what)
		event_add(watch->event, NULL);
	return watch;
}

void
loop_fd_set(struct loop_fd *watch, short what)
{
	if (event_pending(watch->event, EV_READ | EV_WRITE, NULL) && event_get_events(watch->event) == events_of(what))
		return;
	event_del(watch->event);
	event_assign(watch->event, watch->loop->base, event_get_fd(watch->event), events_of(what), loop_on_fd, watch);
	if (what)
		event_add(watch->event, NULL);
}

void
loop_fd_free(struct loop_fd *watch)
{
	if (!watch)
		return;
	event_free(watch->event);
	free(watch);
}

static void
on_signal(evutil_socket_t signo _unused_, short what _unused_, void *arg)
{
	struct loop_signal_watch *watch = arg;

	loop_enter(watch->loop);
	watch->fn(watch->arg);
}

void
loop_signal(struct loop *loop, int signo, loop_fn *fn, void *arg)
{
	struct loop_signal_watch *watch = xmalloc(sizeof(*watch));

	*watch = (struct loop_signal_watch){ .loop = loop, .fn = fn, .arg = arg };
	watch->event = or_die(evsignal_new(loop->base, signo, on_signal, watch));
	event_add(watch->event, NULL);
	LL_PREPEND(loop->signals, watch);
}
