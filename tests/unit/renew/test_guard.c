/* A renewed certificate against the one in use: each difference, and what follows in certd as a whole. */
#include "common/timefmt.h"
#include "daemon/renew/guard.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the comparison --- */

struct side {
	const char *names, *usages, *cn, *key, *org, *issuer, *top;
	int days;
	bool has_chain;
};

#define USUAL \
	"a.test b.test", "serverAuth clientAuth", "a.test", "secp256r1", "Let's Encrypt", "R10", "ISRG Root X1", 90, \
		true

static void
side_fill(const struct side *side, struct cert_info *ret)
{
	*ret = (struct cert_info){
		.subject_cn = xstrdup_null(side->cn),
		.issuer_org = xstrdup_null(side->org),
		.issuer_cn = xstrdup_null(side->issuer),
		.top_issuer_cn = xstrdup_null(side->top),
		.not_before_at = 1000,
		.not_after_at = 1000 + side->days * (int64_t)DAY,
		.has_chain = side->has_chain,
	};
	strlist_split(&ret->names, side->names, ' ');
	strlist_split(&ret->usages, side->usages, ' ');
}

Test(guard, each_difference_is_a_warning_or_a_note)
{
	static const struct {
		const char *why;
		struct side old, new;
		const char *names; /* declared ones */
		bool is_redeclared;
		const char *differences, *notes;
	} cases[] = {
		{ "the same", { USUAL }, { USUAL }, "a.test b.test", false, "", "" },
		{ "a declared name is missing", { USUAL },
			{ "a.test", "serverAuth clientAuth", "a.test", "secp256r1", "Let's Encrypt", "R10",
				"ISRG Root X1", 90, true },
			"a.test b.test", false, "it does not contain the name 'b.test'", "" },
		{ "even if the declaration was changed", { USUAL },
			{ "a.test", "serverAuth clientAuth", "a.test", "secp256r1", "Let's Encrypt", "R10",
				"ISRG Root X1", 90, true },
			"a.test b.test", true, "it does not contain the name 'b.test'", "" },
		{ "a name is not declared any more", { USUAL },
			{ "a.test", "serverAuth clientAuth", "a.test", "secp256r1", "Let's Encrypt", "R10",
				"ISRG Root X1", 90, true },
			"a.test", false, "", "" },
		{ "clientAuth disappears", { USUAL },
			{ "a.test b.test", "serverAuth", "a.test", "secp256r1", "Let's Encrypt", "R10", "ISRG Root X1",
				90, true },
			"a.test b.test", false, "",
			"it is not valid for clientAuth any more, which public CAs do not certify any more" },
		{ "serverAuth disappears", { USUAL },
			{ "a.test b.test", "clientAuth", "a.test", "secp256r1", "Let's Encrypt", "R10", "ISRG Root X1",
				90, true },
			"a.test b.test", false, "it is not valid for serverAuth any more", "" },
		{ "for all usages", { USUAL },
			{ "a.test b.test", "", "a.test", "secp256r1", "Let's Encrypt", "R10", "ISRG Root X1", 90,
				true },
			"a.test b.test", false, "", "" },
		{ "no common name", { USUAL },
			{ "a.test b.test", "serverAuth clientAuth", NULL, "secp256r1", "Let's Encrypt", "R10",
				"ISRG Root X1", 90, true },
			"a.test b.test", false, "it has no common name any more", "" },
		{ "another key", { USUAL },
			{ "a.test b.test", "serverAuth clientAuth", "a.test", "rsa2048", "Let's Encrypt", "R10",
				"ISRG Root X1", 90, true },
			"a.test b.test", false, "its key is rsa2048, not secp256r1", "" },
		{ "as declared", { USUAL },
			{ "a.test b.test", "serverAuth clientAuth", "a.test", "rsa2048", "Let's Encrypt", "R10",
				"ISRG Root X1", 90, true },
			"a.test b.test", true, "", "its key is rsa2048, not secp256r1" },
		{ "another intermediate", { USUAL },
			{ "a.test b.test", "serverAuth clientAuth", "a.test", "secp256r1", "Let's Encrypt", "R11",
				"ISRG Root X1", 90, true },
			"a.test b.test", false, "", "it is issued by 'R11', not by 'R10'" },
		{ "another organization", { USUAL },
			{ "a.test b.test", "serverAuth clientAuth", "a.test", "secp256r1", "Other", "R10",
				"ISRG Root X1", 90, true },
			"a.test b.test", false, "it is issued by 'Other', not by 'Let's Encrypt'", "" },
		{ "a CA without organization",
			{ "a.test", "", "a.test", "secp256r1", NULL, "Mini 1", "Root", 90, true },
			{ "a.test", "", "a.test", "secp256r1", NULL, "Mini 2", "Root", 90, true }, "a.test", false,
			"it is issued by 'Mini 2', not by 'Mini 1'", "" },
		{ "another root", { USUAL },
			{ "a.test b.test", "serverAuth clientAuth", "a.test", "secp256r1", "Let's Encrypt", "R10",
				"ISRG Root X2", 90, true },
			"a.test b.test", false, "its chain ends at 'ISRG Root X2', not at 'ISRG Root X1'", "" },
		{ "no chain", { USUAL },
			{ "a.test b.test", "serverAuth clientAuth", "a.test", "secp256r1", "Let's Encrypt", "R10",
				"R10", 90, false },
			"a.test b.test", false, "it comes without a chain", "" },
		{ "half as long", { USUAL },
			{ "a.test b.test", "serverAuth clientAuth", "a.test", "secp256r1", "Let's Encrypt", "R10",
				"ISRG Root X1", 45, true },
			"a.test b.test", false, "", "" },
		{ "much shorter", { USUAL },
			{ "a.test b.test", "serverAuth clientAuth", "a.test", "secp256r1", "Let's Encrypt", "R10",
				"ISRG Root X1", 6, true },
			"a.test b.test", false, "it lives for 6d, not for 90d", "" },
		{ "several", { USUAL },
			{ "a.test b.test", "serverAuth", NULL, "secp256r1", "Let's Encrypt", "E5", "ISRG Root X2", 6,
				true },
			"a.test b.test", false,
			"it has no common name any more; its chain ends at 'ISRG Root X2', not at 'ISRG Root X1'; "
			"it lives for 6d, not for 90d",
			"it is not valid for clientAuth any more, which public CAs do not certify any more; "
			"it is issued by 'E5', not by 'R10'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(cert_info_clear) struct cert_info old = { .serial = NULL }, new = { .serial = NULL };
		_cleanup_strlist_ struct strlist names = STRLIST_INIT, differences = STRLIST_INIT, notes = STRLIST_INIT;
		_cleanup_free_ char *said = NULL, *noted = NULL;
		const struct guard_in in = {
			.old = &old,
			.new = &new,
			.old_key = cases[i].old.key,
			.new_key = cases[i].new.key,
			.names = &names,
			.is_redeclared = cases[i].is_redeclared,
		};

		side_fill(&cases[i].old, &old);
		side_fill(&cases[i].new, &new);
		strlist_split(&names, cases[i].names, ' ');
		guard_compare(&in, &differences, &notes);
		said = strlist_join(&differences, "; ");
		noted = strlist_join(&notes, "; ");
		cr_expect_str_eq(said, cases[i].differences, "%s: %s", cases[i].why, said);
		cr_expect_str_eq(noted, cases[i].notes, "%s: %s", cases[i].why, noted);
	}
}

Test(guard, stapling_that_is_required_or_not_any_more_is_a_difference)
{
	static const struct {
		bool was, is, is_redeclared;
		const char *difference, *note;
	} cases[] = {
		{ false, false, false, NULL, NULL },
		{ true, true, false, NULL, NULL },
		{ false, true, false, "clients refuse it unless the server staples an OCSP response", NULL },
		{ false, true, true, NULL, "clients refuse it unless the server staples an OCSP response" },
		{ true, false, false, "it does not require OCSP stapling any more", NULL },
	};
	const struct side side = { USUAL };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(cert_info_clear) struct cert_info old = { .serial = NULL }, new = { .serial = NULL };
		_cleanup_strlist_ struct strlist differences = STRLIST_INIT, notes = STRLIST_INIT;
		const struct guard_in in = {
			.old = &old, .new = &new, .names = &old.names, .is_redeclared = cases[i].is_redeclared
		};

		side_fill(&side, &old);
		side_fill(&side, &new);
		old.must_staple = cases[i].was;
		new.must_staple = cases[i].is;
		guard_compare(&in, &differences, &notes);
		cr_expect_eq(differences.count, cases[i].difference ? 1 : 0, "%zu", i);
		cr_expect_eq(notes.count, cases[i].note ? 1 : 0, "%zu", i);
		if (cases[i].difference && differences.count)
			cr_expect_str_eq(differences.items[0], cases[i].difference);
		if (cases[i].note && notes.count)
			cr_expect_str_eq(notes.items[0], cases[i].note);
	}
}

