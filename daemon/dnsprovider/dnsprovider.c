/* The drivers by kind, and the choice of the provider that has the zone of a name. */
#include "daemon/dnsprovider/dnsprovider.h"

#include "common/api/dns_kinds.h"
#include "common/error.h"
#include "common/name.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/server.h"

#include <string.h>

#define DRIVER(kind, help) &dnsprovider_##kind,
static const struct dnsprovider_driver *const drivers[DNS_KIND_COUNT] = { DNS_KINDS(DRIVER) };

const struct dnsprovider_driver *
dnsprovider_driver(const char *kind)
{
	const struct dns_kind *found = dns_kind_find(kind);

	return found ? drivers[found - dns_kinds] : NULL;
}

static int
check_values(const struct api_field *setting, const char *value, struct error *err)
{
	_cleanup_buf_ struct buf all = BUF_INIT;

	if (setting->type == API_PATH && *value != '/')
		return error_set_field(err, setting->name, "'%s' is not an absolute path", value);
	for (size_t i = 0; setting->type == API_ENUM && setting->values[i]; i++) {
		if (strcmp(setting->values[i], value) == 0)
			return 0;
		buf_printf(&all, "%s%s", i ? ", " : "", setting->values[i]);
	}
	if (setting->type == API_ENUM)
		return error_set_field(err, setting->name, "'%s' is not one of %s", value, buf_str(&all));
	return 0;
}

static int
check_settings(const struct dnsprovider *d, const struct dns_kind *kind, struct error *err)
{
	for (const struct api_field *setting = kind->settings; setting->name; setting++) {
		const char *value = setting_text(&d->settings, setting->name);
		bool is_there = value || setting_find(&d->secrets, setting->name);

		if (!is_there && (setting->flags & API_REQUIRED))
			return error_set_field(
				err, setting->name, "is missing: kind %s requires the %s", kind->name, setting->help);
		if (value && check_values(setting, value, err) < 0)
			return -1;
	}
	return 0;
}

int
dnsprovider_check(const struct dnsprovider *d, struct error *err)
{
	const struct dns_kind *kind = dns_kind_find(d->kind);
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
	if (check_settings(d, kind, err) < 0)
		return -1;
	return driver->check ? driver->check(d, err) : 0;
}

const char *
dnsprovider_server(const struct dnsprovider *d)
{
	return setting_text(&d->settings, "server");
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

/* Walks all: there are as many as the operator has DNS services. */
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
dnsprovider_choose(struct store *store, const char *named, const char *name, struct dnsprovider *ret, struct error *err)
{
	char id[STORE_ID_SIZE];
	int found;

	if (named && *named)
		return object_find_peek(store, &dnsprovider_class, named, ret, err);
	found = choose_by_zone(store, name, id, err);
	return found == 1 ? object_peek(store, &dnsprovider_class, id, ret, err) : found;
}
