/*
 * What a rollout does next and when: functions of its record and the time. The steps themselves are in the table of
 * rollout.c.
 */
#include "daemon/rollout/rollout_private.h"

#include "common/retry.h"
#include "common/timefmt.h"

#include <string.h>

enum {
	/* "Attempts" after which common/retry waits for an hour and for a day, with jitter. */
	HOURLY = 5,
	DAILY = 4,
	HELPLESS = ROLLOUT_PROBE_GRACE + 4, /* probes after which one that does not answer is stuck: in 8 minutes */
};

bool
rollout_target_is_served(const struct rollout_target *t)
{
	return t->served && strcmp(t->served, "served") == 0;
}

static bool
is_activated(const struct rollout_target *t)
{
	return t->step >= ROLLOUT_ACTIVATED;
}

static int64_t
earlier_of(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* When the row of @kind has work for the target; 0: never. Somebody may ask for a probe before it is activated. */
static int64_t
target_due_at(const struct rollout_target *t, enum schedule_kind kind)
{
	if (kind == SCHEDULE_DEPLOY)
		return is_activated(t) ? 0 : t->next_at ? t->next_at : 1;
	return is_activated(t) ? t->next_at : t->is_asked;
}

static int64_t
first_due_at(const struct rollout_state *s, enum schedule_kind kind)
{
	int64_t due_at = 0;

	for (size_t i = 0; i < s->targets.count; i++)
		due_at = earlier_of(due_at, target_due_at(rollout_target_at(s, i), kind));
	return due_at;
}

int64_t
rollout_deploy_at(const struct rollout_state *s)
{
	int64_t write_at = s->is_written ? 0 : s->next_at ? s->next_at : 1;

	return earlier_of(write_at, first_due_at(s, SCHEDULE_DEPLOY));
}

int64_t
rollout_probe_at(const struct rollout_state *s)
{
	return first_due_at(s, SCHEDULE_PROBE);
}

bool
rollout_target_is_due(const struct rollout_target *t, enum schedule_kind kind, int64_t now)
{
	int64_t due_at = target_due_at(t, kind);

	return due_at != 0 && due_at <= now;
}

const char *
rollout_certificate_of(const struct rollout_state *s, const struct rollout_target *t)
{
	const char *earlier = t ? t->earlier : s->earlier;

	return earlier ? earlier : s->certificate;
}

bool
rollout_is_deployed(const struct rollout_state *s)
{
	bool is_deployed = s->is_written;

	for (size_t i = 0; i < s->targets.count; i++)
		is_deployed = is_deployed && is_activated(rollout_target_at(s, i));
	return is_deployed;
}

bool
rollout_is_resolved(const struct rollout_state *s)
{
	bool is_resolved = s->rolled_back_at && !s->earlier && rollout_is_deployed(s);

	for (size_t i = 0; i < s->targets.count; i++) {
		const struct rollout_target *t = rollout_target_at(s, i);

		is_resolved = is_resolved && !t->earlier && (t->step == ROLLOUT_SERVED || t->next_at == 0);
	}
	return is_resolved;
}

bool
rollout_may_roll_back(const struct rollout_target *t)
{
	return !t->earlier && !t->served_at && (t->is_stuck || t->attempts >= ROLLOUT_ATTEMPTS);
}

void
rollout_target_failed(struct rollout_target *t, const struct error *why, int64_t retry_at)
{
	t->attempts++;
	t->next_at = retry_at;
	error_copy(&t->failure, why);
}

void
rollout_target_advance(struct rollout_target *t, enum rollout_step step, int64_t probe_at)
{
	t->step = step;
	t->attempts = 0;
	t->next_at = probe_at;
	error_clear(&t->failure);
	if (step == ROLLOUT_ACTIVATED)
		t->probes = 0;
	if (step == ROLLOUT_ACTIVATED && t->earlier && probe_at == 0)
		t->step = ROLLOUT_ROLLED_BACK;
}

/*
 * What is served today may be something else tomorrow: a server restarted with an old configuration, a node put back
 * from a backup. After trouble that lasted, certd looks sooner.
 */
static int64_t
next_probe_at(const struct rollout_target *t, bool is_served, int64_t now, const char *id)
{
	if (is_served)
		return t->is_unserved ? retry_at(RETRY_LOCAL, now, HOURLY, id) : retry_at(RETRY_REMOTE, now, DAILY, id);
	if (t->probes < ROLLOUT_PROBE_GRACE)
		return time_add(now, ROLLOUT_SETTLE_SEC);
	return retry_at(RETRY_LOCAL, now, t->probes - ROLLOUT_PROBE_GRACE + 1, id);
}

/*
 * Another certificate is served: the notification was lost, or came before the server could act on it. By then the
 * counter of generations is another one, for units that reload a server once for each.
 */
static void
activate_again(struct rollout_target *t, int64_t now, const char *id)
{
	t->step = ROLLOUT_WRITTEN;
	t->next_at = t->activations ? retry_at(RETRY_LOCAL, now, t->activations, id)
				    : time_add(now, ROLLOUT_SETTLE_SEC);
	t->activations++;
}

/* Return: true when it is now stuck. */
static bool
note_unserved(struct rollout_target *t, bool has_settled, int64_t now, const char *id)
{
	/* A reload neither starts a server nor makes a certificate valid. */
	bool may_help = strcmp(t->served, "unreachable") != 0 && strcmp(t->served, "not valid") != 0;
	bool is_stuck = t->is_stuck;

	t->is_unserved = t->is_unserved || has_settled;
	if (may_help && has_settled && t->activations < ROLLOUT_ACTIVATIONS)
		activate_again(t, now, id);
	else
		t->is_stuck = t->is_stuck || (may_help ? has_settled : t->probes >= HELPLESS);
	return t->is_stuck && !is_stuck;
}

static void
note_served(struct rollout_target *t, int64_t now)
{
	t->is_unserved = t->is_stuck = t->is_asked = false;
	t->activations = t->probes = 0;
	if (!t->served_at)
		t->served_at = now;
}

bool
rollout_target_probed(
	struct rollout_target *t, const char *served, const struct error *why, int64_t now, const char *id)
{
	bool is_served = strcmp(served, "served") == 0;
	bool has_settled = t->probes >= ROLLOUT_PROBE_GRACE;

	str_replace(&t->served, served);
	t->probed_at = now;
	/* Somebody asked. One that is to be activated again may have recovered; others follow their own rules. */
	if (!is_activated(t) && !(t->activations && is_served)) {
		t->is_asked = false;
		return false;
	}
	error_copy(&t->failure, why);
	t->step = !is_served ? ROLLOUT_PROBED : t->earlier ? ROLLOUT_ROLLED_BACK : ROLLOUT_SERVED;
	t->next_at = next_probe_at(t, is_served, now, id);
	t->probes++;
	t->is_asked = t->is_asked && !has_settled;
	if (!is_served)
		return note_unserved(t, has_settled, now, id);
	note_served(t, now);
	return false;
}
