/*
 * 50 certificates at one zone at once, through an API that replaces whole record sets, and through one that replaces
 * the whole zone: each change reads and writes back, so that changes which overlap would lose values. The APIs are
 * played; the zone is a real name server's.
 */
#include "common/json.h"
#include "daemon/base/clock.h"
#include "daemon/base/http.h"
#include "daemon/base/loop.h"
#include "daemon/challenge/solver_private.h"
#include "daemon/schedule/schedule.h"
#include "tests/unit/challenge/dns_daemon.h"
#include "tests/unit/challenge/rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define THUMBPRINT "9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
#define FOREIGN "of-another-program"

enum { MANY = 50, OWNERS = 5, LONG_MS = 60000, STEP_MS = 20, LATENCIES_MS = 4 };

struct call {
	struct call *prev, *next;
	struct api *api;
	struct loop_timer timer;
	struct http_response res;
	http_done_fn *done;
	void *arg;
};

/* Gandi's LiveDNS, where a set that does not exist has no values, or Namecheap. */
struct api {
	struct http http;
	bool is_namecheap;
	struct loop *loop;
	struct strlist sets[OWNERS]; /* with quotes */
	struct call *calls;
	unsigned n_calls;
};

struct fixture {
	struct dns_daemon daemon;
	struct rig rig;
	struct api api;
	struct autocert autocert;
};

struct challenge {
	struct acme_authorization authz;
	struct result result;
	struct solve *solve;
};

/* --- the API --- */

static void
call_free(struct call *call)
{
	DL_DELETE(call->api->calls, call);
	loop_timer_cancel(&call->timer);
	http_response_clear(&call->res);
	free(call);
}

static void
api_answer(void *arg)
{
	struct call *call = arg;
	http_done_fn *done = call->done;
	struct http_response res = call->res;
	void *done_arg = call->arg;

	call->res = (struct http_response){ 0 };
	call_free(call);
	done(&res, NULL, done_arg);
	http_response_clear(&res);
}

static void
api_replace(struct strlist *set, const struct http_request *req)
{
	_cleanup_json_ struct json_object *body = json_parse(req->body, req->body_len, NULL);
	struct json_object *values = json_path(body, "rrset_values");

	cr_assert_not_null(values, "%.*s", (int)req->body_len, (const char *)req->body);
	strlist_clear(set);
	for (size_t i = 0; i < json_object_array_length(values); i++)
		strlist_add(set, json_object_get_string(json_object_array_get_idx(values, i)));
}

static void
api_show(const struct strlist *set, struct http_response *res)
{
	_cleanup_json_ struct json_object *body = json_object_new_object();

	json_add_strlist(body, "rrset_values", set);
	json_add_int(body, "rrset_ttl", 300);
	json_write(body, &res->body);
}

/* The values of all owners are in the form. */
static void
api_replace_zone(struct api *api, const char *form)
{
	for (size_t i = 0; i < OWNERS; i++)
		strlist_clear(&api->sets[i]);
	while ((form = strstr(form, "=_acme-challenge.n"))) {
		const char *address = strstr(form, "&Address");
		size_t owner = strtoul(form + strlen("=_acme-challenge.n"), NULL, 10);

		cr_assert(address && owner < OWNERS);
		address = strchr(address, '=') + 1;
		strlist_take(&api->sets[owner], xstrndup(address, strcspn(address, "&")));
		form = address;
	}
}

static void
api_show_zone(const struct api *api, struct http_response *res)
{
	buf_add_str(&res->body, "<ApiResponse Status=\"OK\"><CommandResponse><DomainDNSGetHostsResult "
				"Domain=\"example.test\" IsUsingOurDNS=\"true\">");
	for (size_t i = 0; i < OWNERS; i++)
		for (size_t j = 0; j < api->sets[i].count; j++)
			buf_printf(&res->body,
				"<host Name=\"_acme-challenge.n%zu\" Type=\"TXT\" Address=\"%s\" TTL=\"60\"/>", i,
				api->sets[i].items[j]);
	buf_add_str(&res->body, "</DomainDNSGetHostsResult></CommandResponse></ApiResponse>");
}

