/* Certificates of others: what is asked for when, what is reported, and what follows from wrong answers. */
#include "common/timefmt.h"
#include "daemon/alert/alert_list.h"
#include "daemon/base/loop.h"
#include "daemon/renew/ct.h"
#include "daemon/renew/ct_read.h"
#include "tests/unit/common/crypto/mini_ca.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define SOURCE "http://ct.test/?q={domain}&output=json"
#define SIM "http://ct.test/?q=sim.test&output=json"
#define OTHER "http://ct.test/?q=other.example&output=json"

enum { PAGES = 5 };

/* What the source answers. */
struct page {
	const char *url;
	int status;              /* 0: 200 */
	enum error_code failure; /* no answer at all but this */
	const char *location;
	int64_t retry_after_sec;
	struct buf body;
	unsigned asked;
	int64_t asked_at;
};

struct request {
	struct loop_timer timer;
	struct scene *scene;
	struct page *page;
	http_done_fn *done;
	void *arg;
};

struct scene {
	struct run run;
	struct http http;
	struct page pages[PAGES];
	char *first; /* id of the first certificate of a-90d */
	unsigned in_flight, most_in_flight;
};

static void
answer(void *arg)
{
	struct request *r = arg;
	struct page *page = r->page;
	struct http_response res = { .status = page && page->status ? page->status : 200 };
	_cleanup_error_ struct error err = ERROR_INIT;
	http_done_fn *done = r->done;
	void *done_arg = r->arg;

	r->scene->in_flight--;
	free(r);
	if (page && page->failure)
		error_set(&err, page->failure, "no answer");
	if (page) {
		res.location = xstrdup_null(page->location);
		res.retry_after_sec = page->retry_after_sec;
		buf_add(&res.body, page->body.data, page->body.len);
	}
	if (!res.body.len)
		buf_add_str(&res.body, "[]");
	done(error_is_set(&err) ? NULL : &res, error_is_set(&err) ? &err : NULL, done_arg);
	http_response_clear(&res);
}

static void *
serve(void *self, const struct http_request *req, http_done_fn *done, void *arg)
{
	struct scene *s = self;
	struct request *r = xcalloc(1, sizeof(*r));

	r->scene = s;
	r->done = done;
	r->arg = arg;
	for (size_t i = 0; i < PAGES; i++)
		if (s->pages[i].url && strcmp(s->pages[i].url, req->url) == 0)
			r->page = &s->pages[i];
	cr_expect(r->page, "%s", req->url);
	if (r->page) {
		r->page->asked++;
		r->page->asked_at = world_now(&s->run.world);
	}
	cr_expect(req->max_body > 0 && req->max_body <= 16 << 20 && req->timeout_ms <= 60 * 1000, "%s", req->url);
	if (++s->in_flight > s->most_in_flight)
		s->most_in_flight = s->in_flight;
	loop_timer_init(&r->timer, s->run.world.loop, answer, r);
	loop_timer_set(&r->timer, 10);
	return r;
}

static void
give_up(void *self, void *handle)
{
	struct scene *s = self;
	struct request *r = handle;

	s->in_flight--;
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
begin(struct scene *s)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	struct world *w = &s->run.world;

	*s = (struct scene){ .http = { .ops = &server_ops, .self = s }, .pages = { { .url = SIM }, { .url = OTHER } } };
	run_begin(&s->run, 0);
	w->crl_http = &s->http;
	pass(s, HOUR);
	cr_assert_eq(w->issued, 1);
	run_load(&s->run, "a-90d", &a);
	s->first = xstrdup(a.last_certificate);
	str_replace(&w->conf.ct_source, SOURCE);
	w->issue_env.ct_source = w->conf.ct_source;
}

static void
start_watch(struct scene *s)
{
	ct_start(&s->run.world.issue_env);
}

/* Starts certd again. */
static bool
restart(struct scene *s)
{
	bool is_reached = run_restart(&s->run);

	start_watch(s);
	return is_reached;
}

static void
end(struct scene *s)
{
	run_end(&s->run);
	free(s->first);
	for (size_t i = 0; i < PAGES; i++)
		buf_clear(&s->pages[i].body);
}

