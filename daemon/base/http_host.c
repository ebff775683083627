/*
 * daemon/base/http_host.c: addresses for curl. A burst of requests to one CA causes one lookup: its answer is used for
 * a minute, and requests meanwhile wait for it. c-ares does not return TTLs with addresses; a minute is shorter than
 * any sensible one.
 */
#include "daemon/base/http_private.h"

#include "common/alloc.h"
#include "daemon/base/clock.h"
#include "daemon/base/dns.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

enum { KEEP_MS = 60 * 1000, RESOLVE_MS = 10 * 1000, MAX_HOSTS = 64 };

struct http_host {
	struct http_hosts *hosts;
	struct http_host *prev, *next; /* newest first */
	char *name;
	struct strlist addresses;
	int64_t expires_ms;    /* boot time */
	int64_t distrusted_ms; /* boot time; 0: never */
	struct dns_query *query;
	struct http_host_wait *waiting;
};

struct http_hosts {
	struct loop *loop;
	struct dns *dns;
	struct http_host *first;
};

struct http_hosts *
http_hosts_new(struct loop *loop, struct dns *dns)
{
	struct http_hosts *hosts = xcalloc(1, sizeof(*hosts));

	hosts->loop = loop;
	hosts->dns = dns;
	return hosts;
}

static void
host_free(struct http_host *host)
{
	dns_cancel(host->query);
	while (host->waiting)
		http_hosts_cancel(host->waiting);
	strlist_clear(&host->addresses);
	free(host->name);
	free(host);
}

void
http_hosts_free(struct http_hosts *hosts)
{
	while (hosts && hosts->first) {
		struct http_host *host = hosts->first;

		DL_DELETE(hosts->first, host);
		host_free(host);
	}
	free(hosts);
}

/* Drops the oldest one without waiting requests. */
static void
http_host_trim(struct http_hosts *hosts)
{
	unsigned count = 0;
	struct http_host *host, *next;

	DL_FOREACH_SAFE(hosts->first, host, next) {
		if (++count > MAX_HOSTS && !host->query) {
			DL_DELETE(hosts->first, host);
			host_free(host);
		}
	}
}

static void
on_resolved(const struct dns_answer *answer, const struct error *err, void *arg)
{
	struct http_host *host = arg;
	struct http_host_wait *waiting;

	host->query = NULL;
	strlist_clear(&host->addresses);
	if (!err) {
		strlist_copy(&host->addresses, &answer->values);
		host->expires_ms = clock_boot_ms(loop_clock(host->hosts->loop)) + KEEP_MS;
	}
	/* One by one from the front, because each may cancel others or start new ones. */
	while ((waiting = host->waiting)) {
		LL_DELETE(host->waiting, waiting);
		waiting->host = NULL;
		waiting->fn(err ? NULL : &host->addresses, err, waiting->arg);
	}
}

static struct http_host *
http_host_find(struct http_hosts *hosts, const char *name)
{
	struct http_host *host = hosts->first;

	while (host && strcasecmp(host->name, name) != 0)
		host = host->next;
	return host;
}

const struct strlist *
http_hosts_get(struct http_hosts *hosts, const char *name, struct http_host_wait *wait)
{
	struct http_host *host = http_host_find(hosts, name);

	if (host && !host->query && clock_boot_ms(loop_clock(hosts->loop)) < host->expires_ms)
		return &host->addresses;
	if (!host) {
		http_host_trim(hosts);
		host = xcalloc(1, sizeof(*host));
		*host = (struct http_host){ .hosts = hosts, .name = xstrdup(name) };
		DL_PREPEND(hosts->first, host);
	}
	wait->host = host;
	LL_APPEND(host->waiting, wait);
	if (!host->query)
		host->query = dns_resolve(hosts->dns, name, RESOLVE_MS, on_resolved, host);
	return NULL;
}

void
http_hosts_cancel(struct http_host_wait *wait)
{
	if (!wait->host)
		return;
	LL_DELETE(wait->host->waiting, wait);
	wait->host = NULL;
}

void
http_hosts_forget(struct http_hosts *hosts, const char *name)
{
	struct http_host *host = http_host_find(hosts, name);

	if (host)
		host->expires_ms = 0;
}

void
http_hosts_distrust(struct http_hosts *hosts, const char *name)
{
	struct http_host *host = http_host_find(hosts, name);

	if (host)
		host->distrusted_ms = clock_boot_ms(loop_clock(hosts->loop));
}

long
http_hosts_trusted_sec(struct http_hosts *hosts, const char *name)
{
	const struct http_host *host = http_host_find(hosts, name);

	if (!host || !host->distrusted_ms)
		return 0;
	return (long)((clock_boot_ms(loop_clock(hosts->loop)) - host->distrusted_ms) / 1000) + 1;
}