Test(guard, only_hold_waits_and_not_near_the_expiry)
{
	static const struct {
		const char *policy;
		int64_t now, until;
	} cases[] = {
		{ NULL, 60 * DAY, 0 },
		{ "warn", 60 * DAY, 0 },
		{ "pass", 60 * DAY, 0 },
		{ "hold", 60 * DAY, 95 * DAY },
		{ "hold", 95 * DAY - 1, 95 * DAY },
		{ "hold", 95 * DAY, 0 },
		{ "hold", 200 * DAY, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(guard_hold_until(cases[i].policy, 0, 100 * DAY, cases[i].now), cases[i].until, "%zu", i);
}

/* --- in certd --- */

/* The certificate in use ends at "Fake Root 0", and the next ones would end at "Fake Root 1". */
struct scene {
	struct run run;
	struct autocert a;
	char *old; /* id of the certificate in use */
};

static void
scene_load(struct scene *s)
{
	autocert_clear(&s->a);
	run_load(&s->run, "a-90d", &s->a);
}

static void
scene_pass(struct scene *s, int64_t sec)
{
	world_run_until(&s->run.world, world_now(&s->run.world) + sec);
	scene_load(s);
}

/* @guard: JSON */
static void
scene_begin(struct scene *s, const char *guard)
{
	struct world *w = &s->run.world;

	*s = (struct scene){ .old = NULL };
	run_begin(&s->run, 0);
	fake_ca_script(w->cas[0].ca)->alternates = 1;
	scene_pass(s, MINUTE);
	s->old = xstrdup(s->a.last_certificate);
	cr_assert(world_call(w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'preferredChain':'Fake Root 1'}}"));
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'guard':%s}}", guard));
}

