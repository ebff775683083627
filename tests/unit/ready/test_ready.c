/*
 * Rehearsals of a renewal: what is asked, in which order, and what is reported. The test answers for the DNS, the
 * solver and port 80; the CA is the scripted one, in virtual time.
 */
#include "daemon/ready/ready.h"

#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/challenge/dns_target.h"
#include "daemon/challenge/http_check.h"
#include "daemon/ready/ready_private.h"
#include "daemon/schedule/schedule.h"
#include "tests/support/process.h"
#include "tests/unit/renew/run.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- answers --- */

/*
 * What is asked, "TYPE NAME" or "TYPE NAME @SERVER", and its answers, separated by '|'; the last one is repeated. Each
 * is "TIMEOUT" or a list of "aa", "rcode=N", "zone=NAME", "cname=NAME" and values, separated by '&'. What is not in the
 * list is not answered.
 */
struct talk {
	const char *question, *answers;
};

static struct stage {
	const struct talk *talks; /* the last one has no question */
	const char *method;       /* of solver_method(); NULL: there is none */
	const char *target;       /* "zone", or "!" and why there is none; NULL: it never comes */
	const struct dnsprovider *provider;
	const char *zones;       /* of list_zones(), separated by ','; "!" and an error; NULL: none comes */
	const char *thumbprint;  /* of the account; not copied */
	enum error_code port_80; /* ERROR_NONE: the answer is right; ERROR_STATE: none comes */
	struct loop *loop;
	unsigned times[16];    /* of each talk */
	struct reply *replies; /* running ones */
	struct buf asked;      /* a line for each question */
	unsigned listings;
} stage;

/* A question that waits for its answer. */
struct reply {
	struct loop_timer timer;
	const char *answer; /* up to '|'; NULL: none comes */
	dns_done_fn *dns_done;
	dns_target_done_fn *target_done;
	dnsprovider_zones_fn *zones_done;
	http_check_done_fn *http_done;
	void *arg;
	struct reply *next;
};

static void
reply_free(struct reply *r)
{
	struct reply **at = &stage.replies;

	while (*at && *at != r)
		at = &(*at)->next;
	cr_assert_eq(*at, r, "it was answered or cancelled already");
	*at = r->next;
	loop_timer_cancel(&r->timer);
	free(r);
}

static void
reply_dns(const struct reply *r)
{
	struct dns_answer answer = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_strlist_ struct strlist words = STRLIST_INIT;
	_cleanup_free_ char *text = xstrndup(r->answer, strcspn(r->answer, "|"));

	if (strcmp(text, "TIMEOUT") == 0) {
		error_set(&err, ERROR_TIMEOUT, "no answer");
		r->dns_done(NULL, &err, r->arg);
		return;
	}
	strlist_split(&words, text, '&');
	for (size_t i = 0; i < words.count; i++) {
		const char *word = words.items[i];

		if (strcmp(word, "aa") == 0)
			answer.is_authoritative = true;
		else if (strncmp(word, "rcode=", 6) == 0)
			answer.rcode = (int)strtol(word + 6, NULL, 10);
		else if (strncmp(word, "zone=", 5) == 0)
			answer.soa_zone = xstrdup(word + 5);
		else if (strncmp(word, "cname=", 6) == 0)
			answer.cname = xstrdup(word + 6);
		else if (*word)
			strlist_add(&answer.values, word);
	}
	r->dns_done(&answer, NULL, r->arg);
	dns_answer_clear(&answer);
}

static void
reply_target(const struct reply *r)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct dns_target target = { .name = xstrdup("_acme-challenge.target.sim.test") };

	if (r->answer[0] == '!')
		error_set(&err, strcmp(r->answer, "!silent") == 0 ? ERROR_TIMEOUT : ERROR_DNS, "%s", r->answer + 1);
	else if (*r->answer)
		target.zone = xstrdup(r->answer);
	record_copy(&dnsprovider_class, &target.provider, stage.provider);
	r->target_done(error_is_set(&err) ? NULL : &target, error_is_set(&err) ? &err : NULL, r->arg);
	dns_target_clear(&target);
}

static void
reply_zones(const struct reply *r)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_strlist_ struct strlist zones = STRLIST_INIT;

	if (r->answer[0] == '!')
		error_set(&err, ERROR_DENIED, "%s", r->answer + 1);
	else
		strlist_split(&zones, r->answer, ',');
	r->zones_done(error_is_set(&err) ? NULL : &zones, error_is_set(&err) ? &err : NULL, r->arg);
}

static void
reply_now(void *arg)
{
	struct reply copy = *(struct reply *)arg;
	_cleanup_error_ struct error err = ERROR_INIT;

	reply_free(arg);
	if (copy.dns_done) {
		reply_dns(&copy);
	} else if (copy.target_done) {
		reply_target(&copy);
	} else if (copy.zones_done) {
		reply_zones(&copy);
	} else {
		if (stage.port_80 != ERROR_NONE)
			error_set(&err, stage.port_80, "port 80 says so");
		copy.http_done(error_is_set(&err) ? &err : NULL, copy.arg);
	}
}

static void *
reply_new(const struct reply *like)
{
	struct reply *r = xcalloc(1, sizeof(*r));

	*r = *like;
	r->next = stage.replies;
	stage.replies = r;
	loop_timer_init(&r->timer, stage.loop, reply_now, r);
	if (r->answer)
		loop_timer_set(&r->timer, 10);
	return r;
}

/* The answer to this question at this time; NULL: none. */
static const char *
stage_answer(const char *question)
{
	for (size_t i = 0; stage.talks && stage.talks[i].question; i++) {
		const char *answer = stage.talks[i].answers;

		if (strcmp(stage.talks[i].question, question) != 0)
			continue;
		for (unsigned n = stage.times[i]++; n && strchr(answer, '|'); n--)
			answer = strchr(answer, '|') + 1;
		return answer;
	}
	return NULL;
}

static void *
stage_ask(const char *type, const char *name, const char *server, dns_done_fn *done, void *arg)
{
	_cleanup_free_ char *question = xasprintf("%s %s%s%s", type, name, server ? " @" : "", server ? server : "");

	/* Most zones here are not signed. */
	if (strcmp(type, "DS") == 0 && !stage_answer(question))
		return reply_new(&(struct reply){ .answer = "", .dns_done = done, .arg = arg });
	buf_printf(&stage.asked, "%s\n", question);
	return reply_new(&(struct reply){ .answer = stage_answer(question), .dns_done = done, .arg = arg });
}

struct dns_query *
__wrap_dns_ask(struct dns *dns, const char *server, const char *name, enum dns_type type, int64_t timeout_ms,
	dns_done_fn *done, void *arg);
struct dns_query *
__wrap_dns_ask_unvalidated(
	struct dns *dns, const char *name, enum dns_type type, int64_t timeout_ms, dns_done_fn *done, void *arg);
struct dns_query *
__wrap_dns_resolve(struct dns *dns, const char *host, int64_t timeout_ms, dns_done_fn *done, void *arg);
void
__wrap_dns_cancel(struct dns_query *query);
struct dns_finder *
__wrap_dns_target_find(const struct dnsprovider_env *env, struct store *store, const char *named, const char *name,
	dns_target_done_fn *done, void *arg);
void
__wrap_dns_target_cancel(struct dns_finder *finder);
const struct dnsprovider_driver *
__wrap_dnsprovider_driver(const char *kind);
const struct dnsprovider_driver *
__real_dnsprovider_driver(const char *kind);
const char *
__wrap_solver_method(struct solver *solver, const struct autocert *autocert, const char *name, struct error *err);
const char *
__real_solver_method(struct solver *solver, const struct autocert *autocert, const char *name, struct error *err);
struct http_check *
__wrap_http_check_start(
	struct solver *solver, const char *name, const char *thumbprint, http_check_done_fn *done, void *arg);
void
__wrap_http_check_cancel(struct http_check *check);

struct dns_query *
__wrap_dns_ask(struct dns *dns _unused_, const char *server, const char *name, enum dns_type type, int64_t timeout_ms,
	dns_done_fn *done, void *arg)
{
	cr_expect_eq(timeout_ms, READY_ASK_MS);
	return stage_ask(dns_type_name(type), name, server, done, arg);
}

struct dns_query *
__wrap_dns_ask_unvalidated(struct dns *dns _unused_, const char *name, enum dns_type type, int64_t timeout_ms,
	dns_done_fn *done, void *arg)
{
	cr_expect_eq(timeout_ms, READY_ASK_MS);
	return stage_ask(dns_type_name(type), name, "unvalidated", done, arg);
}

struct dns_query *
__wrap_dns_resolve(struct dns *dns _unused_, const char *host, int64_t timeout_ms, dns_done_fn *done, void *arg)
{
	cr_expect_eq(timeout_ms, READY_ASK_MS);
	return stage_ask("host", host, NULL, done, arg);
}

void
__wrap_dns_cancel(struct dns_query *query)
{
	if (query)
		reply_free((struct reply *)query);
}

struct dns_finder *
__wrap_dns_target_find(const struct dnsprovider_env *env _unused_, struct store *store _unused_,
	const char *named _unused_, const char *name, dns_target_done_fn *done, void *arg)
{
	buf_printf(&stage.asked, "target %s\n", name);
	return reply_new(&(struct reply){ .answer = stage.target, .target_done = done, .arg = arg });
}

void
__wrap_dns_target_cancel(struct dns_finder *finder)
{
	if (finder)
		reply_free((struct reply *)finder);
}

static struct dnsprovider_op *
stage_list_zones(
	const struct dnsprovider_env *env _unused_, const struct dnsprovider *d, dnsprovider_zones_fn *done, void *arg)
{
	stage.listings++;
	buf_printf(&stage.asked, "zones of %s\n", d->o.name);
	return reply_new(&(struct reply){ .answer = stage.zones, .zones_done = done, .arg = arg });
}

