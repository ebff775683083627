/* Renewal information (RFC 9773) in certd as a whole: the CA suggests windows, time passes, orders follow. */
#include "tests/unit/renew/run.h"

#include "common/timefmt.h"
#include "daemon/renew/clients.h"
#include "daemon/renew/policy.h"
#include "daemon/schedule/schedule.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A run whose CA suggests windows. */
struct scene {
	struct run run;
	struct autocert a; /* as of scene_load() */
	char *body;        /* of the CA's answers ... */
	char *about;       /* ... about this one only; or NULL */
};

static void
load(struct scene *s)
{
	autocert_clear(&s->a);
	run_load(&s->run, "a-90d", &s->a);
}

/* From now on the CA suggests this window; the answer has @more members. */
static void
suggest(struct scene *s, int64_t start_at, int64_t end_at, const char *more)
{
	char start[TIME_RFC3339_SIZE], end[TIME_RFC3339_SIZE];

	time_format_rfc3339(start_at, start);
	time_format_rfc3339(end_at, end);
	free(s->body);
	s->body = xasprintf("{\"suggestedWindow\":{\"start\":\"%s\",\"end\":\"%s\"}%s}", start, end, more);
	fake_ca_script(s->run.world.cas[0].ca)->renewal_info = s->body;
}

/* The same, about the present certificate only. */
static void
suggest_once(struct scene *s, int64_t start_at, int64_t end_at)
{
	load(s);
	str_replace(&s->about, s->a.ari_id);
	fake_ca_script(s->run.world.cas[0].ca)->renewal_id = s->about;
	suggest(s, start_at, end_at, "");
}

static void
answer(struct scene *s, const char *body)
{
	free(s->body);
	s->body = xstrdup(body);
	fake_ca_script(s->run.world.cas[0].ca)->renewal_info = s->body;
}

static void
pass(struct scene *s, int64_t sec)
{
	world_run_until(&s->run.world, world_now(&s->run.world) + sec);
}

static unsigned
asked(struct scene *s)
{
	return fake_ca_count(s->run.world.cas[0].ca, FAKE_CA_RENEWAL_INFO);
}

/* The first certificate exists, and the CA was asked once: it suggests day 50 to 52, and to ask again in @retry_sec. */
static void
begin(struct scene *s, int64_t retry_sec)
{
	int64_t now;

	*s = (struct scene){ .body = NULL };
	run_begin(&s->run, 0);
	now = world_now(&s->run.world);
	suggest(s, now + 50 * DAY, now + 52 * DAY, "");
	fake_ca_script(s->run.world.cas[0].ca)->renewal_retry_sec = retry_sec;
	pass(s, MINUTE);
	cr_assert_eq(s->run.world.issued, 1);
	cr_assert_eq(asked(s), 1);
	load(s);
}

static void
end(struct scene *s)
{
	autocert_clear(&s->a);
	fake_ca_script(s->run.world.cas[0].ca)->renewal_info = NULL;
	fake_ca_script(s->run.world.cas[0].ca)->renewal_id = NULL;
	run_end(&s->run);
	free(s->body);
	free(s->about);
}

/* The number of stored events of that kind. */
static size_t
events_of(struct scene *s, enum event_kind kind)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_json_ struct json_object *list = events_list(s->run.world.events, NULL, 0, 1000, &err);
	size_t n = 0;

	cr_assert_not_null(list, "%s", err.message);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *event = json_object_array_get_idx(list, i);

		n += strcmp(json_object_get_string(json_path(event, "kind")), event_info(kind)->name) == 0;
	}
	return n;
}

Test(ari, the_time_is_chosen_in_the_window_of_the_ca_and_kept_while_it_stands)
{
	struct scene s;
	int64_t pick_at;

	begin(&s, HOUR);
	cr_expect_str_eq(fake_ca_renewal_asked(s.run.world.cas[0].ca), s.a.ari_id);
	pick_at = s.a.ari_pick_at;
	cr_expect(s.a.ari_start_at <= pick_at && pick_at < s.a.ari_end_at);
	cr_expect_eq(s.a.next_at, pick_at);
	cr_expect_eq(run_due(&s.run, SCHEDULE_ISSUE, s.a.o.id), pick_at);
	pass(&s, DAY);
	cr_expect_eq(asked(&s), 25);
	load(&s);
	cr_expect_eq(s.a.ari_pick_at, pick_at);
	cr_expect_eq(events_of(&s, EVENT_RENEWAL_SUGGESTED), 1);
	suggest(&s, s.a.ari_start_at + 10 * DAY, s.a.ari_end_at + 10 * DAY,
		",\"explanationURL\":\"https://ca.test/why\"");
	pass(&s, HOUR);
	load(&s);
	cr_expect_geq(s.a.ari_pick_at, s.a.ari_start_at);
	cr_expect_geq(s.a.next_at, pick_at + 8 * DAY, "a later window moves the renewal, too");
	cr_expect_str_eq(s.a.ari_url, "https://ca.test/why");
	suggest_once(&s, s.a.ari_start_at, s.a.ari_end_at);
	pass(&s, s.a.ari_pick_at + MINUTE - world_now(&s.run.world));
	cr_expect_eq(s.run.world.issued, 2);
	end(&s);
}

