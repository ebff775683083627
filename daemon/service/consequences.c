/*
 * A record describes the wanted state, so the difference between two records describes the work. One function for each
 * class of records.
 */
#include "daemon/service/consequences.h"

#include "daemon/alert/alerts.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/ready/ready.h"
#include "daemon/renew/approval.h"
#include "daemon/renew/ari.h"
#include "daemon/renew/ct.h"
#include "daemon/renew/dane.h"
#include "daemon/renew/expiry.h"
#include "daemon/renew/persist.h"
#include "daemon/renew/purge.h"
#include "daemon/renew/rehearse.h"
#include "daemon/renew/revoke.h"
#include "daemon/renew/trace.h"
#include "daemon/renew/window.h"
#include "daemon/rollout/output.h"
#include "daemon/rollout/subject.h"
#include "daemon/rollout/withdraw.h"
#include "daemon/schedule/schedule.h"
#include "daemon/service/effect.h"

#include <string.h>

enum { SUBJECTS_MAX = 10000 };

/* The change of one record. */
struct step {
	const struct issue_env *env;
	struct store *store;
	struct store_txn *txn;
	int64_t now;
};

static bool
is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The rollout of @to's former owner is @to's from now on. Removes the files of consumers that only the former has. */
static void
take_over_rollout(const struct step *s, const struct withdraw_from *to, const struct strlist *consumers)
{
	_cleanup_rollout_state_ struct rollout_state before = { 0 };
	_cleanup_strlist_ struct strlist had = STRLIST_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	if (rollout_load(s->env->rollout, to->former_id, &before, &err) < 0)
		store_fail(s->txn, &err);
	for (size_t i = 0; i < before.targets.count; i++)
		strlist_add(&had, ((const struct rollout_target *)before.targets.items)[i].consumer);
	rollout_hand_over(s->env->rollout, s->txn, to->former_id, to->subject_id);
	withdraw_from_consumers(s->env->rollout, s->txn, to, &had, consumers, s->now);
}

/* --- auto-certificates --- */

/* Without a next date it is paused. */
static void
autocert_moved(const struct step *s, const struct autocert *a)
{
	if (a->next_at)
		schedule_set(s->store, s->txn, SCHEDULE_ISSUE, a->o.id, autocert_provider(a), a->next_at);
	else
		schedule_del(s->store, s->txn, SCHEDULE_ISSUE, a->o.id);
}

/* A certificate that is revoked is replaced at once. */
static bool
autocert_is_revoked(const struct step *s, const struct autocert *a)
{
	_cleanup_certificate_ struct certificate c = { 0 };

	return a->last_certificate && a->next_at && a->next_at <= s->now &&
	       object_peek(s->store, &certificate_class, a->last_certificate, &c, NULL) == 1 &&
	       (c.is_revoked || c.revoke_at);
}

static void
autocert_traced(const struct step *s, const struct autocert *old, const struct autocert *new)
{
	_cleanup_decision_ struct decision d = { .rule = NULL };
	_cleanup_free_ char *windows = new->next_at != old->next_at ? window_waits_for(s->env, new) : NULL;
	_cleanup_free_ char *staging = new->attempts > old->attempts ? rehearse_before(s->env, new, new->next_at)
								     : NULL;
	_cleanup_provider_ struct provider at = { 0 };
	const struct decision_in in = {
		.windows = windows,
		.staging = staging && object_peek(s->store, &provider_class, staging, &at, NULL) == 1 ? at.o.name
												      : NULL,
		.old = old,
		.new = new,
		.renewal = issue_renewal_in(s->env, new),
		.is_revoked = new->next_at != old->next_at &&autocert_is_revoked(s, new),
		.now = s->now,
	};

	if (decision_of_autocert(&in, &d))
		trace_store(s->store, s->txn, new->o.id, &d, s->now);
}

/* Imported certificates have a rollout too, and no trace. */
static void
rollout_traced(const struct step *s, const char *id)
{
	_cleanup_decision_ struct decision d = { .rule = NULL };
	_cleanup_buf_ struct buf autocert = BUF_INIT;
	_cleanup_rollout_state_ struct rollout_state state = { 0 };

	if (store_get(s->store, STORE_AUTOCERT, id, strlen(id), &autocert, NULL) == 1 &&
		rollout_load(s->env->rollout, id, &state, NULL) == 1 && decision_of_rollout(&state, &d))
		trace_store(s->store, s->txn, id, &d, s->now);
}

/* For its TLSA records. */
static bool
autocert_has_other_keys(const struct autocert *old, const struct autocert *new)
{
	return !strlist_equal(&old->tlsa_names, &new->tlsa_names) ||
	       (new->tlsa_names.count && (!is_same(old->last_certificate, new->last_certificate) ||
						 !is_same(autocert_key_algorithm(old), autocert_key_algorithm(new))));
}

