/*
 * http-01: the answer is served by certd's own listener and written into the webroots of the name, and the CA reaches
 * one of them. In the stateless form another server makes the answer from the token and the thumbprint, and nothing is
 * published.
 */
#include "common/error.h"
#include "common/webroot_entry.h"
#include "daemon/challenge/http01.h"
#include "daemon/challenge/solver_private.h"
#include "daemon/challenge/webroot.h"

#include <stdlib.h>

struct http_solve {
	struct solve *solve;
	struct loop_timer timer;
	struct error failure;
	char *name;
	char *token;
	char *key_authorization;
};

static int
http_check(struct solver *solver, const struct autocert *autocert _unused_, const char *name, bool is_wildcard,
	bool is_now, struct error *err)
{
	_cleanup_strlist_ struct strlist roots = STRLIST_INIT;

	if (is_wildcard)
		return error_set(err, ERROR_INVALID, "*.%s is a wildcard, which CAs validate only by dns-01", name);
	if (solver->is_http_stateless)
		return 0;
	webroot_entries_of(&solver->webroots, name, &roots);
	if (roots.count)
		return 0;
	if (!http01_is_configured(solver->http) && solver->webroots.count)
		return error_set(err, ERROR_INVALID,
			"no webroot in certd.conf is for %s: add the name to one, or a webroot for all names", name);
	if (!http01_is_configured(solver->http))
		return error_set(err, ERROR_INVALID, "%s", http01_advise(solver->http));
	return is_now ? http01_open(solver->http, err) : 0;
}

const char *
http_means(const struct solver *solver, const char *name)
{
	_cleanup_strlist_ struct strlist roots = STRLIST_INIT;

	if (solver->is_http_stateless)
		return "a server that answers from the thumbprint of the account key";
	webroot_entries_of(&solver->webroots, name, &roots);
	return roots.count ? "a webroot" : "an HTTP listener";
}

static void
solve_http_on_timer(void *arg)
{
	struct http_solve *h = arg;

	solve_done(h->solve, error_is_set(&h->failure) ? &h->failure : NULL);
}

int
http_publish(
	struct solver *solver, const char *name, const char *token, const char *key_authorization, struct error *err)
{
	_cleanup_strlist_ struct strlist roots = STRLIST_INIT;

	if (solver->is_http_stateless)
		return 0;
	webroot_entries_of(&solver->webroots, name, &roots);
	if (http01_is_configured(solver->http)) {
		if (http01_open(solver->http, err) < 0 && !roots.count)
			return -1;
		error_clear(err);
		http01_put(solver->http, token, key_authorization);
	}
	for (size_t i = 0; i < roots.count; i++)
		if (webroot_put(roots.items[i], token, key_authorization, err) < 0)
			return -1;
	return 0;
}

void
http_withdraw(struct solver *solver, const char *name, const char *token, const char *key_authorization)
{
	_cleanup_strlist_ struct strlist roots = STRLIST_INIT;

	if (solver->is_http_stateless)
		return;
	http01_remove(solver->http, token, key_authorization);
	webroot_entries_of(&solver->webroots, name, &roots);
	for (size_t i = 0; i < roots.count; i++)
		webroot_remove(roots.items[i], token, NULL);
}

static void
http_start(struct solve *solve, const struct solver_request *request, const char *key_authorization)
{
	struct http_solve *h = xcalloc(1, sizeof(*h));

	solve->data = h;
	h->solve = solve;
	h->name = xstrdup(request->authz->name);
	h->token = xstrdup(request->authz->challenges[request->challenge].token);
	h->key_authorization = xstrdup(key_authorization);
	http_publish(solve->solver, h->name, h->token, h->key_authorization, &h->failure);
	loop_timer_init(&h->timer, solve->solver->env.loop, solve_http_on_timer, h);
	loop_timer_set(&h->timer, 0);
}

static void
http_stop(struct solve *solve)
{
	struct http_solve *h = solve->data;

	loop_timer_cancel(&h->timer);
	http_withdraw(solve->solver, h->name, h->token, h->key_authorization);
	error_clear(&h->failure);
	free(h->name);
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
