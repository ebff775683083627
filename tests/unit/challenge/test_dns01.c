/* dns-01 against real name servers: Knot and BIND, with TSIG, on loopback. */
#include "common/crypto/jws.h"
#include "common/retry.h"
#include "daemon/base/clock.h"
#include "daemon/base/dns.h"
#include "daemon/base/loop.h"
#include "daemon/challenge/cleanup.h"
#include "daemon/challenge/dns_check.h"
#include "daemon/challenge/dns_watch.h"
#include "daemon/challenge/solver_private.h"
#include "daemon/schedule/schedule.h"
#include "tests/unit/challenge/dns_daemon.h"
#include "tests/unit/challenge/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#define TOKEN2 "DGyRejmCefe7v4NfDGDKfA_0123456789abcdefghij"
#define THUMBPRINT "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"

enum { LONG_MS = 120 * 1000, SOON_MS = 300, STEP_MS = 10 };

struct fixture {
	struct dns_daemon daemon;
	struct rig rig;
	struct autocert autocert;
	char provider[STORE_ID_SIZE];
};

/* One challenge from start to stop. */
struct challenge {
	struct acme_authorization authz;
	struct result result;
	struct solve *solve;
};

static void
setup(struct fixture *f, enum dns_daemon_kind kind, const char *zone)
{
	*f = (struct fixture){ 0 };
	dns_daemon_start(&f->daemon, kind);
	rig_init(&f->rig, f->daemon.server);
	rig_add_provider(&f->rig, "ns", f->daemon.server, zone, f->provider);
}

static void
teardown(struct fixture *f)
{
	autocert_clear(&f->autocert);
	rig_clear(&f->rig);
	dns_daemon_stop(&f->daemon);
}

static void
start(struct fixture *f, struct challenge *c, const char *name, bool is_wildcard, const char *token)
{
	struct solver_request request = {
		.autocert = &f->autocert,
		.authz = &c->authz,
		.thumbprint = THUMBPRINT,
	};

	memset(c, 0, sizeof(*c));
	authz_init(&c->authz, name, is_wildcard, "dns-01", token);
	c->solve = solver_start(f->rig.solver, &request, note_done, note_progress, &c->result);
}

static void
stop(struct challenge *c)
{
	solver_stop(c->solve);
	acme_authorization_clear(&c->authz);
	result_clear(&c->result);
}

struct txt {
	struct rig *rig;
	struct strlist values;
};

static void
on_txt(const struct dns_answer *answer, const struct error *err, void *arg)
{
	struct txt *txt = arg;

	cr_expect_null(err);
	if (answer)
		strlist_copy(&txt->values, &answer->values);
	loop_stop(txt->rig->env.loop);
}

/* How many of the TXT values at @name are, and is that of @token one of them? */
static size_t
count_values(struct fixture *f, const char *name, const char *token, bool *ret_has)
{
	struct txt txt = { .rig = &f->rig };
	_cleanup_free_ char *key_authorization = xasprintf("%s." THUMBPRINT, token);
	_cleanup_free_ char *value = jws_dns01_value(key_authorization);
	size_t count;

	dns_ask(f->rig.env.dns, f->daemon.server, name, DNS_TXT, LONG_MS, on_txt, &txt);
	rig_run_ms(&f->rig, LONG_MS);
	count = txt.values.count;
	*ret_has = strlist_has(&txt.values, value);
	strlist_clear(&txt.values);
	return count;
}

static bool
has_value(struct fixture *f, const char *name, const char *token)
{
	bool has;

	count_values(f, name, token, &has);
	return has;
}

/* The only cleanup record in the store, or "". */
static void
only_promise(struct fixture *f, char ret_id[STORE_ID_SIZE])
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	*ret_id = '\0';
	cr_assert_leq(store_count(f->rig.store.store, STORE_CLEANUP), 1);
	if (store_next(f->rig.store.store, STORE_CLEANUP, "", 0, false, &key, NULL, NULL) == 1)
		snprintf(ret_id, STORE_ID_SIZE, "%s", buf_str(&key));
}

/* Turns the loop until no removal is left. */
static void
settle(struct fixture *f)
{
	for (int64_t ms = 0; ms < LONG_MS && store_count(f->rig.store.store, STORE_CLEANUP); ms += STEP_MS)
		rig_run_ms(&f->rig, STEP_MS);
}

