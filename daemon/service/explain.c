/*
 * autoCertificate.explain and certificate.explain: what happens next, when and why, the last error, and what the
 * operator can do. Everything is read from stored records.
 */
#include "common/api/rpc.h"
#include "common/shell.h"
#include "common/timefmt.h"
#include "daemon/alert/alert_list.h"
#include "daemon/ready/ready.h"
#include "daemon/renew/crl.h"
#include "daemon/renew/policy.h"
#include "daemon/renew/rehearse.h"
#include "daemon/renew/revoke.h"
#include "daemon/renew/trace.h"
#include "daemon/renew/window.h"
#include "daemon/rollout/rollout_back.h"
#include "daemon/rollout/rollout_check.h"
#include "daemon/schedule/schedule.h"
#include "daemon/service/handlers.h"
#include "daemon/service/res_autocert.h"

#include <stdlib.h>
#include <string.h>

enum { CHALLENGES_SHOWN = 10 }; /* maximum number of names */

struct explanation {
	struct call *call;
	struct autocert a;
	struct json_object *result;
	struct strlist reasons;
	struct strlist advice;
};

/* @reason: taken. A repeated reason is ignored. */
static void
explain_add(struct strlist *list, char *reason)
{
	if (strlist_has(list, reason))
		free(reason);
	else
		strlist_take(list, reason);
}

/* "WHY: certctl BEFORE NAME AFTER" */
static void
explain_advise(struct explanation *e, const char *why, const char *before, const char *name, const char *after)
{
	_cleanup_free_ char *command = shell_certctl(before, name, after);

	explain_add(&e->advice, xasprintf("%s: %s", why, command));
}

static void
why_now(struct explanation *e, const struct issue *issue)
{
	struct issue_progress p;

	issue_get_progress(issue, &p);
	strlist_take(&e->reasons,
		xasprintf("an order is in progress: %s%s%s", p.state, p.why ? ": " : "", p.why ? p.why : ""));
}

static bool
explain_is_limited(const struct autocert *a)
{
	int64_t lifetime = a->last_not_after_at - a->last_not_before_at;

	return lifetime > 0 && renewal_margin(lifetime, a->renew_before) < a->renew_before;
}

/* The CA has said when to renew (RFC 9773). */
static void
why_suggested(struct explanation *e, int64_t due_at)
{
	const struct autocert *a = &e->a;
	char start[TIME_RFC3339_SIZE], end[TIME_RFC3339_SIZE], pick[TIME_RFC3339_SIZE];

	time_format_rfc3339(a->ari_start_at, start);
	time_format_rfc3339(a->ari_end_at, end);
	time_format_rfc3339(a->ari_pick_at, pick);
	strlist_take(&e->reasons,
		xasprintf("the CA suggests renewal between %s and %s; certd has chosen %s", start, end, pick));
	if (a->ari_url)
		strlist_take(&e->reasons, xasprintf("the CA explains this at %s", a->ari_url));
	if (issue_is_held(e->call->service->issue_env, a)) {
		strlist_add(&e->reasons,
			"the CA asks for a replacement too often: certd replaces a new certificate at once "
			"at most twice in 24 hours");
		explain_advise(e, "to order at once", "renew", a->o.name, NULL);
	} else if (due_at < a->ari_pick_at) {
		strlist_add(&e->reasons, "that is too late: certd renews before the last twentieth of the lifetime");
	}
}

/* The CA was asked, but does not say it. */
static void
why_not_suggested(struct explanation *e)
{
	const struct autocert *a = &e->a;
	struct schedule_row row;
	char when[TIME_RFC3339_SIZE];

	if (!error_is_set(&a->ari_error) ||
		schedule_get(e->call->service->store, SCHEDULE_ARI, a->o.id, &row, NULL) != 1)
		return;
	time_format_rfc3339(row.due_at, when);
	strlist_take(&e->reasons, xasprintf("the CA does not say when to renew: %s; it is asked again at %s",
					  a->ari_error.message, when));
}

