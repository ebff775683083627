/*
 * One name server: its addresses, and whether it has the value. Its name is first resolved by the provider's own server
 * when it is in the zone (that server is authoritative, and may be the only one that knows the name), then by the
 * resolver. Each query goes to one address, and to the next one after a failure.
 */
#include "common/error.h"
#include "common/name.h"
#include "daemon/base/dns.h"
#include "daemon/base/dns_doh.h"
#include "daemon/challenge/dns_watch_private.h"
#include "daemon/dnsprovider/server.h"

#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 2500, ADDRESSES_MAX = 8, RCODE_NXDOMAIN = 3 };
enum { LOOKUP_A, LOOKUP_AAAA, LOOKUP_RESOLVER };

struct dns_server *
dns_server_new(const struct dns_watch_common *common, const char *host, int port)
{
	struct dns_server *s = xcalloc(1, sizeof(*s));

	s->common = common;
	s->host = xstrdup(host);
	s->port = port;
	s->state = DNS_SERVER_SILENT;
	if (server_is_address(host))
		strlist_take(&s->addresses, server_join(host, port));
	return s;
}

struct dns_server *
dns_server_new_resolver(const struct dns_watch_common *common, const char *resolver)
{
	_cleanup_free_ char *address = NULL;
	int port = 0;
	struct dns_server *s = dns_server_new(common, "", port);

	str_replace(&s->host, resolver);
	s->is_resolver = true;
	if (dns_doh_is_url(resolver))
		strlist_add(&s->addresses, resolver);
	else if (server_split(resolver, &address, &port))
		strlist_take(&s->addresses, server_join(address, port));
	return s;
}

void
dns_server_free(struct dns_server *s)
{
	dns_cancel(s->query);
	dns_doh_cancel(s->doh);
	strlist_clear(&s->addresses);
	free(s->host);
	free(s->why);
	free(s);
}

static const char *
current_address(const struct dns_server *s)
{
	return s->addresses.items[s->current % s->addresses.count];
}

/* "ns1.example.com (192.0.2.1:53)", "resolver 9.9.9.9"; owned by the caller. */
static char *
dns_server_label(const struct dns_server *s)
{
	return s->is_resolver ? xasprintf("resolver %s", s->host) : xasprintf("%s (%s)", s->host, current_address(s));
}

/* Takes @why. */
static void
answered(struct dns_server *s, enum dns_server_state state, char *why)
{
	free(s->why);
	s->why = why;
	s->state = state;
	s->failures = state == DNS_SERVER_SILENT ? s->failures + 1 : 0;
	if (state == DNS_SERVER_SILENT)
		s->current++;
	s->done(s->arg);
}

static bool
has_value(const struct dns_watch_common *c, const struct dns_answer *answer)
{
	return c->has ? c->has(answer, c->has_arg) : strlist_has(&answer->values, c->value);
}

static void
dns_server_on_answer(const struct dns_answer *answer, const struct error *err, void *arg)
{
	struct dns_server *s = arg;
	_cleanup_free_ char *label = dns_server_label(s);

	s->query = NULL;
	s->doh = NULL;
	if (err || (answer->rcode != 0 && answer->rcode != RCODE_NXDOMAIN))
		answered(s, DNS_SERVER_SILENT,
			xasprintf("%s does not answer%s: %s", label, s->is_resolver ? "" : " for the zone",
				err ? err->message : dns_rcode_name(answer->rcode)));
	else if (!answer->is_authoritative && !s->is_resolver)
		answered(s, DNS_SERVER_SILENT, xasprintf("%s is not authoritative for %s", label, s->common->name));
	else if (has_value(s->common, answer))
		answered(s, DNS_SERVER_HAS, NULL);
	else
		answered(s, DNS_SERVER_LACKS,
			xasprintf("%s does not have the %s record of %s yet", label, dns_type_name(s->common->type),
				s->common->name));
}

static void
dns_server_ask_value(struct dns_server *s)
{
	const struct dns_watch_common *c = s->common;
	const char *at = current_address(s);

	if (dns_doh_is_url(at))
		s->doh = dns_doh_ask(c->env->http, at, c->name, c->type, TIMEOUT_MS, dns_server_on_answer, s);
	else
		s->query = (s->is_resolver ? dns_ask_resolver : dns_ask)(
			c->env->dns, at, c->name, c->type, TIMEOUT_MS, dns_server_on_answer, s);
}

/* The configured server may listen on another port than 53, which the zone's NS records cannot express. */
static int
port_of(const struct dns_server *s, const char *address)
{
	const char *server = dnsprovider_server(&s->common->provider);
	_cleanup_free_ char *is_own = NULL;
	int port;

	if (server && server_split(server, &is_own, &port) && strcmp(is_own, address) == 0)
		return port;
	return s->port;
}

static void
look_up(struct dns_server *s);

static void
dns_server_on_addresses(const struct dns_answer *answer, const struct error *err, void *arg)
{
	struct dns_server *s = arg;

	s->query = NULL;
	for (size_t i = 0; !err && i < answer->values.count && s->addresses.count < ADDRESSES_MAX; i++)
		strlist_take(&s->addresses, server_join(answer->values.items[i], port_of(s, answer->values.items[i])));
	s->lookup++;
	if (s->lookup == LOOKUP_AAAA || (s->lookup == LOOKUP_RESOLVER && !s->addresses.count))
		look_up(s);
	else if (s->addresses.count)
		dns_server_ask_value(s);
	else
		answered(s, DNS_SERVER_SILENT,
			xasprintf("%s: no address found%s%s", s->host, err ? ": " : "", err ? err->message : ""));
}

static void
look_up(struct dns_server *s)
{
	const struct dns_watch_common *c = s->common;

	if (s->lookup == LOOKUP_RESOLVER)
		s->query = dns_resolve(c->env->dns, s->host, TIMEOUT_MS, dns_server_on_addresses, s);
	else
		s->query = dns_ask(c->env->dns, dnsprovider_server(&c->provider), s->host,
			s->lookup == LOOKUP_A ? DNS_A : DNS_AAAA, TIMEOUT_MS, dns_server_on_addresses, s);
}

void
dns_server_ask(struct dns_server *s, void (*done)(void *arg), void *arg)
{
	const struct dns_watch_common *c = s->common;
	bool is_own = dnsprovider_server(&c->provider) && c->zone && name_in_zone(s->host, c->zone);

	s->done = done;
	s->arg = arg;
	if (s->addresses.count) {
		dns_server_ask_value(s);
		return;
	}
	s->lookup = is_own ? LOOKUP_A : LOOKUP_RESOLVER;
	look_up(s);
}
