/* Cloudflare and PowerDNS by script, and the parts of http_api that they do not use, with APIs made up for the test. */
#include "tests/unit/dnsprovider/script.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <string.h>

#define CF "https://api.cloudflare.com/client/v4"
#define CF_ZONES "{\"success\":true,\"result\":[{\"id\":\"z1\",\"name\":\"example.com\"}]}"
#define CF_RECORD(id, content) \
	"{\"id\":\"" id "\",\"type\":\"TXT\",\"name\":\"_acme-challenge.example.com\",\"content\":\"" content "\"}"
#define CF_NAMED(id, type, name) "{\"id\":\"" id "\",\"type\":\"" type "\",\"name\":\"" name "\",\"content\":\"v1\"}"
#define CF_RECORDS(list) "{\"success\":true,\"result\":[" list "]}"
#define PDNS "http://127.0.0.1:8081/api/v1/servers/localhost"
#define PDNS_KEY .header = "X-API-Key: tok"
#define PDNS_ZONES "[{\"id\":\"example.com.\",\"name\":\"example.com.\",\"kind\":\"Native\"}]"
#define PDNS_SET(kind, records) \
	"{\"name\":\"example.com.\",\"kind\":\"" kind "\",\"rrsets\":[{\"name\":\"example.com.\",\"type\":\"TXT\"," \
	"\"ttl\":1,\"records\":[{\"content\":\"\\\"x\\\"\"}]},{\"name\":\"_acme-challenge.example.com.\"," \
	"\"type\":\"TXT\",\"ttl\":300,\"records\":[" records "]}]}"
#define PDNS_RECORD(content) "{\"content\":\"\\\"" content "\\\"\",\"disabled\":false}"
#define PDNS_SENT(ttl, type, records) \
	"{\"rrsets\":[{\"name\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"ttl\":" ttl \
	",\"changetype\":\"" type "\",\"records\":[" records "]}]}"
#define PDNS_GET "GET /zones/example.com.?rrset_name=_acme-challenge.example.com.&rrset_type=TXT"

struct change_case {
	const char *kind;
	const char *endpoint;
	bool is_removal;
	const char *zone;
	struct turn turns[8];
};