static void
api_take_namecheap(struct api *api, const struct http_request *req, struct http_response *res)
{
	_cleanup_free_ char *form = xstrndup(req->body, req->body_len);

	if (strstr(form, "Command=namecheap.domains.dns.setHosts&")) {
		api_replace_zone(api, form);
		buf_add_str(&res->body, "<ApiResponse Status=\"OK\"><CommandResponse><DomainDNSSetHostsResult "
					"IsSuccess=\"true\"/></CommandResponse></ApiResponse>");
	} else {
		cr_assert(strstr(form, "Command=namecheap.domains.dns.getHosts&SLD=example&TLD=test"), "%s", form);
		api_show_zone(api, res);
	}
}

/* Carried out when it arrives, whatever becomes of the answer. */
static void *
api_take(void *self, const struct http_request *req, http_done_fn *done, void *arg)
{
	struct api *api = self;
	struct call *call = xcalloc(1, sizeof(*call));
	const char *owner = strstr(req->url, "/_acme-challenge.n");
	struct strlist *set = owner ? &api->sets[strtoul(owner + strlen("/_acme-challenge.n"), NULL, 10)] : NULL;

	*call = (struct call){ .api = api, .done = done, .arg = arg };
	call->res.status = 200;
	call->res.content_type = xstrdup("application/json");
	if (api->is_namecheap)
		api_take_namecheap(api, req, &call->res);
	else if (!set)
		buf_add_str(&call->res.body, "[{\"fqdn\":\"example.test\"}]");
	else if (strcmp(req->method, "PUT") == 0)
		api_replace(set, req);
	else if (strcmp(req->method, "DELETE") == 0)
		strlist_clear(set);
	else if (set->count)
		api_show(set, &call->res);
	else
		call->res.status = 404;
	DL_APPEND(api->calls, call);
	loop_timer_init(&call->timer, api->loop, api_answer, call);
	loop_timer_set(&call->timer, 1 + api->n_calls++ % LATENCIES_MS);
	return call;
}

static void
api_forget(void *self _unused_, void *handle)
{
	call_free(handle);
}

/* --- the fixture --- */

static void
setup(struct fixture *f, const char *kind)
{
	static const struct http_ops ops = { api_take, api_forget };
	_cleanup_dnsprovider_ struct dnsprovider d = { .o.name = xstrdup("service"), .kind = xstrdup(kind) };
	struct store *store;

	*f = (struct fixture){ 0 };
	dns_daemon_start(&f->daemon, DNS_DAEMON_KNOT);
	rig_init(&f->rig, f->daemon.server);
	f->api.http = (struct http){ &ops, &f->api };
	f->api.is_namecheap = strcmp(kind, "namecheap") == 0;
	f->api.loop = f->rig.env.loop;
	f->rig.env.http = &f->api.http;
	rig_restart(&f->rig);
	for (size_t i = 0; i < OWNERS; i++)
		strlist_add(&f->api.sets[i], FOREIGN);
	/* Its name servers do not get the records. */
	strlist_add(&d.zones, "example.test");
	strlist_add(&d.nameservers, f->daemon.server);
	if (f->api.is_namecheap) {
		setting_put(&d.settings, "apiUser", "me");
		setting_put(&d.settings, "clientIp", "192.0.2.1");
	}
	setting_put_secret(&d.secrets, f->api.is_namecheap ? "apiKey" : "token", "tok", 3);
	d.propagation_timeout = 30;
	d.validate_unseen = true;
	store = f->rig.store.store;
	cr_assert_eq(object_save(store, store_begin(store), &dnsprovider_class, &d, NULL), 0);
	store_commit(store);
}

static void
teardown(struct fixture *f)
{
	rig_clear(&f->rig);
	for (size_t i = 0; i < OWNERS; i++)
		strlist_clear(&f->api.sets[i]);
	dns_daemon_stop(&f->daemon);
}

static void
begin(struct fixture *f, struct challenge *c, size_t i)
{
	struct solver_request request = { .autocert = &f->autocert, .authz = &c->authz, .thumbprint = THUMBPRINT };
	_cleanup_free_ char *name = xasprintf("n%zu.example.test", i % OWNERS);
	_cleanup_free_ char *token = xasprintf("token-of-certificate-%04zu", i);

	memset(c, 0, sizeof(*c));
	authz_init(&c->authz, name, false, "dns-01", token);
	c->solve = solver_start(f->rig.solver, &request, note_done, note_progress, &c->result);
}

