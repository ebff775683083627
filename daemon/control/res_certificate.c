/* Certificates: what was issued. Read-only here; the private key is in no answer. */
#include "daemon/control/resource.h"

#include "common/name.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/control/handlers.h"

#include <string.h>

static const char *
certificate_status(const struct certificate *c, int64_t now)
{
	if (c->revoked)
		return "revoked";
	return c->not_after_at <= now ? "expired" : "active";
}

static bool
any_wildcard(const struct strlist *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (name_is_wildcard(names->items[i]))
			return true;
	return false;
}

/* Cloud66's word: automatically provisioned by Let's Encrypt, by another ACME CA, or brought by somebody. */
static const char *
certificate_type(const struct certificate *c)
{
	if (!c->autocert)
		return "manual";
	return c->issuer_org && strcmp(c->issuer_org, "Let's Encrypt") == 0 ? "lets_encrypt" : "acme";
}

static void
certificate_describe(struct service *service, const void *obj, struct json_object *properties,
	struct json_object *metadata)
{
	const struct certificate *c = obj;
	_cleanup_autocert_ struct autocert a = { 0 };
	int64_t now = clock_wall(loop_clock(service->loop));

	(void)properties;
	json_add_string(metadata, "status", certificate_status(c, now));
	json_add_bool(metadata, "expired", c->not_after_at <= now);
	json_add_string(metadata, "type", certificate_type(c));
	json_add_bool(metadata, "wildcard", any_wildcard(&c->names));
	json_add_bool(metadata, "hasIntermediateCert", c->chain_pem.len > 0);
	json_add_string(metadata, "caName", c->issuer_org ? c->issuer_org : c->issuer_cn);
	if (c->autocert && object_peek(service->store, &autocert_class, c->autocert, &a, NULL) == 1)
		json_add_string(metadata, "lastIssuedCertificate", a.last_certificate);
}

const struct resource_ops certificate_ops = {
	.id = API_CERTIFICATE,
	.cls = &certificate_class,
	.describe = certificate_describe,
};

int
certificate_list(struct call *call, struct json_object *params, struct error *err)
{
	return resource_list(call, &certificate_ops, params, err);
}

int
certificate_get(struct call *call, struct json_object *params, struct error *err)
{
	return resource_get(call, &certificate_ops, params, err);
}
