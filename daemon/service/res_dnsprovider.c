/* DNS providers: where TXT records for dns-01 are put. common/api/dns_kinds.h has the settings of each kind. */
#include "daemon/service/resource.h"

#include "common/api/dns_kinds.h"
#include "common/crypto/base64url.h"
#include "common/name.h"
#include "daemon/service/handlers.h"

#include <stdlib.h>
#include <string.h>

static int
canonical_zones(struct dnsprovider *d, struct error *err)
{
	for (size_t i = 0; i < d->zones.count; i++) {
		_cleanup_free_ char *field = xasprintf("properties.zones[%zu]", i);
		_cleanup_error_ struct error why = ERROR_INIT;
		char *zone;

		if (name_canonical(d->zones.items[i], false, &zone, &why) < 0)
			return error_set_field(err, field, "%s", why.message);
		if (name_is_wildcard(zone)) {
			error_set_field(err, field, "'%s' is not a zone: write '%s'", zone, name_base(zone));
			free(zone);
			return -1;
		}
		free(d->zones.items[i]);
		d->zones.items[i] = zone;
	}
	return 0;
}

/* @value NULL: removed. */
static int
read_secret(struct dnsprovider *d, const struct api_field *setting, const char *value, struct error *err)
{
	_cleanup_secret_ struct secret secret = SECRET_INIT;

	if (value && (setting->flags & API_BASE64)) {
		if (base64_decode_any(value, strlen(value), &secret, err) < 0)
			return error_set_field(err, setting->name, "is not a secret in base64");
	} else if (value) {
		secret_set(&secret, value, strlen(value));
	}
	setting_put_secret(&d->secrets, setting->name, secret.data, secret.len);
	return 0;
}

/* The members of @properties that are settings of a kind: those of @d's kind are stored, others are refused. */
static int
read_settings(struct dnsprovider *d, struct json_object *properties, struct error *err)
{
	const struct dns_kind *kind = dns_kind_find(d->kind);

	json_object_object_foreach(properties, name, value) {
		const struct api_field *setting = dns_kind_setting(NULL, name);
		const char *text = value ? json_object_get_string(value) : NULL;

		if (!setting)
			continue;
		if (text && !dns_kind_setting(kind, name))
			return error_set_field(err, name, "is not used by kind %s", d->kind);
		if (setting->type != API_SECRET)
			setting_put(&d->settings, name, text);
		else if (read_secret(d, setting, text, err) < 0)
			return -1;
	}
	return 0;
}

static int
dnsprovider_read(struct call *call _unused_, const void *old _unused_, void *obj, struct json_object *properties,
	struct error *err)
{
	struct dnsprovider *d = obj;

	if (canonical_zones(d, err) < 0)
		return -1;
	if (read_settings(d, properties, err) < 0 || dnsprovider_check(d, err) < 0)
		return resource_refused(err, NULL);
	strlist_clear(&d->zones_seen); /* another token may see other zones */
	d->zones_listed_at = 0;
	error_clear(&d->o.failure);
	return 0;
}

const struct resource_ops dnsprovider_ops = {
	.id = API_DNSPROVIDER,
	.cls = &dnsprovider_class,
	.read = dnsprovider_read,
};
