/* alert: a destination that is notified of trouble. The settings of its kinds are in alert_kinds.c. */
#include "common/api/api_fields.h"

#include "common/api/alert_kinds.h"

/* One row per line is easier to compare. */
/* clang-format off */

static const char *const kind_names[] = { ALERT_KINDS(ALERT_KIND_NAME) NULL };
static const char *const alert_severities[] = { "warning", "critical", NULL };

static const struct api_field head[] = {
	NAME_FIELD("name of the destination"),
	{ .name = "kind", .type = API_ENUM, .flags = API_REQUIRED, .values = kind_names,
		.help = "how it is notified" },
	END,
};

static const struct api_field tail[] = {
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
/* clang-format on */

struct api_field api_alert_properties[API_KINDS_PROPERTIES];

__attribute__((constructor)) static void
api_alert_fill(void)
{
	api_kinds_fill(&alert_kinds, head, tail, api_alert_properties);
}
