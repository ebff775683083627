/*
 * One harness for all drivers of DNS services: each service is described by the calls and answers that its
 * documentation shows, and every driver passes every scenario: success, 429, 500, an HTML page, a connection that
 * breaks before or after the change was carried out, slow answers, zones with similar names, more than one page of
 * zones, wrong and expired credentials; refusals also with status 200. Time is virtual.
 */
#include "common/api/dns_kinds.h"
#include "tests/unit/dnsprovider/script.h"
#include "tests/unit/dnsprovider/services.h"
#include "tests/unit/dnsprovider/signatures.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TURNS = 40 };

/* A script under construction; its texts are kept until the end of the test. */
struct play {
	const struct service *service;
	struct turn turns[MAX_TURNS + 1];
	size_t count;
	struct strlist texts;
};

static const char *
keep(struct play *p, char *text)
{
	strlist_take(&p->texts, text);
	return text;
}

/* @template with all @key replaced by @with. */
static char *
fill(const char *template, const char *key, const char *with)
{
	struct buf text = BUF_INIT;
	const char *at;

	for (; (at = strstr(template, key)); template = at + strlen(key)) {
		buf_add(&text, template, (size_t)(at - template));
		buf_add_str(&text, with);
	}
	buf_add_str(&text, template);
	return buf_steal(&text);
}

/* Of an API of procedures, the call is the body. */
static void
add_turn(struct play *p, const struct turn *turn)
{
	cr_assert_lt(p->count, (size_t)MAX_TURNS);
	p->turns[p->count] = *turn;
	if (p->service->procedures) {
		p->turns[p->count].call = p->service->procedures;
		p->turns[p->count].sent = turn->call;
		p->turns[p->count].is_read = true;
	}
	p->count++;
}

/* Turns of another play. */
static void
copy_turns(struct play *p, const struct play *from, size_t begin, size_t end)
{
	for (size_t i = begin; i < end; i++) {
		cr_assert_lt(p->count, (size_t)MAX_TURNS);
		p->turns[p->count++] = from->turns[i];
	}
}

static void
add_exchange(struct play *p, const struct exchange *x)
{
	if (x->call)
		add_turn(p, &(struct turn){ .call = x->call,
				    x->status,
				    x->body,
				    .sent = x->sent,
				    .header = x->header,
				    .cookie = x->cookie });
}

/* @names: the zones of one page, with blanks between them. */
static char *
zones_page(const struct service *s, const char *wrap, const char *names)
{
	_cleanup_strlist_ struct strlist zones = STRLIST_INIT;
	_cleanup_buf_ struct buf items = BUF_INIT;

	strlist_split(&zones, names, ' ');
	for (size_t i = 0; i < zones.count; i++) {
		_cleanup_free_ char *id = xasprintf("%zu", 40 + strlen(zones.items[i]));
		_cleanup_free_ char *named = fill(s->zone, "$zone", zones.items[i]);
		_cleanup_free_ char *item = fill(named, "$id", id);

		buf_printf(&items, "%s%s", i ? s->separator ? s->separator : "," : "", item);
	}
	return fill(wrap, "$items", buf_str(&items));
}

/* Zones with similar names, before and after the right one. */
#define ZONES "com notexample.com example.com.au example.com xample.com www.example.com com"

static void
add_zones(struct play *p, const struct service *s, bool is_known)
{
	char *call;

	if (!s->zones_call || (s->spares_list && is_known))
		return;
	call = xstrdup(s->zones_call);
	if (!is_known && strchr(call, '?'))
		*strchr(call, '?') = '\0';
	add_turn(p, &(struct turn){ .call = keep(p, call), 200, keep(p, zones_page(s, s->zones, ZONES)) });
}

/* Does it have single records, each with an id? */
static bool
has_records(const struct service *s)
{
	return s->remove.call && !s->get_call &&
	       (strstr(s->remove.call, "$record") || strstr(s->remove.sent ? s->remove.sent : "", "$record"));
}

