/* DNS providers: where TXT records for dns-01 are put. common/api/dns_kinds.h has the settings of each kind. */
#include "daemon/service/resource.h"

#include "common/api/dns_kinds.h"
#include "common/name.h"
#include "daemon/challenge/dns_check.h"
#include "daemon/service/handlers.h"
#include "daemon/service/settings.h"

#include <stdlib.h>
#include <utlist.h>

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
dnsprovider_read(
	struct call *call _unused_, const void *old, void *obj, struct json_object *properties, struct error *err)
{
	struct dnsprovider *d = obj;
	const struct settings settings = { &d->settings, &d->secrets };

	if (canonical_zones(d, err) < 0)
		return -1;
	if (settings_read(&dns_kinds, d->kind, d->kind, properties, &settings, err) < 0 ||
		dnsprovider_check(d, err) < 0)
		return resource_refused(err, NULL);
	if (old && dnsprovider_needs_account(d))
		return error_set_field(err, "properties.username",
			"is required: certd registers an account only for a new DNS provider");
	strlist_clear(&d->zones_seen); /* another token may see other zones */
	d->zones_listed_at = 0;
	error_clear(&d->o.failure);
	return 0;
}

/* --- an account at the service --- */

struct account_call {
	struct call_wait wait;
	const struct dnsprovider_driver *driver;
	struct dnsprovider_op *op; /* NULL: it has ended */
};

static void
dnsprovider_account_free(struct call_wait *wait)
{
	struct account_call *a = (struct account_call *)wait;

	if (a->op)
		a->driver->cancel(a->op);
	free(a);
}

/* Nothing was stored yet: after a kill here the service has an account that nobody uses, and certd no DNS provider. */
static void
dnsprovider_on_account(struct dnsprovider_account *account, const struct error *why, void *arg)
{
	struct account_call *a = arg;
	struct call *call = a->wait.call;
	_cleanup_error_ struct error err = ERROR_INIT;

	a->op = NULL;
	if (why) {
		error_copy(&err, why);
		error_wrap(&err, "register an account");
	} else {
		call->account = *account;
		*account = (struct dnsprovider_account){ .name = NULL };
	}
	call_wait_end(&a->wait, why ? -1 : 0, &err);
}

/* Is the call refused in any case, for the name of @d? Then no account is registered. */
static bool
dnsprovider_name_is_taken(const struct call *call, const struct dnsprovider *d)
{
	_cleanup_dnsprovider_ struct dnsprovider other = { 0 };

	return object_find_peek(call->service->store, &dnsprovider_class, d->o.name, &other, NULL) != 0;
}

/* Return: 0 @d has an account, or needs none; 1 the call waits for one; -1 failed. */
static int
dnsprovider_take_account(struct call *call, struct dnsprovider *d, struct error *err)
{
	struct account_call *a;

	if (call->account.domain) {
		str_replace(&d->account_name, call->account.name);
		str_replace(&d->account_domain, call->account.domain);
		secret_copy(&d->account_password, &call->account.password);
		return 0;
	}
	if (!dnsprovider_needs_account(d) || call->is_dry_run || dnsprovider_name_is_taken(call, d))
		return 0;
	if (!secret_has_room())
		return error_set(err, ERROR_UNAVAILABLE, "too many calls are waiting; try again");
	a = xcalloc(1, sizeof(*a));
	a->driver = dnsprovider_driver(d->kind);
	call_wait_begin(&a->wait, call, dnsprovider_create, dnsprovider_account_free);
	a->op = a->driver->sign_up(solver_dns_env(call->service->solver), d, dnsprovider_on_account, a);
	return 1;
}

int
dnsprovider_create(struct call *call, struct json_object *params _unused_, struct error *err)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	int rc = resource_declare(call, &d, err);

	if (rc == 0)
		rc = dnsprovider_take_account(call, &d, err);
	d.o.state = OBJECT_AVAILABLE;
	return rc == 0 ? resource_save(call, EVENT_OBJECT_CREATED, &d, err) : rc;
}

/* --- methods --- */

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
