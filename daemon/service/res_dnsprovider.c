/* DNS providers: where TXT records for dns-01 are put. common/api/dns_kinds.h has the settings of each kind. */
#include "daemon/service/resource.h"

#include "common/api/dns_kinds.h"
#include "common/name.h"
#include "daemon/challenge/dns_check.h"
#include "daemon/service/handlers.h"
#include "daemon/service/settings.h"

#include <stdlib.h>

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

static int
dnsprovider_read(struct call *call _unused_, const void *old _unused_, void *obj, struct json_object *properties,
	struct error *err)
{
	struct dnsprovider *d = obj;
	const struct settings settings = { &d->settings, &d->secrets };

	if (canonical_zones(d, err) < 0)
		return -1;
	if (settings_read(&dns_kinds, d->kind, d->kind, properties, &settings, err) < 0 ||
		dnsprovider_check(d, err) < 0)
		return resource_refused(err, NULL);
	strlist_clear(&d->zones_seen); /* another token may see other zones */
	d->zones_listed_at = 0;
	error_clear(&d->o.failure);
	return 0;
}

static void
dnsprovider_checked(const struct dns_check_result *result, const struct error *err, void *arg)
{
	struct call *call = arg;
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_free_ char *servers = NULL;

	call->result = json_object_new_object();
	json_add_string(call->result, "record", result->record);
	json_add_string(call->result, "zone", result->zone);
	json_add_strlist(call->result, "servers", &result->servers);
	if (err) {
		servers = strlist_join(&result->servers, "; ");
		error_copy(&why, err);
		if (*servers) {
			_cleanup_free_ char *text = xasprintf("%s: %s", why.message, servers);

			error_reword(&why, text);
		}
	}
	call_end(call, err ? -1 : 0, &why);
}

int
dnsprovider_check_name(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	_cleanup_free_ char *canonical = NULL;
	const char *name = "";

	json_get_string(params, "name", &name, NULL);
	if (name_canonical(name, false, &canonical, err) < 0) {
		if (err)
			str_replace(&err->field, "name");
		return -1;
	}
	if (resource_find_peek(call, &dnsprovider_class, params, &d, err) < 0)
		return -1;
	dns_check_start(call->service->solver, d.o.id, name_base(canonical), dnsprovider_checked, call);
	return 1;
}

const struct resource_ops dnsprovider_ops = {
	.id = API_DNSPROVIDER,
	.cls = &dnsprovider_class,
	.read = dnsprovider_read,
};
