/* What the CAs do wrong, each by its own weather. */
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "tests/sim/world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	HOUR = 3600,
	LOST_PER_MILLE = 5, /* in fair weather */
	NONCE_REJECT_PERCENT = 30,
	LATENCY_MS = 40,
	REQUESTS_A_MINUTE_MAX = 1500 /* two CAs, eight orders each, 40 ms for an answer: a third of what is possible */
};

static const char *const names[] = {
	[WEATHER_PERFECT] = "perfect",
	[WEATHER_FAIR] = "fair",
	[WEATHER_NO_NET] = "no network",
	[WEATHER_DOWN] = "down",
	[WEATHER_LIMITED] = "rate limited",
	[WEATHER_GARBAGE] = "garbage",
	[WEATHER_LOSSY] = "lossy",
	[WEATHER_REFUSING] = "refusing",
	[WEATHER_SLOW] = "slow",
	[WEATHER_UNDECIDED] = "undecided",
	[WEATHER_FULL] = "full",
};
_Static_assert(ARRAY_SIZE(names) == WEATHER_COUNT, "one name each");

const char *
weather_name(enum weather weather)
{
	return names[weather];
}

/* True time: that is what the CA has. */
static int64_t
weather_retry_after_sec(const struct world_ca *c)
{
	int64_t left = c->weather_until_at - world_now(c->world);

	return left > 1 ? left : 1;
}

static void
answer_garbage(struct sim *sim, struct fake_ca_answer *answer)
{
	static const char *const bodies[] = {
		"<html><body>Service temporarily",
		"",
		"{\"status\":",
		"{\"status\":\"valid\"}",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
		"{\"status\":7,\"authorizations\":\"x\",\"certificate\":null}",
	};
	static const int statuses[] = { 200, 201, 404, 500, 302 };

	fake_ca_answer_body(
		answer, statuses[sim_below(sim, ARRAY_SIZE(statuses))], bodies[sim_below(sim, ARRAY_SIZE(bodies))]);
}

/* Nothing of certd may ask without a pause, whatever happens to it. */
static void
count_request(struct world *w)
{
	int64_t minute = clock_boot_ms(w->clock) / 60000;

	if (minute != w->minute)
		w->requests_in_minute = 0;
	w->minute = minute;
	if (++w->requests_in_minute > w->max_requests_in_minute)
		w->max_requests_in_minute = w->requests_in_minute;
	if (w->requests_in_minute > REQUESTS_A_MINUTE_MAX)
		sim_fail(w->sim, "%u requests within one minute", w->requests_in_minute);
	w->requests++;
	if (sim_chance(w->sim, w->restart_per_mille))
		w->wants_restart = true;
	if (w->wants_restart || w->requests == w->stop_at)
		loop_stop(w->loop);
}

/* Return: true when the request is not carried out. */
static bool
before(struct world_ca *c, enum fake_ca_kind kind, struct fake_ca_answer *answer)
{
	struct sim *sim = c->world->sim;

	count_request(c->world);
	switch (c->weather) {
	case WEATHER_NO_NET:
		answer->failure = sim_chance(sim, 500) ? ERROR_NETWORK : ERROR_TIMEOUT;
		return true;
	case WEATHER_DOWN:
		fake_ca_answer_problem(answer, 503, "serverInternal", "closed for the day");
		if (sim_chance(sim, 300))
			answer->res.retry_after_sec = weather_retry_after_sec(c);
		return true;
	case WEATHER_LIMITED:
		if (kind != FAKE_CA_NEW_ORDER)
			break;
		fake_ca_answer_problem(answer, 429, "rateLimited", "too many of something");
		answer->res.retry_after_sec = weather_retry_after_sec(c);
		return true;
	case WEATHER_FULL:
		if (kind != FAKE_CA_NEW_ORDER)
			break;
		fake_ca_answer_problem(
			answer, 429, "rateLimited", "too many new orders (300) from this account in the last 3h0m0s");
		answer->res.retry_after_sec = weather_retry_after_sec(c);
		return true;
	case WEATHER_GARBAGE:
		if (!sim_chance(sim, 400))
			break;
		answer_garbage(sim, answer);
		return true;
	case WEATHER_PERFECT:
		return false;
	default:
		break;
	}
	if (!sim_chance(sim, LOST_PER_MILLE))
		return false;
	answer->failure = ERROR_NETWORK;
	return true;
}

static bool
intercept(enum fake_ca_phase phase, enum fake_ca_kind kind, unsigned nth, struct fake_ca_answer *answer, void *arg)
{
	struct world_ca *c = arg;
	struct world *w = c->world;

	(void)nth;
	if (phase == FAKE_CA_BEFORE)
		return before(c, kind, answer);
	if (w->requests == w->lose_answer_of ||
		(c->weather != WEATHER_PERFECT &&
			sim_chance(w->sim, c->weather == WEATHER_LOSSY ? 330 : LOST_PER_MILLE)))
		answer->failure = ERROR_TIMEOUT;
	return false;
}

/* The CA validates: the answer must be in the webroot. */
static bool
validate(const char *type, const char *name, const char *key_authorization, void *arg)
{
	struct world_ca *c = arg;
	_cleanup_free_ char *token = xstrndup(key_authorization, strcspn(key_authorization, "."));
	_cleanup_free_ char *path = xasprintf("webroot/.well-known/acme-challenge/%s", token);
	_cleanup_buf_ struct buf text = BUF_INIT;

	(void)name;
	return c->weather != WEATHER_REFUSING && strcmp(type, "http-01") == 0 &&
	       buf_read_file(&text, AT_FDCWD, path, 4096, NULL) == 0 && strcmp(buf_str(&text), key_authorization) == 0;
}

static int64_t
lifetime(const struct strlist *identifiers, void *arg)
{
	(void)arg;
	return world_lifetime(identifiers->items[0]);
}

void
world_set_weather(struct world_ca *c, enum weather weather, int64_t until_at)
{
	bool is_slow = weather == WEATHER_SLOW;
	bool is_perfect = weather == WEATHER_PERFECT;

	c->weather = weather;
	c->weather_until_at = until_at;
	*fake_ca_script(c->ca) = (struct fake_ca_script){
		.latency_ms = is_slow ? 20000 : LATENCY_MS,
		.validate_ms = is_slow ? 60000 : 1000,
		.issue_ms = is_slow ? HOUR / 2 * 1000 : 500,
		.clock_behind_sec = c->world->skew,
		.nonce_reject_percent = is_perfect ? 0 : NONCE_REJECT_PERCENT,
		.never_validates = weather == WEATHER_UNDECIDED,
		.intercept = intercept,
		.validate = is_perfect ? NULL : validate,
		.lifetime = lifetime,
		.arg = c,
	};
	sim_log(c->world->sim, "%s: weather is %s", c->url, names[weather]);
}
