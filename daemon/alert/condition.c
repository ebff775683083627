/* The table of the conditions: each a pure function of records and the time. */
#include "daemon/alert/condition.h"

#include "common/shell.h"
#include "common/timefmt.h"
#include "daemon/renew/drop_names.h"
#include "daemon/renew/issue.h"
#include "daemon/renew/persist.h"
#include "daemon/rollout/rollout_back.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* The first attempts fail for reasons that pass: those of the second follow after ten minutes and more. */
	ATTEMPTS_TOLERATED = 2,
	DAY = 24 * 3600,
	PERSIST_WARNING_SEC = 30 * DAY,
};

const char *
severity_name(enum severity severity)
{
	switch (severity) {
	case SEVERITY_NONE:
		return "none";
	case SEVERITY_WARNING:
		return "warning";
	case SEVERITY_CRITICAL:
		return "critical";
	}
	return "none";
}

enum severity
severity_find(const char *name)
{
	return name && strcmp(name, severity_name(SEVERITY_CRITICAL)) == 0 ? SEVERITY_CRITICAL : SEVERITY_WARNING;
}

/* --- time --- */

static int64_t
condition_not_before(const struct condition_facts *f)
{
	return f->autocert ? f->autocert->last_not_before_at : f->certificate->not_before_at;
}

/* Return: 0 without a certificate that is deployed. */
static int64_t
condition_not_after(const struct condition_facts *f)
{
	if (f->autocert)
		return f->autocert->last_certificate ? f->autocert->last_not_after_at : 0;
	return f->certificate && f->certificate->slug ? f->certificate->not_after_at : 0;
}

/* Is @at over? Else the question has another answer then. */
static bool
is_over(const struct condition_facts *f, int64_t at, int64_t *again_at)
{
	if (f->now >= at)
		return true;
	if (at < *again_at)
		*again_at = at;
	return false;
}

/*
 * When less than @percent of the lifetime is left. A renewal that is planned for later than that (renewBefore is small)
 * has time to succeed: @eighths of the span between its date and the expiry must be left.
 */
static int64_t
late_at(const struct condition_facts *f, int64_t percent, int64_t eighths)
{
	int64_t end = condition_not_after(f);
	int64_t span = time_add(end, -condition_not_before(f)) / 100 * percent;
	int64_t room = f->planned_at ? time_add(end, -f->planned_at) / 8 * eighths : span;

	return time_add(end, -(room < span ? room : span));
}

/* Nothing is retried for an imported certificate: it is time when its expiry is first reported, or at half its life. */
static int64_t
warning_at(const struct condition_facts *f)
{
	int64_t half;

	if (!f->certificate)
		return late_at(f, f->warning_percent, 6);
	half = f->certificate->not_after_at - (f->certificate->not_after_at - f->certificate->not_before_at) / 2;
	return f->planned_at > half ? f->planned_at : half;
}

static enum severity
lateness(const struct condition_facts *f, int64_t *again_at)
{
	if (!is_over(f, warning_at(f), again_at))
		return SEVERITY_NONE;
	return is_over(f, late_at(f, f->critical_percent, 3), again_at) ? SEVERITY_CRITICAL : SEVERITY_WARNING;
}

static void
add_expiry(const struct condition_facts *f, struct buf *text)
{
	char date[TIME_RFC3339_SIZE];

	time_format_rfc3339(condition_not_after(f), date);
	buf_printf(text, "%s %s", f->now < condition_not_after(f) ? "expires" : "expired", date);
}

/* --- about certificates --- */

static enum severity
condition_expired(const struct condition_facts *f, struct buf *text, int64_t *again_at)
{
	if (!condition_not_after(f) || !is_over(f, condition_not_after(f), again_at))
		return SEVERITY_NONE;
	add_expiry(f, text);
	if (f->autocert && f->autocert->is_paused)
		buf_add_str(text, "; its renewal is paused");
	else if (f->autocert && error_is_set(&f->autocert->last_error))
		buf_printf(text, "; the last attempt to renew it failed: %s", f->autocert->last_error.message);
	else if (f->certificate)
		buf_add_str(text, "; certd cannot renew an imported certificate: import its successor with --replace");
	return SEVERITY_CRITICAL;
}

static enum severity
condition_late(const struct condition_facts *f, struct buf *text, int64_t *again_at)
{
	enum severity severity;

	if (!condition_not_after(f) || (f->autocert && f->autocert->is_paused))
		return SEVERITY_NONE;
	severity = lateness(f, again_at);
	if (severity == SEVERITY_NONE)
		return severity;
	add_expiry(f, text);
	if (f->certificate)
		buf_add_str(text, "; certd cannot renew an imported certificate: import its successor with --replace");
	else if (error_is_set(&f->autocert->last_error))
		buf_printf(text, "; the last attempt to renew it failed: %s", f->autocert->last_error.message);
	else
		buf_add_str(text, "; it should have been renewed by now");
	return severity;
}

