/* A certificate without the names that keep failing. */
#include "daemon/renew/drop_names.h"
#include "tests/sim/checks.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <string.h>

static void
settle(struct run *r, int64_t seconds)
{
	world_run_until(&r->world, world_now(&r->world) + seconds);
}

static void
fail_name(struct run *r, const char *name)
{
	fake_ca_script(r->world.cas[0].ca)->fail_name = name;
}

/* The names of the newest certificate, with commas; owned by the caller; "": there is none. */
static char *
names_of(struct run *r)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_certificate_ struct certificate c = { 0 };

	run_load(r, "a-90d", &a);
	if (!a.last_certificate)
		return xstrdup("");
	cr_assert_eq(object_load(r->world.store, &certificate_class, a.last_certificate, &c, NULL), 1);
	return strlist_join(&c.names, ",");
}

static void
expect_names(struct run *r, const char *expected)
{
	_cleanup_free_ char *names = names_of(r);

	cr_expect_str_eq(names, expected, "%s, not %s", names, expected);
}

/* @drop_after: JSON; b.sim.test fails from the start. */
static void
begin(struct run *r, const char *drop_after)
{
	run_begin(r, 0);
	fail_name(r, "b.sim.test");
	cr_assert(world_call(
		&r->world, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'dropAfter':%s}}", drop_after));
}

Test(drop_names, those_that_have_failed_for_long_are_left_out_of_a_retry_but_never_all)
{
	static const struct {
		int64_t drop_after, attempts, now;
		const char *names, *dropped;
	} cases[] = {
		{ 0, 1, 1000, "a.test,*.b.test,c.test", "" },
		{ 100, 0, 250, "a.test,*.b.test,c.test", "" }, /* the first order of a renewal */
		{ 100, 1, 199, "a.test,*.b.test,c.test", "" }, { 100, 1, 200, "a.test,c.test", "*.b.test" },
		{ 100, 2, 300, "a.test", "*.b.test,c.test" },
		{ 100, 2, 400, "a.test,*.b.test,c.test", "" }, /* nothing would be left */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_autocert_ struct autocert a = { .drop_after = cases[i].drop_after,
			.attempts = cases[i].attempts };
		_cleanup_strlist_ struct strlist names = STRLIST_INIT, dropped = STRLIST_INIT;
		_cleanup_free_ char *left = NULL, *out = NULL;

		strlist_split(&names, "b.test", ',');
		drop_names_note(&a, &names, 100);
		drop_names_note(&a, &names, 150); /* it is known since when */
		strlist_clear(&names);
		strlist_split(&names, "c.test", ',');
		drop_names_note(&a, &names, 200);
		strlist_clear(&names);
		strlist_split(&names, "a.test", ',');
		drop_names_note(&a, &names, 300);
		strlist_clear(&names);
		strlist_split(&names, "a.test,*.b.test,c.test", ',');
		drop_names_apply(&a, cases[i].now, &names, &dropped);
		left = strlist_join(&names, ",");
		out = strlist_join(&dropped, ",");
		cr_expect_str_eq(left, cases[i].names, "case %zu: %s", i, left);
		cr_expect_str_eq(out, cases[i].dropped, "case %zu: %s", i, out);
	}
}

Test(drop_names, by_default_it_is_all_or_nothing)
{
	struct run r;

	begin(&r, "null");
	settle(&r, 10 * DAY);
	expect_names(&r, "");
	run_end(&r);
}

Test(drop_names, the_others_get_a_certificate_and_the_name_is_back_when_it_validates)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_free_ char *text = NULL;
	struct run r;

	begin(&r, "'2d'");
	settle(&r, DAY);
	expect_names(&r, "");
	settle(&r, 3 * DAY);
	expect_names(&r, "a-90d.sim.test");
	run_load(&r, "a-90d", &a);
	cr_expect(strlist_has(&a.sans, "b.sim.test"), "the declaration is as it was");
	cr_expect_eq(a.attempts, 0);
	text = drop_names_text(&a);
	cr_assert_not_null(text);
	cr_expect_eq(strncmp(text, "b.sim.test (since ", 18), 0, "%s", text);
	cr_expect_str_eq(a.notes.items[0], "b.sim.test is left out, because the CA does not validate it (dropAfter)");
	settle(&r, 20 * DAY);
	cr_expect_eq(r.world.issued, 1, "it is not ordered again and again");
	settle(&r, 50 * DAY); /* renewed: an order for all names, then one without it */
	cr_expect_eq(r.world.issued, 2);
	expect_names(&r, "a-90d.sim.test");
	fail_name(&r, NULL);
	cr_assert(world_call(&r.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	settle(&r, MINUTE);
	expect_names(&r, "a-90d.sim.test,b.sim.test");
	autocert_clear(&a);
	run_load(&r, "a-90d", &a);
	cr_expect_eq(a.failing.count, 0);
	cr_expect(check_calm(&r.world));
	run_end(&r);
}

Test(drop_names, a_restart_at_any_commit_changes_nothing)
{
	for (uint64_t n = 1; n < 24; n++) {
		struct run r;

		begin(&r, "'1h'");
		r.world.stop_at_commit = world_commits(&r.world) + n;
		settle(&r, 3 * HOUR);
		run_restart(&r);
		settle(&r, DAY);
		check_always(&r.world);
		expect_names(&r, "a-90d.sim.test");
		cr_expect_eq(r.world.issued, 1, "commit %d: issued %d times", (int)n, (int)r.world.issued);
		run_end(&r);
	}
}
