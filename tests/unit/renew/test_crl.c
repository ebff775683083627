/* Revocation lists and OCSP responders: when they are asked, and what follows from what they say. */
#include "common/crypto/key.h"
#include "common/crypto/ocsp.h"
#include "daemon/alert/alert_list.h"
#include "daemon/base/loop.h"
#include "daemon/renew/crl.h"
#include "daemon/schedule/schedule.h"
#include "daemon/store/certificate.h"
#include "daemon/store/compromised.h"
#include "tests/support/crl_maker.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <openssl/ocsp.h>
#include <stdlib.h>
#include <string.h>

#define LIST "http://crl.test/leaves"
#define ROOT_LIST "http://crl.test/cas"
#define MOVED "http://crl.test/moved"
#define RESPONDER "http://ocsp.test/"

enum { PAGES = 4, ANSWER = 3 /* the page of the question about the first certificate */ };

/* What the servers of lists answer. */
struct page {
	const char *url;
	int status;
	enum error_code failure; /* no answer at all but this */
	const char *location, *etag;
	struct buf body;
	unsigned asked;
	char *condition; /* If-None-Match of the last request; owned */
};

struct request {
	struct loop_timer timer;
	struct page *page;
	enum error_code failure; /* whatever the page says */
	http_done_fn *done;
	void *arg;
};

struct scene {
	struct run run;
	struct http http;
	struct page pages[PAGES];
	char *question;     /* URL of the page ANSWER; owned */
	unsigned questions; /* to the responder, about any certificate */
	bool is_down;       /* it answers nobody */
	char *stuck;        /* the first question that it did not answer: it never does; owned */
	char *first;        /* id of the first certificate of a-90d */
};

static void
answer(void *arg)
{
	struct request *r = arg;
	struct page *page = r->page;
	struct http_response res = { .status = page && page->status ? page->status : 404 };
	_cleanup_error_ struct error err = ERROR_INIT;
	http_done_fn *done = r->done;
	void *done_arg = r->arg;
	enum error_code failure = r->failure ? r->failure : page ? page->failure : ERROR_NONE;

	free(r);
	if (failure)
		error_set(&err, failure, "no answer");
	if (page) {
		res.location = xstrdup_null(page->location);
		res.etag = xstrdup_null(page->etag);
		buf_add(&res.body, page->body.data, page->body.len);
	}
	done(error_is_set(&err) ? NULL : &res, error_is_set(&err) ? &err : NULL, done_arg);
	http_response_clear(&res);
}

static void *
serve(void *self, const struct http_request *req, http_done_fn *done, void *arg)
{
	static const char header[] = "If-None-Match: ";
	struct scene *s = self;
	struct request *r = xcalloc(1, sizeof(*r));

	r->done = done;
	r->arg = arg;
	if (strncmp(req->url, RESPONDER, strlen(RESPONDER)) == 0) {
		cr_expect(req->max_body <= 64 << 10 && req->timeout_ms <= 30 * 1000);
		s->questions++;
		if (s->is_down && !s->stuck)
			s->stuck = xstrdup(req->url);
		if (s->is_down || (s->stuck && strcmp(s->stuck, req->url) == 0))
			r->failure = ERROR_TIMEOUT;
	}
	for (size_t i = 0; i < PAGES; i++)
		if (s->pages[i].url && strcmp(s->pages[i].url, req->url) == 0)
			r->page = &s->pages[i];
	if (r->page) {
		r->page->asked++;
		str_replace(&r->page->condition, NULL);
		for (size_t i = 0; i < req->headers.count; i++)
			if (strncmp(req->headers.items[i], header, strlen(header)) == 0)
				str_replace(&r->page->condition, req->headers.items[i] + strlen(header));
	}
	cr_expect(req->may_use_http && req->max_body <= 32 << 20 && req->timeout_ms <= 120 * 1000, "%s", req->url);
	loop_timer_init(&r->timer, s->run.world.loop, answer, r);
	loop_timer_set(&r->timer, 10);
	return r;
}

static void
give_up(void *self _unused_, void *handle)
{
	struct request *r = handle;

	loop_timer_cancel(&r->timer);
	free(r);
}

static const struct http_ops server_ops = { .send = serve, .cancel = give_up };