static void
stage_cancel(struct dnsprovider_op *op)
{
	reply_free((struct reply *)op);
}

const struct dnsprovider_driver *
__wrap_dnsprovider_driver(const char *kind)
{
	static const struct dnsprovider_driver driver = { .list_zones = stage_list_zones, .cancel = stage_cancel };

	return kind && strcmp(kind, "hetzner") == 0 ? &driver : __real_dnsprovider_driver(kind);
}

const char *
__wrap_solver_method(struct solver *solver, const struct autocert *autocert, const char *name, struct error *err)
{
	if (!stage.loop)
		return __real_solver_method(solver, autocert, name, err);
	if (!stage.method)
		error_set(err, ERROR_STATE, "there is no way to validate %s", name);
	return stage.method;
}

struct http_check *
__wrap_http_check_start(
	struct solver *solver _unused_, const char *name, const char *thumbprint, http_check_done_fn *done, void *arg)
{
	cr_expect_str_eq(thumbprint, stage.thumbprint);
	buf_printf(&stage.asked, "port 80 of %s\n", name);
	return reply_new(
		&(struct reply){ .answer = stage.port_80 == ERROR_STATE ? NULL : "", .http_done = done, .arg = arg });
}

void
__wrap_http_check_cancel(struct http_check *check)
{
	if (check)
		reply_free((struct reply *)check);
}

/* --- a world --- */

struct bed {
	struct run run;
	struct world *w;
	struct conf conf;
	char *dir;
	struct ready *ready;
	struct autocert a;
	struct provider p;
	struct dnsprovider d;
	unsigned dones;
	struct buf findings; /* "grade check (name): text", of the last run */
	struct ready_state last;
	enum error_code code;
	int64_t took_sec;
};

static void
bed_init(struct bed *b)
{
	*b = (struct bed){ .w = &b->run.world };
	memset(&stage, 0, sizeof(stage));
	run_begin(&b->run, 0);
	world_run_until(b->w, world_now(b->w) + 10 * MINUTE);
	run_load(&b->run, "a-90d", &b->a);
	cr_assert_eq(object_find(b->w->store, &provider_class, "ca", &b->p, NULL), 1);
	strlist_clear(&b->a.sans);
	str_replace(&b->a.common_name, "www.sim.test");
	b->dir = scratch_new();
	b->conf = b->w->conf; /* borrowed */
	b->conf.drop_root = b->dir;
	b->ready = ready_new(&(struct ready_config){ .env = &b->w->issue_env, .conf = &b->conf });
	stage.loop = b->w->loop;
	stage.method = "tls-alpn-01";
	stage.thumbprint = b->p.account_thumbprint;
}

static void
bed_clear(struct bed *b)
{
	ready_free(b->ready);
	cr_expect_null(stage.replies, "a question is left");
	stage.loop = NULL;
	buf_clear(&stage.asked);
	buf_clear(&b->findings);
	record_clear(&ready_class, &b->last);
	autocert_clear(&b->a);
	provider_clear(&b->p);
	dnsprovider_clear(&b->d);
	run_end(&b->run);
	scratch_remove(&b->dir);
}

/* Stores what the test has changed of the objects. */
static void
bed_save(struct bed *b)
{
	struct store_txn *txn = store_begin(b->w->store);

	cr_assert_eq(object_save(b->w->store, txn, &autocert_class, &b->a, NULL), 0);
	cr_assert_eq(object_save(b->w->store, txn, &provider_class, &b->p, NULL), 0);
	if (b->d.kind)
		cr_assert_eq(object_save(b->w->store, txn, &dnsprovider_class, &b->d, NULL), 0);
	store_commit(b->w->store);
	stage.provider = &b->d;
}

static void
bed_done(const struct ready_state *state, struct store_txn *txn _unused_, const struct error *err, void *arg)
{
	struct bed *b = arg;

	b->dones++;
	b->code = err ? err->code : ERROR_NONE;
	buf_reset(&b->findings);
	record_clear(&ready_class, &b->last);
	if (!state)
		return;
	record_copy(&ready_class, &b->last, state);
	for (size_t i = 0; i < state->findings.count; i++) {
		const struct ready_finding *f = (const struct ready_finding *)state->findings.items + i;

		buf_printf(&b->findings, "%s %s%s%s%s: %s\n", ready_grade_name(f->grade), f->check, f->name ? " (" : "",
			f->name ? f->name : "", f->name ? ")" : "", f->text);
	}
}

static void
bed_check(struct bed *b)
{
	int64_t began_at = world_now(b->w);
	unsigned before = b->dones;

	buf_reset(&stage.asked);
	ready_start(b->ready, b->a.o.id, bed_done, b);
	cr_expect_eq(b->dones, before, "from inside");
	while (b->dones == before && world_now(b->w) < began_at + 60)
		world_run_until(b->w, world_now(b->w) + 1);
	cr_assert_eq(b->dones, before + 1);
	b->took_sec = world_now(b->w) - began_at;
}

static void
bed_provider(struct bed *b, const char *kind, const char *zone, const char *server, const char *nameservers)
{
	b->d.kind = xstrdup(kind);
	b->d.o.name = xstrdup("dns");
	strlist_add(&b->d.zones, zone);
	setting_put(&b->d.settings, "server", server);
	if (nameservers)
		strlist_split(&b->d.nameservers, nameservers, ' ');
}

/* One run: all that is asked, and all that is found. */
static void
bed_expect(struct bed *b, const char *why, const struct talk *talks, const char *asked, const char *findings)
{
	stage.talks = talks;
	memset(stage.times, 0, sizeof(stage.times));
	bed_save(b);
	bed_check(b);
	cr_expect_null(stage.replies, "%s: a question is left", why);
	cr_expect_str_eq(buf_str(&stage.asked), asked, "%s:\n%s", why, buf_str(&stage.asked));
	cr_expect_str_eq(buf_str(&b->findings), findings, "%s:\n%s", why, buf_str(&b->findings));
}

/* What follows in a zone whose servers and address are there. */
#define SERVERS \
	{ "NS sim.test", "ns1.sim.test" }, \
	{ \
		"host ns1.sim.test", "192.0.2.1" \
	}
#define NO_CAA \
	{ "CAA www.sim.test @192.0.2.1:53", "aa" }, { "CAA sim.test @192.0.2.1:53", "aa" }, \
	{ \
		"CAA test", "" \
	}
#define NO_CAA_AT_RESOLVER \
	{ "CAA www.sim.test", "" }, { "CAA sim.test", "" }, \
	{ \
		"CAA test", "" \
	}
#define ADDRESS \
	{ \
		"A www.sim.test", "192.0.2.80" \
	}
#define ZONE \
	{ \
		"SOA www.sim.test", "zone=sim.test" \
	}
#define ASKED_SERVERS "NS sim.test\nhost ns1.sim.test\n"
#define ASKED_CAA "CAA www.sim.test @192.0.2.1:53\nCAA sim.test @192.0.2.1:53\nCAA test\n"
#define ASKED_CAA_AT_RESOLVER "CAA www.sim.test\nCAA sim.test\nCAA test\n"
#define ASKED_ALL "SOA www.sim.test\n" ASKED_SERVERS ASKED_CAA "A www.sim.test\n"

#define SAYS_DNSSEC \
	"warning delegation (www.sim.test): DNSSEC: the resolver answers SERVFAIL for www.sim.test, but not if it is " \
	"told not to validate: the signatures of its zone do not match the DS record of the parent zone, or have " \
	"expired\n"
#define SAYS_SERVFAIL \
	"warning delegation (www.sim.test): the resolver answers SERVFAIL for www.sim.test: do its name servers " \
	"answer, and are they those of the delegation?\n"
#define SAYS_NO_CA " does not allow any CA; correct the record, or choose another CA\n"

