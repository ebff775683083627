/*
 * http-01: the answer is served by certd's own listener and written into every webroot, and the CA reaches one of them.
 * In the stateless form another server makes the answer from the token and the thumbprint, and nothing is published.
 * A listener that could not be bound is retried here, so certd recovers when its port becomes free.
 */
#include "common/error.h"
#include "daemon/challenge/http01.h"
#include "daemon/challenge/solver_private.h"
#include "daemon/challenge/webroot.h"

#include <stdlib.h>

struct http_solve {
	struct solve *solve;
	struct loop_timer timer;
	struct error failure;
	char *token;
	char *key_authorization;
};

static int
http_check(struct solver *solver, const struct autocert *autocert _unused_, const char *name, bool is_wildcard,
	bool is_now, struct error *err)
{
	if (is_wildcard)
		return error_set(err, ERROR_INVALID, "*.%s is a wildcard, which CAs validate only by dns-01", name);
	if (solver->webroots.count || solver->is_http_stateless)
		return 0;
	if (!http01_is_configured(solver->http))
		return error_set(err, ERROR_INVALID, "%s", http01_advise(solver->http));
	return is_now ? http01_open(solver->http, err) : 0;
}

const char *
http_means(const struct solver *solver)
{
	if (solver->is_http_stateless)
		return "a server that answers from the thumbprint of the account key";
	return solver->webroots.count ? "a webroot" : "an HTTP listener";
}

static void
solve_http_on_timer(void *arg)
{
	struct http_solve *h = arg;

	solve_done(h->solve, error_is_set(&h->failure) ? &h->failure : NULL);
}

int
http_publish(struct solver *solver, const char *token, const char *key_authorization, struct error *err)
{
	if (solver->is_http_stateless)
		return 0;
	if (http01_is_configured(solver->http)) {
		if (http01_open(solver->http, err) < 0 && !solver->webroots.count)
			return -1;
		error_clear(err);
		http01_put(solver->http, token, key_authorization);
	}
	for (size_t i = 0; i < solver->webroots.count; i++)
		if (webroot_put(solver->webroots.items[i], token, key_authorization, err) < 0)
			return -1;
	return 0;
}

void
http_withdraw(struct solver *solver, const char *token, const char *key_authorization)
{
	if (solver->is_http_stateless)
		return;
	http01_remove(solver->http, token, key_authorization);
	for (size_t i = 0; i < solver->webroots.count; i++)
		webroot_remove(solver->webroots.items[i], token, NULL);
}

static void
http_start(struct solve *solve, const struct solver_request *request, const char *key_authorization)
{
	struct http_solve *h = xcalloc(1, sizeof(*h));

	solve->data = h;
	h->solve = solve;
	h->token = xstrdup(request->authz->challenges[request->challenge].token);
	h->key_authorization = xstrdup(key_authorization);
	http_publish(solve->solver, h->token, h->key_authorization, &h->failure);
	loop_timer_init(&h->timer, solve->solver->env.loop, solve_http_on_timer, h);
	loop_timer_set(&h->timer, 0);
}

static void
http_stop(struct solve *solve)
{
	struct http_solve *h = solve->data;

	loop_timer_cancel(&h->timer);
	http_withdraw(solve->solver, h->token, h->key_authorization);
	error_clear(&h->failure);
	free(h->token);
	free(h->key_authorization);
	free(h);
}

const struct solver_kind solver_http01 = {
	.word = "http-01",
	.type = "http-01",
	.check = http_check,
	.start = http_start,
	.stop = http_stop,
};