static void
pass(struct scene *s, int64_t sec)
{
	world_run_until(&s->run.world, world_now(&s->run.world) + sec);
}

static void
start_watch(struct scene *s)
{
	s->run.world.issue_env.check_revocation_every = DAY;
	crl_start(&s->run.world.issue_env);
}

/* @crl, @issuer_crl, @ocsp: URLs in the certificates; or NULL. */
static void
begin_with(struct scene *s, const char *crl, const char *issuer_crl, const char *ocsp)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	struct world *w = &s->run.world;
	struct fake_ca_script *script;

	*s = (struct scene){ .http = { .ops = &server_ops, .self = s },
		.pages = { { .url = LIST }, { .url = ROOT_LIST }, { .url = MOVED } } };
	run_begin(&s->run, 0);
	script = fake_ca_script(w->cas[0].ca);
	script->crl_url = crl;
	script->issuer_crl_url = issuer_crl;
	script->ocsp_url = ocsp;
	script->sends_root = true;
	fake_ca_replace_issuer(w->cas[0].ca);
	w->crl_http = &s->http;
	pass(s, HOUR);
	cr_assert_eq(w->issued, 1);
	run_load(&s->run, "a-90d", &a);
	s->first = xstrdup(a.last_certificate);
}

static void
begin(struct scene *s)
{
	begin_with(s, LIST, ROOT_LIST, NULL);
}

static void
end(struct scene *s)
{
	run_end(&s->run);
	free(s->first);
	free(s->question);
	free(s->stuck);
	for (size_t i = 0; i < PAGES; i++) {
		buf_clear(&s->pages[i].body);
		free(s->pages[i].condition);
	}
}

/* Zeroed @ret: the first certificate. */
static void
load(struct scene *s, struct certificate *ret)
{
	cr_assert_eq(object_load(s->run.world.store, &certificate_class, s->first, ret, NULL), 1);
}

/* A new list at one of the pages. @serial: revoked; NULL: nothing is. */
static void
publish(struct scene *s, size_t page, const char *serial, int reason, int64_t lasts_sec)
{
	_cleanup_strlist_ struct strlist revoked = STRLIST_INIT;
	int64_t now = world_now(&s->run.world);
	struct crl_spec spec = { .this_at = now - HOUR,
		.next_at = now + lasts_sec,
		.revoked_at = now - 2 * HOUR,
		.revoked = &revoked,
		.reason = reason,
		.others = 2 };

	if (serial)
		strlist_add(&revoked, serial);
	buf_reset(&s->pages[page].body);
	fake_ca_crl(s->run.world.cas[0].ca, &spec, page == 1, &s->pages[page].body);
	s->pages[page].status = 200;
}

/* What the responder says about the first certificate. */
static void
publish_answer(struct scene *s, int status, int reason, int64_t lasts_sec)
{
	_cleanup_(crl_points_clear) struct crl_points points = { .count = 0 };
	_cleanup_certificate_ struct certificate c = { 0 };
	int64_t now = world_now(&s->run.world);
	struct ocsp_spec spec = { .this_at = now - HOUR,
		.next_at = now + lasts_sec,
		.status = status,
		.revoked_at = now - 2 * HOUR,
		.reason = reason,
		.has_no_signer = true };
	struct page *page = &s->pages[ANSWER];

	load(s, &c);
	cr_assert_eq(crl_points_of(&c.leaf_pem, &c.chain_pem, NULL, &points, NULL), 0);
	for (size_t i = 0; i < points.count && !s->question; i++)
		if (points.items[i].is_ocsp)
			s->question = ocsp_question(RESPONDER, &points.items[i].cert, &points.items[i].issuer);
	page->url = s->question;
	page->status = 200;
	buf_reset(&page->body);
	fake_ca_ocsp(s->run.world.cas[0].ca, &c.leaf_pem, &spec, &page->body);
}

/* Both lists are good, and the first has the first certificate. */
static void
publish_first(struct scene *s, int reason)
{
	_cleanup_certificate_ struct certificate c = { 0 };

	load(s, &c);
	publish(s, 0, c.serial, reason, 100 * DAY);
	publish(s, 1, NULL, 0, 100 * DAY);
}

