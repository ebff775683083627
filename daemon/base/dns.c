/*
 * daemon/base/dns.c: queries, addresses and updates on the loop.
 *
 * c-ares cannot cancel a single query, so a query that was cancelled or timed out is only marked as ended and stays
 * until c-ares releases it. Whatever ends a query sets its timer to zero: results are delivered from the loop, never
 * from inside c-ares or the call that started it.
 *
 * Channels (a set of servers) are kept and reused; the least recently used idle ones are closed. The channel of
 * resolv.conf is renewed when that file changes, because a daemon outlives many networks.
 */
#include "daemon/base/dns.h"

#include "common/alloc.h"
#include "common/buf.h"
#include "common/crypto/secret.h"
#include "common/error.h"
#include "common/random.h"
#include "daemon/base/dns_channel.h"
#include "daemon/base/dns_message.h"
#include "daemon/base/loop.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <utlist.h>

enum {
	MAX_CHANNELS = 16, /* a channel of c-ares 1.18 takes 75 KB */
	RCODE_SERVFAIL = 2,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5
};

struct slot {
	struct slot *prev, *next; /* most recently used first */
	struct dns_channel *channel;
	char *servers; /* NULL: resolv.conf */
	enum dns_channel_kind kind;
	unsigned users;  /* queries that c-ares still has */
	bool is_retired; /* resolv.conf has changed since */
};

struct dns {
	struct loop *loop;
	char *servers; /* for queries without a server; NULL: resolv.conf */
	char *resolv_conf;
	struct slot *slots;
	struct dns_query *queries;
	struct timespec resolv_conf_mtime;
	ino_t resolv_conf_ino;
};

enum query_kind { QUERY_ASK, QUERY_RESOLVE, QUERY_UPDATE };

struct dns_query {
	struct dns *dns;
	struct dns_query *next, *prev;
	struct loop_timer timer; /* first the deadline, then, at zero, the delivery */
	enum query_kind kind;
	char *subject; /* owned; the object of the query, at the beginning of error messages */
	dns_done_fn *done;
	void *arg;
	int64_t timeout_ms;

	struct slot *slot;     /* the channel whose query c-ares still has; NULL: none */
	bool is_ended;         /* delivered or cancelled; kept only for c-ares */
	bool is_finished;      /* the result is known */
	bool is_second_server; /* the first server gave no usable answer */
	struct dns_answer answer;
	struct error err;

	char *name; /* owned; QUERY_ASK, QUERY_RESOLVE */
	enum dns_type type;
	struct buf message;       /* QUERY_ASK, QUERY_UPDATE */
	struct dns_update update; /* QUERY_UPDATE: strings owned, without the value */
	struct secret tsig_key;
	struct dns_tsig_mac mac;
};

/* --- channels --- */

static void
slot_free(struct slot *slot)
{
	dns_channel_free(slot->channel);
	free(slot->servers);
	free(slot);
}

/* Closes idle channels after the first MAX_CHANNELS, and retired ones. */
static void
trim_slots(struct dns *dns)
{
	unsigned count = 0;
	struct slot *slot, *next;

	DL_FOREACH_SAFE(dns->slots, slot, next) {
		if (slot->users == 0 && (slot->is_retired || count >= MAX_CHANNELS)) {
			DL_DELETE(dns->slots, slot);
			slot_free(slot);
		} else {
			count++;
		}
	}
}

static void
watch_resolv_conf(struct dns *dns)
{
	struct stat st = { .st_ino = 0 };

	if (stat(dns->resolv_conf, &st) < 0)
		st = (struct stat){ .st_ino = 0 };
	if (st.st_ino == dns->resolv_conf_ino && st.st_mtim.tv_sec == dns->resolv_conf_mtime.tv_sec &&
		st.st_mtim.tv_nsec == dns->resolv_conf_mtime.tv_nsec)
		return;
	dns->resolv_conf_ino = st.st_ino;
	dns->resolv_conf_mtime = st.st_mtim;
	for (struct slot *slot = dns->slots; slot; slot = slot->next)
		slot->is_retired |= !slot->servers;
}

static bool
slot_is(const struct slot *slot, const char *servers, enum dns_channel_kind kind)
{
	if (slot->is_retired || slot->kind != kind || !servers != !slot->servers)
		return false;
	return !servers || strcmp(servers, slot->servers) == 0;
}