Test(ready, names_are_checked_at_the_resolver_and_at_the_servers_of_their_zone)
{
	static const struct {
		const char *why, *name, *method;
		struct talk talks[10];
		const char *asked, *findings;
	} cases[] = {
		{ "all is well", "www.sim.test", "tls-alpn-01", { ZONE, SERVERS, NO_CAA, ADDRESS }, ASKED_ALL, "" },
		/* the zone */
		{ "SERVFAIL passes", "www.sim.test", "tls-alpn-01",
			{ { "SOA www.sim.test", "rcode=2|zone=sim.test" }, SERVERS, NO_CAA, ADDRESS },
			"SOA www.sim.test\n" ASKED_ALL, "" },
		{ "DNSSEC", "www.sim.test", "tls-alpn-01",
			{ { "SOA www.sim.test", "rcode=2" }, { "SOA www.sim.test @unvalidated", "zone=sim.test" },
				NO_CAA_AT_RESOLVER, ADDRESS },
			"SOA www.sim.test\nSOA www.sim.test\nSOA www.sim.test @unvalidated\n" ASKED_CAA_AT_RESOLVER
			"A www.sim.test\n",
			SAYS_DNSSEC },
		{ "DNSSEC of a name without records", "www.sim.test", "tls-alpn-01",
			{ { "SOA www.sim.test", "rcode=2" }, { "SOA www.sim.test @unvalidated", "rcode=3" },
				NO_CAA_AT_RESOLVER, ADDRESS },
			"SOA www.sim.test\nSOA www.sim.test\nSOA www.sim.test @unvalidated\n" ASKED_CAA_AT_RESOLVER
			"A www.sim.test\n",
			SAYS_DNSSEC },
		{ "SERVFAIL", "www.sim.test", "tls-alpn-01",
			{ { "SOA www.sim.test", "rcode=2" }, { "SOA www.sim.test @unvalidated", "rcode=2" },
				NO_CAA_AT_RESOLVER, ADDRESS },
			"SOA www.sim.test\nSOA www.sim.test\nSOA www.sim.test @unvalidated\n" ASKED_CAA_AT_RESOLVER
			"A www.sim.test\n",
			SAYS_SERVFAIL },
		{ "SERVFAIL, then silence", "www.sim.test", "tls-alpn-01",
			{ { "SOA www.sim.test", "rcode=2" }, { "SOA www.sim.test @unvalidated", "TIMEOUT" },
				NO_CAA_AT_RESOLVER, ADDRESS },
			"SOA www.sim.test\nSOA www.sim.test\nSOA www.sim.test @unvalidated\n" ASKED_CAA_AT_RESOLVER
			"A www.sim.test\n",
			SAYS_SERVFAIL },
		{ "silence", "www.sim.test", "tls-alpn-01",
			{ { "SOA www.sim.test", "TIMEOUT" }, NO_CAA_AT_RESOLVER, ADDRESS },
			"SOA www.sim.test\n" ASKED_CAA_AT_RESOLVER "A www.sim.test\n",
			"note delegation (www.sim.test): no answer\n" },
		{ "refused", "www.sim.test", "tls-alpn-01",
			{ { "SOA www.sim.test", "rcode=5" }, NO_CAA_AT_RESOLVER, ADDRESS },
			"SOA www.sim.test\n" ASKED_CAA_AT_RESOLVER "A www.sim.test\n", "" },
		{ "without its SOA", "www.sim.test", "tls-alpn-01",
			{ { "SOA www.sim.test", "" }, { "SOA sim.test", "zone=sim.test" }, SERVERS, NO_CAA, ADDRESS },
			"SOA www.sim.test\nSOA sim.test\n" ASKED_SERVERS ASKED_CAA "A www.sim.test\n", "" },
		{ "an alias", "www.sim.test", "tls-alpn-01",
			{ { "SOA www.sim.test", "cname=x.other&zone=sim.test" }, { "SOA sim.test", "zone=sim.test" },
				SERVERS, NO_CAA, ADDRESS },
			"SOA www.sim.test\nSOA sim.test\n" ASKED_SERVERS ASKED_CAA "A www.sim.test\n", "" },
		{ "the SOA of elsewhere", "www.sim.test", "tls-alpn-01",
			{ { "SOA www.sim.test", "zone=other.test" }, { "SOA sim.test", "zone=sim.test" }, SERVERS,
				NO_CAA, ADDRESS },
			"SOA www.sim.test\nSOA sim.test\n" ASKED_SERVERS ASKED_CAA "A www.sim.test\n", "" },
		{ "no SOA at all", "www.sim.test", "tls-alpn-01",
			{ { "SOA www.sim.test", "" }, { "SOA sim.test", "rcode=3" }, { "SOA test", "" },
				NO_CAA_AT_RESOLVER, ADDRESS },
			"SOA www.sim.test\nSOA sim.test\nSOA test\n" ASKED_CAA_AT_RESOLVER "A www.sim.test\n", "" },
		{ "not delegated", "www.sim.test", "tls-alpn-01",
			{ { "SOA www.sim.test", "rcode=3&zone=test" }, { "NS test", "" }, NO_CAA_AT_RESOLVER, ADDRESS },
			"SOA www.sim.test\nNS test\n" ASKED_CAA_AT_RESOLVER "A www.sim.test\n",
			"warning delegation (www.sim.test): www.sim.test does not exist (NXDOMAIN): zone test "
			"does not delegate it\n" },
		{ "of a top-level zone, and there", "www.sim.test", "tls-alpn-01",
			{ { "SOA www.sim.test", "zone=test" }, { "NS test", "" }, NO_CAA_AT_RESOLVER, ADDRESS },
			"SOA www.sim.test\nNS test\n" ASKED_CAA_AT_RESOLVER "A www.sim.test\n", "" },
		{ "without records in its zone", "www.sim.test", "tls-alpn-01",
			{ { "SOA www.sim.test", "rcode=3&zone=sim.test" }, SERVERS, NO_CAA, ADDRESS },
			"SOA www.sim.test\n" ASKED_SERVERS ASKED_CAA "A www.sim.test\n", "" },
		/* CAA */
		{ "servers that are silent, refuse, or are not authoritative", "www.sim.test", "tls-alpn-01",
			{ ZONE, { "NS sim.test", "ns1.sim.test&ns2.sim.test&ns3.sim.test&ns4.sim.test" },
				{ "host ns1.sim.test", "192.0.2.1&192.0.2.2" }, { "host ns2.sim.test", "TIMEOUT" },
				{ "host ns3.sim.test", "192.0.2.3&192.0.2.4&192.0.2.5" },
				{ "CAA www.sim.test @192.0.2.1:53", "TIMEOUT" },
				{ "CAA www.sim.test @192.0.2.2:53", "aa&rcode=5" },
				{ "CAA www.sim.test @192.0.2.3:53", "0 issue ;" },
				{ "CAA www.sim.test @192.0.2.4:53", "aa&0 issue ;" } },
			"SOA www.sim.test\n" ASKED_SERVERS
			"host ns2.sim.test\nhost ns3.sim.test\nCAA www.sim.test @192.0.2.1:53\nCAA "
			"www.sim.test @192.0.2.2:53\nCAA www.sim.test @192.0.2.3:53\nCAA www.sim.test "
			"@192.0.2.4:53\nA www.sim.test\n",
			"blocked caa (www.sim.test): CAA of www.sim.test, seen at 192.0.2.4:53: issue \";\" "
			"does not allow any CA; correct the record, or choose another CA\nnote address "
			"(www.sim.test): no result within 25 s\n" },
		{ "no server answers", "www.sim.test", "tls-alpn-01",
			{ ZONE, SERVERS, { "CAA www.sim.test @192.0.2.1:53", "TIMEOUT" },
				{ "CAA sim.test @192.0.2.1:53", "TIMEOUT" }, NO_CAA_AT_RESOLVER, ADDRESS },
			"SOA www.sim.test\n" ASKED_SERVERS
			"CAA www.sim.test @192.0.2.1:53\nCAA www.sim.test\nCAA sim.test @192.0.2.1:53\nCAA "
			"sim.test\nCAA test\nA www.sim.test\n",
			"" },
		{ "an alias with records", "www.sim.test", "tls-alpn-01",
			{ ZONE, SERVERS, { "CAA www.sim.test @192.0.2.1:53", "aa&cname=x.other" },
				{ "CAA www.sim.test", "cname=x.other&0 issue ;" }, ADDRESS },
			"SOA www.sim.test\n" ASKED_SERVERS
			"CAA www.sim.test @192.0.2.1:53\nCAA www.sim.test\nA www.sim.test\n",
			"blocked caa (www.sim.test): CAA of www.sim.test, seen at the resolver: issue "
			"\";\"" SAYS_NO_CA },
		{ "records of the zone", "www.sim.test", "tls-alpn-01",
			{ ZONE, SERVERS, { "CAA www.sim.test @192.0.2.1:53", "aa&rcode=3" },
				{ "CAA sim.test @192.0.2.1:53", "aa&0 issue ;" }, ADDRESS },
			"SOA www.sim.test\n" ASKED_SERVERS
			"CAA www.sim.test @192.0.2.1:53\nCAA sim.test @192.0.2.1:53\nA www.sim.test\n",
			"blocked caa (www.sim.test): CAA of sim.test, seen at 192.0.2.1:53: issue \";\"" SAYS_NO_CA },
		{ "records of the top", "www.sim.test", "tls-alpn-01",
			{ ZONE, SERVERS, { "CAA www.sim.test @192.0.2.1:53", "aa" },
				{ "CAA sim.test @192.0.2.1:53", "aa" }, { "CAA test", "0 issue ;" }, ADDRESS },
			"SOA www.sim.test\n" ASKED_SERVERS ASKED_CAA "A www.sim.test\n",
			"blocked caa (www.sim.test): CAA of test, seen at the resolver: issue \";\"" SAYS_NO_CA },
		{ "records that nothing is known about", "www.sim.test", "tls-alpn-01",
			{ ZONE, SERVERS, { "CAA www.sim.test @192.0.2.1:53", "aa&0 issue ca.test" }, ADDRESS },
			"SOA www.sim.test\n" ASKED_SERVERS "CAA www.sim.test @192.0.2.1:53\nA www.sim.test\n",
			"note caa (www.sim.test): CAA of www.sim.test: issue \"ca.test\": the CA does not say "
			"by which name CAA records allow it\n" },
		{ "a zone of its own", "www.sim.test", "tls-alpn-01",
			{ { "SOA www.sim.test", "zone=www.sim.test" }, { "NS www.sim.test", "ns1.sim.test" },
				{ "host ns1.sim.test", "192.0.2.1" }, { "CAA www.sim.test @192.0.2.1:53", "aa" },
				{ "CAA sim.test", "" }, { "CAA test", "" }, ADDRESS },
			"SOA www.sim.test\nNS www.sim.test\nhost ns1.sim.test\nCAA www.sim.test "
			"@192.0.2.1:53\nCAA sim.test\nCAA test\nA www.sim.test\n",
			"" },
		{ "its servers cannot be found", "www.sim.test", "tls-alpn-01",
			{ ZONE, { "NS sim.test", "TIMEOUT" }, NO_CAA_AT_RESOLVER, ADDRESS },
			"SOA www.sim.test\nNS sim.test\n" ASKED_CAA_AT_RESOLVER "A www.sim.test\n", "" },
		{ "the resolver fails once", "www.sim.test", "tls-alpn-01",
			{ ZONE, { "NS sim.test", "" }, { "CAA www.sim.test", "rcode=2|" }, { "CAA sim.test", "" },
				{ "CAA test", "" }, ADDRESS },
			"SOA www.sim.test\nNS sim.test\nCAA www.sim.test\n" ASKED_CAA_AT_RESOLVER "A www.sim.test\n",
			"" },
		{ "the resolver fails", "www.sim.test", "tls-alpn-01",
			{ ZONE, { "NS sim.test", "" }, { "CAA www.sim.test", "rcode=2" }, ADDRESS },
			"SOA www.sim.test\nNS sim.test\nCAA www.sim.test\nCAA www.sim.test\nA www.sim.test\n",
			"blocked caa (www.sim.test): the CAA records of www.sim.test cannot be looked up "
			"(SERVFAIL, twice): CAs do not issue then; check the name servers of its zone\n" },
		{ "the resolver fails once for each", "www.sim.test", "tls-alpn-01",
			{ ZONE, { "NS sim.test", "" }, { "CAA www.sim.test", "rcode=2|" },
				{ "CAA sim.test", "TIMEOUT|" }, { "CAA test", "rcode=2|" }, ADDRESS },
			"SOA www.sim.test\nNS sim.test\nCAA www.sim.test\nCAA www.sim.test\nCAA sim.test\nCAA "
			"sim.test\nCAA test\nCAA test\nA www.sim.test\n",
			"" },
		{ "the resolver is silent", "www.sim.test", "tls-alpn-01",
			{ ZONE, { "NS sim.test", "" }, { "CAA www.sim.test", "TIMEOUT" }, ADDRESS },
			"SOA www.sim.test\nNS sim.test\nCAA www.sim.test\nCAA www.sim.test\nA www.sim.test\n",
			"note caa (www.sim.test): no answer\n" },
		{ "the resolver does not know CAA", "www.sim.test", "tls-alpn-01",
			{ ZONE, { "NS sim.test", "" }, { "CAA www.sim.test", "rcode=4" }, ADDRESS },
			"SOA www.sim.test\nNS sim.test\nCAA www.sim.test\nA www.sim.test\n",
			"note caa (www.sim.test): the resolver answers NOTIMP to a query for the CAA records "
			"of www.sim.test\n" },
		{ "or only above", "www.sim.test", "tls-alpn-01",
			{ ZONE, { "NS sim.test", "" }, { "CAA www.sim.test", "" }, { "CAA sim.test", "rcode=4" },
				ADDRESS },
			"SOA www.sim.test\nNS sim.test\nCAA www.sim.test\nCAA sim.test\nA www.sim.test\n", "" },
		{ "a wildcard", "*.sim.test", "manual",
			{ { "SOA sim.test", "zone=sim.test" }, SERVERS,
				{ "CAA sim.test @192.0.2.1:53", "aa&0 issuewild ;&0 issue ca.test" } },
			"SOA sim.test\n" ASKED_SERVERS "CAA sim.test @192.0.2.1:53\n",
			"blocked caa (*.sim.test): CAA of sim.test, seen at 192.0.2.1:53: issuewild \";\"" SAYS_NO_CA },
		/* addresses */
		{ "only IPv6", "www.sim.test", "http-01",
			{ ZONE, SERVERS, NO_CAA, { "A www.sim.test", "" }, { "AAAA www.sim.test", "2001:db8::1" } },
			"SOA www.sim.test\n" ASKED_SERVERS ASKED_CAA
			"A www.sim.test\nAAAA www.sim.test\nport 80 of www.sim.test\n",
			"" },
		{ "no address", "www.sim.test", "tls-alpn-01",
			{ ZONE, SERVERS, NO_CAA, { "A www.sim.test", "" }, { "AAAA www.sim.test", "" } },
			"SOA www.sim.test\n" ASKED_SERVERS ASKED_CAA "A www.sim.test\nAAAA www.sim.test\n",
			"warning address (www.sim.test): www.sim.test has neither an A nor an AAAA record, so "
			"the CA cannot reach it for tls-alpn-01\n" },
		{ "does not exist", "www.sim.test", "http-01",
			{ ZONE, SERVERS, NO_CAA, { "A www.sim.test", "rcode=3" }, { "AAAA www.sim.test", "rcode=3" } },
			"SOA www.sim.test\n" ASKED_SERVERS ASKED_CAA
			"A www.sim.test\nAAAA www.sim.test\nport 80 of www.sim.test\n",
			"warning address (www.sim.test): www.sim.test has neither an A nor an AAAA record, so "
			"the CA cannot reach it for http-01\n" },
		{ "only one is asked in vain", "www.sim.test", "tls-alpn-01",
			{ ZONE, SERVERS, NO_CAA, { "A www.sim.test", "TIMEOUT" },
				{ "AAAA www.sim.test", "2001:db8::1" } },
			"SOA www.sim.test\n" ASKED_SERVERS ASKED_CAA "A www.sim.test\nAAAA www.sim.test\n", "" },
		{ "both are", "www.sim.test", "tls-alpn-01",
			{ ZONE, SERVERS, NO_CAA, { "A www.sim.test", "TIMEOUT" }, { "AAAA www.sim.test", "TIMEOUT" } },
			"SOA www.sim.test\n" ASKED_SERVERS ASKED_CAA "A www.sim.test\nAAAA www.sim.test\n",
			"note address (www.sim.test): no answer\n" },
		{ "refused addresses", "www.sim.test", "tls-alpn-01",
			{ ZONE, SERVERS, NO_CAA, { "A www.sim.test", "rcode=5" }, { "AAAA www.sim.test", "rcode=5" } },
			"SOA www.sim.test\n" ASKED_SERVERS ASKED_CAA "A www.sim.test\nAAAA www.sim.test\n", "" },
		/* others */
		{ "no way to validate", "www.sim.test", NULL, { ZONE, SERVERS, NO_CAA },
			"SOA www.sim.test\n" ASKED_SERVERS ASKED_CAA,
			"warning challenge (www.sim.test): there is no way to validate www.sim.test\n" },
		{ "an address", "192.0.2.7", "http-01", { { NULL, NULL } }, "", "" },
		{ "silence everywhere", "www.sim.test", "tls-alpn-01", { { NULL, NULL } }, "SOA www.sim.test\n",
			"note delegation (www.sim.test): no result within 25 s\n" },
	};
	struct bed b;

	bed_init(&b);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		str_replace(&b.a.common_name, cases[i].name);
		stage.method = cases[i].method;
		stage.talks = cases[i].talks;
		memset(stage.times, 0, sizeof(stage.times));
		bed_save(&b);
		bed_check(&b);
		cr_expect_null(stage.replies, "%s: a question is left", cases[i].why);
		cr_expect_str_eq(buf_str(&stage.asked), cases[i].asked, "%s:\n%s", cases[i].why, buf_str(&stage.asked));
		cr_expect_str_eq(
			buf_str(&b.findings), cases[i].findings, "%s:\n%s", cases[i].why, buf_str(&b.findings));
	}
	bed_clear(&b);
}

