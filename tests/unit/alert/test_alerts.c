/* Conditions begin and end, and each destination is told once: in the world of the simulation, with a receiver. */
#include "daemon/alert/alerts.h"
#include "daemon/alert/alerts_private.h"
#include "daemon/ready/ready.h"

#include "common/retry.h"
#include "daemon/alert/alert_list.h"
#include "daemon/alert/condition.h"
#include "daemon/alert/queue.h"
#include "daemon/base/http.h"
#include "daemon/base/http_mail.h"
#include "daemon/base/loop.h"
#include "daemon/renew/ct.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

/* --- a receiver of webhooks --- */

struct receiver;

struct exchange {
	struct receiver *receiver;
	struct exchange *prev, *next;
	struct loop_timer timer;
	http_done_fn *done;
	void *arg;
	int status;
};

struct receiver {
	struct run run;
	struct http http;
	bool is_down; /* no connection */
	int status;   /* of its answers */
	int64_t retry_after_sec;
	bool is_deaf;       /* it takes the message, and nobody sees its answer */
	const char *no_for; /* only messages about that condition get .status, the others 200; or NULL */
	unsigned attempts;
	struct exchange *exchanges;
	struct json_object *taken; /* array of the bodies that it has accepted */
};

static void
on_exchange(void *arg)
{
	struct exchange *x = arg;
	struct receiver *r = x->receiver;
	http_done_fn *done = x->done;
	void *done_arg = x->arg;
	struct http_response res = { .status = x->status, .retry_after_sec = r->retry_after_sec };
	_cleanup_error_ struct error err = ERROR_INIT;

	if (r->is_deaf)
		return;
	DL_DELETE(r->exchanges, x);
	free(x);
	error_set(&err, ERROR_NETWORK, "cannot connect to 'hook.test' port 443: Connection refused");
	buf_add_str(&res.body, "noted");
	done(r->is_down ? NULL : &res, r->is_down ? &err : NULL, done_arg);
	http_response_clear(&res);
}

static void *
receiver_send(void *self, const struct http_request *req, http_done_fn *done, void *arg)
{
	struct receiver *r = self;
	struct exchange *x = xcalloc(1, sizeof(*x));
	struct json_object *body = json_parse(req->body, req->body_len, NULL);

	*x = (struct exchange){ .receiver = r, .done = done, .arg = arg, .status = r->status };
	if (r->no_for && body && strcmp(json_object_get_string(json_path(body, "condition")), r->no_for) != 0)
		x->status = 200;
	loop_timer_init(&x->timer, r->run.world.loop, on_exchange, x);
	loop_timer_set(&x->timer, 10);
	DL_APPEND(r->exchanges, x);
	r->attempts++;
	cr_assert_not_null(body);
	if (!r->is_down && x->status < 300)
		json_object_array_add(r->taken, json_object_get(body));
	json_object_put(body);
	return x;
}

static void
receiver_cancel(void *self, void *handle)
{
	struct receiver *r = self;
	struct exchange *x = handle;

	loop_timer_cancel(&x->timer);
	DL_DELETE(r->exchanges, x);
	free(x);
}

static const struct http_ops receiver_ops = { .send = receiver_send, .cancel = receiver_cancel };

/* @properties: further ones of the destination "hook". */
static void
begin(struct receiver *r, const char *properties)
{
	struct world *w = &r->run.world;

	*r = (struct receiver){ .status = 200, .http = { .ops = &receiver_ops, .self = r } };
	r->taken = json_object_new_array();
	run_begin(&r->run, 0);
	w->alert_http = &r->http;
	world_stop(w);
	world_start(w);
	cr_assert(world_call(w, RPC_ALERT_CREATE,
		"{'properties':{'name':'hook','kind':'webhook','url':'https://hook.test/x'%s}}", properties));
}

static void
end(struct receiver *r)
{
	run_end(&r->run);
	json_object_put(r->taken);
}

static void
run_for(struct receiver *r, int64_t sec)
{
	struct world *w = &r->run.world;

	world_run_until(w, world_now(w) + sec);
}

static size_t
count_taken(const struct receiver *r)
{
	return json_object_array_length(r->taken);
}

static const char *
taken_text(const struct receiver *r, size_t i, const char *member)
{
	struct json_object *value = json_path(json_object_array_get_idx(r->taken, i), member);

	return value ? json_object_get_string(value) : "";
}

/* How many of that condition, severity ("" any) and status have come. */
static size_t
count_of(const struct receiver *r, const char *condition, const char *severity, const char *status)
{
	size_t n = 0;

	for (size_t i = 0; i < count_taken(r); i++)
		n += strcmp(taken_text(r, i, "condition"), condition) == 0 &&
		     (!*severity || strcmp(taken_text(r, i, "severity"), severity) == 0) &&
		     strcmp(taken_text(r, i, "status"), status) == 0;
	return n;
}

static void
expect_once(const struct receiver *r, const char *condition, const char *severity, const char *status)
{
	cr_expect_eq(count_of(r, condition, severity, status), 1, "%s %s %s: %zu of %s", condition, severity, status,
		count_of(r, condition, severity, status), json_object_to_json_string(r->taken));
}

/* No message has come twice. */
static void
expect_no_double(const struct receiver *r)
{
	for (size_t i = 0; i < count_taken(r); i++)
		for (size_t k = 0; k < i; k++)
			cr_expect_str_neq(taken_text(r, i, "id"), taken_text(r, k, "id"));
}

static size_t
count_conditions(struct receiver *r)
{
	size_t count;

	json_object_put(alerts_list(r->run.world.issue_env.alerts, 100, &count));
	return count;
}

static void
look_at_certd(struct receiver *r, const struct condition_certd *certd)
{
	alerts_look_at_certd(r->run.world.issue_env.alerts, certd);
	store_commit(r->run.world.store); /* as at the end of its turn */
	run_for(r, 1);
}

/* --- each condition --- */