Test(ari, a_window_in_the_past_means_now_at_any_age)
{
	static const int64_t ages[] = { 2 * MINUTE, HOUR, 8 * DAY, 30 * DAY };

	for (size_t i = 0; i < ARRAY_SIZE(ages); i++) {
		_cleanup_free_ char *first = NULL;
		struct scene s;
		int64_t now;

		begin(&s, MINUTE);
		first = xstrdup(s.a.ari_id);
		pass(&s, ages[i] - MINUTE);
		cr_assert_eq(s.run.world.issued, 1);
		now = world_now(&s.run.world);
		suggest_once(&s, now - 2 * HOUR, now - HOUR);
		pass(&s, MINUTE + 20);
		cr_expect_eq(s.run.world.issued, 2, "at the age of %lld s", (long long)ages[i]);
		cr_assert_eq(fake_ca_orders(s.run.world.cas[0].ca), 2);
		cr_expect_null(fake_ca_order_replaces(s.run.world.cas[0].ca, 0));
		cr_expect_str_eq(fake_ca_order_replaces(s.run.world.cas[0].ca, 1), first);
		load(&s);
		cr_expect_str_neq(s.a.ari_id, first);
		end(&s);
	}
}

Test(ari, a_ca_that_has_every_new_certificate_replaced_is_obeyed_twice_in_a_day)
{
	struct scene s;
	int64_t now;

	begin(&s, MINUTE);
	now = world_now(&s.run.world);
	suggest(&s, now - 2 * HOUR, now - HOUR, "");
	pass(&s, 20 * MINUTE);
	cr_expect_eq(s.run.world.issued, 3);
	cr_expect_eq(events_of(&s, EVENT_RENEWAL_HELD), 1);
	load(&s);
	cr_expect_leq(s.a.next_at, now + DAY + 2 * MINUTE);
	pass(&s, 23 * HOUR);
	cr_expect_eq(s.run.world.issued, 3);
	pass(&s, 2 * HOUR);
	cr_expect_eq(s.run.world.issued, 5, "two in each day");
	cr_expect(world_call(&s.run.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	pass(&s, 10);
	cr_expect_eq(s.run.world.issued, 6, "an operator is not held up");
	end(&s);
}

Test(ari, a_later_certificate_is_replaced_whenever_the_ca_asks)
{
	struct scene s;
	int64_t now;

	begin(&s, HOUR);
	for (unsigned i = 0; i < 4; i++) {
		pass(&s, 12 * DAY);
		now = world_now(&s.run.world);
		suggest_once(&s, now - 2 * HOUR, now - HOUR);
		pass(&s, DAY);
		cr_expect_eq(s.run.world.issued, 2 + i);
	}
	cr_expect_eq(events_of(&s, EVENT_RENEWAL_HELD), 0);
	end(&s);
}

Test(ari, a_far_future_and_an_endless_window_do_not_let_a_certificate_expire)
{
	struct scene s;
	int64_t end_at, latest;

	begin(&s, HOUR);
	end_at = s.a.last_not_after_at;
	latest = end_at - (end_at - s.a.last_not_before_at) / 20;
	suggest(&s, end_at + 1000 * DAY, end_at + 2000 * DAY, "");
	pass(&s, HOUR);
	load(&s);
	cr_expect_gt(s.a.ari_pick_at, end_at);
	cr_expect_eq(s.a.next_at, latest);
	pass(&s, latest + MINUTE - world_now(&s.run.world));
	cr_expect_eq(s.run.world.issued, 2);
	end(&s);
}

Test(ari, without_a_good_answer_the_last_window_or_certds_rule_holds)
{
	static const char *const bodies[] = { "<html>", "", "{}", "{\"suggestedWindow\":[]}",
		"{\"suggestedWindow\":{\"start\":\"soon\",\"end\":\"2099-01-01T00:00:00Z\"}}",
		"{\"suggestedWindow\":{\"start\":\"2027-01-02T00:00:00Z\",\"end\":\"2027-01-01T00:00:00Z\"}}" };

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct scene s;
		int64_t pick_at, now;

		begin(&s, MINUTE);
		pick_at = s.a.ari_pick_at;
		answer(&s, bodies[i]);
		pass(&s, MINUTE);
		load(&s);
		now = world_now(&s.run.world);
		cr_expect_eq(s.a.ari_pick_at, pick_at, "%s", bodies[i]);
		cr_expect_eq(s.a.next_at, pick_at, "%s", bodies[i]);
		cr_expect_eq(s.a.ari_attempts, 1, "%s", bodies[i]);
		cr_expect_eq(events_of(&s, EVENT_RENEWAL_UNKNOWN), 1, "%s", bodies[i]);
		cr_expect_geq(run_due(&s.run, SCHEDULE_ARI, s.a.o.id), now + 6 * HOUR - MINUTE, "%s", bodies[i]);
		pass(&s, DAY);
		cr_expect_eq(events_of(&s, EVENT_RENEWAL_UNKNOWN), 1, "%s: told once", bodies[i]);
		suggest(&s, now + 60 * DAY, now + 61 * DAY, "");
		pass(&s, 6 * HOUR);
		load(&s);
		cr_expect_eq(s.a.ari_attempts, 0, "%s", bodies[i]);
		cr_expect_eq(s.a.next_at, s.a.ari_pick_at, "%s", bodies[i]);
		end(&s);
	}
}

Test(ari, a_failure_that_may_pass_is_tried_again_soon_and_a_wait_is_kept)
{
	static const struct run_fault down = { .kind = FAKE_CA_RENEWAL_INFO, .status = 500, .body = "<html>" };
	struct scene s;
	unsigned before;

	begin(&s, MINUTE);
	before = asked(&s);
	run_spoil(&s.run, &down);
	pass(&s, 10 * MINUTE); /* at 1, 2, 4 and 8 minutes */
	cr_expect_eq(asked(&s), before + 4);
	load(&s);
	cr_expect_eq(s.a.ari_attempts, 4);
	end(&s);
}

Test(ari, the_ca_may_name_a_date_to_be_asked_again)
{
	static const struct {
		const char *why;
		int64_t ahead; /* of the date */
		const char *text;
		int64_t least, most; /* seconds until the next question */
	} cases[] = {
		{ "in five hours", 5 * HOUR, NULL, 5 * HOUR - 10, 5 * HOUR },
		{ "an hour ago", -HOUR, NULL, MINUTE, MINUTE },
		{ "next year", 400 * DAY, NULL, DAY, DAY },
		{ "at the end of the calendar", 0, "Fri, 31 Dec 9999 23:59:59 GMT", DAY, DAY },
		{ "before computers", 0, "Thu, 01 Jan 0001 00:00:00 GMT", MINUTE, MINUTE },
		{ "not a date", 0, "Fri, 32 Dec 2027", 6 * HOUR, 6 * HOUR },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scene s;
		char text[64];
		int64_t at, before;
		struct tm tm;
		time_t when;

		begin(&s, MINUTE);
		when = (time_t)(world_now(&s.run.world) + cases[i].ahead);
		strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&when, &tm));
		fake_ca_script(s.run.world.cas[0].ca)->renewal_retry = cases[i].text ? cases[i].text : text;
		before = run_due(&s.run, SCHEDULE_ARI, s.a.o.id);
		world_run_until(&s.run.world, before + 1);
		cr_assert_eq(asked(&s), 2, "%s", cases[i].why);
		at = run_due(&s.run, SCHEDULE_ARI, s.a.o.id) - before;
		cr_expect(
			at >= cases[i].least && at <= cases[i].most + 2, "%s: in %lld s", cases[i].why, (long long)at);
		fake_ca_script(s.run.world.cas[0].ca)->renewal_retry = NULL;
		end(&s);
	}
}

