/* The decisions of the rollout machine, on records alone. */
#include "common/retry.h"
#include "daemon/rollout/rollout_private.h"

#include <criterion/criterion.h>

enum { NOW = 1000000, MINUTE = 60, HOUR = 3600, DAY = 24 * HOUR };

static void
clear(struct rollout_target *t)
{
	free(t->served);
	error_clear(&t->failure);
	*t = (struct rollout_target){ .consumer = NULL };
}

/* Activated, and probed as often as it takes; every probe found @served. Return: how often it became stuck. */
static unsigned
probe_for(struct rollout_target *t, const char *served, int64_t sec)
{
	const struct error none = ERROR_INIT;
	int64_t now = t->probed_at ? t->probed_at : NOW, end = now + sec;
	unsigned stuck = 0;

	for (; now <= end; now = t->next_at > now ? t->next_at : now + 1) {
		if (t->step >= ROLLOUT_ACTIVATED)
			stuck += rollout_target_probed(t, served, &none, now, "id");
		else
			rollout_target_advance(t, ROLLOUT_ACTIVATED, now + ROLLOUT_SETTLE_SEC);
	}
	return stuck;
}

Test(rollout_plan, the_rows_are_due_with_the_first_consumer_of_each_kind_of_step)
{
	static const struct {
		const char *why;
		bool is_written;
		struct rollout_target targets[3];
		int64_t deploy_at, probe_at;
	} cases[] = {
		{ "all is new", false, { { .step = ROLLOUT_STAGED } }, 1, 0 },
		{ "one waits for its turn", true, { { .step = ROLLOUT_TESTED, .next_at = 70 } }, 70, 0 },
		{ "two wait", true,
			{ { .step = ROLLOUT_TESTED, .next_at = 70 }, { .step = ROLLOUT_STAGED, .next_at = 60 } }, 60,
			0 },
		{ "one is probed while another is retried", true,
			{ { .step = ROLLOUT_TESTED, .next_at = 70 }, { .step = ROLLOUT_SERVED, .next_at = 50 } }, 70,
			50 },
		{ "without endpoints nothing is left", true, { { .step = ROLLOUT_ACTIVATED } }, 0, 0 },
		{ "somebody asks before it is activated", true,
			{ { .step = ROLLOUT_TESTED, .next_at = 70, .is_asked = true } }, 70, 1 },
		{ "a number of a later version", true, { { .step = 99, .next_at = 40 } }, 0, 40 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rollout_target targets[3];
		struct rollout_state s = { .is_written = cases[i].is_written, .targets = { .items = targets } };

		memcpy(targets, cases[i].targets, sizeof(targets));
		for (s.targets.count = 1; s.targets.count < 3 && cases[i].targets[s.targets.count].next_at;)
			s.targets.count++;
		cr_expect_eq(rollout_deploy_at(&s), cases[i].deploy_at, "%s", cases[i].why);
		cr_expect_eq(rollout_probe_at(&s), cases[i].probe_at, "%s", cases[i].why);
	}
}

Test(rollout_plan, a_stale_consumer_is_activated_again_a_few_times_and_then_is_stuck)
{
	struct rollout_target t = { .step = ROLLOUT_ACTIVATED };

	cr_expect_eq(probe_for(&t, "stale", 4 * ROLLOUT_SETTLE_SEC), 0);
	cr_expect_eq(t.step, ROLLOUT_WRITTEN, "a server that had time to load is activated again");
	cr_expect_eq(t.next_at, t.probed_at + ROLLOUT_SETTLE_SEC, "when the counter of generations was replaced");
	cr_expect_eq(t.activations, 1);
	cr_expect(t.is_unserved);
	cr_expect_eq(probe_for(&t, "stale", 6 * MINUTE), 1, "reported once");
	cr_expect_eq(t.activations, ROLLOUT_ACTIVATIONS);
	cr_expect(t.is_stuck);
	cr_expect_eq(probe_for(&t, "stale", 2 * DAY), 0);
	cr_expect_eq(t.activations, ROLLOUT_ACTIVATIONS, "no more than that");
	cr_expect_eq(t.step, ROLLOUT_PROBED);
	cr_expect_lt(t.next_at, t.probed_at + 2 * HOUR, "but it is looked at");
	cr_expect_eq(probe_for(&t, "served", 1), 0);
	cr_expect_eq(t.step, ROLLOUT_SERVED);
	cr_expect_not(t.is_unserved || t.is_stuck);
	cr_expect_eq(t.activations, 0);
	cr_expect_eq(t.served_at, t.probed_at);
	cr_expect_lt(t.next_at, t.probed_at + 2 * HOUR, "after trouble certd looks within the hour");
	clear(&t);
}

Test(rollout_plan, what_a_reload_does_not_help_is_not_activated_but_is_stuck_in_the_end)
{
	static const char *const found[] = { "unreachable", "not valid" };

	for (size_t i = 0; i < ARRAY_SIZE(found); i++) {
		struct rollout_target t = { .step = ROLLOUT_ACTIVATED };

		cr_expect_eq(probe_for(&t, found[i], MINUTE), 0);
		cr_expect(t.is_unserved);
		cr_expect_eq(probe_for(&t, found[i], HOUR), 1, "%s", found[i]);
		cr_expect_eq(t.activations, 0, "%s: a reload does not help", found[i]);
		cr_expect_eq(t.step, ROLLOUT_PROBED);
		clear(&t);
	}
}

Test(rollout_plan, what_regresses_a_day_later_is_activated_again)
{
	struct rollout_target t = { .step = ROLLOUT_ACTIVATED };
	int64_t served_at;

	probe_for(&t, "served", 0);
	served_at = t.served_at;
	cr_expect_gt(t.next_at, t.probed_at + 20 * HOUR);
	t.probed_at = t.next_at;
	cr_expect_eq(probe_for(&t, "stale", 4 * ROLLOUT_SETTLE_SEC), 0);
	cr_expect_eq(t.step, ROLLOUT_WRITTEN);
	cr_expect_eq(t.served_at, served_at, "this generation was served once");
	clear(&t);
}

Test(rollout_plan, a_probe_that_somebody_asks_for_does_not_move_a_consumer_that_was_not_activated)
{
	struct rollout_target t = { .step = ROLLOUT_TESTED, .is_asked = true, .next_at = 70 };
	const struct error none = ERROR_INIT;

	cr_expect_not(rollout_target_probed(&t, "stale", &none, NOW, "id"));
	cr_expect_eq(t.step, ROLLOUT_TESTED);
	cr_expect_eq(t.next_at, 70);
	cr_expect_not(t.is_asked);
	cr_expect_str_eq(t.served, "stale");
	clear(&t);
}
