/* What held an order back was lifted by an operator: the next attempt is now, and not when it was planned before. */
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <string.h>

#define ALWAYS "['2000-01-01..2100-12-31']"
#define AUTO "{'ref':'a-90d'}"
#define SET_AUTO(properties) "{'ref':'a-90d','properties':{" properties "}}"
#define SET_CA(properties) "{'ref':'ca','properties':{" properties "}}"

static const struct run_fault refusing = { .kind = FAKE_CA_NEW_ORDER, .status = 400, .problem = "rejectedIdentifier" };

static const struct run_fault pausing = { .kind = FAKE_CA_NEW_ORDER,
	.status = 429,
	.body = "{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"Your account is temporarily "
		"prevented from requesting certificates for a-90d.sim.test. Please visit: "
		"https://portal.letsencrypt.org/unpause?jwt=x\"}" };

struct call_of {
	enum api_method_id method;
	const char *params; /* NULL: none */
};

/* Blocked before the renewal is due or, with a fault, when it has failed; lifted a day later. */
static const struct lifted {
	const char *why;
	const struct run_fault *fault;
	bool is_limited; /* the CA refuses the order, and says for how long */
	struct call_of block, lift;
	bool waits_for_ca;
} rows[] = {
	{ "its freeze is removed", .block = { RPC_AUTOCERTIFICATE_UPDATE, SET_AUTO("'freezes':" ALWAYS) },
		.lift = { RPC_AUTOCERTIFICATE_UPDATE, SET_AUTO("'freezes':[]") } },
	{ "its freeze is shortened", .block = { RPC_AUTOCERTIFICATE_UPDATE, SET_AUTO("'freezes':" ALWAYS) },
		.lift = { RPC_AUTOCERTIFICATE_UPDATE, SET_AUTO("'freezes':['2000-01-01']") } },
	{ "the provider's freeze is removed", .block = { RPC_PROVIDER_UPDATE, SET_CA("'freezes':" ALWAYS) },
		.lift = { RPC_PROVIDER_UPDATE, SET_CA("'freezes':[]") } },
	{ "its freeze is removed, for a retry", &refusing,
		.block = { RPC_AUTOCERTIFICATE_UPDATE, SET_AUTO("'freezes':" ALWAYS) },
		.lift = { RPC_AUTOCERTIFICATE_UPDATE, SET_AUTO("'freezes':[]") } },
	{ "the provider's freeze is removed, for a retry", &refusing,
		.block = { RPC_PROVIDER_UPDATE, SET_CA("'freezes':" ALWAYS) },
		.lift = { RPC_PROVIDER_UPDATE, SET_CA("'freezes':[]") } },
	{ "its freeze is removed, and the CA's wait stands", .is_limited = true,
		.block = { RPC_AUTOCERTIFICATE_UPDATE, SET_AUTO("'freezes':" ALWAYS) },
		.lift = { RPC_AUTOCERTIFICATE_UPDATE, SET_AUTO("'freezes':[]") }, .waits_for_ca = true },
	{ "resumed", .block = { RPC_AUTOCERTIFICATE_PAUSE, AUTO }, .lift = { RPC_AUTOCERTIFICATE_RESUME, AUTO } },
	{ "resumed, for a retry", &refusing, .block = { RPC_AUTOCERTIFICATE_PAUSE, AUTO },
		.lift = { RPC_AUTOCERTIFICATE_RESUME, AUTO } },
	{ "resumed, and the CA's wait stands", .is_limited = true, .block = { RPC_AUTOCERTIFICATE_PAUSE, AUTO },
		.lift = { RPC_AUTOCERTIFICATE_RESUME, AUTO }, .waits_for_ca = true },
	{ "a person has ended the pause at the CA", &pausing, .lift = { RPC_AUTOCERTIFICATE_RESUME, AUTO } },
	{ "a person has ended it, and it was paused here too", &pausing, .block = { RPC_AUTOCERTIFICATE_PAUSE, AUTO },
		.lift = { RPC_AUTOCERTIFICATE_RESUME, AUTO } },
};

static void
lifted_check(const struct lifted *row)
{
	_cleanup_autocert_ struct autocert first = { 0 }, blocked = { 0 }, after = { 0 };
	struct run r;
	struct world *w = &r.world;

	run_begin(&r, 0);
	world_run_until(w, world_now(w) + HOUR);
	run_load(&r, "a-90d", &first);
	if (row->fault)
		run_spoil(&r, row->fault);
	if (row->is_limited)
		world_set_weather(&w->cas[0], WEATHER_LIMITED, first.next_at + 5 * DAY);
	world_run_until(w, row->fault || row->is_limited ? first.next_at + MINUTE / 2 : first.next_at - HOUR);
	if (row->block.params)
		cr_assert(world_call(w, row->block.method, "%s", row->block.params), "%s", row->why);
	world_run_until(w, first.next_at + DAY - HOUR);
	run_load(&r, "a-90d", &blocked);
	cr_expect(blocked.next_at == 0 || blocked.next_at > world_now(w), "%s: it is not blocked", row->why);
	cr_assert_eq(w->issued, 1, "%s", row->why);
	run_mend(&r);
	world_set_weather(&w->cas[0], WEATHER_PERFECT, 0);
	cr_assert(world_call(w, row->lift.method, "%s", row->lift.params), "%s", row->why);
	run_load(&r, "a-90d", &after);
	cr_expect_eq(run_due(&r, SCHEDULE_ISSUE, after.o.id), after.next_at, "%s", row->why);
	if (row->waits_for_ca) {
		cr_expect_gt(after.next_at, world_now(w), "%s: now", row->why);
		cr_expect_geq(after.next_at, after.last_error.retry_at, "%s: before the CA allows it", row->why);
		cr_expect_leq(after.next_at, after.last_error.retry_at + DAY, "%s: later", row->why);
	} else {
		cr_expect_leq(
			after.next_at, world_now(w), "%s: %d s later", row->why, (int)(after.next_at - world_now(w)));
		world_run_until(w, world_now(w) + MINUTE);
		cr_expect_eq(w->issued, 2, "%s: no order", row->why);
	}
	run_end(&r);
}

Test(lifted, the_next_attempt_is_now)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		lifted_check(&rows[i]);
}

Test(lifted, what_is_not_held_back_is_not_resumed)
{
	struct run r;

	run_begin(&r, 0);
	world_run_until(&r.world, world_now(&r.world) + HOUR);
	cr_expect_not(world_call(&r.world, RPC_AUTOCERTIFICATE_RESUME, AUTO));
	run_end(&r);
}