Test(ari, the_retry_after_survives_a_restart)
{
	struct scene s;
	int64_t due_at;

	begin(&s, 5 * HOUR);
	due_at = run_due(&s.run, SCHEDULE_ARI, s.a.o.id);
	world_stop(&s.run.world);
	world_start(&s.run.world);
	cr_expect_eq(run_due(&s.run, SCHEDULE_ARI, s.a.o.id), due_at);
	pass(&s, 4 * HOUR);
	cr_expect_eq(asked(&s), 1);
	pass(&s, HOUR);
	cr_expect_eq(asked(&s), 2);
	end(&s);
}

Test(ari, a_paused_certificate_is_asked_about_but_not_renewed)
{
	struct scene s;
	int64_t now;

	begin(&s, MINUTE);
	cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_PAUSE, "{'ref':'a-90d'}"));
	now = world_now(&s.run.world);
	suggest_once(&s, now - 2 * HOUR, now - HOUR);
	pass(&s, 10 * MINUTE);
	cr_expect_eq(s.run.world.issued, 1);
	cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_RESUME, "{'ref':'a-90d'}"));
	pass(&s, MINUTE);
	cr_expect_eq(s.run.world.issued, 2);
	end(&s);
}

Test(ari, a_delay_after_a_failed_order_holds)
{
	static const struct run_fault refused = { .kind = FAKE_CA_FINALIZE, .status = 400, .problem = "badCSR" };
	struct scene s;
	int64_t now, next_at;

	begin(&s, MINUTE);
	now = world_now(&s.run.world);
	run_spoil(&s.run, &refused);
	cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	pass(&s, 20);
	load(&s);
	cr_assert_eq(s.a.attempts, 1);
	next_at = s.a.next_at;
	suggest(&s, now - 2 * HOUR, now - HOUR, "");
	pass(&s, 30);
	load(&s);
	cr_expect_eq(s.a.next_at, next_at);
	end(&s);
}

