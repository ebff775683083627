/* From the situation to the words of the decision, and what of them is kept. */
#include "daemon/renew/decision.h"
#include "daemon/renew/trace.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { HOUR = 3600, DAY = 24 * HOUR };

/* 2027-01-15T08:00:00Z */
static const int64_t now = 1800000000;

/* A change of an auto-certificate: what differs between the two records. Times are relative to now. */
struct situation {
	const char *why;
	const char *old_certificate, *new_certificate; /* ids; NULL: none */
	int64_t life, used;                            /* of the newest certificate: its lifetime, and how old it is */
	int64_t renew_before;
	int64_t old_next, new_next; /* 0: none */
	int64_t ari_start, ari_end, ari_pick;
	bool has_new_window;
	int64_t hurried;
	bool is_new; /* issued at this moment */
	bool is_paused, is_outdated, is_revoked, is_reissued;
	int64_t attempts;
	const char *provider_now, *provider_why; /* of the new record */
	const char *windows;
	const char *staging;
	bool is_rehearsed;
	const char *error, *unpause_url;
	int64_t retry;
	const char *hold;        /* why the order waits until new_next; NULL: it does not */
	const char *rule, *text; /* NULL: no decision */
};

static const struct situation situations[] = {
	{ "declared", .new_next = -1, .rule = "first", .text = "an order starts now: there is no certificate yet" },
	{ "the first order waits", .new_next = HOUR, .hold = "the CA's rate limit is used up", .rule = "waits",
		.text = "the order waits until 2027-01-15T09:00:00Z: the CA's rate limit is used up" },
	{ "a renewal waits", .old_certificate = "c1", .new_certificate = "c1", .life = 90 * DAY, .used = 60 * DAY,
		.new_next = HOUR, .hold = "no TLSA record", .rule = "waits",
		.text = "the order waits until 2027-01-15T09:00:00Z: no TLSA record" },
	{ "issued, 90 days", .new_certificate = "c1", .is_new = true, .life = 90 * DAY, .new_next = 60 * DAY,
		.rule = "renew-before",
		.text = "a certificate was issued; renewal at 2027-03-16T08:00:00Z: that is 30d before it expires, as "
			"renewBefore says" },
	{ "issued, 45 days: a third", .new_certificate = "c1", .is_new = true, .life = 45 * DAY, .new_next = 30 * DAY,
		.rule = "share-of-life",
		.text = "a certificate was issued; renewal at 2027-02-14T08:00:00Z: that is 15d before it expires; its "
			"lifetime limits renewBefore to a third of it" },
	{ "issued, 6 days: half", .new_certificate = "c1", .is_new = true, .life = 6 * DAY, .new_next = 3 * DAY,
		.rule = "share-of-life",
		.text = "a certificate was issued; renewal at 2027-01-18T08:00:00Z: that is 3d before it expires; its "
			"lifetime limits renewBefore to a half of it" },
	{ "backdated", .new_certificate = "c1", .is_new = true, .life = 90 * DAY, .used = 82 * DAY, .new_next = DAY,
		.rule = "minimum-wait",
		.text = "a certificate was issued; renewal at 2027-01-16T08:00:00Z: it was due when it was issued, and "
			"is kept for an eighth of what remained of its lifetime" },
	{ "the CA's window", .old_certificate = "c1", .new_certificate = "c1", .life = 90 * DAY, .used = 10 * DAY,
		.old_next = 50 * DAY, .new_next = 20 * DAY, .ari_start = 19 * DAY, .ari_end = 21 * DAY,
		.ari_pick = 20 * DAY, .has_new_window = true, .rule = "ca-window",
		.text = "renewal at 2027-02-04T08:00:00Z: the CA suggests a time between 2027-02-03T08:00:00Z and "
			"2027-02-05T08:00:00Z" },
	{ "the CA's window is over", .old_certificate = "c1", .new_certificate = "c1", .life = 90 * DAY,
		.used = 10 * DAY, .old_next = 50 * DAY, .new_next = -1, .ari_start = -2 * DAY, .ari_end = -DAY,
		.ari_pick = -DAY - HOUR, .has_new_window = true, .rule = "ca-window",
		.text = "renewal starts now: the CA suggests a time between 2027-01-13T08:00:00Z and "
			"2027-01-14T08:00:00Z" },
	{ "too late", .old_certificate = "c1", .new_certificate = "c1", .life = 100 * DAY, .used = 10 * DAY,
		.old_next = 50 * DAY, .new_next = 85 * DAY, .ari_start = 88 * DAY, .ari_end = 89 * DAY,
		.ari_pick = 88 * DAY, .has_new_window = true, .rule = "ca-too-late",
		.text = "renewal at 2027-04-10T08:00:00Z: the CA suggests a time between 2027-04-13T08:00:00Z and "
			"2027-04-14T08:00:00Z, but certd renews before the last twentieth of the lifetime" },
	{ "too often", .new_certificate = "c2", .is_new = true, .life = 90 * DAY, .new_next = DAY - HOUR,
		.ari_start = -2 * DAY, .ari_end = -DAY, .ari_pick = -DAY - HOUR, .hurried = -HOUR,
		.rule = "ca-too-often",
		.text = "a certificate was issued; renewal at 2027-01-16T07:00:00Z: the CA suggests a time between "
			"2027-01-13T08:00:00Z and 2027-01-14T08:00:00Z, but certd replaces "
			"a new certificate at once at "
			"most twice in 24 hours" },
	{ "revoked", .old_certificate = "c1", .new_certificate = "c1", .life = 90 * DAY, .old_next = 60 * DAY,
		.new_next = -1, .is_revoked = true, .rule = "revoked",
		.text = "renewal starts now: the certificate is revoked, or to be revoked" },
	{ "another name was declared", .old_certificate = "c1", .new_certificate = "c1", .life = 90 * DAY,
		.old_next = 60 * DAY, .new_next = -1, .is_outdated = true, .rule = "declaration",
		.text = "renewal starts now: the certificate is not as it is declared now" },
	{ "a reissue", .old_certificate = "c1", .new_certificate = "c1", .life = 90 * DAY, .old_next = 60 * DAY,
		.new_next = -1, .is_outdated = true, .is_reissued = true, .rule = "reissue",
		.text = "renewal starts now: a reissue of many certificates includes it" },
	{ "a reissue of one that is revoked", .old_certificate = "c1", .new_certificate = "c1", .life = 90 * DAY,
		.old_next = 60 * DAY, .new_next = -1, .is_outdated = true, .is_reissued = true, .is_revoked = true,
		.rule = "revoked", .text = "renewal starts now: the certificate is revoked, or to be revoked" },
	{ "somebody wants it", .old_certificate = "c1", .new_certificate = "c1", .life = 90 * DAY, .old_next = 60 * DAY,
		.new_next = -1, .rule = "operator", .text = "renewal starts now: it was requested" },
	{ "paused", .old_certificate = "c1", .new_certificate = "c1", .life = 90 * DAY, .old_next = 60 * DAY,
		.is_paused = true, .rule = "paused", .text = "nothing is renewed: it was paused" },
	{ "failed", .attempts = 2, .error = "connection refused", .old_next = -1, .new_next = 600, .rule = "backoff",
		.text = "2 failed in a row: connection refused; next attempt "
			"2027-01-15T08:10:00Z: the delay grows from "
			"a minute to a day, up to an eighth of the remaining lifetime" },
	{ "a name is paused", .attempts = 1, .error = "rateLimited: visit it",
		.unpause_url = "https://ca.test/unpause?j", .old_next = -1, .new_next = DAY, .retry = DAY,
		.rule = "paused-by-ca",
		.text = "1 failed in a row: the CA has paused a name, until a person ends that at "
			"https://ca.test/unpause?j; next attempt 2027-01-16T08:00:00Z: once a day" },
	{ "the CA says when", .attempts = 1, .error = "too many orders", .old_next = -1, .new_next = 2 * HOUR,
		.retry = HOUR, .rule = "rate-limit",
		.text = "1 failed in a row: too many orders; next attempt 2027-01-15T10:00:00Z: the CA allows the next "
			"order at 2027-01-15T09:00:00Z" },
	{ "issued, and the renewal waits", .new_certificate = "c1", .is_new = true, .life = 90 * DAY,
		.new_next = 61 * DAY, .windows = "02:00-05:00", .rule = "window",
		.text = "a certificate was issued; renewal at 2027-03-17T08:00:00Z: it is due at 2027-03-16T08:00:00Z, "
			"and waits for its window (02:00-05:00)" },
	{ "a fallback is next", .attempts = 3, .error = "connection refused", .old_next = -1, .new_next = 60,
		.provider_now = "p2", .provider_why = "provider 'a' has failed, so the next order goes to 'b'",
		.rule = "failover",
		.text = "provider 'a' has failed, so the next order goes to 'b': connection refused; next attempt "
			"2027-01-15T08:01:00Z" },
	{ "a rehearsal is next", .attempts = 3, .error = "no TXT record", .staging = "ca-staging", .old_next = -1,
		.new_next = 600, .rule = "rehearsal",
		.text = "3 failed in a row: no TXT record; next attempt 2027-01-15T08:10:00Z: it is rehearsed with "
			"provider 'ca-staging', and goes to the CA if that passes" },
	{ "the rehearsal is over", .old_next = -1, .new_next = -1, .is_rehearsed = true, .rule = "rehearsed",
		.text = "the order goes to the CA now: the rehearsal before it did not fail to validate" },
	{ "only its labels", .old_certificate = "c1", .new_certificate = "c1", .life = 90 * DAY, .old_next = 60 * DAY,
		.new_next = 60 * DAY },
};

