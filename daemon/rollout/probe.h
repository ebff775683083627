/*
 * daemon/rollout/probe.h: is it really served? A TLS connection with SNI, on the loop; only the leaf is compared,
 * nothing is trusted.
 */
#ifndef DAEMON_ROLLOUT_PROBE_H
#define DAEMON_ROLLOUT_PROBE_H

#include "daemon/store/object.h"

struct dns;
struct loop;
struct probe_run;

/* Once, from the loop, never from inside probe_start(). @sha256: fingerprint of the leaf shown, NULL on error. */
typedef void
probe_done_fn(const char *sha256, const struct error *err, void *arg);

/* @timeout_ms of all together, 0: 10 s; each address of the host has an equal part of what is left */
struct probe_run *
probe_start(struct loop *loop, struct dns *dns, const char *host, int port, const char *sni, int64_t timeout_ms,
	probe_done_fn *done, void *arg);

/* NULL is a no-op. */
void
probe_cancel(struct probe_run *run);

#endif
