/* Revocation (RFC 8555 s7.6): what is asked of the CA, when, and what becomes of the key. */
#include "common/api/revoke_reasons.h"
#include "common/crypto/key.h"
#include "daemon/renew/revoke.h"
#include "daemon/store/certificate.h"
#include "daemon/store/compromised.h"
#include "tests/sim/checks.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct scene {
	struct run run;
	char *first; /* id of the first certificate of a-90d */
};

static void
pass(struct scene *s, int64_t sec)
{
	world_run_until(&s->run.world, world_now(&s->run.world) + sec);
}

static void
begin(struct scene *s)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	run_begin(&s->run, 0);
	pass(s, HOUR);
	cr_assert_eq(s->run.world.issued, 1);
	run_load(&s->run, "a-90d", &a);
	s->first = xstrdup(a.last_certificate);
}

static void
end(struct scene *s)
{
	run_end(&s->run);
	free(s->first);
}

/* Zeroed @ret: the first certificate. */
static void
load(struct scene *s, struct certificate *ret)
{
	cr_assert_eq(object_load(s->run.world.store, &certificate_class, s->first, ret, NULL), 1);
}

/* The reason for which the CA has revoked the certificate of the order; -1: it has not. */
static int
revoked(struct scene *s, size_t order)
{
	bool is_by_key;

	return fake_ca_order_revoked(s->run.world.cas[0].ca, order, &is_by_key);
}

static bool
ask_to_revoke(struct scene *s, const char *how)
{
	return world_call(&s->run.world, RPC_CERTIFICATE_REVOKE, "{'ref':'%s',%s}", s->first, how);
}

Test(revoke, waits_for_the_replacement_and_its_deployment_but_not_for_ever)
{
	static const struct {
		const char *why;
		struct revoke_in in;
		enum revoke_step step;
	} cases[] = {
		{ "nothing to wait for", { .now = 10 }, REVOKE_SEND },
		{ "the newest", { .is_newest = true, .is_deployed = true, .now = 10 }, REVOKE_AFTER_ISSUE },
		{ "the newest, for long", { .is_newest = true, .now = 400 * DAY }, REVOKE_AFTER_ISSUE },
		{ "the newest, at once", { .is_newest = true, .is_at_once = true, .now = 10 }, REVOKE_SEND },
		{ "being replaced", { .is_deployed = true, .replaced_at = 10, .now = 20 }, REVOKE_AFTER_ROLLOUT },
		{ "being replaced for an hour", { .is_deployed = true, .replaced_at = 10, .now = 10 + HOUR },
			REVOKE_SEND },
		{ "being replaced, at once", { .is_deployed = true, .is_at_once = true, .replaced_at = 10, .now = 20 },
			REVOKE_SEND },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(revoke_next_step(&cases[i].in), cases[i].step, "%s", cases[i].why);
}

Test(revoke, each_reason_has_its_number)
{
	cr_expect_eq(revoke_reason_number("unspecified"), 0);
	cr_expect_eq(revoke_reason_number("keyCompromise"), 1);
	cr_expect_eq(revoke_reason_number("affiliationChanged"), 3);
	cr_expect_eq(revoke_reason_number("superseded"), 4);
	cr_expect_eq(revoke_reason_number("cessationOfOperation"), 5);
	cr_expect_eq(revoke_reason_number("privilegeWithdrawn"), 9);
	cr_expect_eq(revoke_reason_number("boredom"), -1);
	cr_expect_eq(revoke_reason_number(NULL), -1);
}

Test(revoke, comes_after_the_replacement_is_deployed)
{
	_cleanup_certificate_ struct certificate c = { 0 };
	_cleanup_autocert_ struct autocert a = { 0 };
	struct scene s;

	begin(&s);
	cr_assert(ask_to_revoke(&s, "'reason':'superseded'"));
	cr_expect_eq(revoked(&s, 0), -1);
	pass(&s, 3 * MINUTE);
	cr_expect_eq(s.run.world.issued, 2);
	cr_expect_eq(revoked(&s, 0), 4);
	cr_expect_eq(revoked(&s, 1), -1);
	load(&s, &c);
	cr_expect(c.is_revoked);
	cr_expect_gt(c.revoked_at, 0);
	cr_expect_str_eq(certificate_status(&c, world_now(&s.run.world)), "revoked");
	cr_expect_eq(run_due(&s.run, SCHEDULE_REVOKE, s.first), 0);
	cr_expect_not(ask_to_revoke(&s, "'reason':'superseded'"), "it is revoked already");
	run_load(&s.run, "a-90d", &a);
	cr_expect(strcmp(a.last_certificate, s.first) != 0);
	cr_expect(check_calm(&s.run.world));
	cr_expect_not(
		world_call(&s.run.world, RPC_AUTOCERTIFICATE_ROLLBACK, "{'ref':'a-90d'}"), "nothing to roll back to");
	end(&s);
}

Test(revoke, waits_while_no_replacement_is_issued_and_may_be_hastened)
{
	static const struct run_fault refused = { .kind = FAKE_CA_FINALIZE, .status = 400, .problem = "badCSR" };
	_cleanup_certificate_ struct certificate c = { 0 };
	struct scene s;

	begin(&s);
	run_spoil(&s.run, &refused);
	cr_assert(ask_to_revoke(&s, "'reason':'superseded'"));
	pass(&s, DAY);
	cr_expect_eq(revoked(&s, 0), -1);
	load(&s, &c);
	{
		_cleanup_free_ char *text = revoke_text(&s.run.world.issue_env, &c);

		cr_expect_str_eq(text, "waits for the replacement");
	}
	cr_assert(ask_to_revoke(&s, "'reason':'superseded','now':true"));
	pass(&s, 10);
	cr_expect_eq(revoked(&s, 0), 4);
	end(&s);
}

Test(revoke, cessation_orders_nothing_and_does_not_wait)
{
	struct scene s;

	begin(&s);
	cr_assert(ask_to_revoke(&s, "'reason':'cessationOfOperation'"));
	pass(&s, HOUR);
	cr_expect_eq(revoked(&s, 0), 5);
	cr_expect_eq(s.run.world.issued, 1);
	end(&s);
}

Test(revoke, of_a_paused_one_must_be_at_once)
{
	struct scene s;

	begin(&s);
	cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_PAUSE, "{'ref':'a-90d'}"));
	cr_expect_not(ask_to_revoke(&s, "'reason':'superseded'"));
	cr_assert(ask_to_revoke(&s, "'reason':'superseded','now':true"));
	pass(&s, 10);
	cr_expect_eq(revoked(&s, 0), 4);
	end(&s);
}

