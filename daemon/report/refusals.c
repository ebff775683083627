/*
 * One entry for each caller that was refused recently, with the pause until its next event. A caller without a refusal
 * for a whole pause is forgotten. Beyond a number of callers, all others share one entry: an attacker may have many
 * names.
 */
#include "daemon/report/refusals.h"

#include "daemon/base/loop.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { CALLERS_MAX = 32 };

static const char others[] = "other callers";

struct caller {
	struct refusals *refusals;
	char *who;
	struct loop_timer timer; /* the end of the pause */
	size_t pause;            /* index into pauses_ms */
	uint64_t count;          /* not reported yet */
	struct error last;       /* of them */
	struct caller *prev, *next;
};

struct refusals {
	struct loop *loop;
	struct events *events;
	struct caller *callers;
	unsigned n_callers;
};

static const int64_t pauses_ms[] = { 60 * 1000, 600 * 1000, 3600 * 1000 };

struct refusals *
refusals_new(struct loop *loop, struct events *events)
{
	struct refusals *r = xcalloc(1, sizeof(*r));

	r->loop = loop;
	r->events = events;
	return r;
}

static void
caller_free(struct caller *c)
{
	DL_DELETE(c->refusals->callers, c);
	c->refusals->n_callers--;
	loop_timer_cancel(&c->timer);
	error_clear(&c->last);
	free(c->who);
	free(c);
}

static void
tell_counted(struct caller *c)
{
	if (c->count == 1)
		event_emit_error(c->refusals->events, NULL, EVENT_ACCESS_DENIED, NULL, &c->last, "%s", c->last.message);
	else if (c->count)
		event_emit_error(c->refusals->events, NULL, EVENT_ACCESS_DENIED, NULL, &c->last,
			"%s: %llu more calls were refused; the last one: %s", c->who, (unsigned long long)c->count,
			c->last.message);
	c->count = 0;
}

static void
pause_over(void *arg)
{
	struct caller *c = arg;

	if (!c->count) {
		caller_free(c);
		return;
	}
	tell_counted(c);
	if (c->pause + 1 < ARRAY_SIZE(pauses_ms))
		c->pause++;
	loop_timer_set(&c->timer, pauses_ms[c->pause]);
}

static struct caller *
caller_find(struct refusals *r, const char *who)
{
	struct caller *c;

	DL_FOREACH(r->callers, c) {
		if (strcmp(c->who, who) == 0)
			return c;
	}
	return NULL;
}

static void
caller_add(struct refusals *r, const char *who)
{
	struct caller *c = xcalloc(1, sizeof(*c));

	c->refusals = r;
	c->who = xstrdup(who);
	loop_timer_init(&c->timer, r->loop, pause_over, c);
	loop_timer_set(&c->timer, pauses_ms[0]);
	DL_APPEND(r->callers, c);
	r->n_callers++;
}

void
refusals_note(struct refusals *r, const char *who, const struct error *err)
{
	struct caller *c = caller_find(r, who);

	if (!c && r->n_callers >= CALLERS_MAX) {
		who = others;
		c = caller_find(r, who);
	}
	if (c) {
		c->count++;
		error_copy(&c->last, err);
		return;
	}
	event_emit_error(r->events, NULL, EVENT_ACCESS_DENIED, NULL, err, "%s", err->message);
	caller_add(r, who);
}

void
refusals_free(struct refusals *r)
{
	struct caller *c, *tmp;

	if (!r)
		return;
	DL_FOREACH_SAFE(r->callers, c, tmp) {
		tell_counted(c);
		caller_free(c);
	}
	free(r);
}
