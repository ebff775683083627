/* time_guard_is_sane() is the rule; the rest is its memory. */
#include "daemon/schedule/time_guard.h"

#include "common/timefmt.h"
#include "daemon/base/loop.h"
#include "daemon/report/events.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { DAY = 24 * 3600, SAVE_EVERY_SEC = 6 * 3600, PATIENCE_MS = 3600 * 1000 };

static const char KEY[] = "last-seen";

struct time_guard {
	struct scheduler_config config;
	int64_t last_seen_at; /* as stored */
	bool is_waiting;
	struct loop_timer patience; /* armed while waiting */
	void (*patience_over)(void *arg);
	void *arg;
};

static void
on_patience(void *arg)
{
	struct time_guard *g = arg;

	time_guard_forget(g);
	g->patience_over(g->arg);
}

struct time_guard *
time_guard_new(const struct scheduler_config *config, void (*patience_over)(void *arg), void *arg)
{
	struct time_guard *g = xcalloc(1, sizeof(*g));
	_cleanup_buf_ struct buf value = BUF_INIT;
	uint64_t be;

	g->config = *config;
	g->patience_over = patience_over;
	g->arg = arg;
	loop_timer_init(&g->patience, config->loop, on_patience, g);
	if (store_get(config->store, STORE_META, KEY, sizeof(KEY) - 1, &value, NULL) == 1 && value.len == sizeof(be)) {
		memcpy(&be, value.data, sizeof(be));
		g->last_seen_at = (int64_t)be64toh(be);
	}
	return g;
}

void
time_guard_free(struct time_guard *g)
{
	if (!g)
		return;
	loop_timer_cancel(&g->patience);
	free(g);
}

void
time_guard_forget(struct time_guard *g)
{
	g->last_seen_at = 0;
}

bool
time_guard_was_ahead(const struct time_guard *g, int64_t now)
{
	return g->last_seen_at > now;
}

bool
time_guard_is_waiting(const struct time_guard *g)
{
	return g->is_waiting;
}

static void
time_guard_remember(struct time_guard *g, int64_t now)
{
	uint64_t be = htobe64((uint64_t)now);

	if (now >= g->last_seen_at && now - g->last_seen_at < SAVE_EVERY_SEC)
		return;
	store_put(store_begin(g->config.store), STORE_META, KEY, sizeof(KEY) - 1, &be, sizeof(be));
	g->last_seen_at = now;
}

static void
time_guard_say(struct time_guard *g, int64_t now, bool is_sane)
{
	char text[TIME_RFC3339_SIZE];

	if (g->is_waiting == !is_sane)
		return;
	g->is_waiting = !is_sane;
	if (is_sane)
		loop_timer_cancel(&g->patience);
	else
		loop_timer_set(&g->patience, PATIENCE_MS);
	time_format_rfc3339(now, text);
	event_emit(g->config.events, NULL, EVENT_CLOCK_CHANGED, NULL, NULL,
		is_sane ? "the clock says %s: resuming normal work"
			: "the clock says %s, which is before the last recorded time: renewals wait for an hour, or "
			  "until the clock is set",
		text);
}

/* now >= max(build date, last recorded time - 1 day) */
static bool
time_guard_is_sane(int64_t now, int64_t build_at, int64_t last_seen_at)
{
	return now >= build_at && now >= time_add(last_seen_at, -DAY);
}

bool
time_guard_allows(struct time_guard *g, int64_t now)
{
	bool is_sane = time_guard_is_sane(now, g->config.build_at, g->last_seen_at);

	time_guard_say(g, now, is_sane);
	if (is_sane)
		time_guard_remember(g, now);
	return is_sane;
}