Test(alerts, a_certificate_that_is_not_renewed_is_late_then_critical_then_expired_and_all_end_with_its_renewal)
{
	struct receiver r;
	struct world *w = &r.run.world;

	begin(&r, "");
	run_for(&r, 50 * DAY);
	cr_assert_eq(w->issued, 1);
	cr_expect_eq(count_taken(&r), 0, "nothing is wrong yet");
	world_set_weather(&w->cas[0], WEATHER_NO_NET, 0);
	run_for(&r, 16 * DAY);
	cr_expect_eq(count_of(&r, "late", "", "firing"), 0, "a quarter of 90 days is left on the 68th");
	run_for(&r, 3 * DAY);
	expect_once(&r, "late", "warning", "firing");
	cr_expect_str_eq(taken_text(&r, 0, "object.name"), "a-90d");
	cr_expect_not_null(strstr(taken_text(&r, 0, "message"), "the last attempt to renew it failed"));
	run_for(&r, 14 * DAY);
	expect_once(&r, "late", "critical", "firing");
	run_for(&r, 8 * DAY);
	expect_once(&r, "expired", "critical", "firing");
	cr_expect_eq(count_conditions(&r), 2);
	world_set_weather(&w->cas[0], WEATHER_PERFECT, 0);
	run_for(&r, 2 * DAY);
	cr_assert_eq(w->issued, 2);
	expect_once(&r, "late", "critical", "resolved");
	expect_once(&r, "expired", "critical", "resolved");
	cr_expect_eq(count_conditions(&r), 0);
	cr_expect_eq(count_taken(&r), 5);
	expect_no_double(&r);
	end(&r);
}

Test(alerts, the_thresholds_are_fractions_of_the_lifetime)
{
	struct receiver r;
	struct world *w = &r.run.world;

	begin(&r, "");
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_CREATE,
		"{'properties':{'name':'short','provider':'ca','commonName':'short-6d.sim.test'}}"));
	run_for(&r, 2 * DAY);
	world_set_weather(&w->cas[0], WEATHER_NO_NET, 0);
	run_for(&r, 2 * DAY);
	cr_expect_eq(count_of(&r, "late", "", "firing"), 0, "of six days one and a half are a quarter");
	run_for(&r, 16 * HOUR);
	expect_once(&r, "late", "warning", "firing");
	run_for(&r, 18 * HOUR);
	expect_once(&r, "late", "critical", "firing");
	end(&r);
}

Test(alerts, a_paused_certificate_that_expires_is_reported_and_resuming_it_ends_that)
{
	struct receiver r;
	struct world *w = &r.run.world;

	begin(&r, "");
	run_for(&r, HOUR);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_PAUSE, "{'ref':'a-90d'}"));
	run_for(&r, 70 * DAY);
	expect_once(&r, "paused", "warning", "firing");
	cr_expect_eq(count_of(&r, "late", "", "firing"), 0, "it is not late: it is not to be renewed");
	run_for(&r, 21 * DAY);
	expect_once(&r, "paused", "critical", "firing");
	expect_once(&r, "expired", "critical", "firing");
	cr_expect_not_null(strstr(taken_text(&r, count_taken(&r) - 1, "message"), "paused"));
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RESUME, "{'ref':'a-90d'}"));
	run_for(&r, DAY);
	expect_once(&r, "paused", "critical", "resolved");
	expect_once(&r, "expired", "critical", "resolved");
	end(&r);
}

Test(alerts, what_the_ca_refuses_is_reported_after_the_second_attempt)
{
	struct receiver r;
	struct world *w = &r.run.world;

	begin(&r, "");
	run_for(&r, HOUR);
	world_set_weather(&w->cas[0], WEATHER_REFUSING, 0);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	run_for(&r, 30);
	cr_expect_eq(count_taken(&r), 0, "one failure is no news");
	run_for(&r, HOUR);
	expect_once(&r, "refused", "warning", "firing");
	world_set_weather(&w->cas[0], WEATHER_PERFECT, 0);
	run_for(&r, 3 * DAY);
	expect_once(&r, "refused", "warning", "resolved");
	expect_no_double(&r);
	end(&r);
}

Test(alerts, an_account_that_the_ca_does_not_accept_is_reported)
{
	static const struct run_fault no = { .kind = FAKE_CA_ACCOUNT, .status = 403, .problem = "unauthorized" };
	struct receiver r;
	struct world *w = &r.run.world;

	begin(&r, "");
	run_for(&r, HOUR);
	run_spoil(&r.run, &no);
	cr_assert(world_call(w, RPC_PROVIDER_CREATE,
		"{'properties':{'name':'other','email':'b@b.test','server':'%s/directory',"
		"'termsOfServiceAgreed':true}}",
		w->cas[0].url));
	run_for(&r, HOUR);
	expect_once(&r, "account", "critical", "firing");
	run_mend(&r.run);
	run_for(&r, 3 * DAY);
	expect_once(&r, "account", "critical", "resolved");
	end(&r);
}

Test(alerts, a_consumer_that_cannot_be_notified_is_reported)
{
	struct receiver r;
	struct world *w = &r.run.world;

	begin(&r, "");
	run_for(&r, HOUR);
	cr_assert(world_call(w, RPC_CONSUMER_CREATE,
		"{'properties':{'name':'notified','activate':'notify','socket':'%s.away'}}", w->notify_path));
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':['notified']}}"));
	run_for(&r, HOUR);
	expect_once(&r, "undeployed", "warning", "firing");
	cr_assert(
		world_call(w, RPC_CONSUMER_UPDATE, "{'ref':'notified','properties':{'socket':'%s'}}", w->notify_path));
	run_for(&r, 3 * HOUR);
	expect_once(&r, "undeployed", "warning", "resolved");
	expect_no_double(&r);
	end(&r);
}

Test(alerts, a_wrong_clock_and_an_altered_audit_log_are_reported)
{
	static const struct condition_certd wrong = { .audit = "record 7: altered", .is_clock_wrong = true };
	static const struct condition_certd well = { .audit = NULL };
	struct receiver r;

	begin(&r, "");
	for (int i = 0; i < 3; i++)
		look_at_certd(&r, &wrong);
	expect_once(&r, "clock", "critical", "firing");
	expect_once(&r, "audit", "critical", "firing");
	cr_expect_str_eq(taken_text(&r, 0, "object.name"), "", "it is about certd itself");
	look_at_certd(&r, &well);
	look_at_certd(&r, &well);
	expect_once(&r, "clock", "critical", "resolved");
	expect_once(&r, "audit", "critical", "resolved");
	end(&r);
}