Test(ready, a_signature_of_the_zone_that_ends_is_reported_before_validation_fails)
{
	static const char no_key[] =
		"the zone above has a DS record for sim.test, which has no key: remove the DS record, or "
		"sign the zone";
	static const struct {
		const char *why, *keys;
		struct {
			int type;
			int64_t lived, left; /* days */
		} signatures[3];
		int64_t ended_in; /* days, in what is said; or -1 */
		const char *before, *after;
	} cases[] = {
		{ "fresh", "257", { { 6, 10, 20 } }, -1, "", "" },
		{ "a tenth is left", "257", { { 6, 27, 3 } }, -1, "", "" },
		{ "less", "257", { { 6, 28, 2 } }, 2, "expires at ", ", and is not renewed: does its signer run?" },
		{ "it has expired", "257", { { 6, 30, 0 } }, 0, "expired at ", "; sign the zone again" },
		{ "the first of several to end", "257", { { 6, 10, 20 }, { 2, 29, 1 }, { 48, 28, 2 } }, 1,
			"expires at ", ", and is not renewed: does its signer run?" },
		{ "of an old key, beside a good one", "257", { { 6, 29, 1 }, { 6, 10, 20 } }, -1, "", "" },
		{ "no key", "", { { 0, 0, 0 } }, -1, no_key, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf signatures = BUF_INIT, asked = BUF_INIT, findings = BUF_INIT;
		char when[TIME_RFC3339_SIZE] = "";
		struct bed b;

		bed_init(&b);
		for (size_t n = 0; n < 3 && cases[i].signatures[n].type; n++)
			buf_printf(&signatures, "%s%d %lld %lld", n ? "&" : "", cases[i].signatures[n].type,
				(long long)(world_now(b.w) + cases[i].signatures[n].left * DAY),
				(long long)(world_now(b.w) - cases[i].signatures[n].lived * DAY));
		const struct talk talks[] = { ZONE, SERVERS, NO_CAA, ADDRESS, { "DS sim.test", "1" },
			{ "DNSKEY sim.test @unvalidated", cases[i].keys },
			{ "RRSIG sim.test @unvalidated", buf_str(&signatures) }, { NULL, NULL } };

		if (cases[i].ended_in >= 0)
			time_format_rfc3339(world_now(b.w) + cases[i].ended_in * DAY, when);
		if (*cases[i].before)
			buf_printf(&findings, "warning dnssec (www.sim.test): DNSSEC: %s%s%s%s\n",
				*when ? "a signature of the zone sim.test " : "", cases[i].before, when,
				cases[i].after);
		buf_printf(&asked, "SOA www.sim.test\nDS sim.test\nDNSKEY sim.test @unvalidated\n%s%s",
			*cases[i].keys ? "RRSIG sim.test @unvalidated\n" : "",
			ASKED_SERVERS ASKED_CAA "A www.sim.test\n");
		bed_expect(&b, cases[i].why, talks, buf_str(&asked), buf_str(&findings));
		bed_clear(&b);
	}
}

Test(ready, the_servers_that_a_dns_provider_names_are_asked_about_caa)
{
	static const struct {
		const char *why, *kind, *server, *nameservers;
		struct talk talks[8];
		const char *asked, *findings;
	} cases[] = {
		{ "its name servers, with ports", "rfc2136", "192.0.2.9", "[2001:db8::1]:5353 ns1.sim.test 192.0.2.2",
			{ { "SOA www.sim.test", "zone=sim.test" },
				{ "CAA www.sim.test @[2001:db8::1]:5353", "rcode=5" },
				{ "CAA www.sim.test @192.0.2.2:53", "aa&0 issue ;" }, ADDRESS },
			"SOA www.sim.test\nCAA www.sim.test @[2001:db8::1]:5353\nCAA www.sim.test @192.0.2.2:53\n"
			"A www.sim.test\n",
			"blocked caa (www.sim.test): CAA of www.sim.test, seen at 192.0.2.2:53: issue \";\" does "
			"not allow any CA; correct the record, or choose another CA\n" },
		{ "only four", "rfc2136", "192.0.2.9", "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5",
			{ { "SOA www.sim.test", "zone=sim.test" }, { "CAA www.sim.test @192.0.2.1:53", "rcode=5" },
				{ "CAA www.sim.test @192.0.2.2:53", "rcode=5" },
				{ "CAA www.sim.test @192.0.2.3:53", "TIMEOUT" },
				{ "CAA www.sim.test @192.0.2.4:53", "rcode=5" }, { "CAA www.sim.test", "0 issue ;" },
				ADDRESS },
			"SOA www.sim.test\nCAA www.sim.test @192.0.2.1:53\nCAA www.sim.test @192.0.2.2:53\nCAA "
			"www.sim.test @192.0.2.3:53\nCAA www.sim.test @192.0.2.4:53\nCAA www.sim.test\nA "
			"www.sim.test\n",
			"blocked caa (www.sim.test): CAA of www.sim.test, seen at the resolver: issue \";\" does "
			"not allow any CA; correct the record, or choose another CA\n" },
		{ "its server", "rfc2136", "192.0.2.9:5300", NULL,
			{ { "SOA www.sim.test", "zone=sim.test" },
				{ "CAA www.sim.test @192.0.2.9:5300", "aa&0 issue ;" }, ADDRESS },
			"SOA www.sim.test\nCAA www.sim.test @192.0.2.9:5300\nA www.sim.test\n",
			"blocked caa (www.sim.test): CAA of www.sim.test, seen at 192.0.2.9:5300: issue \";\" "
			"does not allow any CA; correct the record, or choose another CA\n" },
		{ "names alone are not enough", "rfc2136", "192.0.2.9", "ns1.sim.test",
			{ { "SOA www.sim.test", "zone=sim.test" }, { "CAA www.sim.test @192.0.2.9:53", "aa&0 issue ;" },
				ADDRESS },
			"SOA www.sim.test\nCAA www.sim.test @192.0.2.9:53\nA www.sim.test\n",
			"blocked caa (www.sim.test): CAA of www.sim.test, seen at 192.0.2.9:53: issue \";\" does "
			"not allow any CA; correct the record, or choose another CA\n" },
		{ "an API has no server", "hetzner", NULL, NULL,
			{ { "SOA www.sim.test", "rcode=3&zone=test" }, { "NS test", "" },
				{ "CAA www.sim.test", "0 issue ;" }, ADDRESS },
			"SOA www.sim.test\nNS test\nCAA www.sim.test\nA www.sim.test\n",
			"blocked caa (www.sim.test): CAA of www.sim.test, seen at the resolver: issue \";\" does "
			"not allow any CA; correct the record, or choose another CA\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bed b;

		bed_init(&b);
		bed_provider(&b, cases[i].kind, "sim.test", cases[i].server, cases[i].nameservers);
		bed_expect(&b, cases[i].why, cases[i].talks, cases[i].asked, cases[i].findings);
		bed_clear(&b);
	}
}

/* How names without any trouble before are checked. */
#define QUIET(name) \
	{ "SOA " name, "zone=" name }, { "NS " name, "" }, \
	{ \
		"CAA " name, "0 iodef x" \
	}

Test(ready, a_txt_record_must_have_a_zone_that_its_provider_still_has)
{
	static const struct {
		const char *why, *kind, *target, *zones;
		struct talk talk;
		const char *asked, *findings;
	} cases[] = {
		{ "it is there", "hetzner", "sim.test", "other.test,sim.test", { NULL, NULL },
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\ntarget "
			"_acme-challenge.www.sim.test\nzones of dns\n",
			"" },
		{ "it is not", "hetzner", "sim.test", "other.test", { NULL, NULL },
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\ntarget "
			"_acme-challenge.www.sim.test\nzones of dns\n",
			"warning zone (www.sim.test): DNS provider 'dns' does not have the zone sim.test of "
			"_acme-challenge.target.sim.test any more\n" },
		{ "it cannot be listed", "hetzner", "sim.test", "!Unauthorized", { NULL, NULL },
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\ntarget "
			"_acme-challenge.www.sim.test\nzones of dns\n",
			"warning zone (www.sim.test): DNS provider 'dns' cannot list its zones: Unauthorized\n" },
		{ "no zone is known", "hetzner", "", "other.test", { NULL, NULL },
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\ntarget "
			"_acme-challenge.www.sim.test\nzones of dns\n",
			"warning zone (www.sim.test): the TXT record goes to _acme-challenge.target.sim.test, which is "
			"in no zone of DNS provider 'dns'\n" },
		{ "there is no target", "hetzner", "!no DNS provider has it", NULL, { NULL, NULL },
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\ntarget "
			"_acme-challenge.www.sim.test\n",
			"warning zone (www.sim.test): no DNS provider has it\n" },
		{ "nobody says", "hetzner", "!silent", NULL, { NULL, NULL },
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\ntarget "
			"_acme-challenge.www.sim.test\n",
			"note zone (www.sim.test): silent\n" },
		{ "a list is of no use", "exec", "sim.test", "other.test", { NULL, NULL },
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\ntarget "
			"_acme-challenge.www.sim.test\n",
			"" },
		{ "the server has it", "rfc2136", "sim.test", NULL, { "SOA sim.test @192.0.2.9", "aa&zone=sim.test" },
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\ntarget "
			"_acme-challenge.www.sim.test\nSOA sim.test @192.0.2.9\n",
			"" },
		{ "without authority", "rfc2136", "sim.test", NULL, { "SOA sim.test @192.0.2.9", "zone=sim.test" },
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\ntarget "
			"_acme-challenge.www.sim.test\nSOA sim.test @192.0.2.9\n",
			"warning zone (www.sim.test): DNS provider 'dns': server 192.0.2.9 does not serve the "
			"zone sim.test (NOERROR)\n" },
		{ "it refuses", "rfc2136", "sim.test", NULL, { "SOA sim.test @192.0.2.9", "aa&rcode=5" },
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\ntarget "
			"_acme-challenge.www.sim.test\nSOA sim.test @192.0.2.9\n",
			"warning zone (www.sim.test): DNS provider 'dns': server 192.0.2.9 does not serve the "
			"zone sim.test (REFUSED)\n" },
		{ "it is silent", "rfc2136", "sim.test", NULL, { "SOA sim.test @192.0.2.9", "TIMEOUT" },
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\ntarget "
			"_acme-challenge.www.sim.test\nSOA sim.test @192.0.2.9\n",
			"warning zone (www.sim.test): DNS provider 'dns': no answer\n" },
		{ "it was never asked", "rfc2136", "", NULL, { NULL, NULL },
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\ntarget "
			"_acme-challenge.www.sim.test\n",
			"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct talk talks[5] = { QUIET("www.sim.test"), cases[i].talk };
		struct bed b;

		bed_init(&b);
		stage.method = "dns-01";
		stage.target = cases[i].target;
		stage.zones = cases[i].zones;
		/* Its zone is another one, so that its servers are not asked about CAA. */
		bed_provider(&b, cases[i].kind, "target.test",
			strcmp(cases[i].kind, "rfc2136") == 0 ? "192.0.2.9" : NULL, NULL);
		bed_expect(&b, cases[i].why, talks, cases[i].asked, cases[i].findings);
		bed_clear(&b);
	}
}

Test(ready, an_answer_of_a_dns_service_serves_all_names_of_one_check)
{
	static const struct talk quiet[] = { QUIET("www.sim.test"), QUIET("b.sim.test"), QUIET("c.sim.test"),
		{ NULL, NULL } };
	struct bed b;

	bed_init(&b);
	stage.method = "dns-01";
	stage.target = "sim.test";
	stage.zones = "sim.test";
	stage.talks = quiet;
	bed_provider(&b, "hetzner", "target.test", NULL, NULL);
	strlist_add(&b.a.sans, "b.sim.test");
	strlist_add(&b.a.sans, "c.sim.test");
	bed_save(&b);
	bed_check(&b);
	cr_expect_eq(stage.listings, 1, "three names at once: %u", stage.listings);
	cr_expect_null(strstr(buf_str(&b.findings), "zone ("), "%s", buf_str(&b.findings));
	stage.zones = "other.test";
	bed_check(&b);
	cr_expect_eq(stage.listings, 2, "what was corrected is seen by the next check");
	cr_expect_not_null(strstr(buf_str(&b.findings), "does not have the zone sim.test"), "%s", buf_str(&b.findings));
	bed_clear(&b);
}

Test(ready, port_80_is_asked_for_http_01_alone)
{
	static const struct {
		const char *why, *method;
		enum error_code code;
		const char *asked, *findings;
	} cases[] = {
		{ "it answers", "http-01", ERROR_NONE,
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\nA www.sim.test\nport 80 of "
			"www.sim.test\n",
			"" },
		{ "another program answers", "http-01", ERROR_VALIDATION,
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\nA www.sim.test\nport 80 of "
			"www.sim.test\n",
			"warning answer (www.sim.test): port 80 says so\n" },
		{ "a wrong certificate", "http-01", ERROR_TLS,
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\nA www.sim.test\nport 80 of "
			"www.sim.test\n",
			"note answer (www.sim.test): port 80 says so (from this host; the CA may have another "
			"way)\n" },
		{ "no answer in time", "http-01", ERROR_TIMEOUT,
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\nA www.sim.test\nport 80 of "
			"www.sim.test\n",
			"note answer (www.sim.test): port 80 says so (from this host; the CA may have another "
			"way)\n" },
		{ "nobody listens", "http-01", ERROR_NETWORK,
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\nA www.sim.test\nport 80 of "
			"www.sim.test\n",
			"warning answer (www.sim.test): port 80 says so (from this host; the CA may have another "
			"way)\n" },
		{ "another method", "tls-alpn-01", ERROR_NETWORK,
			"SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\nA www.sim.test\n", "" },
		{ "by hand", "manual", ERROR_NETWORK, "SOA www.sim.test\nNS www.sim.test\nCAA www.sim.test\n", "" },
	};
	static const struct talk talks[] = { QUIET("www.sim.test"), ADDRESS, { NULL, NULL } };
	struct bed b;

	bed_init(&b);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		stage.method = cases[i].method;
		stage.port_80 = cases[i].code;
		bed_expect(&b, cases[i].why, talks, cases[i].asked, cases[i].findings);
	}
	bed_clear(&b);
}

/* --- files --- */

static void
put_consumer(struct bed *b, const char *name, const char *directory, const char *program)
{
	_cleanup_consumer_ struct consumer c = { .o.name = xstrdup(name), .directory = xstrdup_null(directory) };
	_cleanup_strlist_ struct strlist command = STRLIST_INIT;

	if (program) {
		strlist_add(&command, program);
		setting_put_list(&c.settings, "command", &command);
	}
	cr_assert_eq(object_save(b->w->store, store_begin(b->w->store), &consumer_class, &c, NULL), 0);
	store_commit(b->w->store);
	strlist_add(&b->a.consumers, c.o.id);
}

Test(ready, what_a_deployment_uses_must_be_there)
{
	struct bed b;
	_cleanup_free_ char *gone = NULL, *plain = NULL, *file = NULL, *expected = NULL;

	bed_init(&b);
	gone = xasprintf("%s/gone", b.dir);
	plain = xasprintf("%s/plain", b.dir);
	file = xasprintf("%s/file", b.dir);
	scratch_write(b.dir, "plain", "x");
	cr_assert_eq(chmod(plain, 0600), 0); /* not even root may run it */
	str_replace(&b.a.common_name, "192.0.2.7");
	put_consumer(&b, "fine", b.dir, "/bin/true");
	put_consumer(&b, "relative", "not/absolute", NULL);
	put_consumer(&b, "gone", gone, plain);
	put_consumer(&b, "again", gone, "/bin/true");
	b.d = (struct dnsprovider){ .kind = xstrdup("exec"), .o.name = xstrdup("dns") };
	setting_put(&b.d.settings, "command", "/bin/true");
	setting_put(&b.d.settings, "cleanupCommand", file);
	bed_save(&b);
	str_replace(&b.a.dns_provider, b.d.o.id);
	expected = xasprintf(
		"warning files: certd cannot write to the directory of consumer 'gone', %s: No such file or "
		"directory\n"
		"warning files: certd cannot run the program of consumer 'gone', %s: Permission denied\n"
		"warning files: certd cannot run the program of DNS provider 'dns', %s: No such file or "
		"directory\n",
		gone, plain, file);
	bed_expect(&b, "files", NULL, "", expected);
	bed_clear(&b);
}

/* Without an account there is no answer to expect. */
Test(ready, a_server_that_answers_from_the_thumbprint_is_asked_if_there_is_an_account)
{
	static const struct talk talks[] = { ZONE, SERVERS, NO_CAA, ADDRESS, { NULL, NULL } };
	struct bed b;

	bed_init(&b);
	stage.method = "http-01";
	stage.talks = talks;
	b.conf.is_http_stateless = true;
	bed_save(&b);
	bed_check(&b);
	cr_expect_not_null(strstr(buf_str(&stage.asked), "port 80 of www.sim.test\n"), "%s", buf_str(&stage.asked));
	stage.thumbprint = NULL;
	str_replace(&b.p.account_thumbprint, NULL);
	bed_save(&b);
	bed_check(&b);
	cr_expect_null(strstr(buf_str(&stage.asked), "port 80"), "%s", buf_str(&stage.asked));
	bed_clear(&b);
}

Test(ready, a_webroot_matters_to_http_01_alone)
{
	static const char *const methods[] = { "http-01", "dns-01", NULL };
	struct bed b;

	bed_init(&b);
	str_replace(&b.a.common_name, "192.0.2.7");
	b.conf.webroots = (struct strlist)STRLIST_INIT;
	strlist_add(&b.conf.webroots, b.dir);
	strlist_add(&b.conf.webroots, "/does/not/exist");
	strlist_add(&b.conf.webroots, "/of/another/name www.sim.test");
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		bool is_said;

		stage.method = methods[i];
		stage.target = "!x";
		bed_save(&b);
		bed_check(&b);
		is_said = strstr(buf_str(&b.findings), "warning files: certd cannot write to the webroot "
						       "/does/not/exist: No such file or directory\n") != NULL;
		cr_expect_null(strstr(buf_str(&b.findings), "/of/another/name"));
		cr_expect_eq(is_said, i == 0, "%s: %s", methods[i], buf_str(&b.findings));
	}
	strlist_clear(&b.conf.webroots);
	bed_clear(&b);
}

Test(ready, the_host_has_space_a_clock_and_its_listeners)
{
	struct bed b;

	bed_init(&b);
	for (int round = 0; round < 4; round++) {
		struct record_list list = { .items = NULL };
		bool is_wrong = round & 1, has_drops = round & 2;
		_cleanup_json_ struct json_object *rows = NULL;
		_cleanup_free_ char *text = NULL;

		b.conf.state_dir = (char *)"/";
		b.conf.drop_root = has_drops ? b.dir : (char *)"/";
		cr_expect_eq(ready_check_host(b.ready, is_wrong, &list), is_wrong ? READY_BLOCKED : READY_OK);
		rows = ready_list_to_json(&list);
		text = xasprintf("[{\"check\":\"space\",\"grade\":\"ok\",\"message\":\"/\"},%s%s%s%s]",
			has_drops ? "{\"check\":\"space\",\"grade\":\"ok\",\"message\":\"" : "", has_drops ? b.dir : "",
			has_drops ? "\"}," : "",
			is_wrong ? "{\"check\":\"clock\",\"grade\":\"blocked\",\"message\":\"the clock is behind "
				   "the last recorded time: nothing is issued until it is set\"}"
				 : "{\"check\":\"clock\",\"grade\":\"ok\",\"message\":\"\"}");
		cr_expect_str_eq(
			json_object_to_json_string_ext(rows, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
			text);
		ready_findings_clear(&list);
	}
	bed_clear(&b);
}

/* --- runs --- */

Test(ready, four_names_are_checked_at_once_and_what_has_no_result_in_time_is_named)
{
	static const char *const names[] = { "b.sim.test", "c.sim.test", "d.sim.test", "e.sim.test", "f.sim.test" };
	static const struct talk talks[] = { QUIET("d.sim.test"), { NULL, NULL } };
	struct bed b;

	bed_init(&b);
	stage.method = "manual";
	str_replace(&b.a.common_name, "a.sim.test");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		strlist_add(&b.a.sans, names[i]);
	bed_expect(&b, "six names", talks,
		"SOA a.sim.test\nSOA b.sim.test\nSOA c.sim.test\nSOA d.sim.test\nNS d.sim.test\nCAA d.sim.test\n"
		"SOA e.sim.test\n",
		"note delegation (a.sim.test): no result within 25 s\n"
		"note delegation (b.sim.test): no result within 25 s\n"
		"note delegation (c.sim.test): no result within 25 s\n"
		"note delegation (e.sim.test): no result within 25 s\n");
	cr_expect(b.took_sec >= READY_CHECK_SEC && b.took_sec <= READY_CHECK_SEC + 2, "%d s", (int)b.took_sec);
	bed_clear(&b);
}

Test(ready, at_most_sixteen_findings_are_kept_and_the_worst_counts)
{
	_cleanup_buf_ struct buf all = BUF_INIT;
	struct bed b;

	bed_init(&b);
	stage.method = NULL;
	str_replace(&b.a.common_name, "n00.sim.test");
	for (unsigned i = 1; i < 20; i++)
		strlist_take(&b.a.sans, xasprintf("192.0.2.%u", i));
	for (unsigned i = 1; i <= READY_FINDINGS_MAX; i++)
		buf_printf(&all, "warning challenge (192.0.2.%u): there is no way to validate 192.0.2.%u\n", i, i);
	str_replace(&b.a.common_name, NULL);
	bed_save(&b);
	bed_check(&b);
	cr_expect_str_eq(buf_str(&b.findings), buf_str(&all), "%s", buf_str(&b.findings));
	cr_expect_eq(b.last.grade, READY_WARNING);
	bed_clear(&b);
}

Test(ready, the_account_and_the_profile_are_checked_at_the_ca)
{
	static const struct {
		const char *why;
		const char *status; /* of the account */
		int64_t terms;
		bool has_no_account;
		const char *failure, *profile;
		const char *findings;
	} cases[] = {
		{ "deactivated", "deactivated", 0, false, NULL, NULL,
			"blocked account: the account of provider 'ca' is deactivated; to register another: "
			"certctl new-account ca\n" },
		{ "other terms", NULL, TERMS_CHANGED, false, "https://ca.test/terms", NULL,
			"blocked account: the CA of provider 'ca' demands agreement to changed terms: "
			"https://ca.test/terms; to agree: certctl set provider ca --agree-tos\n" },
		{ "no account", NULL, 0, true, NULL, NULL, "warning account: provider 'ca' has no account yet\n" },
		{ "no account, and why", NULL, 0, true, "the CA says no", NULL,
			"warning account: provider 'ca' has no account yet: the CA says no\n" },
		{ "all is well", NULL, 0, false, NULL, NULL, "" },
		{ "one that is", NULL, 0, false, NULL, "short", "" },
		{ "a profile that is not offered", NULL, 0, false, NULL, "tiny",
			"blocked profile: the CA does not offer the profile 'tiny'; it offers classic, short\n" },
	};
	struct bed b;

	bed_init(&b);
	str_replace(&b.a.common_name, "192.0.2.7");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_provider_ struct provider kept = { 0 };

		record_copy(&provider_class, &kept, &b.p);
		str_replace(&b.p.account_status, cases[i].status);
		b.p.terms = cases[i].terms;
		if (cases[i].has_no_account)
			str_replace(&b.p.account_url, NULL);
		if (cases[i].failure)
			error_set(&b.p.o.failure, ERROR_CA, "%s", cases[i].failure);
		str_replace(&b.a.profile, cases[i].profile);
		bed_expect(&b, cases[i].why, NULL, "", cases[i].findings);
		record_copy(&provider_class, &b.p, &kept);
	}
	bed_clear(&b);
}

/* The certificate in use shows whether the CA has responders. */
Test(ready, must_staple_needs_a_ca_with_ocsp_responders)
{
	static const char warns[] =
		"warning staple: the certificate in use does not name an OCSP responder: the CA may "
		"refuse mustStaple, and servers would have nothing to staple\n";
	_cleanup_autocert_ struct autocert renewed = { 0 };
	struct bed b;

	bed_init(&b);
	str_replace(&b.a.common_name, "192.0.2.7");
	bed_expect(&b, "not asked for", NULL, "", "");
	b.a.must_staple = true;
	bed_expect(&b, "asked for", NULL, "", warns);
	fake_ca_script(b.w->cas[0].ca)->ocsp_url = "http://ocsp.test/";
	cr_assert(world_call(b.w, RPC_AUTOCERTIFICATE_CREATE,
		"{'properties':{'name':'o-90d','provider':'ca','commonName':'o-90d.sim.test'}}"));
	world_run_until(b.w, world_now(b.w) + MINUTE);
	cr_assert_eq(object_find(b.w->store, &autocert_class, "o-90d", &renewed, NULL), 1);
	cr_assert_not_null(renewed.last_certificate);
	str_replace(&b.a.last_certificate, renewed.last_certificate);
	bed_expect(&b, "there is one", NULL, "", "");
	bed_clear(&b);
}

Test(ready, each_fallback_provider_is_looked_at)
{
	_cleanup_provider_ struct provider second = { .o.name = xstrdup("second"),
		.server = xstrdup("https://b.test/") };
	struct store_txn *txn;
	struct bed b;

	bed_init(&b);
	str_replace(&b.a.common_name, "192.0.2.7");
	txn = store_begin(b.w->store);
	cr_assert_eq(object_save(b.w->store, txn, &provider_class, &second, NULL), 0);
	cr_assert_eq(store_commit_now(b.w->store, txn, NULL), 0);
	strlist_add(&b.a.fallbacks, b.p.o.id); /* its CA is asked */
	strlist_add(&b.a.fallbacks, second.o.id);
	bed_expect(&b, "the second one", NULL, "",
		"warning fallback: the fallback provider 'second' has no account; to see more: certctl explain "
		"provider second\n");
	bed_clear(&b);
}

Test(ready, what_is_gone_or_damaged_has_no_result)
{
	struct bed b;

	bed_init(&b);
	bed_save(&b);
	store_put(store_begin(b.w->store), autocert_class.db, b.a.o.id, strlen(b.a.o.id), "x", 1);
	store_commit(b.w->store);
	bed_check(&b);
	cr_expect_eq(b.code, ERROR_CORRUPT, "%s", error_code_name(b.code));
	cr_expect_eq(b.last.checked_at, 0);
	memcpy(b.a.o.id, "11111111-1111-4111-8111-111111111111", STORE_ID_SIZE);
	bed_check(&b);
	cr_expect_eq(b.code, ERROR_NONE);
	cr_expect_eq(b.last.checked_at, 0);
	b.w->is_peculiar = true;
	bed_clear(&b);
}

Test(ready, a_cancelled_run_asks_nothing_more_at_any_step)
{
	static const struct talk talks[] = { { "SOA www.sim.test", "zone=sim.test" }, SERVERS, NO_CAA, { NULL, NULL } };

	for (int steps = 0; steps < 12; steps++) {
		struct bed b;
		struct ready_run *run;

		bed_init(&b);
		stage.talks = talks;
		stage.method = "dns-01";
		stage.target = "sim.test";
		bed_provider(&b, "hetzner", "target.test", NULL, NULL);
		bed_save(&b);
		run = ready_start(b.ready, b.a.o.id, bed_done, &b);
		for (int i = 0; i < steps; i++) {
			clock_advance_ms(b.w->clock, 5);
			loop_run_until(b.w->loop, clock_wall(b.w->clock), NULL);
		}
		if (steps % 2)
			ready_cancel(run);
		bed_clear(&b);
		cr_expect_eq(b.dones, 0);
	}
}

struct seen {
	unsigned unready, ready;
	char message[300];
};

static void
note_event(struct json_object *event, void *arg)
{
	struct seen *seen = arg;
	const char *kind = "", *message = "";

	json_get_string(event, "kind", &kind, NULL);
	json_get_string(event, "message", &message, NULL);
	if (strcmp(kind, "renewal.unready") != 0 && strcmp(kind, "renewal.ready") != 0)
		return;
	if (strcmp(kind, "renewal.unready") == 0)
		seen->unready++;
	else
		seen->ready++;
	snprintf(seen->message, sizeof(seen->message), "%s", message);
}

Test(ready, a_trouble_is_reported_when_it_is_seen_again_and_looked_at_more_often)
{
	static const struct talk fine[] = { QUIET("www.sim.test"), { NULL, NULL } };
	static const struct talk noted[] = { { "SOA www.sim.test", "TIMEOUT" }, { "CAA www.sim.test", "0 iodef x" },
		{ NULL, NULL } };
	static const struct talk forbidden[] = { { "SOA www.sim.test", "zone=www.sim.test" }, { "NS www.sim.test", "" },
		{ "CAA www.sim.test", "0 issue ;" }, { NULL, NULL } };
#define WARNED "www.sim.test (challenge): there is no way to validate www.sim.test"
#define FORBIDDEN \
	"www.sim.test (caa): CAA of www.sim.test, seen at the resolver: issue \";\" does not allow any CA; correct " \
	"the record, or choose another CA"
#define MENDED "nothing that prevents the next renewal is found any more"
	static const struct {
		const char *why;
		const struct talk *talks;
		bool has_method;
		int64_t grade, troubles, due_in;
		unsigned unready, ready;
		const char *message; /* of the last event */
	} steps[] = {
		{ "well", fine, true, READY_OK, 0, DAY, 0, 0, "" },
		{ "a note", noted, true, READY_NOTE, 0, DAY, 0, 0, "" },
		{ "a warning, once", fine, false, READY_WARNING, 1, 10 * MINUTE, 0, 0, "" },
		{ "it has passed", fine, true, READY_OK, 0, DAY, 0, 0, "" },
		{ "a warning", fine, false, READY_WARNING, 1, 10 * MINUTE, 0, 0, "" },
		{ "again", fine, false, READY_WARNING, 2, HOUR, 1, 0, "the next renewal may fail: " WARNED },
		{ "and again", fine, false, READY_WARNING, 3, HOUR, 1, 0, "the next renewal may fail: " WARNED },
		{ "and worse", forbidden, false, READY_BLOCKED, 4, HOUR, 2, 0,
			"the next renewal will fail: " WARNED "; " FORBIDDEN },
		{ "one is mended", forbidden, true, READY_BLOCKED, 5, HOUR, 3, 0,
			"the next renewal will fail: " FORBIDDEN },
		{ "both are", noted, true, READY_NOTE, 0, DAY, 3, 1, MENDED },
		{ "still", fine, true, READY_OK, 0, DAY, 3, 1, MENDED },
		{ "blocked at once", forbidden, true, READY_BLOCKED, 1, 10 * MINUTE, 4, 1,
			"the next renewal will fail: " FORBIDDEN },
		{ "mended at once", fine, true, READY_OK, 0, DAY, 4, 2, MENDED },
	};
	struct event_subscription *subscription;
	struct seen seen = { 0 };
	struct bed b;

	bed_init(&b);
	subscription = events_subscribe(b.w->events, NULL, note_event, &seen);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct ready_state stored = { 0 };
		int64_t due_at;

		stage.method = steps[i].has_method ? "manual" : NULL;
		stage.talks = steps[i].talks;
		bed_save(&b);
		bed_check(&b);
		cr_assert_eq(record_load(b.w->store, &ready_class, b.a.o.id, &stored, NULL), 1);
		cr_expect_eq(stored.grade, steps[i].grade, "%s: %d", steps[i].why, (int)stored.grade);
		cr_expect_eq(stored.troubles, steps[i].troubles, "%s: %d", steps[i].why, (int)stored.troubles);
		cr_expect(stored.checked_at >= world_now(b.w) - 5 && stored.checked_at <= world_now(b.w), "%s",
			steps[i].why);
		cr_expect_eq(stored.findings.count, b.last.findings.count, "%s", steps[i].why);
		due_at = run_due(&b.run, SCHEDULE_READY, b.a.o.id);
		cr_expect_eq(due_at - stored.checked_at, steps[i].due_in, "%s: %d s", steps[i].why,
			(int)(due_at - stored.checked_at));
		cr_expect_eq(seen.unready, steps[i].unready, "%s: %u", steps[i].why, seen.unready);
		cr_expect_eq(seen.ready, steps[i].ready, "%s: %u", steps[i].why, seen.ready);
		cr_expect_str_eq(seen.message, steps[i].message, "%s: %s", steps[i].why, seen.message);
		record_clear(&ready_class, &stored);
	}
	events_unsubscribe(subscription);
	bed_clear(&b);
}