static void
add_item(struct buf *items, const struct service *s, const char *value, size_t id, const char *name)
{
	_cleanup_free_ char *id_text = xasprintf("%zu", id);
	_cleanup_free_ char *valued = fill(s->item, "$value", value);
	_cleanup_free_ char *named = fill(valued, "_acme-challenge", name);
	_cleanup_free_ char *item = fill(named, "$id", id_text);

	buf_printf(items, "%s%s", items->len ? s->separator ? s->separator : "," : "", item);
}

/*
 * The list of records or the record set with these values; ids are 70, 71 ... A list of records also has the value at
 * another name, as that of an API without filters does.
 */
static void
add_list(struct play *p, const struct service *s, const char *values)
{
	_cleanup_strlist_ struct strlist all = STRLIST_INIT;
	_cleanup_buf_ struct buf items = BUF_INIT;

	if (!s->list_call)
		return;
	if (*values)
		strlist_split(&all, values, ' ');
	for (size_t i = 0; i < all.count; i++)
		add_item(&items, s, all.items[i], 70 + i, "_acme-challenge");
	if (has_records(s))
		add_item(&items, s, "v1", 79, "_bcme-challenge");
	if (!all.count && s->absent)
		add_turn(p, &(struct turn){ .call = s->list_call, 404, s->absent });
	else
		add_turn(p,
			&(struct turn){ .call = s->list_call, 200, keep(p, fill(s->list, "$items", buf_str(&items))) });
}

static void
add_after(struct play *p, const struct service *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->after) && s->after[i].call; i++)
		add_exchange(p, &s->after[i]);
}

enum goal { ADD, ADD_FIRST, PRESENT, REMOVE, REMOVE_LAST, GONE, GOAL_COUNT };

static bool
is_removal(enum goal goal)
{
	return goal >= REMOVE;
}

/* @x, in which $record is @id. */
static void
add_exchange_of(struct play *p, const struct exchange *x, size_t id)
{
	_cleanup_free_ char *text = xasprintf("%zu", id);
	struct exchange filled = *x;

	if (filled.call)
		filled.call = keep(p, fill(filled.call, "$record", text));
	if (filled.sent)
		filled.sent = keep(p, fill(filled.sent, "$record", text));
	add_exchange(p, &filled);
}

/* Each record of @values is read; one with our value is removed at once, or ends the search. Return: was it there? */
static bool
add_gets(struct play *p, const struct service *s, const char *values, bool removes)
{
	_cleanup_strlist_ struct strlist all = STRLIST_INIT;
	bool was_there = false;

	if (*values)
		strlist_split(&all, values, ' ');
	for (size_t i = all.count; i-- > 0 && !(was_there && !removes);) {
		_cleanup_free_ char *id = xasprintf("%zu", 70 + i);
		_cleanup_free_ char *valued = fill(s->record, "$value", all.items[i]);
		struct exchange get = { s->get_call, 200, keep(p, fill(valued, "$id", id)), NULL, NULL, NULL };

		add_exchange_of(p, &get, 70 + i);
		was_there = was_there || strcmp(all.items[i], "v1") == 0;
		if (removes && strcmp(all.items[i], "v1") == 0)
			add_exchange_of(p, &s->remove, 70 + i);
	}
	return was_there;
}

/* The calls of a change without disturbance, from the zone on. */
static void
add_change(struct play *p, const struct service *s, enum goal goal, bool is_known)
{
	static const char *const lists[] = { "v2", "", "v2 v1", "v2 v1", "v1", "v2" };
	const struct exchange *const changes[] = { &s->add, s->add_first.call ? &s->add_first : &s->add, NULL,
		&s->remove, s->remove_last.call ? &s->remove_last : &s->remove, NULL };
	const struct exchange *change = changes[goal];

	add_zones(p, s, is_known);
	add_list(p, s, lists[goal]);
	if (s->get_call) {
		if (!add_gets(p, s, lists[goal], is_removal(goal)) && !is_removal(goal))
			add_exchange(p, change);
		add_after(p, s);
	} else if (change) {
		add_exchange_of(p, change, goal == REMOVE ? 71 : 70);
		if (change->call) {
			p->turns[p->count - 1].is_read = false;
			add_after(p, s);
		}
	} else if (!s->list_call) {
		add_exchange(p, is_removal(goal) ? &s->remove : &s->add);
	}
	if (!is_removal(goal))
		add_exchange(p, &s->after_add);
}