/* Return: whether it waits. */
static bool
why_window(struct explanation *e)
{
	const struct renewal_in in = issue_renewal_in(e->call->service->issue_env, &e->a);
	_cleanup_free_ char *windows = window_waits_for(e->call->service->issue_env, &e->a);
	char due[TIME_RFC3339_SIZE];

	if (!windows)
		return false;
	time_format_rfc3339(renewal_due(&in), due);
	strlist_take(&e->reasons, xasprintf("it is due at %s, and waits for its window (%s)", due, windows));
	explain_advise(e, "to order at once", "renew", e->a.o.name, NULL);
	return true;
}

static void
why_then(struct explanation *e, int64_t due_at)
{
	const struct autocert *a = &e->a;
	char span[TIME_SPAN_SIZE], when[TIME_RFC3339_SIZE];

	if (a->attempts > 0) {
		strlist_take(&e->reasons,
			xasprintf("%lld %s in a row failed; the delay grows from a minute to a day, but is at most an "
				  "eighth of the remaining lifetime",
				(long long)a->attempts, a->attempts == 1 ? "attempt" : "attempts"));
		if (a->last_error.retry_at > call_now(e->call)) {
			time_format_rfc3339(a->last_error.retry_at, when);
			strlist_take(&e->reasons, xasprintf("the next order is allowed at %s", when));
		}
	} else if (a->reissue) {
		strlist_add(&e->reasons, "a reissue of many certificates replaces its certificate");
		strlist_add(&e->advice, "to see how far the reissue is: certctl reissue --status");
	} else if (a->waiting_certificate) {
		strlist_add(&e->reasons, "the certificate that waits for approval is renewed by its own dates");
	} else if (why_window(e)) {
		return;
	} else if (a->last_certificate && a->ari_pick_at) {
		why_suggested(e, due_at);
	} else if (a->last_certificate) {
		time_format_span(a->last_not_after_at - due_at, span);
		strlist_take(&e->reasons,
			xasprintf("renewal starts %s before the certificate expires%s", span,
				explain_is_limited(a) ? "; renewBefore is limited by the certificate's lifetime" : ""));
	} else {
		strlist_add(&e->reasons, "there is no certificate yet");
	}
}

static void
why_provider(struct explanation *e)
{
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_provider_ struct provider at = { 0 };
	_cleanup_free_ char *staging = NULL;

	if (object_load(e->call->service->store, &provider_class, autocert_provider(&e->a), &p, NULL) != 1)
		return;
	if (e->a.provider_why)
		explain_add(&e->reasons, xstrdup(e->a.provider_why));
	staging = rehearse_before(e->call->service->issue_env, &e->a, e->a.next_at);
	if (staging && object_peek(e->call->service->store, &provider_class, staging, &at, NULL) == 1)
		explain_add(&e->reasons,
			xasprintf("%lld orders in a row failed to validate a name, so the next attempt is rehearsed "
				  "with provider '%s', and goes to the CA if that passes",
				(long long)e->a.validation_failures, at.o.name));
	if (p.account_url && error_is_set(&p.o.failure)) {
		explain_add(&e->reasons, xasprintf("provider '%s': %s", p.o.name, p.o.failure.message));
		explain_advise(e, "to see the error of the account at the CA", "explain provider", p.o.name, NULL);
	}
	if (p.account_url)
		return;
	strlist_take(
		&e->reasons, xasprintf("provider '%s' has no account yet%s%s", p.o.name,
				     p.o.failure.message ? ": " : "", p.o.failure.message ? p.o.failure.message : ""));
	explain_advise(e, "to see the error, and how to correct it", "explain provider", p.o.name, NULL);
}

/* Of the newest certificate, which may wait for approval. */
static void
why_notes(struct explanation *e)
{
	const char *which = e->a.waiting_certificate ? "the certificate that waits" : "its certificate";
	char until[TIME_RFC3339_SIZE];

	if (error_is_set(&e->a.tlsa_error))
		explain_add(&e->reasons, xasprintf("DANE: %s", e->a.tlsa_error.message));
	for (size_t i = 0; i < e->a.notes.count; i++)
		explain_add(&e->reasons, xasprintf("%s: %s", which, e->a.notes.items[i]));
	if (!e->a.waiting_certificate)
		return;
	time_format_rfc3339(e->a.waiting_until_at, until);
	strlist_take(&e->reasons, xasprintf("without approval it is deployed at %s", until));
	explain_advise(e, "to deploy the certificate that waits", "approve", e->a.o.name, NULL);
	explain_advise(e, "to order another one", "renew", e->a.o.name, NULL);
}