/* Finds or opens the channel, and moves it to the front. Return: borrowed; NULL with @err. */
static struct slot *
get_slot(struct dns *dns, const char *servers, enum dns_channel_kind kind, struct error *err)
{
	if (!servers)
		watch_resolv_conf(dns);
	struct slot *slot = dns->slots;
	while (slot && !slot_is(slot, servers, kind))
		slot = slot->next;
	if (slot) {
		DL_DELETE(dns->slots, slot);
	} else {
		struct dns_channel *channel = dns_channel_new(dns->loop, servers, dns->resolv_conf, kind, err);

		if (!channel)
			return NULL;
		slot = xcalloc(1, sizeof(*slot));
		*slot = (struct slot){ .channel = channel, .servers = xstrdup_null(servers), .kind = kind };
	}
	DL_PREPEND(dns->slots, slot);
	return slot;
}

struct dns *
dns_new(struct loop *loop, const char *servers, struct error *err)
{
	int rc = ares_library_init(ARES_LIB_INIT_ALL);

	if (rc != ARES_SUCCESS) {
		error_set(err, ERROR_DNS, "cannot set up DNS: %s", ares_strerror(rc));
		return NULL;
	}
	struct dns *dns = xcalloc(1, sizeof(*dns));
	dns->loop = loop;
	dns->servers = xstrdup_null(servers);
	dns->resolv_conf = xstrdup("/etc/resolv.conf");
	if (!get_slot(dns, dns->servers, DNS_CHANNEL_DIRECT, err)) {
		dns_free(dns);
		return NULL;
	}
	return dns;
}

void
dns_set_resolv_conf(struct dns *dns, const char *path)
{
	str_replace(&dns->resolv_conf, path);
	dns->resolv_conf_ino = 0;
}

/* --- queries --- */

static void
query_free(struct dns_query *q)
{
	DL_DELETE(q->dns->queries, q);
	dns_answer_clear(&q->answer);
	error_clear(&q->err);
	buf_clear(&q->message);
	secret_clear(&q->tsig_key);
	free((char *)q->update.zone);
	free((char *)q->update.name);
	free((char *)q->update.tsig_name);
	free((char *)q->update.tsig_algorithm);
	free(q->subject);
	free(q->name);
	free(q);
}

/* The query is abandoned; freed now or when c-ares releases it. */
static void
query_end(struct dns_query *q)
{
	q->is_ended = true;
	loop_timer_cancel(&q->timer);
	if (!q->slot)
		query_free(q);
}

static void
query_finish(struct dns_query *q)
{
	q->is_finished = true;
	loop_timer_set(&q->timer, 0);
}

static void
query_deliver(struct dns_query *q)
{
	_cleanup_(dns_answer_clear) struct dns_answer answer = q->answer;
	_cleanup_error_ struct error err = ERROR_INIT;

	dns_done_fn *done = q->done;
	void *arg = q->arg;
	bool has_answer = !error_is_set(&q->err) || q->kind == QUERY_UPDATE;

	q->answer = (struct dns_answer){ .rcode = 0 };
	if (error_is_set(&q->err)) {
		error_wrap(&q->err, "%s", q->subject);
		error_move(&err, &q->err);
	}
	query_end(q);
	done(has_answer ? &answer : NULL, error_is_set(&err) ? &err : NULL, arg);
}

/* The subject of an update already names the server. */
static char *
server_words(const struct dns_query *q, const char *servers)
{
	return q->kind == QUERY_UPDATE ? xstrdup("the server") : xasprintf("DNS server %s", servers);
}

static void
on_query_timer(void *arg)
{
	struct dns_query *q = arg;

	if (!q->is_finished) {
		_cleanup_free_ char *who = server_words(q, dns_channel_servers(q->slot->channel));

		error_set(&q->err, ERROR_TIMEOUT, "no answer from %s within %lld ms", who, (long long)q->timeout_ms);
		q->err.may_retry = true;
	}
	query_deliver(q);
}

static struct dns_query *
query_new(struct dns *dns, enum query_kind kind, int64_t timeout_ms, dns_done_fn *done, void *arg)
{
	struct dns_query *q = xcalloc(1, sizeof(*q));

	*q = (struct dns_query){ .dns = dns, .kind = kind, .timeout_ms = timeout_ms, .done = done, .arg = arg };
	DL_PREPEND(dns->queries, q);
	loop_timer_init(&q->timer, dns->loop, on_query_timer, q);
	loop_timer_set(&q->timer, timeout_ms);
	trim_slots(dns);
	return q;
}

/* c-ares releases @q. Return: false: it had ended, and is freed now. */
static bool
query_returned(struct dns_query *q)
{
	q->slot->users--;
	q->slot = NULL;
	if (!q->is_ended)
		return true;
	query_free(q);
	return false;
}