static void
condition_add_resume(const struct condition_facts *f, const char *before, struct buf *text)
{
	_cleanup_free_ char *name = issue_name_to_resume(f->store, f->autocert);
	_cleanup_free_ char *resume = shell_certctl("resume", name, NULL);

	buf_printf(text, "%s: %s", before, resume);
}

static enum severity
condition_paused(const struct condition_facts *f, struct buf *text, int64_t *again_at)
{
	enum severity severity;

	if (!f->autocert || !f->autocert->is_paused || !condition_not_after(f))
		return SEVERITY_NONE;
	severity = lateness(f, again_at);
	if (severity == SEVERITY_NONE)
		return severity;
	add_expiry(f, text);
	condition_add_resume(f, "; its renewal is paused", text);
	return severity;
}

/* Until the replacement is there. */
static enum severity
condition_revoked(const struct condition_facts *f, struct buf *text, int64_t *again_at _unused_)
{
	const struct certificate *c = f->revoked;
	char date[TIME_RFC3339_SIZE];

	if (!c)
		return SEVERITY_NONE;
	time_format_rfc3339(c->revoked_at, date);
	buf_printf(text, "revoked %s: %s (%s)", date, c->revoke_reason ? c->revoke_reason : "", c->revocation_list);
	if (f->certificate)
		buf_add_str(text, "; certd cannot renew an imported certificate: import its successor with --replace");
	else if (f->autocert->is_paused)
		condition_add_resume(f, "; its renewal is paused", text);
	else if (error_is_set(&f->autocert->last_error))
		buf_printf(text, "; the last attempt to replace it failed: %s", f->autocert->last_error.message);
	else
		buf_add_str(text, "; certd replaces it");
	return SEVERITY_CRITICAL;
}

/* Until it is acknowledged, or expires. */
static enum severity
condition_foreign(const struct condition_facts *f, struct buf *text, int64_t *again_at)
{
	_cleanup_free_ char *line = NULL;

	if (!f->finding || !f->finding->reported_at || f->finding->acknowledged_at ||
		is_over(f, f->finding->not_after_at, again_at))
		return SEVERITY_NONE;
	line = ct_finding_text(f->id, f->finding);
	buf_add_str(text, line);
	return SEVERITY_WARNING;
}

/*
 * The CA said no, again, or until a person ends a pause; a renewal that fails for another reason has time until it is
 * late. Without any certificate there is nothing to serve.
 */
static enum severity
condition_refused(const struct condition_facts *f, struct buf *text, int64_t *again_at _unused_)
{
	const struct autocert *a = f->autocert;
	const struct error *why = a ? &a->last_error : NULL;
	bool is_of_ca;

	if (!a || a->is_paused || !error_is_set(why) || (a->attempts < ATTEMPTS_TOLERATED && !a->unpause_url))
		return SEVERITY_NONE;
	is_of_ca = a->unpause_url || why->problem || why->code == ERROR_CA || why->code == ERROR_VALIDATION ||
		   why->code == ERROR_RATE_LIMITED;
	if (!is_of_ca && a->last_certificate)
		return SEVERITY_NONE;
	if (a->unpause_url) {
		buf_printf(text, "the CA has paused a name; correct its validation, visit %s", a->unpause_url);
		condition_add_resume(f, ", then", text);
	} else {
		buf_printf(text, "%lld attempts failed: %s", (long long)a->attempts, why->message);
	}
	return a->last_certificate ? SEVERITY_WARNING : SEVERITY_CRITICAL;
}

/* Each renewal needs the record, and only the operator can publish it. */
static enum severity
condition_persist(const struct condition_facts *f, struct buf *text, int64_t *again_at)
{
	const char *owner = "";
	int64_t until_at = f->autocert ? persist_until(f->autocert, &owner) : 0;
	char date[TIME_RFC3339_SIZE];
	bool is_dead, is_near;

	if (f->autocert && error_is_set(&f->autocert->standing_error)) {
		buf_add_str(text, f->autocert->standing_error.message);
		return SEVERITY_WARNING;
	}
	if (!until_at)
		return SEVERITY_NONE;
	is_dead = is_over(f, until_at, again_at);
	is_near = is_over(f, time_add(until_at, -PERSIST_WARNING_SEC), again_at);
	if (!is_dead && !is_near && until_at > f->planned_at)
		return SEVERITY_NONE;
	time_format_rfc3339(until_at, date);
	buf_printf(text,
		"the CA does not accept the TXT record %.*s after %s: publish it again with a later persistUntil, or "
		"without one",
		(int)strcspn(owner, " "), owner, date);
	return is_dead ? SEVERITY_CRITICAL : SEVERITY_WARNING;
}

