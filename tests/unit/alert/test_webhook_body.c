#include "daemon/alert/webhook_body.h"

#include "common/error.h"

#include <criterion/criterion.h>
#include <string.h>

enum { NOW = 1700000000 };

static char id[] = "i.warning", incident[] = "i", condition[] = "late", firing[] = "firing", resolved[] = "resolved",
	    warning[] = "warning", critical[] = "critical", type[] = "autocertificate", object[] = "7",
	    name[] = "www.example.test", title[] = "certificate is not renewed in time",
	    text[] = "the CA said: <!channel> @all `x` & \"y\"";

static const struct message usual = { .id = id,
	.incident = incident,
	.condition = condition,
	.status = firing,
	.severity = warning,
	.type = type,
	.object = object,
	.name = name,
	.title = title,
	.text = text,
	.begun_at = NOW };

static void
make(const char *template, const char *url, const struct message *m, struct webhook_request *ret)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_assert_eq(webhook_request_make(template, url, m, "host", NOW + 60, ret, &err), 0, "%s", err.message);
}

static const char *
text_at(struct json_object *o, const char *path)
{
	struct json_object *value = json_path(o, path);

	return value ? json_object_get_string(value) : "";
}

static const char *
attached(const struct webhook_request *r, const char *member)
{
	return text_at(json_object_array_get_idx(json_path(r->body, "attachments"), 0), member);
}

Test(webhook_body, json_has_all_there_is)
{
	_cleanup_webhook_request_ struct webhook_request r = { .url = NULL };
	struct message m = usual;

	make(NULL, "https://a.test/x", &m, &r);
	cr_expect_str_eq(r.url, "https://a.test/x");
	cr_expect_str_eq(text_at(r.body, "id"), "i.warning");
	cr_expect_str_eq(text_at(r.body, "object.name"), name);
	cr_expect_str_eq(text_at(r.body, "message"), text);
	cr_expect_str_eq(text_at(r.body, "startsAt"), "2023-11-14T22:13:20Z");
	cr_expect_str_eq(text_at(r.body, "endsAt"), "");
}

Test(webhook_body, a_text_from_outside_is_no_mention_and_no_markup_in_a_chat_room)
{
	_cleanup_webhook_request_ struct webhook_request slack = { .url = NULL };
	_cleanup_webhook_request_ struct webhook_request mattermost = { .url = NULL };

	make("slack", "https://a.test/x", &usual, &slack);
	cr_expect_str_eq(text_at(slack.body, "text"), "[warning] www.example.test: certificate is not renewed in time");
	cr_expect_null(strchr(attached(&slack, "text"), '<'));
	cr_expect_not_null(strstr(attached(&slack, "text"), "&lt;!channel&gt; @all `x` &amp; \"y\""));
	make("mattermost", "https://a.test/x", &usual, &mattermost);
	cr_expect_str_eq(attached(&mattermost, "text"), "`the CA said: <!channel> @all 'x' & \"y\" (on host)`");
}

Test(webhook_body, the_topic_of_ntfy_is_the_end_of_its_url)
{
	static const char *const bad[] = { "https://ntfy.test", "https://ntfy.test/", "https://ntfy.test/a?b" };
	_cleanup_webhook_request_ struct webhook_request r = { .url = NULL };
	struct message m = usual;

	make("ntfy", "https://ntfy.test/sub/ops", &m, &r);
	cr_expect_str_eq(r.url, "https://ntfy.test/sub/");
	cr_expect_str_eq(text_at(r.body, "topic"), "ops");
	cr_expect_str_eq(text_at(r.body, "priority"), "4");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_webhook_request_ struct webhook_request no = { .url = NULL };
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(webhook_request_make("ntfy", bad[i], &m, "host", NOW, &no, &err), -1, "%s", bad[i]);
		cr_expect_eq(err.code, ERROR_INVALID);
	}
}