/* @what: "it" or "its certificate"; was it revoked, or is it to be? */
static void
explain_revocation(struct explanation *e, const struct certificate *c, const char *what)
{
	_cleanup_free_ char *state = revoke_text(e->call->service->issue_env, c);

	if (c->is_revoked)
		strlist_take(&e->reasons,
			xasprintf("%s was revoked: %s", what, c->revoke_reason ? c->revoke_reason : "by the CA"));
	else if (state)
		strlist_take(
			&e->reasons, xasprintf("%s is to be revoked (%s), which %s", what, c->revoke_reason, state));
}

static void
why_revoked(struct explanation *e)
{
	_cleanup_certificate_ struct certificate c = { 0 };

	if (e->a.last_certificate &&
		object_peek(e->call->service->store, &certificate_class, e->a.last_certificate, &c, NULL) == 1)
		explain_revocation(e, &c, "its certificate");
}

/* Problems outside this auto-certificate. */
static void
why_all(struct explanation *e)
{
	char *text = alerts_trouble(e->call->service->issue_env->alerts);

	if (text)
		strlist_take(&e->reasons, text);
	alerts_of_object(e->call->service->issue_env->alerts, e->a.o.id, &e->reasons); /* as alerts report it */
}

/* "WHAT: WHY (3 attempts); next attempt WHEN" */
static void
why_retried(struct explanation *e, const char *what, const char *why, int64_t attempts, int64_t next_at)
{
	char when[TIME_RFC3339_SIZE];

	time_format_rfc3339(next_at, when);
	explain_add(&e->reasons, xasprintf("%s: %s (%lld %s); next attempt %s", what, why, (long long)attempts,
					 attempts == 1 ? "attempt" : "attempts", when));
	explain_add(&e->advice, xstrdup("correct the cause; certd retries by itself"));
}

static void
why_consumer(struct explanation *e, const struct rollout_target *t)
{
	_cleanup_consumer_ struct consumer c = { 0 };
	_cleanup_free_ char *what = NULL, *at = NULL;

	if (object_load(e->call->service->store, &consumer_class, t->consumer, &c, NULL) != 1)
		return;
	what = xasprintf("consumer '%s'", c.o.name);
	at = xasprintf("%s (%s)", what, rollout_step_name(t->step));
	if (t->attempts > 0)
		why_retried(e, at, error_text_below(t->failure.message, what), t->attempts, t->next_at);
	else if (error_is_set(&t->failure))
		explain_add(&e->reasons, xasprintf("%s: %s", at, error_text_below(t->failure.message, what)));
	else if (t->step < ROLLOUT_ACTIVATED)
		explain_add(&e->reasons, xasprintf("%s: it is being deployed", at));
	else if (t->served)
		explain_add(&e->reasons, xasprintf("%s: %s", what, t->served));
	if (t->activations > 0)
		explain_add(&e->reasons, xasprintf("%s was notified again %lld %s because it was stale%s", what,
						 (long long)t->activations, t->activations == 1 ? "time" : "times",
						 t->is_stuck ? ", which did not help" : ""));
	if (t->is_stuck)
		explain_advise(e, "find out why the server does not serve the new certificate, then", "deploy",
			c.o.name, NULL);
}

/* Nothing of it has begun. Return: whether it waits for its window. */
static bool
why_deployed_later(struct explanation *e, const struct rollout_state *r)
{
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_free_ char *windows = NULL;
	struct schedule_row row;
	char when[TIME_RFC3339_SIZE];

	if (r->is_written || r->attempts > 0 || !e->a.provider ||
		schedule_get(e->call->service->store, SCHEDULE_DEPLOY, e->a.o.id, &row, NULL) != 1 ||
		row.due_at <= call_now(e->call))
		return false;
	object_peek(e->call->service->store, &provider_class, e->a.provider, &p, NULL);
	windows = window_text(&e->a, &p, WINDOW_ROLLOUT);
	time_format_rfc3339(row.due_at, when);
	strlist_take(&e->reasons, xasprintf("its new certificate is deployed at %s: it waits for its window (%s)", when,
					  windows ? windows : "which was changed"));
	return true;
}

