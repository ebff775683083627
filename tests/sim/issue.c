/*
 * The issue machine through months of failures: real keys, real LMDB on tmpfs, real drops, against two CAs in this
 * process
 * that refuse every third nonce. Failures come in episodes shorter than half of the smallest renewal margin; in the
 * calm
 * between them the operator works. checks.c has the invariants. The same seed must give the same events, with the same
 * text.
 *
 * 	SIM_SEED=n   another history         SIM_LONG=1   about 5,000 issues         SIM_LOG=1   prints it
 */
#include "daemon/base/clock.h"
#include "tests/sim/checks.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HOUR = 3600,
	DAY = 24 * HOUR,
	DAYS_SHORT = 8,
	DAYS_LONG = 365,
	EPISODE_MAX_SEC = 5 * HOUR, /* the smallest margin is that of 24 h: 12 h */
	CALM_MIN_SEC = 8 * HOUR,
	CALM_MORE_SEC = 40 * HOUR,
	RESTART_PER_MILLE = 3, /* of the requests */
	SECURE_HEAP = 1 << 20
};

static const struct {
	unsigned count;
	const char *life;
	const char *more; /* properties; or "" */
} fleet[] = {
	{ 4, "24h", "" },
	{ 1, "24h", ",'reuseKey':true" },
	{ 6, "160h", ",'consumers':['watcher','notified']" },
	{ 2, "160h", ",'keyAlgorithm':'secp384r1'" },
	{ 8, "45d", "" },
	{ 2, "45d", ",'keyAlgorithm':'rsa2048'" },
	{ 9, "90d", ",'consumers':['notified']" },
	{ 1, "90d", ",'renewBefore':172800" },
	{ 2, "398d", "" },
};

struct history {
	struct world world;
	struct sim sim;
	unsigned n_fleet;
	unsigned visitors;  /* auto-certificates that came later */
	bool has_visitor;   /* the last of them is there still */
	char is_paused[32]; /* name of one; or "" */
	unsigned calms;     /* calm moments that were looked at */
	unsigned episodes;
};

/* --- the operator --- */

static void
declare(struct history *h)
{
	struct world *w = &h->world;

	for (unsigned i = 0; i < WORLD_CAS; i++)
		world_call(w, RPC_PROVIDER_CREATE,
			"{'properties':{'name':'ca%u','email':'a@b.test','server':'%s/directory',"
			"'termsOfServiceAgreed':true}}",
			i, w->cas[i].url);
	world_call(w, RPC_CONSUMER_CREATE, "{'properties':{'name':'watcher','activate':'none'}}");
	world_call(w, RPC_CONSUMER_CREATE, "{'properties':{'name':'notified','activate':'notify','socket':'%s'}}",
		w->notify_path);
	for (size_t i = 0; i < ARRAY_SIZE(fleet); i++)
		for (unsigned n = 0; n < fleet[i].count; n++, h->n_fleet++)
			world_call(w, RPC_AUTOCERTIFICATE_CREATE,
				"{'properties':{'name':'w%02u-%s','provider':'ca%u','commonName':"
				"'w%02u-%s.sim.test'%s%s}}",
				h->n_fleet, fleet[i].life, h->n_fleet % WORLD_CAS, h->n_fleet, fleet[i].life,
				n == 1 ? ",'subjectAlternativeNames':['b.sim.test','c.sim.test']" : "", fleet[i].more);
}

/* One of the fleet. */
static void
pick(struct history *h, char *ret, size_t size)
{
	unsigned at = (unsigned)sim_below(&h->sim, h->n_fleet);
	unsigned n = at;
	size_t i = 0;

	while (n >= fleet[i].count)
		n -= fleet[i++].count;
	snprintf(ret, size, "w%02u-%s", at, fleet[i].life);
}