static bool
is_first_revoked(struct scene *s)
{
	_cleanup_certificate_ struct certificate c = { 0 };

	load(s, &c);
	cr_expect_str_eq(certificate_status(&c, world_now(&s->run.world)), c.is_revoked ? "revoked" : "active");
	return c.is_revoked;
}

/* Does the auto-certificate have another key than the first certificate? */
static bool
has_new_key(struct scene *s)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_certificate_ struct certificate first = { 0 };
	_cleanup_certificate_ struct certificate newest = { 0 };

	load(s, &first);
	run_load(&s->run, "a-90d", &a);
	cr_assert_eq(object_load(s->run.world.store, &certificate_class, a.last_certificate, &newest, NULL), 1);
	return first.key.len != newest.key.len || memcmp(first.key.data, newest.key.data, first.key.len) != 0;
}

/* The text of the condition "revoked"; NULL: it does not hold. Owned by the caller. */
static char *
condition_text(struct scene *s)
{
	size_t count;
	_cleanup_json_ struct json_object *all = alerts_list(s->run.world.issue_env.alerts, 10, &count);
	char *text = NULL;

	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *c = json_object_array_get_idx(all, i);

		if (strcmp(json_object_get_string(json_path(c, "condition")), "revoked") == 0)
			text = xstrdup(json_object_get_string(json_path(c, "message")));
	}
	return text;
}

Test(crl, what_the_ca_has_revoked_is_replaced_at_once)
{
	_cleanup_certificate_ struct certificate c = { 0 };
	struct scene s;

	begin(&s);
	publish_first(&s, 4);
	start_watch(&s);
	pass(&s, 2 * HOUR);
	load(&s, &c);
	cr_expect(c.is_revoked);
	cr_expect_str_eq(c.revoke_reason, "superseded");
	cr_expect_str_eq(c.revocation_list, LIST);
	cr_expect(
		c.revoked_at < world_now(&s.run.world) - 2 * HOUR && c.revoked_at > world_now(&s.run.world) - 6 * HOUR);
	cr_expect_eq(c.revoke_at + c.revoke_attempts, 0);
	cr_expect_eq(s.run.world.issued, 2);
	cr_expect_null(condition_text(&s));
	pass(&s, 3 * DAY);
	cr_expect_eq(s.run.world.issued, 2, "the replacement is not in the list");
	end(&s);
}

Test(crl, a_doubtful_key_is_not_reused)
{
	static const struct {
		int reason;
		bool is_new, is_compromised;
	} cases[] = { { -1, true, false }, { 0, true, false }, { 1, true, true }, { 4, false, false },
		{ 5, false, false } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_certificate_ struct certificate c = { 0 };
		_cleanup_key_ struct key *key = NULL;
		struct scene s;

		begin(&s);
		cr_assert(world_call(
			&s.run.world, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'reuseKey':true}}"));
		publish_first(&s, cases[i].reason);
		start_watch(&s);
		pass(&s, 2 * HOUR);
		cr_expect_eq(s.run.world.issued, 2, "reason %d", cases[i].reason);
		cr_expect_eq(has_new_key(&s), cases[i].is_new, "reason %d", cases[i].reason);
		load(&s, &c);
		cr_assert_eq(key_from_der(&c.key, &key, NULL), 0);
		cr_expect_eq(compromised_has(s.run.world.store, key, NULL), cases[i].is_compromised, "reason %d",
			cases[i].reason);
		/* The one after that is as declared again. */
		cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
		pass(&s, HOUR);
		cr_expect_eq(s.run.world.issued, 3);
		cr_expect_eq(has_new_key(&s), cases[i].is_new, "reason %d", cases[i].reason);
		end(&s);
	}
}

Test(crl, a_revoked_intermediate_is_one_reason_more)
{
	_cleanup_certificate_ struct certificate c = { 0 };
	_cleanup_free_ char *serial = NULL;
	struct scene s;

	begin(&s);
	publish(&s, 0, NULL, 0, 100 * DAY);
	serial = fake_ca_issuer_serial(s.run.world.cas[0].ca);
	publish(&s, 1, serial, 2, 100 * DAY);
	start_watch(&s);
	fake_ca_replace_issuer(s.run.world.cas[0].ca); /* as a CA does then */
	pass(&s, 2 * HOUR);
	load(&s, &c);
	cr_expect(c.is_revoked);
	cr_expect_str_eq(c.revoke_reason, "cACompromise");
	cr_expect_str_eq(c.revocation_list, ROOT_LIST);
	cr_expect_eq(s.run.world.issued, 2);
	end(&s);
}

