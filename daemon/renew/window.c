#include "daemon/renew/window.h"

#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/schedule/schedule.h"

#include <stdlib.h>

static int
window_check_list(const char *property, const struct strlist *texts, bool is_freeze, struct error *err)
{
	if (texts->count > CALENDAR_ITEMS_MAX) {
		_cleanup_free_ char *field = xasprintf("properties.%s", property);

		return error_set_field(err, field, "has more than %d items", CALENDAR_ITEMS_MAX);
	}
	for (size_t i = 0; i < texts->count; i++) {
		_cleanup_free_ char *field = xasprintf("properties.%s[%zu]", property, i);
		_cleanup_error_ struct error why = ERROR_INIT;
		struct calendar_item item = { .weekdays = 0 };
		int rc = is_freeze ? calendar_parse_freeze(texts->items[i], &item, &why)
				   : calendar_parse_window(texts->items[i], &item, &why);

		if (rc < 0)
			return error_set_field(err, field, "%s", why.message);
		calendar_item_clear(&item);
	}
	return 0;
}

int
window_check(const struct strlist *issue_windows, const struct strlist *rollout_windows, const struct strlist *freezes,
	struct error *err)
{
	if (window_check_list("issueWindows", issue_windows, false, err) < 0 ||
		window_check_list("rolloutWindows", rollout_windows, false, err) < 0)
		return -1;
	return window_check_list("freezes", freezes, true, err);
}

/* Its own, else its provider's. */
static const struct strlist *
window_list(const struct autocert *a, const struct provider *p, enum window_kind kind)
{
	const struct strlist *own = kind == WINDOW_ISSUE ? &a->issue_windows : &a->rollout_windows;

	if (own->count)
		return own;
	return kind == WINDOW_ISSUE ? &p->issue_windows : &p->rollout_windows;
}

bool
window_read(const struct autocert *a, const struct provider *p, enum window_kind kind, struct calendar *ret)
{
	*ret = (struct calendar){ .windows = NULL };
	calendar_add_windows(ret, window_list(a, p, kind), NULL);
	calendar_add_freezes(ret, &a->freezes, NULL);
	calendar_add_freezes(ret, &p->freezes, NULL);
	return ret->n_windows || ret->n_freezes;
}

char *
window_text(const struct autocert *a, const struct provider *p, enum window_kind kind)
{
	_cleanup_strlist_ struct strlist texts = STRLIST_INIT;
	const struct strlist *freezes[] = { &a->freezes, &p->freezes };

	strlist_copy(&texts, window_list(a, p, kind));
	for (size_t i = 0; i < ARRAY_SIZE(freezes); i++)
		for (size_t k = 0; k < freezes[i]->count; k++)
			strlist_take(&texts, xasprintf("not %s", freezes[i]->items[k]));
	return texts.count ? strlist_join(&texts, "; ") : NULL;
}

int64_t
window_due(const struct calendar *calendar, int64_t at, int64_t latest, uint64_t seed)
{
	int64_t allowed = calendar_spread(calendar, at, seed);

	if (allowed <= latest)
		return allowed;
	return latest > at ? latest : at;
}

/* The emergency limit of renewal_due(). */
static int64_t
window_latest(const struct autocert *a)
{
	return time_add(a->last_not_after_at, -((a->last_not_after_at - a->last_not_before_at) / 20));
}

static bool
window_is_revoked(const struct issue_env *env, const char *certificate_id)
{
	_cleanup_certificate_ struct certificate c = { 0 };

	return object_peek(env->store, &certificate_class, certificate_id, &c, NULL) != 1 || c.is_revoked ||
	       c.revoke_at;
}

/* Return: whether it has to wait for @ret: there is a certificate in use that need not be replaced at once. */
static bool
window_load(const struct issue_env *env, const struct autocert *a, enum window_kind kind, struct calendar *ret)
{
	_cleanup_provider_ struct provider p = { 0 };

	if (!a->last_certificate || a->is_outdated || a->skips_windows)
		return false;
	object_peek(env->store, &provider_class, a->provider, &p, NULL);
	return window_read(a, &p, kind, ret) && !window_is_revoked(env, a->last_certificate);
}

int64_t
window_issue_at(const struct issue_env *env, const struct autocert *a, int64_t at)
{
	_cleanup_calendar_ struct calendar calendar = { .windows = NULL };
	int64_t latest = window_latest(a), now = clock_wall(loop_clock(env->loop)), sooner;
	uint64_t seed = schedule_seed(a->o.id);

	if (!window_load(env, a, WINDOW_ISSUE, &calendar))
		return at;
	if (a->ari_pick_at <= 0)
		return window_due(&calendar, at, latest, seed);
	/* The CA's window: a time in both, also before the one that was chosen. Over means now. */
	if (a->ari_end_at < latest)
		latest = a->ari_end_at;
	sooner = calendar_spread(&calendar, a->ari_start_at > now ? a->ari_start_at : now, seed);
	if (calendar_spread(&calendar, at, seed) > latest && sooner <= latest)
		return sooner;
	return window_due(&calendar, at, latest, seed);
}

int64_t
window_rollout_at(const struct issue_env *env, const struct autocert *old, int64_t now)
{
	_cleanup_calendar_ struct calendar calendar = { .windows = NULL };

	if (old->waiting_certificate || !window_load(env, old, WINDOW_ROLLOUT, &calendar))
		return now;
	return window_due(&calendar, now, window_latest(old), schedule_seed(old->o.id));
}

char *
window_waits_for(const struct issue_env *env, const struct autocert *a)
{
	const struct renewal_in in = issue_renewal_in(env, a);
	_cleanup_provider_ struct provider p = { 0 };

	if (!a->last_certificate || a->is_outdated || a->attempts > 0 || a->next_at == a->hold_at ||
		a->next_at <= clock_wall(loop_clock(env->loop)) || a->next_at == renewal_due(&in))
		return NULL;
	object_peek(env->store, &provider_class, a->provider, &p, NULL);
	return window_text(a, &p, WINDOW_ISSUE);
}
