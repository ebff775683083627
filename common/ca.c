/*
 * The table of well-known ACME directories, with their rate limits. Discontinued services are not listed; their URLs
 * can still be given.
 */
#include "common/ca.h"

#include "common/alloc.h"
#include "common/error.h"
#include "common/nearest.h"
#include "common/timefmt.h"

#include <stdlib.h>
#include <string.h>

/* "NAME-staging" is the staging environment of NAME. */
static const struct ca cas[] = {
	{ "letsencrypt", "https://acme-v02.api.letsencrypt.org/directory", false, "Let's Encrypt" },
	{ "letsencrypt-staging", "https://acme-staging-v02.api.letsencrypt.org/directory", false,
		"Let's Encrypt staging; untrusted certificates for tests" },
	{ "zerossl", "https://acme.zerossl.com/v2/DV90", true,
		"ZeroSSL; EAB key id and key are on its developer page" },
	{ "google", "https://dv.acme-v02.api.pki.goog/directory", true,
		"Google Trust Services; create the EAB key with: gcloud publicca external-account-keys create" },
	{ "google-staging", "https://dv.acme-v02.test-api.pki.goog/directory", true,
		"Google Trust Services staging; untrusted certificates for tests" },
	{ "sslcom", "https://acme.ssl.com/sslcom-dv-ecc", true, "SSL.com, ECDSA chain" },
	{ "sslcom-rsa", "https://acme.ssl.com/sslcom-dv-rsa", true, "SSL.com, RSA chain" },
	{ "sectigo", "https://acme.sectigo.com/v2/DV", true, "Sectigo, domain validation" },
	{ "actalis", "https://acme-api.actalis.com/acme/directory", true, "Actalis" },
	{ "digicert", "https://acme.digicert.com/v2/acme/directory/", true, "DigiCert CertCentral" },
	{ "globalsign", "https://emea.acme.atlas.globalsign.com/directory", true, "GlobalSign Atlas" },
};

enum { HOUR = 3600, DAY = 24 * HOUR, LIMIT_COUNT_MAX = 1000000, LIMIT_PERIOD_MAX = 400 * DAY };

/* In order of time. The Baseline Requirements bind every public CA; a CA may go ahead of them. */
static const struct {
	int64_t from_at;
	int64_t days;
	const char *alias;   /* NULL: all well-known ones */
	const char *profile; /* the CA's default; NULL: all */
} announced[] = {
	{ 1791936000 /* 2026-10-14 */, 64, "letsencrypt-staging", "classic" },
	{ 1802217600 /* 2027-02-10 */, 64, "letsencrypt", "classic" },
	{ 1805068800 /* 2027-03-15 */, 100, NULL, NULL },
	{ 1834272000 /* 2028-02-16 */, 45, "letsencrypt", "classic" },
	{ 1868227200 /* 2029-03-15 */, 47, NULL, NULL },
};

/* As published in August 2026. Limits that cannot be reached by one host, such as accounts per address, are omitted. */
static const struct {
	const char *alias;
	struct ca_limits limits;
} limits_of[] = {
	{ "letsencrypt", { .spares_renewals = true,
				 .of = { [CA_LIMIT_ORDERS] = { 300, 3 * HOUR },
					 [CA_LIMIT_DOMAIN] = { 50, 7 * DAY },
					 [CA_LIMIT_DUPLICATES] = { 5, 7 * DAY },
					 [CA_LIMIT_FAILURES] = { 5, HOUR } } } },
	{ "letsencrypt-staging", { .spares_renewals = true,
					 .of = { [CA_LIMIT_ORDERS] = { 1500, 3 * HOUR },
						 [CA_LIMIT_DUPLICATES] = { 30000, 7 * DAY },
						 [CA_LIMIT_FAILURES] = { 200, HOUR } } } },
};

static const struct {
	const char *name, *title;
} limit_words[] = {
	[CA_LIMIT_ORDERS] = { "orders", "new orders" },
	[CA_LIMIT_DOMAIN] = { "domain", "certificates of a registered domain" },
	[CA_LIMIT_DUPLICATES] = { "duplicates", "certificates for the same names" },
	[CA_LIMIT_FAILURES] = { "failures", "failed validations of a name" },
};
_Static_assert(ARRAY_SIZE(limit_words) == CA_LIMIT_COUNT, "one row per limit");

