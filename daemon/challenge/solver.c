/*
 * The table of solvers, the choice among them, and the interface for orders. A new kind of challenge is a file with a
 * row, and a line here.
 */
#include "daemon/challenge/solver.h"

#include "common/crypto/jws.h"
#include "common/error.h"
#include "common/name.h"
#include "daemon/challenge/choice.h"
#include "daemon/challenge/cleanup.h"
#include "daemon/challenge/http01.h"
#include "daemon/challenge/solver_private.h"
#include "daemon/challenge/tlsalpn.h"
#include "daemon/challenge/txt_removal.h"
#include "daemon/report/events.h"

#include <stdlib.h>
#include <string.h>

/* The first ones are those of "auto", in the order of its preference: http-01 needs neither a delay nor credentials. */
static const struct solver_kind *const kinds[] = { &solver_http01, &solver_tlsalpn01, &solver_dns01,
	&solver_dns_account01, &solver_dns_persist01, &solver_manual };
enum { KINDS_AUTO = 3 };

struct solver *
solver_new(const struct dnsprovider_env *env, struct store *store, const struct solver_config *config)
{
	struct solver *solver = xcalloc(1, sizeof(*solver));
	struct http01_config http = {
		.listen = &config->http_listen,
		.fds = config->http_fds,
		.n_fds = config->n_http_fds,
	};
	struct tlsalpn_config tlsalpn = {
		.listen = &config->tlsalpn_listen,
		.fds = config->tlsalpn_fds,
		.n_fds = config->n_tlsalpn_fds,
	};

	solver->env = *env;
	solver->store = store;
	solver->events = config->events;
	strlist_copy(&solver->webroots, &config->webroots);
	solver->is_http_stateless = config->is_http_stateless;
	solver->http = http01_new(env->loop, &http);
	solver->tlsalpn = tlsalpn_new(env->loop, &tlsalpn);
	solver->dns = dns_solves_new(solver, config->propagation_poll_ms);
	return solver;
}

void
solver_free(struct solver *solver)
{
	if (!solver)
		return;
	dns_checks_free(solver);
	dns_solves_free(solver->dns);
	http01_free(solver->http);
	tlsalpn_free(solver->tlsalpn);
	strlist_clear(&solver->webroots);
	free(solver);
}

const struct error *
solver_http_error(const struct solver *solver)
{
	return http01_error(solver->http);
}

const struct error *
solver_tlsalpn_error(const struct solver *solver)
{
	return tlsalpn_error(solver->tlsalpn);
}

/* The auto-certificate names a challenge, or leaves the choice to certd. */
bool
solver_is_auto(const struct autocert *autocert)
{
	return !autocert->challenge || !*autocert->challenge || strcmp(autocert->challenge, "auto") == 0;
}

/* NULL: there is none. */
static const struct solver_kind *
kind_of_word(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i]->word, word) == 0)
			return kinds[i];
	return NULL;
}

static int
find_challenge(const struct acme_authorization *authz, const struct solver_kind *kind)
{
	for (size_t i = 0; i < authz->n_challenges; i++)
		if ((kind->has_no_token ? authz->challenges[i].issuers.count > 0
					: authz->challenges[i].token != NULL) &&
			strcmp(authz->challenges[i].type, kind->type) == 0)
			return (int)i;
	return -1;
}

static int
refuse_offer(const struct acme_authorization *authz, const char *type, struct error *err)
{
	_cleanup_strlist_ struct strlist offered = STRLIST_INIT;
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; i < authz->n_challenges; i++)
		strlist_add(&offered, authz->challenges[i].type);
	if (offered.count == 0)
		return error_set(err, ERROR_CA, "the CA offers no challenge");
	if (strlist_has(&offered, type))
		return error_set(err, ERROR_CA, "the challenge of the CA has no token, or no valid list of issuers");
	text = strlist_join(&offered, ", ");
	return error_set(err, ERROR_CA, "the CA offers only %s", text);
}

/* How the names are to be validated. */
struct question {
	const struct autocert *autocert;
	const char *name; /* without "*." */
	bool is_wildcard;
	const struct acme_authorization *authz; /* NULL: the CA was not asked yet, so all kinds may be offered */
	bool is_now;                            /* what works at this moment, otherwise what is configured */
};

static int
check_kind(struct solver *solver, const struct solver_kind *kind, const struct question *q, struct error *err)
{
	if (q->authz && find_challenge(q->authz, kind) < 0)
		return refuse_offer(q->authz, kind->type, err);
	return kind->check(solver, q->autocert, q->name, q->is_wildcard, q->is_now, err);
}