/* The list says that the certificate is revoked, if certd believes it. */
Test(crl, nothing_is_concluded_from_a_list_that_cannot_be_used)
{
	static const struct {
		const char *why;
		int status;
		enum error_code failure;
		const char *location, *body;
		bool is_expired, is_forged, is_moved, is_believed;
	} cases[] = {
		{ .why = "good", .is_believed = true },
		{ .why = "moved", .status = 302, .location = MOVED, .is_moved = true, .is_believed = true },
		{ .why = "gone", .status = 404 },
		{ .why = "down", .status = 503 },
		{ .why = "too slow", .failure = ERROR_TIMEOUT },
		{ .why = "too large", .failure = ERROR_LIMIT },
		{ .why = "moved nowhere", .status = 302 },
		{ .why = "moved to itself", .status = 301, .location = LIST },
		{ .why = "not changed, says a server that was not asked that", .status = 304 },
		{ .why = "a page", .body = "<html>no list</html>" },
		{ .why = "empty", .body = "" },
		{ .why = "expired", .is_expired = true },
		{ .why = "forged", .is_forged = true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strlist_ struct strlist lines = STRLIST_INIT;
		_cleanup_certificate_ struct certificate c = { 0 };
		_cleanup_free_ char *said = NULL;
		struct scene s;

		begin(&s);
		load(&s, &c);
		publish(&s, cases[i].is_moved ? 2 : 0, c.serial, 4, cases[i].is_expired ? -60 : 100 * DAY);
		publish(&s, 1, NULL, 0, 100 * DAY);
		if (cases[i].is_forged)
			s.pages[0].body.data[s.pages[0].body.len - 1] ^= 1;
		if (cases[i].body) {
			buf_reset(&s.pages[0].body);
			buf_add_str(&s.pages[0].body, cases[i].body);
		}
		if (cases[i].status)
			s.pages[0].status = cases[i].status;
		s.pages[0].failure = cases[i].failure;
		s.pages[0].location = cases[i].location;
		start_watch(&s);
		pass(&s, 30);
		cr_expect_eq(is_first_revoked(&s), cases[i].is_believed, "%s", cases[i].why);
		cr_expect_leq(s.pages[0].asked, 6, "%s: %u requests", cases[i].why, s.pages[0].asked);
		crl_explain(&s.run.world.issue_env, &c, &lines);
		said = strlist_join(&lines, "\n");
		if (!cases[i].is_believed)
			cr_expect(strstr(said, "cannot be used: " LIST), "%s: %s", cases[i].why, said);
		cr_expect(strstr(said, "of its issuer did not have it"), "%s: %s", cases[i].why, said);
		/* It is tried again, and then it is seen. */
		s.pages[0].failure = ERROR_NONE;
		publish(&s, 0, c.serial, 4, 100 * DAY);
		pass(&s, 10 * MINUTE);
		cr_expect(is_first_revoked(&s), "%s", cases[i].why);
		end(&s);
	}
}

Test(crl, each_list_is_asked_for_once_a_day_whatever_names_it)
{
	struct scene s;

	begin(&s);
	for (int i = 0; i < 3; i++)
		cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_CREATE,
			"{'properties':{'name':'x%d-90d','provider':'ca','commonName':'x%d-90d.sim.test'}}", i, i));
	pass(&s, HOUR);
	cr_assert_eq(s.run.world.issued, 4);
	publish(&s, 0, NULL, 0, 100 * DAY);
	publish(&s, 1, NULL, 0, 100 * DAY);
	start_watch(&s);
	pass(&s, 10 * DAY + HOUR);
	cr_expect_eq(s.pages[0].asked, 11);
	cr_expect_eq(s.pages[1].asked, 11);
	cr_expect_eq(store_count(s.run.world.store, STORE_CRL), 2);
	end(&s);
}