Test(alerts, a_full_disk_is_reported_although_nothing_can_be_stored)
{
	static const struct condition_certd full = { .is_disk_full = true };
	static const struct condition_certd well = { .audit = NULL };
	struct receiver r;
	struct world *w = &r.run.world;

	begin(&r, "");
	run_for(&r, HOUR);
	world_set_disk_full(w, true);
	for (int i = 0; i < 3; i++) {
		look_at_certd(&r, &full);
		run_for(&r, MINUTE);
	}
	expect_once(&r, "store", "critical", "firing");
	world_set_disk_full(w, false);
	look_at_certd(&r, &full);
	run_for(&r, 5 * MINUTE);
	look_at_certd(&r, &well);
	run_for(&r, 5 * MINUTE);
	expect_once(&r, "store", "critical", "firing");
	expect_once(&r, "store", "critical", "resolved");
	cr_expect_str_eq(taken_text(&r, 0, "incident"), taken_text(&r, 1, "incident"));
	for (int i = 0; i < 3; i++) {
		look_at_certd(&r, &well);
		run_for(&r, MINUTE);
	}
	cr_expect_eq(count_taken(&r), 2, "what was stored later is over, too");
	end(&r);
}

/* --- all of them --- */

#define FINDING "00112233445566778899aabbccddeeff"

/* The records of a certificate that is deployed, to be spoiled and restored. */
struct drill {
	struct receiver *r;
	struct autocert a;
	struct provider p;
	struct rollout_state rollout;
	struct rollout_target *target;
	struct condition_certd certd;
	struct ready_state ready;
	const char *found; /* what the probe found */
	bool is_foreign;
};

static void
spoil_expired(struct drill *d)
{
	d->a.last_not_after_at = world_now(&d->r->run.world) - 1;
}

static void
spoil_late(struct drill *d)
{
	d->a.last_not_after_at = world_now(&d->r->run.world) + 8 * DAY;
	d->a.last_not_before_at = d->a.last_attempt_at = world_now(&d->r->run.world) - 82 * DAY;
}

static void
spoil_paused(struct drill *d)
{
	spoil_late(d);
	d->a.is_paused = true;
}

static void
spoil_persist(struct drill *d)
{
	error_set(&d->a.standing_error, ERROR_STATE, "there is no such record");
}

static void
spoil_dane(struct drill *d)
{
	error_set(&d->a.tlsa_error, ERROR_STATE, "publish for the next key: _25._tcp.a.test IN TLSA 3 1 1 aa");
}

static void
spoil_refused(struct drill *d)
{
	d->a.attempts = 2;
	error_set(&d->a.last_error, ERROR_CA, "policy forbids it");
}

/* As renew/crl_found.c leaves them. */
static void
spoil_revoked(struct drill *d)
{
	struct store *store = d->r->run.world.store;
	_cleanup_certificate_ struct certificate c = { 0 };

	cr_assert_eq(object_load(store, &certificate_class, d->a.last_certificate, &c, NULL), 1);
	c.is_revoked = true;
	str_replace(&c.revoke_reason, "superseded");
	str_replace(&c.revocation_list, "http://crl.test/");
	cr_assert_eq(object_save(store, store_begin(store), &certificate_class, &c, NULL), 0);
	d->a.is_outdated = true;
}

static void
spoil_account(struct drill *d)
{
	d->p.o.state = OBJECT_FAILED;
	d->p.next_at = world_now(&d->r->run.world) + DAY;
	error_set(&d->p.o.failure, ERROR_CA, "the account is deactivated");
}

static void
spoil_disk(struct drill *d)
{
	d->certd.is_disk_full = true;
}

static void
spoil_clock(struct drill *d)
{
	d->certd.is_clock_wrong = true;
}

static void
spoil_audit(struct drill *d)
{
	d->certd.audit = "record 7: altered";
}

static void
spoil_probe(struct drill *d)
{
	d->target->served = xstrdup(d->found);
	d->target->is_unserved = strcmp(d->found, "served") != 0;
}

static void
spoil_deploy(struct drill *d)
{
	d->target->attempts = 2;
	error_set(&d->target->failure, ERROR_HOOK, "nginx: configuration file test failed");
}

static void
spoil_approval(struct drill *d)
{
	str_replace(&d->a.waiting_certificate, d->a.last_certificate);
	d->a.waiting_until_at = d->a.last_not_after_at;
	strlist_add(&d->a.notes, "it has no common name any more");
}

static void
spoil_names(struct drill *d)
{
	strlist_add(&d->a.failing, "b.sim.test 1800000000 out");
	strlist_add(&d->a.failing, "c.sim.test 1800000000");
}

static void
spoil_provider(struct drill *d)
{
	str_replace(&d->a.provider_why, "provider 'ca' has failed, so the next order goes to its fallback 'b'");
}

static void
spoil_ready(struct drill *d)
{
	d->ready.grade = READY_BLOCKED;
	ready_list_add(&d->ready.findings, "caa", READY_NOTE, NULL, "nothing to see here");
	ready_list_add(&d->ready.findings, "caa", READY_BLOCKED, "www.example.com", "CAA forbids it");
}

static void
spoil_rollback(struct drill *d)
{
	d->rollout.rolled_back_at = world_now(&d->r->run.world);
	error_set(&d->rollout.rolled_back_why, ERROR_HOOK, "nginx: configuration file test failed");
}

/* As rollout_check.c keeps it. */
static void
spoil_files(struct drill *d)
{
	struct store *store = d->r->run.world.store;
	_cleanup_free_ char *key = xasprintf("g%s", d->a.o.id);
	_cleanup_free_ char *value = xasprintf("%lld a file", (long long)world_now(&d->r->run.world));

	store_put(store_begin(store), STORE_INDEX, key, strlen(key), value, strlen(value));
}

