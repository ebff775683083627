/* TLSA records: which key a renewal gets, what was seen, and what the operator has to do. */
#include "daemon/renew/dane.h"

#include "common/crypto/key.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define NAME "_25._tcp.mail.example.test"

/* --- the declaration --- */

Test(dane, names_are_owner_names_of_tlsa_records)
{
	static const struct {
		const char *name, *canonical; /* NULL: refused */
	} cases[] = {
		{ "_25._tcp.mail.example.com", "_25._tcp.mail.example.com" },
		{ "_25._TCP.Mail.Example.com.", "_25._tcp.mail.example.com" },
		{ "_853._udp.ns1.example.com", "_853._udp.ns1.example.com" },
		{ "_65535._sctp.a.example", "_65535._sctp.a.example" },
		{ "mail.example.com", NULL },
		{ "_0._tcp.a.example", NULL },
		{ "_65536._tcp.a.example", NULL },
		{ "_25._tcp.", NULL },
		{ "_25._icmp.a.example", NULL },
		{ "_25a._tcp.a.example", NULL },
		{ "_25._tcp.*.a.example", NULL },
		{ "_+25._tcp.a.example", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strlist_ struct strlist names = STRLIST_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;

		strlist_add(&names, cases[i].name);
		strlist_add(&names, cases[i].name);
		cr_expect_eq(dane_canonical_names(&names, &err), cases[i].canonical ? 0 : -1, "%s", cases[i].name);
		if (!cases[i].canonical) {
			cr_expect_str_eq(err.field, "tlsaNames[0]");
			continue;
		}
		cr_expect_eq(names.count, 1);
		cr_expect_str_eq(names.items[0], cases[i].canonical);
	}
}

/* --- the key --- */

Test(dane, the_next_key_is_used_after_its_record_was_seen_and_an_order_waits_only_if_it_must)
{
	static const struct {
		const char *why;
		bool has_names, has_last, may_reuse, reuses_key, wants_new_key, has_next, is_ready, is_forced, is_late;
		enum dane_choice choice;
	} cases[] = {
		{ "no DANE", 0, 1, 1, 0, 0, 1, 1, 0, 0, DANE_ANY },
		{ "the first certificate", 1, 0, 0, 0, 0, 0, 0, 0, 0, DANE_ANY },
		{ "the first, and a key is prepared", 1, 0, 0, 0, 0, 1, 0, 0, 0, DANE_NEXT },
		{ "not seen yet", 1, 1, 1, 0, 0, 1, 0, 0, 0, DANE_OLD },
		{ "not prepared yet", 1, 1, 1, 0, 0, 0, 0, 0, 0, DANE_OLD },
		{ "seen", 1, 1, 1, 0, 0, 1, 1, 0, 0, DANE_NEXT },
		{ "reuseKey", 1, 1, 1, 1, 0, 1, 1, 0, 0, DANE_OLD },
		{ "reuseKey, but a new key is needed", 1, 1, 1, 1, 1, 1, 1, 0, 0, DANE_NEXT },
		{ "not seen, near the expiry", 1, 1, 1, 0, 0, 1, 0, 0, 1, DANE_OLD },
		{ "not seen, forced", 1, 1, 1, 0, 0, 1, 0, 1, 0, DANE_OLD },
		{ "a new key is needed", 1, 1, 1, 0, 1, 1, 0, 0, 0, DANE_WAIT },
		{ "the old one is unfit", 1, 1, 0, 0, 0, 1, 0, 0, 0, DANE_WAIT },
		{ "the old one is unfit, none is prepared", 1, 1, 0, 0, 0, 0, 0, 0, 0, DANE_WAIT },
		{ "a new key is needed near the expiry", 1, 1, 1, 0, 1, 1, 0, 0, 1, DANE_NEXT },
		{ "a new key is needed, forced", 1, 1, 1, 0, 1, 1, 0, 1, 0, DANE_NEXT },
		{ "none is prepared, near the expiry", 1, 1, 0, 0, 0, 0, 0, 0, 1, DANE_ANY },
		{ "a new key is needed and seen", 1, 1, 1, 0, 1, 1, 1, 0, 0, DANE_NEXT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_autocert_ struct autocert a = { .reuses_key = cases[i].reuses_key,
			.wants_new_key = cases[i].wants_new_key,
			.skips_limits = cases[i].is_forced,
			.tlsa_ready_at = cases[i].is_ready,
			.last_not_before_at = 0,
			.last_not_after_at = 100 * DAY };
		const struct dane_in in = { .a = &a,
			.may_reuse = cases[i].may_reuse,
			.has_next = cases[i].has_next,
			.now = 95 * DAY - !cases[i].is_late };

		if (cases[i].has_names)
			strlist_add(&a.tlsa_names, NAME);
		if (cases[i].has_last)
			a.last_certificate = xstrdup("id");
		cr_expect_eq(dane_choose(&in), cases[i].choice, "%s", cases[i].why);
	}
}

/* --- what was seen --- */

Test(dane, a_record_is_ready_when_all_servers_had_it_for_its_ttl)
{
	enum { TTL = 7200, LOOK = 10 * MINUTE };
	static const struct {
		int64_t at;
		bool is_missing, is_unknown;
		int64_t seen_at, ready_at, next_at;
	} steps[] = {
		{ 1000, true, false, 0, 0, 1000 + LOOK }, { 5000, false, false, 5000, 0, 5000 + LOOK },
		{ 8600, false, false, 5000, 0, 8600 + LOOK }, { 11700, false, false, 5000, 0, 5000 + TTL },
		{ 12199, false, false, 5000, 0, 5000 + TTL },
		{ 12200, false, true, 5000, 0, 12200 + LOOK }, /* unknown: neither */
		{ 15800, false, false, 5000, 15800, 15800 + LOOK }, { 19400, false, true, 5000, 15800, 19400 + LOOK },
		{ 23000, false, false, 5000, 15800, 23000 + LOOK }, { 26600, true, true, 0, 0, 26600 + LOOK },
		{ 30200, false, false, 30200, 0, 30200 + LOOK },
		{ 20000, false, false, 20000, 0, 20000 + LOOK }, /* the clock was set back */
	};
	_cleanup_autocert_ struct autocert a = { .tlsa_next = xstrdup("3 1 1 bb"), .tlsa = xstrdup("3 1 1 aa") };

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct dane_look look = { .ttl = TTL };

		if (steps[i].is_missing)
			strlist_add(&look.missing, NAME ": ns1 lacks it");
		if (steps[i].is_unknown)
			strlist_add(&look.unknown, "_443._tcp.a.test: silence");
		cr_expect_eq(dane_note(&a, &look, steps[i].at), steps[i].next_at, "%zu", i);
		cr_expect_eq(a.tlsa_seen_at, steps[i].seen_at, "%zu", i);
		cr_expect_eq(a.tlsa_ready_at, steps[i].ready_at, "%zu", i);
		cr_expect_eq(error_is_set(&a.tlsa_error), steps[i].is_missing || steps[i].is_unknown, "%zu", i);
		dane_look_clear(&look);
	}
}

Test(dane, the_operator_is_told_which_records_to_publish_and_which_to_remove)
{
	_cleanup_autocert_ struct autocert a = {
		.tlsa_next = xstrdup("3 1 1 bb"), .tlsa = xstrdup("3 1 1 aa"), .tlsa_former = xstrdup("3 1 1 99")
	};
	struct dane_look look = { .ttl = 60 };

	strlist_add(&look.missing, NAME ": ns1 lacks it");
	strlist_add(&look.unused, NAME);
	strlist_add(&look.unused, "_443._tcp.a.test");
	strlist_add(&look.former, NAME);
	dane_note(&a, &look, 1000);
	cr_expect_str_eq(a.tlsa_error.message,
		"publish for the certificate in use: " NAME " IN TLSA 3 1 1 aa, _443._tcp.a.test IN TLSA 3 1 1 aa; "
		"publish for the next key, and keep the present records: " NAME " IN TLSA 3 1 1 bb (" NAME
		": ns1 lacks it); remove, its key is not used any more: " NAME " IN TLSA 3 1 1 99");
	cr_expect_str_eq(a.tlsa_former, "3 1 1 99");
	str_replace(&a.waiting_certificate, "id");
	strlist_clear(&look.missing);
	strlist_clear(&look.unused);
	dane_note(&a, &look, 1000);
	cr_expect_not(error_is_set(&a.tlsa_error), "while a certificate waits the key is in use");
	str_replace(&a.waiting_certificate, NULL);
	strlist_clear(&look.former);
	dane_note(&a, &look, 1000);
	cr_expect_null(a.tlsa_former, "it was removed");
	dane_look_clear(&look);
}

/* --- in certd --- */

struct scene {
	struct run run;
	struct autocert a;
	struct certificate c;
};

static void
scene_pass(struct scene *s, int64_t sec)
{
	world_run_until(&s->run.world, world_now(&s->run.world) + sec);
	autocert_clear(&s->a);
	certificate_clear(&s->c);
	run_load(&s->run, "a-90d", &s->a);
	cr_assert_eq(object_load(s->run.world.store, &certificate_class, s->a.last_certificate, &s->c, NULL), 1);
}

static void
scene_begin(struct scene *s)
{
	struct world *w = &s->run.world;

	*s = (struct scene){ 0 };
	run_begin(&s->run, 0);
	scene_pass(s, MINUTE);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE,
		"{'ref':'a-90d','properties':{'tlsaNames':['_25._TCP.www-90d.sim.test']}}"));
	scene_pass(s, MINUTE);
}

