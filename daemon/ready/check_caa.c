/*
 * CAA records, from the name up to the first level that has some (RFC 8659 s3). Within the zone of the name its
 * authoritative servers are asked; above it, and if none of them answers, the resolver. An alias leads to records that
 * only the resolver follows.
 */
#include "common/name.h"
#include "daemon/dnsprovider/server.h"
#include "daemon/ready/caa.h"
#include "daemon/ready/ready_private.h"

#include <stdlib.h>
#include <string.h>

enum { HOSTS_MAX = 3, SERVERS_MAX = 4 };

struct ready_caa {
	const char *level;      /* the part of step->base that is asked about */
	struct strlist hosts;   /* name servers of the zone, by name */
	struct strlist servers; /* by address */
	size_t host;            /* index of the next one to be resolved */
	size_t server;          /* index of the one that is asked; the resolver after the last */
};

static void
caa_cancel(struct ready_step *s)
{
	struct ready_caa *c = s->data;

	strlist_clear(&c->hosts);
	strlist_clear(&c->servers);
	free(c);
}

static void
caa_end(struct ready_step *s)
{
	caa_cancel(s);
	ready_next(s);
}

static const char *
caa_server(const struct ready_step *s)
{
	const struct ready_caa *c = s->data;

	return c->server < c->servers.count ? c->servers.items[c->server] : NULL;
}

/* An order may go there while the provider fails: a warning, because it does not concern the next renewal. */
static void
caa_judge_fallback(struct ready_step *s, const struct ready_fallback *f, const struct strlist *records,
	struct caa_question question)
{
	const struct ready_caa *c = s->data;
	_cleanup_buf_ struct buf why = BUF_INIT;

	question.identities = &f->identities;
	question.account_url = f->account_url;
	if (caa_judge(records, &question, &why) == CAA_FORBIDDEN)
		ready_add(s, READY_WARNING, "CAA of %s does not allow the fallback provider '%s': %s", c->level,
			f->name, buf_str(&why));
}

static void
caa_found(struct ready_step *s, const struct strlist *records)
{
	const struct ready_caa *c = s->data;
	const struct provider *p = &s->run->p;
	const char *method = s->method && strcmp(s->method, "manual") == 0 ? "dns-01" : s->method;
	const struct caa_question question = {
		.identities = &s->run->identities,
		.account_url = p->account_url,
		.method = method,
		.is_wildcard = name_is_wildcard(s->name),
	};
	_cleanup_buf_ struct buf why = BUF_INIT;

	switch (caa_judge(records, &question, &why)) {
	case CAA_ALLOWED:
		break;
	case CAA_FORBIDDEN:
		ready_add(s, READY_BLOCKED, "CAA of %s, seen at %s: %s; correct the record, or choose another CA",
			c->level, caa_server(s) ? caa_server(s) : "the resolver", buf_str(&why));
		break;
	case CAA_UNKNOWN:
		ready_add(s, READY_NOTE, "CAA of %s: %s", c->level, buf_str(&why));
		break;
	}
	for (size_t i = 0; i < s->run->n_fallbacks; i++)
		caa_judge_fallback(s, &s->run->fallbacks[i], records, question);
	caa_end(s);
}

static void
caa_ask(void *arg);

static void
caa_up(struct ready_step *s)
{
	struct ready_caa *c = s->data;
	const char *dot = strchr(c->level, '.');

	if (!dot || !dot[1]) {
		caa_end(s);
		return;
	}
	c->level = dot + 1;
	c->server = s->zone && name_in_zone(c->level, s->zone) ? 0 : c->servers.count;
	s->tries = 0;
	caa_ask(s);
}