/* --- the job --- */

struct outcome {
	unsigned calls;
	bool is_stored;
};

static void
job_done(bool is_stored, void *arg)
{
	struct outcome *o = arg;

	o->calls++;
	o->is_stored = is_stored;
}

static void *
job_start(struct bed *b, struct outcome *ret)
{
	struct schedule_row row = { .kind = SCHEDULE_READY };

	memcpy(row.object, b->a.o.id, STORE_ID_SIZE);
	*ret = (struct outcome){ 0 };
	return ready_job.start(b->ready, &row, job_done, ret);
}

static bool
has_record(struct bed *b)
{
	struct ready_state state = { 0 };
	bool ret = record_load(b->w->store, &ready_class, b->a.o.id, &state, NULL) == 1;

	record_clear(&ready_class, &state);
	return ret;
}

Test(ready, the_job_stores_its_result_and_ends_with_its_object)
{
	static const struct talk talks[] = { QUIET("www.sim.test"), ADDRESS, { NULL, NULL } };
	struct outcome outcome;
	struct store_txn *txn;
	struct bed b;

	bed_init(&b);
	b.w->is_peculiar = true;
	stage.talks = talks;
	bed_save(&b);
	job_start(&b, &outcome);
	world_run_until(b.w, world_now(b.w) + 5);
	cr_expect_eq(outcome.calls, 1);
	cr_expect(outcome.is_stored);
	cr_expect(has_record(&b));
	cr_expect_geq(run_due(&b.run, SCHEDULE_READY, b.a.o.id), world_now(b.w) + DAY - 5);
	txn = store_begin(b.w->store); /* its object is damaged */
	store_put(txn, autocert_class.db, b.a.o.id, strlen(b.a.o.id), "x", 1);
	store_commit(b.w->store);
	job_start(&b, &outcome);
	world_run_until(b.w, world_now(b.w) + 5);
	cr_expect_eq(outcome.calls, 1);
	cr_expect(has_record(&b), "it may be readable again");
	cr_expect_eq(run_due(&b.run, SCHEDULE_READY, b.a.o.id) / 10, (world_now(b.w) + HOUR - 5) / 10);
	memcpy(b.a.o.id, "11111111-1111-4111-8111-111111111111", STORE_ID_SIZE); /* and it is gone */
	txn = store_begin(b.w->store);
	store_put(txn, STORE_READY, b.a.o.id, strlen(b.a.o.id), "\1", 1);
	schedule_set(b.w->store, txn, SCHEDULE_READY, b.a.o.id, "ready", world_now(b.w) + DAY);
	store_commit(b.w->store);
	cr_expect(has_record(&b));
	job_start(&b, &outcome);
	world_run_until(b.w, world_now(b.w) + 5);
	cr_expect_eq(outcome.calls, 1);
	cr_expect(outcome.is_stored);
	cr_expect_not(has_record(&b));
	cr_expect_eq(run_due(&b.run, SCHEDULE_READY, b.a.o.id), 0);
	bed_clear(&b);
}

