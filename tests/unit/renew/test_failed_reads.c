/* A job that cannot read from the store, at whatever place, is delayed and says so; nothing is lost or done twice. */
#include "tests/sim/checks.h"
#include "tests/support/store_faults.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <string.h>

struct scenario {
	const char *name;
	void (*prepare)(struct run *r); /* while all can be read; NULL: nothing */
	bool (*begin)(struct run *r);   /* the call that jobs follow; NULL: those of run_begin(). Return: not refused */
	uint64_t issued;
	uint64_t autocerts;
	unsigned silent; /* reads whose failure is not reported, as nothing depends on them */
	unsigned stride; /* 1: each one is tried */
};

static void
settle_for(struct run *r, int64_t seconds)
{
	world_run_until(&r->world, world_now(&r->world) + seconds);
}

static void
add_consumers(struct run *r)
{
	struct world *w = &r->world;

	cr_assert(world_call(w, RPC_CONSUMER_CREATE,
		"{'properties':{'name':'notified','activate':'notify','socket':'%s'}}", w->notify_path));
	cr_assert(world_call(w, RPC_CONSUMER_CREATE, "{'properties':{'name':'watcher','activate':'none'}}"));
	cr_assert(world_call(
		w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'consumers':['notified','watcher']}}"));
	settle_for(r, HOUR);
	cr_assert_eq(w->issued, 1);
	cr_assert(check_calm(w));
}

static bool
renew(struct run *r)
{
	return world_call(&r->world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}");
}

static bool
withdraw(struct run *r)
{
	return world_call(&r->world, RPC_AUTOCERTIFICATE_DELETE, "{'ref':'a-90d','force':true}");
}

static bool
change_address(struct run *r)
{
	return world_call(&r->world, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'email':'new@b.test'}}");
}

static bool
change_key(struct run *r)
{
	return world_call(&r->world, RPC_PROVIDER_ROLLOVER, "{'ref':'ca'}");
}

static char first[STORE_ID_SIZE]; /* the certificate that is revoked */

static void
prepare_revocation(struct run *r)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	add_consumers(r);
	run_load(r, "a-90d", &a);
	memcpy(first, a.last_certificate, sizeof(first));
}

static bool
revoke_first(struct run *r)
{
	return world_call(&r->world, RPC_CERTIFICATE_REVOKE, "{'ref':'%s','reason':'superseded'}", first);
}

/* A certificate waits for approval. */
static void
hold_back(struct run *r)
{
	struct world *w = &r->world;

	fake_ca_script(w->cas[0].ca)->alternates = 1;
	add_consumers(r);
	cr_assert(world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'preferredChain':'Fake Root 1'}}"));
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'guard':'hold'}}"));
	cr_assert(renew(r));
	settle_for(r, MINUTE);
	cr_assert_eq(w->issued, 2);
}

static bool
approve(struct run *r)
{
	return world_call(&r->world, RPC_AUTOCERTIFICATE_APPROVE, "{'ref':'a-90d'}");
}

static const struct scenario scenarios[] = {
	{ "issue", NULL, NULL, 1, 1, 20, 1 },
	{ "renew", add_consumers, renew, 2, 1, 32, 1 },
	{ "delete", add_consumers, withdraw, 1, 0, 8, 1 },
	{ "account", add_consumers, change_address, 1, 1, 4, 1 },
	{ "key", add_consumers, change_key, 1, 1, 6, 1 },
	{ "revoke", prepare_revocation, revoke_first, 2, 1, 8, 4 },
	{ "approve", hold_back, approve, 2, 1, 13, 2 },
};

/* With read number @n failing. Return: whether there was such a read. */
static bool
live_with_failed_read(const struct scenario *s, uint64_t n, unsigned *ret_silent)
{
	struct run r;
	struct world *w = &r.world;
	uint64_t reports;
	bool has_failed, is_refused;

	run_begin(&r, 0);
	if (s->prepare)
		s->prepare(&r);
	w->is_unreadable = true;
	reports = w->store_failed + w->failed;
	store_faults_begin(n, false);
	is_refused = s->begin && !s->begin(&r);
	settle_for(&r, HOUR);
	has_failed = store_faults_end();
	*ret_silent += has_failed && !is_refused && w->store_failed + w->failed == reports;
	if (is_refused)
		cr_expect(s->begin(&r), "%s, read %d: refused again", s->name, (int)n);
	settle_for(&r, 2 * DAY);
	check_always(w);
	cr_expect(check_calm(w), "%s, read %d: something still runs", s->name, (int)n);
	cr_expect_eq(w->issued, s->issued, "%s, read %d: issued %d times", s->name, (int)n, (int)w->issued);
	cr_expect_eq(store_count(w->store, STORE_AUTOCERT), s->autocerts);
	cr_expect_eq(store_count(w->store, STORE_ROLLOUT), s->autocerts);
	cr_expect_eq(fake_ca_accounts(w->cas[0].ca), 1, "%s, read %d", s->name, (int)n);
	run_end(&r);
	return has_failed;
}

static void
try_all(const struct scenario *s)
{
	unsigned silent = 0;
	uint64_t n = 1;

	while (live_with_failed_read(s, n, &silent))
		n += s->stride;
	cr_expect_gt(n, 3, "%s", s->name);
	cr_expect_eq(silent, s->silent, "%s: %u of the first %d reads fail in silence, not %u", s->name, silent,
		(int)n - 1, s->silent);
}

Test(failed_reads, delay_the_first_certificate_and_are_reported, .timeout = 600)
{
	try_all(&scenarios[0]);
}

Test(failed_reads, delay_a_renewal_and_its_deployment_and_are_reported, .timeout = 600)
{
	try_all(&scenarios[1]);
}

Test(failed_reads, delay_the_removal_of_files_and_are_reported, .timeout = 600)
{
	try_all(&scenarios[2]);
}

Test(failed_reads, delay_a_change_of_the_account_and_are_reported, .timeout = 600)
{
	try_all(&scenarios[3]);
}

Test(failed_reads, delay_a_change_of_the_account_key_and_are_reported, .timeout = 600)
{
	try_all(&scenarios[4]);
}

Test(failed_reads, delay_a_revocation_and_its_replacement_and_are_reported, .timeout = 600)
{
	try_all(&scenarios[5]);
}

Test(failed_reads, delay_a_deployment_that_was_approved_and_are_reported, .timeout = 600)
{
	try_all(&scenarios[6]);
}