/* Until a certificate has them again. */
static enum severity
condition_dropped(const struct condition_facts *f, struct buf *text, int64_t *again_at _unused_)
{
	_cleanup_free_ char *names = f->autocert ? drop_names_text(f->autocert) : NULL;
	_cleanup_free_ char *renew = names ? shell_certctl("renew", f->autocert->o.name, NULL) : NULL;

	if (!names)
		return SEVERITY_NONE;
	buf_printf(text, "the CA does not validate %s; to order it with all names: %s", names, renew);
	return SEVERITY_WARNING;
}

/* Until a certificate is issued; the next renewal is with the provider itself. */
static enum severity
condition_fallback(const struct condition_facts *f, struct buf *text, int64_t *again_at _unused_)
{
	if (!f->autocert || !f->autocert->provider_why)
		return SEVERITY_NONE;
	buf_add_str(text, f->autocert->provider_why);
	return SEVERITY_WARNING;
}

/* Only the operator can change them. */
static enum severity
condition_dane(const struct condition_facts *f, struct buf *text, int64_t *again_at _unused_)
{
	if (!f->autocert || !error_is_set(&f->autocert->tlsa_error))
		return SEVERITY_NONE;
	buf_add_str(text, f->autocert->tlsa_error.message);
	return SEVERITY_WARNING;
}

/* Found by a check, weeks before. While an order fails, its own error says more. */
static enum severity
condition_unready(const struct condition_facts *f, struct buf *text, int64_t *again_at _unused_)
{
	_cleanup_strlist_ struct strlist lines = STRLIST_INIT;
	_cleanup_free_ char *all = NULL;

	if (!f->ready || !f->autocert || f->autocert->is_paused || f->autocert->attempts > 0 ||
		!ready_is_trouble(f->ready))
		return SEVERITY_NONE;
	ready_lines(f->ready, READY_WARNING, &lines);
	all = strlist_join(&lines, "; ");
	buf_add_str(text, all);
	return f->ready->grade >= READY_BLOCKED ? SEVERITY_CRITICAL : SEVERITY_WARNING;
}

static enum severity
condition_stale(const struct condition_facts *f, struct buf *text, int64_t *again_at _unused_)
{
	enum severity severity = SEVERITY_WARNING;
	const char *sep = "";

	if (!f->rollout || !rollout_is_unserved(f->rollout))
		return SEVERITY_NONE;
	for (size_t i = 0; i < f->rollout->targets.count; i++) {
		const struct rollout_target *t = (const struct rollout_target *)f->rollout->targets.items + i;
		_cleanup_consumer_ struct consumer c = { 0 };

		if (!t->served || strcmp(t->served, "served") == 0)
			continue;
		if (t->is_stuck) /* it was activated again and again */
			severity = SEVERITY_CRITICAL;
		object_peek(f->store, &consumer_class, t->consumer, &c, NULL);
		buf_printf(text, "%sconsumer '%s': %s", sep, c.o.name ? c.o.name : t->consumer, t->served);
		sep = ", ";
	}
	return severity;
}

/* An imported certificate that servers or clients would refuse. */
static enum severity
held_back(const struct certificate *c, struct buf *text)
{
	_cleanup_free_ char *set = shell_certctl("set cert", c->o.name, "--deploy-anyway");

	buf_printf(text, "it is not deployed: %s (to deploy it: %s)", c->o.failure.message ? c->o.failure.message : "",
		set);
	return SEVERITY_WARNING;
}

static enum severity
condition_undeployed(const struct condition_facts *f, struct buf *text, int64_t *again_at _unused_)
{
	const struct error *why = f->rollout ? rollout_failure(f->rollout) : NULL;

	if (f->certificate && f->certificate->is_held_back)
		return held_back(f->certificate, text);
	if (!why || rollout_attempts(f->rollout) < ATTEMPTS_TOLERATED)
		return SEVERITY_NONE;
	buf_printf(text, "%lld attempts failed: %s", (long long)rollout_attempts(f->rollout), why->message);
	return SEVERITY_WARNING;
}

static enum severity
condition_rolledback(const struct condition_facts *f, struct buf *text, int64_t *again_at _unused_)
{
	_cleanup_free_ char *line = NULL;

	if (!f->autocert || !f->rollout || !f->rollout->rolled_back_at)
		return SEVERITY_NONE;
	line = rollout_rollback_text(f->store, f->autocert->o.name, f->rollout);
	buf_add_str(text, line);
	return SEVERITY_WARNING;
}

