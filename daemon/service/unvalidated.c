/*
 * Whether a name can be validated depends on listeners, webroots and all DNS providers, so it is not stored with the
 * object. Monitoring asks often: the result is kept for some seconds while nothing changes.
 */
#include "daemon/service/unvalidated.h"

#include "daemon/base/clock.h"
#include "daemon/base/loop.h"

#include <stdlib.h>
#include <string.h>

enum { LOOKS = 500, KEPT_MS = 10 * 1000 };

struct unvalidated_count {
	size_t count;
	char *first; /* name; NULL: none */
};

struct unvalidated {
	struct unvalidated_count walk, shown; /* under way; of the last complete walk */
	char after[STORE_ID_SIZE];            /* the walk continues there; "": it begins */
	uint64_t commits;                     /* at which the last walk began */
	int64_t walked_ms;                    /* when it was complete; 0: it is not */
};

static void
unvalidated_clear(struct unvalidated_count *count)
{
	free(count->first);
	*count = (struct unvalidated_count){ .count = 0 };
}

static void
unvalidated_free(void *arg)
{
	struct unvalidated *u = arg;

	unvalidated_clear(&u->walk);
	unvalidated_clear(&u->shown);
	free(u);
}

static void
unvalidated_look_at(struct service *s, struct unvalidated_count *count, const struct autocert *a)
{
	if (a->is_paused || solver_can_validate(s->solver, a, NULL))
		return;
	if (!count->count++)
		str_replace(&count->first, a->o.name);
}

/* Return: whether the walk is complete. */
static bool
unvalidated_walk(struct service *s, struct unvalidated *u)
{
	for (size_t n = 0; n < LOOKS; n++) {
		_cleanup_autocert_ struct autocert a = { 0 };

		if (object_next_peek(s->store, &autocert_class, u->after, &a, NULL) != 1) {
			unvalidated_clear(&u->shown);
			u->shown = u->walk;
			u->walk = (struct unvalidated_count){ .count = 0 };
			u->after[0] = '\0';
			return true;
		}
		memcpy(u->after, a.o.id, sizeof(u->after));
		unvalidated_look_at(s, &u->walk, &a);
	}
	return false;
}

static void
unvalidated_update(struct service *s, struct unvalidated *u)
{
	int64_t now_ms = clock_boot_ms(loop_clock(s->loop));
	struct store_stats stats;

	store_get_stats(s->store, &stats);
	if (u->walked_ms && u->commits == stats.commits && now_ms - u->walked_ms < KEPT_MS)
		return;
	if (!u->after[0])
		u->commits = stats.commits;
	u->walked_ms = unvalidated_walk(s, u) ? now_ms : 0;
}

char *
unvalidated_warning(struct service *s)
{
	const struct unvalidated_count *found;

	if (!s->unvalidated) {
		s->unvalidated = xcalloc(1, sizeof(*s->unvalidated));
		loop_at_free(s->loop, unvalidated_free, s->unvalidated);
	}
	unvalidated_update(s, s->unvalidated);
	/* The first walk of many auto-certificates is not complete, but says that there are some. */
	found = s->unvalidated->shown.count ? &s->unvalidated->shown : &s->unvalidated->walk;
	if (!found->count)
		return NULL;
	return xasprintf(
		"%zu auto-certificate%s no way to be validated and will not be renewed: '%s'%s; certctl explain "
		"'%s' says what to do",
		found->count, found->count == 1 ? " has" : "s have", found->first,
		found->count == 1 ? "" : " and others", found->first);
}
