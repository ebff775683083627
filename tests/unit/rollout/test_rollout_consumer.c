/* What a consumer shows about the certificates that it could not be given. */
#include "daemon/rollout/rollout_private.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <string.h>

#define ONE "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"

static void
load(struct tmp_store *t, struct consumer *ret)
{
	consumer_clear(ret);
	cr_assert_eq(object_find(t->store, &consumer_class, "app", ret, NULL), 1);
}

Test(rollout_consumer, the_latest_failure_is_shown_until_that_certificate_succeeds)
{
	static const struct {
		const char *message; /* NULL: it has succeeded */
		const char *subject;
		const char *shown, *failing; /* NULL: it is available */
	} steps[] = {
		{ NULL, ONE, NULL, NULL },
		{ "first", ONE, "first", ONE },
		{ "first", ONE, "first", ONE },
		{ "second", ONE, "second", ONE },
		{ NULL, OTHER, "second", ONE },
		{ "second", OTHER, "second", OTHER },
		{ "third", OTHER, "third", OTHER },
		{ NULL, ONE, "third", OTHER },
		{ NULL, OTHER, NULL, NULL },
		{ NULL, OTHER, NULL, NULL },
	};
	_cleanup_consumer_ struct consumer c = { .o.name = xstrdup("app") };
	struct tmp_store t;
	struct rollout r;

	tmp_store_init(&t, 0);
	r = (struct rollout){ .env.store = t.store };
	c.o.state = OBJECT_AVAILABLE;
	cr_assert_eq(object_save(t.store, store_begin(t.store), &consumer_class, &c, NULL), 0);
	store_commit(t.store);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		_cleanup_error_ struct error why = ERROR_INIT;

		if (steps[i].message)
			error_set(&why, ERROR_HOOK, "%s", steps[i].message);
		if (steps[i].message)
			rollout_consumer_failed(&r, store_begin(t.store), c.o.id, steps[i].subject, &why);
		else
			rollout_consumer_recovered(&r, store_begin(t.store), c.o.id, steps[i].subject);
		store_commit(t.store);
		load(&t, &c);
		cr_expect_eq(c.o.state, steps[i].shown ? OBJECT_FAILED : OBJECT_AVAILABLE, "step %zu", i);
		cr_expect_str_eq(c.o.failure.message ? c.o.failure.message : "", steps[i].shown ? steps[i].shown : "",
			"step %zu", i);
		cr_expect_eq(c.o.failure.code, steps[i].shown ? ERROR_HOOK : ERROR_NONE, "step %zu", i);
		cr_expect_str_eq(c.failing ? c.failing : "", steps[i].failing ? steps[i].failing : "", "step %zu", i);
	}
	tmp_store_clear(&t);
}

Test(rollout_consumer, those_that_a_rollout_releases_have_recovered_but_for_the_kept_ones)
{
	static const char *const names[] = { "gone", "kept", "of another" };
	struct consumer cs[ARRAY_SIZE(names)] = { { .failing = NULL } };
	struct rollout_target targets[ARRAY_SIZE(names)] = { { .step = ROLLOUT_STAGED } };
	const struct rollout_state state = { .targets = { .items = targets, .count = ARRAY_SIZE(targets) } };
	_cleanup_strlist_ struct strlist kept = STRLIST_INIT;
	struct tmp_store t;
	struct rollout r;

	tmp_store_init(&t, 0);
	r = (struct rollout){ .env.store = t.store };
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			str_replace(&cs[i].o.name, names[i]);
			cs[i].o.state = OBJECT_FAILED;
			str_replace(&cs[i].failing, i == 2 ? OTHER : ONE);
			cr_assert_eq(object_save(t.store, store_begin(t.store), &consumer_class, &cs[i], NULL), 0);
			targets[i].consumer = cs[i].o.id;
		}
		strlist_clear(&kept);
		strlist_add(&kept, cs[1].o.id);
		rollout_consumers_released(&r, store_begin(t.store), ONE, &state, round ? NULL : &kept);
		store_commit(t.store);
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			_cleanup_consumer_ struct consumer c = { 0 };
			bool is_failed = i == 2 || (i == 1 && round == 0);

			cr_assert_eq(object_find(t.store, &consumer_class, names[i], &c, NULL), 1);
			cr_expect_eq(
				c.o.state, is_failed ? OBJECT_FAILED : OBJECT_AVAILABLE, "%s, %d", names[i], round);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		consumer_clear(&cs[i]);
	tmp_store_clear(&t);
}