static void
transport_error(struct dns_query *q, const char *servers, int status)
{
	_cleanup_free_ char *who = server_words(q, servers);

	switch (status) {
	case ARES_ETIMEOUT:
		error_set(&q->err, ERROR_TIMEOUT, "no answer from %s", who);
		break;
	case ARES_ECONNREFUSED:
		error_set(&q->err, ERROR_DNS, "%s cannot be reached (connection refused or no route): is it running?",
			who);
		break;
	case ARES_ENOTFOUND:
		error_set(&q->err, ERROR_DNS, "%s: the name does not exist (NXDOMAIN)", who);
		break;
	case ARES_ENODATA:
		error_set(&q->err, ERROR_DNS, "it has no address");
		break;
	case ARES_ESERVFAIL:
		error_set(&q->err, ERROR_DNS, "%s could not resolve it (SERVFAIL)", who);
		break;
	case ARES_EREFUSED:
		error_set(&q->err, ERROR_DNS, "%s refuses to answer (REFUSED)", who);
		break;
	default:
		error_set(&q->err, ERROR_DNS, "%s: %s", who, ares_strerror(status));
	}
	q->err.may_retry = true;
}

static void
query_send(struct dns_query *q, const char *servers, enum dns_channel_kind kind);

/* The first server gave no usable answer: let c-ares query the others. */
static bool
try_other_servers(struct dns_query *q, const struct slot *slot)
{
	if (q->is_second_server || slot->kind != DNS_CHANNEL_DIRECT || dns_channel_server_count(slot->channel) < 2)
		return false;
	q->is_second_server = true;
	query_send(q, slot->servers, DNS_CHANNEL_FAILOVER);
	return true;
}

static void
parse_message(struct dns_query *q, const void *wire, size_t len)
{
	if (q->kind == QUERY_UPDATE) {
		dns_message_update_answer(
			wire, len, &q->update, &q->mac, loop_now(q->dns->loop), &q->answer.rcode, &q->err);
		return;
	}
	dns_answer_clear(&q->answer);
	error_clear(&q->err);
	dns_message_parse(wire, len, q->name, q->type, &q->answer, &q->err);
}

static void
on_message(void *arg, int status, int timeouts _unused_, unsigned char *wire, int len)
{
	struct dns_query *q = arg;
	const struct slot *slot = q->slot;

	if (!query_returned(q))
		return;
	if (status == ARES_SUCCESS) {
		parse_message(q, wire, (size_t)len);
		int rcode = q->answer.rcode;
		if ((rcode == RCODE_SERVFAIL || rcode == RCODE_NOTIMP || rcode == RCODE_REFUSED) &&
			try_other_servers(q, slot))
			return;
	} else if (!q->is_second_server) { /* otherwise the first server's answer counts */
		transport_error(q, dns_channel_servers(slot->channel), status);
	}
	query_finish(q);
}

static void
take_addresses(struct dns_query *q, const struct ares_addrinfo *info)
{
	for (const struct ares_addrinfo_node *node = info->nodes; node; node = node->ai_next) {
		char text[INET6_ADDRSTRLEN];
		const void *address =
			node->ai_family == AF_INET6
				? (const void *)&((const struct sockaddr_in6 *)(const void *)node->ai_addr)->sin6_addr
				: (const void *)&((const struct sockaddr_in *)(const void *)node->ai_addr)->sin_addr;

		if (inet_ntop(node->ai_family, address, text, sizeof(text)) && !strlist_has(&q->answer.values, text))
			strlist_add(&q->answer.values, text);
	}
}

static void
on_addrinfo(void *arg, int status, int timeouts _unused_, struct ares_addrinfo *info)
{
	struct dns_query *q = arg;
	const struct slot *slot = q->slot;

	if (query_returned(q)) {
		if (status == ARES_SUCCESS) {
			error_clear(&q->err);
			take_addresses(q, info);
		} else if (!q->is_second_server) { /* otherwise the first server's error counts */
			transport_error(q, dns_channel_servers(slot->channel), status);
		}
		bool is_failed = status == ARES_ESERVFAIL || status == ARES_EREFUSED || status == ARES_ENOTIMP;
		if (!is_failed || !try_other_servers(q, slot))
			query_finish(q);
	}
	ares_freeaddrinfo(info);
}

/* Passes @q to c-ares; without a channel the query ends. */
static void
query_send(struct dns_query *q, const char *servers, enum dns_channel_kind kind)
{
	struct slot *slot = get_slot(q->dns, servers, kind, &q->err);

	if (!slot) {
		query_finish(q);
		return;
	}
	q->slot = slot;
	slot->users++;
	if (q->kind == QUERY_RESOLVE)
		dns_channel_resolve(slot->channel, q->name, on_addrinfo, q);
	else
		dns_channel_send(slot->channel, q->message.data, q->message.len, on_message, q);
}

static uint16_t
random_id(void)
{
	uint16_t id = 0;

	random_octets(&id, sizeof(id));
	return id;
}