static void
why_rollout(struct explanation *e, const struct object *subject)
{
	_cleanup_rollout_state_ struct rollout_state r = { 0 };
	bool is_later;
	char *changed;

	if (rollout_load(e->call->service->rollout, subject->id, &r, NULL) != 1)
		return;
	changed = rollout_changed_text(e->call->service->store, subject->id, NULL, NULL);
	if (changed) {
		explain_add(&e->reasons, changed);
		explain_add(&e->advice,
			xstrdup("find out which program changed the files (certctl events names them), and stop it: "
				"certd writes them again each time"));
	}
	if (r.attempts > 0)
		why_retried(e, "the files could not be written", r.failure.message, r.attempts, r.next_at);
	if (r.rolled_back_at)
		strlist_take(&e->reasons, rollout_rollback_text(e->call->service->store, subject->name, &r));
	is_later = why_deployed_later(e, &r);
	for (size_t i = 0; !is_later && i < r.targets.count; i++)
		why_consumer(e, (const struct rollout_target *)r.targets.items + i);
}

/* The CA does not offer, or not allow, the profile. */
static void
explain_advise_profile(struct explanation *e)
{
	_cleanup_provider_ struct provider p = { 0 };

	if (object_peek(e->call->service->store, &provider_class, autocert_provider(&e->a), &p, NULL) == 1)
		explain_advise(e, "to see the profiles that the CA offers", "show provider", p.o.name, NULL);
	explain_advise(e, "to order without the profile while the CA refuses it", "set auto", e->a.o.name,
		"--profile-policy preferred");
}

/* Advice by the class of the last error. */
static void
explain_advise_by_class(struct explanation *e)
{
	const char *name = e->a.o.name;

	if (e->a.unpause_url) {
		explain_add(
			&e->advice, xasprintf("correct the validation of the name, then end its pause at the CA: %s",
					    e->a.unpause_url));
		explain_advise(e, "then order at once", "resume", name, NULL);
		return;
	}
	if (e->a.last_error.field && strcmp(e->a.last_error.field, "profile") == 0) {
		explain_advise_profile(e);
		return;
	}
	switch (e->a.last_error.code) {
	case ERROR_VALIDATION:
		strlist_add(&e->advice, "the CA did not find the answer: check that the name resolves to this host "
					"(http-01), or that the DNS provider serves its zone (dns-01)");
		break;
	case ERROR_DNS:
		strlist_add(&e->advice, "check the DNS provider: certctl list dns");
		break;
	case ERROR_TLS:
		strlist_add(&e->advice,
			"the CA's own TLS certificate is not trusted: set its root with --ca-file (see: "
			"certctl set provider --help), or add it to the system's trust store");
		break;
	case ERROR_NETWORK:
	case ERROR_TIMEOUT:
		strlist_add(&e->advice, "check that this host can reach the CA; certd keeps retrying");
		break;
	case ERROR_RATE_LIMITED:
		explain_advise(
			e, "wait until the time that the CA demands; to retry at once", "renew", name, "--force");
		break;
	case ERROR_CA:
		explain_advise(
			e, "the CA refused, for the reason above; check the declaration", "show auto", name, NULL);
		break;
	case ERROR_NO_SPACE:
		strlist_add(&e->advice, "free space on the disk; certd recovers by itself");
		break;
	default:
		break;
	}
}

/* A rate limit of the CA is used up, or the CA asks all orders of the provider to wait. */
static void
why_limited(struct explanation *e)
{
	const struct error *why = NULL;
	int64_t at = clients_opens_at(e->call->service->issue_env->clients, autocert_provider(&e->a), &why);
	char when[TIME_RFC3339_SIZE];

	if (autocert_is_on_hold(&e->a) && e->a.hold_at > call_now(e->call)) {
		time_format_rfc3339(e->a.hold_at, when);
		strlist_take(&e->reasons, xasprintf("the order waits until %s: %s", when, e->a.hold_why));
		explain_advise(e, "wait until then; to order at once", "renew", e->a.o.name, "--force");
	}
	if (at == 0)
		return;
	time_format_rfc3339(at, when);
	strlist_take(
		&e->reasons, xasprintf("the CA accepts no order of this provider before %s: %s", when, why->message));
	explain_advise(e, "wait until the time that the CA demands; to retry at once", "renew", e->a.o.name, "--force");
}