static void
scene_end(struct scene *s)
{
	autocert_clear(&s->a);
	certificate_clear(&s->c);
	run_end(&s->run);
}

static void
scene_save(struct scene *s)
{
	struct store *store = s->run.world.store;

	cr_assert_eq(object_save(store, store_begin(store), &autocert_class, &s->a, NULL), 0);
	store_commit(store);
}

/* As the job does when all servers have had the record for a TTL. */
static void
scene_make_ready(struct scene *s)
{
	s->a.tlsa_seen_at = s->a.tlsa_ready_at = world_now(&s->run.world);
	scene_save(s);
}

static char *
tlsa_of(const struct secret *der)
{
	_cleanup_key_ struct key *key = NULL;
	unsigned char hash[32];

	cr_assert_eq(key_from_der(der, &key, NULL), 0);
	cr_assert_eq(key_spki_sha256(key, hash, NULL), 0);
	return dane_tlsa(hash);
}

Test(dane, a_renewal_keeps_the_key_until_the_next_one_is_ready_and_then_prepares_another)
{
	_cleanup_secret_ struct secret first = SECRET_INIT, next = SECRET_INIT;
	_cleanup_free_ char *tlsa = NULL, *next_tlsa = NULL;
	struct scene s;
	struct world *w = &s.run.world;

	scene_begin(&s);
	secret_copy(&first, &s.c.key);
	secret_copy(&next, &s.a.next_key);
	tlsa = tlsa_of(&first);
	next_tlsa = tlsa_of(&next);
	cr_expect_str_eq(s.a.tlsa, tlsa);
	cr_expect_str_eq(s.a.tlsa_next, next_tlsa);
	cr_expect_eq(w->issued, 1, "the declaration orders nothing");
	cr_expect_gt(run_due(&s.run, SCHEDULE_DANE, s.a.o.id), 0);

	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	scene_pass(&s, MINUTE);
	cr_assert_eq(w->issued, 2);
	cr_expect(secret_equal(&s.c.key, &first));
	cr_expect(secret_equal(&s.a.next_key, &next));
	cr_assert_eq(s.a.notes.count, 1);
	cr_expect_not_null(strstr(s.a.notes.items[0], "it has the key of the one before"));
	world_stop(w);
	world_start(w);

	scene_make_ready(&s);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
	scene_pass(&s, MINUTE);
	cr_assert_eq(w->issued, 3);
	cr_expect(secret_equal(&s.c.key, &next));
	cr_expect_str_eq(s.a.tlsa, next_tlsa);
	cr_expect_str_eq(s.a.tlsa_former, tlsa);
	cr_expect_gt(s.a.next_key.len, 0, "another one is prepared");
	cr_expect_str_neq(s.a.tlsa_next, next_tlsa);
	cr_expect_eq(s.a.tlsa_ready_at, 0);
	cr_expect_eq(s.a.notes.count, 0);

	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'tlsaNames':[]}}"));
	scene_pass(&s, MINUTE);
	cr_expect_eq(s.a.next_key.len, 0);
	cr_expect_null(s.a.tlsa);
	cr_expect_eq(run_due(&s.run, SCHEDULE_DANE, s.a.o.id), 0);
	scene_end(&s);
}

