/* What each kind of destination accepts in its declaration, and what it sends. */
#include "daemon/alert/alert_kind.h"

#include "common/strlist.h"
#include "daemon/base/clock.h"
#include "daemon/base/http.h"
#include "daemon/base/http_mail.h"
#include "daemon/base/loop.h"
#include "daemon/service/fields.h"
#include "daemon/service/settings.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { NOW = 1700000000 };

/* NULL: not set. */
struct declared {
	const char *kind, *url, *template, *headers, *to, *from, *server, *security, *user, *password, *command,
		*ca_file, *conditions;
};

static void
add_list(struct json_object *properties, const char *name, const char *words)
{
	_cleanup_free_ char *text = xstrdup(words ? words : "");
	struct json_object *list = json_object_new_array();
	char *rest = text, *word;

	while ((word = strsep(&rest, " ")))
		if (*word)
			json_object_array_add(list, json_object_new_string(word));
	json_object_object_add(properties, name, list);
}

/* As a call declares it. Return: 0 or -1. */
static int
declare(struct alert *a, const struct declared *d, struct error *err)
{
	_cleanup_json_ struct json_object *properties = json_object_new_object();
	const struct settings settings = { &a->settings, &a->secrets };

	json_add_string(properties, "kind", d->kind);
	json_add_string(properties, "url", d->url);
	json_add_string(properties, "template", d->template);
	json_add_string(properties, "headers", d->headers);
	json_add_string(properties, "from", d->from);
	json_add_string(properties, "server", d->server);
	json_add_string(properties, "security", d->security);
	json_add_string(properties, "user", d->user);
	json_add_string(properties, "password", d->password);
	json_add_string(properties, "caFile", d->ca_file);
	add_list(properties, "to", d->to);
	add_list(properties, "command", d->command);
	add_list(properties, "conditions", d->conditions);
	fields_from_json(&alert_class, properties, a);
	if (settings_read(&alert_kinds, NULL, a->kind, properties, &settings, err) < 0)
		return -1;
	return alert_check(a, err);
}

#define HOOK .kind = "webhook", .url = "https://hook.test/x"
#define MAIL .kind = "mail", .to = "ops@x.test", .server = "mail.x.test"
#define TEN "a@x.test a@x.test a@x.test a@x.test a@x.test a@x.test a@x.test a@x.test a@x.test a@x.test "
#define LABEL "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz01234567."