/* The choice of `challenge auto` for each name. */
static void
why_challenge(struct explanation *e)
{
	const struct autocert *a = &e->a;

	for (size_t i = 0; i <= a->sans.count && i < CHALLENGES_SHOWN; i++) {
		const char *name = i ? a->sans.items[i - 1] : a->common_name;
		char *why = name ? solver_explain(e->call->service->solver, a, name) : NULL;

		if (why)
			explain_add(&e->reasons, why);
	}
}

static void
explain_schedule(struct explanation *e)
{
	const struct issue *issue = issue_running(e->call->service->scheduler, e->a.o.id);
	_cleanup_free_ char *summary = NULL;
	struct schedule_row row;
	char when[TIME_RFC3339_SIZE];
	int64_t due_at;

	if (issue)
		why_now(e, issue);
	if (e->a.is_paused) {
		_cleanup_free_ char *name = issue_name_to_resume(e->call->service->store, &e->a);

		json_add_string(e->result, "summary", "paused: nothing is renewed");
		if (e->a.last_certificate) {
			time_format_rfc3339(e->a.last_not_after_at, when);
			strlist_take(&e->reasons,
				xasprintf("its certificate %s %s, and renewal is paused",
					e->a.last_not_after_at > call_now(e->call) ? "expires at" : "expired at",
					when));
		}
		explain_advise(e, "to go on", "resume", name, NULL);
		return;
	}
	if (schedule_get(e->call->service->store, SCHEDULE_ISSUE, e->a.o.id, &row, NULL) != 1) {
		json_add_string(e->result, "summary", "nothing is scheduled");
		return;
	}
	due_at = autocert_due_at(e->call->service, &e->a, &row);
	time_format_rfc3339(due_at, when);
	summary = issue ? xasprintf("%s in progress", autocert_next_action(&e->a))
			: xasprintf("%s at %s", autocert_next_action(&e->a), when);
	json_add_string(e->result, "summary", summary);
	json_add_string(e->result, "nextAction", autocert_next_action(&e->a));
	json_add_time(e->result, "nextDate", due_at);
	if (!issue) {
		why_then(e, due_at);
		if (!error_is_set(&e->a.last_error)) /* explain_failure() does it otherwise */
			why_challenge(e);
		why_not_suggested(e);
	}
}

static void
explain_failure(struct explanation *e)
{
	json_add_int(e->result, "attempts", e->a.attempts);
	if (!error_is_set(&e->a.last_error))
		return;
	json_object_object_add(e->result, "lastError", rpc_error_to_json(&e->a.last_error));
	if (e->a.refused_pem.len > 0)
		json_add_string(e->result, "refusedCertificate", buf_str(&e->a.refused_pem));
	why_challenge(e);
	explain_advise_by_class(e);
	if (solver_http_error(e->call->service->solver))
		explain_add(&e->advice, xasprintf("http-01: %s", solver_http_error(e->call->service->solver)->message));
}

/* What the last check has found; troubles are among the conditions already. */
static void
why_ready(struct explanation *e)
{
	_cleanup_ready_state_ struct ready_state s = { .grade = READY_OK };
	_cleanup_strlist_ struct strlist lines = STRLIST_INIT;
	char when[TIME_RFC3339_SIZE];

	if (record_load(e->call->service->store, &ready_class, e->a.o.id, &s, NULL) == 1) {
		ready_lines(&s, READY_NOTE, &lines);
		time_format_rfc3339(s.checked_at, when);
	}
	for (size_t i = 0; i < lines.count; i++)
		explain_add(&e->reasons, xasprintf("checked %s: %s", when, lines.items[i]));
	if (s.grade >= READY_WARNING)
		explain_advise(e, "correct the cause; to check again", "check", e->a.o.name, NULL);
}

/* Before the next renewal fails. */
static void
why_unvalidated(struct explanation *e)
{
	_cleanup_error_ struct error why = ERROR_INIT;

	if (error_is_set(&e->a.last_error) || solver_can_validate(e->call->service->solver, &e->a, &why))
		return;
	explain_add(&e->advice, xasprintf("the next renewal will fail: %s", why.message));
}