static void
autocert_changed(const struct step *s, const struct autocert *old, const struct autocert *new)
{
	bool has_same_consumers = strlist_equal(&old->consumers, &new->consumers);
	bool has_same_files = has_same_consumers && is_same(new->last_certificate, old->last_certificate) &&
			      is_same(new->variant, old->variant); /* nginx.conf names the variant's */
	bool is_adopting = !old->o.id[0] && new->last_certificate;

	if (is_adopting)
		take_over_rollout(
			s, &(struct withdraw_from){ new->o.id, new->slug, new->last_certificate }, &new->consumers);
	if (new->next_at != old->next_at || !is_same(autocert_provider(new), autocert_provider(old)))
		autocert_moved(s, new);
	autocert_traced(s, old, new);
	if (new->is_paused != old->is_paused || new->last_not_after_at != old->last_not_after_at)
		expiry_schedule_autocert(s->store, s->txn, new, s->now);
	if (new->waiting_until_at != old->waiting_until_at)
		approval_schedule(s->store, s->txn, new);
	if (new->last_certificate && !is_same(new->last_certificate, old->last_certificate))
		ready_schedule(s->store, s->txn, new->o.id, s->now);
	if (!is_same(new->ari_id, old->ari_id))
		ari_schedule(s->store, s->txn, new, s->now);
	if (!strlist_equal(&new->standing, &old->standing))
		persist_schedule(s->store, s->txn, new, s->now);
	if (autocert_has_other_keys(old, new))
		dane_schedule(s->store, s->txn, new, s->now);
	if (!has_same_consumers)
		withdraw_from_consumers(s->env->rollout, s->txn, &(struct withdraw_from){ new->o.id, new->slug, NULL },
			&old->consumers, &new->consumers, s->now);
	if (new->last_certificate && !has_same_files)
		rollout_request(s->env->rollout, s->txn, new, new->last_certificate,
			has_same_consumers ? window_rollout_at(s->env, old, s->now) : s->now);
}

static void
autocert_deleted(const struct step *s, const struct autocert *a)
{
	schedule_del(s->store, s->txn, SCHEDULE_ISSUE, a->o.id);
	schedule_del(s->store, s->txn, SCHEDULE_ARI, a->o.id);
	schedule_del(s->store, s->txn, SCHEDULE_PERSIST, a->o.id);
	schedule_del(s->store, s->txn, SCHEDULE_DANE, a->o.id);
	schedule_del(s->store, s->txn, SCHEDULE_APPROVAL, a->o.id);
	schedule_del(s->store, s->txn, SCHEDULE_REHEARSE, a->o.id);
	ready_forget(s->store, s->txn, a->o.id);
	expiry_forget(s->store, s->txn, a->o.id);
	store_del(s->txn, STORE_ISSUE, a->o.id, strlen(a->o.id));
	trace_forget(s->txn, a->o.id);
	withdraw_all(s->env->rollout, s->txn, &(struct withdraw_from){ a->o.id, a->slug, NULL }, &a->consumers, s->now);
	rollout_forget(s->env->rollout, s->txn, a->o.id);
}

/* --- certificates --- */

/* Only an imported certificate that was not replaced has its own files (a slug), and an expiry that certd reports. */
static void
certificate_made(const struct step *s, const struct certificate *c)
{
	purge_schedule(s->env, s->txn, c);
	if (!c->slug)
		return;
	if (c->replaces)
		take_over_rollout(s, &(struct withdraw_from){ c->o.id, c->slug, c->replaces }, &c->consumers);
	expiry_schedule(s->store, s->txn, c);
	rollout_request_for(s->env->rollout, s->txn, c->o.id, &c->consumers, c->o.id, s->now);
}

static void
certificate_changed(const struct step *s, const struct certificate *old, const struct certificate *new)
{
	if (new->revoke_at != old->revoke_at)
		revoke_schedule(s->store, s->txn, new);
	if (!old->slug && new->slug) {
		certificate_made(s, new);
		return;
	}
	if (old->slug && !new->slug) {
		expiry_forget(s->store, s->txn, new->o.id);
		purge_schedule(s->env, s->txn, new); /* while it was deployed the row had no effect */
	}
	if (!new->slug || strlist_equal(&old->consumers, &new->consumers))
		return;
	withdraw_from_consumers(s->env->rollout, s->txn, &(struct withdraw_from){ new->o.id, new->slug, NULL },
		&old->consumers, &new->consumers, s->now);
	rollout_request_for(s->env->rollout, s->txn, new->o.id, &new->consumers, new->o.id, s->now);
}

static void
certificate_deleted(const struct step *s, const struct certificate *c)
{
	schedule_del(s->store, s->txn, SCHEDULE_PURGE, c->o.id);
	schedule_del(s->store, s->txn, SCHEDULE_REVOKE, c->o.id);
	expiry_forget(s->store, s->txn, c->o.id);
	ct_note_deleted(s->env, s->txn, c);
	if (!c->slug)
		return;
	withdraw_all(s->env->rollout, s->txn, &(struct withdraw_from){ c->o.id, c->slug, NULL }, &c->consumers, s->now);
	rollout_forget(s->env->rollout, s->txn, c->o.id);
}

/* --- consumers --- */