/* Adds an entry of crt.sh. @from, @until: seconds from now. */
static void
publish(struct scene *s, size_t page, const char *issuer, const char *names, const char *serial, int64_t from,
	int64_t until)
{
	struct buf *body = &s->pages[page].body;
	char begins[TIME_RFC3339_SIZE], ends[TIME_RFC3339_SIZE];

	time_format_rfc3339(world_now(&s->run.world) + from, begins);
	time_format_rfc3339(world_now(&s->run.world) + until, ends);
	if (body->len)
		buf_truncate(body, body->len - 1);
	buf_printf(body,
		"%s{\"issuer_name\":\"%s\",\"common_name\":null,\"name_value\":\"%s\",\"serial_number\":\"%s\","
		"\"not_before\":\"%.19s\",\"not_after\":\"%.19s\"}]",
		body->len ? "," : "[", issuer, names, serial, begins, ends);
}

/* The same for a certificate of certd's own. */
static void
publish_own(struct scene *s, size_t page, const struct certificate *c)
{
	_cleanup_free_ char *serial = ct_serial(c->serial);
	int64_t now = world_now(&s->run.world);

	publish(s, page, "C=XX, O=Sim", "a-90d.sim.test\\nb.sim.test", serial, c->not_before_at - now,
		c->not_after_at - now);
}

static size_t
count_events(struct scene *s, const char *kind, const char *text)
{
	_cleanup_json_ struct json_object *events = events_list(s->run.world.events, NULL, 0, 10000, NULL);
	size_t n = 0;

	for (size_t i = 0; i < json_object_array_length(events); i++) {
		struct json_object *event = json_object_array_get_idx(events, i);

		n += strcmp(json_object_get_string(json_path(event, "kind")), kind) == 0 &&
		     strstr(json_object_get_string(json_path(event, "message")), text);
	}
	return n;
}

static size_t
count_found(struct scene *s)
{
	return count_events(s, "certificate.foreign", "");
}

/* The serial numbers of certctl ct, joined. Owned by the caller. */
static char *
listed(struct scene *s)
{
	_cleanup_strlist_ struct strlist serials = STRLIST_INIT;
	_cleanup_json_ struct json_object *list = NULL;
	struct json_object *items;

	cr_assert_eq(ct_list_findings(&s->run.world.issue_env, &list, NULL), 0);
	items = json_path(list, "items");
	for (size_t i = 0; i < json_object_array_length(items); i++)
		strlist_add(&serials,
			json_object_get_string(json_path(json_object_array_get_idx(items, i), "serialNumber")));
	return strlist_join(&serials, " ");
}

/* How many alerts there are now. Also the text of the last one, or NULL; owned by the caller. */
static size_t
count_alerts(struct scene *s, char **ret_text)
{
	size_t count, n = 0;
	_cleanup_json_ struct json_object *all = alerts_list(s->run.world.issue_env.alerts, 100, &count);

	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *c = json_object_array_get_idx(all, i);

		if (strcmp(json_object_get_string(json_path(c, "condition")), "foreign") != 0)
			continue;
		n++;
		if (ret_text)
			str_replace(ret_text, json_object_get_string(json_path(c, "message")));
	}
	return n;
}

