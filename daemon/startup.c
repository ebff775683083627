/*
 * The check of the drops. A slice is bounded, so that requests are answered meanwhile, however many drops there are. A
 * request to write one is settled when its row in the schedule is gone or was moved to a retry: written, failed once,
 * deleted meanwhile, or not requested because the store is full. None of these may hold up the start. Neither may a
 * disk that neither writes nor fails: when nothing is settled for a while, the start continues.
 */
#include "daemon/startup.h"

#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/base/notify.h"
#include "daemon/ready/ready.h"
#include "daemon/renew/expiry.h"
#include "daemon/rollout/rollout_check.h"
#include "daemon/rollout/subject.h"
#include "daemon/schedule/schedule.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* CHECKS_MAX: each holds a key. */
enum { CHECKS_MAX = 32, SLICE = 200, LOOK_MS = 100, CHECK_MS = 5, EXTEND_SEC = 60, STALL_MS = 30 * 1000 };

/* Files that are being compared. */
struct checking {
	struct startup *startup;
	char id[STORE_ID_SIZE];
	struct rollout_check *check;
	struct checking *prev, *next;
};

struct startup {
	struct startup_env env;
	struct loop_timer timer;
	struct buf after;       /* id of the subject whose rollout was checked last */
	struct strlist waiting; /* subjects whose drop is being written */
	size_t settled;         /* the number of settled ones, from the first on */
	int64_t asked_at;       /* the time of the last request */
	int64_t settled_ms;     /* when one of them was settled last; by the loop's clock */
	bool has_walked;
	struct checking *checks;
	size_t n_checks;
	startup_done_fn *done;
	void *arg;
};

void
startup_cancel(struct startup *s)
{
	struct checking *c, *tmp;

	if (!s)
		return;
	loop_timer_cancel(&s->timer);
	DL_FOREACH_SAFE(s->checks, c, tmp) {
		rollout_check_cancel(c->check);
		free(c);
	}
	buf_clear(&s->after);
	strlist_clear(&s->waiting);
	free(s);
}

/* Return: true when the drop on disk matches the rollout's record. */
static bool
drop_is_there(struct startup *s, const char *slug, const struct rollout_state *r)
{
	char on_disk[STORE_ID_SIZE];

	return drop_current(s->env.drops, slug, on_disk, NULL) == 1 &&
	       strcmp(on_disk, r->earlier ? r->earlier : r->certificate) == 0;
}

static void
startup_checked(bool is_rewritten, void *arg)
{
	struct checking *c = arg;
	struct startup *s = c->startup;

	if (is_rewritten && !s->env.is_repeated) {
		s->asked_at = loop_now(s->env.loop);
		strlist_add(&s->waiting, c->id);
	}
	s->settled_ms = clock_boot_ms(loop_clock(s->env.loop));
	DL_DELETE(s->checks, c);
	s->n_checks--;
	free(c);
}

static void
startup_check(struct startup *s, const char *id)
{
	struct checking *c = xcalloc(1, sizeof(*c));

	c->startup = s;
	memccpy(c->id, id, '\0', sizeof(c->id) - 1);
	c->check = rollout_check_start(s->env.rollout, id, !s->env.is_repeated, startup_checked, c);
	if (!c->check) {
		free(c);
		return;
	}
	DL_APPEND(s->checks, c);
	s->n_checks++;
}

/* Does a consumer have files in a directory of its own? */
static bool
has_directories(struct startup *s, const struct subject *subject)
{
	for (size_t i = 0; i < subject->consumers.count; i++) {
		_cleanup_consumer_ struct consumer c = { 0 };

		if (object_peek(s->env.store, &consumer_class, subject->consumers.items[i], &c, NULL) == 1 &&
			c.directory)
			return true;
	}
	return false;
}

static void
look_at_drop(struct startup *s, const char *id, const struct rollout_state *r)
{
	_cleanup_subject_ struct subject subject = { .type = NULL };

	if (s->env.is_repeated) {
		startup_check(s, id);
		return;
	}
	if (subject_load(s->env.store, id, &subject, NULL) != 1)
		return;
	if (drop_is_there(s, subject.slug, r)) {
		if (has_directories(s, &subject))
			startup_check(s, id);
		return;
	}
	s->asked_at = loop_now(s->env.loop);
	rollout_request_for(
		s->env.rollout, store_begin(s->env.store), id, &subject.consumers, r->certificate, s->asked_at);
	strlist_add(&s->waiting, id);
}

