/* The daily look for standing records of dns-persist-01, at a real name server. */
#include "daemon/renew/persist.h"

#include "daemon/base/loop.h"
#include "tests/unit/challenge/dns_daemon.h"
#include "tests/unit/challenge/rig.h"

#include <criterion/criterion.h>
#include <string.h>

#define OWNER "_validation-persist.www.example.test"
#define CONTENT "ca.test; accounturi=https://ca.test/acct/7"
#define RECORD OWNER " " CONTENT

enum { LONG_MS = 20000, DAY = 86400 };

struct fixture {
	struct dns_daemon daemon;
	struct rig rig;
	struct issue_env env;
	struct autocert a;
	bool is_done;
};

static void
setup(struct fixture *f)
{
	struct store *store;

	*f = (struct fixture){ 0 };
	dns_daemon_start(&f->daemon, DNS_DAEMON_KNOT);
	rig_init(&f->rig, f->daemon.server);
	rig_add_provider(&f->rig, "ns", f->daemon.server, "example.test", NULL);
	store = f->rig.store.store;
	f->env = (struct issue_env){
		.loop = f->rig.env.loop, .store = store, .solver = f->rig.solver, .events = f->rig.config.events
	};
	f->a.o.name = xstrdup("www");
	f->a.common_name = xstrdup("www.example.test");
	f->a.challenge = xstrdup("dns-persist-01");
	strlist_add(&f->a.standing, RECORD);
	cr_assert_eq(object_save(store, store_begin(store), &autocert_class, &f->a, NULL), 0);
	store_commit(store);
}

static void
teardown(struct fixture *f)
{
	autocert_clear(&f->a);
	rig_clear(&f->rig);
	dns_daemon_stop(&f->daemon);
}

static void
on_done(bool is_stored, void *arg)
{
	struct fixture *f = arg;

	cr_expect(is_stored);
	f->is_done = true;
	loop_stop(f->rig.env.loop);
}

/* Runs the job, reads what it has stored, and returns when it is due again. */
static int64_t
look(struct fixture *f)
{
	struct schedule_row row = { .kind = SCHEDULE_PERSIST };
	char id[STORE_ID_SIZE];

	memcpy(id, f->a.o.id, sizeof(id));
	memcpy(row.object, id, sizeof(row.object));
	f->is_done = false;
	persist_job.start(&f->env, &row, on_done, f);
	for (int64_t ms = 0; ms < LONG_MS && !f->is_done; ms += 100)
		rig_run_ms(&f->rig, 100);
	cr_assert(f->is_done);
	autocert_clear(&f->a);
	cr_assert_eq(object_load(f->rig.store.store, &autocert_class, id, &f->a, NULL), 1);
	return schedule_get(f->rig.store.store, SCHEDULE_PERSIST, id, &row, NULL) == 1 ? row.due_at : 0;
}

Test(persist, a_missing_record_is_noted_until_it_is_there_again_and_a_new_end_is_noted)
{
	struct fixture f;
	const char *owner;

	setup(&f);
	cr_expect_gt(look(&f), 0);
	cr_expect_str_eq(f.a.standing_error.message,
		"the TXT record " OWNER ": there is no such record; publish it with content " CONTENT);
	cr_expect_eq(f.a.standing.count, 1);
	rig_publish(&f.rig, f.daemon.server, "example.test", OWNER, CONTENT "; persistUntil=4000000000", false);
	look(&f);
	cr_expect_not(error_is_set(&f.a.standing_error), "%s", f.a.standing_error.message);
	cr_expect_str_eq(f.a.standing.items[0], RECORD "; persistUntil=4000000000");
	cr_expect_eq(persist_until(&f.a, &owner), 4000000000);
	teardown(&f);
}

Test(persist, what_no_server_answers_is_not_missing)
{
	struct fixture f;

	setup(&f);
	dns_daemon_stop(&f.daemon);
	cr_expect_gt(look(&f), 0);
	cr_expect_not(error_is_set(&f.a.standing_error), "%s", f.a.standing_error.message);
	cr_expect_str_eq(f.a.standing.items[0], RECORD);
	teardown(&f);
}

Test(persist, an_order_notes_what_it_found_and_keeps_the_rest_of_the_declared_names)
{
	struct autocert a = { .challenge = xstrdup("dns-persist-01"), .common_name = xstrdup("*.a.example") };
	_cleanup_strlist_ struct strlist found = STRLIST_INIT;

	strlist_add(&a.sans, "b.example");
	strlist_add(&a.standing, "_validation-persist.b.example x");
	strlist_add(&a.standing, "_validation-persist.c.example x");
	strlist_add(&a.standing, "_validation-persist.a.example x");
	strlist_add(&found, "_validation-persist.a.example y");
	persist_note(&a, &found);
	cr_assert_eq(a.standing.count, 2);
	cr_expect_str_eq(a.standing.items[0], "_validation-persist.a.example y");
	cr_expect_str_eq(a.standing.items[1], "_validation-persist.b.example x");
	str_replace(&a.challenge, "dns-01");
	strlist_clear(&found);
	persist_note(&a, &found);
	cr_expect_eq(a.standing.count, 0);
	autocert_clear(&a);
}