static void
adds_waits_and_removes(enum dns_daemon_kind kind)
{
	struct fixture f;
	struct challenge c;
	char id[STORE_ID_SIZE];

	setup(&f, kind, "example.test");
	start(&f, &c, "www.example.test", false, TOKEN);
	cr_assert(rig_wait(&f.rig, &c.result, LONG_MS));
	cr_expect_not(error_is_set(&c.result.error), "%s", c.result.error.message);
	cr_expect(has_value(&f, "_acme-challenge.www.example.test", TOKEN));
	only_promise(&f, id);
	cr_expect(*id, "a crash now would leave the value there for ever");
	stop(&c);
	settle(&f);
	cr_expect_not(has_value(&f, "_acme-challenge.www.example.test", TOKEN));
	only_promise(&f, id);
	cr_expect_not(*id);
	cr_expect_eq(store_count(f.rig.store.store, STORE_SCHEDULE), 0);
	teardown(&f);
}

Test(dns01, adds_waits_and_removes_at_knot)
{
	adds_waits_and_removes(DNS_DAEMON_KNOT);
}

Test(dns01, adds_waits_and_removes_at_bind)
{
	adds_waits_and_removes(DNS_DAEMON_BIND);
}

/* Another account may have a record at _acme-challenge meanwhile. */
Test(dns01, an_account_has_an_owner_name_of_its_own)
{
	static const char owner[] = "_ujmmovf2vn55tgye._acme-challenge.www.example.test";
	struct fixture f;
	struct challenge c;
	struct solver_request request = { .autocert = &f.autocert,
		.authz = &c.authz,
		.thumbprint = THUMBPRINT,
		.account_url = "https://example.com/acme/acct/ExampleAccount" };

	setup(&f, DNS_DAEMON_KNOT, "example.test");
	f.autocert.challenge = xstrdup("dns-account-01");
	memset(&c, 0, sizeof(c));
	authz_init(&c.authz, "www.example.test", false, "dns-account-01", TOKEN);
	cr_assert_eq(solver_choose(f.rig.solver, &f.autocert, &c.authz, NULL), 0);
	c.solve = solver_start(f.rig.solver, &request, note_done, note_progress, &c.result);
	cr_assert(rig_wait(&f.rig, &c.result, LONG_MS));
	cr_expect_not(error_is_set(&c.result.error), "%s", c.result.error.message);
	cr_expect(has_value(&f, owner, TOKEN));
	cr_expect_not(has_value(&f, "_acme-challenge.www.example.test", TOKEN));
	stop(&c);
	settle(&f);
	cr_expect_not(has_value(&f, owner, TOKEN));
	teardown(&f);
}

Test(dns01, apex_and_wildcard_stand_side_by_side_and_go_one_by_one)
{
	struct fixture f;
	struct challenge apex;
	struct challenge is_wildcard;
	bool has;

	setup(&f, DNS_DAEMON_KNOT, "example.test");
	start(&f, &apex, "example.test", false, TOKEN);
	start(&f, &is_wildcard, "example.test", true, TOKEN2);
	while (!apex.result.calls || !is_wildcard.result.calls)
		cr_assert(rig_wait(&f.rig, apex.result.calls ? &is_wildcard.result : &apex.result, LONG_MS));
	cr_expect_eq(count_values(&f, "_acme-challenge.example.test", TOKEN, &has), 2);
	cr_expect(has);
	stop(&apex);
	while (store_count(f.rig.store.store, STORE_CLEANUP) > 1)
		rig_run_ms(&f.rig, STEP_MS);
	cr_expect_eq(count_values(&f, "_acme-challenge.example.test", TOKEN2, &has), 1);
	cr_expect(has, "the wrong value was removed");
	stop(&is_wildcard);
	settle(&f);
	cr_expect_eq(count_values(&f, "_acme-challenge.example.test", TOKEN2, &has), 0);
	teardown(&f);
}

/* The provider that was named has the alias's zone only: the record belongs where the alias leads. */
Test(dns01, an_alias_is_followed_into_another_zone)
{
	struct fixture f;
	struct challenge c;

	setup(&f, DNS_DAEMON_KNOT, "delegated.test");
	f.autocert.dns_provider = xstrdup(f.provider);
	start(&f, &c, "alias.example.test", false, TOKEN);
	cr_assert(rig_wait(&f.rig, &c.result, LONG_MS));
	cr_expect_not(error_is_set(&c.result.error), "%s", c.result.error.message);
	cr_expect(has_value(&f, "alias.delegated.test", TOKEN));
	stop(&c);
	settle(&f);
	cr_expect_not(has_value(&f, "alias.delegated.test", TOKEN));
	teardown(&f);
}