static int64_t
at(int64_t relative)
{
	return relative ? now + relative : 0;
}

static void
fill(struct autocert *a, const struct situation *s, bool is_new)
{
	const char *certificate = is_new ? s->new_certificate : s->old_certificate;

	a->last_certificate = xstrdup_null(certificate);
	a->next_at = at(is_new ? s->new_next : s->old_next);
	a->last_not_before_at = certificate ? now - s->used : 0;
	a->last_not_after_at = certificate ? now - s->used + s->life : 0;
	if (!is_new && s->has_new_window)
		return;
	a->ari_start_at = at(s->ari_start);
	a->ari_end_at = at(s->ari_end);
	a->ari_pick_at = at(s->ari_pick);
	if (!is_new)
		return;
	a->provider_now = xstrdup_null(s->provider_now);
	a->provider_why = xstrdup_null(s->provider_why);
	a->is_paused = s->is_paused;
	a->is_outdated = s->is_outdated;
	a->unpause_url = xstrdup_null(s->unpause_url);
	a->reissue = s->is_reissued ? xstrdup("r1") : NULL;
	a->hold_why = xstrdup_null(s->hold);
	a->hold_at = s->hold ? a->next_at : 0;
	a->attempts = s->attempts;
	a->is_rehearsed = s->is_rehearsed;
	if (s->error) {
		error_set(&a->last_error, ERROR_NETWORK, "%s", s->error);
		a->last_error.retry_at = at(s->retry);
		a->last_attempt_at = now;
	}
}