/* As ct_found.c reports a finding. */
static void
spoil_foreign(struct drill *d)
{
	struct store *store = d->r->run.world.store;
	int64_t now = world_now(&d->r->run.world);
	char issuer[] = "O=Stranger", serial[] = "ab01", domain[] = "sim.test";
	const struct ct_finding f = {
		.issuer = issuer,
		.serial = serial,
		.domain = domain,
		.not_before_at = now - DAY,
		.not_after_at = now + DAY,
		.reported_at = now,
	};

	record_save(store, store_begin(store), &ct_finding_class, FINDING, &f);
	d->is_foreign = true;
}

static void
drill_load(struct drill *d, struct receiver *r)
{
	struct world *w = &r->run.world;

	*d = (struct drill){ .r = r };
	cr_assert_eq(object_find(w->store, &autocert_class, "a-90d", &d->a, NULL), 1);
	cr_assert_eq(object_find(w->store, &provider_class, "ca", &d->p, NULL), 1);
	cr_assert_eq(rollout_load(w->rollout, d->a.o.id, &d->rollout, NULL), 1);
	cr_assert_eq(d->rollout.targets.count, 1);
	d->target = d->rollout.targets.items;
}

static void
drill_look(struct drill *d)
{
	struct world *w = &d->r->run.world;
	struct store_txn *txn = store_begin(w->store);

	cr_assert_eq(object_save(w->store, txn, &autocert_class, &d->a, NULL), 0);
	cr_assert_eq(object_save(w->store, txn, &provider_class, &d->p, NULL), 0);
	record_save(w->store, txn, &rollout_class, d->a.o.id, &d->rollout);
	record_save(w->store, txn, &ready_class, d->a.o.id, &d->ready);
	alerts_look(w->issue_env.alerts, txn, d->a.o.id);
	if (!d->is_foreign)
		store_del(txn, STORE_CT, FINDING, strlen(FINDING));
	alerts_look(w->issue_env.alerts, txn, FINDING);
	look_at_certd(d->r, &d->certd);
}

static void
drill_clear(struct drill *d)
{
	autocert_clear(&d->a);
	provider_clear(&d->p);
	record_clear(&rollout_class, &d->rollout);
	record_clear(&ready_class, &d->ready);
}

static void
note_result(struct json_object *result, const struct error *err, void *arg)
{
	char **text = arg;

	cr_assert_null(err);
	*text = xstrdup(json_object_to_json_string_ext(result, JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(result);
}

/* The answer as text; owned by the caller. */
static char *
ask(struct receiver *r, enum api_method_id method, const char *params)
{
	static struct peer root = { .role = ROLE_ADMIN, .user_id = "0", .label = "uid:0" };
	_cleanup_json_ struct json_object *json = json_parse(params, strlen(params), NULL);
	char *text = NULL;

	service_call(&r->run.world.service, &root, method, json, note_result, &text);
	cr_assert_eq(loop_run_until(r->run.world.loop, world_now(&r->run.world), NULL), 0);
	cr_assert_not_null(text);
	return text;
}

/* What alerts report is shown by status and metrics; and by explain, if it is about the certificate. */
static void
expect_shown(struct receiver *r, const char *word)
{
	_cleanup_free_ char *status = ask(r, RPC_SERVER_STATUS, "{}");
	_cleanup_free_ char *metrics = ask(r, RPC_SERVER_METRICS, "{}");
	_cleanup_free_ char *explained = ask(r, RPC_AUTOCERTIFICATE_EXPLAIN, "{\"ref\":\"a-90d\"}");
	_cleanup_free_ char *condition = xasprintf("\"condition\":\"%s\"", word);
	_cleanup_free_ char *sample = xasprintf(
		"certd_conditions{condition=\\\"%s\\\",severity=\\\"%s\\\"} 1\\n", word, taken_text(r, 0, "severity"));

	cr_expect_not_null(strstr(status, condition), "%s", word);
	cr_expect_not_null(strstr(metrics, sample), "%s", word);
	cr_expect(strcmp(taken_text(r, 0, "object.type"), "autocertificate") != 0 ||
			  strstr(explained, taken_text(r, 0, "title")),
		"%s: %s", word, explained);
}

/* Each row of the table of conditions, and each state of a deployment. */
Test(alerts, each_condition_and_each_state_of_a_deployment_alarms_and_recovers)
{
	static const struct {
		const char *word; /* NULL: all is well */
		void (*spoil)(struct drill *d);
		const char *found, *text;
	} cases[] = {
		{ "expired", spoil_expired, NULL, "expired" },
		{ "revoked", spoil_revoked, NULL, "superseded (http://crl.test/); certd replaces it" },
		{ "foreign", spoil_foreign, NULL, "if it is yours: certctl ct --acknowledge " FINDING "; if not" },
		{ "store", spoil_disk, NULL, "is full" },
		{ "clock", spoil_clock, NULL, "behind" },
		{ "audit", spoil_audit, NULL, "record 7: altered; see: certctl audit --verify" },
		{ "account", spoil_account, NULL, "the account is deactivated" },
		{ "late", spoil_late, NULL, "it should have been renewed by now" },
		{ "paused", spoil_paused, NULL, "its renewal is paused: certctl resume" },
		{ "persist", spoil_persist, NULL, "there is no such record" },
		{ "dane", spoil_dane, NULL, "_25._tcp.a.test IN TLSA 3 1 1 aa" },
		{ "refused", spoil_refused, NULL, "2 attempts failed: policy forbids it" },
		{ NULL, spoil_probe, "served", "" },
		{ "stale", spoil_probe, "stale", "consumer 'web': stale" },
		{ "stale", spoil_probe, "incomplete chain", "consumer 'web': incomplete chain" },
		{ "stale", spoil_probe, "mismatch", "consumer 'web': mismatch" },
		{ "stale", spoil_probe, "unreachable", "consumer 'web': unreachable" },
		{ "dropped", spoil_names, NULL,
			"the CA does not validate b.sim.test (since 2027-01-15T08:00:00Z); to order it" },
		{ "fallback", spoil_provider, NULL, "provider 'ca' has failed, so the next order goes to" },
		{ "unready", spoil_ready, NULL, "www.example.com (caa): CAA forbids it" },
		{ "undeployed", spoil_deploy, NULL, "2 attempts failed: nginx: configuration file test failed" },
		{ "approval", spoil_approval, NULL,
			"it has no common name any more (to deploy it: certctl approve a-90d)" },
		{ "rolledback", spoil_rollback, NULL, "it was rolled back at" },
		{ "changed", spoil_files, NULL, "its files were changed by others" },
	};
	struct receiver r;
	struct world *w = &r.run.world;
	bool has_case[CONDITION_COUNT] = { false };

	begin(&r, "");
	cr_assert(world_call(w, RPC_CONSUMER_CREATE, "{'properties':{'name':'web'}}"));
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':['web']}}"));
	run_for(&r, HOUR);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *word = cases[i].word ? cases[i].word : "";
		struct drill bad, good;

		json_object_put(r.taken);
		r.taken = json_object_new_array();
		drill_load(&good, &r);
		drill_load(&bad, &r);
		bad.found = cases[i].found;
		cases[i].spoil(&bad);
		drill_look(&bad);
		if (cases[i].word) {
			expect_once(&r, word, "", "firing");
			cr_expect_not_null(strstr(taken_text(&r, 0, "message"), cases[i].text), "%s: %s", word,
				taken_text(&r, 0, "message"));
			if (*taken_text(&r, 0, "object.type")) /* what concerns certd itself is not so in this world */
				expect_shown(&r, word);
		}
		drill_look(&good);
		if (strcmp(word, "changed") == 0)
			run_for(&r, DAY);
		if (cases[i].word)
			expect_once(&r, word, "", "resolved");
		else
			cr_expect_eq(count_taken(&r), 0, "%s: %s", cases[i].found, json_object_to_json_string(r.taken));
		for (size_t k = 0; k < CONDITION_COUNT; k++)
			has_case[k] = has_case[k] || strcmp(condition_kinds[k].word, word) == 0;
		drill_clear(&bad);
		drill_clear(&good);
	}
	for (size_t k = 0; k < CONDITION_COUNT; k++)
		cr_expect(has_case[k], "no case for the condition '%s'", condition_kinds[k].word);
	end(&r);
}

Test(alerts, what_is_deleted_is_no_longer_expected_to_be_renewed)
{
	struct receiver r;
	struct world *w = &r.run.world;

	begin(&r, "");
	run_for(&r, 10 * DAY);
	world_set_weather(&w->cas[0], WEATHER_NO_NET, 0);
	run_for(&r, 60 * DAY);
	expect_once(&r, "late", "warning", "firing");
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_DELETE, "{'ref':'a-90d','force':true}"));
	run_for(&r, MINUTE);
	expect_once(&r, "late", "warning", "resolved");
	cr_expect_eq(count_conditions(&r), 0);
	end(&r);
}