Test(ct, a_certificate_of_others_is_reported_once_until_it_is_acknowledged)
{
	_cleanup_free_ char *text = NULL;
	const char *id;
	struct scene s;

	begin(&s);
	/* Precertificate and certificate. */
	publish(&s, 0, "C=US, O=Stranger", "x.sim.test\\nb.sim.test", "00AB01", -3 * DAY, 30 * DAY);
	publish(&s, 0, "C=US, O=Stranger", "x.sim.test\\nb.sim.test", "00ab01", -3 * DAY, 30 * DAY);
	start_watch(&s);
	pass(&s, 2 * HOUR);
	cr_expect_eq(s.pages[0].asked, 1);
	cr_expect_eq(count_found(&s), 1);
	cr_assert_eq(count_alerts(&s, &text), 1);
	cr_expect(strncmp(text,
			  "certd did not order a certificate for b.sim.test, x.sim.test: issuer C=US, O=Stranger, "
			  "serial number ab01, valid from ",
			  70) == 0,
		"%s", text);
	id = strstr(text, "certctl ct --acknowledge ") + strlen("certctl ct --acknowledge ");
	restart(&s);
	pass(&s, 3 * DAY);
	cr_expect_geq(s.pages[0].asked, 3, "daily: %u", s.pages[0].asked);
	cr_expect_leq(s.pages[0].asked, 5);
	cr_expect_eq(count_found(&s), 1, "once");
	cr_expect_eq(count_alerts(&s, NULL), 1);
	cr_expect_not(
		world_call(&s.run.world, RPC_CT_ACKNOWLEDGE, "{'finding':'%.31s%c'}", id, id[31] == '0' ? '1' : '0'));
	cr_expect_not(world_call(&s.run.world, RPC_CT_ACKNOWLEDGE, "{'finding':'.sim.test'}"));
	cr_expect_eq(count_alerts(&s, NULL), 1);
	cr_expect(world_call(&s.run.world, RPC_CT_ACKNOWLEDGE, "{'finding':'%.32s'}", id));
	cr_expect(world_call(&s.run.world, RPC_CT_ACKNOWLEDGE, "{'finding':'%.32s'}", id), "again");
	cr_expect_eq(count_alerts(&s, NULL), 0);
	restart(&s);
	pass(&s, 3 * DAY);
	cr_expect_eq(count_found(&s), 1);
	cr_expect_eq(count_alerts(&s, NULL), 0);
	cr_expect_eq(store_count(s.run.world.store, STORE_CT), 2);
	pass(&s, 30 * DAY);
	cr_expect_eq(store_count(s.run.world.store, STORE_CT), 1, "it has expired");
	cr_expect_eq(count_found(&s), 1);
	end(&s);
}

Test(ct, an_alert_ends_with_the_certificate)
{
	_cleanup_free_ char *serials = NULL;
	struct scene s;

	begin(&s);
	publish(&s, 0, "C=US, O=Stranger", "b.sim.test", "ab01", -3 * DAY, 2 * DAY);
	start_watch(&s);
	pass(&s, DAY);
	cr_expect_eq(count_alerts(&s, NULL), 1);
	serials = listed(&s);
	cr_expect_str_eq(serials, "ab01");
	pass(&s, DAY + MINUTE);
	cr_expect_eq(count_alerts(&s, NULL), 0);
	end(&s);
}

Test(ct, only_what_others_have_for_managed_names_counts)
{
	static const struct {
		const char *issuer, *names;
		int64_t from, until;
		size_t found;
	} cases[] = {
		{ "O=A", "a-90d.sim.test", -2 * DAY, DAY, 1 },
		{ "O=A", "c.sim.test", -2 * DAY, DAY, 0 },
		{ "O=A", "*.sim.test", -2 * DAY, DAY, 1 },
		{ "O=A", "*.b.sim.test", -2 * DAY, DAY, 0 },
		{ "O=A", "sim.test", -2 * DAY, DAY, 0 },
		{ "O=A", "one.wild.sim.test", -2 * DAY, DAY, 1 },
		{ "O=A", "one.two.wild.sim.test", -2 * DAY, DAY, 0 },
		{ "O=A", "b.sim.test", -2 * DAY, 0, 0 },
		{ "O=Amazon, CN=Amazon RSA 2048 M02", "b.sim.test", -2 * DAY, DAY, 0 },
		{ "O=Good CA, CN=X", "b.sim.test", -2 * DAY, DAY, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scene s;

		begin(&s);
		cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_UPDATE,
			"{'ref':'a-90d','properties':{'subjectAlternativeNames':['b.sim.test','*.wild.sim.test'],"
			"'challenge':'manual'}}"));
		strlist_add(&s.run.world.conf.ct_known_issuers, "amazon rsa");
		strlist_add(&s.run.world.conf.ct_known_issuers, "Good CA");
		publish(&s, 0, cases[i].issuer, cases[i].names, "77", cases[i].from, cases[i].until);
		start_watch(&s);
		pass(&s, 2 * HOUR);
		cr_expect_gt(s.pages[0].asked, 0);
		cr_expect_eq(count_found(&s), cases[i].found, "%s for %s", cases[i].issuer, cases[i].names);
		end(&s);
	}
}