Test(crl, an_unchanged_list_is_not_sent_again_unless_there_is_something_new_to_look_for)
{
	struct scene s;

	begin(&s);
	publish_first(&s, 4);
	publish(&s, 0, NULL, 0, 100 * DAY);
	s.pages[0].etag = "\"one\"";
	start_watch(&s);
	pass(&s, HOUR);
	cr_expect_null(s.pages[0].condition);
	s.pages[0].status = 304;
	pass(&s, DAY);
	cr_expect_eq(s.pages[0].asked, 2);
	cr_expect_str_eq(s.pages[0].condition, "\"one\"");
	cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	publish(&s, 0, NULL, 0, 2 * DAY);
	pass(&s, DAY);
	cr_expect_eq(s.pages[0].asked, 3);
	cr_expect_null(s.pages[0].condition);
	/* What it confirms has expired: that is a failure, and is tried again. */
	s.pages[0].status = 304;
	pass(&s, 2 * DAY);
	cr_expect_geq(s.pages[0].asked, 6);
	end(&s);
}

Test(crl, a_failure_is_retried_ever_more_rarely)
{
	struct scene s;

	begin(&s);
	publish(&s, 1, NULL, 0, 100 * DAY);
	start_watch(&s);
	pass(&s, 3 * HOUR);
	cr_expect_eq(s.pages[0].asked, 4, "after 1, 10 and 100 minutes");
	pass(&s, 5 * DAY);
	cr_expect_leq(s.pages[0].asked, 10);
	cr_expect_geq(s.pages[0].asked, 8);
	cr_expect_leq(s.pages[1].asked, 7, "the other list is good");
	end(&s);
}

Test(crl, a_paused_one_and_an_imported_one_are_only_reported)
{
	_cleanup_free_ char *text = NULL;
	struct scene s;

	begin(&s);
	cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_PAUSE, "{'ref':'a-90d'}"));
	publish_first(&s, 1);
	start_watch(&s);
	pass(&s, 2 * HOUR);
	cr_expect(is_first_revoked(&s));
	cr_expect_eq(s.run.world.issued, 1);
	text = condition_text(&s);
	cr_assert_not_null(text);
	cr_expect(strstr(text, "keyCompromise (" LIST "); its renewal is paused"), "%s", text);
	cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_RESUME, "{'ref':'a-90d'}"));
	pass(&s, 2 * HOUR);
	cr_expect_eq(s.run.world.issued, 2);
	cr_expect_null(condition_text(&s));
	/* Without its auto-certificate nothing renews it. */
	end(&s);
}

Test(crl, the_watch_ends_and_begins_with_its_setting)
{
	struct issue_env *env;
	struct scene s;

	begin(&s);
	env = &s.run.world.issue_env;
	cr_expect_eq(run_due(&s.run, SCHEDULE_CRL, "crl"), 0);
	start_watch(&s);
	cr_expect_gt(run_due(&s.run, SCHEDULE_CRL, "crl"), 0);
	env->check_revocation_every = 0;
	crl_start(env);
	cr_expect_eq(run_due(&s.run, SCHEDULE_CRL, "crl"), 0);
	pass(&s, DAY);
	cr_expect_eq(s.pages[0].asked, 0);
	start_watch(&s);
	pass(&s, 60);
	cr_expect_eq(s.pages[0].asked, 1);
	/* A shorter interval does not wait for the end of the longer one. */
	env->check_revocation_every = HOUR;
	crl_start(env);
	publish(&s, 0, NULL, 0, 100 * DAY);
	publish(&s, 1, NULL, 0, 100 * DAY);
	pass(&s, 2 * HOUR);
	s.pages[0].asked = 0;
	pass(&s, 10 * HOUR);
	cr_expect_geq(s.pages[0].asked, 9);
	end(&s);
}

Test(crl, a_row_that_is_due_after_the_watch_was_ended_ends)
{
	struct store *store;
	struct scene s;

	begin(&s);
	store = s.run.world.store;
	cr_expect_eq(s.run.world.issue_env.check_revocation_every, 0);
	schedule_set(store, store_begin(store), SCHEDULE_CRL, "crl", "crl", world_now(&s.run.world));
	store_commit(store);
	pass(&s, MINUTE);
	cr_expect_eq(run_due(&s.run, SCHEDULE_CRL, "crl"), 0);
	cr_expect_eq(s.pages[0].asked, 0);
	end(&s);
}