/* --- delivery --- */

Test(alerts, a_receiver_that_is_away_for_an_hour_gets_everything_once_and_in_order)
{
	static const struct condition_certd wrong = { .is_clock_wrong = true };
	static const struct condition_certd well = { .audit = NULL };
	struct receiver r;
	struct world *w = &r.run.world;

	begin(&r, "");
	r.is_down = true;
	look_at_certd(&r, &wrong);
	run_for(&r, 20 * MINUTE);
	look_at_certd(&r, &well);
	run_for(&r, 40 * MINUTE);
	cr_expect_eq(count_taken(&r), 0);
	cr_expect_geq(r.attempts, 4);
	cr_expect_leq(r.attempts, 8, "%u attempts in an hour", r.attempts);
	cr_expect_gt(object_count_failing(w->store, &alert_class), 0, "the status shows it");
	r.is_down = false;
	run_for(&r, 2 * HOUR);
	cr_assert_eq(count_taken(&r), 2);
	cr_expect_str_eq(taken_text(&r, 0, "status"), "firing");
	cr_expect_str_eq(taken_text(&r, 1, "status"), "resolved");
	cr_expect_str_eq(taken_text(&r, 0, "incident"), taken_text(&r, 1, "incident"));
	cr_expect_eq(object_count_failing(w->store, &alert_class), 0);
	run_for(&r, 2 * DAY);
	cr_expect_eq(count_taken(&r), 2, "and not again");
	end(&r);
}

Test(alerts, a_receiver_says_when_it_wants_to_be_asked_again)
{
	static const struct condition_certd wrong = { .is_clock_wrong = true };
	struct receiver r;

	begin(&r, "");
	r.status = 429;
	r.retry_after_sec = 6 * HOUR;
	look_at_certd(&r, &wrong);
	cr_expect_eq(r.attempts, 1);
	r.status = 200;
	run_for(&r, 5 * HOUR);
	cr_expect_eq(r.attempts, 1);
	run_for(&r, 2 * HOUR);
	cr_expect_eq(count_taken(&r), 1);
	end(&r);
}

Test(alerts, a_message_whose_answer_was_lost_in_a_kill_comes_again_with_its_id)
{
	static const struct condition_certd wrong = { .is_clock_wrong = true };
	struct receiver r;
	struct world *w = &r.run.world;

	begin(&r, "");
	r.is_deaf = true;
	look_at_certd(&r, &wrong);
	cr_assert_eq(count_taken(&r), 1);
	world_stop(w);
	r.is_deaf = false;
	world_start(w);
	run_for(&r, HOUR);
	cr_assert_eq(count_taken(&r), 2);
	cr_expect_str_eq(taken_text(&r, 0, "id"), taken_text(&r, 1, "id"));
	world_stop(w);
	world_start(w);
	look_at_certd(&r, &wrong);
	run_for(&r, DAY);
	cr_expect_eq(count_taken(&r), 2, "what was accepted and recorded is not sent again");
	end(&r);
}

