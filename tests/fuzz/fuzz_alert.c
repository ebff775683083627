/*
 * Alerts: the settings of a destination, which clients send, and messages, whose texts come from CAs, servers and
 * programs, in the format of each receiver. The fields are separated by an octet 1.
 */
#include "common/error.h"
#include "common/printable.h"
#include "daemon/alert/alert_kind.h"
#include "daemon/alert/mail_text.h"
#include "daemon/alert/webhook_body.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_LINE_MAX = 998 /* RFC 5322 s2.1.1 */ };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool is_so)
{
	if (!is_so)
		abort();
}

static const char *
next_field(char **rest)
{
	char *field = strsep(rest, "\1");

	return field ? field : "";
}

/* A webhook and a mail are checked alike: what was accepted can be sent. */
static void
check_settings(char **rest, const char *template, const struct message *m)
{
	_cleanup_alert_ struct alert hook = { .kind = xstrdup("webhook") };
	_cleanup_alert_ struct alert mail = { .kind = xstrdup("mail") };
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_strlist_ struct strlist recipients = STRLIST_INIT;
	const char *url = next_field(rest);
	const char *headers = next_field(rest);
	char *to;

	setting_put(&hook.settings, "template", template);
	setting_put_secret(&hook.secrets, "url", url, strlen(url));
	setting_put_secret(&hook.secrets, "headers", headers, strlen(headers));
	setting_put(&mail.settings, "server", next_field(rest));
	setting_put(&mail.settings, "from", next_field(rest));
	while (*rest && (to = strsep(rest, "\1")))
		strlist_add(&recipients, to);
	setting_put_list(&mail.settings, "to", &recipients);
	if (alert_check(&hook, &err) == 0) {
		_cleanup_webhook_request_ struct webhook_request r = { .url = NULL };
		_cleanup_free_ char *line = xstrndup(url, strcspn(url, "\r\n"));

		expect(hook.endpoint && printable_is_line(hook.endpoint, strlen(hook.endpoint)));
		expect(webhook_request_make(template, line, m, "host", 0, &r, NULL) == 0);
	} else {
		expect(err.code == ERROR_INVALID && err.field);
	}
	error_clear(&err);
	if (alert_check(&mail, &err) < 0)
		expect(err.code == ERROR_INVALID && err.field);
}

/* The JSON is read as the same again: all of it is UTF-8. */
static void
check_bodies(const struct message *m)
{
	static const char *const templates[] = { "json", "slack", "mattermost", "ntfy", "alertmanager" };

	for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
		_cleanup_webhook_request_ struct webhook_request r = { .url = NULL };
		_cleanup_buf_ struct buf text = BUF_INIT;
		_cleanup_json_ struct json_object *again = NULL;

		expect(webhook_request_make(templates[i], "https://hook.test/topic", m, "host", 1767225600, &r, NULL) ==
			0);
		json_write(r.body, &text);
		again = json_parse(text.data, text.len, NULL);
		expect(again && json_object_equal(again, r.body));
	}
}

/* No text begins a header, and no line is too long or ends otherwise than with CR LF. */
static void
check_mail(const struct message *m)
{
	static const char *const known[] = { "From:", "To:", "Subject:", "Date:", "Message-ID:", "In-Reply-To:",
		"References:", "Auto-Submitted:", "MIME-Version:", "Content-Type:", "Content-Transfer-Encoding:",
		"Importance:", "X-Priority:", "Precedence:" };
	struct strlist to = STRLIST_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	bool is_header = true;

	strlist_add(&to, "ops@example.com");
	mail_text(m, "host", "certd@example.com", &to, 1767225600, &text);
	strlist_clear(&to);
	for (const char *line = buf_str(&text); *line;) {
		size_t len = strcspn(line, "\r\n");
		bool is_known = *line == ' ' || *line == '\t';

		expect(len <= HEADER_LINE_MAX && line[len] == '\r' && line[len + 1] == '\n');
		is_header = is_header && len > 0;
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			is_known = is_known || strncmp(line, known[i], strlen(known[i])) == 0;
		expect(!is_header || is_known);
		line += len + 2;
	}
	expect(!is_header);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const templates[] = { "json", "slack", "mattermost", "ntfy", "alertmanager", "other" };
	static const char *const statuses[] = { "firing", "resolved", "test" };
	_cleanup_free_ char *text = NULL;
	_cleanup_message_ struct message m = { .begun_at = 0 };
	const char *field;
	char *rest;

	if (size < 2)
		return 0;
	text = xstrndup((const char *)data + 2, size - 2);
	rest = text;
	m.status = xstrdup(statuses[data[0] % ARRAY_SIZE(statuses)]);
	m.severity = xstrdup(data[0] & 0x80 ? "critical" : "warning");
	m.id = xstrdup("late-id-1.warning");
	m.incident = xstrdup("late-id-1");
	m.condition = xstrdup("late");
	m.title = xstrdup("certificate is not renewed in time");
	/* As alert_look.c makes it; names are checked by the API. */
	field = next_field(&rest);
	m.text = printable_line(field, strlen(field), 1000);
	field = next_field(&rest);
	if (data[0] & 0x40) {
		m.type = xstrdup("autocertificate");
		m.name = printable_line(field, strlen(field), 255);
	}
	m.merged = data[0] & 0x20 ? 3 : 0;
	m.ended_at = strcmp(m.status, "resolved") == 0 ? 1767225600 : 0;
	check_bodies(&m);
	check_mail(&m);
	check_settings(&rest, templates[data[1] % ARRAY_SIZE(templates)], &m);
	return 0;
}
