/* The consequences of a changed record: the function has only the pair of records as input. */
#include "daemon/service/consequences.h"

#include "daemon/schedule/schedule.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

enum { LATER = 40 * DAY };

struct pair {
	struct run run;
	struct autocert old, new;
	struct rollout_state rollout; /* as it was */
};

/* The auto-certificate of the run, with its first certificate. */
static void
begin(struct pair *p)
{
	*p = (struct pair){ .run.world.sim = NULL };
	run_begin(&p->run, 0);
	world_run_until(&p->run.world, world_now(&p->run.world) + HOUR);
	run_load(&p->run, "a-90d", &p->old);
	record_copy(&autocert_class, &p->new, &p->old);
	cr_assert_eq(rollout_load(p->run.world.rollout, p->old.o.id, &p->rollout, NULL), 1);
	/* From here on the pair alone speaks. */
	store_watch(p->run.world.store, STORE_AUTOCERT, NULL, NULL);
}

static void
end(struct pair *p)
{
	record_clear(&autocert_class, &p->old);
	record_clear(&autocert_class, &p->new);
	record_clear(&rollout_class, &p->rollout);
	run_end(&p->run);
}

static void
step(struct pair *p, bool is_deleted)
{
	struct world *w = &p->run.world;

	consequences_of(&w->issue_env, store_begin(w->store), STORE_AUTOCERT, &p->old, is_deleted ? NULL : &p->new);
}

static int64_t
generation(struct pair *p)
{
	struct rollout_state state = { 0 };
	int64_t generation = 0;

	if (rollout_load(p->run.world.rollout, p->old.o.id, &state, NULL) == 1)
		generation = state.generation;
	record_clear(&rollout_class, &state);
	return generation;
}

Test(consequences, the_next_date_and_the_provider_are_the_row)
{
	struct pair p;
	struct schedule_row row;

	begin(&p);
	p.new.next_at = world_now(&p.run.world) + LATER;
	str_replace(&p.new.provider, "another-provider");
	step(&p, false);
	cr_assert_eq(schedule_get(p.run.world.store, SCHEDULE_ISSUE, p.old.o.id, &row, NULL), 1);
	cr_expect_eq(row.due_at, p.new.next_at);
	cr_expect_str_eq(row.lane, "another-provider");
	cr_expect_eq(generation(&p), p.rollout.generation, "nothing is rolled out for it");

	record_copy(&autocert_class, &p.old, &p.new);
	p.new.next_at = 0;
	step(&p, false);
	cr_expect_eq(run_due(&p.run, SCHEDULE_ISSUE, p.old.o.id), 0, "paused");
	end(&p);
}

Test(consequences, what_changes_neither_date_nor_files_causes_nothing)
{
	struct pair p;
	uint64_t rows;
	int64_t due_at;

	begin(&p);
	rows = store_count(p.run.world.store, STORE_SCHEDULE_ROW);
	due_at = run_due(&p.run, SCHEDULE_ISSUE, p.old.o.id);
	str_replace(&p.new.o.name, "renamed");
	str_replace(&p.new.key_algorithm, "rsa2048");
	step(&p, false);
	store_commit(p.run.world.store);
	cr_expect_eq(store_count(p.run.world.store, STORE_SCHEDULE_ROW), rows);
	cr_expect_eq(run_due(&p.run, SCHEDULE_ISSUE, p.old.o.id), due_at);
	cr_expect_eq(generation(&p), p.rollout.generation);
	end(&p);
}

Test(consequences, a_new_certificate_is_rolled_out)
{
	struct pair p;

	begin(&p);
	str_replace(&p.new.last_certificate, "00000000-0000-4000-8000-000000000009");
	step(&p, false);
	cr_expect_eq(generation(&p), p.rollout.generation + 1);
	cr_expect_eq(run_due(&p.run, SCHEDULE_DEPLOY, p.old.o.id), world_now(&p.run.world));
	end(&p);
}

Test(consequences, files_are_written_again_when_there_is_another_key)
{
	struct pair p;

	begin(&p);
	str_replace(&p.new.variant, "00000000-0000-4000-8000-000000000009");
	step(&p, false);
	cr_expect_eq(generation(&p), p.rollout.generation + 1);
	end(&p);
}

Test(consequences, other_consumers_get_the_certificate_that_is_there)
{
	struct pair p;

	begin(&p);
	cr_assert(world_call(&p.run.world, RPC_CONSUMER_CREATE, "{'properties':{'name':'web','activate':'none'}}"));
	strlist_add(&p.new.consumers, "web");
	step(&p, false);
	cr_expect_eq(generation(&p), p.rollout.generation + 1);
	end(&p);
}

Test(consequences, what_is_deleted_leaves_only_the_removal_of_its_files)
{
	struct pair p;

	begin(&p);
	step(&p, true);
	store_commit(p.run.world.store);
	cr_expect_eq(run_due(&p.run, SCHEDULE_ISSUE, p.old.o.id), 0);
	cr_expect_eq(generation(&p), 0);
	cr_expect_eq(store_count(p.run.world.store, STORE_REMOVAL), 1);
	end(&p);
}

