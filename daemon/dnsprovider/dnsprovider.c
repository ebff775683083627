/* The drivers by kind, and the choice of the provider that has the zone of a name. */
#include "daemon/dnsprovider/dnsprovider.h"

#include "common/api/dns_kinds.h"
#include "common/error.h"
#include "common/name.h"
#include "daemon/base/dns_doh.h"
#include "daemon/base/http_url.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/server.h"

#include <stdlib.h>
#include <string.h>

enum { RESOLVERS_MAX = 8 }; /* each is queried for each name of an order */

#define DRIVER(kind, help) &dnsprovider_##kind,
static const struct dnsprovider_driver *const drivers[DNS_KIND_COUNT] = { DNS_KINDS(DRIVER) };

const struct dnsprovider_driver *
dnsprovider_driver(const char *kind)
{
	const struct api_kind *found = api_kind_find(&dns_kinds, kind);

	return found ? drivers[found - dns_kinds.items] : NULL;
}

static bool
dnsprovider_is_resolver(const char *text)
{
	_cleanup_http_url_ struct http_url url = { .scheme = NULL };
	_cleanup_free_ char *host = NULL;
	int port;

	if (!dns_doh_is_url(text))
		return server_split(text, &host, &port) && server_is_address(host);
	return http_url_parse(text, &url, NULL) == 0 && !url.has_user && !url.fragment &&
	       (strcmp(url.scheme, "https") == 0 || http_url_is_loopback(&url));
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
	if (d->resolvers.count > RESOLVERS_MAX)
		return error_set_field(err, "resolvers", "more than %d resolvers", RESOLVERS_MAX);
	for (size_t i = 0; i < d->resolvers.count; i++)
		if (!dnsprovider_is_resolver(d->resolvers.items[i]))
			return error_set_field(err, "resolvers",
				"'%s' is not ADDRESS, ADDRESS:PORT, [V6]:PORT or https://HOST[:PORT]/PATH (http:// on "
				"loopback)",
				d->resolvers.items[i]);
	if (settings_check(&dns_kinds, d->kind, &d->settings, &d->secrets, err) < 0)
		return -1;
	return driver->check ? driver->check(d, err) : 0;
}

bool
dnsprovider_needs_account(const struct dnsprovider *d)
{
	const struct dnsprovider_driver *driver = dnsprovider_driver(d->kind);

	return driver && driver->sign_up && !d->account_domain && !setting_text(&d->settings, "username");
}

void
dnsprovider_account_clear(struct dnsprovider_account *account)
{
	free(account->name);
	free(account->domain);
	secret_clear(&account->password);
	*account = (struct dnsprovider_account){ .name = NULL };
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