static void
scene_renew(struct scene *s)
{
	struct world *w = &s->run.world;
	uint64_t issued = w->issued;

	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_RENEW, "{'ref':'a-90d','force':true}"));
	scene_pass(s, MINUTE);
	cr_assert_eq(w->issued, issued + 1);
}

static void
scene_end(struct scene *s)
{
	autocert_clear(&s->a);
	free(s->old);
	run_end(&s->run);
}

/* Owned by the caller. */
static char *
deployed(struct scene *s)
{
	struct rollout_state state = { 0 };
	char *id;

	cr_assert_eq(rollout_load(s->run.world.rollout, s->a.o.id, &state, NULL), 1);
	id = xstrdup(state.certificate);
	record_clear(&rollout_class, &state);
	return id;
}

static size_t
events_of(struct scene *s, enum event_kind kind)
{
	_cleanup_json_ struct json_object *list = events_list(s->run.world.events, NULL, 0, 1000, NULL);
	size_t n = 0;

	cr_assert_not_null(list);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		n += strcmp(json_object_get_string(json_path(json_object_array_get_idx(list, i), "kind")),
			     event_info(kind)->name) == 0;
	return n;
}

Test(guard, a_certificate_that_differs_is_deployed_with_a_warning_unless_the_policy_is_another)
{
	static const struct {
		const char *guard;
		size_t differs, waiting;
		bool is_deployed;
	} cases[] = { { "null", 1, 0, true }, { "'warn'", 1, 0, true }, { "'pass'", 0, 0, true },
		{ "'hold'", 0, 1, false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scene s;
		_cleanup_free_ char *id = NULL;

		scene_begin(&s, cases[i].guard);
		scene_renew(&s);
		id = deployed(&s);
		cr_expect_eq(strcmp(id, s.old) != 0, cases[i].is_deployed, "%s", cases[i].guard);
		cr_expect_str_eq(s.a.last_certificate, id, "%s", cases[i].guard);
		cr_expect_eq(s.a.waiting_certificate == NULL, cases[i].is_deployed, "%s", cases[i].guard);
		cr_expect_eq(events_of(&s, EVENT_CERTIFICATE_DIFFERS), cases[i].differs, "%s", cases[i].guard);
		cr_expect_eq(events_of(&s, EVENT_CERTIFICATE_WAITING), cases[i].waiting, "%s", cases[i].guard);
		cr_expect(strlist_has(&s.a.notes, "its chain ends at 'Fake Root 1', not at 'Fake Root 0'"));
		scene_end(&s);
	}
}

Test(guard, a_certificate_that_waits_is_deployed_when_it_is_approved)
{
	struct scene s;
	struct world *w = &s.run.world;
	_cleanup_free_ char *waiting = NULL, *id = NULL;

	scene_begin(&s, "'hold'");
	cr_expect(!world_call(w, RPC_AUTOCERTIFICATE_APPROVE, "{'ref':'a-90d'}"), "nothing waits");
	scene_renew(&s);
	waiting = xstrdup(s.a.waiting_certificate);
	cr_expect_eq(
		s.a.waiting_until_at, s.a.last_not_after_at - (s.a.last_not_after_at - s.a.last_not_before_at) / 20);
	cr_expect_eq(run_due(&s.run, SCHEDULE_APPROVAL, s.a.o.id), s.a.waiting_until_at);
	cr_expect(!world_call(w, RPC_CERTIFICATE_DELETE, "{'ref':'%s'}", waiting), "it is needed");
	world_stop(w);
	world_start(w);
	scene_pass(&s, DAY);
	cr_expect_str_eq(s.a.last_certificate, s.old);
	cr_expect_str_eq(s.a.waiting_certificate, waiting);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_APPROVE, "{'ref':'a-90d'}"));
	scene_pass(&s, MINUTE);
	id = deployed(&s);
	cr_expect_str_eq(id, waiting);
	cr_expect_str_eq(s.a.last_certificate, waiting);
	cr_expect_null(s.a.waiting_certificate);
	cr_expect_eq(run_due(&s.run, SCHEDULE_APPROVAL, s.a.o.id), 0);
	scene_renew(&s);
	cr_expect_null(s.a.waiting_certificate, "the next one is like the one in use");
	scene_end(&s);
}