Test(ready, a_cancelled_job_stores_nothing)
{
	struct outcome outcome;
	struct bed b;

	bed_init(&b);
	bed_save(&b);
	for (int ms = 0; ms < 3; ms++) {
		void *work = job_start(&b, &outcome);

		clock_advance_ms(b.w->clock, ms);
		loop_run_until(b.w->loop, clock_wall(b.w->clock), NULL);
		ready_job.cancel(work);
		world_run_until(b.w, world_now(b.w) + 60);
		cr_expect_eq(outcome.calls, 0);
		cr_expect_not(has_record(&b));
		cr_expect_null(stage.replies);
	}
	bed_clear(&b);
}

Test(ready, the_first_check_comes_within_a_day_and_none_waits_longer)
{
	struct bed b;
	int64_t now, due_at, least = DAY, most = 0;
	char id[STORE_ID_SIZE] = "00000000-0000-4000-8000-000000000000";

	bed_init(&b);
	now = world_now(b.w);
	for (int i = 0; i < 100; i++) {
		struct store_txn *txn = store_begin(b.w->store);
		struct schedule_row row = { .kind = SCHEDULE_READY };

		id[34] = (char)('0' + i / 10);
		id[35] = (char)('0' + i % 10);
		ready_schedule(b.w->store, txn, id, now);
		store_commit(b.w->store);
		due_at = run_due(&b.run, SCHEDULE_READY, id);
		cr_expect(due_at >= now && due_at < now + DAY, "%s: %d", id, (int)(due_at - now));
		least = due_at - now < least ? due_at - now : least;
		most = due_at - now > most ? due_at - now : most;
		memcpy(row.object, id, sizeof(id));
		row.due_at = now + DAY;
		cr_expect_eq(job_due_after_clock_change(&ready_job, b.ready, &row, now), row.due_at);
		row.due_at = now + DAY + 1;
		cr_expect_lt(job_due_after_clock_change(&ready_job, b.ready, &row, now), now + HOUR);
		ready_forget(b.w->store, store_begin(b.w->store), id);
		store_commit(b.w->store);
		cr_expect_eq(run_due(&b.run, SCHEDULE_READY, id), 0);
	}
	cr_expect(least < 3 * HOUR && most > 21 * HOUR, "%d to %d", (int)least, (int)most);
	cr_expect_eq(ready_job.lane_room(b.ready, "ready", NULL), 16);
	bed_clear(&b);
}