static const struct solver_kind *
choose_named(struct solver *solver, const struct question *q, struct error *err)
{
	const char *wanted = q->autocert->challenge;
	const struct solver_kind *kind = kind_of_word(wanted);
	_cleanup_buf_ struct buf words = BUF_INIT;

	if (kind) {
		_cleanup_error_ struct error why = ERROR_INIT;

		if (check_kind(solver, kind, q, &why) == 0)
			return kind;
		error_wrap(&why, "%s%s cannot be validated by %s", q->is_wildcard ? "*." : "", q->name, wanted);
		if (!why.field)
			str_replace(&why.field, "challenge");
		if (err)
			error_move(err, &why);
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		buf_printf(&words, ", %s", kinds[i]->word);
	error_set_field(err, "challenge", "'%s' is not one of auto%s", wanted, buf_str(&words));
	return NULL;
}

static bool
names_dns_provider(const struct autocert *autocert)
{
	return autocert->dns_provider && *autocert->dns_provider;
}

/*
 * Of the reasons of all kinds, the one that is easiest to fix: first what is configured and does not work now (a port
 * that is taken), then what is not configured, then what the CA does not offer.
 */
static int
weight(const struct error *why)
{
	return why->code == ERROR_CA ? 1 : why->code == ERROR_INVALID ? 2 : 3;
}

/* Less is better: how often it had its chances, then whether it is the one that worked. */
static unsigned
choice_rank(const struct question *q, const struct solver_kind *kind)
{
	const struct strlist *memory = &q->autocert->validations;
	_cleanup_free_ char *name = xasprintf("%s%s", q->is_wildcard ? "*." : "", q->name);

	return choice_failures(memory, kind->type, name) / CHOICE_FAILURES_MAX * 2 +
	       !choice_has_worked(memory, kind->type, name);
}

/* A DNS provider in the declaration implies dns-01. */
static const struct solver_kind *
choose_auto(struct solver *solver, const struct question *q, struct error *err)
{
	bool is_backwards = names_dns_provider(q->autocert);
	const struct solver_kind *best = NULL;
	_cleanup_buf_ struct buf reasons = BUF_INIT;
	_cleanup_error_ struct error main_why = ERROR_INIT;
	_cleanup_free_ char *field = NULL;

	for (size_t i = 0; i < KINDS_AUTO; i++) {
		const struct solver_kind *kind = kinds[is_backwards ? KINDS_AUTO - 1 - i : i];
		_cleanup_error_ struct error why = ERROR_INIT;

		if (best && choice_rank(q, kind) >= choice_rank(q, best))
			continue;
		if (check_kind(solver, kind, q, &why) == 0) {
			best = kind;
			continue;
		}
		if (kind->is_extra && why.code == ERROR_INVALID)
			continue;
		buf_printf(&reasons, "; %s: %s", kind->type, why.message);
		if (why.field)
			str_replace(&field, why.field);
		if (!error_is_set(&main_why) || weight(&why) > weight(&main_why))
			error_move(&main_why, &why);
	}
	if (best)
		return best;
	error_set(err, main_why.code, "there is no way to validate %s%s%s", q->is_wildcard ? "*." : "", q->name,
		buf_str(&reasons));
	if (err) {
		err->may_retry = true;
		str_replace(&err->field, field ? field : "challenge");
	}
	return NULL;
}

static const struct solver_kind *
choose(struct solver *solver, const struct question *q, struct error *err)
{
	return solver_is_auto(q->autocert) ? choose_auto(solver, q, err) : choose_named(solver, q, err);
}

int
solver_choose(struct solver *solver, const struct autocert *autocert, const struct acme_authorization *authz,
	struct error *err)
{
	const struct question q = { autocert, name_base(authz->name), authz->is_wildcard, authz, true };
	const struct solver_kind *kind = choose(solver, &q, err);

	return kind ? find_challenge(authz, kind) : -1;
}

const struct dnsprovider_env *
solver_dns_env(const struct solver *solver)
{
	return &solver->env;
}

const char *
solver_method(struct solver *solver, const struct autocert *autocert, const char *name, struct error *err)
{
	const struct question q = { autocert, name_base(name), name_is_wildcard(name), NULL, true };
	const struct solver_kind *kind = choose(solver, &q, err);

	return kind ? kind->word : NULL;
}

bool
solver_may_need_dns(struct solver *solver, const struct autocert *autocert, const char *name)
{
	const struct question q = { autocert, name_base(name), name_is_wildcard(name), NULL, false };
	const struct solver_kind *kind = choose(solver, &q, NULL);

	if (!kind && !solver_is_auto(autocert))
		kind = kind_of_word(autocert->challenge);
	return !kind ? solver_is_auto(autocert) : kind == &solver_dns01 || kind == &solver_dns_account01;
}

static int
solver_check_name(
	struct solver *solver, const struct autocert *autocert, const char *name, bool is_now, struct error *err)
{
	const struct question q = { autocert, name_base(name), name_is_wildcard(name), NULL, is_now };

	return choose(solver, &q, err) ? 0 : -1;
}

static int
solver_check_names(struct solver *solver, const struct autocert *autocert, bool is_now, struct error *err)
{
	if (autocert->common_name && solver_check_name(solver, autocert, autocert->common_name, is_now, err) < 0)
		return -1;
	for (size_t i = 0; i < autocert->sans.count; i++)
		if (solver_check_name(solver, autocert, autocert->sans.items[i], is_now, err) < 0)
			return -1;
	return 0;
}

int
solver_check(struct solver *solver, const struct autocert *autocert, struct error *err)
{
	return solver_check_names(solver, autocert, false, err);
}

bool
solver_can_validate(struct solver *solver, const struct autocert *autocert, struct error *err)
{
	return solver_check_names(solver, autocert, true, err) == 0;
}

/* "http-01 failed 3 times, dns-01 once"; NULL: none failed. Owned by the caller. */
static char *
explain_failures(const struct autocert *autocert, const char *name)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; i < KINDS_AUTO; i++) {
		unsigned failures = choice_failures(&autocert->validations, kinds[i]->type, name);

		if (failures)
			buf_printf(&text, "%s%s failed %u time%s", text.len ? ", " : "", kinds[i]->type, failures,
				failures == 1 ? "" : "s");
	}
	return text.len ? buf_steal(&text) : NULL;
}