Test(revoke, the_certificates_key_may_sign)
{
	struct scene s;
	bool is_by_key = false;

	begin(&s);
	cr_assert(ask_to_revoke(&s, "'reason':'keyCompromise','byKey':true,'now':true"));
	pass(&s, 10);
	cr_expect_eq(fake_ca_order_revoked(s.run.world.cas[0].ca, 0, &is_by_key), 1);
	cr_expect(is_by_key);
	end(&s);
}

/* The hash of the key of the newest certificate. */
static void
newest_key(struct scene *s, unsigned char ret[32])
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_certificate_ struct certificate c = { 0 };
	_cleanup_key_ struct key *key = NULL;

	run_load(&s->run, "a-90d", &a);
	cr_assert_eq(object_load(s->run.world.store, &certificate_class, a.last_certificate, &c, NULL), 1);
	cr_assert_eq(key_from_der(&c.key, &key, NULL), 0);
	cr_assert_eq(key_spki_sha256(key, ret, NULL), 0);
}

Test(revoke, a_compromised_key_is_not_reused)
{
	unsigned char before[32], after[32];
	struct scene s;

	begin(&s);
	cr_assert(
		world_call(&s.run.world, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'reuseKey':true}}"));
	cr_assert(world_call(&s.run.world, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	newest_key(&s, before);
	pass(&s, MINUTE);
	newest_key(&s, after);
	cr_assert_eq(s.run.world.issued, 2);
	cr_assert_eq(memcmp(before, after, sizeof(before)), 0);
	/* The first certificate was replaced long ago, but the newest has the same key. */
	cr_assert(ask_to_revoke(&s, "'reason':'keyCompromise'"));
	pass(&s, 3 * MINUTE);
	newest_key(&s, after);
	cr_expect_eq(s.run.world.issued, 3);
	cr_expect_neq(memcmp(before, after, sizeof(before)), 0);
	cr_expect_eq(revoked(&s, 0), 1);
	end(&s);
}

Test(revoke, another_reason_leaves_the_key_in_use)
{
	unsigned char before[32], after[32];
	struct scene s;

	begin(&s);
	cr_assert(
		world_call(&s.run.world, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'reuseKey':true}}"));
	newest_key(&s, before);
	cr_assert(ask_to_revoke(&s, "'reason':'superseded'"));
	pass(&s, 3 * MINUTE);
	newest_key(&s, after);
	cr_expect_eq(s.run.world.issued, 2);
	cr_expect_eq(memcmp(before, after, sizeof(before)), 0);
	end(&s);
}

Test(revoke, a_compromised_key_is_remembered_when_its_certificate_is_gone)
{
	_cleanup_certificate_ struct certificate c = { 0 };
	_cleanup_key_ struct key *key = NULL;
	_cleanup_key_ struct key *other = NULL;
	struct store *store;
	struct scene s;

	begin(&s);
	load(&s, &c);
	cr_assert_eq(key_from_der(&c.key, &key, NULL), 0);
	cr_expect_eq(compromised_has(s.run.world.store, key, NULL), 0);
	cr_assert(ask_to_revoke(&s, "'reason':'keyCompromise'"));
	pass(&s, 3 * MINUTE);
	cr_assert(world_call(&s.run.world, RPC_CERTIFICATE_DELETE, "{'ref':'%s'}", s.first));
	world_stop(&s.run.world);
	world_start(&s.run.world);
	store = s.run.world.store;
	cr_expect_eq(compromised_has(store, key, NULL), 1);
	cr_assert_eq(key_generate(KEY_SECP256R1, &other, NULL), 0);
	cr_expect_eq(compromised_has(store, other, NULL), 0);
	end(&s);
}

Test(revoke, ends_as_the_ca_says)
{
	static const struct {
		const char *why;
		struct run_fault fault;
		bool is_revoked, is_tried_again;
	} cases[] = {
		{ "revoked already", { .kind = FAKE_CA_REVOKE, .status = 400, .problem = "alreadyRevoked" }, true,
			false },
		{ "refused", { .kind = FAKE_CA_REVOKE, .status = 403, .problem = "unauthorized" }, false, false },
		{ "reason refused", { .kind = FAKE_CA_REVOKE, .status = 400, .problem = "badRevocationReason" }, false,
			false },
		{ "down", { .kind = FAKE_CA_REVOKE, .status = 503, .body = "<html>" }, false, true },
		{ "a limit", { .kind = FAKE_CA_REVOKE, .status = 429, .problem = "rateLimited" }, false, true },
		{ "not reached", { .kind = FAKE_CA_REVOKE, .failure = ERROR_NETWORK }, false, true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_certificate_ struct certificate c = { 0 };
		struct scene s;

		begin(&s);
		run_spoil(&s.run, &cases[i].fault);
		cr_assert(ask_to_revoke(&s, "'reason':'superseded','now':true"));
		pass(&s, 30);
		load(&s, &c);
		cr_expect_eq(c.is_revoked, cases[i].is_revoked, "%s", cases[i].why);
		cr_expect_eq(c.revoke_at != 0, cases[i].is_tried_again, "%s", cases[i].why);
		cr_expect_eq(run_due(&s.run, SCHEDULE_REVOKE, s.first), c.revoke_at, "%s", cases[i].why);
		cr_expect_eq(error_is_set(&c.revoke_error), !cases[i].is_revoked, "%s", cases[i].why);
		cr_expect_eq(c.revoke_attempts, !cases[i].is_revoked, "%s: %d", cases[i].why, (int)c.revoke_attempts);
		if (cases[i].is_tried_again) {
			certificate_clear(&c);
			world_run_until(&s.run.world, run_due(&s.run, SCHEDULE_REVOKE, s.first) + 20);
			load(&s, &c);
			cr_expect_eq(c.revoke_attempts, 2, "%s: %d", cases[i].why, (int)c.revoke_attempts);
		}
		run_mend(&s.run);
		pass(&s, 10 * MINUTE);
		if (cases[i].is_tried_again)
			cr_expect_eq(revoked(&s, 0), 4, "%s", cases[i].why);
		else if (!cases[i].is_revoked)
			cr_expect(ask_to_revoke(&s, "'reason':'superseded','now':true"), "%s: again", cases[i].why);
		end(&s);
	}
}

/* certd ends at each request after the call, whose answer is lost, too; the revocation is finished all the same. */
Test(revoke, survives_the_end_of_certd_at_every_request, .timeout = 300)
{
	for (uint64_t n = 1; n < 40; n++) {
		_cleanup_certificate_ struct certificate c = { 0 };
		struct scene s;
		struct world *w = &s.run.world;
		bool is_over;

		begin(&s);
		w->lose_answer_of = w->stop_at = w->requests + n;
		cr_assert(ask_to_revoke(&s, "'reason':'keyCompromise'"));
		pass(&s, 5 * MINUTE);
		is_over = w->requests < w->stop_at;
		world_stop(w);
		w->lose_answer_of = w->stop_at = 0;
		world_start(w);
		pass(&s, HOUR);
		load(&s, &c);
		cr_expect(c.is_revoked, "request %d", (int)n);
		cr_expect_eq(revoked(&s, 0), 1, "request %d", (int)n);
		cr_expect_eq(w->issued, 2, "request %d: issued %d", (int)n, (int)w->issued);
		cr_expect_eq(run_due(&s.run, SCHEDULE_REVOKE, s.first), 0, "request %d", (int)n);
		end(&s);
		if (is_over) {
			cr_assert_gt(n, 5);
			return;
		}
	}
	cr_assert_fail("there is no end of requests");
}