static const struct change_case changes[] = {
	{ "cloudflare", CF, false, "example.com",
		{ { .call = "GET /zones?name=example.com&page=1&per_page=50", 200, CF_ZONES },
			{ .call = "GET /zones/z1/dns_records?type=TXT&name=_acme-challenge.example.com&page=1"
				  "&per_page=50",
				200,
				CF_RECORDS(CF_RECORD("r2", "\\\"v2\\\"")) },
			{ .call = "POST /zones/z1/dns_records",
				200,
				"{\"result\":{\"id\":\"r1\"}}",
				.sent = "{\"type\":\"TXT\",\"name\":\"_acme-challenge.example.com\","
					"\"content\":\"\\\"v1\\\"\",\"ttl\":60}" } } },
	/* The zone is not known: all are listed. The value is there. */
	{ "cloudflare", CF, false, NULL,
		{ { .call = "GET /zones?page=1&per_page=50", 200, CF_ZONES },
			{ .call = "GET /zones/z1/dns_records", 200, CF_RECORDS(CF_RECORD("r1", "\\\"v1\\\"")) } } },
	{ "cloudflare", CF, true, "example.com",
		{ { .call = "GET /zones", 200, CF_ZONES },
			{ .call = "GET /zones/z1/dns_records",
				200,
				CF_RECORDS(CF_RECORD("r1", "v1") "," CF_RECORD("r2", "\\\"v2\\\"")) },
			{ .call = "DELETE /zones/z1/dns_records/r1", 200, "{}" } } },
	/* Names in any case, with a final dot or without, and only of TXT records. */
	{ "cloudflare", CF, true, "example.com",
		{ { .call = "GET /zones", 200, CF_ZONES },
			{ .call = "GET /zones/z1/dns_records",
				200,
				CF_RECORDS(CF_NAMED("r1", "TXT", "_acme-challenge.example.com.") "," CF_NAMED(
					"r2", "TXT", "_ACME-Challenge.example.com") "," CF_NAMED("r3", "TXT",
					"x_acme-challenge.example.com") "," CF_NAMED("r4", "TXT",
					"_acme-challenge.example.co") "," CF_NAMED("r5", "TXT", "") "," CF_NAMED("r6",
					"TXT", "@") "," CF_NAMED("r7", "A", "_acme-challenge.example.com")) },
			{ .call = "DELETE /zones/z1/dns_records/r2", 200, "{}" },
			{ .call = "DELETE /zones/z1/dns_records/r1", 200, "{}" } } },
	{ "powerdns", PDNS, false, "example.com",
		{ { .call = "GET /zones?zone=example.com.", 200, PDNS_ZONES, PDNS_KEY },
			{ .call = PDNS_GET, 200, PDNS_SET("Native", PDNS_RECORD("v2")), PDNS_KEY },
			{ .call = "PATCH /zones/example.com.",
				204,
				"",
				PDNS_KEY,
				.sent = PDNS_SENT("300", "REPLACE", PDNS_RECORD("v2") "," PDNS_RECORD("v1")) } } },
	/* A primary server notifies its secondaries; a lost answer makes the task look again. */
	{ "powerdns", PDNS, false, "example.com",
		{ { .call = "GET /zones?zone=example.com.", 200, PDNS_ZONES, PDNS_KEY },
			{ .call = PDNS_GET, 200, "{\"kind\":\"Master\",\"rrsets\":[]}", PDNS_KEY },
			{ .call = "PATCH /zones/example.com.",
				0,
				NULL,
				PDNS_KEY,
				.sent = PDNS_SENT("60", "REPLACE", PDNS_RECORD("v1")) },
			{ .call = "GET /zones?zone=example.com.", 200, PDNS_ZONES, PDNS_KEY },
			{ .call = PDNS_GET, 200, "{\"kind\":\"Master\",\"rrsets\":[]}", PDNS_KEY },
			{ .call = "PATCH /zones/example.com.", 204, "", PDNS_KEY },
			{ .call = "PUT /zones/example.com./notify",
				200,
				"{\"result\":\"Notification queued\"}",
				PDNS_KEY } } },
	{ "powerdns", PDNS, true, "example.com",
		{ { .call = "GET /zones?zone=example.com.", 200, PDNS_ZONES, PDNS_KEY },
			{ .call = PDNS_GET,
				200,
				PDNS_SET("Native", PDNS_RECORD("v1") "," PDNS_RECORD("v2")),
				PDNS_KEY },
			{ .call = "PATCH /zones/example.com.",
				204,
				"",
				PDNS_KEY,
				.sent = PDNS_SENT("300", "REPLACE", PDNS_RECORD("v2")) } } },
	{ "powerdns", PDNS, true, "example.com",
		{ { .call = "GET /zones?zone=example.com.", 200, PDNS_ZONES, PDNS_KEY },
			{ .call = PDNS_GET, 200, PDNS_SET("Native", PDNS_RECORD("v1")), PDNS_KEY },
			{ .call = "PATCH /zones/example.com.",
				204,
				"",
				PDNS_KEY,
				.sent = PDNS_SENT("300", "DELETE", "") } } },
	{ "powerdns", PDNS, true, "example.com",
		{ { .call = "GET /zones?zone=example.com.", 200, PDNS_ZONES, PDNS_KEY },
			{ .call = PDNS_GET, 200, "{\"kind\":\"Native\",\"rrsets\":[]}", PDNS_KEY } } },
};