static void
give_settings(struct script *script, const struct service *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->settings) && s->settings[i].name; i++) {
		const char *name = s->settings[i].name;
		const char *value = s->settings[i].value;

		if (api_kind_setting(&dns_kinds, api_kind_find(&dns_kinds, s->kind), name)->type == API_SECRET)
			setting_put_secret(&script->d.secrets, name, value, strlen(value));
		else
			setting_put(&script->d.settings, name, value);
	}
	script->header = s->header;
}

/* Runs the script and releases it. @words: of the error; NULL: there must be none. */
static void
perform(struct play *p, const struct service *s, enum goal goal, bool is_known, int64_t delay_ms, const char *what,
	const char *words)
{
	struct script script;

	script_setup(&script, s->kind, s->endpoint, p->turns);
	give_settings(&script, s);
	script.delay_ms = delay_ms;
	script_change(&script, is_removal(goal), is_known ? "example.com" : NULL);
	script_run(&script);
	cr_expect_eq(script.error.code != ERROR_NONE, words != NULL, "%s, goal %d, %s: %s", s->kind, goal, what,
		script.error.message);
	if (words && script.error.message)
		cr_expect_not_null(
			strstr(script.error.message, words), "%s, %s: %s", s->kind, what, script.error.message);
	script_teardown(&script);
	strlist_clear(&p->texts);
}

/* A play that begins with the login, if the service has one. */
static struct play
new_play(const struct service *s)
{
	struct play p = { .service = s, .texts = STRLIST_INIT };

	add_exchange(&p, &s->login);
	return p;
}

Test(dns_services, every_driver_adds_and_removes_only_its_own_value)
{
	for (size_t i = 0; i < services_count; i++) {
		for (enum goal goal = 0; goal < GOAL_COUNT; goal++) {
			for (int is_known = services[i].needs_zone; is_known < 2; is_known++) {
				struct play p = new_play(&services[i]);

				add_change(&p, &services[i], goal, is_known);
				perform(&p, &services[i], goal, is_known, 0, "success", NULL);
			}
		}
	}
}

Test(dns_services, every_driver_is_patient_with_slow_answers)
{
	for (size_t i = 0; i < services_count; i++) {
		struct play p = new_play(&services[i]);

		add_change(&p, &services[i], ADD, true);
		perform(&p, &services[i], ADD, true, 15 * 1000, "slow", NULL);
	}
}

struct failure {
	const char *what;
	int status;
	const char *type;
	const char *body;
	int64_t retry_after_sec;
};

/* POST and PATCH, and the call that creates a record, are not repeated after an unknown outcome. */
static bool
counts_twice(const struct service *s, const struct turn *turn)
{
	return !turn->is_read && (strncmp(turn->call, "POST", 4) == 0 || strncmp(turn->call, "PATCH", 5) == 0 ||
					 (strcmp(s->kind, "bunny") == 0 && strncmp(turn->call, "PUT", 3) == 0));
}

/* Each call in turn fails once: it is repeated, or everything from the zone on. */
static void
fail_once(const struct service *s, enum goal goal, const struct failure *f)
{
	struct play whole = new_play(s);
	size_t login = whole.count;

	add_change(&whole, s, goal, true);
	for (size_t at = 0; at < whole.count; at++) {
		struct play p = { .service = s, .texts = STRLIST_INIT };
		bool is_again = f->status != 429 && counts_twice(s, &whole.turns[at]) && at >= login;
		struct turn broken = whole.turns[at];

		broken.status = f->status;
		broken.type = f->type;
		broken.body = f->body;
		broken.retry_after_sec = f->retry_after_sec;
		broken.cookie = NULL;
		copy_turns(&p, &whole, 0, at);
		p.turns[p.count++] = broken;
		copy_turns(&p, &whole, is_again ? login : at, whole.count);
		perform(&p, s, goal, true, 0, f->what, NULL);
	}
	strlist_clear(&whole.texts);
}