/* The resolver gives no answer. CAs do not issue then (RFC 8659 s3), if they have the same answer. */
static void
caa_failed(struct ready_step *s, const struct dns_answer *answer, const struct error *err)
{
	const struct ready_caa *c = s->data;

	if (s->tries++ == 0 && (err || answer->rcode == READY_SERVFAIL)) {
		ready_after(s, READY_AGAIN_MS, caa_ask);
		return;
	}
	if (err)
		ready_add(s, READY_NOTE, "%s", err->message);
	else if (answer->rcode == READY_SERVFAIL)
		ready_add(s, READY_BLOCKED,
			"the CAA records of %s cannot be looked up (SERVFAIL, twice): CAs do not issue then; check the "
			"name servers of its zone",
			c->level);
	else if (c->level == s->base)
		ready_add(s, READY_NOTE, "the resolver answers %s to a query for the CAA records of %s",
			dns_rcode_name(answer->rcode), c->level);
	caa_end(s);
}

static void
caa_answered(struct ready_step *s, const struct dns_answer *answer, const struct error *err)
{
	struct ready_caa *c = s->data;
	bool is_server = c->server < c->servers.count;
	bool is_answer = !err && ready_is_answer(answer) && (!is_server || answer->is_authoritative);

	if (is_answer && answer->values.count) {
		caa_found(s, &answer->values);
	} else if (is_server && (!is_answer || answer->cname)) {
		c->server = is_answer ? c->servers.count : c->server + 1;
		caa_ask(s);
	} else if (is_answer) {
		caa_up(s);
	} else {
		caa_failed(s, answer, err);
	}
}

static void
caa_ask(void *arg)
{
	struct ready_step *s = arg;
	const struct ready_caa *c = s->data;

	ready_ask(s, caa_server(s), c->level, DNS_CAA, caa_answered);
}

/* --- the authoritative servers --- */

static void
caa_resolve(struct ready_step *s);

static void
caa_resolved(struct ready_step *s, const struct dns_answer *answer, const struct error *err)
{
	struct ready_caa *c = s->data;

	for (size_t i = 0; !err && i < answer->values.count && c->servers.count < SERVERS_MAX; i++)
		strlist_take(&c->servers, server_join(answer->values.items[i], SERVER_PORT));
	caa_resolve(s);
}

static void
caa_resolve(struct ready_step *s)
{
	struct ready_caa *c = s->data;

	if (c->host < c->hosts.count && c->host < HOSTS_MAX && c->servers.count < SERVERS_MAX)
		ready_ask_addresses(s, c->hosts.items[c->host++], caa_resolved);
	else
		caa_ask(s);
}

static void
caa_hosts(struct ready_step *s, const struct dns_answer *answer, const struct error *err)
{
	struct ready_caa *c = s->data;

	if (!err)
		strlist_copy(&c->hosts, &answer->values);
	caa_resolve(s);
}

/* @text: "address:port"; a host name is left out, as the zone's own records name it. */
static void
caa_add_server(struct ready_caa *c, const char *text)
{
	_cleanup_free_ char *host = NULL;
	int port;

	if (text && server_split(text, &host, &port) && server_is_address(host))
		strlist_take(&c->servers, server_join(host, port));
}

/* The servers that a DNS provider names may listen on another port, which NS records cannot express. */
static void
caa_start(struct ready_step *s)
{
	_cleanup_dnsprovider_ struct dnsprovider d = { 0 };
	struct ready_caa *c;

	if (server_is_address(s->base)) {
		ready_next(s);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	s->data = c;
	s->cancel = caa_cancel;
	c->level = s->base;
	if (ready_dnsprovider(s, s->base, &d)) {
		for (size_t i = 0; i < d.nameservers.count && c->servers.count < SERVERS_MAX; i++)
			caa_add_server(c, d.nameservers.items[i]);
		if (!c->servers.count)
			caa_add_server(c, dnsprovider_server(&d));
	}
	if (c->servers.count || !s->zone)
		caa_ask(s);
	else
		ready_ask(s, NULL, s->zone, DNS_NS, caa_hosts);
}

const struct ready_check ready_check_caa = { .word = "caa", .is_of_name = true, .start = caa_start };
