/* The settings of each kind of DNS provider. */
#include "common/api/dns_kinds.h"

#include "common/alloc.h"

/* One row per line is easier to compare. */
/* clang-format off */

#define END { .name = NULL }
#define TOKEN(help_) \
	{ .name = "token", .type = API_SECRET, .flags = API_REQUIRED, .metavar = "FILE", .help = help_ }
#define ENDPOINT(url) \
	{ .name = "endpoint", .type = API_STRING, .metavar = "URL", .help = "URL of the API", .fallback = url }

const char *const tsig_algorithms[] = { "hmac-sha256", "hmac-sha512", "hmac-sha384", "hmac-sha224", "hmac-sha1",
	NULL };

static const struct api_field rfc2136_settings[] = {
	{ .name = "server", .type = API_STRING, .flags = API_REQUIRED, .metavar = "ADDRESS[:PORT]",
		.help = "primary server of the zone" },
	{ .name = "tsigName", .type = API_STRING, .metavar = "NAME", .help = "name of the TSIG key",
		.fallback = "from the key file" },
	{ .name = "tsigAlgorithm", .type = API_ENUM, .values = tsig_algorithms,
		.help = "algorithm of the TSIG key", .fallback = "from the key file, else hmac-sha256" },
	{ .name = "tsigKey", .type = API_SECRET, .flags = API_BASE64, .metavar = "FILE",
		.help = "TSIG key as written by tsig-keygen or keymgr, or its secret in base64" },
	END,
};

const char *const dns_exec_conventions[] = { "lego", "lego-raw", "certbot", "dehydrated", "acme.sh", NULL };

static const struct api_field exec_settings[] = {
	{ .name = "command", .type = API_PATH, .flags = API_REQUIRED, .metavar = "PROGRAM",
		.help = "program that adds and removes records" },
	{ .name = "convention", .type = API_ENUM, .values = dns_exec_conventions,
		.help = "ACME client whose hooks the program is written for", .fallback = "lego" },
	{ .name = "cleanupCommand", .type = API_PATH, .metavar = "PROGRAM",
		.help = "program that removes records, for certbot's convention" },
	END,
};

static const struct api_field ionoscloud_settings[] = {
	TOKEN("API token"),
	ENDPOINT("https://dns.de-fra.ionos.com"),
	END,
};

static const struct api_field cloudflare_settings[] = {
	TOKEN("API token with the permissions Zone Read and DNS Edit"),
	ENDPOINT("https://api.cloudflare.com/client/v4"),
	END,
};

static const struct api_field powerdns_settings[] = {
	TOKEN("API key (api-key in pdns.conf)"),
	ENDPOINT("http://127.0.0.1:8081"),
	END,
};

#define KIND_ROW(kind, help) { #kind, help, kind##_settings },
static const struct api_kind rows[] = { DNS_KINDS(KIND_ROW) };
const struct api_kinds dns_kinds = { .property = "kind", .items = rows, .count = DNS_KIND_COUNT };
