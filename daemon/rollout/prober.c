/*
 * The bounds of all probes together. Connections to dead addresses are cheap, so many may wait for an answer; what
 * costs time is TLS, so only some steps of it are taken in a turn of the loop.
 */
#include "daemon/rollout/probe_private.h"

#include <stdlib.h>
#include <utlist.h>

enum {
	TIMEOUT_MS = 10 * 1000,
	RUNNING_MAX = 400, /* lookups and connections: 1,000 dead addresses take 30 seconds */
	STARTS_MAX = 50,   /* in a turn */
	STEPS_MAX = 16     /* of TLS in a turn: 5 ms */
};

static void
prober_pump(void *arg)
{
	struct prober *p = arg;

	for (unsigned n = 0; p->waiting && p->running < RUNNING_MAX; n++) {
		struct prober_slot *slot = p->waiting;

		if (n == STARTS_MAX) {
			loop_timer_set(&p->pump, 0);
			return;
		}
		DL_DELETE(p->waiting, slot);
		slot->is_waiting = false;
		slot->is_running = true;
		p->running++;
		slot->start(slot->arg); /* may free it */
	}
}

static void
prober_turn_over(void *arg)
{
	struct prober *p = arg;

	p->steps = 0;
}

struct prober *
prober_new(struct loop *loop, struct dns *dns, int64_t timeout_ms)
{
	struct prober *p = xcalloc(1, sizeof(*p));

	p->loop = loop;
	p->dns = dns;
	p->timeout_ms = timeout_ms ? timeout_ms : TIMEOUT_MS;
	p->seen = x509_seen_new();
	loop_timer_init(&p->pump, loop, prober_pump, p);
	loop_timer_init(&p->turn, loop, prober_turn_over, p);
	return p;
}

void
prober_free(struct prober *p)
{
	if (!p)
		return;
	loop_timer_cancel(&p->pump);
	loop_timer_cancel(&p->turn);
	SSL_CTX_free(p->ctx);
	x509_seen_free(p->seen);
	free(p);
}

void
prober_wait(struct prober *p, struct prober_slot *slot, bool is_next, loop_fn *start, void *arg)
{
	slot->start = start;
	slot->arg = arg;
	slot->is_waiting = true;
	if (is_next)
		DL_PREPEND(p->waiting, slot);
	else
		DL_APPEND(p->waiting, slot);
	loop_timer_set(&p->pump, 0);
}

void
prober_leave(struct prober *p, struct prober_slot *slot)
{
	if (slot->is_waiting)
		DL_DELETE(p->waiting, slot);
	if (slot->is_running) {
		p->running--;
		if (p->waiting)
			loop_timer_set(&p->pump, 0);
	}
	*slot = (struct prober_slot){ .start = NULL };
}

SSL_CTX *
prober_tls(struct prober *p)
{
	if (p->ctx)
		return p->ctx;
	p->ctx = SSL_CTX_new(TLS_client_method());
	if (!p->ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(p->ctx, TLS1_2_VERSION);
	SSL_CTX_set_session_cache_mode(p->ctx, SSL_SESS_CACHE_OFF);
	if (tls_guard_apply(&p->guard, p->ctx, false) < 0) {
		SSL_CTX_free(p->ctx);
		p->ctx = NULL;
	}
	return p->ctx;
}

bool
prober_may_step(struct prober *p)
{
	if (!loop_timer_is_armed(&p->turn))
		loop_timer_set(&p->turn, 0);
	return p->steps++ < STEPS_MAX;
}