Test(guard, nothing_expires_because_nobody_approves)
{
	struct scene s;
	int64_t ends_at, until;

	scene_begin(&s, "'hold'");
	ends_at = s.a.last_not_after_at;
	for (int i = 0; i < 100 && !s.a.waiting_certificate; i++)
		scene_pass(&s, DAY);
	cr_assert_not_null(s.a.waiting_certificate, "renewed in time");
	cr_expect_eq(s.run.world.issued, 2);
	until = s.a.waiting_until_at;
	cr_assert_lt(until, ends_at);
	scene_pass(&s, until - world_now(&s.run.world) - HOUR);
	cr_expect_str_eq(s.a.last_certificate, s.old);
	cr_expect_eq(s.run.world.issued, 2, "not ordered again and again");
	scene_pass(&s, 2 * HOUR);
	cr_expect_str_neq(s.a.last_certificate, s.old);
	cr_expect_null(s.a.waiting_certificate);
	cr_expect_eq(events_of(&s, EVENT_CERTIFICATE_DIFFERS), 1);
	scene_end(&s);
}

Test(guard, a_later_certificate_takes_the_place_of_one_that_waits)
{
	struct scene s;
	_cleanup_free_ char *first = NULL;

	scene_begin(&s, "'hold'");
	scene_renew(&s);
	first = xstrdup(s.a.waiting_certificate);
	scene_renew(&s);
	cr_expect_str_eq(s.a.last_certificate, s.old);
	cr_expect_str_neq(s.a.waiting_certificate, first);
	cr_assert(world_call(
		&s.run.world, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'preferredChain':'Fake Root 0'}}"));
	scene_renew(&s);
	cr_expect_str_neq(s.a.last_certificate, s.old);
	cr_expect_null(s.a.waiting_certificate);
	cr_expect_eq(s.a.waiting_until_at, 0);
	scene_end(&s);
}

Test(guard, a_changed_declaration_and_a_revoked_certificate_do_not_wait)
{
	for (int i = 0; i < 2; i++) {
		struct scene s;
		struct world *w = &s.run.world;

		scene_begin(&s, "'hold'");
		if (i == 0)
			cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE,
				"{'ref':'a-90d','properties':{'keyAlgorithm':'secp384r1'}}"));
		else
			cr_assert(world_call(w, RPC_CERTIFICATE_REVOKE, "{'ref':'%s','reason':'superseded'}", s.old));
		scene_pass(&s, MINUTE);
		cr_expect_str_neq(s.a.last_certificate, s.old, "%d", i);
		cr_expect_null(s.a.waiting_certificate, "%d", i);
		scene_end(&s);
	}
}

