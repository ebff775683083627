/* Consumers of kind unit: one job for all that change together, and which of its two steps failed. */
#include "daemon/rollout/activate.h"

#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/base/sdbus.h"
#include "daemon/rollout/consumer_kind.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the kind asks of sdbus.h, and its answer, which the test gives. */
static struct {
	unsigned starts, cancels;
	char name[64];
	int64_t timeout_ms;
	const struct sdbus *bus;
	unit_job_done_fn *done;
	void *arg;
} job;

struct unit_job *
__wrap_unit_job_start(struct sdbus *bus, const char *name, int64_t timeout_ms, unit_job_done_fn *done, void *arg);
void
__wrap_unit_job_cancel(struct unit_job *handle);

struct unit_job *
__wrap_unit_job_start(struct sdbus *bus, const char *name, int64_t timeout_ms, unit_job_done_fn *done, void *arg)
{
	job.starts++;
	snprintf(job.name, sizeof(job.name), "%s", name);
	job.timeout_ms = timeout_ms;
	job.bus = bus;
	job.done = done;
	job.arg = arg;
	return (struct unit_job *)&job;
}

void
__wrap_unit_job_cancel(struct unit_job *handle)
{
	cr_expect_eq((void *)handle, (void *)&job);
	job.cancels++;
}

struct outcome {
	unsigned calls;
	enum error_code code;
	char message[200];
	bool is_tested;
};

struct bed {
	struct clock *clock;
	struct loop *loop;
	struct sdbus *bus;
	struct consumer_queue *queues;
	struct certificate cert;
	struct consumer consumer;
	struct outcome outcomes[3];
	struct activation *activations[3];
};

static void
bed_init(struct bed *b)
{
	*b = (struct bed){ .clock = clock_new_virtual(1700000000),
		.consumer = { .o.name = xstrdup("app"), .activate = xstrdup("unit") } };
	b->loop = loop_new(b->clock);
	b->bus = sdbus_new(b->loop);
	setting_put(&b->consumer.settings, "unit", "app.service");
	memset(&job, 0, sizeof(job));
}

static void
bed_clear(struct bed *b)
{
	cr_expect_null(b->queues, "a queue without members remains");
	consumer_clear(&b->consumer);
	sdbus_free(b->bus);
	loop_free(b->loop);
	clock_free(b->clock);
}

static void
bed_done(const struct error *err, bool is_tested, void *arg)
{
	struct outcome *o = arg;

	o->calls++;
	o->code = err ? err->code : ERROR_NONE;
	snprintf(o->message, sizeof(o->message), "%s", err ? err->message : "");
	o->is_tested = is_tested;
}

static void
bed_join(struct bed *b, size_t i)
{
	const struct activate_request request = { .consumer = &b->consumer,
		.name = "www",
		.cert = &b->cert,
		.directory = "/live/www",
		.queues = &b->queues,
		.bus = b->bus };

	b->activations[i] = activate_start(b->loop, &request, bed_done, &b->outcomes[i]);
}

static void
bed_pass(struct bed *b, int64_t ms)
{
	clock_advance_ms(b->clock, ms);
	cr_assert_eq(loop_run_until(b->loop, clock_wall(b->clock), NULL), 0);
}

static void
bed_answer(struct bed *b, enum error_code code, const char *message)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	if (message)
		error_set(&err, code, "%s", message);
	job.done(message ? &err : NULL, job.arg);
	bed_pass(b, 0);
}

