/*
 * daemon/rollout/probe.h: what do servers present? A connection to each address of each endpoint, on the loop: STARTTLS
 * where the protocol has it, a TLS handshake with SNI and ALPN, and a look at the certificates. Nothing is trusted.
 */
#ifndef DAEMON_ROLLOUT_PROBE_H
#define DAEMON_ROLLOUT_PROBE_H

#include "daemon/store/object.h"

#include <stddef.h>
#include <stdint.h>

enum { PROBE_ADDRESSES_MAX = 32 };

struct dns;
struct loop;
struct probe_run;
struct prober; /* bounds all probes together: connections, and work in a turn of the loop */

/* @loop, @dns: borrowed. @timeout_ms: of a connection to one address, 0: 10 s; twice that with STARTTLS. */
struct prober *
prober_new(struct loop *loop, struct dns *dns, int64_t timeout_ms);

/* No probe may be left. NULL is a no-op. */
void
prober_free(struct prober *prober);

/* From best to worst. */
enum probe_state {
	PROBE_SERVED,
	PROBE_INCOMPLETE, /* the expected certificate, without an intermediate that the CA gave */
	PROBE_STALE,      /* another certificate for the requested name */
	PROBE_NOT_VALID,  /* the expected certificate, before or after its time */
	PROBE_MISMATCH,   /* a certificate for other names */
	PROBE_UNREACHABLE
};

/* "served", "incomplete chain", "stale", "not valid", "mismatch", "unreachable". Static. */
const char *
probe_state_name(enum probe_state state);

/* Return: true and *ret, or false: not such a name. */
bool
probe_state_find(const char *name, enum probe_state *ret);

/* What one address presented. All texts are printable. */
struct probe_answer {
	enum probe_state state;
	char *address;        /* NULL: the host has none, or none can be reached from here */
	char *sha256;         /* of the leaf, like the next members; NULL: unreachable */
	char *serial;         /* NULL: the leaf is not readable, or unreachable */
	char *issuer;         /* common name, else organization; or NULL */
	struct strlist names; /* canonical where possible */
	int64_t not_after_at; /* UNIX seconds; 0: unknown */
	struct error error;   /* unless served: one line that names endpoint, address and fault */
};

/* Of one endpoint, in the order of the addresses. */
struct probe_result {
	char *endpoint;               /* as endpoint_text() */
	char *sni;                    /* that was requested; NULL: none */
	struct probe_answer *answers; /* at least one */
	size_t count;
};

/* Of the addresses of an endpoint, the one to report. */
const struct probe_answer *
probe_worst(const struct probe_result *result);

/* Called once, from the loop, never from inside probe_start(). @results: in the order of the endpoints; borrowed. */
typedef void
probe_done_fn(const struct probe_result *results, size_t n, void *arg);

/*
 * probe_start() - connect to each address of each endpoint at the same time
 * @endpoints: struct probe; at least one. Copied, like the facts of @expected.
 * An address to which this machine has no route (IPv6, mostly) counts only if there is no other.
 */
struct probe_run *
probe_start(struct prober *prober, const struct record_list *endpoints, const struct certificate *expected,
	probe_done_fn *done, void *arg);

/* NULL is a no-op. */
void
probe_cancel(struct probe_run *run);

#endif
