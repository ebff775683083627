/* The table of well-known ACME directories. Discontinued services are not listed; their URLs can still be given. */
#include "common/ca.h"

#include "common/alloc.h"
#include "common/nearest.h"

#include <string.h>

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

enum { DAY = 24 * 3600 };

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
ca_nearest(const char *alias)
{
	const char *aliases[ARRAY_SIZE(cas)];

	for (size_t i = 0; i < ARRAY_SIZE(cas); i++)
		aliases[i] = cas[i].alias;
	return nearest_word(alias, aliases, ARRAY_SIZE(cas));
}