Test(dns01, what_the_operator_has_to_mend_is_said)
{
	static const struct {
		const char *name;
		const char *zone; /* of the provider */
		bool is_sent;     /* and its removal is tried again */
		const char *says;
	} cases[] = {
		{ "circle.example.test", "example.test", false, "form a loop" },
		{ "alias.example.test", "example.test", false,
			"_acme-challenge.alias.example.test is an alias of alias.delegated.test, and no DNS "
			"provider has a "
			"zone for that" },
		/* No server answers for the zone, but it is declared: its server is asked to change it. */
		{ "www.elsewhere.test", "elsewhere.test", true,
			"the server is not the primary of zone 'elsewhere.test'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		struct challenge c;

		setup(&f, DNS_DAEMON_KNOT, cases[i].zone);
		start(&f, &c, cases[i].name, false, TOKEN);
		cr_assert(rig_wait(&f.rig, &c.result, LONG_MS), "%s", cases[i].name);
		cr_assert(error_is_set(&c.result.error), "%s", cases[i].name);
		cr_expect(
			strstr(c.result.error.message, cases[i].says), "%s: %s", cases[i].name, c.result.error.message);
		stop(&c);
		settle(&f);
		cr_expect_eq(store_count(f.rig.store.store, STORE_CLEANUP), cases[i].is_sent, "%s", cases[i].name);
		teardown(&f);
	}
}

static void
change_provider(
	struct fixture *f, const char *server, const char *tsig_secret, const char *nameservers, int64_t timeout)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };

	cr_assert_eq(object_load(f->rig.store.store, &dnsprovider_class, f->provider, &d, NULL), 1);
	if (server)
		setting_put(&d.settings, "server", server);
	if (tsig_secret)
		setting_put_secret(&d.secrets, "tsigKey", tsig_secret, strlen(tsig_secret));
	if (nameservers)
		strlist_split(&d.nameservers, nameservers, ',');
	d.propagation_timeout = timeout;
	cr_assert_eq(object_save(f->rig.store.store, store_begin(f->rig.store.store), &dnsprovider_class, &d, NULL), 0);
	store_commit(f->rig.store.store);
}

/*
 * "* CNAME load-balancer": its answer for the challenge's name is no reason to look for the zone of the load balancer.
 */
Test(dns01, a_wildcard_alias_in_the_zone_is_not_a_delegation)
{
	static const char *const zones[] = { "example.test", NULL };

	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		struct fixture f;
		struct challenge c;

		setup(&f, DNS_DAEMON_KNOT, zones[i]);
		start(&f, &c, "www.wild.example.test", false, TOKEN);
		cr_assert(rig_wait(&f.rig, &c.result, LONG_MS));
		cr_expect_not(error_is_set(&c.result.error), "%s", c.result.error.message);
		cr_expect(has_value(&f, "_acme-challenge.www.wild.example.test", TOKEN));
		cr_expect_not(has_value(&f, "lb.delegated.test", TOKEN));
		stop(&c);
		teardown(&f);
	}
}

Test(dns01, a_wrong_tsig_secret_is_named)
{
	struct fixture f;
	struct challenge c;

	setup(&f, DNS_DAEMON_KNOT, "example.test");
	change_provider(&f, NULL, "another secret", NULL, 0);
	start(&f, &c, "www.example.test", false, TOKEN);
	cr_assert(rig_wait(&f.rig, &c.result, LONG_MS));
	cr_assert(error_is_set(&c.result.error));
	cr_expect(strstr(c.result.error.message, "BADSIG"), "%s", c.result.error.message);
	cr_expect(strstr(c.result.error.message, "DNS provider 'ns'"), "%s", c.result.error.message);
	stop(&c);
	teardown(&f);
}

static unsigned
occurrences(const char *text, const char *part)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
		n++;
	return n;
}

