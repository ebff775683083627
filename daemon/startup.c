/* The pass over the drops. A slice is bounded, so that requests are answered in between however many there are. */
#include "daemon/startup.h"

#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/base/notify.h"
#include "daemon/store/schedule.h"

#include <stdlib.h>
#include <string.h>

enum { SLICE = 200, EXTEND_SEC = 60 };

struct startup {
	struct startup_env env;
	struct loop_timer timer;
	char after[STORE_ID_SIZE];
	struct strlist waiting; /* auto-certificates whose drop is being written */
	size_t rewritten;
	size_t settled;
	bool walked;
	struct event_subscription *subscription;
	startup_done_fn *done;
	void *arg;
};

void
startup_cancel(struct startup *s)
{
	if (!s)
		return;
	loop_timer_cancel(&s->timer);
	events_unsubscribe(s->subscription);
	strlist_clear(&s->waiting);
	free(s);
}

static void
end_if_settled(struct startup *s)
{
	startup_done_fn *done = s->done;
	void *arg = s->arg;
	size_t rewritten = s->rewritten;

	if (!s->walked || s->settled < s->rewritten)
		return;
	startup_cancel(s);
	done(rewritten, arg);
}

/* Written, or failed once: both are known, and a failure has its own retry. */
static void
event_seen(struct json_object *event, void *arg)
{
	struct startup *s = arg;
	struct json_object *object = NULL;
	const char *kind = NULL, *id = NULL;
	enum event_kind k;

	if (json_get_string(event, "kind", &kind, NULL) != 1 || !event_kind_find(kind, &k) ||
		(k != EVENT_DEPLOY_DONE && k != EVENT_DEPLOY_FAILED))
		return;
	if (json_get_object(event, "object", &object, NULL) != 1 ||
		json_get_string(object, "id", &id, NULL) != 1 || !strlist_has(&s->waiting, id))
		return;
	s->settled++;
	if (s->walked)
		loop_timer_set(&s->timer, 0);
}

/* Return: true when the drop on disk is what the rollout says was written. */
static bool
drop_is_there(struct startup *s, const struct autocert *a, const struct rollout_state *r)
{
	char on_disk[STORE_ID_SIZE];

	return drop_current(s->env.drops, a->slug, on_disk, NULL) == 1 &&
	       strcmp(on_disk, r->certificate) == 0;
}

static void
look_at(struct startup *s, const struct autocert *a)
{
	struct rollout_state r = { 0 };
	struct store_txn *txn;

	if (rollout_load(s->env.rollout, a->o.id, &r, NULL) == 1 && r.written && !drop_is_there(s, a, &r)) {
		txn = store_begin(s->env.store);
		rollout_request(s->env.rollout, txn, a, r.certificate, clock_wall(loop_clock(s->env.loop)));
		strlist_add(&s->waiting, a->o.id);
		s->rewritten++;
		scheduler_kick(s->env.scheduler);
	}
	record_clear(&rollout_class, &r);
}

static void
slice(void *arg)
{
	struct startup *s = arg;
	struct autocert a = { 0 };
	int found = 1;

	if (!s->walked) {
		for (int i = 0; i < SLICE && found == 1; i++) {
			found = object_next(s->env.store, &autocert_class, s->after, &a, NULL);
			if (found != 1)
				break;
			memcpy(s->after, a.o.id, sizeof(s->after));
			look_at(s, &a);
		}
		autocert_clear(&a);
		s->walked = found != 1;
		notify_extend_timeout(EXTEND_SEC);
	}
	if (!s->walked)
		loop_timer_set(&s->timer, 0);
	else
		end_if_settled(s);
}

struct startup *
startup_begin(const struct startup_env *env, startup_done_fn *done, void *arg)
{
	struct startup *s = xcalloc(1, sizeof(*s));

	s->env = *env;
	s->done = done;
	s->arg = arg;
	s->subscription = events_subscribe(env->events, NULL, event_seen, s);
	loop_timer_init(&s->timer, env->loop, slice, s);
	loop_timer_set(&s->timer, 0);
	return s;
}
