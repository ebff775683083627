/*
 * The table of DNS APIs, and the choice of the provider that has a name's zone. A new API is a file with a row, and a
 * line here.
 */
#include "daemon/dnsprovider/dnsprovider.h"

#include "common/error.h"
#include "common/name.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/server.h"

#include <string.h>

static const struct dnsprovider_driver *const drivers[] = {
	&dnsprovider_rfc2136,
	&dnsprovider_exec,
	&dnsprovider_ionoscloud,
};

const struct dnsprovider_driver *
dnsprovider_driver_at(size_t index)
{
	return index < ARRAY_SIZE(drivers) ? drivers[index] : NULL;
}

const struct dnsprovider_driver *
dnsprovider_driver(const char *kind)
{
	for (size_t i = 0; kind && i < ARRAY_SIZE(drivers); i++)
		if (strcmp(drivers[i]->kind, kind) == 0)
			return drivers[i];
	return NULL;
}

int
dnsprovider_check(const struct dnsprovider *d, struct error *err)
{
	const struct dnsprovider_driver *driver = dnsprovider_driver(d->kind);

	if (!driver)
		return error_set_field(err, "kind", "there is no driver '%s'", d->kind ? d->kind : "");
	for (size_t i = 0; i < d->nameservers.count; i++) {
		_cleanup_free_ char *host = NULL;
		int port;

		if (!server_split(d->nameservers.items[i], &host, &port))
			return error_set_field(err, "nameservers", "'%s' is not HOST, HOST:PORT or [V6]:PORT",
				d->nameservers.items[i]);
	}
	if (!driver->uses_token && d->token.len)
		return error_set_field(err, "token", "is not used by kind %s", d->kind);
	if (!driver->uses_token && d->endpoint && *d->endpoint)
		return error_set_field(err, "endpoint", "is not used by kind %s", d->kind);
	return driver->check(d, err);
}

enum { ZONES_TOLD = 10 };

static const struct strlist *
zones_of(const struct dnsprovider *d)
{
	return d->zones.count ? &d->zones : &d->zones_seen;
}

size_t
dnsprovider_match(const struct dnsprovider *d, const char *name)
{
	const struct strlist *zones = zones_of(d);
	size_t best = 0;

	for (size_t i = 0; i < zones->count; i++) {
		size_t len = strlen(zones->items[i]);

		if (len > best && name_in_zone(name, zones->items[i]))
			best = len;
	}
	return best;
}

char *
dnsprovider_zones_text(struct store *store)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	_cleanup_buf_ struct buf text = BUF_INIT;
	char at[STORE_ID_SIZE] = "";
	size_t count = 0;

	while (object_next_peek(store, &dnsprovider_class, at, &d, NULL) == 1) {
		const struct strlist *zones = zones_of(&d);

		memcpy(at, d.o.id, sizeof(at));
		for (size_t i = 0; i < zones->count; i++)
			if (count++ < ZONES_TOLD)
				buf_printf(&text, "%s%s", text.len ? ", " : "", zones->items[i]);
	}
	if (count > ZONES_TOLD)
		buf_printf(&text, " and %zu more", count - ZONES_TOLD);
	return xstrdup(count ? buf_str(&text) : "none");
}

/* Walks all: there are as many as an operator has DNS services. */
static int
choose_by_zone(struct store *store, const char *name, char ret_id[STORE_ID_SIZE], struct error *err)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	char at[STORE_ID_SIZE] = "";
	char only[STORE_ID_SIZE] = "";
	size_t best = 0;
	size_t count = 0;
	int found;

	while ((found = object_next_peek(store, &dnsprovider_class, at, &d, err)) == 1) {
		size_t len = dnsprovider_match(&d, name);

		count++;
		memcpy(at, d.o.id, sizeof(at));
		if (d.zones.count == 0)
			memcpy(only, at, sizeof(only));
		if (len > best) {
			best = len;
			memcpy(ret_id, at, sizeof(at));
		}
	}
	if (found < 0 || best)
		return found < 0 ? -1 : 1;
	if (count != 1 || !*only)
		return 0;
	memcpy(ret_id, only, sizeof(only));
	return 1;
}

int
dnsprovider_choose(
	struct store *store, const char *named, const char *name, struct dnsprovider *ret, struct error *err)
{
	char id[STORE_ID_SIZE];
	int found;

	if (named && *named)
		return object_find_peek(store, &dnsprovider_class, named, ret, err);
	found = choose_by_zone(store, name, id, err);
	return found == 1 ? object_peek(store, &dnsprovider_class, id, ret, err) : found;
}