/* An earlier certd did not report the expiry of auto-certificates. */
static void
startup_expiry(struct startup *s, const char *id)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	struct schedule_row row;

	if (schedule_get(s->env.store, SCHEDULE_EXPIRY, id, &row, NULL) == 0 &&
		object_peek(s->env.store, &autocert_class, id, &a, NULL) == 1)
		expiry_schedule_autocert(s->env.store, store_begin(s->env.store), &a, loop_now(s->env.loop));
}

/* An earlier certd did not check whether the next renewal would succeed. */
static void
startup_ready(struct startup *s, const char *id)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	struct schedule_row row;

	if (schedule_get(s->env.store, SCHEDULE_READY, id, &row, NULL) == 0 &&
		object_peek(s->env.store, &autocert_class, id, &a, NULL) == 1 && a.last_certificate)
		ready_schedule(s->env.store, store_begin(s->env.store), id, loop_now(s->env.loop));
}

/* An unreadable record is skipped: its renewal reports it. */
static void
startup_look_at(struct startup *s, const char *id)
{
	_cleanup_rollout_state_ struct rollout_state r = { 0 };

	if (rollout_load(s->env.rollout, id, &r, NULL) == 1 && r.is_written)
		look_at_drop(s, id, &r);
	startup_expiry(s, id);
	startup_ready(s, id);
}

/* Rollouts, by the id of their subject. */
struct some {
	struct strlist ids;
	struct buf *last;
	size_t max;
};

static bool
startup_take_id(const void *key, size_t len, void *arg)
{
	struct some *some = arg;

	buf_reset(some->last);
	buf_add(some->last, key, len);
	strlist_add(&some->ids, buf_str(some->last));
	return some->ids.count < some->max;
}

/* Return: true when there may be more. */
static bool
look_at_some(struct startup *s)
{
	static const struct buf none = BUF_INIT;
	_cleanup_buf_ struct buf from = BUF_INIT;
	struct some some = { .ids = STRLIST_INIT, .last = &s->after };
	size_t room = s->n_checks < CHECKS_MAX ? CHECKS_MAX - s->n_checks : 0;
	int rc;

	some.max = s->env.is_repeated && room < SLICE ? room : SLICE;
	if (!some.max)
		return true;
	buf_add(&from, s->after.data, s->after.len);
	rc = store_walk_keys(s->env.store, STORE_ROLLOUT, &from, true, &none, startup_take_id, &some, NULL);
	for (size_t i = 0; i < some.ids.count; i++)
		startup_look_at(s, some.ids.items[i]);
	strlist_clear(&some.ids);
	return rc == 1;
}

/* If the store cannot be written, the outcome cannot be known: the scheduler keeps it and retries. */
static bool
is_settled(struct startup *s, const char *id)
{
	struct scheduler_stats stats;
	struct schedule_row row;

	scheduler_get_stats(s->env.scheduler, &stats);
	return stats.is_store_failing || schedule_get(s->env.store, SCHEDULE_DEPLOY, id, &row, NULL) != 1 ||
	       row.due_at > s->asked_at;
}

/* Return: true when there is nothing left to wait for. */
static bool
has_settled(struct startup *s)
{
	int64_t now_ms = clock_boot_ms(loop_clock(s->env.loop));
	size_t before = s->settled;

	while (s->settled < s->waiting.count && is_settled(s, s->waiting.items[s->settled]))
		s->settled++;
	if (!s->settled_ms || s->settled != before)
		s->settled_ms = now_ms;
	return (s->settled == s->waiting.count && !s->checks) || now_ms - s->settled_ms >= STALL_MS;
}

static void
startup_end(struct startup *s)
{
	startup_done_fn *done = s->done;
	void *arg = s->arg;
	size_t rewritten = s->waiting.count;

	if (!s->env.is_repeated)
		store_rest(s->env.store);
	startup_cancel(s);
	done(rewritten, arg);
}

static void
startup_slice(void *arg)
{
	struct startup *s = arg;
	bool had_walked = s->has_walked;

	if (!s->has_walked)
		s->has_walked = !look_at_some(s);
	/* The requests of this turn are in the schedule only when they are committed. */
	if (s->has_walked && ((!s->waiting.count && !s->checks) || (had_walked && has_settled(s)))) {
		startup_end(s);
		return;
	}
	if (!s->env.is_repeated)
		notify_extend_timeout(EXTEND_SEC);
	loop_timer_set(&s->timer, had_walked ? LOOK_MS : s->n_checks ? CHECK_MS : 0);
}

struct startup *
startup_begin(const struct startup_env *env, startup_done_fn *done, void *arg)
{
	struct startup *s = xcalloc(1, sizeof(*s));

	s->env = *env;
	s->done = done;
	s->arg = arg;
	loop_timer_init(&s->timer, env->loop, startup_slice, s);
	loop_timer_set(&s->timer, 0);
	return s;
}