/* What the guard holds. */
static enum severity
condition_approval(const struct condition_facts *f, struct buf *text, int64_t *again_at _unused_)
{
	const struct autocert *a = f->autocert;
	_cleanup_free_ char *differences = NULL, *approve = NULL;
	char until[TIME_RFC3339_SIZE];

	if (!a || !a->waiting_certificate)
		return SEVERITY_NONE;
	differences = strlist_join(&a->notes, "; ");
	approve = shell_certctl("approve", a->o.name, NULL);
	time_format_rfc3339(a->waiting_until_at, until);
	buf_printf(text, "%s (to deploy it: %s); it is deployed at %s in any case", differences, approve, until);
	return SEVERITY_WARNING;
}

/* They are written again at once, but what changed them may do so again. */
static enum severity
condition_changed(const struct condition_facts *f, struct buf *text, int64_t *again_at)
{
	if (!f->changed || is_over(f, f->changed_until, again_at))
		return SEVERITY_NONE;
	buf_add_str(text, f->changed);
	return SEVERITY_WARNING;
}

/* --- about accounts --- */

/* A CA that is out of reach concerns each certificate when it becomes late. */
static enum severity
condition_account(const struct condition_facts *f, struct buf *text, int64_t *again_at _unused_)
{
	const struct error *why = f->provider ? &f->provider->o.failure : NULL;

	if (!why || f->provider->o.state != OBJECT_FAILED || !error_is_set(why) || why->code == ERROR_NETWORK ||
		why->code == ERROR_TIMEOUT || why->code == ERROR_DNS)
		return SEVERITY_NONE;
	buf_add_str(text, why->message);
	return SEVERITY_CRITICAL;
}

/* --- about certd itself --- */

static enum severity
condition_store(const struct condition_facts *f, struct buf *text, int64_t *again_at _unused_)
{
	const struct condition_certd *c = f->certd;

	if (c && c->is_disk_full)
		buf_printf(text,
			"the disk of %s is full: nothing can be changed or renewed until there is space; certd then "
			"recovers by itself",
			c->state_dir);
	else if (c && c->is_store_failing)
		buf_printf(text,
			"the store in %s cannot be written: nothing is renewed until that is fixed; see certctl events",
			c->state_dir);
	else if (c && c->damaged_records)
		buf_printf(text,
			"damaged records in the store in %s: %llu; certd uses the others; " STORE_DAMAGE_ADVICE,
			c->state_dir, (unsigned long long)c->damaged_records);
	else
		return SEVERITY_NONE;
	return SEVERITY_CRITICAL;
}

static enum severity
condition_clock(const struct condition_facts *f, struct buf *text, int64_t *again_at _unused_)
{
	if (!f->certd || !f->certd->is_clock_wrong)
		return SEVERITY_NONE;
	buf_add_str(text,
		"the clock is behind the last recorded time: nothing is issued or renewed until it is set (or for an "
		"hour)");
	return SEVERITY_CRITICAL;
}

static enum severity
condition_audit(const struct condition_facts *f, struct buf *text, int64_t *again_at _unused_)
{
	if (!f->certd || !f->certd->audit)
		return SEVERITY_NONE;
	buf_printf(text, "%s; see: certctl audit --verify", f->certd->audit);
	return SEVERITY_CRITICAL;
}

char *
condition_of_all(const struct condition_certd *certd)
{
	struct condition_facts facts = { .certd = certd };
	struct buf text = BUF_INIT;
	int64_t again_at = INT64_MAX;

	if (condition_store(&facts, &text, &again_at) != SEVERITY_NONE ||
		condition_clock(&facts, &text, &again_at) != SEVERITY_NONE)
		return buf_steal(&text);
	return NULL;
}

#define CONDITION_ROW(word_, title_) { #word_, title_, condition_##word_ },
const struct condition_kind condition_kinds[] = { CONDITIONS(CONDITION_ROW) };

/* --- the record --- */

static const struct record_field condition_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct condition, incident, NULL),
	RECORD_FIELD(RECORD_STRING, 2, struct condition, severity, NULL),
	RECORD_FIELD(RECORD_STRING, 3, struct condition, type, NULL),
	RECORD_FIELD(RECORD_STRING, 4, struct condition, name, NULL),
	RECORD_FIELD(RECORD_STRING, 5, struct condition, text, NULL),
	RECORD_FIELD(RECORD_INT, 6, struct condition, begun_at, NULL),
	RECORD_FIELD(RECORD_STRLIST, 7, struct condition, notified, NULL),
};

const struct record_class condition_class = RECORD_CLASS(
	"condition", STORE_CONDITION, struct condition, condition_fields, unknown);

void
condition_key(const char *object_id, const char *word, char ret[CONDITION_KEY_SIZE])
{
	snprintf(ret, CONDITION_KEY_SIZE, "%s/%s", object_id, word);
}