Test(alerts, a_message_that_nobody_takes_is_given_up_after_a_week_and_the_next_one_comes)
{
	static const struct condition_certd wrong = { .is_clock_wrong = true };
	static const struct condition_certd worse = { .is_clock_wrong = true, .audit = "altered" };
	struct receiver r;

	begin(&r, "");
	r.status = 401;
	look_at_certd(&r, &wrong);
	run_for(&r, 8 * DAY);
	r.status = 200;
	look_at_certd(&r, &worse);
	run_for(&r, 2 * HOUR);
	cr_assert_eq(count_taken(&r), 1);
	cr_expect_str_eq(taken_text(&r, 0, "condition"), "audit");
	end(&r);
}

struct given_up {
	unsigned count;
	char message[300]; /* of the last failure */
};

static void
count_given_up(struct json_object *event, void *arg)
{
	struct given_up *g = arg;
	const char *message = json_object_get_string(json_path(event, "message"));

	if (strcmp(json_object_get_string(json_path(event, "kind")), event_info(EVENT_ALERT_FAILED)->name) != 0)
		return;
	g->count += strstr(message, "given up, because it would be refused again") != NULL;
	snprintf(g->message, sizeof(g->message), "%s", message);
}

Test(alerts, a_message_that_is_refused_for_good_does_not_hold_up_the_next)
{
	static const struct condition_certd wrong = { .is_clock_wrong = true };
	static const struct condition_certd worse = { .is_clock_wrong = true, .audit = "altered" };
	static const struct {
		int status;
		bool is_for_good;
	} cases[] = { { 400, true }, { 404, true }, { 410, true }, { 413, true }, { 499, true }, { 401, false },
		{ 403, false }, { 408, false }, { 425, false }, { 429, false }, { 500, false }, { 503, false },
		{ 301, false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct receiver r;
		struct world *w = &r.run.world;
		struct given_up given_up = { 0 };
		struct event_subscription *subscription;

		begin(&r, "");
		subscription = events_subscribe(w->events, NULL, count_given_up, &given_up);
		r.status = cases[i].status;
		r.no_for = "clock";
		look_at_certd(&r, &wrong);
		look_at_certd(&r, &worse);
		run_for(&r, 13 * MINUTE); /* the third wait ends after 4:30 to 12:30, the fourth after 17:00 */
		cr_expect_eq(r.attempts, 4, "%d: %u attempts", cases[i].status, r.attempts);
		cr_expect_eq(count_taken(&r), cases[i].is_for_good, "%d", cases[i].status);
		cr_expect_eq(given_up.count, cases[i].is_for_good, "%d: %s", cases[i].status, given_up.message);
		if (cases[i].is_for_good)
			cr_expect_str_eq(taken_text(&r, 0, "condition"), "audit");
		events_unsubscribe(subscription);
		end(&r);
	}
}

/* The destination "hook". */
static void
load_hook(struct receiver *r, struct alert *ret)
{
	alert_clear(ret);
	cr_assert_eq(object_find(r->run.world.store, &alert_class, "hook", ret, NULL), 1);
}

Test(alerts, a_damaged_message_is_reported_and_does_not_hold_up_the_next)
{
	static const struct condition_certd wrong = { .is_clock_wrong = true };
	static const struct condition_certd worse = { .is_clock_wrong = true, .audit = "altered" };
	_cleanup_alert_ struct alert a = { 0 };
	struct message m = { .condition = NULL };
	char key[QUEUE_KEY_SIZE];
	struct receiver r;
	struct store *store;
	struct store_txn *txn;

	begin(&r, "");
	store = r.run.world.store;
	r.is_down = true;
	look_at_certd(&r, &wrong);
	look_at_certd(&r, &worse);
	load_hook(&r, &a);
	cr_expect_eq(queue_length(store, a.o.id), 2);
	cr_assert_eq(queue_first(store, a.o.id, key, &m, NULL), 1);
	message_clear(&m);
	txn = store_begin(store);
	store_put(txn, STORE_MESSAGE, key, strlen(key), "x", 1);
	store_commit(store);
	r.is_down = false;
	r.run.world.is_peculiar = true;
	run_for(&r, HOUR);
	cr_expect_eq(count_taken(&r), 1);
	cr_expect_str_eq(taken_text(&r, 0, "condition"), "audit");
	cr_expect_eq(queue_length(store, a.o.id), 0);
	cr_expect_eq(run_due(&r.run, SCHEDULE_ALERT, a.o.id), 0);
	end(&r);
}

Test(alerts, a_row_without_messages_or_without_its_destination_ends)
{
	static const char nobody[] = "11111111-1111-4111-8111-111111111111";
	_cleanup_alert_ struct alert a = { 0 };
	struct receiver r;
	struct store *store;

	begin(&r, "");
	store = r.run.world.store;
	load_hook(&r, &a);
	schedule_set(store, store_begin(store), SCHEDULE_ALERT, a.o.id, QUEUE_LANE, world_now(&r.run.world));
	schedule_set(store, store_begin(store), SCHEDULE_ALERT, nobody, QUEUE_LANE, world_now(&r.run.world));
	store_commit(store);
	run_for(&r, MINUTE);
	cr_expect_eq(r.attempts, 0);
	cr_expect_eq(run_due(&r.run, SCHEDULE_ALERT, a.o.id), 0);
	cr_expect_eq(run_due(&r.run, SCHEDULE_ALERT, nobody), 0);
	end(&r);
}

Test(alerts, a_destination_that_fails_is_a_trouble_of_its_row_with_its_name_and_why)
{
	static const struct condition_certd wrong = { .is_clock_wrong = true };
	struct schedule_row row = { .kind = SCHEDULE_ALERT };
	struct job_trouble trouble = { .type = NULL };
	_cleanup_alert_ struct alert a = { 0 };
	struct alerts *alerts;
	struct receiver r;

	begin(&r, "");
	alerts = r.run.world.issue_env.alerts;
	load_hook(&r, &a);
	memcpy(row.object, a.o.id, sizeof(row.object));
	cr_expect_not(alert_job.describe_trouble(alerts, &row, &trouble));
	cr_expect_eq(alert_job.count_troubles(alerts), 0);
	r.is_down = true;
	look_at_certd(&r, &wrong);
	cr_assert(alert_job.describe_trouble(alerts, &row, &trouble));
	cr_expect_str_eq(trouble.type, "alert");
	cr_expect_str_eq(trouble.name, "hook");
	cr_expect(strstr(trouble.why.message, "cannot connect to 'hook.test'"), "%s", trouble.why.message);
	cr_expect_eq(alert_job.count_troubles(alerts), 1);
	job_trouble_clear(&trouble);
	memcpy(row.object, "11111111-1111-4111-8111-111111111111", sizeof(row.object));
	cr_expect_not(alert_job.describe_trouble(alerts, &row, &trouble));
	row.due_at = 1000 + 70 * MINUTE;
	cr_expect_eq(job_due_after_clock_change(&alert_job, alerts, &row, 1000), row.due_at);
	row.due_at = 1001 + 70 * MINUTE;
	cr_expect_lt(job_due_after_clock_change(&alert_job, alerts, &row, 1000), 1000 + 10 * MINUTE);
	end(&r);
}

Test(alerts, a_destination_that_refuses_everything_is_asked_ever_less)
{
	static const struct condition_certd worse = {
		.is_clock_wrong = true, .audit = "altered", .is_disk_full = true
	};
	struct receiver r;
	struct world *w = &r.run.world;
	_cleanup_alert_ struct alert a = { 0 };

	begin(&r, "");
	r.status = 410;
	look_at_certd(&r, &worse);
	run_for(&r, DAY);
	cr_expect_eq(r.attempts, 3 * 3, "%u", r.attempts);
	cr_expect_eq(store_count(w->store, STORE_MESSAGE), 0);
	cr_assert_eq(object_find(w->store, &alert_class, "hook", &a, NULL), 1);
	cr_expect_eq(a.o.state, OBJECT_FAILED, "shown until one is accepted");
	cr_expect_not_null(strstr(a.o.failure.message, "HTTP 410"));
	end(&r);
}

Test(alerts, a_changed_destination_gets_what_waits_at_once)
{
	static const struct condition_certd wrong = { .is_clock_wrong = true };
	struct receiver r;

	begin(&r, "");
	r.status = 500;
	look_at_certd(&r, &wrong);
	run_for(&r, 3 * HOUR);
	r.status = 200;
	cr_assert(world_call(
		&r.run.world, RPC_ALERT_UPDATE, "{'ref':'hook','properties':{'url':'https://hook.test/y'}}"));
	run_for(&r, 5);
	cr_expect_eq(count_taken(&r), 1);
	end(&r);
}

Test(alerts, a_destination_that_is_deleted_takes_its_messages_along)
{
	static const struct condition_certd wrong = { .is_clock_wrong = true };
	static const struct condition_certd well = { .audit = NULL };
	struct receiver r;
	struct world *w = &r.run.world;

	begin(&r, "");
	r.is_down = true;
	look_at_certd(&r, &wrong);
	run_for(&r, MINUTE);
	cr_assert(world_call(w, RPC_ALERT_DELETE, "{'ref':'hook'}"));
	run_for(&r, HOUR);
	cr_expect_eq(store_count(w->store, STORE_MESSAGE), 0);
	look_at_certd(&r, &well);
	cr_expect_eq(store_count(w->store, STORE_MESSAGE), 0);
	end(&r);
}

Test(alerts, a_destination_gets_what_it_wants)
{
	static const struct {
		const char *why, *properties;
		bool gets_late, gets_clock;
	} cases[] = {
		{ "everything", "", true, true },
		{ "only what is critical", ",'minimumSeverity':'critical'", false, true },
		{ "one condition", ",'conditions':['late']", true, false },
		{ "another condition", ",'conditions':['stale','clock']", false, true },
		{ "a label that the certificate has", ",'labels':['x','shop']", true, false },
		{ "a label that it does not have", ",'labels':['x']", false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static const struct condition_certd wrong = { .is_clock_wrong = true };
		struct receiver r;
		struct world *w = &r.run.world;

		begin(&r, cases[i].properties);
		cr_assert(
			world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'labels':['shop']}}"));
		run_for(&r, 10 * DAY);
		world_set_weather(&w->cas[0], WEATHER_NO_NET, 0);
		run_for(&r, 60 * DAY);
		look_at_certd(&r, &wrong);
		cr_expect_eq(count_of(&r, "late", "", "firing"), cases[i].gets_late, "%s", cases[i].why);
		cr_expect_eq(count_of(&r, "clock", "", "firing"), cases[i].gets_clock, "%s", cases[i].why);
		end(&r);
	}
}

/* --- the queue --- */

static void
put_message(struct world *w, const char *alert_id, const char *condition, int number)
{
	struct message m = {
		.id = xasprintf("%d", number),
		.condition = xstrdup(condition),
		.status = xstrdup("firing"),
		.severity = xstrdup("warning"),
	};

	queue_put(w->store, store_begin(w->store), alert_id, &m, world_now(w));
	message_clear(&m);
}

Test(alerts, a_full_queue_keeps_its_length_and_says_how_many_it_stands_for)
{
	struct receiver r;
	struct world *w = &r.run.world;
	char key[QUEUE_KEY_SIZE];
	_cleanup_alert_ struct alert a = { 0 };
	int64_t merged = 0;

	begin(&r, "");
	r.is_down = true;
	cr_assert_eq(object_find(w->store, &alert_class, "hook", &a, NULL), 1);
	for (int i = 0; i < QUEUE_MAX + 50; i++)
		put_message(w, a.o.id, i % 2 ? "late" : "stale", i);
	cr_expect_eq(queue_length(w->store, a.o.id), QUEUE_MAX);
	for (int i = 0; queue_length(w->store, a.o.id); i++) {
		_cleanup_message_ struct message m = { 0 };

		cr_assert_eq(queue_first(w->store, a.o.id, key, &m, NULL), 1);
		if (i == 0)
			cr_expect_str_eq(m.id, "0", "the first may be on its way");
		merged += m.merged;
		queue_remove(store_begin(w->store), key);
	}
	cr_expect_eq(merged, 50);
	queue_forget(w->store, store_begin(w->store), a.o.id);
	end(&r);
}

/* --- mail --- */

struct post {
	struct loop_timer timer;
	mail_done_fn *done;
	void *arg;
	bool is_down;
	unsigned attempts, taken;
	char what[200];
	char text[4000];
};

static void
on_post(void *arg)
{
	struct post *p = arg;
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_NETWORK, "mail server 'mail.test' port 587: Connection refused");
	p->done(p->is_down ? &err : NULL, p->is_down ? "" : "250 2.0.0 Ok: queued as 4XYZ", p->arg);
}