Test(webhook_body, an_alert_of_alertmanager_lasts_until_its_end_is_reported)
{
	_cleanup_webhook_request_ struct webhook_request begun = { .url = NULL };
	_cleanup_webhook_request_ struct webhook_request ended = { .url = NULL };
	struct message m = usual;
	struct json_object *a, *b;

	make("alertmanager", "http://localhost:9093/", &m, &begun);
	cr_expect_str_eq(begun.url, "http://localhost:9093/api/v2/alerts");
	cr_assert_eq(json_object_array_length(begun.body), 1);
	a = json_object_array_get_idx(begun.body, 0);
	cr_expect_str_eq(text_at(a, "labels.alertname"), "certd");
	cr_expect_str_eq(text_at(a, "labels.name"), name);
	cr_expect_str_eq(text_at(a, "startsAt"), "2023-11-14T22:13:20Z");
	cr_expect_str_eq(text_at(a, "endsAt"), "2023-12-14T22:14:20Z", "without it, it would end in five minutes");
	m.status = resolved;
	m.ended_at = NOW + 30;
	make("alertmanager", "http://localhost:9093/api/v2/alerts", &m, &ended);
	cr_expect_str_eq(ended.url, "http://localhost:9093/api/v2/alerts");
	b = json_object_array_get_idx(ended.body, 0);
	cr_expect_str_eq(text_at(b, "endsAt"), "2023-11-14T22:13:50Z");
	cr_expect(json_object_equal(json_path(a, "labels"), json_path(b, "labels")), "or it would be another alert");
}

Test(webhook_body, alertmanager_has_one_severity_at_a_time)
{
	_cleanup_webhook_request_ struct webhook_request worse = { .url = NULL };
	_cleanup_webhook_request_ struct webhook_request ended = { .url = NULL };
	struct message m = usual;

	m.severity = critical;
	m.was = warning;
	make("alertmanager", "http://localhost:9093", &m, &worse);
	cr_assert_eq(json_object_array_length(worse.body), 2);
	cr_expect_str_eq(text_at(json_object_array_get_idx(worse.body, 0), "labels.severity"), "warning");
	cr_expect_str_eq(text_at(json_object_array_get_idx(worse.body, 0), "endsAt"), "2023-11-14T22:14:20Z");
	cr_expect_str_eq(text_at(json_object_array_get_idx(worse.body, 1), "labels.severity"), "critical");
	m.status = resolved;
	m.was = NULL;
	m.ended_at = NOW + 30;
	make("alertmanager", "http://localhost:9093", &m, &ended);
	cr_expect_eq(json_object_array_length(ended.body), 2, "both are over");
}

Test(webhook_body, what_was_merged_is_said)
{
	_cleanup_webhook_request_ struct webhook_request r = { .url = NULL };
	struct message m = usual;

	m.merged = 41;
	make("ntfy", "https://ntfy.test/ops", &m, &r);
	cr_expect_not_null(strstr(text_at(r.body, "message"), "41 earlier messages"));
}

#define TITLE "certificate is not renewed in time"
#define SAID "the CA said: <!channel> @all `x` & \\\"y\\\""
#define COMMA_OBJECT ",\"type\":\"autocertificate\",\"name\":\"www.example.test\""
#define ALERT(severity_, object_, ends_) \
	"{\"labels\":{\"alertname\":\"certd\",\"condition\":\"late\",\"severity\":\"" severity_ "\"," \
	"\"instance\":\"host\"" object_ "}," \
	"\"annotations\":{\"summary\":\"" TITLE "\",\"description\":\"" SAID " (on host)\"}," \
	"\"startsAt\":\"2023-11-14T22:13:20Z\",\"endsAt\":\"" ends_ "\"}"