Test(dane, an_order_that_needs_a_new_key_waits_for_its_record_but_not_into_the_last_twentieth)
{
	_cleanup_secret_ struct secret next = SECRET_INIT;
	struct scene s;
	struct world *w = &s.run.world;

	scene_begin(&s);
	cr_assert(
		world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'keyAlgorithm':'secp384r1'}}"));
	scene_pass(&s, MINUTE);
	secret_copy(&next, &s.a.next_key);
	cr_expect_eq(w->issued, 1, "it waits");
	cr_assert_not_null(s.a.hold_why);
	cr_expect_not_null(strstr(s.a.hold_why, "needs a new key, whose TLSA record is not published yet"));
	cr_expect(!world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"), "only with --force");
	scene_pass(&s, 5 * HOUR);
	cr_expect_eq(w->issued, 1);
	cr_expect(secret_equal(&s.a.next_key, &next), "nothing of it is lost while it waits");
	world_stop(w);
	world_start(w);
	s.a.last_not_before_at = world_now(w) - 95 * DAY + 5 * HOUR;
	s.a.last_not_after_at = s.a.last_not_before_at + 100 * DAY;
	scene_save(&s);
	scene_pass(&s, 4 * HOUR);
	cr_expect_eq(w->issued, 1);
	scene_pass(&s, 2 * HOUR);
	cr_expect_eq(w->issued, 2, "in the last twentieth it does not wait");
	cr_expect(secret_equal(&s.c.key, &next));
	cr_assert_eq(s.a.notes.count > 0, true);
	cr_expect_not_null(strstr(s.a.notes.items[s.a.notes.count - 1], "its key was needed before its TLSA record"));
	scene_end(&s);
}