/* An auto-certificate that was not there before; or the one that came last goes, perhaps in the middle of its order. */
static void
visit(struct history *h)
{
	struct world *w = &h->world;

	if (!h->has_visitor) {
		h->visitors++;
		world_call(w, RPC_AUTOCERTIFICATE_CREATE,
			"{'properties':{'name':'v-24h','provider':'ca0','commonName':'v%u-24h.sim.test'}}",
			h->visitors);
	} else {
		world_call(w, RPC_AUTOCERTIFICATE_DELETE, "{'ref':'v-24h','force':true}");
	}
	h->has_visitor = !h->has_visitor;
}

static void
pause_or_resume(struct history *h)
{
	struct world *w = &h->world;

	if (h->is_paused[0]) {
		world_call(w, RPC_AUTOCERTIFICATE_RESUME, "{'ref':'%s'}", h->is_paused);
		h->is_paused[0] = '\0';
	} else {
		pick(h, h->is_paused, sizeof(h->is_paused));
		world_call(w, RPC_AUTOCERTIFICATE_PAUSE, "{'ref':'%s'}", h->is_paused);
	}
}

static void
operate(struct history *h)
{
	struct world *w = &h->world;
	char name[32];

	if (!w->store)
		return;
	pick(h, name, sizeof(name));
	switch (sim_below(&h->sim, 7)) {
	case 0:
		visit(h);
		break;
	case 1:
		pause_or_resume(h);
		break;
	case 2:
		world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'%s','force':true}", name);
		break;
	case 3:
		world_call(w, RPC_AUTOCERTIFICATE_UPDATE,
			"{'ref':'%s','properties':{'subjectAlternativeNames':['n%d.sim.test']}}", name,
			(int)sim_below(&h->sim, 3));
		break;
	case 4:
		world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'%s','properties':{'consumers':[%s]}}", name,
			sim_chance(&h->sim, 500) ? "'watcher'" : "");
		break;
	case 5:
		world_call(w, RPC_CONSUMER_DEPLOY, "{'ref':'notified'}");
		break;
	case 6:
		world_call(w, RPC_CONSUMER_UPDATE, "{'ref':'watcher','properties':{'probes':[]}}");
		break;
	}
}

/* --- time --- */

/* Runs for @seconds in steps, looking at what must always hold; every few hours the operator does something. */
static void
pass(struct history *h, int64_t seconds)
{
	struct world *w = &h->world;
	int64_t end_at = world_now(w) + seconds;

	while (world_now(w) < end_at) {
		int64_t at = world_now(w) + 60 + sim_below(&h->sim, 2 * HOUR);

		world_run_until(w, at < end_at ? at : end_at);
		check_always(w);
		if (sim_chance(&h->sim, 200) && !w->disk_is_full && !w->skew)
			operate(h);
	}
}

/* From minutes to years. */
static int64_t
wrong_by(struct history *h)
{
	static const int64_t spans[] = { 120, HOUR, 7 * HOUR, DAY, 20 * DAY, 80 * DAY, 400 * DAY, 4000 * (int64_t)DAY };
	int64_t span = spans[sim_below(&h->sim, ARRAY_SIZE(spans))];

	return sim_chance(&h->sim, 500) ? span : -span;
}

/* Set while certd is stopped, it is a date that certd finds at its start. */
static void
set_clock(struct history *h, int64_t skew)
{
	struct world *w = &h->world;
	bool is_stopped = sim_chance(&h->sim, 500);

	if (is_stopped) {
		sim_log(&h->sim, "%" PRId64 " stopped", world_now(w));
		world_stop(w);
		world_set_skew(w, skew);
		world_start(w);
	} else {
		world_set_skew(w, skew);
	}
}

static void
wrong_clock(struct history *h, int64_t length)
{
	set_clock(h, wrong_by(h));
	pass(h, length);
	set_clock(h, 0);
}

