/*
 * daemon/base/http_gate.c: how many requests run at once at one server, each on a separate connection.
 *
 * A connection costs a TLS handshake, more than ten requests. A server that answers at once therefore gets all requests
 * one after the other on one connection; a second one opens only when a request has waited PATIENCE_MS, then twice as
 * many each time. A server that was not asked for a while starts with one again, because it has closed the others.
 */
#include "daemon/base/http_private.h"

#include "common/alloc.h"
#include "daemon/base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

enum { PATIENCE_MS = 50, IDLE_MS = 60 * 1000, MAX_GATES = 64 };

struct http_gate {
	struct http_gates *gates;
	struct http_gate *prev, *next; /* newest first */
	char *host;
	char *port;
	unsigned running;
	unsigned width;            /* how many may run */
	int64_t idle_ms;           /* boot time since when none runs */
	struct loop_timer grow;    /* armed while a request waits and @width may grow */
	struct http_pass *waiting; /* oldest first */
};

struct http_gates {
	struct loop *loop;
	unsigned max_width;
	struct http_gate *first;
};

struct http_gates *
http_gates_new(struct loop *loop, unsigned max_width)
{
	struct http_gates *gates = xcalloc(1, sizeof(*gates));

	gates->loop = loop;
	gates->max_width = max_width;
	return gates;
}

static void
gate_free(struct http_gate *gate)
{
	DL_DELETE(gate->gates->first, gate);
	loop_timer_cancel(&gate->grow);
	free(gate->host);
	free(gate->port);
	free(gate);
}

void
http_gates_free(struct http_gates *gates)
{
	while (gates && gates->first)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the analyzer does not follow DL_DELETE() */
		gate_free(gates->first);
	free(gates);
}

static int64_t
gate_now_ms(const struct http_gates *gates)
{
	return clock_boot_ms(loop_clock(gates->loop));
}

/* Starts what waits, as far as it may run. Each start may end others, or start new ones. */
static void
gate_let_in(struct http_gate *gate)
{
	struct http_pass *pass;

	while (gate->running < gate->width && (pass = gate->waiting)) {
		LL_DELETE(gate->waiting, pass);
		pass->is_waiting = false;
		gate->running++;
		pass->fn(pass->arg);
	}
	if (!gate->waiting)
		loop_timer_cancel(&gate->grow);
}

static void
gate_on_grow(void *arg)
{
	struct http_gate *gate = arg;
	unsigned max_width = gate->gates->max_width;
	int64_t waited_ms = gate_now_ms(gate->gates) - gate->waiting->since_ms;

	if (waited_ms < PATIENCE_MS) {
		loop_timer_set(&gate->grow, PATIENCE_MS - waited_ms);
		return;
	}
	gate->width = gate->width * 2 < max_width ? gate->width * 2 : max_width;
	if (gate->width < max_width)
		loop_timer_set(&gate->grow, PATIENCE_MS);
	gate_let_in(gate);
}

static struct http_gate *
gate_find(struct http_gates *gates, const char *host, const char *port)
{
	struct http_gate *gate;

	DL_FOREACH(gates->first, gate) {
		if (strcasecmp(gate->host, host) == 0 && strcmp(gate->port, port) == 0)
			return gate;
	}
	return NULL;
}

static struct http_gate *
gate_new(struct http_gates *gates, const char *host, const char *port)
{
	struct http_gate *gate, *next;
	unsigned count = 0;

	DL_FOREACH_SAFE(gates->first, gate, next) {
		if (++count >= MAX_GATES && !gate->running)
			gate_free(gate);
	}
	gate = xcalloc(1, sizeof(*gate));
	*gate = (struct http_gate){ .gates = gates, .host = xstrdup(host), .port = xstrdup(port) };
	loop_timer_init(&gate->grow, gates->loop, gate_on_grow, gate);
	DL_PREPEND(gates->first, gate);
	return gate;
}

bool
http_gates_enter(struct http_gates *gates, const char *host, const char *port, struct http_pass *pass)
{
	struct http_gate *gate = gate_find(gates, host, port);

	if (!gate)
		gate = gate_new(gates, host, port);
	if (!gate->running && (!gate->width || gate_now_ms(gates) - gate->idle_ms > IDLE_MS))
		gate->width = 1;
	pass->gate = gate;
	if (gate->running < gate->width) {
		gate->running++;
		return true;
	}
	pass->is_waiting = true;
	pass->since_ms = gate_now_ms(gates);
	LL_APPEND(gate->waiting, pass);
	if (gate->width < gates->max_width && !loop_timer_is_armed(&gate->grow))
		loop_timer_set(&gate->grow, PATIENCE_MS);
	return false;
}

void
http_gates_leave(struct http_pass *pass)
{
	struct http_gate *gate = pass->gate;

	if (!gate)
		return;
	pass->gate = NULL;
	if (pass->is_waiting) {
		pass->is_waiting = false;
		LL_DELETE(gate->waiting, pass);
		if (!gate->waiting)
			loop_timer_cancel(&gate->grow);
		return;
	}
	if (--gate->running == 0)
		gate->idle_ms = gate_now_ms(gate->gates);
	gate_let_in(gate);
}
