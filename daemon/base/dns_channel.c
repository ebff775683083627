/*
 * daemon/base/dns_channel.c: the interface to c-ares, which says what descriptors to watch and when to call it for its
 * time limits; both are passed to the loop. Callbacks run inside c-ares, so neither this file nor its callers may
 * destroy a channel from one.
 */
#include "daemon/base/dns_channel.h"

#include "common/address.h"
#include "common/alloc.h"
#include "common/error.h"
#include "common/strlist.h"
#include "daemon/base/loop.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	TRY_MS = 1000,      /* doubled by c-ares on each round through the servers */
	TRIES = 3,          /* a server that drops AAAA queries then costs 7 s, not the whole request */
	TCP_MS = 60 * 1000, /* the callers' own deadlines are shorter */
	DNS_PORT = 53
};

struct watch {
	struct watch *prev, *next;
	struct loop_fd *handle;
	int fd;
};

struct dns_channel {
	struct loop *loop;
	ares_channel ares;
	struct loop_timer timer;
	struct watch *watches;
	char *label; /* addresses, for messages */
	unsigned server_count;
};

/* "address", "address:port", "[v6]:port". c-ares's own parser reads port 99999 as 34463. */
static bool
parse_server(const char *text, struct ares_addr_port_node *ret)
{
	_cleanup_free_ char *host = xstrdup(text);
	const char *address = host, *port = NULL;
	char *colon = strchr(host, ':');

	if (*host == '[') {
		char *end = strchr(host, ']');

		if (!end || (end[1] && end[1] != ':'))
			return false;
		address++;
		port = end[1] ? end + 2 : NULL;
		*end = '\0';
	} else if (colon && !strchr(colon + 1, ':')) {
		*colon = '\0';
		port = colon + 1;
	}
	uint16_t number = DNS_PORT;
	*ret = (struct ares_addr_port_node){ .family = AF_UNSPEC };
	if (port && !address_parse_port(port, &number))
		return false;
	ret->udp_port = ret->tcp_port = number;
	ret->family = strchr(address, ':') ? AF_INET6 : AF_INET;
	return inet_pton(ret->family, address, &ret->addr) == 1;
}

static int
set_servers(struct dns_channel *channel, const char *servers, struct error *err)
{
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;

	strlist_split(&list, servers, ',');
	_cleanup_free_ struct ares_addr_port_node *nodes = xcalloc(list.count + 1, sizeof(*nodes));
	if (list.count == 0)
		return error_set(err, ERROR_INVALID, "no DNS server is given");
	for (size_t i = 0; i < list.count; i++) {
		if (!parse_server(list.items[i], &nodes[i]))
			return error_set(err, ERROR_INVALID,
				"DNS server '%s' is not an address, address:port or [IPv6 address]:port",
				list.items[i]);
		nodes[i].next = i + 1 < list.count ? &nodes[i + 1] : NULL;
	}
	int rc = ares_set_servers_ports(channel->ares, nodes);
	if (rc != ARES_SUCCESS)
		return error_set(err, ERROR_DNS, "DNS servers '%s': %s", servers, ares_strerror(rc));
	return 0;
}

/* The servers that c-ares really queries: those of resolv.conf, or 127.0.0.1 when that is missing. */
static void
read_servers(struct dns_channel *channel)
{
	struct ares_addr_port_node *servers = NULL;
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;

	ares_get_servers_ports(channel->ares, &servers);
	for (const struct ares_addr_port_node *s = servers; s; s = s->next) {
		char address[INET6_ADDRSTRLEN] = "?";

		inet_ntop(s->family, &s->addr, address, sizeof(address));
		bool is_plain = s->udp_port == 0 || s->udp_port == DNS_PORT;
		if (is_plain)
			strlist_add(&names, address);
		else
			strlist_take(
				&names, xasprintf(s->family == AF_INET6 ? "[%s]:%d" : "%s:%d", address, s->udp_port));
	}
	ares_free_data(servers);
	channel->server_count = (unsigned)names.count;
	channel->label = strlist_join(&names, ", ");
}