static const struct ca *
ca_of_url(const char *url)
{
	for (size_t i = 0; i < ARRAY_SIZE(cas); i++)
		if (strcmp(cas[i].url, url) == 0)
			return &cas[i];
	return NULL;
}

bool
ca_lifetime_next(const char *url, const char *profile, int64_t from_at, struct ca_lifetime *ret)
{
	const struct ca *ca = ca_of_url(url);

	for (size_t i = 0; ca && i < ARRAY_SIZE(announced); i++) {
		if (announced[i].from_at < from_at ||
			(announced[i].alias && strcmp(announced[i].alias, ca->alias) != 0) ||
			(announced[i].profile && profile && strcmp(announced[i].profile, profile) != 0))
			continue;
		*ret = (struct ca_lifetime){ announced[i].from_at, announced[i].days * DAY };
		return true;
	}
	return false;
}

const char *
ca_limit_name(enum ca_limit_kind kind)
{
	return limit_words[kind].name;
}

const char *
ca_limit_title(enum ca_limit_kind kind)
{
	return limit_words[kind].title;
}

void
ca_limits_of(const char *url, struct ca_limits *ret)
{
	const struct ca *ca = ca_of_url(url);

	*ret = (struct ca_limits){ .spares_renewals = false };
	for (size_t i = 0; ca && i < ARRAY_SIZE(limits_of); i++)
		if (strcmp(limits_of[i].alias, ca->alias) == 0)
			*ret = limits_of[i].limits;
}

/* "300/3h" */
static int
ca_limit_parse(const char *text, struct ca_limit *ret)
{
	char *end;
	long long count = strtoll(text, &end, 10);

	if (strcmp(text, "none") == 0) {
		*ret = (struct ca_limit){ 0, 0 };
		return 0;
	}
	if (end == text || text[0] < '0' || text[0] > '9' || *end != '/' || count < 1 || count > LIMIT_COUNT_MAX ||
		time_parse_span(end + 1, &ret->period) < 0 || ret->period < 1 || ret->period > LIMIT_PERIOD_MAX)
		return -1;
	ret->count = count;
	return 0;
}

int
ca_limits_set(struct ca_limits *limits, const char *text, struct error *err)
{
	const char *equals = strchr(text, '=');
	size_t len = equals ? (size_t)(equals - text) : 0;
	struct ca_limit limit;

	for (size_t i = 0; i < CA_LIMIT_COUNT; i++) {
		if (strlen(limit_words[i].name) != len || strncmp(text, limit_words[i].name, len) != 0)
			continue;
		if (ca_limit_parse(equals + 1, &limit) < 0)
			break;
		limits->of[i] = limit;
		return 0;
	}
	return error_set(err, ERROR_INVALID,
		"'%s' is not a rate limit: write NAME=COUNT/SPAN such as orders=300/3h, or NAME=none, with the name "
		"orders, domain, duplicates or failures",
		text);
}

const struct ca *
ca_at(size_t index)
{
	return index < ARRAY_SIZE(cas) ? &cas[index] : NULL;
}

const struct ca *
ca_find(const char *alias)
{
	for (size_t i = 0; i < ARRAY_SIZE(cas); i++)
		if (strcmp(cas[i].alias, alias) == 0)
			return &cas[i];
	return NULL;
}

const char *
ca_staging_of(const char *url)
{
	const struct ca *ca = ca_of_url(url);
	_cleanup_free_ char *alias = ca ? xasprintf("%s-staging", ca->alias) : NULL;
	const struct ca *staging = alias ? ca_find(alias) : NULL;

	return staging ? staging->url : NULL;
}

const char *
ca_nearest(const char *alias)
{
	const char *aliases[ARRAY_SIZE(cas)];

	for (size_t i = 0; i < ARRAY_SIZE(cas); i++)
		aliases[i] = cas[i].alias;
	return nearest_word(alias, aliases, ARRAY_SIZE(cas));
}
