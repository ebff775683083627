/*
 * An order for a name outside all zones fails late and with little information. So the zones are looked up at the
 * declaration, but only when a name is outside all known zones, so that ten thousand names of one zone need one lookup.
 * A DNS service that is down does not prevent a declaration.
 */
#include "daemon/service/zones.h"

#include "common/name.h"
#include "daemon/service/resource.h"

#include <stdlib.h>
#include <string.h>

enum { FRESH_SEC = 2, PROVIDERS_MAX = 4 };

struct zones_call {
	struct call_wait wait;
	struct strlist providers; /* ids of those to be asked */
	size_t at;
	const struct dnsprovider_driver *driver; /* of the one being asked */
	struct dnsprovider_op *op;               /* NULL: none is being asked */
};

static void
zones_free(struct call_wait *wait)
{
	struct zones_call *z = (struct zones_call *)wait;

	if (z->op)
		z->driver->cancel(z->op);
	strlist_clear(&z->providers);
	free(z);
}

/* --- whether to ask --- */

/* Does one of the DNS providers have a zone for @name, as far as known? */
static bool
has_zone(struct store *store, const char *named, const char *name)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	_cleanup_free_ char *owner = name_of_challenge(name);

	return dnsprovider_choose(store, named, owner, &d, NULL) == 1 && dnsprovider_match(&d, owner);
}

static bool
zones_lacks(struct service *service, const struct autocert *a, const char *name)
{
	return solver_may_need_dns(service->solver, a, name) && !has_zone(service->store, a->dns_provider, name);
}

static bool
may_lack_zone(struct service *service, const struct autocert *a)
{
	if (zones_lacks(service, a, a->common_name))
		return true;
	for (size_t i = 0; i < a->sans.count; i++)
		if (zones_lacks(service, a, a->sans.items[i]))
			return true;
	return false;
}

int
zones_refused(struct call *call, const struct autocert *a, struct error *err)
{
	_cleanup_free_ char *zones = NULL, *text = NULL;

	if (!err || !err->message || call->peer->scope || !may_lack_zone(call->service, a))
		return -1;
	zones = dnsprovider_zones_text(call->service->store);
	text = xasprintf("%s (zones: %s)", err->message, zones);
	error_reword(err, text);
	return -1;
}

/* It declares no zones, and its API can list them. */
static bool
is_listable(const struct dnsprovider *d)
{
	const struct dnsprovider_driver *driver = dnsprovider_driver(d->kind);

	return driver && driver->list_zones && !d->zones.count;
}

/* Those that may have more zones than known. */
static void
zones_collect(struct service *service, int64_t now, struct strlist *ret)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	char at[STORE_ID_SIZE] = "";

	while (object_next_peek(service->store, &dnsprovider_class, at, &d, NULL) == 1) {
		memcpy(at, d.o.id, sizeof(at));
		if (is_listable(&d) && d.zones_listed_at + FRESH_SEC <= now && ret->count < PROVIDERS_MAX)
			strlist_add(ret, d.o.id);
	}
}

/* --- asking --- */

static void
ask_next(struct zones_call *z);

/* Stores the answer of provider @at; if that fails it is ignored, because the provider can be asked again. */
static void
keep(const struct zones_call *z, const struct strlist *zones, const struct error *why)
{
	struct store *store = z->wait.call->service->store;
	struct store_txn *txn = store_begin(store);
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;

	if (object_load(store, &dnsprovider_class, z->providers.items[z->at], &d, &err) != 1)
		return;
	d.zones_listed_at = zones ? call_now(z->wait.call) : 0;
	error_clear(&d.o.failure);
	if (zones)
		strlist_copy(&d.zones_seen, zones);
	else
		error_copy(&d.o.failure, why);
	if (object_save(store, txn, &dnsprovider_class, &d, &err) < 0)
		store_fail(txn, &err);
}

static void
zones_on_zones(const struct strlist *zones, const struct error *err, void *arg)
{
	struct zones_call *z = arg;

	z->op = NULL;
	keep(z, zones, err);
	z->at++;
	ask_next(z);
}

static void
ask_next(struct zones_call *z)
{
	struct service *service = z->wait.call->service;
	_cleanup_error_ struct error err = ERROR_INIT;

	for (; z->at < z->providers.count; z->at++) {
		_cleanup_dnsprovider_ struct dnsprovider d = { 0 };

		if (object_load(service->store, &dnsprovider_class, z->providers.items[z->at], &d, NULL) != 1 ||
			!is_listable(&d))
			continue;
		z->driver = dnsprovider_driver(d.kind);
		z->op = z->driver->list_zones(solver_dns_env(service->solver), &d, zones_on_zones, z);
		return;
	}
	call_wait_end(&z->wait, 0, &err);
}

int
zones_wait(struct call *call, const struct autocert *a, service_fn *handler, struct error *err)
{
	_cleanup_strlist_ struct strlist providers = STRLIST_INIT;
	struct zones_call *z;

	if (call->has_waited)
		return 0;
	zones_collect(call->service, call_now(call), &providers);
	if (!providers.count || !may_lack_zone(call->service, a))
		return 0;
	if (!secret_has_room()) /* each holds the token of its provider */
		return error_set(err, ERROR_UNAVAILABLE, "too many calls are waiting for the list of zones; try again");
	z = xcalloc(1, sizeof(*z));
	call->has_waited = true;
	strlist_copy(&z->providers, &providers);
	call_wait_begin(&z->wait, call, handler, zones_free);
	ask_next(z);
	return 1;
}

/* --- what it came to --- */

static bool
name_is_unknown(struct service *service, const struct autocert *a, const char *name, struct error *ret)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	_cleanup_free_ char *owner = name_of_challenge(name);

	if (!solver_may_need_dns(service->solver, a, name) ||
		dnsprovider_choose(service->store, a->dns_provider, owner, &d, NULL) != 1 || !is_listable(&d) ||
		d.zones_listed_at || dnsprovider_match(&d, owner))
		return false;
	error_copy(ret, &d.o.failure);
	if (!error_is_set(ret))
		error_set(ret, ERROR_DNS, "its list of zones was not requested yet");
	error_wrap(ret, "it is unknown whether %s is in a zone of DNS provider '%s'", name, d.o.name);
	return true;
}

bool
zones_unknown(struct service *service, const struct autocert *a, struct error *ret)
{
	if (name_is_unknown(service, a, a->common_name, ret))
		return true;
	for (size_t i = 0; i < a->sans.count; i++)
		if (name_is_unknown(service, a, a->sans.items[i], ret))
			return true;
	return false;
}