static void
end(struct challenge *c)
{
	solver_stop(c->solve);
	acme_authorization_clear(&c->authz);
	result_clear(&c->result);
}

static size_t
count_values(const struct fixture *f)
{
	size_t count = 0;

	for (size_t i = 0; i < OWNERS; i++)
		count += f->api.sets[i].count;
	return count;
}

static void
expect_only_foreign(const struct fixture *f, const char *when)
{
	for (size_t i = 0; i < OWNERS; i++) {
		cr_expect_eq(f->api.sets[i].count, 1, "%s: %zu values at n%zu", when, f->api.sets[i].count, i);
		cr_expect(strlist_has(&f->api.sets[i], FOREIGN), "%s", when);
	}
	cr_expect_eq(store_count(f->rig.store.store, STORE_CLEANUP), 0, "%s", when);
}

static void
add_and_remove_all(const char *kind)
{
	static struct challenge all[MANY];
	struct fixture f;

	setup(&f, kind);
	for (size_t i = 0; i < MANY; i++)
		begin(&f, &all[i], i);
	for (int64_t ms = 0; ms < LONG_MS && count_values(&f) < MANY + OWNERS; ms += STEP_MS)
		rig_run_ms(&f.rig, STEP_MS);
	cr_expect_eq(count_values(&f), MANY + OWNERS, "a value is lost");
	for (size_t i = 0; i < MANY; i++)
		end(&all[i]);
	for (int64_t ms = 0; ms < LONG_MS && store_count(f.rig.store.store, STORE_CLEANUP); ms += STEP_MS)
		rig_run_ms(&f.rig, STEP_MS);
	expect_only_foreign(&f, kind);
	teardown(&f);
}

Test(record_sets, of_50_certificates_at_once_no_value_is_lost_and_none_is_left, .timeout = 120)
{
	add_and_remove_all("gandi");
}

Test(record_sets, nor_where_each_change_writes_the_whole_zone, .timeout = 120)
{
	add_and_remove_all("namecheap");
}

/* --- a kill at any time --- */

static void
on_removed(bool is_stored _unused_, void *arg _unused_)
{
}

/* What the scheduler does at the next start, when the rows are due. */
static void
remove_all(struct fixture *f)
{
	struct schedule_row row = { .kind = SCHEDULE_CLEANUP };

	while (schedule_next_of_kind(f->rig.store.store, row.kind, row.object, NULL) == 1)
		cleanup_job.start(f->rig.solver, &row, on_removed, NULL);
	for (int64_t ms = 0; ms < LONG_MS && store_count(f->rig.store.store, STORE_CLEANUP); ms += STEP_MS)
		rig_run_ms(&f->rig, STEP_MS);
}

static void
kill_at_points(const char *kind)
{
	/* After so many values were added; the last one: while they are being removed. */
	static const size_t points[] = { 0, 1, MANY / 2, MANY, MANY + 1 };

	for (size_t p = 0; p < ARRAY_SIZE(points); p++) {
		static struct challenge all[MANY];
		struct fixture f;
		struct rig_remains remains;
		_cleanup_free_ char *when = xasprintf("%s killed after %zu", kind, points[p]);
		size_t wanted = OWNERS + (points[p] < MANY ? points[p] : MANY);

		setup(&f, kind);
		for (size_t i = 0; i < MANY; i++)
			begin(&f, &all[i], i);
		for (int64_t ms = 0; ms < LONG_MS && count_values(&f) < wanted; ms++)
			rig_run_ms(&f.rig, 1);
		cr_assert_geq(count_values(&f), wanted, "%s", when);
		if (points[p] > MANY) {
			for (size_t i = 0; i < MANY; i++)
				solver_stop(all[i].solve);
			rig_run_ms(&f.rig, STEP_MS);
		}
		rig_kill(&f.rig, f.daemon.server, &remains);
		f.api.loop = f.rig.env.loop;
		remove_all(&f);
		expect_only_foreign(&f, when);
		for (size_t i = 0; i < MANY; i++) {
			if (points[p] > MANY)
				all[i].solve = NULL;
			end(&all[i]);
		}
		rig_bury(&remains);
		teardown(&f);
	}
}

Test(record_sets, what_a_kill_leaves_of_50_certificates_is_removed_by_the_next_start, .timeout = 240)
{
	kill_at_points("gandi");
	kill_at_points("namecheap");
}
