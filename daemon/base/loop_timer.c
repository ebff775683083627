/*
 * Timers. One heap serves both clocks, which differ only in how time passes: for a real loop a timerfd on boot time
 * (which, unlike libevent's own timers, counts suspend) or wall time ends the wait; a virtual one advances its clock.
 * So the simulation runs the same code as production.
 *
 * The wall timer is always armed, for a far date when nothing is due: only then TFD_TIMER_CANCEL_ON_SET reports a set
 * clock (and the end of a suspend).
 */
#include "daemon/base/loop_private.h"

#include "common/alloc.h"
#include "daemon/base/clock.h"
#include "daemon/base/fatal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* The year 2242: beyond every certificate, within the kernel's 64-bit nanoseconds. */
static const int64_t wall_far_at = INT64_C(1) << 33;

static bool
is_before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->seq < b->seq;
}

static void
heap_put(struct loop_timers *t, size_t i, struct loop_timer *timer)
{
	t->heap[i] = timer;
	timer->index = i;
}

static void
heap_up(struct loop_timers *t, size_t i, struct loop_timer *timer)
{
	while (i > 0 && is_before(timer, t->heap[(i - 1) / 2])) {
		heap_put(t, i, t->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_put(t, i, timer);
}

static void
heap_down(struct loop_timers *t, size_t i, struct loop_timer *timer)
{
	for (size_t child; (child = 2 * i + 1) < t->count; i = child) {
		if (child + 1 < t->count && is_before(t->heap[child + 1], t->heap[child]))
			child++;
		if (!is_before(t->heap[child], timer))
			break;
		heap_put(t, i, t->heap[child]);
	}
	heap_put(t, i, timer);
}

static void
heap_add(struct loop_timers *t, struct loop_timer *timer)
{
	if (t->count == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->heap = xreallocarray(t->heap, t->cap, sizeof(struct loop_timer *));
	}
	heap_up(t, t->count++, timer);
}

static void
heap_remove(struct loop_timers *t, size_t i)
{
	struct loop_timer *last = t->heap[--t->count];

	if (i == t->count)
		return;
	if (i > 0 && is_before(last, t->heap[(i - 1) / 2]))
		heap_up(t, i, last);
	else
		heap_down(t, i, last);
}

void
loop_timer_init(struct loop_timer *timer, struct loop *loop, loop_fn *fn, void *arg)
{
	*timer = (struct loop_timer){ .loop = loop, .fn = fn, .arg = arg, .due_ms = -1 };
}

void
loop_timer_set(struct loop_timer *timer, int64_t ms)
{
	struct loop_timers *t = &timer->loop->timers;
	int64_t now_ms = clock_boot_ms(timer->loop->clock);

	loop_timer_cancel(timer);
	if (ms < 0)
		ms = 0;
	timer->due_ms = ms < INT64_MAX - now_ms ? now_ms + ms : INT64_MAX;
	timer->seq = t->next_seq++;
	heap_add(t, timer);
}

void
loop_timer_cancel(struct loop_timer *timer)
{
	if (!loop_timer_is_armed(timer))
		return;
	timer->due_ms = -1;
	heap_remove(&timer->loop->timers, timer->index);
}

bool
loop_timer_is_armed(const struct loop_timer *timer)
{
	return timer->loop && timer->due_ms >= 0;
}

/* @at_ms in milliseconds of the descriptor's clock. Return: timerfd_settime()'s. */
static int
timerfd_arm(int fd, int64_t at_ms, int flags)
{
	struct itimerspec its = { 0 };

	if (at_ms < 1)
		at_ms = 1; /* zero would disarm */
	its.it_value.tv_sec = at_ms / 1000;
	its.it_value.tv_nsec = at_ms % 1000 * 1000000;
	return timerfd_settime(fd, TFD_TIMER_ABSTIME | flags, &its, NULL);
}

static int
timerfd_new(clockid_t id)
{
	int fd = timerfd_create(id, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		fatal_errno(errno, "create a timer");
	return fd;
}

/* Only ends the wait; loop_timers_run() follows in each turn. */
static void
on_wake(int fd, short what _unused_, void *arg)
{
	struct loop *loop = arg;
	uint64_t expirations;

	if (read(fd, &expirations, sizeof(expirations)) > 0)
		loop->timers.wake_ms = -1;
}

void
loop_timers_init(struct loop *loop)
{
	loop->timers.wake_fd = -1;
	loop->timers.wake_ms = -1;
	loop->wall.fd = -1;
	loop->wall.at = INT64_MAX;
	loop->wall.read = read;
	if (clock_is_virtual(loop->clock))
		return;
	loop->timers.wake_fd = timerfd_new(CLOCK_BOOTTIME);
	loop->timers.wake_watch = loop_fd_new(loop, loop->timers.wake_fd, LOOP_READ, on_wake, loop);
}

void
loop_timers_clear(struct loop *loop)
{
	loop_fd_free(loop->timers.wake_watch);
	loop_fd_free(loop->wall.watch);
	if (loop->timers.wake_fd >= 0)
		close(loop->timers.wake_fd);
	if (loop->wall.fd >= 0)
		close(loop->wall.fd);
	free(loop->timers.heap);
}

static bool
virtual_clock_was_set(const struct loop *loop)
{
	return loop->wall.fn && clock_set_count(loop->clock) != loop->wall.seen_set_count;
}

bool
loop_timers_are_due(const struct loop *loop)
{
	const struct loop_timers *t = &loop->timers;

	if (t->count && t->heap[0]->due_ms <= clock_boot_ms(loop->clock))
		return true;
	if (!clock_is_virtual(loop->clock))
		return false; /* the timerfd reports it */
	return virtual_clock_was_set(loop) || loop->wall.at <= clock_wall(loop->clock);
}

void
loop_timers_arm(struct loop *loop)
{
	struct loop_timers *t = &loop->timers;

	/* An early wake-up is harmless, so cancelling a timer costs no system call. */
	if (!t->count || (t->wake_ms >= 0 && t->wake_ms <= t->heap[0]->due_ms))
		return;
	t->wake_ms = t->heap[0]->due_ms;
	timerfd_arm(t->wake_fd, t->wake_ms, 0);
}

int64_t
loop_timers_next_ms(const struct loop *loop)
{
	int64_t next_ms = INT64_MAX;

	if (loop->timers.count)
		next_ms = loop->timers.heap[0]->due_ms - clock_boot_ms(loop->clock);
	if (loop->wall.at < INT64_MAX / 1000) {
		int64_t wall_ms = loop->wall.at * 1000 - clock_wall_ms(loop->clock);

		if (wall_ms < next_ms)
			next_ms = wall_ms;
	}
	return next_ms > 0 ? next_ms : 0;
}

static void
wall_run_virtual(struct loop *loop)
{
	bool was_set = virtual_clock_was_set(loop);

	if (!loop->wall.fn || (!was_set && loop->wall.at > clock_wall(loop->clock)))
		return;
	loop_enter(loop);
	loop->wall.seen_set_count = clock_set_count(loop->clock);
	if (!was_set)
		loop->wall.at = INT64_MAX;
	loop->wall.fn(was_set, loop->wall.arg);
}

void
loop_timers_run(struct loop *loop)
{
	struct loop_timers *t = &loop->timers;
	uint64_t seq_end = t->next_seq;
	int64_t now_ms = clock_boot_ms(loop->clock);

	while (t->count && t->heap[0]->due_ms <= now_ms && t->heap[0]->seq < seq_end) {
		struct loop_timer *timer = t->heap[0];

		loop_enter(loop);
		loop_timer_cancel(timer);
		timer->fn(timer->arg); /* may free the timer */
	}
	if (clock_is_virtual(loop->clock))
		wall_run_virtual(loop);
}

static void
wall_report_set(void *arg)
{
	struct loop *loop = arg;

	loop->wall.fn(true, loop->wall.arg);
}

static void
wall_arm(struct loop *loop)
{
	int64_t at = loop->wall.at < wall_far_at ? loop->wall.at : wall_far_at;

	if (loop->wall.fd < 0)
		return;
	if (at < 0)
		at = 0;
	/* ECANCELED: it is armed, and the clock was set since the last read(), which reports that only once. */
	if (timerfd_arm(loop->wall.fd, at * 1000, TFD_TIMER_CANCEL_ON_SET) < 0 && errno == ECANCELED)
		loop_defer(loop, wall_report_set, loop);
}

static void
on_wall(int fd, short what _unused_, void *arg)
{
	struct loop *loop = arg;
	uint64_t expirations;
	ssize_t n = loop->wall.read(fd, &expirations, sizeof(expirations));
	bool was_set = n < 0 && errno == ECANCELED;

	if (n < 0 && !was_set)
		return; /* EAGAIN: armed again since it became readable */
	if (!was_set)
		loop->wall.at = INT64_MAX;
	wall_arm(loop);
	loop->wall.fn(was_set, loop->wall.arg);
}

void
loop_wall_init(struct loop *loop, loop_wall_fn *fn, void *arg)
{
	loop->wall.fn = fn;
	loop->wall.arg = arg;
	loop->wall.seen_set_count = clock_set_count(loop->clock);
	if (clock_is_virtual(loop->clock) || loop->wall.fd >= 0)
		return;
	loop->wall.fd = timerfd_new(CLOCK_REALTIME);
	loop->wall.watch = loop_fd_new(loop, loop->wall.fd, LOOP_READ, on_wall, loop);
	wall_arm(loop);
}

void
loop_wall_set(struct loop *loop, int64_t wall_at)
{
	if (wall_at == loop->wall.at)
		return;
	loop->wall.at = wall_at;
	wall_arm(loop);
}
