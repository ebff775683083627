/*
 * The settings of each kind of DNS provider, and the API's properties derived from them. A setting of several kinds is
 * one property, whose help describes it for each of them.
 */
#include "common/api/dns_kinds.h"

#include "common/alloc.h"
#include "common/buf.h"

#include <stdlib.h>
#include <string.h>

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
const struct dns_kind dns_kinds[DNS_KIND_COUNT] = { DNS_KINDS(KIND_ROW) };

#define KIND_NAME(kind, help) #kind,
static const char *const kind_names[] = { DNS_KINDS(KIND_NAME) NULL };

static const struct api_field head[] = {
	{ .name = "name", .type = API_STRING, .flags = API_REQUIRED, .metavar = "NAME",
		.help = "name of the DNS provider" },
	{ .name = "kind", .type = API_ENUM, .flags = API_REQUIRED | API_IMMUTABLE, .values = kind_names },
	{ .name = "zones", .type = API_STRLIST, .option = "zone", .metavar = "ZONE",
		.help = "zone that this provider manages" },
	END,
};

static const struct api_field tail[] = {
	{ .name = "ttl", .type = API_SPAN, .min = 1, .max = 86400, .metavar = "SPAN",
		.help = "TTL of the TXT records", .fallback = "60s" },
	{ .name = "propagationTimeout", .type = API_SPAN, .min = 1, .max = 3600, .metavar = "SPAN",
		.help = "maximum wait for a record to be visible on all servers of the zone", .fallback = "2m" },
	{ .name = "validateUnseen", .type = API_BOOL,
		.help = "ask the CA even if no server has the record after that time" },
	{ .name = "nameservers", .type = API_STRLIST, .option = "nameserver", .metavar = "HOST[:PORT]",
		.help = "server to query for the record", .fallback = "the servers of the zone" },
	END,
};
/* clang-format on */

enum { PROPERTIES_MAX = 48 };

struct api_field dns_kinds_properties[PROPERTIES_MAX + 1];
static size_t n_properties;

const struct dns_kind *
dns_kind_find(const char *name)
{
	for (size_t i = 0; name && i < DNS_KIND_COUNT; i++)
		if (strcmp(dns_kinds[i].name, name) == 0)
			return &dns_kinds[i];
	return NULL;
}

const struct api_field *
dns_kind_setting(const struct dns_kind *kind, const char *name)
{
	const struct api_field *found = kind ? api_field_find(kind->settings, name) : NULL;

	for (size_t i = 0; !kind && !found && i < DNS_KIND_COUNT; i++)
		found = api_field_find(dns_kinds[i].settings, name);
	return found;
}

/* The help of the setting for one kind. */
static char *
describe(const struct api_field *setting)
{
	return xasprintf("%s%s%s%s%s", setting->help, setting->flags & API_REQUIRED ? " (required)" : "",
		setting->fallback ? " (default: " : "", setting->fallback ? setting->fallback : "",
		setting->fallback ? ")" : "");
}

/* Does an earlier kind describe the setting in the same words? */
static bool
is_described(const char *name, const char *text, size_t before)
{
	for (size_t i = 0; i < before; i++) {
		const struct api_field *other = api_field_find(dns_kinds[i].settings, name);
		_cleanup_free_ char *words = other ? describe(other) : NULL;

		if (words && strcmp(words, text) == 0)
			return true;
	}
	return false;
}

/* "ionoscloud, cloudflare: API token; powerdns: ..." */
static char *
describe_for_all(const char *name)
{
	struct buf help = BUF_INIT;

	for (size_t i = 0; i < DNS_KIND_COUNT; i++) {
		const struct api_field *setting = api_field_find(dns_kinds[i].settings, name);
		_cleanup_free_ char *text = setting ? describe(setting) : NULL;

		if (!text || is_described(name, text, i))
			continue;
		buf_printf(&help, "%s%s", help.len ? "; " : "", dns_kinds[i].name);
		for (size_t j = i + 1; j < DNS_KIND_COUNT; j++) {
			const struct api_field *other = api_field_find(dns_kinds[j].settings, name);
			_cleanup_free_ char *words = other ? describe(other) : NULL;

			if (words && strcmp(words, text) == 0)
				buf_printf(&help, ", %s", dns_kinds[j].name);
		}
		buf_printf(&help, ": %s", text);
	}
	return buf_steal(&help);
}

static char *
describe_kinds(void)
{
	struct buf help = BUF_INIT;

	for (size_t i = 0; i < DNS_KIND_COUNT; i++)
		buf_printf(&help, "%s%s: %s", i ? "; " : "", dns_kinds[i].name, dns_kinds[i].help);
	return buf_steal(&help);
}

static struct api_field *
add_property(const struct api_field *field)
{
	if (n_properties == PROPERTIES_MAX)
		abort();
	dns_kinds_properties[n_properties] = *field;
	return &dns_kinds_properties[n_properties++];
}

__attribute__((constructor)) static void
fill_properties(void)
{
	for (const struct api_field *f = head; f->name; f++)
		add_property(f);
	dns_kinds_properties[1].help = describe_kinds();
	for (size_t i = 0; i < DNS_KIND_COUNT; i++) {
		for (const struct api_field *f = dns_kinds[i].settings; f->name; f++) {
			struct api_field *property;

			if (api_field_find(dns_kinds_properties, f->name))
				continue;
			property = add_property(f);
			property->flags &= ~(unsigned)API_REQUIRED;
			property->help = describe_for_all(f->name);
			property->fallback = NULL;
		}
	}
	for (const struct api_field *f = tail; f->name; f++)
		add_property(f);
}
