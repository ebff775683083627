#include "daemon/base/clock.h"
#include "daemon/base/http_private.h"

#include <criterion/criterion.h>

enum { MANY = 20, WIDEST = 8 };

/* Requests at one server, on a loop in virtual time. */
struct world {
	struct clock *clock;
	struct loop *loop;
	struct http_gates *gates;
	struct request {
		struct world *world;
		struct http_pass pass;
		int started; /* as which one; 0: not yet */
	} requests[MANY];
	int started;
	struct loop_timer stop;
};

static void
on_start(void *arg)
{
	struct request *r = arg;

	r->started = ++r->world->started;
}

static void
on_stop(void *arg)
{
	loop_stop(arg);
}

static void
world_init(struct world *w)
{
	*w = (struct world){ .clock = clock_new_virtual(1700000000) };
	w->loop = loop_new(w->clock);
	w->gates = http_gates_new(w->loop, WIDEST);
	loop_timer_init(&w->stop, w->loop, on_stop, w->loop);
	for (int i = 0; i < MANY; i++) {
		w->requests[i].world = w;
		w->requests[i].pass.fn = on_start;
		w->requests[i].pass.arg = &w->requests[i];
	}
}

static void
enter(struct world *w, int i, const char *port)
{
	if (http_gates_enter(w->gates, "ca.example.com", port, &w->requests[i].pass))
		on_start(&w->requests[i]);
}

static void
leave(struct world *w, int i)
{
	http_gates_leave(&w->requests[i].pass);
}

static void
let_pass_ms(struct world *w, int64_t ms)
{
	loop_timer_set(&w->stop, ms);
	loop_run(w->loop, NULL);
}

static void
world_clear(struct world *w)
{
	for (int i = MANY - 1; i >= 0; i--)
		leave(w, i);
	loop_timer_cancel(&w->stop);
	http_gates_free(w->gates);
	loop_free(w->loop);
	clock_free(w->clock);
}

Test(http_gate, a_quick_server_is_asked_by_one_after_the_other)
{
	struct world w;

	world_init(&w);
	for (int i = 0; i < MANY; i++)
		enter(&w, i, "443");
	/* For 120 ms somebody waits, but nobody for more than 40. */
	for (int n = 0; n < 3 * MANY; n++) {
		cr_expect_eq(w.started, n + 1);
		cr_expect_eq(w.requests[n % MANY].started, n + 1, "the oldest first");
		let_pass_ms(&w, 2);
		leave(&w, n % MANY);
		enter(&w, n % MANY, "443");
	}
	world_clear(&w);
}

Test(http_gate, who_waits_too_long_opens_more_up_to_the_limit)
{
	const int open_after_50_ms[] = { 1, 2, 4, 8, 8, 8 };
	struct world w;

	world_init(&w);
	for (int i = 0; i < MANY; i++)
		enter(&w, i, "443");
	for (size_t step = 0; step < sizeof(open_after_50_ms) / sizeof(*open_after_50_ms); step++) {
		cr_expect_eq(w.started, open_after_50_ms[step], "step %zu: %d", step, w.started);
		let_pass_ms(&w, 50);
	}
	leave(&w, 3);
	cr_expect_eq(w.requests[8].started, 9, "one for one");
	world_clear(&w);
}

Test(http_gate, who_gives_up_while_waiting_opens_nothing)
{
	struct world w;

	world_init(&w);
	for (int i = 0; i < 3; i++)
		enter(&w, i, "443");
	leave(&w, 1);
	let_pass_ms(&w, 40);
	leave(&w, 0);
	cr_expect_eq(w.requests[1].started, 0);
	cr_expect_eq(w.requests[2].started, 2);
	let_pass_ms(&w, 200);
	enter(&w, 0, "443");
	cr_expect_eq(w.started, 2, "nobody has waited for long");
	world_clear(&w);
}

Test(http_gate, each_server_has_its_own)
{
	struct world w;

	world_init(&w);
	enter(&w, 0, "443");
	enter(&w, 1, "14000");
	enter(&w, 2, "443");
	cr_expect_eq(w.started, 2);
	cr_expect_eq(w.requests[1].started, 2);
	world_clear(&w);
}

Test(http_gate, after_a_minute_of_silence_it_begins_with_one)
{
	struct world w;

	for (int is_long = 0; is_long < 2; is_long++) {
		world_init(&w);
		for (int i = 0; i < MANY; i++)
			enter(&w, i, "443");
		let_pass_ms(&w, 500);
		for (int i = MANY - 1; i >= 0; i--)
			leave(&w, i);
		w.started = 0;
		let_pass_ms(&w, is_long ? 61 * 1000 : 59 * 1000);
		for (int i = 0; i < MANY; i++)
			enter(&w, i, "443");
		cr_expect_eq(w.started, is_long ? 1 : WIDEST);
		world_clear(&w);
	}
}