Test(dns_services, every_driver_gets_over_a_call_that_fails_once)
{
	static const struct failure failures[] = {
		{ "429", 429, NULL, "{}", 7 },
		{ "500", 500, NULL, "{}", 0 },
		{ "HTML page", 502, "text/html", "<html><body>Bad gateway</body></html>", 0 },
		{ "broken connection", 0, NULL, NULL, 0 },
	};

	for (size_t i = 0; i < services_count; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(failures); j++) {
			fail_once(&services[i], ADD, &failures[j]);
			fail_once(&services[i], REMOVE, &failures[j]);
		}
	}
}

/* The change was carried out, and its answer is lost: it is seen, and not made again. */
static void
lose_answer(const struct service *s, enum goal goal, enum goal then)
{
	struct play p = new_play(s);
	size_t login = p.count;
	struct play whole;

	add_change(&p, s, goal, true);
	whole = p;
	for (size_t at = login; at < p.count; at++) {
		if (strncmp(p.turns[at].call, "GET", 3) == 0 || p.turns[at].is_read)
			continue;
		p.turns[at].status = 0;
		p.count = at + 1;
		if (!counts_twice(s, &p.turns[at])) {
			struct turn again = p.turns[at];
			bool is_delete = strncmp(again.call, "DELETE", 6) == 0;

			again.status = is_delete ? 404 : 200;
			again.body = "{}";
			add_turn(&p, &again);
			copy_turns(&p, &whole, at + 1, whole.count);
		} else {
			add_change(&p, s, then, true);
		}
		memset(&p.turns[p.count], 0, sizeof(p.turns[0]));
		perform(&p, s, goal, true, 0, "answer lost", NULL);
		return;
	}
	strlist_clear(&p.texts);
}

Test(dns_services, every_driver_sees_a_change_whose_answer_was_lost)
{
	for (size_t i = 0; i < services_count; i++) {
		lose_answer(&services[i], ADD, PRESENT);
		lose_answer(&services[i], REMOVE, GONE);
	}
}

/* A page full of other zones, then the page with ours. */
static void
turn_pages(const struct service *s)
{
	struct play p = new_play(s);
	struct play rest = { .service = s, .texts = STRLIST_INIT };
	bool is_known = !s->spares_list;
	_cleanup_buf_ struct buf names = BUF_INIT;

	for (int i = 0; i < (s->page_size ? s->page_size : 1); i++)
		buf_printf(&names, "%sz%d.notexample.com", i ? " " : "", i);
	add_zones(&p, s, is_known);
	p.turns[p.count - 1].body = keep(&p, zones_page(s, s->zones_more ? s->zones_more : s->zones, buf_str(&names)));
	p.turns[p.count - 1].link = s->link;
	add_turn(&p, &(struct turn){ .call = s->next_call, 200, keep(&p, zones_page(s, s->zones, ZONES)) });
	add_change(&rest, s, ADD, is_known);
	copy_turns(&p, &rest, 1, rest.count);
	perform(&p, s, ADD, is_known, 0, "pages", NULL);
	strlist_clear(&rest.texts);
}

Test(dns_services, every_driver_reads_all_pages)
{
	for (size_t i = 0; i < services_count; i++)
		if (services[i].next_call)
			turn_pages(&services[i]);
}

Test(dns_services, every_driver_says_which_credentials_are_refused_and_why)
{
	for (size_t i = 0; i < services_count; i++) {
		const struct service *s = &services[i];
		struct play p = new_play(s);
		_cleanup_free_ char *told = xasprintf("HTTP %d", s->refused ? s->refused : 401);
		_cleanup_free_ char *words = xasprintf("(%s: %s)", s->told ? s->told : told, s->words);
		struct turn *first;

		add_change(&p, s, ADD, true);
		first = &p.turns[0];
		first->status = s->refused ? s->refused : 401;
		first->body = s->refusal;
		memset(&p.turns[1], 0, sizeof(p.turns[1]));
		perform(&p, s, ADD, true, 0, "wrong credentials", words);
	}
}