/* The other one of two keys. */
static void
why_variant(struct explanation *e)
{
	_cleanup_autocert_ struct autocert other = { 0 };
	const char *id = e->a.variant ? e->a.variant : e->a.variant_of;

	if (!id || object_peek(e->call->service->store, &autocert_class, id, &other, NULL) != 1)
		return;
	strlist_take(&e->reasons, xasprintf(e->a.variant ? "its second key has the auto-certificate '%s'"
							 : "it has the second key of '%s', and its declaration",
					  other.o.name));
	if (error_is_set(&other.last_error))
		explain_advise(e, "the order for the other key failed; to see why", "explain auto", other.o.name, NULL);
}

static void
explain_end(struct explanation *e)
{
	json_add_strlist(e->result, "reasons", &e->reasons);
	json_add_strlist(e->result, "advice", &e->advice);
	e->call->result = e->result;
	strlist_clear(&e->reasons);
	strlist_clear(&e->advice);
	autocert_clear(&e->a);
}

/* The newest first. */
static void
explain_decisions(struct explanation *e)
{
	struct trace trace = { .items = { .items = NULL } };
	struct json_object *list = json_object_new_array();

	record_load(e->call->service->store, &trace_class, e->a.o.id, &trace, NULL);
	for (size_t i = trace.items.count; i > 0; i--) {
		const struct trace_item *item = (const struct trace_item *)trace.items.items + i - 1;
		struct json_object *o = json_object_new_object();

		json_add_time(o, "date", item->last_at);
		json_add_time(o, "firstDate", item->first_at);
		json_add_int(o, "times", item->times);
		json_add_string(o, "rule", item->rule);
		json_add_string(o, "text", item->text);
		json_object_array_add(list, o);
	}
	json_object_object_add(e->result, "decisions", list);
	record_clear(&trace_class, &trace);
}

int
autocert_explain(struct call *call, struct json_object *params, struct error *err)
{
	struct explanation e = { .call = call };

	if (resource_find(call, &autocert_class, params, &e.a, err) < 0)
		return -1;
	e.result = json_object_new_object();
	explain_schedule(&e);
	why_notes(&e);
	why_revoked(&e);
	why_all(&e);
	explain_failure(&e);
	why_unvalidated(&e);
	why_ready(&e);
	why_limited(&e);
	why_provider(&e);
	why_rollout(&e, &e.a.o);
	why_variant(&e);
	explain_decisions(&e);
	explain_end(&e);
	return 0;
}

static void
explain_issued(struct explanation *e, const struct certificate *c)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	if (object_peek(e->call->service->store, &autocert_class, c->autocert, &a, NULL) == 1)
		explain_advise(
			e, "certd renews it; to see when, and where it is deployed", "explain auto", a.o.name, NULL);
}

static void
explain_imported(struct explanation *e, const struct certificate *c)
{
	struct schedule_row row;

	if (schedule_get(e->call->service->store, SCHEDULE_DEPLOY, c->o.id, &row, NULL) == 1)
		json_add_time(e->result, "nextDate", row.due_at);
	if (!c->slug && !c->is_held_back)
		strlist_add(&e->reasons, "another certificate has replaced it");
	why_rollout(e, &c->o);
	if (c->slug)
		strlist_add(&e->advice, "certd cannot renew it; to replace it: certctl import --help");
}

int
certificate_explain(struct call *call, struct json_object *params, struct error *err)
{
	struct explanation e = { .call = call };
	_cleanup_certificate_ struct certificate c = { 0 };
	char when[TIME_RFC3339_SIZE];

	if (resource_find_peek(call, &certificate_class, params, &c, err) < 0)
		return -1;
	e.result = json_object_new_object();
	json_add_string(e.result, "summary", resource_state_name(c.o.state));
	if (error_is_set(&c.o.failure))
		strlist_add(&e.reasons, c.o.failure.message);
	time_format_rfc3339(c.not_after_at, when);
	strlist_take(
		&e.reasons, xasprintf("it %s at %s", c.not_after_at > call_now(call) ? "expires" : "expired", when));
	explain_revocation(&e, &c, "it");
	crl_explain(call->service->issue_env, &c, &e.reasons);
	if (c.autocert)
		explain_issued(&e, &c);
	else
		explain_imported(&e, &c);
	explain_end(&e);
	return 0;
}
