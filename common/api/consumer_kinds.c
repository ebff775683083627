/* The settings of each kind of consumer. */
#include "common/api/consumer_kinds.h"

#include "common/alloc.h"

/* One row per line is easier to compare. */
/* clang-format off */

#define END { .name = NULL }

static const struct api_field none_settings[] = { END };

static const struct api_field notify_settings[] = {
	{ .name = "socket", .type = API_STRING, .flags = API_REQUIRED, .option = "notify-socket", .metavar = "PATH",
		.help = "socket for the datagram; @NAME is an abstract socket" },
	END,
};

static const struct api_field exec_settings[] = {
	{ .name = "command", .type = API_STRLIST, .flags = API_REQUIRED | API_VERBATIM, .metavar = "WORD",
		.help = "absolute path of the program, then its arguments, one option each" },
	{ .name = "batch", .type = API_BOOL,
		.help = "run the program once for all certificates that change within a few seconds" },
	END,
};

static const struct api_field unit_settings[] = {
	{ .name = "unit", .type = API_STRING, .flags = API_REQUIRED, .metavar = "UNIT",
		.help = "systemd unit to start or reload, e.g. certd-reload-app.service" },
	END,
};

static const char *const signals[] = { "HUP", "USR1", "USR2", "INT", "TERM", NULL };

static const struct api_field signal_settings[] = {
	{ .name = "pidFile", .type = API_PATH, .flags = API_REQUIRED, .metavar = "FILE",
		.help = "file with the number of the process" },
	{ .name = "signal", .type = API_ENUM, .values = signals, .help = "name of the signal", .fallback = "HUP" },
	END,
};

static const struct api_field haproxy_settings[] = {
	{ .name = "sockets", .type = API_STRLIST, .flags = API_REQUIRED | API_VERBATIM, .option = "stats-socket",
		.metavar = "PATH", .help = "stats socket (level admin), one option for each process" },
	{ .name = "crtList", .type = API_STRING, .option = "crt-list", .metavar = "FILE",
		.help = "crt-list or directory of its bind line to which new certificates are added",
		.fallback = "the directory of the file" },
	END,
};

#define KIND_ROW(kind, help) { #kind, help, kind##_settings },
static const struct api_kind rows[] = { CONSUMER_KINDS(KIND_ROW) };
const struct api_kinds consumer_kinds = {
	.property = "activate", .items = rows, .count = ARRAY_SIZE(rows), .has_default = true
};