Test(dns_apis, cloudflare_and_powerdns_change_only_their_own_value)
{
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct script s;

		script_setup(&s, changes[i].kind, changes[i].endpoint, changes[i].turns);
		script_change(&s, changes[i].is_removal, changes[i].zone);
		script_run(&s);
		cr_expect_eq(s.error.code, ERROR_NONE, "%zu: %s", i, s.error.message);
		script_teardown(&s);
	}
}

static void
on_zones(const struct strlist *zones, const struct error *err, void *arg)
{
	struct script *s = arg;

	s->n_done++;
	cr_assert_null(err);
	cr_expect_eq(zones->count, 2);
	cr_expect_str_eq(zones->items[0], "example.com");
	cr_expect_str_eq(zones->items[1], "example.net");
}

Test(dns_apis, all_zones_are_listed)
{
	static const struct turn cloudflare[] = {
		{ .call = "GET /zones?page=1&per_page=50",
			200,
			"{\"result\":[{\"id\":\"z1\",\"name\":\"example.com\"},"
			"{\"id\":\"z2\",\"name\":\"Example.NET\"}]}" },
		{ .call = NULL },
	};
	static const struct turn powerdns[] = {
		{ .call = "GET /zones", 200, "[{\"name\":\"example.com.\"},{\"name\":\"example.net.\"}]", PDNS_KEY },
		{ .call = NULL },
	};
	struct script s;

	script_setup(&s, "cloudflare", CF, cloudflare);
	http_api_list_zones(&s.env, &s.d, on_zones, &s);
	script_run(&s);
	script_teardown(&s);
	script_setup(&s, "powerdns", PDNS, powerdns);
	http_api_list_zones(&s.env, &s.d, on_zones, &s);
	script_run(&s);
	script_teardown(&s);
}

