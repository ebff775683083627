/* The settings of each kind of alert destination. */
#include "common/api/alert_kinds.h"

#include "common/alloc.h"

/* One row per line is easier to compare. */
/* clang-format off */

#define END { .name = NULL }
#define CA_FILE \
	{ .name = "caFile", .type = API_PATH, .metavar = "FILE", .help = "root certificates (PEM) for TLS", \
		.fallback = "the system's" }

static const char *const templates[] = { ALERT_TEMPLATES(ALERT_KIND_NAME) NULL };

static const struct api_field webhook_settings[] = {
	{ .name = "url", .type = API_SECRET, .flags = API_REQUIRED, .metavar = "FILE", .max = 2048,
		.help = "URL for the requests, https, or http on this host" },
	{ .name = "template", .type = API_ENUM, .values = templates, .fallback = "json",
		.help = "format of the body" },
	{ .name = "headers", .type = API_SECRET, .metavar = "FILE", .max = 8192,
		.help = "further headers, one 'Name: value' on each line" },
	CA_FILE,
	END,
};

static const char *const securities[] = { "starttls", "tls", "none", NULL };

static const struct api_field mail_settings[] = {
	{ .name = "to", .type = API_STRLIST, .flags = API_REQUIRED, .metavar = "ADDRESS", .help = "recipient" },
	{ .name = "from", .type = API_STRING, .metavar = "ADDRESS", .help = "sender",
		.fallback = "certd at this host" },
	{ .name = "server", .type = API_STRING, .flags = API_REQUIRED, .metavar = "HOST[:PORT]",
		.help = "SMTP server; the port is 587, or 465 with security tls, or 25 with security none" },
	{ .name = "security", .type = API_ENUM, .values = securities, .fallback = "starttls",
		.help = "TLS of the connection; none: without TLS, and without a password" },
	{ .name = "user", .type = API_STRING, .metavar = "NAME", .help = "user name at the server" },
	{ .name = "password", .type = API_SECRET, .metavar = "FILE", .max = 1024, .help = "password of that user" },
	CA_FILE,
	END,
};

static const struct api_field command_settings[] = {
	{ .name = "command", .type = API_STRLIST, .flags = API_REQUIRED | API_VERBATIM, .metavar = "WORD",
		.help = "absolute path of the program, then its arguments, one option each" },
	END,
};

#define KIND_ROW(kind, help) { #kind, help, kind##_settings },
static const struct api_kind rows[] = { ALERT_KINDS(KIND_ROW) };
const struct api_kinds alert_kinds = { .property = "kind", .items = rows, .count = ARRAY_SIZE(rows) };
