/* Certificates as stored. */
#include "daemon/store/certificate.h"

#include "common/crypto/x509.h"
#include "common/name.h"

void
certificate_fill(struct certificate *c, const struct cert_info *info, const char *key_algorithm)
{
	str_replace(&c->serial, info->serial);
	str_replace(&c->sha256, info->sha256);
	str_replace(&c->issuer_cn, info->issuer_cn);
	str_replace(&c->issuer_org, info->issuer_org);
	str_replace(&c->key_algorithm, key_algorithm);
	c->not_before_at = info->not_before_at;
	c->not_after_at = info->not_after_at;
}

const char *
certificate_status(const struct certificate *c, int64_t now)
{
	if (c->is_revoked)
		return "revoked";
	if (c->not_before_at > now)
		return "pending";
	return c->not_after_at <= now ? "expired" : "active";
}

bool
certificate_has_wildcard(const struct certificate *c)
{
	for (size_t i = 0; i < c->names.count; i++)
		if (name_is_wildcard(c->names.items[i]))
			return true;
	return false;
}