Test(dns_apis, refusals_repeat_the_words_of_the_api)
{
	static const struct {
		const char *kind;
		const char *endpoint;
		const char *words;
		struct turn turns[3];
	} cases[] = {
		{ "cloudflare", CF, "Cloudflare: the token is refused (HTTP 403: Invalid token)",
			{ { .call = "GET /zones",
				403,
				"{\"success\":false,\"errors\":[{\"code\":9109,\"message\":\"Invalid token\"}]}" } } },
		{ "cloudflare", CF, "Cloudflare: the account has no zone 'example.com'",
			{ { .call = "GET /zones", 200, CF_RECORDS("") } } },
		{ "powerdns", PDNS, "PowerDNS: the token is refused (HTTP 401: Unauthorized)",
			{ { .call = "GET /zones",
				401,
				"Unauthorized",
				PDNS_KEY,
				.type = "text/plain; charset=utf-8" } } },
		{ "powerdns", PDNS, "HTTP 422: Record is not canonical",
			{ { .call = "GET /zones", 200, PDNS_ZONES, PDNS_KEY },
				{ .call = "GET /zones/", 422, "{\"error\":\"Record is not canonical\"}", PDNS_KEY } } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct script s;

		script_setup(&s, cases[i].kind, cases[i].endpoint, cases[i].turns);
		script_change(&s, false, "example.com");
		script_run(&s);
		cr_expect_not_null(strstr(s.error.message, cases[i].words), "%s", s.error.message);
		script_teardown(&s);
	}
}

Test(dns_apis, pages_for_people_are_not_repeated)
{
	static const struct turn turns[] = {
		{ .call = "GET /zones", 400, "<html>Bad Request", PDNS_KEY, .type = "text/html" }, { .call = NULL }
	};
	struct script s;

	script_setup(&s, "powerdns", PDNS, turns);
	script_change(&s, false, "example.com");
	script_run(&s);
	cr_expect_not_null(strstr(s.error.message, "HTTP 400"), "%s", s.error.message);
	cr_expect_null(strstr(s.error.message, "html"), "%s", s.error.message);
	script_teardown(&s);
}

/* --- accounts of acme-dns --- */

#define ACME_DNS "https://auth.example.org"

static void
setup_acmedns(struct script *s, const struct turn *turns)
{
	script_setup(s, "acmedns", ACME_DNS, turns);
	setting_put(&s->d.settings, "endpoint", ACME_DNS);
	setting_put_secret(&s->d.secrets, "token", "", 0);
	s->header = "none";
}

static void
on_account(struct dnsprovider_account *account, const struct error *err, void *arg)
{
	struct script *s = arg;

	script_on_done(err, s);
	cr_assert_eq(account != NULL, err == NULL);
	if (err)
		return;
	str_replace(&s->d.account_name, account->name);
	str_replace(&s->d.account_domain, account->domain);
	secret_copy(&s->d.account_password, &account->password);
}

Test(dns_apis, an_account_is_registered_once_and_used)
{
	static const struct turn sign_up[] = {
		{ .call = "POST /register",
			201,
			"{\"username\":\"u-1\",\"password\":\"p_1\",\"fulldomain\":\"A0.auth.example.org\","
			"\"subdomain\":\"a0\",\"allowfrom\":[]}" },
		{ .call = NULL },
	};
	static const struct turn update[] = {
		{ .call = "POST /update",
			200,
			"{\"txt\":\"v1\"}",
			.header = "X-Api-User: u-1",
			.sent = "{\"subdomain\":\"_acme-challenge\",\"txt\":\"v1\"}" },
		{ .call = NULL },
	};
	struct script s;

	setup_acmedns(&s, sign_up);
	cr_expect(dnsprovider_needs_account(&s.d));
	dnsprovider_driver("acmedns")->sign_up(&s.env, &s.d, on_account, &s);
	script_run(&s);
	cr_expect_eq(s.error.code, ERROR_NONE, "%s", s.error.message);
	cr_assert_str_eq(s.d.account_domain, "a0.auth.example.org");
	cr_assert_eq(s.d.account_password.len, 3);
	cr_expect_eq(memcmp(s.d.account_password.data, "p_1", 3), 0);
	cr_expect_not(dnsprovider_needs_account(&s.d));
	str_replace(&s.d.account_domain, "_acme-challenge.example.com"); /* the name that the script changes */
	s.turns = update;
	s.at = 0;
	s.n_done = 0;
	script_change(&s, false, NULL);
	script_run(&s);
	cr_expect_eq(s.error.code, ERROR_NONE, "%s", s.error.message);
	str_replace(&s.d.account_domain, "a1.auth.example.org");
	s.at = 1;
	s.n_done = 0;
	script_change(&s, false, NULL);
	script_run(&s);
	cr_expect_not_null(strstr(s.error.message, "publish: _acme-challenge.example.com. CNAME a1.auth.example.org."),
		"%s", s.error.message);
	script_teardown(&s);
}

Test(dns_apis, a_registration_that_fails_is_not_repeated)
{
#define ACCOUNT(user, password, domain) \
	"{\"username\":\"" user "\",\"password\":\"" password "\",\"fulldomain\":\"" domain "\"}"
	static const struct {
		int status;
		const char *body;
		const char *words;
	} cases[] = {
		{ 500, "{\"error\":\"db_error\"}", "acme-dns: POST /register: HTTP 500: db_error" },
		{ 0, NULL, "reset" },
		{ 401, "{\"error\":\"forbidden\"}", "forbidden" },
		{ 201, "{}", "no usable name or password" },
		{ 201, "<html>", "POST /register" },
		{ 201, ACCOUNT("u", "", "a.example"), "no usable name or password" },
		{ 201, ACCOUNT("u\\r\\nX: y", "p", "a.example"), "no usable name or password" },
		{ 201, ACCOUNT("u", "p p", "a.example"), "no usable name or password" },
		{ 201, ACCOUNT("u", "p", "a..example"), "the account that it returned" },
		{ 201, ACCOUNT("u", "p", ""), "the account that it returned" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct turn turns[] = { { .call = "POST /register", cases[i].status, cases[i].body },
			{ .call = NULL } };
		struct script s;

		setup_acmedns(&s, turns);
		dnsprovider_driver("acmedns")->sign_up(&s.env, &s.d, on_account, &s);
		script_run(&s);
		cr_assert_neq(s.error.code, ERROR_NONE, "%zu", i);
		cr_expect_not_null(strstr(s.error.message, cases[i].words), "%zu: %s", i, s.error.message);
		cr_expect_null(s.d.account_domain);
		script_teardown(&s);
	}
}

Test(dns_apis, an_account_is_declared_whole_or_not_at_all)
{
	static const struct {
		const char *username, *subdomain, *token;
		const char *field; /* NULL: fine */
	} cases[] = {
		{ NULL, NULL, NULL, NULL },
		{ "u", "s", "t", NULL },
		{ "u", NULL, "t", "subdomain" },
		{ NULL, "s", "t", "username" },
		{ "u", "s", NULL, "token" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_dnsprovider_ struct dnsprovider d = { .kind = xstrdup("acmedns") };
		_cleanup_error_ struct error err = ERROR_INIT;
		int rc;

		setting_put(&d.settings, "endpoint", ACME_DNS);
		setting_put(&d.settings, "username", cases[i].username);
		setting_put(&d.settings, "subdomain", cases[i].subdomain);
		if (cases[i].token)
			setting_put_secret(&d.secrets, "token", cases[i].token, strlen(cases[i].token));
		rc = dnsprovider_check(&d, &err);
		cr_expect_eq(rc, cases[i].field ? -1 : 0, "%zu: %s", i, err.message);
		if (cases[i].field && rc < 0)
			cr_expect_str_eq(err.field, cases[i].field, "%zu", i);
		cr_expect_eq(dnsprovider_needs_account(&d), !cases[i].username, "%zu", i);
	}
}

/* --- APIs made up --- */

#define MADE_UP "https://dns.de-fra.ionos.com" /* the endpoint of the kind that the provider claims to be */
#define ZONE "{\"zone\":\"example.com\",\"id\":7}"
#define OTHER "{\"zone\":\"example.net\",\"id\":8}"

static void
run_made_up(const struct http_api *api, const struct turn *turns, struct script *s)
{
	struct dnsprovider_record record = { .name = "_acme-challenge.example.com", .value = "v 1&" };

	script_setup(s, "ionoscloud", MADE_UP, turns);
	http_api_start(api, &s->env, &s->d, false, &record, script_on_done, s);
	script_run(s);
}

static void
expect_made_up(const struct http_api *api, const struct turn *turns, const char *words)
{
	struct script s;

	run_made_up(api, turns, &s);
	cr_expect_eq(s.error.code != ERROR_NONE, words != NULL, "%s", s.error.message);
	if (words && s.error.message)
		cr_expect_not_null(strstr(s.error.message, words), "%s", s.error.message);
	script_teardown(&s);
}

static int
post_form(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	http_api_send(task, "POST",
		http_api_form((const char *const[]){ "name", task->name, "content", task->value, NULL }), http_api_end,
		"/%s/add", task->zone_id);
	return 0;
}

static int
post_xml(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	http_api_send(task, "POST", http_api_xml(xasprintf("<add>%s</add>", task->name)), http_api_end, "/%s/add",
		task->zone_id);
	return 0;
}

static int
key_pair(const struct http_api_task *task, struct http_request *req, struct error *err _unused_)
{
	http_api_add_header(req, "X-Auth-Key: ", http_api_secret(task, "token"));
	strlist_add(&req->headers, "X-Auth-Email: ops@example.com");
	return 0;
}

static int
basic(const struct http_api_task *task, struct http_request *req, struct error *err _unused_)
{
	http_api_add_basic(req, "ops", http_api_secret(task, "token"));
	return 0;
}

Test(dns_apis, pages_are_followed_by_cursor)
{
	static const struct http_api api = {
		.name = "Cursor",
		.auth = basic,
		.paging = { HTTP_API_CURSOR, .items = "zones", .position = "after", .size_name = "limit", .size = 1,
			.cursor = "meta.next" },
		.zones = { "/zones", .name = "zone", .id = "id" },
		.change = post_form,
		.reason = "error",
	};
#define BASIC .header = "Authorization: Basic b3BzOnRvaw=="
	static const struct turn good[] = {
		{ .call = "GET /zones?limit=1", 200, "{\"zones\":[" OTHER "],\"meta\":{\"next\":\"a=b\"}}", BASIC },
		{ .call = "GET /zones?after=a%3Db&limit=1",
			200,
			"{\"zones\":[" ZONE "],\"meta\":{\"next\":null}}",
			BASIC },
		{ .call = "POST /7/add", 200, "", BASIC, .sent = "name=_acme-challenge.example.com&content=v%201%26" },
		{ .call = NULL },
	};
	static const struct turn bad[] = { { .call = "GET /zones", 200, "{\"zones\":{}}", BASIC }, { .call = NULL } };
	struct turn endless[202] = { { .call = NULL } };

	expect_made_up(&api, good, NULL);
	expect_made_up(&api, bad, "not a list");
	for (size_t i = 0; i < 200; i++)
		endless[i] = (struct turn){
			.call = "GET /zones", 200, "{\"zones\":[],\"meta\":{\"next\":\"x\"}}", BASIC
		};
	expect_made_up(&api, endless, "more than 200 pages");
}

Test(dns_apis, pages_are_followed_by_link_only_within_the_api)
{
	static const struct http_api api = {
		.name = "Link",
		.auth = key_pair,
		.paging = { .kind = HTTP_API_LINK },
		.zones = { "/zones", .name = "zone", .id = "id" },
		.change = post_xml,
		.reason = "error",
	};
#define KEY .header = "X-Auth-Key: tok"
	static const struct turn good[] = {
		{ .call = "GET /zones",
			200,
			"[" OTHER "]",
			KEY,
			.link = "<" MADE_UP "/zones>; rel=\"first\", <" MADE_UP "/zones?page=2>; rel=\"next\"" },
		{ .call = "GET /zones?page=2", 200, "[" ZONE "]", .header = "X-Auth-Email: ops@example.com" },
		{ .call = "POST /7/add", 200, "", KEY, .sent = "<add>_acme-challenge.example.com</add>" },
		{ .call = NULL },
	};
	static const struct turn elsewhere[] = {
		{ .call = "GET /zones",
			200,
			"[" OTHER "]",
			KEY,
			.link = "<https://thief.example/zones?page=2>; rel=\"next\"" },
		{ .call = NULL },
	};
	static const struct turn alike[] = {
		{ .call = "GET /zones", 200, "[" OTHER "]", KEY, .link = "<" MADE_UP ".thief.example/>; rel=\"next\"" },
		{ .call = NULL },
	};

	expect_made_up(&api, good, NULL);
	expect_made_up(&api, elsewhere, "no zone");
	expect_made_up(&api, alike, "no zone");
}

/* Method, path, body and time, as OVH's signature has them. */
static int
sign(const struct http_api_task *task, struct http_request *req, struct error *err)
{
	const struct secret *key = http_api_secret(task, "token");
	_cleanup_free_ char *text = xasprintf("%.*s+%s+%s+%.*s+%lld", (int)key->len, (const char *)key->data,
		req->method, req->url + strlen(MADE_UP), (int)req->body_len, req->body ? (const char *)req->body : "",
		(long long)http_api_now(task));
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len;

	if (strcmp(req->method, "DELETE") == 0)
		return error_set(err, ERROR_INTERNAL, "cannot sign");
	cr_assert(EVP_Digest(text, strlen(text), digest, &len, EVP_sha1(), NULL));
	strlist_take(&req->headers, xasprintf("X-Signature: %02x%02x", digest[0], digest[1]));
	return 0;
}

static int
delete_it(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	http_api_send(task, "DELETE", HTTP_API_NO_BODY, http_api_end, "/x");
	return 0;
}

static int
post_then_delete(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	http_api_send(task, "POST", http_api_form((const char *const[]){ "a", "b", NULL }), delete_it, "/x");
	return 0;
}

Test(dns_apis, requests_are_signed_when_they_are_complete)
{
	static const struct http_api api = {
		.name = "Signed",
		.auth = sign,
		.zones = { "/zones", .name = "zone" },
		.change = post_then_delete,
		.reason = "error",
	};
	/* sha1("tok+GET+/zones++1800000000"), sha1("tok+POST+/x+a=b+1800000000") */
	static const struct turn turns[] = {
		{ .call = "GET /zones", 200, "[" ZONE "]", .header = "X-Signature: 82fa" },
		{ .call = "POST /x", 200, "", .header = "X-Signature: 252e" },
		{ .call = NULL },
	};

	expect_made_up(&api, turns, "cannot sign");
}

static int
on_token(struct http_api_task *task, struct json_object *answer, struct error *err _unused_)
{
	if (*http_api_text(answer, "access_token"))
		http_api_keep_token(task, http_api_text(answer, "access_token"), 60);
	return 0;
}

static int
login(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	http_api_send(task, "POST", http_api_form((const char *const[]){ "grant_type", "client_credentials", NULL }),
		on_token, "/token");
	return 0;
}

static int
exchanged(const struct http_api_task *task, struct http_request *req, struct error *err)
{
	if (!http_api_token(task))
		return basic(task, req, err);
	http_api_add_header(req, "Authorization: Bearer ", http_api_token(task));
	return 0;
}

static int
wait_for_it(struct http_api_task *task, struct json_object *answer, struct error *err _unused_)
{
	if (answer && strcmp(http_api_text(answer, "state"), "done") == 0)
		return 0;
	if (answer)
		http_api_poll(task, "it is not done");
	else
		http_api_send(task, "GET", HTTP_API_NO_BODY, wait_for_it, "/state");
	return 0;
}

Test(dns_apis, a_token_is_exchanged_before_it_is_needed_and_again_before_it_expires)
{
	static const struct http_api api = {
		.name = "Exchange",
		.auth = exchanged,
		.login = login,
		.zones = { "/zones", .name = "zone" },
		.change = wait_for_it,
		.reason = "error",
	};
#define TOKEN(token) \
	{ \
		.call = "POST /token", 200, "{\"access_token\":\"" token "\"}", BASIC, \
		.sent = "grant_type=client_credentials" \
	}
#define WAITS(token) \
	{ \
		.call = "GET /state", 200, "{\"state\":\"busy\"}", .header = "Authorization: Bearer " token \
	}
	/* Polls pause for 0.25, 0.5, 1, 2, 4, 8, 8, 8 s; the token counts as expired after 30 s. */
	static const struct turn turns[] = {
		TOKEN("one"),
		{ .call = "GET /zones", 200, "[" ZONE "]", .header = "Authorization: Bearer one" },
		WAITS("one"),
		WAITS("one"),
		WAITS("one"),
		WAITS("one"),
		WAITS("one"),
		WAITS("one"),
		WAITS("one"),
		WAITS("one"),
		TOKEN("two"),
		{ .call = "GET /state", 200, "{\"state\":\"done\"}", .header = "Authorization: Bearer two" },
		{ .call = NULL },
	};
	static const struct turn none[] = { { .call = "POST /token", 200, "{}", BASIC }, { .call = NULL } };
	static const struct turn denied[] = {
		{ .call = "POST /token", 401, "{\"error\":\"invalid_client\"}", BASIC },
		{ .call = NULL },
	};

	expect_made_up(&api, turns, NULL);
	expect_made_up(&api, none, "contains no token");
	expect_made_up(&api, denied, "HTTP 401: invalid_client");
}
