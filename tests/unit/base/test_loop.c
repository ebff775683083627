#include "daemon/base/loop.h"

#include "common/alloc.h"
#include "common/buf.h"
#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop_private.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static const int64_t start_at = 1700000000;

/* One loop, and a trace of letters of what ran. */
struct world {
	struct clock *clock;
	struct loop *loop;
	struct buf trace;
	struct loop_timer stop;
	unsigned turn_ends;
	unsigned more_turn_ends; /* how often the turn-end function still says that it made work */
};

struct mark {
	struct world *world;
	char letter;
	struct loop_timer timer;
	struct loop_timer *cancels; /* or NULL */
};

static void
on_stop(void *arg)
{
	struct world *w = arg;

	loop_stop(w->loop);
}

static struct world *
world_new(bool is_virtual)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->clock = is_virtual ? clock_new_virtual(start_at) : clock_new_real();
	w->loop = loop_new(w->clock);
	loop_timer_init(&w->stop, w->loop, on_stop, w);
	return w;
}

static void
world_free(struct world *w)
{
	loop_timer_cancel(&w->stop);
	loop_free(w->loop);
	clock_free(w->clock);
	buf_clear(&w->trace);
	free(w);
}

static void
on_mark(void *arg)
{
	struct mark *m = arg;

	buf_add_char(&m->world->trace, m->letter);
	if (m->cancels)
		loop_timer_cancel(m->cancels);
}

static void
mark_arm(struct mark *m, struct world *w, char letter, int64_t ms)
{
	*m = (struct mark){ .world = w, .letter = letter };
	loop_timer_init(&m->timer, w->loop, on_mark, m);
	loop_timer_set(&m->timer, ms);
}

/* Runs both clocks through the same test: with the real one until the stop timer, 60 ms away. */
static void
run(struct world *w)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	loop_timer_set(&w->stop, 60);
	cr_assert_eq(loop_run(w->loop, &err), 0, "%s", err.message);
}

static void
each_clock(void (*test)(struct world *w))
{
	for (int is_virtual = 0; is_virtual <= 1; is_virtual++) {
		struct world *w = world_new(is_virtual);

		test(w);
		world_free(w);
	}
}

static void
check_order(struct world *w)
{
	static const int64_t spans_ms[] = { 30, 5, 20, 5, 0, 40, 10 };
	struct mark marks[ARRAY_SIZE(spans_ms)];
	size_t n_armed = 0;

	int64_t begun_ms;

	/* The order is certain if they are armed within the least difference, which a busy machine may prevent. */
	do {
		begun_ms = clock_boot_ms(w->clock);
		for (size_t i = 0; i < ARRAY_SIZE(spans_ms); i++) {
			if (i < n_armed)
				loop_timer_cancel(&marks[i].timer);
			mark_arm(&marks[i], w, (char)('a' + i), spans_ms[i]);
		}
		n_armed = ARRAY_SIZE(spans_ms);
	} while (clock_boot_ms(w->clock) - begun_ms >= 4);
	run(w);
	cr_expect_str_eq(buf_str(&w->trace), "ebdgcaf");
}

Test(loop, timers_run_by_time_then_by_order_of_arming)
{
	each_clock(check_order);
}

static void
check_cancel(struct world *w)
{
	struct mark first;
	struct mark second;
	struct mark third;

	mark_arm(&first, w, '1', 5);
	mark_arm(&second, w, '2', 5);
	mark_arm(&third, w, '3', 10);
	first.cancels = &second.timer;
	run(w);
	cr_expect_str_eq(buf_str(&w->trace), "13");
	cr_expect_not(loop_timer_is_armed(&second.timer));
	cr_expect_not(loop_timer_is_armed(&third.timer), "one-shot");
}

Test(loop, a_timer_cancelled_in_a_callback_of_the_same_turn_does_not_run)
{
	each_clock(check_cancel);
}