Test(alert_kind, a_declaration_is_accepted_or_refused_with_its_property)
{
	static const struct {
		struct declared declared;
		const char *field; /* NULL: accepted, with this endpoint as @words */
		const char *words;
	} cases[] = {
		{ { .kind = "pigeon" }, "kind", "'pigeon' is not a kind of alert" },
		/* a setting of another kind, each */
		{ { HOOK, .to = "a@x.test" }, "to", "is not used by kind webhook" },
		{ { HOOK, .from = "a@x.test" }, "from", "is not used by kind webhook" },
		{ { HOOK, .server = "x.test" }, "server", "is not used by kind webhook" },
		{ { HOOK, .security = "tls" }, "security", "is not used by kind webhook" },
		{ { HOOK, .user = "me" }, "user", "is not used by kind webhook" },
		{ { HOOK, .password = "x" }, "password", "is not used by kind webhook" },
		{ { HOOK, .command = "/bin/true" }, "command", "is not used by kind webhook" },
		{ { MAIL, .url = "https://hook.test/x" }, "url", "is not used by kind mail" },
		{ { MAIL, .template = "slack" }, "template", "is not used by kind mail" },
		{ { MAIL, .headers = "A: b" }, "headers", "is not used by kind mail" },
		{ { .kind = "command", .command = "/bin/true", .ca_file = "/ca" }, "caFile",
			"is not used by kind command" },
		/* of all kinds */
		{ { HOOK, .conditions = "late expired" }, NULL, "https://hook.test" },
		{ { HOOK, .conditions = "late lates" }, "conditions[1]", "'lates' is not a condition" },
		/* webhook */
		{ { .kind = "webhook" }, "url", "requires the URL" },
		{ { .kind = "webhook", .url = "hook" }, "url", "cannot be used" },
		{ { .kind = "webhook", .url = "https://hook.test:8443/secret\n" }, NULL, "https://hook.test:8443" },
		{ { .kind = "webhook", .url = "https://me:pw@hook.test/" }, "url", "contains a user name" },
		{ { .kind = "webhook", .url = "http://hook.test/" }, "url", "must begin with https://" },
		{ { .kind = "webhook", .url = "http://127.0.0.1:9093/" }, NULL, "http://127.0.0.1:9093" },
		{ { .kind = "webhook", .url = "https://ntfy.test/", .template = "ntfy" }, "url", "topic" },
		{ { HOOK, .headers = "A: b\r\n\n\r\nX-Token: \tc\n" }, NULL, "https://hook.test" },
		{ { HOOK, .headers = "A: b\n\nno header" }, "headers", "line 3 is not 'Name: value'" },
		{ { HOOK, .headers = ": b" }, "headers", "line 1 is not" },
		{ { HOOK, .headers = "A b: c" }, "headers", "line 1 is not" },
		{ { HOOK, .headers = "A: b\rC: d" }, "headers", "line 1 has a control character" },
		{ { HOOK, .headers = "host: x" }, "headers", "certd sets host itself" },
		{ { HOOK, .headers = "idempotency-KEY: x" }, "headers", "certd sets idempotency-KEY itself" },
		{ { HOOK, .headers = "Hostess: x" }, NULL, "https://hook.test" },
		/* mail */
		{ { MAIL }, NULL, "ops@x.test by mail.x.test" },
		{ { .kind = "mail", .to = "a@x.test b.c+d@x.test", .server = "[::1]:25" }, NULL,
			"a@x.test, b.c+d@x.test by [::1]:25" },
		{ { .kind = "mail", .server = "x.test" }, "to", "requires the recipient" },
		{ { .kind = "mail", .server = "x.test", .to = TEN TEN }, NULL, "a@x.test, " },
		{ { .kind = "mail", .server = "x.test", .to = TEN TEN "b@x.test" }, "to", "more than 20 recipients" },
		{ { .kind = "mail", .to = "a@x.test" }, "server", "requires the SMTP server" },
		{ { .kind = "mail", .to = "a@x.test ops", .server = "x.test" }, "to[1]", "'ops' is not one address" },
		{ { .kind = "mail", .to = "@x.test", .server = "x.test" }, "to[0]", "is not one address" },
		{ { .kind = "mail", .to = "a@x.test,b@x.test", .server = "x.test" }, "to[0]", "is not one address" },
		{ { .kind = "mail", .to = "a@", .server = "x.test" }, "to[0]", "is not one address" },
		{ { .kind = "mail", .to = LABEL LABEL LABEL LABEL "abc@x.test", .server = "x.test" }, NULL, "abc" },
		{ { .kind = "mail", .to = LABEL LABEL LABEL LABEL "abcd@x.test", .server = "x.test" }, "to[0]",
			"is not one address" },
		{ { MAIL, .from = "me" }, "from", "'me' is not one address" },
		{ { .kind = "mail", .to = "a@x.test", .server = "x.test/y" }, "server", "is not HOST or HOST:PORT" },
		{ { .kind = "mail", .to = "a@x.test", .server = "x@y.test" }, "server", "is not HOST or HOST:PORT" },
		{ { .kind = "mail", .to = "a@x.test", .server = "x.test:0" }, "server", "is not HOST or HOST:PORT" },
		{ { .kind = "mail", .to = "a@x.test", .server = "x.test:99999" }, "server", "is not HOST or" },
		{ { MAIL, .user = "me", .password = "x" }, NULL, "ops@x.test by mail.x.test" },
		{ { MAIL, .user = "me", .password = "x", .security = "none" }, "security", "in clear text" },
		{ { MAIL, .security = "none" }, NULL, "ops@x.test by mail.x.test" },
		{ { MAIL, .user = "me" }, "password", "user requires a password" },
		{ { MAIL, .password = "x" }, "user", "password requires a user" },
		/* command */
		{ { .kind = "command" }, "command", "requires the absolute path of the program" },
		{ { .kind = "command", .command = "logger -t certd" }, "command", "must be the absolute path" },
		{ { .kind = "command", .command = "/does/not/exist" }, "command", "/does/not/exist" },
		{ { .kind = "command", .command = "/bin/sh -c true" }, NULL, "/bin/sh" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_alert_ struct alert a = { 0 };
		_cleanup_error_ struct error err = ERROR_INIT;
		int rc = declare(&a, &cases[i].declared, &err);

		cr_expect_eq(rc, cases[i].field ? -1 : 0, "%zu: %s", i, err.message ? err.message : "");
		if (cases[i].field) {
			cr_expect_eq(err.code, ERROR_INVALID, "%zu: %s", i, err.message);
			cr_expect_str_eq(err.field ? err.field : "", cases[i].field, "%zu: %s", i, err.message);
			cr_expect_not_null(strstr(err.message, cases[i].words), "%zu: %s", i, err.message);
		} else {
			cr_expect_eq(strncmp(a.endpoint ? a.endpoint : "", cases[i].words, strlen(cases[i].words)), 0,
				"%zu: %s", i, a.endpoint);
		}
	}
	cr_expect_null(alert_kind_find(NULL));
}

/* --- delivery --- */

static char id[] = "i.warning", incident[] = "i", condition[] = "late", firing[] = "firing", warning[] = "warning",
	    title[] = "certificate is not renewed in time", text[] = "the CA said no";

static const struct message message = { .id = id,
	.incident = incident,
	.condition = condition,
	.status = firing,
	.severity = warning,
	.title = title,
	.text = text,
	.begun_at = NOW };

/* A transport that notes what it is given, and an owner that notes what it is told. */
struct bed {
	struct clock *clock;
	struct loop *loop;
	struct http http;
	struct mail mail;
	struct alert_env env;
	void *work;
	char sent[600];
	bool may_use_http;
	unsigned cancelled;
	http_done_fn *http_done;
	void *http_arg;
	unsigned calls;
	enum error_code code;
	bool may_retry;
	int64_t retry_at;
	char told[300], answer[300];
};

static void *
bed_http_send(void *self, const struct http_request *req, http_done_fn *done, void *arg)
{
	struct bed *b = self;
	_cleanup_free_ char *headers = strlist_join(&req->headers, "|");

	cr_expect(req->is_sent_once, "a message that may have arrived is not repeated by the transport");
	snprintf(b->sent, sizeof(b->sent), "%s %s %s [%s] %s", req->method, req->url, req->content_type, headers,
		req->ca_file ? req->ca_file : "-");
	b->may_use_http = req->may_use_http;
	b->http_done = done;
	b->http_arg = arg;
	return b;
}

static void *
bed_mail_send(void *self, const struct mail_request *req, mail_done_fn *done, void *arg)
{
	struct bed *b = self;

	(void)done;
	(void)arg;
	snprintf(b->sent, sizeof(b->sent), "%s:%s %d %s:%s %s %s", req->host, req->port, (int)req->security,
		req->user ? req->user : "-", req->password, req->from, req->ca_file ? req->ca_file : "-");
	return b;
}

static void
bed_cancel(void *self, void *handle)
{
	(void)handle;
	((struct bed *)self)->cancelled++;
}

static const struct http_ops bed_http_ops = { .send = bed_http_send, .cancel = bed_cancel };
static const struct mail_ops bed_mail_ops = { .send = bed_mail_send, .cancel = bed_cancel };

static void
bed_done(const struct error *err, const char *answer, void *arg)
{
	struct bed *b = arg;

	b->calls++;
	b->code = err ? err->code : ERROR_NONE;
	b->may_retry = err && err->may_retry;
	b->retry_at = err ? err->retry_at : 0;
	snprintf(b->told, sizeof(b->told), "%s", err ? err->message : "");
	snprintf(b->answer, sizeof(b->answer), "%s", answer);
}

static void
bed_init(struct bed *b, const char *host)
{
	*b = (struct bed){ .clock = clock_new_virtual(NOW) };
	b->loop = loop_new(b->clock);
	b->http = (struct http){ .ops = &bed_http_ops, .self = b };
	b->mail = (struct mail){ .ops = &bed_mail_ops, .self = b };
	b->env = (struct alert_env){ .loop = b->loop, .http = &b->http, .mail = &b->mail, .host = host };
}

static void
bed_clear(struct bed *b)
{
	loop_free(b->loop);
	clock_free(b->clock);
}

static void
bed_start(struct bed *b, const struct declared *declared)
{
	_cleanup_alert_ struct alert a = { 0 };

	declare(&a, declared, NULL); /* it may be refused */
	b->work = alert_kind_find(a.kind)->start(&b->env, &a, &message, bed_done, b);
	cr_assert_not_null(b->work);
	cr_expect_eq(b->calls, 0, "not from inside");
}

Test(alert_kind, a_webhook_gets_its_headers_and_the_id_of_the_message)
{
	static const struct {
		struct declared declared;
		const char *sent;
		bool may_use_http;
	} cases[] = {
		{ { .kind = "webhook",
			  .url = "https://hook.test/x\r\n",
			  .headers = "A: b\r\n\nC: d\n",
			  .ca_file = "/ca" },
			"POST https://hook.test/x application/json [A: b|C: d|Idempotency-Key: i.warning] /ca", false },
		{ { .kind = "webhook", .url = "http://localhost/" },
			"POST http://localhost/ application/json [Idempotency-Key: i.warning] -", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bed b;

		bed_init(&b, "host");
		bed_start(&b, &cases[i].declared);
		cr_expect_str_eq(b.sent, cases[i].sent);
		cr_expect_eq(b.may_use_http, cases[i].may_use_http);
		alert_kind_find("webhook")->cancel(b.work);
		cr_expect_eq(b.cancelled, 1);
		cr_expect_eq(b.calls, 0);
		bed_clear(&b);
	}
}

Test(alert_kind, the_answer_of_a_webhook_says_whether_the_message_is_delivered)
{
	static const struct {
		int status;
		int64_t retry_after_sec;
		enum error_code code;
		const char *body, *told, *answer;
	} cases[] = {
		{ 200, 0, ERROR_NONE, "ok", "", "HTTP 200: ok" },
		{ 299, 7, ERROR_NONE, "", "", "HTTP 299" },
		{ 199, 0, ERROR_STATE, "", "the webhook refused the message: HTTP 199", "HTTP 199" },
		{ 300, 0, ERROR_STATE, "", "the webhook redirects (HTTP 300): its URL has changed", "HTTP 300" },
		{ 399, 0, ERROR_STATE, "", "the webhook redirects (HTTP 399): its URL has changed", "HTTP 399" },
		{ 400, 0, ERROR_INVALID, "no_text", "the webhook refused the message: HTTP 400: no_text",
			"HTTP 400: no_text" },
		{ 429, 90, ERROR_STATE, "", "the webhook refused the message: HTTP 429", "HTTP 429" },
		{ 0, 0, ERROR_NETWORK, "", "no route", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static const struct declared hook = { HOOK };
		struct http_response res = { .status = cases[i].status, .retry_after_sec = cases[i].retry_after_sec };
		_cleanup_error_ struct error lost = ERROR_INIT;
		struct bed b;

		bed_init(&b, "host");
		error_set(&lost, ERROR_NETWORK, "no route");
		buf_add_str(&res.body, cases[i].body);
		bed_start(&b, &hook);
		b.http_done(res.status ? &res : NULL, res.status ? NULL : &lost, b.http_arg);
		cr_expect_eq(b.calls, 1);
		cr_expect_eq(b.code, cases[i].code, "%d: %s", cases[i].status, b.told);
		cr_expect_str_eq(b.told, cases[i].told);
		cr_expect_str_eq(b.answer, cases[i].answer);
		cr_expect_eq(b.may_retry, cases[i].code == ERROR_STATE, "%d", cases[i].status);
		cr_expect_eq(b.retry_at, cases[i].status == 429 ? NOW + 90 : 0, "%d", cases[i].status);
		http_response_clear(&res);
		bed_clear(&b);
	}
}

/* What was checked when it was declared may have come from a file that has changed since. */
Test(alert_kind, what_a_webhook_cannot_send_fails_from_the_loop)
{
	static const struct declared cases[] = {
		{ HOOK, .headers = "no header" },
		{ .kind = "webhook", .url = "https://ntfy.test/", .template = "ntfy" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bed b;

		bed_init(&b, "host");
		bed_start(&b, &cases[i]);
		cr_assert_eq(loop_run_until(b.loop, NOW + 1, NULL), 0);
		cr_expect_eq(b.calls, 1);
		cr_expect_eq(b.code, ERROR_INVALID, "%s", b.told);
		cr_expect_str_eq(b.sent, "");
		bed_clear(&b);
	}
}

Test(alert_kind, a_mail_goes_to_the_port_of_its_security_and_has_a_sender)
{
	static const struct {
		struct declared declared;
		const char *host, *sent;
	} cases[] = {
		{ { MAIL }, "www.x.test", "mail.x.test:587 0 -: certd@www.x.test -" },
		{ { MAIL, .security = "tls" }, "not a name", "mail.x.test:465 1 -: certd@localhost -" },
		{ { MAIL, .security = "none", .from = "me@x.test" }, "host", "mail.x.test:25 2 -: me@x.test -" },
		{ { .kind = "mail", .to = "a@x.test", .server = "x.test:2525", .security = "tls", .ca_file = "/ca" },
			"host", "x.test:2525 1 -: certd@host /ca" },
		{ { MAIL, .user = "me", .password = "se cret\r\nmore" }, "host",
			"mail.x.test:587 0 me:se cret certd@host -" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bed b;

		bed_init(&b, cases[i].host);
		bed_start(&b, &cases[i].declared);
		cr_expect_str_eq(b.sent, cases[i].sent);
		alert_kind_find("mail")->cancel(b.work);
		cr_expect_eq(b.cancelled, 1);
		bed_clear(&b);
	}
}