/* --- how it is shown --- */

Test(ready, a_result_is_shown_with_a_row_for_each_check_and_the_worst_grade)
{
	struct ready_state s = { .grade = READY_BLOCKED };
	_cleanup_strlist_ struct strlist lines = STRLIST_INIT;
	_cleanup_json_ struct json_object *rows = NULL, *list = NULL;
	_cleanup_free_ char *text = NULL;

	cr_expect_eq(ready_worst(&s.findings), READY_OK);
	ready_list_add(&s.findings, "caa", READY_NOTE, "*.a.test", "two\nlines");
	cr_expect_eq(ready_worst(&s.findings), READY_NOTE);
	ready_list_add(&s.findings, "account", READY_BLOCKED, NULL, "is gone");
	ready_list_add(&s.findings, "caa", READY_WARNING, "b.test", "w");
	cr_expect_eq(ready_worst(&s.findings), READY_BLOCKED);
	ready_lines(&s, READY_WARNING, &lines);
	text = strlist_join(&lines, "; ");
	cr_expect_str_eq(text, "renewal (account): is gone; b.test (caa): w");
	rows = ready_findings_to_json(&s);
	cr_expect_str_eq(json_object_to_json_string_ext(rows, JSON_C_TO_STRING_PLAIN),
		"[{\"check\":\"account\",\"grade\":\"blocked\",\"message\":\"is gone\"},"
		"{\"check\":\"fallback\",\"grade\":\"ok\"},"
		"{\"check\":\"profile\",\"grade\":\"ok\"},"
		"{\"check\":\"staple\",\"grade\":\"ok\"},"
		"{\"check\":\"files\",\"grade\":\"ok\"},"
		"{\"check\":\"challenge\",\"grade\":\"ok\"},"
		"{\"check\":\"delegation\",\"grade\":\"ok\"},"
		"{\"check\":\"dnssec\",\"grade\":\"ok\"},"
		"{\"check\":\"caa\",\"grade\":\"note\",\"name\":\"*.a.test\",\"message\":\"two lines\"},"
		"{\"check\":\"caa\",\"grade\":\"warning\",\"name\":\"b.test\",\"message\":\"w\"},"
		"{\"check\":\"zone\",\"grade\":\"ok\"},"
		"{\"check\":\"address\",\"grade\":\"ok\"},"
		"{\"check\":\"answer\",\"grade\":\"ok\"}]");
	list = ready_list_to_json(&s.findings);
	cr_expect_str_eq(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN),
		"[{\"check\":\"caa\",\"grade\":\"note\",\"name\":\"*.a.test\",\"message\":\"two lines\"},"
		"{\"check\":\"account\",\"grade\":\"blocked\",\"message\":\"is gone\"},"
		"{\"check\":\"caa\",\"grade\":\"warning\",\"name\":\"b.test\",\"message\":\"w\"}]");
	ready_findings_clear(&s.findings);
	cr_expect_eq(s.findings.count, 0);
}

Test(ready, grades_have_names_and_troubles_a_definition)
{
	static const struct {
		int64_t grade, troubles;
		const char *name;
		bool is_trouble;
	} cases[] = { { READY_OK, 0, "ok", false }, { READY_NOTE, 0, "note", false }, { READY_NOTE, 5, "note", false },
		{ READY_WARNING, 1, "warning", false }, { READY_WARNING, 2, "warning", true },
		{ READY_BLOCKED, 1, "blocked", true }, { 4, 1, "warning", true }, { -1, 9, "warning", false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct ready_state s = { .grade = cases[i].grade, .troubles = cases[i].troubles };

		cr_expect_str_eq(ready_grade_name(cases[i].grade), cases[i].name, "%zu", i);
		cr_expect_eq(ready_is_trouble(&s), cases[i].is_trouble, "%zu", i);
	}
}