/* What explain says about each list of the first certificate, joined; owned by the caller. */
static char *
explained(struct scene *s)
{
	_cleanup_strlist_ struct strlist lines = STRLIST_INIT;
	_cleanup_certificate_ struct certificate c = { 0 };

	load(s, &c);
	crl_explain(&s->run.world.issue_env, &c, &lines);
	return strlist_join(&lines, "; ");
}

Test(crl, explain_says_what_is_known_of_each_list_while_the_certificate_is_watched)
{
	_cleanup_free_ char *off = NULL, *before = NULL, *after = NULL, *revoked = NULL;
	struct scene s;

	begin(&s);
	off = explained(&s);
	cr_expect_str_eq(off, "");
	s.run.world.issue_env.check_revocation_every = DAY;
	before = explained(&s);
	cr_expect_str_eq(before, "its revocation list has not been consulted yet: " LIST
				 "; its revocation list of its issuer has not been consulted yet: " ROOT_LIST);
	publish(&s, 0, NULL, 0, 100 * DAY);
	start_watch(&s);
	pass(&s, HOUR);
	after = explained(&s);
	cr_expect(strncmp(after, "the revocation list did not have it at 20", 41) == 0, "%s", after);
	cr_expect_not_null(
		strstr(after, "Z: " LIST "; the revocation list of its issuer cannot be used: " ROOT_LIST ": "), "%s",
		after);
	cr_expect_not_null(strstr(after, "404; next attempt 20"), "%s", after);
	publish_first(&s, 4);
	pass(&s, 2 * DAY);
	revoked = explained(&s);
	cr_expect(is_first_revoked(&s));
	cr_expect_str_eq(revoked, "", "it is over");
	end(&s);
}

Test(crl, lists_that_nothing_names_are_forgotten)
{
	struct scene s;

	begin(&s);
	publish(&s, 0, NULL, 0, 100 * DAY);
	publish(&s, 1, NULL, 0, 100 * DAY);
	start_watch(&s);
	pass(&s, HOUR);
	cr_expect_eq(store_count(s.run.world.store, STORE_CRL), 2);
	cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_DELETE, "{'ref':'a-90d'}"));
	cr_assert(world_call(&s.run.world, RPC_CERTIFICATE_DELETE, "{'ref':'%s'}", s.first));
	pass(&s, DAY);
	cr_expect_eq(store_count(s.run.world.store, STORE_CRL), 0);
	end(&s);
}

/* Killed after each commit in turn, also while it deals with what it has found. */
static void
survive_each_commit(bool is_ocsp)
{
	for (uint64_t n = 1; n < 60; n++) {
		struct scene s;
		struct world *w = &s.run.world;
		bool is_over;

		if (is_ocsp)
			begin_with(&s, NULL, NULL, RESPONDER);
		else
			begin(&s);
		cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'reuseKey':true}}"));
		if (is_ocsp)
			publish_answer(&s, V_OCSP_CERTSTATUS_REVOKED, 1, 4 * DAY);
		else
			publish_first(&s, 1);
		start_watch(&s);
		w->stop_at_commit = world_commits(w) + n;
		pass(&s, 10 * MINUTE);
		is_over = !run_restart(&s.run);
		start_watch(&s);
		pass(&s, DAY + HOUR);
		cr_expect(is_first_revoked(&s), "commit %d", (int)n);
		cr_expect_eq(w->issued, 2, "commit %d: issued %d", (int)n, (int)w->issued);
		cr_expect(has_new_key(&s), "commit %d", (int)n);
		end(&s);
		if (is_over) {
			cr_assert_gt(n, 5);
			return;
		}
	}
	cr_assert_fail("there is no end of commits");
}

Test(crl, survives_the_end_of_certd_after_every_commit, .timeout = 120)
{
	survive_each_commit(false);
}

Test(crl, an_answer_of_a_responder_survives_the_end_of_certd_after_every_commit, .timeout = 120)
{
	survive_each_commit(true);
}

