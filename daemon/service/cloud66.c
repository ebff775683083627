/*
 * Cloud66's certificate object, for programs that support only that. It has two types: any certificate that was issued
 * automatically, by whatever CA, is "lets_encrypt".
 */
#include "daemon/service/cloud66.h"

#include "common/timefmt.h"
#include "daemon/base/loop.h"
#include "daemon/store/certificate.h"

#include <openssl/sha.h>
#include <string.h>

/* json_add_string() omits what is absent; here it is null. */
static void
add_string(struct json_object *o, const char *name, const char *value)
{
	json_object_object_add(o, name, value ? json_object_new_string(value) : NULL);
}

static void
add_time(struct json_object *o, const char *name, int64_t at)
{
	char text[TIME_RFC3339_SIZE];

	time_format_rfc3339(at, text);
	add_string(o, name, at ? text : NULL);
}

/*
 * Cloud66 numbers groups of servers. Consumers have no numbers, so the number of a group is derived from its members:
 * 31 bits of the SHA-256 of their ids, stable as long as the group is the same.
 */
static void
add_group(struct json_object *o, const struct strlist *consumers)
{
	unsigned char sum[SHA256_DIGEST_LENGTH] = { 0 };

	if (!consumers->count) {
		add_string(o, "server_group_id", NULL);
		return;
	}
	for (size_t i = 0; i < consumers->count; i++) { /* the order of the list does not matter */
		unsigned char digest[SHA256_DIGEST_LENGTH];
		const char *id = consumers->items[i];

		SHA256((const unsigned char *)id, strlen(id), digest);
		for (size_t k = 0; k < sizeof(sum); k++)
			sum[k] ^= digest[k];
	}
	json_object_object_add(o, "server_group_id",
		json_object_new_int64((int64_t)(sum[0] & 0x7f) << 24 | (int64_t)sum[1] << 16 | (int64_t)sum[2] << 8 |
				      (int64_t)sum[3]));
}

/* The consumers by name: they terminate TLS. */
static void
add_termination(struct json_object *o, struct store *store, const struct strlist *consumers)
{
	_cleanup_buf_ struct buf names = BUF_INIT;

	for (size_t i = 0; i < consumers->count; i++) {
		_cleanup_consumer_ struct consumer c = { 0 };

		if (object_peek(store, &consumer_class, consumers->items[i], &c, NULL) == 1)
			buf_printf(&names, "%s%s", names.len ? "," : "", c.o.name);
	}
	add_string(o, "ssl_termination", names.len ? buf_str(&names) : NULL);
}

void
cloud66_upload(struct json_object *body)
{
	static const struct {
		const char *member, *property; /* NULL: ignored */
	} members[] = {
		{ "name", "name" },
		{ "certificate", "certificate" },
		{ "key", "privateKey" },
		{ "intermediate_certificate", "certificateChain" },
		{ "server_names", NULL },
		{ "server_group_id", NULL },
		{ "ssl_termination", NULL },
		{ "type", NULL },
	};
	struct json_object *properties;

	if (json_object_object_get_ex(body, "properties", NULL) || !json_object_object_get_ex(body, "key", NULL) ||
		!json_object_object_get_ex(body, "certificate", NULL))
		return;
	properties = json_object_new_object();
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		struct json_object *value = NULL;

		json_object_object_get_ex(body, members[i].member, &value);
		if (value && members[i].property)
			json_object_object_add(properties, members[i].property, json_object_get(value));
		json_object_object_del(body, members[i].member);
	}
	json_object_object_add(body, "properties", properties);
}

struct json_object *
cloud66_certificate(struct service *service, const struct certificate *c)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_free_ char *names = strlist_join(&c->names, ",");
	struct json_object *o = json_object_new_object();
	const struct strlist *consumers = &c->consumers;

	if (c->autocert && object_peek(service->store, &autocert_class, c->autocert, &a, NULL) == 1)
		consumers = &a.consumers;
	add_string(o, "uuid", c->o.id);
	add_string(o, "name", c->o.name);
	add_group(o, consumers);
	add_string(o, "server_names", names);
	add_string(o, "sha256_fingerprint", c->sha256);
	add_string(o, "ca_name", !c->autocert ? NULL : c->issuer_org ? c->issuer_org : c->issuer_cn);
	add_string(o, "type", c->autocert ? "lets_encrypt" : "manual");
	json_add_bool(o, "wildcard", certificate_has_wildcard(c));
	add_string(o, "dns_provider_uuid", a.dns_provider);
	add_termination(o, service->store, consumers);
	json_add_bool(o, "has_intermediate_cert", c->chain_pem.len > 0);
	add_string(o, "status", certificate_status(c, loop_now(service->loop)));
	add_time(o, "created_at", c->o.created_at);
	add_time(o, "updated_at", c->o.modified_at);
	add_time(o, "expires_at", c->not_after_at);
	add_string(o, "certificate", NULL);
	add_string(o, "key", NULL);
	add_string(o, "intermediate_certificate", NULL);
	return o;
}