static void
check_rearm(struct world *w)
{
	struct mark early;
	struct mark late;

	mark_arm(&early, w, 'e', 1);
	mark_arm(&late, w, 'l', 10);
	loop_timer_set(&early.timer, 20);
	run(w);
	cr_expect_str_eq(buf_str(&w->trace), "le");
}

Test(loop, arming_again_moves_the_timer)
{
	each_clock(check_rearm);
}

struct again {
	struct world *world;
	struct loop_timer timer;
	unsigned turns;
};

static void
on_again(void *arg)
{
	struct again *a = arg;

	if (++a->turns == 3)
		loop_stop(a->world->loop);
	else
		loop_timer_set(&a->timer, 0);
}

static bool
count_turn_end(void *arg)
{
	struct world *w = arg;

	w->turn_ends++;
	return false;
}

static void
check_zero(struct world *w)
{
	struct again a = { .world = w };

	loop_set_turn_end(w->loop, count_turn_end, w);
	loop_timer_init(&a.timer, w->loop, on_again, &a);
	loop_timer_set(&a.timer, 0);
	run(w);
	cr_expect_eq(a.turns, 3);
	cr_expect_geq(w->turn_ends, 3, "each in a turn of its own");
}

Test(loop, zero_is_the_next_turn_and_starves_nothing)
{
	each_clock(check_zero);
}

Test(loop, many_timers_keep_their_order_through_random_cancels)
{
	enum { N = 2000 };
	struct world *w = world_new(true);
	struct mark *marks = xcalloc(N, sizeof(*marks));
	unsigned seed = 7;
	size_t left = N;

	for (size_t i = 0; i < N; i++)
		mark_arm(&marks[i], w, 'x', rand_r(&seed) % 100000);
	for (size_t i = 0; i < N; i += 3, left--)
		loop_timer_cancel(&marks[i].timer);
	for (int64_t last_ms = 0; w->loop->timers.count;) {
		int64_t due_ms = w->loop->timers.heap[0]->due_ms;

		cr_assert_geq(due_ms, last_ms);
		last_ms = due_ms;
		loop_timer_cancel(w->loop->timers.heap[0]);
		left--;
	}
	cr_expect_eq(left, 0);
	free(marks);
	world_free(w);
}

Test(loop, a_real_timer_is_never_early, .timeout = 300)
{
	struct world *w = world_new(false);
	int64_t before_ms = clock_boot_ms(w->clock);
	_cleanup_error_ struct error err = ERROR_INIT;

	loop_timer_set(&w->stop, 20);
	cr_assert_eq(loop_run(w->loop, &err), 0);
	cr_expect_geq(clock_boot_ms(w->clock) - before_ms, 20);
	world_free(w);
}

Test(loop, years_pass_at_once_with_a_virtual_clock)
{
	struct world *w = world_new(true);
	struct mark m;
	_cleanup_error_ struct error err = ERROR_INIT;

	mark_arm(&m, w, 'm', INT64_C(3) * 365 * 86400 * 1000);
	cr_assert_eq(loop_run(w->loop, &err), 0);
	cr_expect_str_eq(buf_str(&w->trace), "m");
	cr_expect_eq(clock_wall(w->clock), start_at + 3 * 365 * 86400);
	world_free(w);
}

Test(loop, run_until_stops_at_its_time_and_goes_on_later)
{
	struct world *w = world_new(true);
	struct mark before;
	struct mark at;
	struct mark after;
	_cleanup_error_ struct error err = ERROR_INIT;

	mark_arm(&before, w, 'b', 9000);
	mark_arm(&at, w, '=', 10000);
	mark_arm(&after, w, 'a', 10001);
	cr_assert_eq(loop_run_until(w->loop, start_at + 10, &err), 0);
	cr_expect_str_eq(buf_str(&w->trace), "b=");
	cr_expect_eq(clock_wall_ms(w->clock), (start_at + 10) * 1000);
	cr_assert_eq(loop_run_until(w->loop, start_at + 20, &err), 0);
	cr_expect_str_eq(buf_str(&w->trace), "b=a");
	cr_expect_eq(clock_wall(w->clock), start_at + 20);
	world_free(w);
}