Test(ari, a_ca_without_renewal_information_is_not_asked)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	struct run r;

	run_begin(&r, 0);
	world_run_until(&r.world, world_now(&r.world) + HOUR);
	run_load(&r, "a-90d", &a);
	cr_expect_null(a.ari_id);
	cr_expect_eq(run_due(&r, SCHEDULE_ARI, a.o.id), 0);
	cr_expect_eq(fake_ca_count(r.world.cas[0].ca, FAKE_CA_RENEWAL_INFO), 0);
	run_end(&r);
}

Test(ari, a_deleted_one_is_not_asked_about)
{
	struct scene s;

	begin(&s, MINUTE);
	cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_DELETE, "{'ref':'a-90d'}"));
	pass(&s, HOUR);
	cr_expect_eq(asked(&s), 1);
	cr_expect_eq(run_due(&s.run, SCHEDULE_ARI, s.a.o.id), 0);
	end(&s);
}

Test(ari, while_the_account_is_not_there_the_question_waits_and_without_an_id_it_is_dropped)
{
	_cleanup_provider_ struct provider p = { 0 };
	struct scene s;
	struct store *store;
	unsigned before;
	int64_t now;

	begin(&s, DAY);
	store = s.run.world.store;
	before = asked(&s);
	cr_assert_eq(object_find(store, &provider_class, "ca", &p, NULL), 1);
	str_replace(&p.account_url, NULL);
	cr_assert_eq(object_save(store, store_begin(store), &provider_class, &p, NULL), 0);
	now = world_now(&s.run.world);
	schedule_set(store, store_begin(store), SCHEDULE_ARI, s.a.o.id, "", now);
	store_commit(store);
	clients_forget(s.run.world.issue_env.clients, p.o.id);
	pass(&s, 5);
	cr_expect_eq(asked(&s), before);
	cr_expect(run_due(&s.run, SCHEDULE_ARI, s.a.o.id) > now + 5 &&
			  run_due(&s.run, SCHEDULE_ARI, s.a.o.id) <= now + HOUR,
		"%d s", (int)(run_due(&s.run, SCHEDULE_ARI, s.a.o.id) - now));
	load(&s);
	str_replace(&s.a.ari_id, NULL);
	cr_assert_eq(object_save(store, store_begin(store), &autocert_class, &s.a, NULL), 0);
	schedule_set(store, store_begin(store), SCHEDULE_ARI, s.a.o.id, "", now);
	store_commit(store);
	pass(&s, 5);
	cr_expect_eq(asked(&s), before);
	cr_expect_eq(run_due(&s.run, SCHEDULE_ARI, s.a.o.id), 0);
	end(&s);
}

Test(ari, an_expired_certificate_is_not_asked_about)
{
	_cleanup_certificate_ struct certificate c = { 0 };
	struct scene s;
	struct store *store;
	unsigned before;

	begin(&s, DAY);
	store = s.run.world.store;
	before = asked(&s);
	cr_assert_eq(object_load(store, &certificate_class, s.a.last_certificate, &c, NULL), 1);
	for (int64_t left = 1; left >= 0; left--) {
		c.not_after_at = world_now(&s.run.world) + 10 * left;
		cr_assert_eq(object_save(store, store_begin(store), &certificate_class, &c, NULL), 0);
		schedule_set(store, store_begin(store), SCHEDULE_ARI, s.a.o.id, "", world_now(&s.run.world));
		store_commit(store);
		pass(&s, 5);
		cr_expect_eq(asked(&s), before + 1);
		cr_expect_eq(run_due(&s.run, SCHEDULE_ARI, s.a.o.id) != 0, left == 1);
	}
	end(&s);
}