Test(dane, a_caller_who_insists_gets_a_new_key_at_once)
{
	struct scene s;
	struct world *w = &s.run.world;

	scene_begin(&s);
	cr_assert(
		world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'keyAlgorithm':'secp384r1'}}"));
	scene_pass(&s, MINUTE);
	cr_assert_eq(w->issued, 1);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	scene_pass(&s, MINUTE);
	cr_expect_eq(w->issued, 2);
	cr_expect_str_eq(s.c.key_algorithm, "secp384r1");
	scene_end(&s);
}

/* Each is stopped after its @n-th commit, and started again. Return: false: it has fewer. */
static bool
stop_after(struct scene *s, uint64_t n)
{
	struct world *w = &s->run.world;
	bool has_stopped;

	w->stop_at_commit = world_commits(w) + n;
	world_run_until(w, world_now(w) + MINUTE);
	has_stopped = run_restart(&s->run);
	scene_pass(s, 2 * MINUTE);
	return has_stopped;
}

static void
expect_prepared(struct scene *s, uint64_t n)
{
	_cleanup_free_ char *next = NULL;

	cr_assert_gt(s->a.next_key.len, 0, "%d", (int)n);
	next = tlsa_of(&s->a.next_key);
	cr_expect_str_eq(s->a.tlsa_next, next, "%d", (int)n);
	cr_expect_gt(run_due(&s->run, SCHEDULE_DANE, s->a.o.id), 0, "%d", (int)n);
}

Test(dane, a_stop_at_any_step_loses_no_key)
{
	uint64_t n = 1;

	for (bool more = true; more; n++) {
		_cleanup_secret_ struct secret next = SECRET_INIT;
		struct scene s;
		struct world *w = &s.run.world;

		s = (struct scene){ 0 };
		run_begin(&s.run, 0);
		scene_pass(&s, MINUTE);
		cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE,
			"{'ref':'a-90d','properties':{'tlsaNames':['_25._tcp.www-90d.sim.test']}}"));
		more = stop_after(&s, n);
		expect_prepared(&s, n);
		secret_copy(&next, &s.a.next_key);
		scene_make_ready(&s);
		cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d'}"));
		more = stop_after(&s, n) || more;
		cr_expect_eq(w->issued, 2, "%d", (int)n);
		cr_expect(secret_equal(&s.c.key, &next), "%d", (int)n);
		cr_expect(!secret_equal(&s.a.next_key, &next), "%d", (int)n);
		expect_prepared(&s, n);
		scene_end(&s);
	}
	cr_expect_gt(n, 4, "it has several commits");
}