static void
rearm(struct dns_channel *channel)
{
	struct timeval tv;

	if (ares_timeout(channel->ares, NULL, &tv))
		loop_timer_set(&channel->timer, (int64_t)tv.tv_sec * 1000 + (tv.tv_usec + 999) / 1000);
	else
		loop_timer_cancel(&channel->timer);
}

static void
dns_channel_on_fd(int fd, short what, void *arg)
{
	struct dns_channel *channel = arg;

	ares_process_fd(
		channel->ares, what & LOOP_READ ? fd : ARES_SOCKET_BAD, what & LOOP_WRITE ? fd : ARES_SOCKET_BAD);
	rearm(channel);
}

static void
dns_channel_on_timer(void *arg)
{
	struct dns_channel *channel = arg;

	ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	rearm(channel);
}

/* c-ares's interest in a descriptor; neither reading nor writing: it is about to be closed. */
static void
on_sock_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns_channel *channel = arg;
	short what = (short)((readable ? LOOP_READ : 0) | (writable ? LOOP_WRITE : 0));
	struct watch *watch;

	DL_SEARCH_SCALAR(channel->watches, watch, fd, fd);
	if (watch && what) {
		loop_fd_set(watch->handle, what);
	} else if (watch) {
		DL_DELETE(channel->watches, watch);
		loop_fd_free(watch->handle);
		free(watch);
	} else if (what) {
		watch = xmalloc(sizeof(*watch));
		*watch = (struct watch){
			.handle = loop_fd_new(channel->loop, fd, what, dns_channel_on_fd, channel),
			.fd = fd,
		};
		DL_PREPEND(channel->watches, watch);
	}
}

struct dns_channel *
dns_channel_new(
	struct loop *loop, const char *servers, const char *resolv_conf, enum dns_channel_kind kind, struct error *err)
{
	struct dns_channel *channel = xcalloc(1, sizeof(*channel));

	channel->loop = loop;
	loop_timer_init(&channel->timer, loop, dns_channel_on_timer, channel);

	/* Lookups are explicit so that nsswitch.conf is not read; names are absolute and HOSTALIASES is ignored. */
	char lookups[] = "fb";
	_cleanup_free_ char *path = xstrdup(resolv_conf);
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = kind == DNS_CHANNEL_TCP ? TCP_MS : TRY_MS,
		.tries = kind == DNS_CHANNEL_TCP ? 1 : TRIES,
		.lookups = lookups,
		.sock_state_cb = on_sock_state,
		.sock_state_cb_data = channel,
		.resolvconf_path = path,
	};
	if (kind != DNS_CHANNEL_FAILOVER)
		options.flags |= ARES_FLAG_NOCHECKRESP;
	if (kind == DNS_CHANNEL_TCP)
		options.flags |= ARES_FLAG_USEVC;
	int rc = ares_init_options(&channel->ares, &options,
		ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB |
			ARES_OPT_RESOLVCONF);
	if (rc != ARES_SUCCESS) {
		channel->ares = NULL;
		error_set(err, ERROR_DNS, "cannot set up DNS: %s", ares_strerror(rc));
	} else if (!servers || set_servers(channel, servers, err) == 0) {
		read_servers(channel);
		return channel;
	}
	dns_channel_free(channel);
	return NULL;
}

void
dns_channel_free(struct dns_channel *channel)
{
	if (!channel)
		return;
	if (channel->ares)
		ares_destroy(channel->ares);
	loop_timer_cancel(&channel->timer);
	free(channel->label);
	free(channel);
}

unsigned
dns_channel_server_count(const struct dns_channel *channel)
{
	return channel->server_count;
}

void
dns_channel_send(struct dns_channel *channel, const void *message, size_t len, ares_callback done, void *arg)
{
	ares_send(channel->ares, message, (int)len, done, arg);
	rearm(channel);
}

void
dns_channel_resolve(struct dns_channel *channel, const char *host, ares_addrinfo_callback done, void *arg)
{
	const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC };

	ares_getaddrinfo(channel->ares, host, NULL, &hints, done, arg);
	rearm(channel);
}

const char *
dns_channel_servers(const struct dns_channel *channel)
{
	return channel->label;
}