char *
solver_explain(struct solver *solver, const struct autocert *autocert, const char *name)
{
	const struct question q = { autocert, name_base(name), name_is_wildcard(name), NULL, true };
	const struct solver_kind *kind = solver_is_auto(autocert) ? choose_auto(solver, &q, NULL) : NULL;
	_cleanup_error_ struct error no_http = ERROR_INIT;
	_cleanup_free_ char *failed = NULL;

	if (!kind)
		return NULL;
	failed = explain_failures(autocert, name);
	if (failed)
		return xasprintf("challenge auto chooses %s for %s: %s", kind->word, name, failed);
	if (choice_has_worked(&autocert->validations, kind->type, name))
		return xasprintf("challenge auto chooses %s for %s: it worked the last time", kind->word, name);
	if (kind == &solver_http01)
		return xasprintf(
			"challenge auto chooses http-01 for %s: there is %s", name, http_means(solver, q.name));
	if (q.is_wildcard)
		return xasprintf("challenge auto chooses dns-01 for %s: it is a wildcard", name);
	if (kind == &solver_dns01 && names_dns_provider(autocert))
		return xasprintf("challenge auto chooses dns-01 for %s: a DNS provider is set", name);
	check_kind(solver, &solver_http01, &q, &no_http);
	return xasprintf("challenge auto chooses %s for %s, and not http-01: %s", kind->word, name,
		no_http.message ? no_http.message : "");
}

static const struct solver_kind *
solver_kind_of(const struct autocert *autocert, const char *type)
{
	if (!solver_is_auto(autocert))
		return kind_of_word(autocert->challenge);
	for (size_t i = 0; i < KINDS_AUTO; i++)
		if (strcmp(kinds[i]->type, type) == 0)
			return kinds[i];
	abort(); /* not an index of solver_choose() */
}

struct solve *
solver_start(struct solver *solver, const struct solver_request *request, solver_done_fn *done,
	solver_progress_fn *progress, void *arg)
{
	const struct acme_challenge *challenge = &request->authz->challenges[request->challenge];
	_cleanup_free_ char *key_authorization = challenge->token
							 ? jws_key_authorization(challenge->token, request->thumbprint)
							 : NULL;
	struct solve *solve = xcalloc(1, sizeof(*solve));

	solve->solver = solver;
	solve->kind = solver_kind_of(request->autocert, challenge->type);
	solve->done = done;
	solve->progress = progress;
	solve->arg = arg;
	solve->kind->start(solve, request, key_authorization);
	return solve;
}

void
solver_stop(struct solve *solve)
{
	if (!solve)
		return;
	solve->kind->stop(solve);
	free(solve->standing);
	free(solve);
}

static void *
cleanup_start(void *solver, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	return txt_removal_start(dns_solves_txt_removals(((struct solver *)solver)->dns), row->object, done, arg);
}

const struct job_kind cleanup_job = {
	.kind = SCHEDULE_CLEANUP,
	.word = "cleanup",
	.needs_date = true,
	.start = cleanup_start,
	.cancel = txt_removal_disown,
	.after_clock_change = cleanup_after_clock_change,
};

void
solver_cleanup_failed(struct solver *solver, const struct dnsprovider *provider, const struct error *err)
{
	struct event_object object = { .type = dnsprovider_class.name };

	if (provider) {
		object.id = provider->o.id;
		object.name = provider->o.name;
	}
	if (solver->events)
		event_emit_error(
			solver->events, NULL, EVENT_CLEANUP_FAILED, provider ? &object : NULL, err, "%s", err->message);
}

void
solve_done(struct solve *solve, const struct error *err)
{
	solve->done(err, solve->arg);
}

const char *
solver_standing_record(const struct solve *solve)
{
	return solve->standing;
}

int64_t
solver_until(const struct solve *solve)
{
	return solve->until_at;
}

void
solve_progress(struct solve *solve, const char *fmt, ...)
{
	_cleanup_free_ char *why = NULL;
	va_list ap;

	va_start(ap, fmt);
	why = xvasprintf(fmt, ap);
	va_end(ap);
	if (solve->progress)
		solve->progress(why, solve->arg);
}
