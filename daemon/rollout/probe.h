/*
 * daemon/rollout/probe.h: is the certificate really served? A TLS connection with SNI, on the loop; only the leaf is
 * compared, and nothing is trusted.
 */
#ifndef DAEMON_ROLLOUT_PROBE_H
#define DAEMON_ROLLOUT_PROBE_H

#include "daemon/store/object.h"

struct dns;
struct loop;
struct probe_run;

/*
 * Called once, from the loop, never from inside probe_start(). @sha256: fingerprint of the presented leaf, NULL on
 * error.
 */
typedef void
probe_done_fn(const char *sha256, const struct error *err, void *arg);

/* @timeout_ms for all together, 0: 10 s; each address of the host has an equal part of the remaining time */
struct probe_run *
probe_start(struct loop *loop, struct dns *dns, const char *host, int port, const char *sni, int64_t timeout_ms,
	probe_done_fn *done, void *arg);

/* NULL is a no-op. */
void
probe_cancel(struct probe_run *run);

#endif