Test(ct, certds_own_are_known_even_if_a_log_has_them_first_and_after_they_are_deleted)
{
	_cleanup_certificate_ struct certificate c = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	struct scene s;
	struct store_txn *txn;

	begin(&s);
	cr_assert_eq(object_load(s.run.world.store, &certificate_class, s.first, &c, NULL), 1);
	publish_own(&s, 0, &c);
	publish(&s, 0, "C=XX, O=Sim", "b.sim.test", "0c0ffe", c.not_before_at - world_now(&s.run.world),
		c.not_after_at - world_now(&s.run.world));
	publish(&s, 0, "C=XX, O=Other", "b.sim.test", "bad", -MINUTE, DAY);
	start_watch(&s);
	pass(&s, 30 * MINUTE);
	cr_assert_eq(s.pages[0].asked, 1);
	cr_expect_eq(store_count(s.run.world.store, STORE_CT), 3, "two of them wait");
	cr_expect_eq(count_found(&s), 0, "certd may be about to store them");
	/* It is stored now. */
	str_replace(&c.serial, "0C:0F:FE");
	txn = store_begin(s.run.world.store);
	cr_assert_eq(object_save(s.run.world.store, txn, &certificate_class, &c, &err), 0, "%s", err.message);
	pass(&s, 90 * MINUTE);
	cr_expect_eq(count_found(&s), 1);
	cr_expect_eq(count_events(&s, "certificate.foreign", "serial number bad,"), 1);
	buf_reset(&s.pages[0].body);
	publish(&s, 0, "C=XX, O=Sim", "b.sim.test", "0c0ffe", c.not_before_at - world_now(&s.run.world),
		c.not_after_at - world_now(&s.run.world));
	cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	pass(&s, HOUR);
	cr_assert(world_call(&s.run.world, RPC_CERTIFICATE_DELETE, "{'ref':'%s'}", s.first));
	restart(&s);
	pass(&s, 3 * DAY);
	cr_expect_eq(count_found(&s), 1, "certd had it");
	end(&s);
}

/* The CA takes long: the certificate is in a log before certd has it. */
Test(ct, an_order_in_progress_delays_the_report_for_a_day_at_most)
{
	static const struct run_fault fault = { .kind = FAKE_CA_CERTIFICATE, .failure = ERROR_NETWORK };
	struct scene s;

	begin(&s);
	run_spoil(&s.run, &fault);
	cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	publish(&s, 0, "C=XX, O=Sim", "b.sim.test", "1f", -MINUTE, 90 * DAY);
	start_watch(&s);
	pass(&s, 6 * HOUR);
	cr_assert_eq(s.run.world.issued, 1);
	cr_expect_eq(count_found(&s), 0);
	pass(&s, 22 * HOUR);
	cr_expect_eq(count_found(&s), 1);
	end(&s);
}

Test(ct, each_registered_domain_is_asked_for_once_and_one_after_the_other)
{
	struct scene s;

	begin(&s);
	for (int i = 0; i < 3; i++)
		cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_CREATE,
			"{'properties':{'name':'o%d-90d','provider':'ca','commonName':'o%d-90d.other.example'}}", i,
			i));
	start_watch(&s);
	pass(&s, HOUR + MINUTE);
	cr_expect_eq(s.pages[0].asked, 1);
	cr_expect_eq(s.pages[1].asked, 1);
	cr_expect_geq(llabs(s.pages[0].asked_at - s.pages[1].asked_at), 10);
	cr_expect_eq(s.most_in_flight, 1);
	cr_expect_eq(store_count(s.run.world.store, STORE_CT), 2);
	for (int i = 0; i < 3; i++)
		cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_DELETE,
			"{'ref':'o%d-90d','withCertificates':true,'force':true}", i));
	pass(&s, 2 * DAY);
	cr_expect_eq(s.pages[1].asked, 1);
	cr_expect_eq(store_count(s.run.world.store, STORE_CT), 4, "a domain, and three that were deleted");
	end(&s);
}