Test(crl, it_begins_with_a_certificate_that_names_a_list_and_ends_with_the_last)
{
	struct scene s;

	begin(&s);
	s.run.world.issue_env.check_revocation_every = DAY;
	cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	pass(&s, HOUR);
	cr_expect_gt(run_due(&s.run, SCHEDULE_CRL, "crl"), 0);
	cr_expect_gt(s.pages[0].asked, 0);
	cr_assert(world_call(
		&s.run.world, RPC_AUTOCERTIFICATE_DELETE, "{'ref':'a-90d','withCertificates':true,'force':true}"));
	pass(&s, 2 * DAY);
	cr_expect_eq(run_due(&s.run, SCHEDULE_CRL, "crl"), 0);
	crl_start(&s.run.world.issue_env);
	cr_expect_eq(run_due(&s.run, SCHEDULE_CRL, "crl"), 0, "nothing names a list");
	end(&s);
}

Test(crl, what_the_responder_says_is_revoked_is_replaced_at_once)
{
	static const struct {
		int reason;
		bool is_new, is_compromised;
	} cases[] = { { -1, true, false }, { 1, true, true }, { 4, false, false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_certificate_ struct certificate c = { 0 };
		_cleanup_key_ struct key *key = NULL;
		struct scene s;

		begin_with(&s, NULL, NULL, RESPONDER);
		cr_assert(world_call(
			&s.run.world, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'reuseKey':true}}"));
		publish_answer(&s, V_OCSP_CERTSTATUS_REVOKED, cases[i].reason, 4 * DAY);
		start_watch(&s);
		pass(&s, 2 * HOUR);
		load(&s, &c);
		cr_expect(c.is_revoked);
		cr_expect_str_eq(c.revocation_list, RESPONDER);
		cr_expect_lt(c.revoked_at, world_now(&s.run.world) - 2 * HOUR);
		cr_expect_eq(s.run.world.issued, 2);
		cr_expect_eq(has_new_key(&s), cases[i].is_new, "reason %d", cases[i].reason);
		cr_assert_eq(key_from_der(&c.key, &key, NULL), 0);
		cr_expect_eq(compromised_has(s.run.world.store, key, NULL), cases[i].is_compromised, "reason %d",
			cases[i].reason);
		end(&s);
	}
}

/* The answer says that the certificate is revoked, if certd believes it. */
Test(crl, nothing_is_concluded_from_an_answer_that_cannot_be_used)
{
	static const struct {
		const char *why;
		int status;
		enum error_code failure;
		const char *location, *body;
		bool is_expired, is_forged, is_moved, is_believed;
	} cases[] = {
		{ .why = "good", .is_believed = true },
		{ .why = "moved", .status = 302, .location = MOVED, .is_moved = true, .is_believed = true },
		{ .why = "gone", .status = 404 },
		{ .why = "down", .status = 503 },
		{ .why = "too slow", .failure = ERROR_TIMEOUT },
		{ .why = "too large", .failure = ERROR_LIMIT },
		{ .why = "moved to itself", .status = 301, .location = RESPONDER "?" },
		{ .why = "not changed, says a server that was not asked that", .status = 304 },
		{ .why = "a page", .body = "<html>no answer</html>" },
		{ .why = "empty", .body = "" },
		{ .why = "try later", .body = "\x30\x03\x0a\x01\x03" },
		{ .why = "unauthorized", .body = "\x30\x03\x0a\x01\x06" },
		{ .why = "expired", .is_expired = true },
		{ .why = "forged", .is_forged = true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strlist_ struct strlist lines = STRLIST_INIT;
		_cleanup_certificate_ struct certificate c = { 0 };
		_cleanup_free_ char *said = NULL;
		struct scene s;
		struct page *page = &s.pages[ANSWER];

		begin_with(&s, NULL, NULL, RESPONDER);
		load(&s, &c);
		publish_answer(&s, V_OCSP_CERTSTATUS_REVOKED, 4, cases[i].is_expired ? -60 : 4 * DAY);
		if (cases[i].is_moved) {
			s.pages[2].body = page->body;
			s.pages[2].status = 200;
			page->body = (struct buf)BUF_INIT;
		}
		if (cases[i].is_forged)
			page->body.data[page->body.len - 1] ^= 1;
		if (cases[i].body) {
			buf_reset(&page->body);
			buf_add_str(&page->body, cases[i].body);
		}
		if (cases[i].status)
			page->status = cases[i].status;
		page->failure = cases[i].failure;
		page->location = cases[i].location;
		start_watch(&s);
		pass(&s, 30);
		cr_expect_eq(is_first_revoked(&s), cases[i].is_believed, "%s", cases[i].why);
		cr_expect_leq(s.questions, 7, "%s: %u requests", cases[i].why, s.questions);
		crl_explain(&s.run.world.issue_env, &c, &lines);
		said = strlist_join(&lines, "\n");
		if (!cases[i].is_believed)
			cr_expect(strstr(said, "the OCSP responder cannot be used: " RESPONDER), "%s: %s", cases[i].why,
				said);
		/* It is tried again, and then it is seen. */
		page->failure = ERROR_NONE;
		publish_answer(&s, V_OCSP_CERTSTATUS_REVOKED, 4, 4 * DAY);
		pass(&s, 10 * MINUTE);
		cr_expect(is_first_revoked(&s), "%s", cases[i].why);
		end(&s);
	}
}

Test(crl, an_answer_counts_until_it_expires)
{
	_cleanup_strlist_ struct strlist lines = STRLIST_INIT;
	_cleanup_strlist_ struct strlist later = STRLIST_INIT;
	_cleanup_certificate_ struct certificate c = { 0 };
	struct scene s;
	struct page *page = &s.pages[ANSWER];

	begin_with(&s, NULL, NULL, RESPONDER);
	load(&s, &c);
	publish_answer(&s, V_OCSP_CERTSTATUS_GOOD, -1, 3 * DAY);
	page->etag = "\"one\"";
	start_watch(&s);
	pass(&s, HOUR);
	cr_expect_eq(page->asked, 1);
	page->status = 304;
	pass(&s, DAY);
	cr_expect_eq(page->asked, 2, "daily");
	cr_expect_str_eq(page->condition, "\"one\"");
	page->status = 503;
	pass(&s, DAY);
	cr_expect_geq(page->asked, 3);
	crl_explain(&s.run.world.issue_env, &c, &lines);
	cr_assert_eq(lines.count, 1);
	cr_expect(strstr(lines.items[0], "said at ") && strstr(lines.items[0], "is not revoked"), "%s", lines.items[0]);
	pass(&s, 2 * DAY);
	crl_explain(&s.run.world.issue_env, &c, &later);
	cr_expect(strstr(later.items[0], "cannot be used: " RESPONDER ": the server answers with status 503"), "%s",
		later.items[0]);
	end(&s);
}

Test(crl, a_certificate_that_names_both_is_looked_for_in_both)
{
	struct scene s;

	begin_with(&s, LIST, ROOT_LIST, RESPONDER);
	publish(&s, 0, NULL, 0, 100 * DAY);
	publish(&s, 1, NULL, 0, 100 * DAY);
	publish_answer(&s, V_OCSP_CERTSTATUS_REVOKED, 4, 4 * DAY);
	start_watch(&s);
	pass(&s, 2 * HOUR);
	cr_expect_geq(s.pages[0].asked, 1);
	cr_expect_eq(s.pages[ANSWER].asked, 1);
	cr_expect(is_first_revoked(&s));
	end(&s);
}

/* Many certificates have one responder: waiting for each of them in turn would hold up every other source. */
Test(crl, a_responder_that_is_down_is_asked_once_in_a_pass)
{
	struct scene s;

	begin_with(&s, NULL, ROOT_LIST, RESPONDER);
	for (int i = 0; i < 5; i++)
		cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_CREATE,
			"{'properties':{'name':'x%d-90d','provider':'ca','commonName':'x%d-90d.sim.test'}}", i, i));
	pass(&s, HOUR);
	cr_assert_eq(s.run.world.issued, 6);
	publish(&s, 1, NULL, 0, 100 * DAY);
	s.is_down = true;
	start_watch(&s);
	pass(&s, 30);
	cr_expect_eq(s.questions, 1);
	cr_expect_eq(s.pages[1].asked, 1, "another server");
	cr_expect_eq(store_count(s.run.world.store, STORE_CRL), 2);
	/* It is up again, but for that question, which does not stand in the way of the others. */
	s.is_down = false;
	pass(&s, 3 * HOUR);
	cr_expect_eq(store_count(s.run.world.store, STORE_CRL), 7, "all were asked");
	cr_expect_leq(s.questions, 6 * 6);
	end(&s);
}