Test(dns_services, a_token_that_expires_early_is_renewed_once)
{
	for (size_t i = 0; i < services_count; i++) {
		const struct service *s = &services[i];
		struct play p = new_play(s);
		size_t login = p.count;

		if (!login)
			continue;
		add_change(&p, s, ADD, true);
		p.count = login + 1;
		p.turns[login].status = s->expired ? 200 : 401;
		p.turns[login].body = s->expired ? s->expired : s->refusal;
		add_exchange(&p, &s->login);
		add_change(&p, s, ADD, true);
		perform(&p, s, ADD, true, 0, "expired", NULL);
	}
}

Test(dns_services, an_html_page_instead_of_an_answer_is_an_error)
{
	for (size_t i = 0; i < services_count; i++) {
		const struct service *s = &services[i];
		struct play p = new_play(s);
		size_t login = p.count;

		if (!s->zones_call)
			continue;
		add_zones(&p, s, !s->spares_list);
		p.turns[login].body = "<html><body><br>Log in";
		p.turns[login].type = "text/html";
		perform(&p, s, ADD, !s->spares_list, 0, "HTML", s->zones_name ? s->zones_name : "GET /");
	}
}

/* One call of @kind, refused, must have the header line @header and the body @sent (NULL: any). */
static void
expect_call(const char *kind, const struct exchange *first, const char *call, const char *header, const char *sent)
{
	for (size_t i = 0; i < services_count; i++) {
		const struct service *s = &services[i];
		struct play p = { .service = s, .texts = STRLIST_INIT };

		if (strcmp(s->kind, kind) != 0)
			continue;
		add_exchange(&p, first);
		add_turn(&p, &(struct turn){ .call = call, 400, s->refusal, .header = header, .sent = sent });
		perform(&p, s, ADD, true, 0, "signed", s->words);
	}
}

Test(dns_services, requests_are_signed_as_the_services_document)
{
	expect_call("ovh", &(struct exchange){ "GET /auth/time", 200, "1800000005", .header = "" }, "GET /domain/zone",
		"X-Ovh-Signature: $1$" OVH_SIGNATURE, NULL);
	expect_call("ovh", &(struct exchange){ "GET /auth/time", 200, "1800000005", .header = "" }, "GET /domain/zone",
		"X-Ovh-Timestamp: 1800000005", NULL);
	expect_call("google", &(struct exchange){ .call = NULL }, "POST /token", "", GOOGLE_ASSERTION);
}

Test(dns_services, a_refusal_that_passes_is_tried_again)
{
	static const struct failure passing[] = {
		{ "conflict", 409, NULL, "{\"error\":{\"code\":\"conflict\",\"message\":\"busy\"}}", 0 },
		{ "Throttling", 400, NULL,
			"<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded"
			"</Message></Error></ErrorResponse>",
			0 },
		{ "conditionNotMet", 412, NULL,
			"{\"error\":{\"errors\":[{\"reason\":\"conditionNotMet\"}],\"code\":412,\"message\":\"x\"}}",
			0 },
		{ "error 500000", 200, NULL,
			"<ApiResponse Status=\"ERROR\"><Errors><Error Number=\"500000\">Too many requests</Error>"
			"</Errors></ApiResponse>",
			0 },
		{ "405", 405, "text/html", "<html>", 0 },
		{ "4013", 200, NULL,
			"{\"status\":\"error\",\"statuscode\":4013,\"shortmessage\":\"Validation Error.\","
			"\"longmessage\":\"More than 180 requests per minute. Please wait and retry later.\","
			"\"responsedata\":\"\"}",
			0 },
		{ "2400", 200, NULL, "{\"code\":2400,\"msg\":\"Command failed\"}", 0 },
	};
	static const char *const kinds[] = { "hetzner", "route53", "google", "namecheap", "namecheap", "netcup",
		"inwx" };

	for (size_t i = 0; i < services_count; i++)
		for (size_t j = 0; j < ARRAY_SIZE(kinds); j++)
			if (strcmp(services[i].kind, kinds[j]) == 0)
				fail_once(&services[i], ADD, &passing[j]);
}