/* @flags: enum dns_message_flag */
static struct dns_query *
ask_with(struct dns *dns, const char *server, const char *name, enum dns_type type, unsigned flags, int64_t timeout_ms,
	dns_done_fn *done, void *arg)
{
	struct dns_query *q = query_new(dns, QUERY_ASK, timeout_ms, done, arg);

	q->subject = xasprintf("DNS %s of '%s'", dns_type_name(type), name);
	q->name = xstrdup(name);
	q->type = type;
	if (dns_message_question(random_id(), name, type, flags, &q->message, &q->err) < 0)
		query_finish(q);
	else
		query_send(q, server ? server : dns->servers, DNS_CHANNEL_DIRECT);
	return q;
}

struct dns_query *
dns_ask(struct dns *dns, const char *server, const char *name, enum dns_type type, int64_t timeout_ms,
	dns_done_fn *done, void *arg)
{
	return ask_with(dns, server, name, type, server ? 0 : DNS_MESSAGE_RECURSIVE, timeout_ms, done, arg);
}

struct dns_query *
dns_ask_resolver(struct dns *dns, const char *server, const char *name, enum dns_type type, int64_t timeout_ms,
	dns_done_fn *done, void *arg)
{
	return ask_with(dns, server, name, type, DNS_MESSAGE_RECURSIVE, timeout_ms, done, arg);
}

struct dns_query *
dns_ask_unvalidated(
	struct dns *dns, const char *name, enum dns_type type, int64_t timeout_ms, dns_done_fn *done, void *arg)
{
	return ask_with(dns, NULL, name, type, DNS_MESSAGE_RECURSIVE | DNS_MESSAGE_UNVALIDATED, timeout_ms, done, arg);
}

/* RFC 6761 s6.3: never sent to a server. */
static bool
is_localhost(const char *host)
{
	static const char tail[] = ".localhost";
	size_t len = strlen(host);

	return strcasecmp(host, "localhost") == 0 ||
	       (len >= sizeof(tail) && strcasecmp(host + len - (sizeof(tail) - 1), tail) == 0);
}

static bool
is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

struct dns_query *
dns_resolve(struct dns *dns, const char *host, int64_t timeout_ms, dns_done_fn *done, void *arg)
{
	struct dns_query *q = query_new(dns, QUERY_RESOLVE, timeout_ms, done, arg);
	size_t len = strlen(host);

	q->subject = xasprintf("address of '%s'", host);
	q->name = xstrndup(host, len > 1 && host[len - 1] == '.' ? len - 1 : len);
	if (is_address(q->name)) {
		strlist_add(&q->answer.values, q->name);
		query_finish(q);
	} else if (is_localhost(q->name)) {
		strlist_add(&q->answer.values, "127.0.0.1");
		strlist_add(&q->answer.values, "::1");
		query_finish(q);
	} else if (*q->name == '\0') {
		error_set(&q->err, ERROR_INVALID, "the host name is empty");
		query_finish(q);
	} else {
		query_send(q, dns->servers, DNS_CHANNEL_DIRECT);
	}
	return q;
}

struct dns_query *
dns_send_update(struct dns *dns, const struct dns_update *update, int64_t timeout_ms, dns_done_fn *done, void *arg)
{
	struct dns_query *q = query_new(dns, QUERY_UPDATE, timeout_ms, done, arg);

	q->subject = xasprintf("DNS update at %s", update->server);
	q->update = (struct dns_update){
		.zone = xstrdup(update->zone),
		.name = xstrdup(update->name),
		.tsig_name = xstrdup_null(update->tsig_name),
		.tsig_algorithm = xstrdup_null(update->tsig_algorithm),
	};
	if (update->tsig_key) {
		secret_copy(&q->tsig_key, update->tsig_key);
		q->update.tsig_key = &q->tsig_key;
	}
	q->answer.rcode = -1;
	if (dns_message_update(random_id(), update, loop_now(dns->loop), &q->message, &q->mac, &q->err) < 0)
		query_finish(q);
	else
		query_send(q, update->server, DNS_CHANNEL_TCP);
	return q;
}

void
dns_cancel(struct dns_query *query)
{
	if (query)
		query_end(query);
}

void
dns_free(struct dns *dns)
{
	if (!dns)
		return;
	struct dns_query *q, *next_query;
	DL_FOREACH_SAFE(dns->queries, q, next_query)
		if (!q->is_ended)
			query_end(q);
	while (dns->slots) {
		struct slot *slot = dns->slots;

		DL_DELETE(dns->slots, slot);
		slot_free(slot); /* c-ares releases all remaining queries */
	}
	ares_library_cleanup();
	free(dns->servers);
	free(dns->resolv_conf);
	free(dns);
}