Test(ct, a_source_that_cannot_be_used_is_reported_once_and_disturbs_no_order)
{
	static const struct {
		struct page page;
		const char *body, *why;
	} cases[] = {
		{ { .status = 500 }, NULL, "status 500" },
		{ { .status = 301, .location = "https://crt.example/" }, NULL, "redirects to https://crt.example/" },
		{ { .failure = ERROR_TIMEOUT }, NULL, "no answer" },
		{ { .failure = ERROR_LIMIT }, NULL, "no answer" },
		{ { .status = 200 }, "<html>busy</html>", "not a list in JSON" },
		{ { .status = 200 }, "[{}]", "entry 1 of the answer: 'issuer_name' is missing" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scene s;

		begin(&s);
		s.pages[0] = cases[i].page;
		s.pages[0].url = SIM;
		buf_add_str(&s.pages[0].body, cases[i].body ? cases[i].body : "");
		start_watch(&s);
		pass(&s, 3 * DAY);
		cr_expect_geq(s.pages[0].asked, 4, "%s", cases[i].why);
		cr_expect_leq(s.pages[0].asked, 8, "%s: %u", cases[i].why, s.pages[0].asked);
		cr_expect_eq(count_events(&s, "transparency.unknown", cases[i].why), 1, "%s", cases[i].why);
		cr_expect_eq(count_events(&s, "transparency.unknown", ""), 1, "%s", cases[i].why);
		cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
		pass(&s, HOUR);
		cr_expect_eq(s.run.world.issued, 2);
		buf_clear(&s.pages[0].body);
		s.pages[0] = (struct page){ .url = SIM };
		pass(&s, 2 * DAY);
		cr_expect_gt(s.pages[0].asked, 0);
		cr_expect_leq(s.pages[0].asked, 3, "it is asked daily again");
		end(&s);
	}
}

Test(ct, retry_after_holds_back_all_requests)
{
	struct scene s;
	int64_t begun_at;

	begin(&s);
	cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_CREATE,
		"{'properties':{'name':'o-90d','provider':'ca','commonName':'o-90d.other.example'}}"));
	for (size_t i = 0; i < 2; i++)
		s.pages[i] = (struct page){ .url = s.pages[i].url, .status = 429, .retry_after_sec = 5 * HOUR };
	begun_at = world_now(&s.run.world);
	start_watch(&s);
	pass(&s, 30 * MINUTE);
	cr_expect_eq(s.pages[0].asked + s.pages[1].asked, 1, "the other domain is not asked for");
	pass(&s, 4 * HOUR);
	cr_expect_leq(s.pages[0].asked, 1);
	cr_expect_leq(s.pages[1].asked, 1);
	for (size_t i = 0; i < 2; i++)
		s.pages[i] = (struct page){ .url = s.pages[i].url };
	pass(&s, 2 * HOUR);
	cr_expect_eq(s.pages[0].asked, 1);
	cr_expect_eq(s.pages[1].asked, 1);
	cr_expect_geq(s.pages[0].asked_at, begun_at + 5 * HOUR);
	cr_expect_geq(s.pages[1].asked_at, begun_at + 5 * HOUR);
	end(&s);
}

/* An issuance of Cert Spotter. */
static void
publish_issuance(struct scene *s, size_t page, const char *id, const char *name, const char *serial)
{
	struct mini_cert cert = { 0 };
	_cleanup_buf_ struct buf pem = BUF_INIT, der = BUF_INIT;
	_cleanup_free_ char *san = xasprintf("DNS:%s", name);
	int64_t now = world_now(&s->run.world);

	mini_make(&cert,
		&(struct mini_spec){ .cn = "Stranger",
			.san = san,
			.serial = serial,
			.not_before_at = now - 2 * DAY,
			.not_after_at = now + 60 * DAY },
		NULL);
	mini_pem(&cert, &pem);
	for (const char *p = strchr(pem.data, '\n'); strncmp(p, "\n-", 2) != 0; p++)
		if (*p != '\n')
			buf_add_char(&der, *p);
	buf_printf(&s->pages[page].body, "[{\"id\":\"%s\",\"tbs_sha256\":\"0\",\"cert_der\":\"%s\"}]", id, der.data);
	mini_clear(&cert);
}

