/* One function for each kind of change; the first that applies decides. */
#include "daemon/renew/decision.h"

#include "common/printable.h"
#include "common/timefmt.h"

#include <stdlib.h>
#include <string.h>

enum { DAY = 24 * 3600, MESSAGE_SHOWN = 300 };

void
decision_clear(struct decision *d)
{
	free(d->about);
	free(d->text);
	*d = (struct decision){ .rule = NULL };
}

/* @text, @about: taken. Return: true. */
static bool
decision_make(struct decision *ret, const char *rule, char *about, char *text)
{
	*ret = (struct decision){ .rule = rule, .about = about, .text = text };
	return true;
}

/* Owned by the caller. */
static char *
decision_message(const struct error *why)
{
	const char *text = why->message ? why->message : "for an unknown reason";

	return printable_line(text, strlen(text), MESSAGE_SHOWN);
}

/* "renewal at WHEN" */
static char *
decision_next(const struct autocert *a, int64_t now)
{
	char when[TIME_RFC3339_SIZE];

	if (a->next_at <= now)
		return xstrdup("renewal starts now");
	time_format_rfc3339(a->next_at, when);
	return xasprintf("renewal at %s", when);
}

static char *
decision_window(const struct autocert *a)
{
	char start[TIME_RFC3339_SIZE], end[TIME_RFC3339_SIZE];

	time_format_rfc3339(a->ari_start_at, start);
	time_format_rfc3339(a->ari_end_at, end);
	return xasprintf("the CA suggests a time between %s and %s", start, end);
}

static char *
decision_margin(const struct renewal_in *in, int64_t due_at)
{
	char span[TIME_SPAN_SIZE];

	time_format_span(time_add(in->not_after_at, -due_at), span);
	return xasprintf("that is %s before it expires", span);
}

/* By the renewal rule. @what: what happened before. */
static bool
decision_renewal(const struct decision_in *in, const char *what, struct decision *ret)
{
	const struct autocert *a = in->new;
	_cleanup_free_ char *next = decision_next(a, in->now);
	_cleanup_free_ char *window = decision_window(a);
	_cleanup_free_ char *margin = decision_margin(&in->renewal, a->next_at);
	char *about = xstrdup_null(a->last_certificate);

	if (in->windows) {
		char due[TIME_RFC3339_SIZE];

		time_format_rfc3339(renewal_due(&in->renewal), due);
		return decision_make(ret, "window", about,
			xasprintf(
				"%s%s: it is due at %s, and waits for its window (%s)", what, next, due, in->windows));
	}
	switch (renewal_rule(&in->renewal)) {
	case RENEWAL_BY_CA:
		return decision_make(ret, "ca-window", about, xasprintf("%s%s: %s", what, next, window));
	case RENEWAL_BEFORE_CA:
		return decision_make(ret, "ca-too-late", about,
			xasprintf("%s%s: %s, but certd renews before the last twentieth of the lifetime", what, next,
				window));
	case RENEWAL_HELD:
		return decision_make(ret, "ca-too-often", about,
			xasprintf("%s%s: %s, but certd replaces a new certificate at once at most twice in 24 hours",
				what, next, window));
	case RENEWAL_KEPT:
		return decision_make(ret, "minimum-wait", about,
			xasprintf("%s%s: it was due when it was issued, and is kept for an eighth of what remained of "
				  "its lifetime",
				what, next));
	case RENEWAL_BY_MARGIN:
		return decision_make(
			ret, "renew-before", about, xasprintf("%s%s: %s, as renewBefore says", what, next, margin));
	case RENEWAL_BY_LIFE:
		return decision_make(ret, "share-of-life", about,
			xasprintf("%s%s: %s; its lifetime limits renewBefore to %s of it", what, next, margin,
				in->renewal.not_after_at - in->renewal.not_before_at < 10 * DAY ? "a half"
												: "a third"));
	}
	return false;
}

static bool
decision_failed(const struct decision_in *in, struct decision *ret)
{
	const struct autocert *a = in->new;
	const struct error *why = &a->last_error;
	bool is_asked = why->retry_at > in->now;
	char next[TIME_RFC3339_SIZE], asked[TIME_RFC3339_SIZE];
	_cleanup_free_ char *message = decision_message(why);
	_cleanup_free_ char *allowed = NULL;

	time_format_rfc3339(a->next_at, next);
	time_format_rfc3339(why->retry_at, asked);
	if (a->unpause_url)
		return decision_make(ret, "paused-by-ca", xstrdup(a->unpause_url),
			xasprintf(
				"%lld failed in a row: the CA has paused a name, until a person ends that at %s; next "
				"attempt %s: once a day",
				(long long)a->attempts, a->unpause_url, next));
	if (in->staging)
		return decision_make(ret, "rehearsal", xstrdup(message),
			xasprintf("%lld failed in a row: %s; next attempt %s: it is rehearsed with provider '%s', and "
				  "goes to the CA if that passes",
				(long long)a->attempts, message, next, in->staging));
	allowed =
		is_asked ? xasprintf("the CA allows the next order at %s", asked)
			 : xstrdup("the delay grows from a minute to a day, up to an eighth of the remaining lifetime");
	return decision_make(ret, is_asked ? "rate-limit" : "backoff", xstrdup(message),
		xasprintf("%lld failed in a row: %s; next attempt %s: %s", (long long)a->attempts, message, next,
			allowed));
}