Test(loop, run_until_works_with_the_real_clock)
{
	struct world *w = world_new(false);
	int64_t until_at = clock_wall(w->clock) + 1;
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_assert_eq(loop_run_until(w->loop, until_at, &err), 0);
	cr_expect_geq(clock_wall(w->clock), until_at);
	world_free(w);
}

static void
defer_more(void *arg)
{
	struct mark *m = arg;

	on_mark(m);
	loop_defer(m->world->loop, on_mark, m + 1);
}

static void
check_defer(struct world *w)
{
	struct mark timer;
	struct mark marks[3] = { { .world = w, .letter = '1' }, { .world = w, .letter = '2' },
		{ .world = w, .letter = '3' } };

	mark_arm(&timer, w, 't', 0);
	loop_defer(w->loop, defer_more, &marks[0]);
	loop_defer(w->loop, on_mark, &marks[2]);
	run(w);
	cr_expect_str_eq(buf_str(&w->trace), "t132");
}

Test(loop, deferred_calls_run_after_the_callbacks_in_order)
{
	each_clock(check_defer);
}

static bool
turn_end_makes_work(void *arg)
{
	struct world *w = arg;

	buf_add_char(&w->trace, 'c');
	return w->more_turn_ends && w->more_turn_ends--;
}

static bool
turn_end_defers(void *arg)
{
	struct mark *m = arg;

	buf_add_char(&m->world->trace, 'c');
	if (m->world->more_turn_ends) {
		m->world->more_turn_ends--;
		loop_defer(m->world->loop, on_mark, m);
	}
	return false;
}

Test(loop, the_turn_end_repeats_until_nothing_is_left)
{
	struct world *w = world_new(true);
	struct mark m = { .world = w, .letter = 'd' };
	_cleanup_error_ struct error err = ERROR_INIT;

	w->more_turn_ends = 2;
	loop_set_turn_end(w->loop, turn_end_makes_work, w);
	cr_assert_eq(loop_run(w->loop, &err), 0);
	cr_expect_str_eq(buf_str(&w->trace), "ccc");
	buf_reset(&w->trace);
	w->more_turn_ends = 2;
	loop_set_turn_end(w->loop, turn_end_defers, &m);
	cr_assert_eq(loop_run(w->loop, &err), 0);
	cr_expect_str_eq(buf_str(&w->trace), "cdcdc", "deferred calls come before the next commit");
	world_free(w);
}

Test(loop, stop_lets_the_turn_end_first)
{
	struct world *w = world_new(true);
	struct mark later;
	_cleanup_error_ struct error err = ERROR_INIT;

	mark_arm(&later, w, 'x', 1);
	loop_set_turn_end(w->loop, turn_end_makes_work, w);
	loop_defer(w->loop, on_stop, w);
	cr_assert_eq(loop_run(w->loop, &err), 0);
	cr_expect_str_eq(buf_str(&w->trace), "c");
	loop_timer_cancel(&later.timer);
	world_free(w);
}

struct wall {
	struct world *world;
	unsigned reached;
	unsigned was_set;
	int64_t called_at;
};

static void
on_wall(bool was_clock_set, void *arg)
{
	struct wall *wall = arg;

	if (was_clock_set)
		wall->was_set++;
	else
		wall->reached++;
	wall->called_at = clock_wall(wall->world->clock);
	if (!clock_is_virtual(wall->world->clock))
		loop_stop(wall->world->loop);
}