/* Whether or not another server knows the zone: the provider's own must be fixed. */
Test(dns01, a_server_that_cannot_be_reached_is_named_and_once)
{
	static const char DEAD[] = "127.0.0.1:1";
	static const struct {
		bool has_resolver;
		const char *says;
	} cases[] = {
		{ false, "DNS provider 'ns': DNS SOA of '_acme-challenge.www.example.test': DNS server "
			 "127.0.0.1:1 "
			 "cannot be reached" },
		{ true, "DNS provider 'ns': add _acme-challenge.www.example.test: DNS update at 127.0.0.1:1: "
			"the "
			"server cannot be reached" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f = { 0 };
		struct challenge c;

		dns_daemon_start(&f.daemon, DNS_DAEMON_KNOT);
		rig_init(&f.rig, cases[i].has_resolver ? f.daemon.server : "127.0.0.1:2");
		rig_add_provider(&f.rig, "ns", DEAD, "example.test", f.provider);
		start(&f, &c, "www.example.test", false, TOKEN);
		cr_assert(rig_wait(&f.rig, &c.result, LONG_MS));
		cr_assert_eq(c.result.error.code, ERROR_DNS);
		cr_expect(strstr(c.result.error.message, cases[i].says), "%s", c.result.error.message);
		cr_expect_eq(occurrences(c.result.error.message, DEAD), 1, "%s", c.result.error.message);
		stop(&c);
		teardown(&f);
	}
}

static void
note_stored(bool stored, void *arg)
{
	cr_assert(stored);
	note_done(NULL, arg);
}

/* Runs the row as the scheduler would. */
static void
clean_up(struct fixture *f, const char *id)
{
	struct result result = { .rig = &f->rig };
	struct schedule_row row;

	cr_assert_eq(schedule_get(f->rig.store.store, SCHEDULE_CLEANUP, id, &row, NULL), 1);
	cleanup_job.start(f->rig.solver, &row, note_stored, &result);
	cr_assert(rig_wait(&f->rig, &result, LONG_MS));
}

Test(dns01, a_value_left_by_a_crash_is_removed_from_the_schedule)
{
	struct fixture f;
	struct challenge c;
	struct schedule_row row;
	char id[STORE_ID_SIZE];

	setup(&f, DNS_DAEMON_KNOT, "example.test");
	start(&f, &c, "www.example.test", false, TOKEN);
	cr_assert(rig_wait(&f.rig, &c.result, LONG_MS));
	stop(&c);
	rig_restart(&f.rig); /* before the removal has begun */
	cr_expect(has_value(&f, "_acme-challenge.www.example.test", TOKEN));
	only_promise(&f, id);
	cr_assert(*id);
	cr_assert_eq(schedule_get(f.rig.store.store, SCHEDULE_CLEANUP, id, &row, NULL), 1);
	cr_expect_leq(
		row.due_at, clock_wall(f.rig.clock), "not before %d s", (int)(row.due_at - clock_wall(f.rig.clock)));
	clean_up(&f, id);
	cr_expect_not(has_value(&f, "_acme-challenge.www.example.test", TOKEN));
	cr_expect_eq(store_count(f.rig.store.store, STORE_CLEANUP), 0);
	cr_expect_eq(store_count(f.rig.store.store, STORE_SCHEDULE), 0);
	teardown(&f);
}

Test(dns01, a_removal_that_fails_is_tried_again_later_and_later)
{
	static const struct retry_wait pause[] = { { 60, 120 }, { 450, 750 } };
	struct fixture f;
	struct challenge c;
	struct schedule_row row;
	char id[STORE_ID_SIZE];

	setup(&f, DNS_DAEMON_KNOT, "example.test");
	start(&f, &c, "www.example.test", false, TOKEN);
	cr_assert(rig_wait(&f.rig, &c.result, LONG_MS));
	stop(&c);
	rig_restart(&f.rig);
	change_provider(&f, "127.0.0.1:1", NULL, NULL, 0);
	only_promise(&f, id);
	for (size_t i = 0; i < ARRAY_SIZE(pause); i++) {
		int64_t now = clock_wall(f.rig.clock);

		clean_up(&f, id);
		cr_expect(has_value(&f, "_acme-challenge.www.example.test", TOKEN));
		rig_expect_event(&f.rig, EVENT_CLEANUP_FAILED,
			&(struct event_object){ "dnsprovider", f.provider, "ns" },
			"cannot remove the TXT record at _acme-challenge.www.example.test");
		cr_assert_eq(schedule_get(f.rig.store.store, SCHEDULE_CLEANUP, id, &row, NULL), 1);
		cr_expect_geq(row.due_at, now + pause[i].shortest);
		cr_expect_leq(row.due_at, now + pause[i].longest + 10);
	}
	change_provider(&f, f.daemon.server, NULL, NULL, 0);
	clean_up(&f, id);
	cr_expect_not(has_value(&f, "_acme-challenge.www.example.test", TOKEN));
	teardown(&f);
}

Test(dns01, a_removal_without_its_provider_or_its_record_is_said_and_not_repeated_for_ever)
{
	enum { WITHOUT_PROVIDER, WITHOUT_RECORD, UNREADABLE };
	static const struct {
		const char *why;
		int state;
		const char *says; /* NULL: nothing */
		bool stays;
	} cases[] = {
		{ "provider deleted", WITHOUT_PROVIDER,
			"the TXT record 'v' at _acme-challenge.www.example.test was not removed", false },
		{ "record gone", WITHOUT_RECORD, NULL, false },
		{ "unreadable", UNREADABLE, "cleanup", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f = { 0 };
		const struct cleanup c = { .dns_provider = (char *)"00000000-0000-4000-8000-000000000000",
			.name = (char *)"_acme-challenge.www.example.test",
			.value = (char *)"v" };
		char id[STORE_ID_SIZE];
		struct store *store;
		struct schedule_row row;
		int64_t now;

		rig_init(&f.rig, NULL);
		store = f.rig.store.store;
		now = clock_wall(f.rig.clock);
		cleanup_id(&c, id);
		cleanup_save(store, store_begin(store), &c, now);
		if (cases[i].state == WITHOUT_RECORD)
			store_del(store_begin(store), STORE_CLEANUP, id, strlen(id));
		if (cases[i].state == UNREADABLE)
			store_put(store_begin(store), STORE_CLEANUP, id, strlen(id), "\xff\xff", 2);
		store_commit(store);
		clean_up(&f, id);
		if (cases[i].says)
			rig_expect_event(&f.rig, EVENT_CLEANUP_FAILED, NULL, cases[i].says);
		else
			cr_expect_eq(events_last(f.rig.config.events), 0, "%s", cases[i].why);
		cr_expect_eq(schedule_get(store, SCHEDULE_CLEANUP, id, &row, NULL), cases[i].stays, "%s", cases[i].why);
		cr_expect_eq(store_count(store, STORE_CLEANUP), cases[i].stays, "%s", cases[i].why);
		if (cases[i].stays) {
			cr_expect_geq(row.due_at, now + 86400);
			cr_expect_leq(row.due_at, now + 86400 + 60);
		}
		rig_clear(&f.rig);
	}
}

/* An order that is resumed puts up at once what its first try is still taking down. */
Test(dns01, a_challenge_that_comes_back_is_not_overtaken_by_its_removal)
{
	struct fixture f;
	struct challenge first;
	struct challenge again;
	char id[STORE_ID_SIZE];

	setup(&f, DNS_DAEMON_KNOT, "example.test");
	start(&f, &first, "www.example.test", false, TOKEN);
	cr_assert(rig_wait(&f.rig, &first.result, LONG_MS));
	stop(&first);
	start(&f, &again, "www.example.test", false, TOKEN);
	cr_assert(rig_wait(&f.rig, &again.result, LONG_MS));
	rig_run_ms(&f.rig, SOON_MS);
	cr_expect(has_value(&f, "_acme-challenge.www.example.test", TOKEN));
	only_promise(&f, id);
	cr_expect(*id, "the promise of the second went with the first");
	stop(&again);
	settle(&f);
	cr_expect_not(has_value(&f, "_acme-challenge.www.example.test", TOKEN));
	teardown(&f);
}

Test(dns01, stopping_in_any_state_leaves_nothing_behind)
{
	struct fixture f;

	setup(&f, DNS_DAEMON_KNOT, "example.test");
	for (int64_t ms = 0; ms < 40; ms += 2) {
		struct challenge c;

		start(&f, &c, "www.example.test", false, TOKEN);
		rig_run_ms(&f.rig, ms);
		stop(&c);
		settle(&f);
		cr_expect_not(has_value(&f, "_acme-challenge.www.example.test", TOKEN), "after %d ms", (int)ms);
		cr_expect_eq(store_count(f.rig.store.store, STORE_CLEANUP), 0, "after %d ms", (int)ms);
		cr_expect_eq(store_count(f.rig.store.store, STORE_SCHEDULE), 0, "after %d ms", (int)ms);
	}
	teardown(&f);
}

/* A second server of the zone that does not get the change by itself. */
Test(dns01, waits_for_the_last_server_and_says_which_one_it_is)
{
	struct fixture f;
	struct dns_daemon other;
	struct challenge c;
	_cleanup_free_ char *both = NULL;
	int64_t began;

	setup(&f, DNS_DAEMON_KNOT, "example.test");
	dns_daemon_start(&other, DNS_DAEMON_KNOT);
	both = xasprintf("%s,%s", f.daemon.server, other.server);
	change_provider(&f, NULL, NULL, both, 1);
	began = clock_boot_ms(f.rig.clock);
	start(&f, &c, "www.example.test", false, TOKEN);
	cr_assert(rig_wait(&f.rig, &c.result, LONG_MS));
	cr_expect_not(error_is_set(&c.result.error), "time that is up is no error: %s", c.result.error.message);
	cr_expect_geq(clock_boot_ms(f.rig.clock) - began, 1000);
	cr_assert_geq(c.result.progress.count, 3);
	cr_expect(strstr(c.result.progress.items[1], "does not have the TXT record"), "%s", c.result.progress.items[1]);
	cr_expect(strstr(c.result.progress.items[1], other.server), "%s", c.result.progress.items[1]);
	cr_expect(strstr(c.result.progress.items[c.result.progress.count - 1], "continuing"));
	stop(&c);
	dns_daemon_stop(&other);
	teardown(&f);
}

/* A failed validation counts at the CA: it is not asked when the record is nowhere, unless the operator says so. */
Test(dns01, without_the_record_the_ca_is_not_asked)
{
	for (int validate_unseen = 0; validate_unseen <= 1; validate_unseen++) {
		_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
		struct fixture f;
		struct dns_daemon other;
		struct challenge c;

		setup(&f, DNS_DAEMON_KNOT, "example.test");
		dns_daemon_start(&other, DNS_DAEMON_KNOT); /* the only one that is asked; it never gets the record */
		change_provider(&f, NULL, NULL, other.server, 1);
		cr_assert_eq(object_load(f.rig.store.store, &dnsprovider_class, f.provider, &d, NULL), 1);
		d.validate_unseen = validate_unseen;
		cr_assert_eq(
			object_save(f.rig.store.store, store_begin(f.rig.store.store), &dnsprovider_class, &d, NULL),
			0);
		store_commit(f.rig.store.store);
		start(&f, &c, "www.example.test", false, TOKEN);
		cr_assert(rig_wait(&f.rig, &c.result, LONG_MS));
		if (validate_unseen) {
			cr_expect_not(error_is_set(&c.result.error), "%s", c.result.error.message);
		} else {
			cr_assert_eq(c.result.error.code, ERROR_DNS);
			cr_expect(strstr(c.result.error.message, "no name server has the TXT record after 1s"), "%s",
				c.result.error.message);
			cr_expect(strstr(c.result.error.message, other.server), "%s", c.result.error.message);
		}
		stop(&c);
		dns_daemon_stop(&other);
		teardown(&f);
	}
}

/* For what may happen only when every server has the value, and not when one of them cannot be asked. */
Test(dns01, a_watch_that_needs_all_servers_tells_one_that_lacks_the_value_from_one_that_is_silent)
{
	static const struct {
		bool has_other, is_published_there;
		enum error_code code;
	} cases[] = { { true, true, ERROR_NONE }, { true, false, ERROR_STATE }, { false, false, ERROR_DNS } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		struct dns_daemon other;
		struct result result = { .rig = NULL };
		_cleanup_dnsprovider_ struct dnsprovider d = { .propagation_timeout = 1 };

		setup(&f, DNS_DAEMON_KNOT, "example.test");
		result.rig = &f.rig;
		rig_publish(&f.rig, f.daemon.server, "example.test", "www.example.test", TOKEN, false);
		strlist_add(&d.nameservers, f.daemon.server);
		if (cases[i].has_other)
			dns_daemon_start(&other, DNS_DAEMON_KNOT);
		strlist_add(&d.nameservers, cases[i].has_other ? other.server : "127.0.0.1:1");
		if (cases[i].is_published_there)
			rig_publish(&f.rig, other.server, "example.test", "www.example.test", TOKEN, false);
		dns_watch_start(&f.rig.env,
			&(struct dns_watch_request){ .provider = &d,
				.zone = "example.test",
				.name = "www.example.test",
				.value = TOKEN,
				.needs_all = true },
			note_done, note_progress, &result);
		cr_assert(rig_wait(&f.rig, &result, LONG_MS));
		cr_expect_eq(result.error.code, cases[i].code, "%zu: %s", i, result.error.message);
		if (cases[i].code != ERROR_NONE)
			cr_expect_not_null(
				strstr(result.error.message, d.nameservers.items[1]), "%s", result.error.message);
		result_clear(&result);
		if (cases[i].has_other)
			dns_daemon_stop(&other);
		teardown(&f);
	}
}

struct resolver_watch {
	struct fixture f;
	struct dns_daemon resolver;
	struct dnsprovider d;
	struct result result;
	struct strlist verdicts;
};

/* @is_seen: the name server has the value. @resolver NULL: a server of its own, that lacks the value. */
static void
watch_start(struct resolver_watch *r, bool is_seen, const char *resolver, int64_t timeout)
{
	memset(r, 0, sizeof(*r));
	setup(&r->f, DNS_DAEMON_KNOT, "example.test");
	if (!resolver)
		dns_daemon_start(&r->resolver, DNS_DAEMON_KNOT);
	if (is_seen)
		rig_publish(&r->f.rig, r->f.daemon.server, "example.test", "www.example.test", TOKEN, false);
	strlist_add(&r->d.nameservers, r->f.daemon.server);
	strlist_add(&r->d.resolvers, resolver ? resolver : r->resolver.server);
	r->d.propagation_timeout = timeout;
	dns_watch_start(&r->f.rig.env,
		&(struct dns_watch_request){ .provider = &r->d,
			.zone = "example.test",
			.name = "www.example.test",
			.value = TOKEN,
			.verdicts = &r->verdicts,
			.poll_ms = 20 },
		note_done, note_progress, &r->result);
}

/* The last line of progress and the verdict on the resolver begin with "resolver ADDRESS" and contain these. */
static void
watch_expect(struct resolver_watch *r, enum error_code code, const char *progress, const char *verdict)
{
	_cleanup_free_ char *label = xasprintf("resolver %s ", r->d.resolvers.items[0]);
	const char *seen;

	cr_expect_eq(r->result.error.code, code, "%s", r->result.error.message);
	cr_assert_eq(r->verdicts.count, 2);
	seen = r->verdicts.items[1];
	cr_expect(strncmp(seen, label, strlen(label)) == 0 && strstr(seen, verdict), "%s", seen);
	cr_assert(r->result.progress.count);
	seen = r->result.progress.items[r->result.progress.count - 1];
	cr_expect(strstr(seen, progress), "%s", seen);
	result_clear(&r->result);
	strlist_clear(&r->verdicts);
	strlist_clear(&r->d.nameservers);
	strlist_clear(&r->d.resolvers);
	if (r->resolver.pid)
		dns_daemon_stop(&r->resolver);
	teardown(&r->f);
}

Test(dns01, a_resolver_that_lacks_the_record_is_waited_for)
{
	struct resolver_watch r;

	watch_start(&r, true, NULL, 60);
	for (int64_t ms = 0; ms < LONG_MS && !r.result.progress.count; ms += STEP_MS)
		rig_run_ms(&r.f.rig, STEP_MS);
	cr_expect_eq(r.result.calls, 0);
	rig_publish(&r.f.rig, r.resolver.server, "example.test", "www.example.test", TOKEN, false);
	cr_assert(rig_wait(&r.f.rig, &r.result, LONG_MS));
	watch_expect(&r, ERROR_NONE, "does not have the TXT record of www.example.test yet", "has the TXT record");
}

Test(dns01, a_resolver_that_lacks_the_record_to_the_end_is_no_failure)
{
	struct resolver_watch r;

	watch_start(&r, true, NULL, 1);
	cr_assert(rig_wait(&r.f.rig, &r.result, LONG_MS));
	watch_expect(&r, ERROR_NONE, "yet; continuing, because the CA may see it", "does not have the TXT record");
}

/* Long before the time is up. */
Test(dns01, a_silent_resolver_is_skipped)
{
	static const char *const resolvers[] = { "127.0.0.1:1", "[::1]:1" };

	for (size_t i = 0; i < ARRAY_SIZE(resolvers); i++) {
		struct resolver_watch r;
		int64_t began;

		watch_start(&r, true, resolvers[i], 600);
		began = clock_boot_ms(r.f.rig.clock);
		cr_assert(rig_wait(&r.f.rig, &r.result, LONG_MS));
		cr_expect_lt(clock_boot_ms(r.f.rig.clock) - began, LONG_MS);
		watch_expect(&r, ERROR_NONE, "continuing without it", "does not answer: ");
	}
}

/* Its negative answer would be kept. */
Test(dns01, a_resolver_is_not_queried_before_the_name_servers_have_the_record)
{
	struct resolver_watch r;

	watch_start(&r, false, NULL, 1);
	rig_publish(&r.f.rig, r.resolver.server, "example.test", "www.example.test", TOKEN, false);
	cr_assert(rig_wait(&r.f.rig, &r.result, LONG_MS));
	watch_expect(&r, ERROR_DNS, "does not have the TXT record", "was not queried");
}

/* No zone and so no name server is known: the resolver is the only one that is queried, and nothing depends on it. */
Test(dns01, a_silent_resolver_alone_does_not_fail_the_order)
{
	for (int64_t timeout = 1; timeout <= 600; timeout += 599) {
		struct fixture f;
		_cleanup_dnsprovider_ struct dnsprovider d = { .propagation_timeout = timeout };
		struct result result = { .rig = NULL };

		setup(&f, DNS_DAEMON_KNOT, "example.test");
		strlist_add(&d.resolvers, "127.0.0.1:1");
		dns_watch_start(&f.rig.env,
			&(struct dns_watch_request){ .provider = &d,
				.name = "www.example.test",
				.value = TOKEN,
				.poll_ms = timeout == 1 ? 900 : 20 },
			note_done, note_progress, &result);
		cr_assert(rig_wait(&f.rig, &result, LONG_MS));
		cr_expect_eq(result.error.code, ERROR_NONE, "%s", result.error.message);
		cr_expect(strstr(result.progress.items[result.progress.count - 1], "; continuing"));
		result_clear(&result);
		teardown(&f);
	}
}

Test(dns01, a_server_that_never_answers_does_not_hold_up_the_others)
{
	static const struct {
		const char *server, *says;
	} cases[] = { { "127.0.0.1:1", "127.0.0.1:1" },
		{ "nowhere.example.test", "nowhere.example.test: no address found" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		struct challenge c;
		_cleanup_free_ char *both = NULL;
		int64_t began;

		setup(&f, DNS_DAEMON_KNOT, "example.test");
		both = xasprintf("%s,%s", f.daemon.server, cases[i].server);
		change_provider(&f, NULL, NULL, both, 60);
		began = clock_boot_ms(f.rig.clock);
		start(&f, &c, "www.example.test", false, TOKEN);
		cr_assert(rig_wait(&f.rig, &c.result, 2 * LONG_MS));
		cr_expect_not(error_is_set(&c.result.error));
		cr_expect_lt(clock_boot_ms(f.rig.clock) - began, 50 * 1000); /* of 60 s that it may take */
		cr_assert_geq(c.result.progress.count, 1);
		cr_expect(strstr(c.result.progress.items[c.result.progress.count - 1], "continuing without it"), "%s",
			c.result.progress.items[c.result.progress.count - 1]);
		cr_expect(strstr(c.result.progress.items[c.result.progress.count - 1], cases[i].says), "%s",
			c.result.progress.items[c.result.progress.count - 1]);
		stop(&c);
		teardown(&f);
	}
}

struct checked {
	struct rig *rig;
	int calls;
	size_t left; /* cleanup records */
	struct error error;
	char record[64];
	struct strlist servers;
};

static void
on_checked(const struct dns_check_result *result, const struct error *err, void *arg)
{
	struct checked *checked = arg;

	checked->calls++;
	checked->left = store_count(checked->rig->store.store, STORE_CLEANUP);
	if (err)
		error_copy(&checked->error, err);
	snprintf(checked->record, sizeof(checked->record), "%s", result->record ? result->record : "");
	strlist_copy(&checked->servers, &result->servers);
}

/* Runs a check to its end. */
static void
check_name(struct fixture *f, const char *name, struct checked *ret)
{
	*ret = (struct checked){ .rig = &f->rig, .servers = STRLIST_INIT };
	dns_check_start(f->rig.solver, f->provider, name, on_checked, ret);
	cr_expect_eq(ret->calls, 0);
	for (int64_t ms = 0; ms < LONG_MS && !ret->calls; ms += STEP_MS)
		rig_run_ms(&f->rig, STEP_MS);
	cr_assert_eq(ret->calls, 1);
}

static void
checked_clear(struct checked *checked)
{
	error_clear(&checked->error);
	strlist_clear(&checked->servers);
}

Test(dns01, a_check_adds_finds_and_removes_a_value)
{
	struct fixture f;
	struct checked checked;
	bool has;

	setup(&f, DNS_DAEMON_KNOT, "example.test");
	check_name(&f, "www.example.test", &checked);
	cr_expect_not(error_is_set(&checked.error), "%s", checked.error.message);
	cr_expect_str_eq(checked.record, "_acme-challenge.www.example.test");
	cr_assert_geq(checked.servers.count, 1U);
	for (size_t i = 0; i < checked.servers.count; i++)
		cr_expect_not_null(
			strstr(checked.servers.items[i], " has the TXT record"), "%s", checked.servers.items[i]);
	cr_expect_eq(checked.left, 0U, "the answer comes before the removal");
	cr_expect_eq(count_values(&f, "_acme-challenge.www.example.test", TOKEN, &has), 0);
	checked_clear(&checked);
	teardown(&f);
}

Test(dns01, a_check_says_which_step_fails_and_leaves_nothing)
{
	struct fixture f;
	struct checked checked;

	setup(&f, DNS_DAEMON_KNOT, "example.test");
	check_name(&f, "www.example.org", &checked);
	cr_expect(error_is_set(&checked.error));
	cr_expect_eq(store_count(f.rig.store.store, STORE_CLEANUP), 0);
	checked_clear(&checked);
	teardown(&f);
}

/* A check that is interrupted by the end of certd: the row removes the value after the next start. */
Test(dns01, a_check_that_is_cut_off_has_promised_the_removal)
{
	struct fixture f;
	struct checked checked = { .servers = STRLIST_INIT };

	setup(&f, DNS_DAEMON_KNOT, "example.test");
	checked.rig = &f.rig;
	dns_check_start(f.rig.solver, f.provider, "www.example.test", on_checked, &checked);
	for (int64_t ms = 0; ms < LONG_MS && !store_count(f.rig.store.store, STORE_CLEANUP); ms++)
		rig_run_ms(&f.rig, 1);
	rig_restart(&f.rig);
	cr_expect_eq(checked.calls, 0);
	cr_expect_eq(store_count(f.rig.store.store, STORE_CLEANUP), 1);
	teardown(&f);
}

Test(dns01, the_value_is_the_digest_of_the_key_authorization)
{
	_cleanup_free_ char *value = jws_dns01_value(TOKEN "." THUMBPRINT);

	cr_expect_str_eq(value, "lCM7cZyQXcVHK2nnW3jjAhNT3Fvm18UN-kWZZknKoYM");
}