/* One that is empty, or a list of nothing, must not be taken for a zone without records. */
Test(dns_services, an_answer_without_a_verdict_changes_nothing)
{
	for (size_t i = 0; i < services_count; i++) {
		const struct service *s = &services[i];
		struct play whole = new_play(s);

		if (!s->procedures)
			continue;
		add_change(&whole, s, ADD, true);
		for (size_t at = 0; at < whole.count; at++) {
			struct play p = { .service = s, .texts = STRLIST_INIT };

			copy_turns(&p, &whole, 0, at + 1);
			p.turns[at].body = *whole.turns[at].body == '<' ? "<ApiResponse/>" : "{}";
			perform(&p, s, ADD, true, 0, "no verdict", "error");
		}
		strlist_clear(&whole.texts);
	}
}

/* The answer @body, with status 200, to call @at of an addition ends it with @words, and no more calls. */
static void
expect_end(const char *kind, size_t at, const char *body, const char *words)
{
	for (size_t i = 0; i < services_count; i++) {
		const struct service *s = &services[i];
		struct play p = new_play(s);

		if (strcmp(s->kind, kind) != 0)
			continue;
		add_change(&p, s, ADD, true);
		p.count = at + 1;
		p.turns[at].body = body;
		memset(&p.turns[at + 1], 0, sizeof(p.turns[0]));
		perform(&p, s, ADD, true, 0, words, words);
	}
}

Test(dns_services, what_an_answer_with_status_200_reports_is_an_error)
{
#define NAMECHEAP(result) "<ApiResponse Status=\"OK\"><CommandResponse>" result "</CommandResponse></ApiResponse>"
	expect_end("namecheap", 0, NAMECHEAP(""), "its answer is not the zone 'example.com'");
	expect_end("namecheap", 0,
		NAMECHEAP("<DomainDNSGetHostsResult Domain=\"example.net\" IsUsingOurDNS=\"true\"/>"),
		"its answer is not the zone 'example.com'");
	expect_end("namecheap", 0,
		NAMECHEAP("<DomainDNSGetHostsResult Domain=\"example.com\" IsUsingOurDNS=\"false\"/>"),
		"is not on Namecheap's name servers");
	expect_end("namecheap", 0,
		NAMECHEAP("<DomainDNSGetHostsResult Domain=\"example.com\" IsUsingOurDNS=\"true\">"
			  "<host Type=\"A\" Address=\"192.0.2.1\"/></DomainDNSGetHostsResult>"),
		"a record without a name");
	expect_end("namecheap", 1, NAMECHEAP("<DomainDNSSetHostsResult IsSuccess=\"false\"/>"), "was not changed");
	expect_end("inwx", 0, "{\"code\":1000,\"resData\":{\"tfa\":\"GOOGLE-AUTH\"}}", "demands a second factor");
	expect_end("inwx", 1, "{\"code\":2303,\"msg\":\"Object does not exist\"}",
		"INWX: nameserver.info: error 2303: Object does not exist");
	expect_end("netcup", 1,
		"{\"status\":\"error\",\"statuscode\":5029,\"shortmessage\":\"No zone\",\"longmessage\":\"\"}",
		"netcup: infoDnsRecords: error 5029: No zone");
	expect_end("hetzner", 3,
		"{\"action\":{\"id\":1,\"status\":\"error\",\"error\":{\"code\":\"x\",\"message\":\"broken\"}}}",
		"error x: broken");
}

Test(dns_services, every_http_driver_has_a_description_here)
{
	for (size_t i = 0; i < DNS_KIND_COUNT; i++) {
		size_t found = 0;

		for (size_t j = 0; j < services_count; j++)
			found += strcmp(services[j].kind, dns_kinds.items[i].name) == 0;
		cr_expect(found || !dnsprovider_driver(dns_kinds.items[i].name)->api, "%s", dns_kinds.items[i].name);
	}
}