static void *
post_send(void *self, const struct mail_request *req, mail_done_fn *done, void *arg)
{
	struct post *p = self;
	_cleanup_free_ char *to = strlist_join(req->to, " ");

	p->done = done;
	p->arg = arg;
	p->attempts++;
	p->taken += !p->is_down;
	snprintf(p->what, sizeof(p->what), "%s:%s %d %s:%s %s > %s", req->host, req->port, (int)req->security,
		req->user, req->password, req->from, to);
	snprintf(p->text, sizeof(p->text), "%s", buf_str(req->text));
	loop_timer_set(&p->timer, 10);
	return p;
}

static void
post_cancel(void *self, void *handle)
{
	struct post *p = self;

	(void)handle;
	loop_timer_cancel(&p->timer);
}

Test(alerts, a_mail_is_sent_by_the_declared_server_and_waits_for_it)
{
	static const struct mail_ops ops = { .send = post_send, .cancel = post_cancel };
	static const struct condition_certd wrong = { .is_clock_wrong = true };
	static const struct condition_certd well = { .audit = NULL };
	struct post p = { .is_down = true };
	struct mail mail = { .ops = &ops, .self = &p };
	struct receiver r;
	struct world *w = &r.run.world;

	begin(&r, ",'conditions':['stale']");
	w->alert_mail = &mail;
	world_stop(w);
	world_start(w);
	loop_timer_init(&p.timer, w->loop, on_post, &p);
	cr_assert(world_call(w, RPC_ALERT_CREATE,
		"{'properties':{'name':'ops','kind':'mail','to':['a@x.test','b@x.test'],'from':'certd@x.test',"
		"'server':'mail.test','user':'me','password':'secret\\n'}}"));
	look_at_certd(&r, &wrong);
	run_for(&r, HOUR);
	cr_expect_geq(p.attempts, 4);
	look_at_certd(&r, &well);
	p.is_down = false;
	run_for(&r, 2 * HOUR);
	cr_expect_eq(p.taken, 2, "its begin, and its end");
	cr_expect_str_eq(p.what, "mail.test:587 0 me:secret certd@x.test > a@x.test b@x.test");
	cr_expect_not_null(strstr(p.text, "Subject: [resolved] clock is wrong\r\n"));
	cr_expect_not_null(strstr(p.text, "In-Reply-To: <"));
	end(&r);
}

