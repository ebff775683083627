/*
 * tls-alpn-01: the answer is served by certd's own listener, or by one that a server passes connections to. A listener
 * that could not be bound is retried here, so certd recovers when its port becomes free.
 */
#include "common/error.h"
#include "daemon/challenge/solver_private.h"
#include "daemon/challenge/tlsalpn.h"

#include <stdlib.h>

struct tlsalpn_solve {
	struct solve *solve;
	struct loop_timer timer;
	struct error failure;
	char *name;
	char *key_authorization;
};

static int
tlsalpn_check(struct solver *solver, const struct autocert *autocert _unused_, const char *name, bool is_wildcard,
	bool is_now, struct error *err)
{
	if (is_wildcard)
		return error_set(err, ERROR_INVALID, "*.%s is a wildcard, which CAs validate only by dns-01", name);
	if (!tlsalpn_is_configured(solver->tlsalpn))
		return error_set(err, ERROR_INVALID,
			"certd has no listener for it: give it port 443 (systemctl enable --now "
			"certd-tls-alpn.service, or without systemd tls-alpn-listen in certd.conf), or set "
			"tls-alpn-listen to an address that the server on port 443 passes connections for acme-tls/1 "
			"to");
	return is_now ? tlsalpn_open(solver->tlsalpn, err) : 0;
}

static void
tlsalpn_on_timer(void *arg)
{
	struct tlsalpn_solve *t = arg;

	solve_done(t->solve, error_is_set(&t->failure) ? &t->failure : NULL);
}

static void
tlsalpn_start(struct solve *solve, const struct solver_request *request, const char *key_authorization)
{
	struct tlsalpn_solve *t = xcalloc(1, sizeof(*t));
	struct tlsalpn *tlsalpn = solve->solver->tlsalpn;

	solve->data = t;
	t->solve = solve;
	t->name = xstrdup(request->authz->name);
	t->key_authorization = xstrdup(key_authorization);
	if (tlsalpn_open(tlsalpn, &t->failure) == 0)
		tlsalpn_put(tlsalpn, t->name, t->key_authorization, &t->failure);
	loop_timer_init(&t->timer, solve->solver->env.loop, tlsalpn_on_timer, t);
	loop_timer_set(&t->timer, 0);
}

static void
tlsalpn_stop(struct solve *solve)
{
	struct tlsalpn_solve *t = solve->data;

	loop_timer_cancel(&t->timer);
	tlsalpn_remove(solve->solver->tlsalpn, t->name, t->key_authorization);
	error_clear(&t->failure);
	free(t->name);
	free(t->key_authorization);
	free(t);
}

const struct solver_kind solver_tlsalpn01 = {
	.word = "tls-alpn-01",
	.type = "tls-alpn-01",
	.is_extra = true,
	.check = tlsalpn_check,
	.start = tlsalpn_start,
	.stop = tlsalpn_stop,
};