Test(loop, the_wall_timer_fires_once_when_its_time_is_reached)
{
	struct world *w = world_new(true);
	struct wall wall = { .world = w };
	_cleanup_error_ struct error err = ERROR_INIT;

	loop_wall_init(w->loop, on_wall, &wall);
	loop_wall_set(w->loop, start_at + 86400);
	cr_assert_eq(loop_run(w->loop, &err), 0);
	cr_expect_eq(wall.reached, 1);
	cr_expect_eq(wall.called_at, start_at + 86400);
	cr_expect_eq(wall.was_set, 0);
	loop_wall_set(w->loop, start_at);
	cr_assert_eq(loop_run(w->loop, &err), 0);
	cr_expect_eq(wall.reached, 2, "a time gone by fires at once");
	world_free(w);
}

Test(loop, the_wall_timer_tells_that_the_virtual_clock_was_set)
{
	struct world *w = world_new(true);
	struct wall wall = { .world = w };
	_cleanup_error_ struct error err = ERROR_INIT;

	loop_wall_init(w->loop, on_wall, &wall);
	loop_wall_set(w->loop, start_at + 86400);
	clock_set_wall(w->clock, start_at + 100);
	cr_assert_eq(loop_run_until(w->loop, start_at + 200, &err), 0);
	cr_expect_eq(wall.was_set, 1);
	cr_expect_eq(wall.called_at, start_at + 100);
	cr_expect_eq(wall.reached, 0);
	world_free(w);
}

Test(loop, the_wall_timer_fires_with_the_real_clock)
{
	struct world *w = world_new(false);
	struct wall wall = { .world = w };
	int64_t at = clock_wall(w->clock) + 1;
	_cleanup_error_ struct error err = ERROR_INIT;

	loop_wall_init(w->loop, on_wall, &wall);
	loop_wall_set(w->loop, at);
	cr_assert_eq(loop_run(w->loop, &err), 0);
	cr_expect_eq(wall.reached, 1);
	cr_expect_geq(wall.called_at, at);
	cr_assert_eq(loop_run_until(w->loop, clock_wall(w->clock) + 1, &err), 0);
	cr_expect_eq(wall.reached, 1, "once");
	loop_wall_set(w->loop, 1);
	cr_assert_eq(loop_run(w->loop, &err), 0);
	cr_expect_eq(wall.reached, 2);
	world_free(w);
}

static ssize_t
read_says_clock_was_set(int fd, void *buf, size_t len)
{
	ssize_t n = read(fd, buf, len);

	(void)n;
	errno = ECANCELED;
	return -1;
}

Test(loop, a_cancelled_wall_timer_reports_a_set_clock_and_stays_armed)
{
	struct world *w = world_new(false);
	struct wall wall = { .world = w };
	_cleanup_error_ struct error err = ERROR_INIT;

	loop_wall_init(w->loop, on_wall, &wall);
	loop_wall_set(w->loop, clock_wall(w->clock));
	w->loop->wall.read = read_says_clock_was_set;
	cr_assert_eq(loop_run(w->loop, &err), 0);
	cr_expect_eq(wall.was_set, 1);
	cr_expect_eq(wall.reached, 0);
	w->loop->wall.read = read;
	cr_assert_eq(loop_run(w->loop, &err), 0);
	cr_expect_eq(wall.reached, 1, "the time asked for was not forgotten");
	world_free(w);
}

static void
on_readable(int fd, short what, void *arg)
{
	struct mark *m = arg;
	char c;

	cr_expect_eq(what, LOOP_READ);
	cr_expect_eq(read(fd, &c, 1), 1);
	buf_add_char(&m->world->trace, c);
}

static void
check_fd(struct world *w)
{
	struct mark m = { .world = w };
	struct loop_fd *watch;
	int fds[2];

	cr_assert_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	watch = loop_fd_new(w->loop, fds[0], LOOP_READ, on_readable, &m);
	cr_assert_eq(write(fds[1], "ab", 2), 2);
	run(w);
	cr_expect_str_eq(buf_str(&w->trace), "ab");
	loop_fd_set(watch, 0);
	cr_assert_eq(write(fds[1], "c", 1), 1);
	run(w);
	cr_expect_str_eq(buf_str(&w->trace), "ab", "paused");
	loop_fd_set(watch, LOOP_READ);
	run(w);
	cr_expect_str_eq(buf_str(&w->trace), "abc");
	loop_fd_free(watch);
	close(fds[0]);
	close(fds[1]);
}