/* The next order goes to another provider, or to its own again. */
static bool
decision_failover(const struct decision_in *in, struct decision *ret)
{
	const struct autocert *a = in->new;
	_cleanup_free_ char *message = error_is_set(&a->last_error) ? decision_message(&a->last_error) : NULL;
	char next[TIME_RFC3339_SIZE];

	time_format_rfc3339(a->next_at, next);
	return decision_make(ret, "failover", xstrdup(autocert_provider(a)),
		xasprintf(
			"%s%s%s; next attempt %s", a->provider_why, message ? ": " : "", message ? message : "", next));
}

static bool
decision_waits(const struct decision_in *in, struct decision *ret)
{
	const struct autocert *a = in->new;
	char until[TIME_RFC3339_SIZE];

	time_format_rfc3339(a->hold_at, until);
	return decision_make(
		ret, "waits", xstrdup_null(a->hold_why), xasprintf("the order waits until %s: %s", until, a->hold_why));
}

/* The next date was changed, and nothing else that explains it. */
static bool
decision_moved(const struct decision_in *in, struct decision *ret)
{
	const struct autocert *a = in->new;
	bool is_now = a->next_at <= in->now;

	if (is_now && in->is_revoked)
		return decision_make(ret, "revoked", xstrdup_null(a->last_certificate),
			xstrdup("renewal starts now: the certificate is revoked, or to be revoked"));
	if (is_now && a->reissue && !str_is_same(a->reissue, in->old->reissue))
		return decision_make(ret, "reissue", xstrdup(a->reissue),
			xstrdup("renewal starts now: a reissue of many certificates includes it"));
	if (is_now && a->is_outdated)
		return decision_make(ret, "declaration", NULL,
			xstrdup("renewal starts now: the certificate is not as it is declared now"));
	if (a->ari_pick_at != in->old->ari_pick_at || !is_now)
		return a->last_certificate && decision_renewal(in, "", ret);
	return decision_make(ret, "operator", NULL, xstrdup("renewal starts now: it was requested"));
}

bool
decision_of_autocert(const struct decision_in *in, struct decision *ret)
{
	const struct autocert *old = in->old, *new = in->new;

	if (new->is_paused && !old->is_paused)
		return decision_make(ret, "paused", NULL, xstrdup("nothing is renewed: it was paused"));
	if (new->last_certificate && !str_is_same(new->last_certificate, old->last_certificate))
		return decision_renewal(in, "a certificate was issued; ", ret);
	if (new->provider_why && !str_is_same(new->provider_now, old->provider_now))
		return decision_failover(in, ret);
	if (new->attempts > 0 && error_is_set(&new->last_error) && new->last_attempt_at != old->last_attempt_at)
		return decision_failed(in, ret);
	if (new->is_rehearsed && !old->is_rehearsed)
		return decision_make(ret, "rehearsed", NULL,
			xstrdup("the order goes to the CA now: the rehearsal before it did not fail to validate"));
	if (new->next_at == old->next_at || new->next_at == 0)
		return false;
	if (new->hold_why &&new->next_at == new->hold_at &&new->next_at > in->now)
		return decision_waits(in, ret);
	if (!new->last_certificate)
		return decision_make(ret, "first", NULL, xstrdup("an order starts now: there is no certificate yet"));
	return decision_moved(in, ret);
}

/* The first consumer that could not be notified or does not serve it. */
static const struct rollout_target *
decision_failing_target(const struct rollout_state *state)
{
	for (size_t i = 0; i < state->targets.count; i++) {
		const struct rollout_target *t = (const struct rollout_target *)state->targets.items + i;

		if (error_is_set(&t->failure) && (t->attempts > 0 || t->is_stuck))
			return t;
	}
	return NULL;
}

static bool
decision_deploy_failed(
	const struct error *why, int64_t attempts, int64_t next_at, const char *what, struct decision *ret)
{
	_cleanup_free_ char *message = decision_message(why);
	char next[TIME_RFC3339_SIZE];

	time_format_rfc3339(next_at, next);
	return decision_make(ret, "deploy-retry", xstrdup(message),
		next_at > 1
			? xasprintf("%s%s (%lld in a row); next attempt %s", what, message, (long long)attempts, next)
			: xasprintf("%s%s", what, message));
}

static bool
decision_of_state(const struct rollout_state *state, struct decision *ret)
{
	const struct rollout_target *t = decision_failing_target(state);

	if (state->attempts > 0)
		return decision_deploy_failed(
			&state->failure, state->attempts, state->next_at, "the files could not be written: ", ret);
	if (state->rolled_back_at)
		return decision_make(ret, "rolled-back", xstrdup_null(state->certificate),
			error_is_set(&state->rolled_back_why)
				? xasprintf("the earlier certificate was deployed again: %s",
					  state->rolled_back_why.message)
				: xstrdup("the earlier certificate was deployed again: it was requested"));
	if (t)
		return decision_deploy_failed(&t->failure, t->attempts, t->next_at, "", ret);
	return state->done_at && decision_make(ret, "deployed", xstrdup_null(state->certificate),
					 xstrdup("the files are written, and all consumers were notified"));
}

bool
decision_of_rollout(const struct rollout_state *state, struct decision *ret)
{
	bool has_outcome = decision_of_state(state, ret);

	ret->is_state = has_outcome;
	return has_outcome;
}
