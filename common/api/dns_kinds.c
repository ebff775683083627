/* The settings of each kind of DNS provider. */
#include "common/api/dns_kinds.h"

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

const char *const dns_exec_conventions[] = { "lego", "lego-raw", "certbot", "dehydrated", "acme.sh", "uacme",
	NULL };

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

static const struct api_field acmedns_settings[] = {
	{ .name = "token", .type = API_SECRET, .metavar = "FILE", .help = "password of the account" },
	{ .name = "username", .type = API_STRING, .metavar = "NAME",
		.help = "user name of the account; without token, username and subdomain certd registers an account" },
	{ .name = "subdomain", .type = API_STRING, .metavar = "LABEL",
		.help = "subdomain of the account, the first label of its full domain" },
	{ .name = "endpoint", .type = API_STRING, .flags = API_REQUIRED, .metavar = "URL", .help = "URL of the API" },
	END,
};

static const char *const httpreq_modes[] = { "default", "raw", NULL };

static const struct api_field httpreq_settings[] = {
	{ .name = "endpoint", .type = API_STRING, .flags = API_REQUIRED, .metavar = "URL", .help = "URL of the API" },
	{ .name = "username", .type = API_STRING, .metavar = "NAME", .help = "user name for basic authentication" },
	{ .name = "token", .type = API_SECRET, .metavar = "FILE", .help = "password for basic authentication" },
	{ .name = "mode", .type = API_ENUM, .values = httpreq_modes,
		.help = "default: it gets owner name and value; raw: domain, token and key authorization",
		.fallback = "default" },
	END,
};

#define TOKEN_KIND(kind, help, url) \
	static const struct api_field kind##_settings[] = { TOKEN(help), ENDPOINT(url), END }

TOKEN_KIND(bunny, "API key of the account", "https://api.bunny.net");
TOKEN_KIND(desec, "API token", "https://desec.io/api/v1");
TOKEN_KIND(digitalocean, "API token with the scope domain", "https://api.digitalocean.com/v2");
TOKEN_KIND(gandi, "personal access token that may manage domain name technical configurations",
	"https://api.gandi.net/v5/livedns");
TOKEN_KIND(godaddy, "API key and secret, written as KEY:SECRET", "https://api.godaddy.com/v1");
TOKEN_KIND(hetzner, "API token of the project, with the permission Read & Write", "https://api.hetzner.cloud/v1");
TOKEN_KIND(hetznerdns, "API token of the DNS console", "https://dns.hetzner.com/api/v1");
TOKEN_KIND(ionos, "API key, written as PREFIX.SECRET", "https://api.hosting.ionos.com/dns/v1");
TOKEN_KIND(linode, "personal access token with the scope Domains Read/Write", "https://api.linode.com/v4");
TOKEN_KIND(scaleway, "secret key of an API key", "https://api.scaleway.com/domain/v2beta1");
TOKEN_KIND(vultr, "API key", "https://api.vultr.com/v2");

static const struct api_field dnsimple_settings[] = {
	TOKEN("account access token"),
	{ .name = "account", .type = API_STRING, .flags = API_REQUIRED, .metavar = "ID",
		.help = "number of the account" },
	ENDPOINT("https://api.dnsimple.com/v2"),
	END,
};

#define REQUIRED(name_, metavar_, help_) \
	{ .name = name_, .type = API_STRING, .flags = API_REQUIRED, .metavar = metavar_, .help = help_ }
#define SECRET(name_, flags_, help_) \
	{ .name = name_, .type = API_SECRET, .flags = flags_, .metavar = "FILE", .help = help_ }
#define LOGIN_ENDPOINT(url) \
	{ .name = "loginEndpoint", .type = API_STRING, .metavar = "URL", .help = "URL of the OAuth 2.0 server", \
		.fallback = url }

static const struct api_field azure_settings[] = {
	REQUIRED("tenant", "ID", "tenant of the service principal"),
	REQUIRED("clientId", "ID", "application (client) id of the service principal"),
	SECRET("clientSecret", API_REQUIRED, "client secret of the service principal"),
	REQUIRED("subscription", "ID", "subscription of the zones"),
	REQUIRED("resourceGroup", "NAME", "resource group of the zones"),
	ENDPOINT("https://management.azure.com"),
	LOGIN_ENDPOINT("https://login.microsoftonline.com"),
	END,
};

static const struct api_field google_settings[] = {
	REQUIRED("project", "ID", "project of the zones"),
	SECRET("serviceAccount", API_REQUIRED, "key file of a service account with the role DNS Administrator (JSON)"),
	ENDPOINT("https://dns.googleapis.com/dns/v1"),
	LOGIN_ENDPOINT("https://oauth2.googleapis.com"),
	END,
};

static const struct api_field inwx_settings[] = {
	REQUIRED("username", "NAME", "user name of the account, which must not demand a second factor"),
	SECRET("password", API_REQUIRED, "password of the account"),
	ENDPOINT("https://api.domrobot.com"),
	END,
};

static const struct api_field namecheap_settings[] = {
	REQUIRED("apiUser", "NAME", "user name of the account"),
	SECRET("apiKey", API_REQUIRED, "API key"),
	REQUIRED("clientIp", "ADDRESS", "IPv4 address from which certd calls the API, listed there as allowed"),
	ENDPOINT("https://api.namecheap.com"),
	END,
};

static const struct api_field netcup_settings[] = {
	REQUIRED("customerNumber", "NUMBER", "customer number"),
	SECRET("apiKey", API_REQUIRED, "API key"),
	SECRET("apiPassword", API_REQUIRED, "API password"),
	ENDPOINT("https://ccp.netcup.net"),
	END,
};

static const struct api_field ovh_settings[] = {
	REQUIRED("applicationKey", "KEY", "application key"),
	SECRET("applicationSecret", API_REQUIRED, "application secret"),
	SECRET("consumerKey", API_REQUIRED, "consumer key with the rights GET, POST and DELETE for /domain/zone/*"),
	ENDPOINT("https://eu.api.ovh.com/1.0"),
	END,
};

static const struct api_field route53_settings[] = {
	REQUIRED("accessKeyId", "ID", "id of the access key"),
	SECRET("secretAccessKey", API_REQUIRED, "secret access key"),
	SECRET("sessionToken", 0, "session token of temporary credentials"),
	ENDPOINT("https://route53.amazonaws.com"),
	END,
};

static const struct api_field powerdns_settings[] = {
	TOKEN("API key (api-key in pdns.conf)"),
	ENDPOINT("http://127.0.0.1:8081"),
	END,
};

#define KIND_ROW(kind, help) { #kind, help, kind##_settings },
static const struct api_kind rows[] = { DNS_KINDS(KIND_ROW) };

/* Nearly every service has them. */
static const struct api_field shared[] = {
	{ .name = "token", .help = "API token, key or password" },
	{ .name = "endpoint", .help = "URL of the API, if not the public one" },
	END,
};

const struct api_kinds dns_kinds = {
	.property = "kind", .items = rows, .count = DNS_KIND_COUNT, .shared = shared,
	.manual = "DNS SERVICES in certctl(1)",
};
