/* DNS providers: where TXT records of dns-01 are put. Which settings a kind has is common/api/dns_kinds.h's. */
#include "daemon/service/resource.h"

#include "common/api/dns_kinds.h"
#include "common/crypto/base64url.h"
#include "common/name.h"
#include "daemon/service/handlers.h"

#include <stdlib.h>
#include <string.h>

const struct resource_ops dnsprovider_ops = {
	.id = API_DNSPROVIDER,
	.cls = &dnsprovider_class,
};

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
			error_set_field(err, field, "'%s' is no zone: write '%s'", zone, name_base(zone));
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

/* The members of @properties that are settings of a kind: those of @d's kind are taken, others are refused. */
static int
read_settings(struct dnsprovider *d, struct json_object *properties, struct error *err)
{
	const struct dns_kind *kind = dns_kind_find(d->kind);

	json_object_object_foreach(properties, name, value)
	{
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

/* What @properties says, canonical and checked. */
static int
res_dnsprovider_read_declaration(struct dnsprovider *d, struct json_object *properties, struct error *err)
{
	resource_from_json(&dnsprovider_ops, properties, d);
	if (canonical_zones(d, err) < 0)
		return -1;
	if (read_settings(d, properties, err) < 0 || dnsprovider_check(d, err) < 0)
		return resource_refused(err, NULL);
	return 0;
}

static int
dnsprovider_store(struct call *call, struct dnsprovider *d, enum event_kind kind, struct error *err)
{
	d->o.state = OBJECT_AVAILABLE;
	if (object_save(call->service->store, call_txn(call), &dnsprovider_class, d, err) < 0)
		return -1;
	resource_event(call, kind, &dnsprovider_ops, &d->o);
	call->result = resource_to_json(call->service, &dnsprovider_ops, d);
	return 0;
}

int
dnsprovider_create(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };

	if (res_dnsprovider_read_declaration(&d, json_path(params, "properties"), err) < 0)
		return -1;
	resource_created(call, &d.o);
	return dnsprovider_store(call, &d, EVENT_OBJECT_CREATED, err);
}

int
dnsprovider_update(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_dnsprovider_ struct dnsprovider old = { 0 };
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	_cleanup_effect_ struct effect effect = { 0 };

	if (resource_find(call, &dnsprovider_class, params, &old, err) < 0)
		return -1;
	record_copy(&dnsprovider_class, &d, &old);
	if (res_dnsprovider_read_declaration(&d, json_path(params, "properties"), err) < 0)
		return -1;
	if (!resource_change(call, &dnsprovider_ops, &old, &d, &effect))
		return 0;
	strlist_clear(&d.zones_seen); /* another token sees others */
	d.zones_listed_at = 0;
	error_clear(&d.o.failure);
	return dnsprovider_store(call, &d, EVENT_OBJECT_UPDATED, err);
}

int
dnsprovider_delete(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };

	if (resource_find(call, &dnsprovider_class, params, &d, err) < 0 ||
		object_delete(call->service->store, call_txn(call), &dnsprovider_class, d.o.id, err) < 0)
		return -1;
	resource_event(call, EVENT_OBJECT_DELETED, &dnsprovider_ops, &d.o);
	return 0;
}

int
dnsprovider_list(struct call *call, struct json_object *params, struct error *err)
{
	return resource_list(call, &dnsprovider_ops, params, err);
}

int
dnsprovider_get(struct call *call, struct json_object *params, struct error *err)
{
	return resource_get(call, &dnsprovider_ops, params, err);
}
