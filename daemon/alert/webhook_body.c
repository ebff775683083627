/* The templates, one function each. */
#include "daemon/alert/webhook_body.h"

#include "common/alloc.h"
#include "common/api/alert_kinds.h"
#include "common/error.h"
#include "common/timefmt.h"
#include "common/xml.h"

#include <stdlib.h>
#include <string.h>

/*
 * Alertmanager ends an alert whose endsAt is over, and without one after five minutes. certd reports the end itself, so
 * the date is far away: for when it never does.
 */
enum { ENDS_AFTER_SEC = 30 * 24 * 3600, TEST_ENDS_AFTER_SEC = 300 };

typedef int
body_fn(const struct message *m, const char *host, int64_t now, struct webhook_request *r, struct error *err);

void
webhook_request_clear(struct webhook_request *r)
{
	if (r->url)
		explicit_bzero(r->url, strlen(r->url));
	free(r->url);
	json_object_put(r->body);
	*r = (struct webhook_request){ .url = NULL };
}

static bool
is_critical(const struct message *m)
{
	return strcmp(m->severity, "critical") == 0;
}

/* "reason; on host", and how many messages it stands for. Owned by the caller. */
static char *
webhook_text(const struct message *m, const char *host)
{
	if (m->merged)
		return xasprintf("%s (on %s; and %lld earlier messages that were not delivered)", m->text, host,
			(long long)m->merged);
	return xasprintf("%s (on %s)", m->text, host);
}

static int
body_json(const struct message *m, const char *host, int64_t now _unused_, struct webhook_request *r,
	struct error *err _unused_)
{
	r->body = message_to_json(m, host);
	return 0;
}

/* --- chat rooms --- */

/* Escapes the three characters that Slack requires; an escaped '<' cannot begin a mention or a link. */
static char *
slack_escape(const char *text)
{
	struct buf b = BUF_INIT;

	xml_add_text(&b, text);
	return buf_steal(&b);
}

static const char *
chat_colour(const struct message *m)
{
	return message_is_resolved(m) ? "#2eb886" : is_critical(m) ? "#a30200" : "#daa038";
}

/* {text, attachments: [{color, text, ts}]}: Slack's, which Mattermost also has. @title, @text: as they are shown. */
static struct json_object *
chat_body(const struct message *m, const char *title, const char *text)
{
	struct json_object *body = json_object_new_object();
	struct json_object *attachments = json_object_new_array();
	struct json_object *attachment = json_object_new_object();

	json_add_string(attachment, "fallback", title);
	json_add_string(attachment, "color", chat_colour(m));
	json_add_string(attachment, "text", text);
	json_add_int(attachment, "ts", m->ended_at ? m->ended_at : m->begun_at);
	json_object_array_add(attachments, attachment);
	json_add_string(body, "text", title);
	json_object_object_add(body, "attachments", attachments);
	return body;
}

/* As code, in which Mattermost neither formats nor mentions. */
static char *
mattermost_code(const char *text)
{
	char *code = xasprintf("`%s`", text);

	for (char *c = code + 1; *c && c[1]; c++)
		if (*c == '`')
			*c = '\'';
	return code;
}

/* @quote: makes a text one that the service shows as it is; owned by the caller. */
static int
body_chat(const struct message *m, const char *host, char *(*quote)(const char *text), struct webhook_request *r)
{
	_cleanup_free_ char *subject = message_subject(m);
	_cleanup_free_ char *text = webhook_text(m, host);
	_cleanup_free_ char *safe_subject = quote(subject);
	_cleanup_free_ char *safe_text = quote(text);

	r->body = chat_body(m, safe_subject, safe_text);
	return 0;
}

static int
body_slack(const struct message *m, const char *host, int64_t now _unused_, struct webhook_request *r,
	struct error *err _unused_)
{
	return body_chat(m, host, slack_escape, r);
}

static int
body_mattermost(const struct message *m, const char *host, int64_t now _unused_, struct webhook_request *r,
	struct error *err _unused_)
{
	return body_chat(m, host, mattermost_code, r);
}

/* --- ntfy --- */

