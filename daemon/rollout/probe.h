/*
 * daemon/rollout/probe.h: is the certificate really served? A TLS connection with SNI to each address of a host, on the
 * loop; only the leaf is looked at, and nothing is trusted.
 */
#ifndef DAEMON_ROLLOUT_PROBE_H
#define DAEMON_ROLLOUT_PROBE_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

enum { PROBE_ADDRESSES_MAX = 32 };

struct dns;
struct loop;
struct probe_run;

/* What one address presented. */
struct probe_answer {
	char *address;      /* NULL: the host has none, or none can be reached from here */
	char *sha256;       /* fingerprint of the leaf; NULL on error */
	struct error error; /* names the endpoint, and the address if there are several */
};

/* Called once, from the loop, never from inside probe_start(). @answers: at least one; borrowed. */
typedef void
probe_done_fn(const struct probe_answer *answers, size_t n, void *arg);

/*
 * @timeout_ms: for all together, 0: 10 s; each address of the host has an equal part of the remaining time. An address
 * to which this machine has no route (IPv6, mostly) counts only if there is no other.
 */
struct probe_run *
probe_start(struct loop *loop, struct dns *dns, const char *host, int port, const char *sni, int64_t timeout_ms,
	probe_done_fn *done, void *arg);

/* NULL is a no-op. */
void
probe_cancel(struct probe_run *run);

#endif