/* --- test messages --- */

struct outcome {
	unsigned calls;
	bool is_failure;
	char words[300];
};

static void
on_tested(const struct error *err, const char *answer, void *arg)
{
	struct outcome *o = arg;

	o->calls++;
	o->is_failure = err != NULL;
	snprintf(o->words, sizeof(o->words), "%s", err ? err->message : answer);
}

Test(alerts, a_test_message_is_sent_at_once_and_its_answer_is_told)
{
	struct receiver r;
	struct world *w = &r.run.world;
	struct outcome o = { 0 };
	_cleanup_alert_ struct alert a = { 0 };

	begin(&r, "");
	cr_assert_eq(object_find(w->store, &alert_class, "hook", &a, NULL), 1);
	alerts_test(w->issue_env.alerts, &a, on_tested, &o);
	run_for(&r, 1);
	cr_expect_eq(o.calls, 1);
	cr_expect_str_eq(o.words, "HTTP 200: noted");
	cr_expect_str_eq(taken_text(&r, 0, "status"), "test");
	r.status = 403;
	alerts_test(w->issue_env.alerts, &a, on_tested, &o);
	run_for(&r, 1);
	cr_expect(o.is_failure);
	cr_expect_not_null(strstr(o.words, "HTTP 403: noted"), "%s", o.words);
	alerts_test(w->issue_env.alerts, &a, on_tested, &o);
	world_stop(w);
	cr_expect_eq(o.calls, 3, "a test in progress ends with certd");
	cr_expect_not_null(strstr(o.words, "stopping"));
	end(&r);
}

/* A condition of certd itself is listed first, and counted, although no record of it can be stored. */
static void
expect_listed(const struct alerts *alerts, const char *word)
{
	size_t count = 0;
	_cleanup_json_ struct json_object *items = alerts_list(alerts, 20, &count);

	cr_assert_gt(count, 0);
	cr_expect_eq(json_object_array_length(items), count, "%zu", count);
	cr_expect_str_eq(json_object_get_string(json_path(json_object_array_get_idx(items, 0), "condition")), word);
}

Test(alerts, the_state_of_the_store_is_looked_at_each_minute)
{
	struct receiver r;
	struct world *w = &r.run.world;
	_cleanup_free_ char *before = NULL;
	_cleanup_free_ char *during = NULL;
	_cleanup_free_ char *after = NULL;
	char host[HOST_NAME_MAX + 1] = "";

	begin(&r, ",'conditions':['store']");
	alerts_start(w->issue_env.alerts, NULL);
	run_for(&r, HOUR);
	before = alerts_trouble(w->issue_env.alerts);
	cr_expect_null(before, "%s", before);
	world_set_disk_full(w, true);
	run_for(&r, 60 * DAY); /* renewals are due, and cannot be stored */
	during = alerts_trouble(w->issue_env.alerts);
	cr_expect(during && strstr(during, "cannot be written"), "%s", during ? during : "");
	expect_listed(w->issue_env.alerts, "store");
	expect_once(&r, "store", "critical", "firing");
	cr_assert_eq(gethostname(host, sizeof(host) - 1), 0);
	cr_expect_str_eq(taken_text(&r, 0, "host"), host);
	world_set_disk_full(w, false);
	run_for(&r, HOUR);
	after = alerts_trouble(w->issue_env.alerts);
	cr_expect_null(after, "%s", after);
	expect_once(&r, "store", "critical", "resolved");
	end(&r);
}
