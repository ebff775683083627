/*
 * Many checks at once, in virtual time, with a resolver that never answers: they run within limits, and no order waits
 * for them.
 */
#include "daemon/challenge/solver.h"
#include "daemon/ready/ready_private.h"
#include "tests/unit/renew/run.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CERTIFICATES = 40 };

struct rig {
	struct run run;
	int silent; /* the resolver's socket */
	struct dns *dns;
	struct solver *solver;
	struct issue_env env;
	struct ready *ready;
	struct ready_run *runs[CERTIFICATES];
	size_t n_done, n_failed;
};

static void
rig_pass(struct rig *r, int64_t sec)
{
	world_run_until(&r->run.world, world_now(&r->run.world) + sec);
}

static void
rig_silence(struct rig *r)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	_cleanup_free_ char *server = NULL;

	r->silent = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(r->silent, (struct sockaddr *)&addr, sizeof(addr)), 0);
	cr_assert_eq(getsockname(r->silent, (struct sockaddr *)&addr, &len), 0);
	server = xasprintf("127.0.0.1:%d", ntohs(addr.sin_port));
	r->dns = dns_new(r->run.world.loop, server, NULL);
	cr_assert_not_null(r->dns);
}

static void
rig_begin(struct rig *r)
{
	struct world *w = &r->run.world;
	struct solver_config config = { .events = w->events };
	struct dnsprovider_env dns;

	*r = (struct rig){ .n_done = 0 };
	run_begin(&r->run, 0);
	for (int i = 0; i < CERTIFICATES; i++)
		cr_assert(world_call(w, RPC_AUTOCERTIFICATE_CREATE,
			"{'properties':{'name':'n%d','provider':'ca','commonName':'n%d-90d.zone.test'}}", i, i));
	rig_pass(r, HOUR);
	cr_assert_eq(w->issued, CERTIFICATES + 1);
	rig_silence(r);
	dns = (struct dnsprovider_env){ .loop = w->loop, .dns = r->dns, .http = &w->http };
	strlist_copy(&config.webroots, &w->conf.webroots);
	r->solver = solver_new(&dns, w->store, &config);
	strlist_clear(&config.webroots);
	r->env = w->issue_env;
	r->env.solver = r->solver;
	r->ready = ready_new(&(struct ready_config){ .env = &r->env, .conf = &w->conf });
}

static void
rig_end(struct rig *r)
{
	ready_free(r->ready);
	solver_free(r->solver);
	dns_free(r->dns);
	close(r->silent);
	run_end(&r->run);
}

static void
rig_done(const struct ready_state *state, struct store_txn *txn, const struct error *err, void *arg)
{
	struct rig *r = arg;

	(void)txn;
	r->n_done++;
	r->n_failed += !state || err;
}

static void
rig_check_all(struct rig *r)
{
	for (int i = 0; i < CERTIFICATES; i++) {
		_cleanup_autocert_ struct autocert a = { 0 };
		_cleanup_free_ char *name = xasprintf("n%d", i);

		run_load(&r->run, name, &a);
		r->runs[i] = ready_start(r->ready, a.o.id, rig_done, r);
	}
}

/* Seconds until a renewal that is asked for now has its certificate. */
static int64_t
seconds_of_order(struct rig *r)
{
	struct world *w = &r->run.world;
	int64_t began = world_now(w);
	uint64_t issued = w->issued;

	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	while (w->issued == issued && world_now(w) < began + HOUR)
		rig_pass(r, 1);
	return world_now(w) - began;
}

Test(runs, checks_run_within_limits_and_no_order_waits_for_them)
{
	struct rig r;
	int64_t alone;

	rig_begin(&r);
	alone = seconds_of_order(&r);
	rig_check_all(&r);
	rig_pass(&r, 1);
	cr_expect_eq(r.ready->n_begun, READY_RUNS_AT_ONCE);
	cr_expect_eq(seconds_of_order(&r), alone);
	cr_expect_eq(r.n_done, 0, "the resolver is silent");
	rig_pass(&r, 2 * READY_CHECK_SEC + 2);
	cr_expect_eq(r.n_done, CERTIFICATES, "%zu are done", r.n_done);
	cr_expect_eq(r.n_failed, 0);
	cr_expect_null(r.ready->runs);
	cr_expect_null(r.ready->questions, "all is forgotten when nothing runs");
	rig_end(&r);
}

Test(runs, what_is_cancelled_makes_room)
{
	struct rig r;

	rig_begin(&r);
	rig_check_all(&r);
	rig_pass(&r, 1);
	ready_cancel(r.runs[CERTIFICATES - 1]); /* it waits for its turn */
	cr_expect_eq(r.ready->n_begun, READY_RUNS_AT_ONCE);
	for (int i = 0; i < CERTIFICATES - READY_RUNS_AT_ONCE + 1; i++)
		ready_cancel(r.runs[i]);
	rig_pass(&r, 1);
	cr_expect_eq(r.ready->n_begun, READY_RUNS_AT_ONCE - 2, "all others run");
	rig_pass(&r, 2 * READY_CHECK_SEC);
	cr_expect_eq(r.n_done, READY_RUNS_AT_ONCE - 2);
	rig_end(&r);
}

Test(runs, the_end_of_a_check_or_of_certd_in_the_middle_harms_no_other)
{
	struct rig r;

	rig_begin(&r);
	rig_check_all(&r);
	rig_pass(&r, 1);
	cr_expect_not_null(r.ready->questions);
	ready_cancel(r.runs[0]); /* others may wait for what it has asked */
	rig_pass(&r, 2 * READY_CHECK_SEC + 2);
	cr_expect_eq(r.n_done, CERTIFICATES - 1);
	rig_check_all(&r);
	rig_pass(&r, 1);
	rig_end(&r);
}