Test(guard, a_revoked_certificate_that_waits_is_not_approved)
{
	struct scene s;
	struct world *w = &s.run.world;

	scene_begin(&s, "'hold'");
	scene_renew(&s);
	cr_assert(world_call(w, RPC_CERTIFICATE_REVOKE, "{'ref':'%s','reason':'superseded'}", s.a.waiting_certificate));
	scene_pass(&s, MINUTE);
	cr_expect(!world_call(w, RPC_AUTOCERTIFICATE_APPROVE, "{'ref':'a-90d'}"));
	scene_load(&s);
	cr_expect_str_eq(s.a.last_certificate, s.old);
	scene_end(&s);
}

/* A file with the present root @index of the CA. Return: its path; owned by the caller. */
static char *
write_root(struct scene *s, unsigned index)
{
	char path[] = "/tmp/certd-roots-XXXXXX";
	int fd = mkstemp(path);
	const char *pem = fake_ca_root_pem(s->run.world.cas[0].ca, index);

	cr_assert(fd >= 0 && write(fd, pem, strlen(pem)) == (ssize_t)strlen(pem));
	close(fd);
	return xstrdup(path);
}

Test(guard, a_chain_that_does_not_lead_to_the_trusted_roots_waits)
{
	struct scene s;
	struct world *w = &s.run.world;
	_cleanup_free_ char *file = NULL, *id = NULL;
	const char *note = NULL;

	scene_begin(&s, "'hold'");
	file = write_root(&s, 0);
	cr_assert(world_call(
		w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'preferredChain':null,'trustedRoots':'%s'}}", file));
	scene_renew(&s);
	cr_expect_null(s.a.waiting_certificate);
	cr_expect_eq(s.a.notes.count, 0);
	/* Another root, which has the same name. */
	fake_ca_replace_issuer(w->cas[0].ca);
	scene_renew(&s);
	cr_assert_not_null(s.a.waiting_certificate);
	for (size_t i = 0; i < s.a.notes.count; i++)
		if (strstr(s.a.notes.items[i], "does not lead to a root in") && strstr(s.a.notes.items[i], file))
			note = s.a.notes.items[i];
	cr_expect_not_null(note);
	cr_expect_eq(events_of(&s, EVENT_CERTIFICATE_WAITING), 1);
	/* A file that is gone does not stop renewals, and does not pass for trust. */
	unlink(file);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_UPDATE, "{'ref':'a-90d','properties':{'guard':'warn'}}"));
	scene_renew(&s);
	id = deployed(&s);
	cr_expect_str_eq(s.a.last_certificate, id);
	cr_expect(s.a.notes.count && strstr(s.a.notes.items[0], "the file cannot be read"));
	cr_expect_eq(events_of(&s, EVENT_CERTIFICATE_DIFFERS), 1);
	scene_end(&s);
}

Test(guard, a_first_certificate_whose_chain_is_not_trusted_is_deployed_with_a_warning)
{
	struct scene s;
	struct world *w = &s.run.world;
	_cleanup_free_ char *file = NULL;

	scene_begin(&s, "'hold'");
	file = write_root(&s, 0);
	cr_assert(world_call(
		w, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'preferredChain':null,'trustedRoots':'%s'}}", file));
	fake_ca_replace_issuer(w->cas[0].ca);
	cr_assert(world_call(w, RPC_AUTOCERTIFICATE_CREATE,
		"{'properties':{'name':'b-90d','provider':'ca','commonName':'b-90d.sim.test','guard':'hold'}}"));
	scene_pass(&s, MINUTE);
	autocert_clear(&s.a);
	run_load(&s.run, "b-90d", &s.a);
	cr_expect_not_null(s.a.last_certificate);
	cr_expect_null(s.a.waiting_certificate);
	cr_expect_eq(events_of(&s, EVENT_CERTIFICATE_DIFFERS), 1);
	unlink(file);
	scene_end(&s);
}

Test(guard, trusted_roots_are_refused_when_declared_unless_the_file_has_some)
{
	struct scene s;

	scene_begin(&s, "'hold'");
	cr_expect_not(world_call(&s.run.world, RPC_PROVIDER_UPDATE,
		"{'ref':'ca','properties':{'trustedRoots':'/nonexistent/roots.pem'}}"));
	cr_expect_not(world_call(
		&s.run.world, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'trustedRoots':'/dev/null'}}"));
	cr_expect(world_call(&s.run.world, RPC_PROVIDER_UPDATE, "{'ref':'ca','properties':{'trustedRoots':null}}"));
	scene_end(&s);
}