Test(consumer_unit, the_step_that_failed_is_named_and_decides_whether_the_files_are_tested)
{
	static const struct {
		const char *why;
		enum error_code code;
		const char *answer; /* NULL: it succeeds */
		const char *message;
		bool is_tested;
	} cases[] = {
		{ "success", ERROR_NONE, NULL, "", true },
		{ "its test", ERROR_HOOK, "app.service: test: line 3: no such file",
			"app.service: the test failed: line 3: no such file", false },
		{ "its reload", ERROR_HOOK, "app.service: reload: it does not run",
			"app.service: the reload failed: it does not run", true },
		{ "neither", ERROR_HOOK, "app.service: exit status 3", "app.service: exit status 3", false },
		{ "another unit", ERROR_HOOK, "other.service: test: no", "other.service: test: no", false },
		{ "a text that only looks like it", ERROR_DENIED, "app.service: tests: no", "app.service: tests: no",
			false },
		{ "no bus", ERROR_UNAVAILABLE, "cannot connect to the system's D-Bus",
			"cannot connect to the system's D-Bus", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bed b;

		bed_init(&b);
		for (size_t k = 0; k < ARRAY_SIZE(b.outcomes); k++)
			bed_join(&b, k);
		bed_pass(&b, 1999);
		cr_expect_eq(job.starts, 0, "%s: too early", cases[i].why);
		bed_pass(&b, 1);
		cr_assert_eq(job.starts, 1, "%s: one job for all", cases[i].why);
		cr_expect_str_eq(job.name, "app.service");
		cr_expect_eq(job.timeout_ms, 20 * 60 * 1000);
		cr_expect_eq(job.bus, b.bus);
		bed_answer(&b, cases[i].code, cases[i].answer);
		for (size_t k = 0; k < ARRAY_SIZE(b.outcomes); k++) {
			const struct outcome *o = &b.outcomes[k];

			cr_expect_eq(o->calls, 1, "%s", cases[i].why);
			cr_expect_eq(o->code, cases[i].code, "%s", cases[i].why);
			cr_expect_str_eq(o->message, cases[i].message, "%s", cases[i].why);
			cr_expect_eq(o->is_tested, cases[i].is_tested, "%s, member %zu", cases[i].why, k);
		}
		cr_expect_eq(job.cancels, 0);
		bed_clear(&b);
	}
}

Test(consumer_unit, what_joins_during_a_job_takes_no_part_in_its_result)
{
	struct bed b;

	bed_init(&b);
	bed_join(&b, 0);
	bed_pass(&b, 2000);
	bed_join(&b, 1);
	bed_join(&b, 2);
	bed_pass(&b, 5000);
	cr_expect_eq(job.starts, 1, "two jobs at a time");
	bed_answer(&b, ERROR_HOOK, "app.service: reload: no");
	cr_expect_eq(b.outcomes[0].calls, 1);
	cr_expect_eq(b.outcomes[1].calls + b.outcomes[2].calls, 0);
	cr_assert_eq(job.starts, 2);
	bed_answer(&b, ERROR_HOOK, "app.service: test: no");
	for (size_t i = 1; i < 3; i++) {
		cr_expect_eq(b.outcomes[i].calls, 1);
		cr_expect_not(b.outcomes[i].is_tested, "%zu was not in the job that tested the files", i);
	}
	bed_clear(&b);
}

Test(consumer_unit, a_job_is_cancelled_with_the_last_that_waits_for_it)
{
	struct bed b;

	bed_init(&b);
	bed_join(&b, 0);
	activate_cancel(b.activations[0]);
	bed_pass(&b, 5000);
	cr_expect_eq(job.starts + job.cancels, 0, "before it starts");
	bed_join(&b, 0);
	bed_join(&b, 1);
	bed_pass(&b, 2000);
	bed_join(&b, 2);
	activate_cancel(b.activations[1]);
	cr_expect_eq(job.cancels, 0, "another one is in it");
	activate_cancel(b.activations[0]);
	cr_expect_eq(job.cancels, 1);
	bed_pass(&b, 2000);
	cr_expect_eq(job.starts, 2, "what joined meanwhile has its own");
	bed_answer(&b, ERROR_NONE, NULL);
	cr_expect_eq(b.outcomes[0].calls + b.outcomes[1].calls, 0, "cancelled");
	cr_expect_eq(b.outcomes[2].calls, 1);
	cr_expect_eq(job.cancels, 1);
	bed_clear(&b);
}

Test(consumer_unit, each_consumer_has_jobs_of_its_own)
{
	struct bed b;

	bed_init(&b);
	bed_join(&b, 0);
	memcpy(b.consumer.o.id, "11111111-1111-4111-8111-111111111111", STORE_ID_SIZE);
	setting_put(&b.consumer.settings, "unit", "other.service");
	bed_join(&b, 1);
	bed_pass(&b, 1000);
	bed_join(&b, 2); /* a queue waits for its newest only */
	bed_pass(&b, 1000);
	cr_expect_eq(job.starts, 1);
	cr_expect_str_eq(job.name, "app.service");
	bed_answer(&b, ERROR_NONE, NULL);
	bed_pass(&b, 1000);
	cr_expect_eq(job.starts, 2);
	cr_expect_str_eq(job.name, "other.service");
	bed_answer(&b, ERROR_NONE, NULL);
	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(b.outcomes[i].calls, 1, "%zu", i);
	bed_clear(&b);
}

Test(consumer_unit, only_services_are_accepted)
{
	static const struct {
		const char *unit;
		bool is_good;
	} cases[] = { { "app.service", true }, { "app@1.service", true }, { "app.timer", false }, { "app", false },
		{ ".service", false }, { "../app.service", false }, { "", false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_consumer_ struct consumer c = { .activate = xstrdup("unit") };
		_cleanup_error_ struct error err = ERROR_INIT;

		setting_put(&c.settings, "unit", cases[i].unit);
		cr_expect_eq(consumer_check(&c, &err), cases[i].is_good ? 0 : -1, "%s", cases[i].unit);
		if (!cases[i].is_good)
			cr_expect_str_eq(err.field ? err.field : "", "unit", "%s", cases[i].unit);
	}
}
