/* alert: a destination that is notified of trouble. */
#include "common/api/api_fields.h"

#include "common/api/alert_kinds.h"

/* One row per line is easier to compare. */
/* clang-format off */

static const char *const alert_kinds[] = { ALERT_KINDS(ALERT_KIND_NAME) NULL };
static const char *const alert_templates[] = { ALERT_TEMPLATES(ALERT_KIND_NAME) NULL };
static const char *const alert_securities[] = { "starttls", "tls", "none", NULL };
static const char *const alert_severities[] = { "warning", "critical", NULL };

const struct api_field api_alert_properties[] = {
	NAME_FIELD("name of the destination"),
	{ .name = "kind", .type = API_ENUM, .flags = API_REQUIRED, .values = alert_kinds,
		.help = "how it is notified" ALERT_KINDS(ALERT_KIND_HELP) },
	{ .name = "url", .type = API_SECRET, .metavar = "FILE", .max = 2048,
		.help = "webhook: URL for the requests, https, or http on this host" },
	{ .name = "template", .type = API_ENUM, .values = alert_templates, .fallback = "json",
		.help = "webhook: format of the body" },
	{ .name = "headers", .type = API_SECRET, .metavar = "FILE", .max = 8192,
		.help = "webhook: further headers, one 'Name: value' on each line" },
	{ .name = "to", .type = API_STRLIST, .metavar = "ADDRESS", .help = "mail: recipient" },
	{ .name = "from", .type = API_STRING, .metavar = "ADDRESS", .help = "mail: sender",
		.fallback = "certd at this host" },
	{ .name = "server", .type = API_STRING, .metavar = "HOST[:PORT]", .help = "mail: SMTP server; the port is "
		"587, or 465 with security tls, or 25 with security none" },
	{ .name = "security", .type = API_ENUM, .values = alert_securities, .fallback = "starttls",
		.help = "mail: TLS of the connection; none: without TLS, and without a password" },
	{ .name = "user", .type = API_STRING, .metavar = "NAME", .help = "mail: user name at the server" },
	{ .name = "password", .type = API_SECRET, .metavar = "FILE", .max = 1024,
		.help = "mail: password of that user" },
	{ .name = "command", .type = API_STRLIST, .flags = API_VERBATIM, .metavar = "WORD",
		.help = "command: absolute path of the program, then its arguments, one option each" },
	{ .name = "caFile", .type = API_PATH, .metavar = "FILE",
		.help = "webhook, mail: root certificates (PEM) for TLS", .fallback = "the system's" },
	{ .name = "minimumSeverity", .type = API_ENUM, .values = alert_severities, .fallback = "warning",
		.help = "least severity that is reported" },
	{ .name = "conditions", .type = API_STRLIST, .option = "condition", .metavar = "WORD", .fallback = "all",
		.help = "only this condition:" CONDITIONS(CONDITION_HELP) },
	LABELS_FIELD("only certificates with this label; conditions of certd itself are then not reported"),
	END,
};

const struct api_field api_alert_metadata[] = {
	{ .name = "endpoint", .type = API_STRING, .help = "where it sends to: host, recipients or program" },
	{ .name = "queued", .type = API_INT, .help = "number of messages that wait" },
	{ .name = "lastSentDate", .type = API_TIME, .help = "time of the last delivery" },
	{ .name = "attempts", .type = API_INT, .help = "number of consecutive failed attempts" },
	{ .name = "nextDate", .type = API_TIME, .help = "time of the next attempt" },
	{ .name = "lastError", .type = API_OBJECT, .fields = api_error_fields, .help = "why the last attempt failed" },
	END,
};

const struct api_column api_alert_columns[] = {
	{ "NAME", "properties.name", 0 },
	{ "KIND", "properties.kind", 2 },
	{ "ENDPOINT", "metadata.endpoint", 3 },
	{ "SEVERITY", "properties.minimumSeverity", 4 },
	{ "QUEUED", "metadata.queued", 2 },
	{ "STATE", "metadata.state", 0 },
	{ "MESSAGE", "metadata.message", 1 },
	{ .title = NULL },
};

const struct api_field api_alert_ref[] = { REF_FIELD("alert"), END };
const struct api_field api_alert_change[] = { REF_FIELD("alert"), DRY_RUN, END };

const struct api_field api_alert_test_result[] = {
	{ .name = "endpoint", .type = API_STRING, .help = "where it was sent to" },
	{ .name = "answer", .type = API_STRING, .help = "answer of the server or program, in its own words" },
	END,
};