Test(decision, each_situation_has_its_rule_and_its_words)
{
	for (size_t i = 0; i < ARRAY_SIZE(situations); i++) {
		const struct situation *s = &situations[i];
		_cleanup_decision_ struct decision d = { .rule = NULL };
		_cleanup_autocert_ struct autocert old = { 0 };
		_cleanup_autocert_ struct autocert new = { 0 };
		struct decision_in in = { .old = &old,
			.new = &new,
			.is_revoked = s->is_revoked,
			.windows = s->windows,
			.staging = s->staging,
			.now = now };
		bool is_decided;

		fill(&old, s, false);
		fill(&new, s, true);
		in.renewal = (struct renewal_in){
			.not_before_at = new.last_not_before_at,
			.not_after_at = new.last_not_after_at,
			.ari_pick_at = new.ari_pick_at,
			.issued_at = s->is_new ? now : 0,
			.hurried_at = at(s->hurried),
		};
		is_decided = decision_of_autocert(&in, &d);
		cr_expect_eq(is_decided, s->rule != NULL, "%s: %s", s->why, d.rule ? d.rule : "nothing");
		if (!is_decided || !s->rule)
			continue;
		cr_expect_str_eq(d.rule, s->rule, "%s: %s", s->why, d.rule);
		cr_expect_str_eq(d.text, s->text, "%s: %s", s->why, d.text);
		cr_expect(!d.is_state);
	}
}