Test(loop, descriptors_are_watched_paused_and_polled_before_time_jumps)
{
	each_clock(check_fd);
}

static void
check_signal(struct world *w)
{
	struct mark m = { .world = w, .letter = 's' };

	loop_signal(w->loop, SIGUSR1, on_mark, &m);
	kill(getpid(), SIGUSR1);
	run(w);
	cr_expect_str_eq(buf_str(&w->trace), "s");
}

Test(loop, signals_arrive_as_calls)
{
	each_clock(check_signal);
}

Test(loop, what_is_registered_for_the_end_runs_last_first)
{
	struct world *w = world_new(true);
	struct world *trace = world_new(true);
	struct mark marks[2] = { { .world = trace, .letter = '1' }, { .world = trace, .letter = '2' } };

	loop_at_free(w->loop, on_mark, &marks[0]);
	loop_at_free(w->loop, on_mark, &marks[1]);
	world_free(w);
	cr_expect_str_eq(buf_str(&trace->trace), "21");
	world_free(trace);
}

static void
work_20_ms(void *arg)
{
	struct world *w = arg;

	clock_advance_ms(w->clock, 20);
}

Test(loop, turn_times_count_work_and_not_waiting)
{
	struct world *w = world_new(true);
	int64_t max_us;
	int64_t p99_us;

	loop_timer_set(&w->stop, 300);
	cr_assert_eq(loop_run(w->loop, NULL), 0);
	loop_turn_stats(w->loop, &max_us, &p99_us);
	cr_expect_eq(max_us, 0, "the wait of 300 ms is not in it");
	loop_defer(w->loop, work_20_ms, w);
	loop_timer_set(&w->stop, 100);
	cr_assert_eq(loop_run(w->loop, NULL), 0);
	loop_turn_stats(w->loop, &max_us, &p99_us);
	cr_expect_eq(max_us, 20000);
	world_free(w);
}

Test(loop, the_percentile_is_known_within_a_quarter)
{
	static const struct {
		const char *why;
		int64_t common_us;
		unsigned n_common;
		int64_t rare_us;
		unsigned n_rare;
		int64_t least_us;
		int64_t most_us;
	} cases[] = {
		{ "all alike", 1000, 1000, 0, 0, 1000, 1000 },
		{ "one in a thousand does not show", 1000, 999, 90000, 1, 1000, 1250 },
		{ "two in a hundred show", 1000, 98, 90000, 2, 90000, 90000 },
		{ "tiny", 1, 10, 3, 10, 3, 3 },
		{ "a little less than the next step", 1000, 98, 1270, 98, 1270, 1270 },
		{ "of several steps, the one that it is in", 1100, 1000, 1900, 1, 1100, 1100 + 1100 / 4 },
		{ "at the end of a power of two", 1900, 1000, 8000, 1, 1900, 1900 + 1900 / 4 },
		{ "huge", INT64_MAX, 1, 0, 0, INT64_MAX, INT64_MAX },
		{ "none", 0, 0, 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct loop_stats stats = { 0 };

		for (unsigned n = 0; n < cases[i].n_common; n++)
			loop_stats_add(&stats, cases[i].common_us);
		for (unsigned n = 0; n < cases[i].n_rare; n++)
			loop_stats_add(&stats, cases[i].rare_us);
		cr_expect_geq(loop_stats_percentile_us(&stats, 99), cases[i].least_us, "%s", cases[i].why);
		cr_expect_leq(loop_stats_percentile_us(&stats, 99), cases[i].most_us, "%s", cases[i].why);
	}
}