/* @left: the consumer's previous directory; or NULL. */
static void
subject_to_consumer(const struct step *s, const char *subject_id, const char *left)
{
	_cleanup_subject_ struct subject subject = { .type = NULL };
	_cleanup_error_ struct error err = ERROR_INIT;
	int found = subject_load(s->store, subject_id, &subject, &err);

	if (found < 0)
		store_fail(s->txn, &err);
	if (found != 1 || !subject.certificate)
		return;
	if (left)
		withdraw_from_directory(s->env->rollout, s->txn,
			&(struct withdraw_from){ subject.id, subject.slug, NULL }, left, s->now);
	rollout_request_for(s->env->rollout, s->txn, subject.id, &subject.consumers, subject.certificate, s->now);
}

/*
 * The directory with certd's own file names. Declared files are not removed here: the rollout that follows does that.
 */
static const char *
own_directory(const struct consumer *c)
{
	return output_are_declared(c) ? NULL : c->directory;
}

/* Rolls out to it what it currently has. */
static void
consumer_changed(const struct step *s, const struct consumer *old, const struct consumer *new)
{
	_cleanup_effect_ struct effect effect = { 0 };
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	const char *left = is_same(own_directory(old), own_directory(new)) ? NULL : own_directory(old);

	effect_of(API_CONSUMER, &consumer_class, old, new, &effect);
	if (effect.action != EFFECT_REDEPLOY)
		return;
	if (subjects_of_consumer(s->store, new->o.id, SUBJECTS_MAX, &ids, &err) < 0)
		store_fail(s->txn, &err);
	for (size_t i = 0; i < ids.count; i++)
		subject_to_consumer(s, ids.items[i], left);
}

/* --- providers and authorizations --- */

/* One of an earlier certd has a row and no next date. */
static void
provider_saved(const struct step *s, const struct provider *p)
{
	if (p->o.state == OBJECT_AVAILABLE)
		schedule_del(s->store, s->txn, SCHEDULE_ACCOUNT, p->o.id);
	else if (p->next_at)
		schedule_set(s->store, s->txn, SCHEDULE_ACCOUNT, p->o.id, "", p->next_at);
}

static void
authorization_saved(const struct step *s, const struct authorization *a)
{
	if (a->next_at)
		schedule_set(s->store, s->txn, SCHEDULE_AUTHORIZE, a->o.id, a->provider, a->next_at);
}

/* --- what an operator must know of --- */

static void
look_again(const struct step *s, enum store_db db, const void *old, const void *new)
{
	const void *record = new ? new : old;

	if (db == STORE_ALERT)
		alerts_destination_changed(s->env->alerts, s->txn, old, new);
	else if (db == STORE_ROLLOUT || db == STORE_READY || db == STORE_CT)
		alerts_look(s->env->alerts, s->txn, record);
	else if (db == STORE_AUTOCERT || db == STORE_CERTIFICATE || db == STORE_PROVIDER)
		alerts_look(s->env->alerts, s->txn, ((const struct object *)record)->id);
}

/* --- all --- */

void
consequences_of(const struct issue_env *env, struct store_txn *txn, enum store_db db, const void *old, const void *new)
{
	static const struct autocert no_autocert;
	const struct step s = { env, env->store, txn, clock_wall(loop_clock(env->loop)) };

	if (db == STORE_AUTOCERT && new)
		autocert_changed(&s, old ? old : &no_autocert, new);
	else if (db == STORE_AUTOCERT)
		autocert_deleted(&s, old);
	else if (db == STORE_CERTIFICATE && !old)
		certificate_made(&s, new);
	else if (db == STORE_CERTIFICATE && new)
		certificate_changed(&s, old, new);
	else if (db == STORE_CERTIFICATE)
		certificate_deleted(&s, old);
	else if (db == STORE_CONSUMER && old && new)
		consumer_changed(&s, old, new);
	else if (db == STORE_PROVIDER && new)
		provider_saved(&s, new);
	else if (db == STORE_PROVIDER)
		schedule_del(s.store, txn, SCHEDULE_ACCOUNT, ((const struct object *)old)->id);
	else if (db == STORE_AUTHZ && new)
		authorization_saved(&s, new);
	else if (db == STORE_AUTHZ)
		schedule_del(s.store, txn, SCHEDULE_AUTHORIZE, ((const struct object *)old)->id);
	if (db == STORE_ROLLOUT && new)
		rollout_traced(&s, new);
	look_again(&s, db, old, new);
}

static void
consequences_watched(struct store_txn *txn, enum store_db db, const void *old, const void *new, void *env)
{
	consequences_of(env, txn, db, old, new);
}

void
consequences_watch(struct issue_env *env)
{
	static const enum store_db dbs[] = { STORE_AUTOCERT, STORE_CERTIFICATE, STORE_CONSUMER, STORE_PROVIDER,
		STORE_AUTHZ, STORE_ROLLOUT, STORE_READY, STORE_CT, STORE_ALERT };

	for (size_t i = 0; i < ARRAY_SIZE(dbs); i++)
		store_watch(env->store, dbs[i], consequences_watched, env);
}