/* Its JSON is posted to the root and contains the topic, which is the path of the declared URL. */
static int
body_ntfy(const struct message *m, const char *host, int64_t now _unused_, struct webhook_request *r, struct error *err)
{
	char *topic = strrchr(r->url, '/');
	_cleanup_free_ char *subject = message_subject(m);
	_cleanup_free_ char *text = webhook_text(m, host);
	struct json_object *tags = json_object_new_array();

	r->body = json_object_new_object();
	json_object_object_add(r->body, "tags", tags);
	if (!topic || topic < strstr(r->url, "://") + 3 || !topic[1] || strpbrk(topic, "?#"))
		return error_set(
			err, ERROR_INVALID, "the URL does not end with a topic, as https://ntfy.sh/TOPIC does");
	json_add_string(r->body, "topic", topic + 1);
	topic[1] = '\0';
	json_add_string(r->body, "title", subject);
	json_add_string(r->body, "message", text);
	json_add_int(r->body, "priority", message_is_resolved(m) ? 3 : is_critical(m) ? 5 : 4);
	json_object_array_add(tags, json_object_new_string(message_is_resolved(m) ? "white_check_mark" : "warning"));
	return 0;
}

/* --- Alertmanager, API v2 --- */

static struct json_object *
alertmanager_alert(const struct message *m, const char *host, const char *severity, bool is_over, int64_t now)
{
	struct json_object *alert = json_object_new_object();
	struct json_object *labels = json_object_new_object();
	struct json_object *annotations = json_object_new_object();
	bool is_test = strcmp(m->status, "test") == 0;
	int64_t ended_at = m->ended_at ? m->ended_at : now;
	_cleanup_free_ char *text = webhook_text(m, host);

	json_add_string(labels, "alertname", "certd");
	json_add_string(labels, "condition", m->condition);
	json_add_string(labels, "severity", severity);
	json_add_string(labels, "instance", host);
	if (m->type) {
		json_add_string(labels, "type", m->type);
		json_add_string(labels, "name", m->name);
	}
	json_add_string(annotations, "summary", m->title);
	json_add_string(annotations, "description", text);
	json_object_object_add(alert, "labels", labels);
	json_object_object_add(alert, "annotations", annotations);
	json_add_time(alert, "startsAt", m->begun_at);
	json_add_time(
		alert, "endsAt", is_over ? ended_at : time_add(now, is_test ? TEST_ENDS_AFTER_SEC : ENDS_AFTER_SEC));
	return alert;
}

/* The severity is a label, because routes need it: when it rises, the alert with the former one is over. */
static int
body_alertmanager(
	const struct message *m, const char *host, int64_t now, struct webhook_request *r, struct error *err _unused_)
{
	static const char path[] = "/api/v2/alerts";
	size_t len = strlen(r->url);
	bool is_over = message_is_resolved(m);

	while (len && r->url[len - 1] == '/')
		len--;
	if (len < strlen(path) || strncmp(r->url + len - strlen(path), path, strlen(path)) != 0) {
		char *whole = xasprintf("%.*s%s", (int)len, r->url, path);

		explicit_bzero(r->url, strlen(r->url));
		free(r->url);
		r->url = whole;
	}
	r->body = json_object_new_array();
	if (is_over && is_critical(m))
		json_object_array_add(r->body, alertmanager_alert(m, host, "warning", true, now));
	else if (m->was)
		json_object_array_add(r->body, alertmanager_alert(m, host, m->was, true, now));
	json_object_array_add(r->body, alertmanager_alert(m, host, m->severity, is_over, now));
	return 0;
}

/* --- all --- */

#define TEMPLATE_ROW(name_, help_) { #name_, body_##name_ },
static const struct {
	const char *name;
	body_fn *make;
} templates[] = { ALERT_TEMPLATES(TEMPLATE_ROW) };

int
webhook_request_make(const char *template, const char *url, const struct message *m, const char *host, int64_t now,
	struct webhook_request *ret, struct error *err)
{
	size_t i = 0;

	*ret = (struct webhook_request){ .url = xstrdup(url) };
	while (template && i < ARRAY_SIZE(templates) - 1 && strcmp(templates[i].name, template) != 0)
		i++;
	return templates[i].make(m, host, now, ret, err);
}
