/*
 * Rounds: all servers that lack the value are queried at once; after the last answer there is a pause, which doubles
 * each time. Finding the servers is itself a query, which may fail and is repeated with the rounds. The resolvers are
 * queried, in rounds of their own, only when the name servers have the value: a resolver that was queried too early
 * keeps the negative answer.
 */
#include "daemon/challenge/dns_watch.h"

#include "common/error.h"
#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/dns.h"
#include "daemon/base/loop.h"
#include "daemon/challenge/dns_watch_private.h"
#include "daemon/dnsprovider/server.h"

#include <stdlib.h>
#include <string.h>

enum {
	TIMEOUT_MS = 5000,
	SERVERS_MAX = 32, /* a zone has a few; more is a mistake or an attack */
	SILENCES_MAX = 4, /* rounds; then a silent server is skipped if others have the value */
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5
};

struct dns_watch {
	struct dns_watch_common common;
	struct dns_server **servers; /* owned, each owned */
	size_t n_servers;
	size_t pending; /* outstanding answers of this round */
	bool has_ns;    /* the zone's NS records are known, or not needed */
	bool needs_all;
	bool is_at_resolvers; /* the name servers have the value */
	bool is_at_server;    /* they are being requested from the provider's own server */
	struct dns_query *ns_query;
	struct loop_timer timer; /* the next round */
	int64_t poll_ms;
	int64_t pause_ms;
	int64_t deadline_ms;
	char *said;
	struct strlist *verdicts; /* or NULL */
	dns_watch_done_fn *done;
	dns_watch_progress_fn *progress;
	void *arg;
};

void
dns_watch_cancel(struct dns_watch *w)
{
	if (!w)
		return;
	dns_cancel(w->ns_query);
	loop_timer_cancel(&w->timer);
	for (size_t i = 0; i < w->n_servers; i++)
		dns_server_free(w->servers[i]);
	free(w->servers);
	dnsprovider_clear(&w->common.provider);
	free(w->common.zone);
	free(w->common.name);
	free(w->common.value);
	free(w->said);
	free(w);
}

static void
dns_watch_finish(struct dns_watch *w, const struct error *err)
{
	dns_watch_done_fn *done = w->done;
	void *arg = w->arg;

	for (size_t i = 0; w->verdicts && i < w->n_servers; i++) {
		const struct dns_server *s = w->servers[i];

		strlist_take(w->verdicts, s->state == DNS_SERVER_HAS ? xasprintf("%s%s has the %s record",
									       s->is_resolver ? "resolver " : "",
									       s->host, dns_type_name(w->common.type))
								     : xstrdup(s->why ? s->why : s->host));
	}
	for (size_t i = 0; w->verdicts && !w->is_at_resolvers && i < w->common.provider.resolvers.count; i++)
		strlist_take(w->verdicts, xasprintf("resolver %s was not queried: the name servers come first",
						  w->common.provider.resolvers.items[i]));
	dns_watch_cancel(w);
	done(err, arg);
}

/* Takes @why. */
static void
dns_watch_say(struct dns_watch *w, char *why)
{
	if (!w->said || strcmp(w->said, why) != 0)
		w->progress(why, w->arg);
	free(w->said);
	w->said = why;
}

static int64_t
left_ms(const struct dns_watch *w)
{
	return w->deadline_ms - clock_boot_ms(loop_clock(w->common.env->loop));
}

/* Takes @server. */
static void
dns_watch_add(struct dns_watch *w, struct dns_server *server)
{
	w->servers = xreallocarray(w->servers, w->n_servers + 1, sizeof(struct dns_server *));
	w->servers[w->n_servers++] = server;
}

static void
add_server(struct dns_watch *w, const char *host, int port)
{
	if (w->n_servers < SERVERS_MAX)
		dns_watch_add(w, dns_server_new(&w->common, host, port));
}

static void
add_server_text(struct dns_watch *w, const char *text)
{
	_cleanup_free_ char *host = NULL;
	int port;

	if (server_split(text, &host, &port))
		add_server(w, host, port);
}