Test(decision, a_rollout_has_a_decision_when_it_has_an_outcome)
{
	struct rollout_state r = { .certificate = xstrdup("c1") };
	struct decision d = { .rule = NULL };

	cr_expect(!decision_of_rollout(&r, &d), "it goes on");
	r.done_at = now;
	cr_assert(decision_of_rollout(&r, &d));
	cr_expect(d.is_state);
	cr_expect_str_eq(d.rule, "deployed");
	decision_clear(&d);
	r.rolled_back_at = now;
	error_set(&r.rolled_back_why, ERROR_HOOK, "the test failed");
	cr_assert(decision_of_rollout(&r, &d));
	cr_expect_str_eq(d.rule, "rolled-back");
	cr_expect_str_eq(d.text, "the earlier certificate was deployed again: the test failed");
	decision_clear(&d);
	r.attempts = 3;
	r.next_at = now + HOUR;
	error_set(&r.failure, ERROR_NO_SPACE, "the disk is full");
	cr_assert(decision_of_rollout(&r, &d));
	cr_expect_str_eq(d.rule, "deploy-retry");
	cr_expect_str_eq(d.text, "the files could not be written: the disk is full (3 in a row); next attempt "
				 "2027-01-15T09:00:00Z");
	decision_clear(&d);
	record_clear(&rollout_class, &r);
}

static const struct trace_item *
item_of(const struct trace *trace, size_t i)
{
	return (const struct trace_item *)trace->items.items + i;
}

static bool
add(struct trace *trace, const char *rule, const char *about, const char *text, bool is_state, int64_t when)
{
	struct decision d = { .rule = rule, .about = xstrdup(about), .text = xstrdup(text), .is_state = is_state };
	bool has_changed = trace_add(trace, &d, when);

	decision_clear(&d);
	return has_changed;
}

Test(decision, the_same_again_counts_and_the_same_state_changes_nothing)
{
	struct trace trace = { .items = { .items = NULL } };

	cr_expect(add(&trace, "backoff", "refused", "1 failed", false, 10));
	cr_expect(add(&trace, "backoff", "refused", "2 failed", false, 20));
	cr_assert_eq(trace.items.count, 1);
	cr_expect_eq(item_of(&trace, 0)->times, 2);
	cr_expect_eq(item_of(&trace, 0)->first_at, 10);
	cr_expect_eq(item_of(&trace, 0)->last_at, 20);
	cr_expect_str_eq(item_of(&trace, 0)->text, "2 failed");
	cr_expect(add(&trace, "backoff", "another cause", "3 failed", false, 30));
	cr_expect(add(&trace, "deployed", "c1", "done", true, 40));
	cr_expect(add(&trace, "ca-window", "c1", "renewal", false, 50));
	cr_expect(!add(&trace, "deployed", "c1", "done", true, 60), "a probe has saved the rollout again");
	cr_assert_eq(trace.items.count, 4);
	cr_expect_eq(item_of(&trace, 2)->last_at, 40);
	cr_expect(add(&trace, "deployed", "c2", "done", true, 70));
	for (int i = 0; i < 3 * TRACE_MOST; i++) {
		char about[16];

		snprintf(about, sizeof(about), "%d", i);
		cr_expect(add(&trace, "backoff", about, about, false, 100 + i));
	}
	cr_assert_eq(trace.items.count, TRACE_MOST);
	cr_expect_str_eq(item_of(&trace, TRACE_MOST - 1)->about, "59");
	cr_expect_str_eq(item_of(&trace, 0)->about, "40");
	record_clear(&trace_class, &trace);
}