Test(consequences, a_provider_has_a_row_until_it_is_registered)
{
	struct pair p;
	struct world *w = &p.run.world;
	struct provider provider = { .o.state = OBJECT_PROVISIONING };

	begin(&p);
	memcpy(provider.o.id, "00000000-0000-4000-8000-000000000009", sizeof(provider.o.id));
	provider.next_at = world_now(w) + LATER;
	consequences_of(&w->issue_env, store_begin(w->store), STORE_PROVIDER, NULL, &provider);
	cr_expect_eq(run_due(&p.run, SCHEDULE_ACCOUNT, provider.o.id), provider.next_at);
	provider.o.state = OBJECT_FAILED;
	provider.next_at = 0;
	consequences_of(&w->issue_env, store_begin(w->store), STORE_PROVIDER, &provider, &provider);
	cr_expect_neq(run_due(&p.run, SCHEDULE_ACCOUNT, provider.o.id), 0, "of an earlier certd");
	provider.o.state = OBJECT_AVAILABLE;
	consequences_of(&w->issue_env, store_begin(w->store), STORE_PROVIDER, &provider, &provider);
	cr_expect_eq(run_due(&p.run, SCHEDULE_ACCOUNT, provider.o.id), 0);
	end(&p);
}

Test(consequences, an_authorization_has_a_row_until_it_is_deleted)
{
	struct pair p;
	struct world *w = &p.run.world;
	char provider[] = "some-provider";
	struct authorization a = { .provider = provider };
	struct schedule_row row;

	begin(&p);
	memcpy(a.o.id, "00000000-0000-4000-8000-000000000009", sizeof(a.o.id));
	a.next_at = world_now(w) + LATER;
	consequences_of(&w->issue_env, store_begin(w->store), STORE_AUTHZ, NULL, &a);
	cr_assert_eq(schedule_get(w->store, SCHEDULE_AUTHORIZE, a.o.id, &row, NULL), 1);
	cr_expect_eq(row.due_at, a.next_at);
	cr_expect_str_eq(row.lane, provider);
	consequences_of(&w->issue_env, store_begin(w->store), STORE_AUTHZ, &a, NULL);
	cr_expect_eq(run_due(&p.run, SCHEDULE_AUTHORIZE, a.o.id), 0);
	end(&p);
}

/* Only the pair of the new one: its record refers to the previous one, whose rollout lists the consumers with files. */
Test(consequences, an_import_that_replaces_another_takes_over_its_rollout_and_withdraws_the_rest)
{
	struct pair p;
	struct world *w = &p.run.world;
	struct rollout_state state = { 0 };
	_cleanup_certificate_ struct certificate old = { 0 };
	_cleanup_certificate_ struct certificate new = { 0 };
	_cleanup_free_ char *here = getcwd(NULL, 0);
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;

	begin(&p);
	cr_assert(world_call(w, RPC_CONSUMER_CREATE,
		"{'properties':{'name':'mail','activate':'none','directory':'%s/mail'}}", here));
	cr_assert(world_call(w, RPC_CONSUMER_CREATE, "{'properties':{'name':'web','activate':'none'}}"));
	for (size_t i = 0; i < 2; i++) {
		_cleanup_consumer_ struct consumer c = { 0 };

		cr_assert_eq(object_find(w->store, &consumer_class, i ? "web" : "mail", &c, NULL), 1);
		strlist_add(&ids, c.o.id);
	}
	memcpy(old.o.id, "00000000-0000-4000-8000-000000000008", sizeof(old.o.id));
	memcpy(new.o.id, "00000000-0000-4000-8000-000000000009", sizeof(new.o.id));
	old.slug = xstrdup("shop");
	strlist_copy(&old.consumers, &ids);
	consequences_of(&w->issue_env, store_begin(w->store), STORE_CERTIFICATE, NULL, &old);

	new.slug = xstrdup("shop");
	new.replaces = xstrdup(old.o.id);
	strlist_add(&new.consumers, ids.items[1]);
	consequences_of(&w->issue_env, store_begin(w->store), STORE_CERTIFICATE, NULL, &new);
	store_commit(w->store);
	cr_expect_eq(store_count(w->store, STORE_REMOVAL), 1, "the files that 'mail' had");
	cr_expect_eq(rollout_load(w->rollout, old.o.id, &state, NULL), 0);
	cr_assert_eq(rollout_load(w->rollout, new.o.id, &state, NULL), 1);
	cr_expect_eq(state.generation, 2, "it goes on counting");
	cr_expect_eq(run_due(&p.run, SCHEDULE_DEPLOY, old.o.id), 0);
	cr_expect_neq(run_due(&p.run, SCHEDULE_DEPLOY, new.o.id), 0);
	record_clear(&rollout_class, &state);
	end(&p);
}

Test(consequences, a_certificate_has_its_purge_from_the_first_step_to_the_last)
{
	struct pair p;
	struct world *w = &p.run.world;
	_cleanup_certificate_ struct certificate c = { 0 };

	begin(&p);
	memcpy(c.o.id, "00000000-0000-4000-8000-000000000009", sizeof(c.o.id));
	c.not_after_at = world_now(w) + LATER;
	consequences_of(&w->issue_env, store_begin(w->store), STORE_CERTIFICATE, NULL, &c);
	cr_expect_eq(run_due(&p.run, SCHEDULE_PURGE, c.o.id), c.not_after_at + w->issue_env.purge_after);
	cr_expect_eq(run_due(&p.run, SCHEDULE_EXPIRY, c.o.id), 0, "it was issued");
	consequences_of(&w->issue_env, store_begin(w->store), STORE_CERTIFICATE, &c, NULL);
	cr_expect_eq(run_due(&p.run, SCHEDULE_PURGE, c.o.id), 0);

	c.slug = xstrdup("imported");
	consequences_of(&w->issue_env, store_begin(w->store), STORE_CERTIFICATE, NULL, &c);
	cr_expect_neq(run_due(&p.run, SCHEDULE_EXPIRY, c.o.id), 0);
	cr_expect_neq(run_due(&p.run, SCHEDULE_DEPLOY, c.o.id), 0);
	end(&p);
}