static bool
anybody_is(const struct dns_watch *w, enum dns_server_state state)
{
	for (size_t i = 0; i < w->n_servers; i++)
		if (w->servers[i]->state == state)
			return true;
	return false;
}

static bool
anybody_has(const struct dns_watch *w)
{
	return anybody_is(w, DNS_SERVER_HAS);
}

/*
 * Time is up. If a server has the record, the CA may see it. If none has, it will not: an attempt would only count as a
 * failed validation, of which CAs allow a few. @why: what was missing in the last round.
 */
static void
dns_watch_end_without(struct dns_watch *w, const char *why)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	char waited[TIME_SPAN_SIZE];

	if (w->needs_all) {
		error_set(&err, anybody_is(w, DNS_SERVER_LACKS) ? ERROR_STATE : ERROR_DNS, "%s", why);
		dns_watch_finish(w, &err);
		return;
	}
	bool is_only_silent = w->is_at_resolvers && !anybody_is(w, DNS_SERVER_LACKS);
	if (anybody_has(w) || is_only_silent || w->common.provider.validate_unseen) {
		dns_watch_say(w, xasprintf("%s; continuing, because the CA may see it", why));
		dns_watch_finish(w, NULL);
		return;
	}
	time_format_span(dns_watch_timeout_sec(&w->common.provider), waited);
	error_set(&err, ERROR_DNS, "no name server has the TXT record after %s, so the CA was not asked: %s", waited,
		why);
	err.may_retry = true;
	dns_watch_finish(w, &err);
}

/* Pauses, or ends when the time is up. @why (taken): what was missing in this round. */
static void
pause_or_end(struct dns_watch *w, char *why)
{
	int64_t left = left_ms(w);

	if (left <= 0) {
		_cleanup_free_ char *last = why;

		dns_watch_end_without(w, last);
		return;
	}
	dns_watch_say(w, why);
	loop_timer_set(&w->timer, w->pause_ms < left ? w->pause_ms : left);
	w->pause_ms = w->pause_ms * 2 < DNS_WATCH_POLL_MAX_MS ? w->pause_ms * 2 : DNS_WATCH_POLL_MAX_MS;
}

static bool
is_left_out(const struct dns_watch *w, const struct dns_server *s)
{
	return !w->needs_all && s->state == DNS_SERVER_SILENT && s->failures >= SILENCES_MAX &&
	       (s->is_resolver || anybody_has(w));
}

static void
ask_servers(struct dns_watch *w);

static void
dns_watch_ask_resolvers(struct dns_watch *w)
{
	const struct strlist *resolvers = &w->common.provider.resolvers;

	for (size_t i = 0; i < resolvers->count; i++)
		dns_watch_add(w, dns_server_new_resolver(&w->common, resolvers->items[i]));
	w->is_at_resolvers = true;
	w->pause_ms = w->poll_ms;
	ask_servers(w);
}

static void
end_round(struct dns_watch *w)
{
	const struct dns_server *missing = NULL;
	const struct dns_server *left_out = NULL;

	for (size_t i = 0; i < w->n_servers; i++) {
		if (w->servers[i]->is_resolver != w->is_at_resolvers)
			continue;
		if (is_left_out(w, w->servers[i]))
			left_out = w->servers[i];
		else if (w->servers[i]->state == DNS_SERVER_LACKS ||
			 (w->servers[i]->state == DNS_SERVER_SILENT && !missing))
			missing = w->servers[i];
	}
	if (missing) {
		pause_or_end(w, xstrdup(missing->why));
		return;
	}
	if (!w->n_servers)
		dns_watch_say(
			w, xasprintf("no zone of %s was found: not waiting for its name servers", w->common.name));
	if (left_out)
		dns_watch_say(w, xasprintf("%s; continuing without it", left_out->why));
	if (w->common.provider.resolvers.count && !w->is_at_resolvers)
		dns_watch_ask_resolvers(w);
	else
		dns_watch_finish(w, NULL);
}

static void
on_server(void *arg)
{
	struct dns_watch *w = arg;

	if (--w->pending == 0)
		end_round(w);
}