/* Each format as a whole: a member that is missing, or of another type, is an alert that nobody sees. */
Test(webhook_body, each_format_is_what_its_receiver_reads)
{
	static char test[] = "test";
	static const struct {
		const char *template, *url;
		char *status, *severity, *was;
		int64_t ended_at, merged;
		bool is_about_certd;
		const char *sent_to, *body;
	} cases[] = {
		{ NULL, "https://a.test/x", firing, critical, warning, 0, 3, false, "https://a.test/x",
			"{\"id\":\"i.warning\",\"incident\":\"i\",\"status\":\"firing\","
			"\"condition\":\"late\",\"severity\":\"critical\",\"title\":\"" TITLE "\",\"message\":\"" SAID
			"\",\"host\":\"host\",\"object\":{\"type\":\"autocertificate\","
			"\"id\":\"7\",\"name\":\"www.example.test\"},"
			"\"startsAt\":\"2023-11-14T22:13:20Z\",\"merged\":3}" },
		{ "json", "https://a.test/x", resolved, warning, NULL, NOW + 30, 0, true, "https://a.test/x",
			"{\"id\":\"i.warning\",\"incident\":\"i\",\"status\":\"resolved\","
			"\"condition\":\"late\",\"severity\":\"warning\",\"title\":\"" TITLE "\",\"message\":\"" SAID
			"\",\"host\":\"host\",\"startsAt\":\"2023-11-14T22:13:20Z\","
			"\"endsAt\":\"2023-11-14T22:13:50Z\"}" },
		{ "slack", "https://a.test/x", firing, warning, NULL, 0, 0, false, "https://a.test/x",
			"{\"text\":\"[warning] www.example.test: " TITLE
			"\",\"attachments\":[{\"fallback\":\"[warning] www.example.test: " TITLE
			"\",\"color\":\"#daa038\","
			"\"text\":\"the CA said: &lt;!channel&gt; @all `x` &amp; \\\"y\\\" (on host)\","
			"\"ts\":1700000000}]}" },
		{ "slack", "https://a.test/x", firing, critical, NULL, 0, 0, true, "https://a.test/x",
			"{\"text\":\"[critical] " TITLE "\","
			"\"attachments\":[{\"fallback\":\"[critical] " TITLE "\",\"color\":\"#a30200\","
			"\"text\":\"the CA said: &lt;!channel&gt; @all `x` &amp; \\\"y\\\" (on host)\","
			"\"ts\":1700000000}]}" },
		{ "mattermost", "https://a.test/x", resolved, critical, NULL, NOW + 30, 0, false, "https://a.test/x",
			"{\"text\":\"`[resolved] www.example.test: " TITLE
			"`\",\"attachments\":[{\"fallback\":\"`[resolved] www.example.test: " TITLE
			"`\",\"color\":\"#2eb886\","
			"\"text\":\"`the CA said: <!channel> @all 'x' & \\\"y\\\" (on host)`\","
			"\"ts\":1700000030}]}" },
		{ "ntfy", "https://ntfy.test/o", firing, warning, NULL, 0, 0, false, "https://ntfy.test/",
			"{\"tags\":[\"warning\"],\"topic\":\"o\","
			"\"title\":\"[warning] www.example.test: " TITLE "\",\"message\":\"" SAID
			" (on host)\",\"priority\":4}" },
		{ "ntfy", "https://ntfy.test/ops", firing, critical, NULL, 0, 0, false, "https://ntfy.test/",
			"{\"tags\":[\"warning\"],\"topic\":\"ops\","
			"\"title\":\"[critical] www.example.test: " TITLE "\",\"message\":\"" SAID
			" (on host)\",\"priority\":5}" },
		{ "ntfy", "https://ntfy.test/ops", resolved, critical, NULL, NOW + 30, 0, true, "https://ntfy.test/",
			"{\"tags\":[\"white_check_mark\"],\"topic\":\"ops\",\"title\":\"[resolved] " TITLE
			"\",\"message\":\"" SAID " (on host)\",\"priority\":3}" },
		{ "alertmanager", "http://a.test/api/v2/alerts", firing, warning, NULL, 0, 0, false,
			"http://a.test/api/v2/alerts", "[" ALERT("warning", COMMA_OBJECT, "2023-12-14T22:14:20Z") "]" },
		{ "alertmanager", "/api/v2/alerts", test, warning, NULL, 0, 0, true, "/api/v2/alerts",
			"[" ALERT("warning", "", "2023-11-14T22:19:20Z") "]" },
		{ "alertmanager", "http://a.test/p//", firing, critical, warning, 0, 0, true,
			"http://a.test/p/api/v2/alerts",
			"[" ALERT("warning", "", "2023-11-14T22:14:20Z") "," ALERT(
				"critical", "", "2023-12-14T22:14:20Z") "]" },
		{ "alertmanager", "http://a.test", resolved, critical, NULL, NOW + 30, 0, true,
			"http://a.test/api/v2/alerts",
			"[" ALERT("warning", "", "2023-11-14T22:13:50Z") "," ALERT(
				"critical", "", "2023-11-14T22:13:50Z") "]" },
		{ "alertmanager", "http://a.test", resolved, warning, NULL, NOW + 30, 0, true,
			"http://a.test/api/v2/alerts", "[" ALERT("warning", "", "2023-11-14T22:13:50Z") "]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_webhook_request_ struct webhook_request r = { .url = NULL };
		struct message m = usual;

		m.status = cases[i].status;
		m.severity = cases[i].severity;
		m.was = cases[i].was;
		m.ended_at = cases[i].ended_at;
		m.merged = cases[i].merged;
		if (cases[i].is_about_certd)
			m.type = m.object = m.name = NULL;
		make(cases[i].template, cases[i].url, &m, &r);
		cr_expect_str_eq(r.url, cases[i].sent_to, "%zu", i);
		cr_expect_str_eq(
			json_object_to_json_string_ext(r.body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
			cases[i].body, "%zu", i);
		webhook_request_clear(&r);
		cr_expect(!r.url && !r.body, "it can be cleared again");
	}
}