static void
episode(struct history *h)
{
	struct world *w = &h->world;
	int64_t length = 300 + sim_below(&h->sim, EPISODE_MAX_SEC - 300);
	int64_t kind = WEATHER_FAIR + sim_below(&h->sim, WEATHER_COUNT - WEATHER_FAIR + 3);

	h->episodes++;
	if (kind < WEATHER_COUNT) {
		for (size_t i = 0; i < WORLD_CAS; i++)
			if (i == 0 || sim_chance(&h->sim, 500))
				world_set_weather(&w->cas[i], (enum weather)kind, world_now(w) + length);
		pass(h, length);
	} else if (kind == WEATHER_COUNT) {
		sim_log(&h->sim, "%" PRId64 " stopped", world_now(w));
		world_stop(w);
		pass(h, length);
		world_start(w);
	} else if (kind == WEATHER_COUNT + 1) {
		world_set_disk_full(w, true);
		pass(h, length);
		world_set_disk_full(w, false);
	} else {
		wrong_clock(h, length);
	}
	for (size_t i = 0; i < WORLD_CAS; i++)
		world_set_weather(&w->cas[i], WEATHER_FAIR, 0);
}

/* The pause ends, so that the fleet is whole again; then some hours for all that is still waiting. */
static void
calm(struct history *h)
{
	struct world *w = &h->world;

	pass(h, CALM_MIN_SEC + sim_below(&h->sim, CALM_MORE_SEC));
	if (h->is_paused[0])
		pause_or_resume(h);
	w->restart_per_mille = 0;
	for (int i = 0; i < 40; i++) {
		world_run_until(w, world_now(w) + HOUR / 2);
		if (check_calm(w)) {
			h->calms++;
			break;
		}
	}
	w->restart_per_mille = RESTART_PER_MILLE;
}

/* One history from its seed. Return: the hash of its log. */
static uint64_t
live(int days, bool is_told)
{
	struct history h = { .n_fleet = 0 };
	struct world *w = &h.world;
	int64_t end_at;
	uint64_t hash;

	sim_init(&h.sim, 20260101);
	h.sim.is_loud &= is_told;
	sim_seed_random(h.sim.seed);
	sim_enter_directory();
	world_init(w, &h.sim);
	end_at = world_now(w) + (int64_t)days * DAY;
	w->restart_per_mille = RESTART_PER_MILLE;
	world_start(w);
	declare(&h);
	pass(&h, HOUR);
	while (world_now(w) < end_at) {
		calm(&h);
		episode(&h);
	}
	calm(&h);
	if (h.calms < h.episodes / 2)
		sim_fail(&h.sim, "only %u calm moments after %u episodes", h.calms, h.episodes);
	if (is_told)
		printf("%d days, %" PRIu64 " issued, %" PRIu64 " failed, %zu orders, %" PRIu64 " deployed, %" PRIu64
		       " purged, %u episodes, %" PRIu64
		       " restarts, %u calm moments, at most %u requests a minute, %" PRIu64
		       " datagrams; log %016" PRIx64 " (%" PRIu64 " lines)\n",
			days, w->issued, w->failed, fake_ca_orders(w->cas[0].ca) + fake_ca_orders(w->cas[1].ca),
			w->deployed, w->purged, h.episodes, w->restarts, h.calms, w->max_requests_in_minute,
			w->notified, h.sim.hash, h.sim.lines);
	hash = h.sim.hash;
	world_clear(w);
	sim_leave_directory();
	return hash;
}

int
main(void)
{
	int days = sim_is_long() ? DAYS_LONG : DAYS_SHORT;
	uint64_t first;

	CRYPTO_secure_malloc_init(SECURE_HEAP, 64);
	first = live(days, true);
	if (live(days, false) != first) {
		fprintf(stderr, "FAILED: the same seed gave two histories; SIM_SEED=%s\n",
			getenv("SIM_SEED") ? getenv("SIM_SEED") : "20260101");
		return 1;
	}
	return 0;
}