static void
ask_servers(struct dns_watch *w)
{
	w->pending = 1; /* ours: prevents the end of the round before all queries are sent */
	for (size_t i = 0; i < w->n_servers; i++) {
		if (w->servers[i]->state == DNS_SERVER_HAS || w->servers[i]->is_resolver != w->is_at_resolvers)
			continue;
		w->pending++;
		dns_server_ask(w->servers[i], on_server, w);
	}
	on_server(w);
}

static void
ask_ns(struct dns_watch *w);

static void
on_ns(const struct dns_answer *answer, const struct error *err, void *arg)
{
	struct dns_watch *w = arg;

	w->ns_query = NULL;
	if (!err && answer->rcode == 0 && answer->values.count) {
		for (size_t i = 0; i < answer->values.count; i++)
			add_server(w, answer->values.items[i], SERVER_PORT);
		w->has_ns = true;
		ask_servers(w);
	} else if (w->is_at_server) {
		w->is_at_server = false;
		ask_ns(w);
	} else if (!err && (answer->rcode == RCODE_NOTIMP || answer->rcode == RCODE_REFUSED) && w->n_servers) {
		w->has_ns = true; /* only the provider's own server is queried */
		ask_servers(w);
	} else
		pause_or_end(w, xasprintf("the name servers of zone %s cannot be found: %s", w->common.zone,
					err ? err->message : "it has no NS records"));
}

static void
ask_ns(struct dns_watch *w)
{
	const struct dns_watch_common *c = &w->common;

	w->ns_query = dns_ask(c->env->dns, w->is_at_server ? dnsprovider_server(&c->provider) : NULL, c->zone, DNS_NS,
		TIMEOUT_MS, on_ns, w);
}

static void
dns_watch_on_timer(void *arg)
{
	struct dns_watch *w = arg;

	if (w->has_ns) {
		ask_servers(w);
		return;
	}
	w->is_at_server = dnsprovider_server(&w->common.provider);
	ask_ns(w);
}

static void
first_servers(struct dns_watch *w)
{
	const struct dnsprovider *p = &w->common.provider;

	for (size_t i = 0; i < p->nameservers.count; i++)
		add_server_text(w, p->nameservers.items[i]);
	w->has_ns = w->n_servers > 0 || !w->common.zone;
	if (!p->nameservers.count && dnsprovider_server(p))
		add_server_text(w, dnsprovider_server(p));
}

int64_t
dns_watch_timeout_sec(const struct dnsprovider *provider)
{
	return provider->propagation_timeout > 0 ? provider->propagation_timeout : DNS_WATCH_TIMEOUT_SEC;
}

struct dns_watch *
dns_watch_start(const struct dnsprovider_env *env, const struct dns_watch_request *request, dns_watch_done_fn *done,
	dns_watch_progress_fn *progress, void *arg)
{
	struct dns_watch *w = xcalloc(1, sizeof(*w));

	w->common.env = env;
	record_copy(&dnsprovider_class, &w->common.provider, request->provider);
	w->common.zone = xstrdup_null(request->zone);
	w->common.name = xstrdup(request->name);
	w->common.value = xstrdup(request->value);
	if (request->has)
		strlist_clear(&w->common.provider.resolvers);
	w->common.has = request->has;
	w->common.has_arg = request->has_arg;
	w->common.type = request->type ? request->type : DNS_TXT;
	w->needs_all = request->needs_all;
	w->poll_ms = request->poll_ms ? request->poll_ms : DNS_WATCH_POLL_MS;
	w->pause_ms = w->poll_ms;
	w->deadline_ms = clock_boot_ms(loop_clock(env->loop)) +
			 dns_watch_timeout_sec(request->provider) * INT64_C(1000);
	w->verdicts = request->verdicts;
	w->done = done;
	w->progress = progress;
	w->arg = arg;
	loop_timer_init(&w->timer, env->loop, dns_watch_on_timer, w);
	first_servers(w);
	loop_timer_set(&w->timer, 0);
	return w;
}