Test(ct, pages_are_read_once)
{
	struct scene s;

	begin(&s);
	s.pages[2].url = SIM "&after=5";
	s.pages[3].url = SIM "&after=6";
	s.pages[4].url = SIM "&after=7";
	publish_issuance(&s, 0, "5", "b.sim.test", "51");
	publish_issuance(&s, 2, "6", "c.sim.test", "52");
	start_watch(&s);
	pass(&s, 2 * HOUR);
	cr_expect_eq(s.pages[0].asked, 1);
	cr_expect_eq(s.pages[2].asked, 1);
	cr_expect_eq(s.pages[3].asked, 1);
	cr_expect_eq(count_found(&s), 1);
	publish_issuance(&s, 3, "7", "a-90d.sim.test", "53");
	pass(&s, DAY + HOUR);
	cr_expect_eq(s.pages[0].asked, 1, "known");
	cr_expect_eq(s.pages[4].asked, 1);
	cr_expect_eq(count_found(&s), 2);
	/* With other names the old pages count again. */
	cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_UPDATE,
		"{'ref':'a-90d','properties':{'subjectAlternativeNames':['b.sim.test','c.sim.test']}}"));
	pass(&s, DAY + HOUR);
	cr_expect_eq(s.pages[0].asked, 2);
	cr_expect_eq(count_found(&s), 3);
	end(&s);
}

Test(ct, a_flood_is_taken_in_parts)
{
	struct scene s;

	begin(&s);
	for (int i = 0; i < 120; i++) {
		_cleanup_free_ char *serial = xasprintf("1%d", i);

		publish(&s, 0, "O=Flood", "b.sim.test", serial, -2 * DAY, 30 * DAY);
	}
	start_watch(&s);
	pass(&s, 2 * HOUR);
	cr_expect_eq(count_found(&s), 50);
	pass(&s, 3 * DAY);
	cr_expect_eq(count_found(&s), 120);
	end(&s);
}

Test(ct, an_issuer_that_is_declared_ends_its_alerts_and_without_a_source_nothing_is_asked)
{
	struct scene s;
	struct world *w = &s.run.world;
	unsigned asked;

	begin(&s);
	publish(&s, 0, "C=US, O=Stranger", "b.sim.test", "ab01", -3 * DAY, 30 * DAY);
	start_watch(&s);
	pass(&s, 2 * HOUR);
	cr_expect_eq(count_alerts(&s, NULL), 1);
	strlist_add(&w->conf.ct_known_issuers, "stranger");
	pass(&s, DAY);
	cr_expect_eq(count_alerts(&s, NULL), 0);
	asked = s.pages[0].asked;
	w->issue_env.ct_source = NULL;
	start_watch(&s);
	cr_expect_eq(run_due(&s.run, SCHEDULE_CT, "ct"), 0);
	pass(&s, 2 * DAY);
	cr_expect_eq(s.pages[0].asked, asked);
	end(&s);
}

/* Killed after each commit in turn: nothing is reported twice, and nothing is lost. */
Test(ct, survives_the_end_of_certd_after_every_commit, .timeout = 120)
{
	for (uint64_t n = 1; n < 40; n++) {
		struct scene s;
		struct world *w = &s.run.world;
		bool is_over;

		begin(&s);
		publish(&s, 0, "C=US, O=Stranger", "b.sim.test", "ab01", -3 * DAY, 30 * DAY);
		start_watch(&s);
		w->stop_at_commit = world_commits(w) + n;
		pass(&s, 2 * HOUR);
		is_over = !restart(&s);
		pass(&s, DAY + HOUR);
		cr_expect_eq(count_found(&s), 1, "commit %d: %zu", (int)n, count_found(&s));
		cr_expect_eq(count_alerts(&s, NULL), 1, "commit %d", (int)n);
		end(&s);
		if (is_over) {
			cr_assert_gt(n, 4);
			return;
		}
	}
	cr_assert_fail("there is no end of commits");
}

Test(ct, settings_that_cannot_work_are_refused)
{
	static const struct {
		const char *source, *why;
	} cases[] = {
		{ NULL, NULL },
		{ "https://crt.sh/?q={domain}&output=json", NULL },
		{ "http://127.0.0.1:8080/{domain}", NULL },
		{ "https://crt.sh/?q=example.com", "lacks {domain}" },
		{ "http://crt.sh/?q={domain}", "must begin with https://" },
		{ "ftp://crt.sh/?q={domain}", "ct-source: " },
		{ "{domain}", "ct-source: " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		struct conf conf;

		conf_init(&conf);
		str_replace(&conf.ct_source, cases[i].source);
		cr_expect_eq(ct_check_conf(&conf, &err), cases[i].why ? -1 : 0, "%s", cases[i].source);
		cr_expect(!cases[i].why || strstr(err.message, cases[i].why), "%s", err.message);
		conf_clear(&conf);
	}
}
