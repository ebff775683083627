#include "common/buf.h"
#include "common/crypto/secret.h"
#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/dns.h"
#include "daemon/base/loop.h"
#include "tests/support/process.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY_B64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_384_B64 "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

/* --- one question, its answer copied --- */

struct bed {
	struct clock *clock;
	struct loop *loop;
	struct dns *dns;
};

struct result {
	struct loop *loop;
	int calls;
	int rcode;
	bool is_authoritative;
	bool has_answer;
	char *values;
	char *cname;
	char *soa_zone;
	struct error err;
};

static void
bed_init(struct bed *bed, const char *servers)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	bed->clock = clock_new_real();
	bed->loop = loop_new(bed->clock);
	bed->dns = dns_new(bed->loop, servers, &err);
	cr_assert_not_null(bed->dns, "%s", err.message);
}

static void
bed_clear(struct bed *bed)
{
	dns_free(bed->dns);
	loop_free(bed->loop);
	clock_free(bed->clock);
}

static void
result_clear(struct result *r)
{
	free(r->values);
	free(r->cname);
	free(r->soa_zone);
	error_clear(&r->err);
	*r = (struct result){ .loop = NULL };
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
on_done(const struct dns_answer *answer, const struct error *err, void *arg)
{
	struct result *r = arg;
	r->calls++;
	if (err)
		error_copy(&r->err, err);
	if (answer) {
		struct strlist sorted = STRLIST_INIT;
		strlist_copy(&sorted, &answer->values);
		if (sorted.count)
			qsort(sorted.items, sorted.count, sizeof(*sorted.items), by_text);
		r->has_answer = true;
		r->rcode = answer->rcode;
		r->is_authoritative = answer->is_authoritative;
		r->values = strlist_join(&sorted, "|");
		r->cname = xstrdup_null(answer->cname);
		r->soa_zone = xstrdup_null(answer->soa_zone);
		strlist_clear(&sorted);
	}
	loop_stop(r->loop);
}

static void
wait_for(struct bed *bed, struct result *r)
{
	cr_assert_eq(r->calls, 0, "called from inside the call that asked");
	cr_assert_eq(loop_run(bed->loop, NULL), 0);
	cr_assert_eq(r->calls, 1);
}

static void
ask(struct bed *bed, const char *server, const char *name, enum dns_type type, struct result *r)
{
	*r = (struct result){ .loop = bed->loop };
	dns_ask(bed->dns, server, name, type, 60000, on_done, r);
	wait_for(bed, r);
}

static void
resolve(struct bed *bed, const char *host, struct result *r)
{
	*r = (struct result){ .loop = bed->loop };
	dns_resolve(bed->dns, host, 5000, on_done, r);
	wait_for(bed, r);
}

static void
update(struct bed *bed, const struct dns_update *u, struct result *r)
{
	*r = (struct result){ .loop = bed->loop };
	dns_send_update(bed->dns, u, 10000, on_done, r);
	wait_for(bed, r);
}

/* --- servers --- */

struct server {
	char *dir;
	pid_t pid;
	int port;
	char address[32];
};

static void
server_stop(struct server *s)
{
	process_stop(&s->pid);
	scratch_remove(&s->dir);
}

static void
server_prepare(struct server *s)
{
	s->dir = scratch_new();
	s->port = free_port();
	snprintf(s->address, sizeof(s->address), "127.0.0.1:%d", s->port);
	struct buf big = BUF_INIT;
	for (int i = 0; i < 30; i++)
		buf_printf(&big, "big TXT \"%0100d\"\n", i);
	scratch_write(s->dir, "zone",
		"$ORIGIN example.test.\n$TTL 60\n"
		"@ SOA ns1 hostmaster 1 3600 600 86400 60\n"
		"@ NS ns1\n@ NS ns2.example.test.\n"
		"ns1 A 127.0.0.1\nns2 A 127.0.0.2\n"
		"www A 192.0.2.1\nwww A 192.0.2.2\nwww AAAA 2001:db8::1\n"
		"v4 A 192.0.2.4\n"
		"txt TXT \"one\" \"half\"\ntxt TXT \"two words\"\n"
		"alias CNAME alias2\nalias2 CNAME www\n"
		"@ CAA 0 issue \"ca.example\"\n%s",
		buf_str(&big));
	buf_clear(&big);
	scratch_write(s->dir, "other",
		"$ORIGIN other.test.\n$TTL 60\n@ SOA ns1 h 1 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\n"
		"www A 192.0.2.9\n");
}

static void
start_knot(struct server *s)
{
	server_prepare(s);
	scratch_write(s->dir, "knot.conf",
		"server:\n    rundir: \"%s\"\n    listen: 127.0.0.1@%d\n"
		"log:\n  - target: stderr\n    any: info\n"
		"database:\n    storage: \"%s\"\n    journal-db-max-size: 16M\n"
		"key:\n  - id: certd-key\n    algorithm: hmac-sha256\n    secret: " KEY_B64 "\n"
		"  - id: key384\n    algorithm: hmac-sha384\n    secret: " KEY_384_B64 "\n"
		"acl:\n  - id: upd\n    key: [certd-key, key384]\n    action: update\n    update-type: TXT\n"
		"    update-owner: name\n    update-owner-match: sub-or-equal\n"
		"    update-owner-name: [_acme-challenge]\n"
		"zone:\n  - domain: example.test\n    file: \"%s/zone\"\n    acl: upd\n    zonefile-sync: "
		"-1\n"
		"    zonefile-load: difference\n    journal-content: all\n",
		s->dir, s->port, s->dir, s->dir);
	_cleanup_free_ char *conf = xasprintf("%s/knot.conf", s->dir);
	s->pid = process_start(s->dir, (const char *const[]){ "knotd", "-c", conf, NULL });
	process_wait_port(s->pid, s->port);
}

static void
start_named(struct server *s)
{
	server_prepare(s);
	scratch_write(s->dir, "named.conf",
		"options { directory \"%s\"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; };\n"
		"  pid-file \"%s/pid\"; session-keyfile \"%s/session.key\"; recursion no;\n"
		"  dnssec-validation no; };\ncontrols { };\n"
		"key \"certd-key\" { algorithm hmac-sha256; secret \"" KEY_B64 "\"; };\n"
		"key \"key384\" { algorithm hmac-sha384; secret \"" KEY_384_B64 "\"; };\n"
		"zone \"other.test\" { type primary; file \"%s/other\"; };\n"
		"zone \"example.test\" { type primary; file \"%s/zone\"; update-policy {\n"
		"  grant certd-key name _acme-challenge.example.test. TXT;\n"
		"  grant key384 name _acme-challenge.example.test. TXT; }; };\n",
		s->dir, s->port, s->dir, s->dir, s->dir, s->dir);
	_cleanup_free_ char *conf = xasprintf("%s/named.conf", s->dir);
	s->pid = process_start(s->dir, (const char *const[]){ "named", "-g", "-n", "1", "-c", conf, NULL });
	process_wait_port(s->pid, s->port);
}

static void (*const start_functions[])(struct server *) = { start_knot, start_named };
static const char *const server_names[] = { "knot", "bind" };

/* --- questions --- */

static void
expect_answers(struct bed *bed, const char *server)
{
	static const struct {
		const char *name;
		enum dns_type type;
		int rcode;
		const char *values, *cname, *soa_zone;
	} cases[] = {
		{ "www.example.test", DNS_A, 0, "192.0.2.1|192.0.2.2", "", "" },
		{ "WWW.Example.Test.", DNS_AAAA, 0, "2001:db8::1", "", "" },
		{ "v4.example.test", DNS_AAAA, 0, "", "", "example.test" },
		{ "txt.example.test", DNS_TXT, 0, "onehalf|two words", "", "" },
		{ "alias.example.test", DNS_A, 0, "192.0.2.1|192.0.2.2", "www.example.test", "" },
		{ "alias.example.test", DNS_CNAME, 0, "alias2.example.test", "alias2.example.test", "" },
		{ "example.test", DNS_SOA, 0, "ns1.example.test", "", "example.test" },
		{ "_acme-challenge.www.example.test", DNS_SOA, 3, "", "", "example.test" },
		{ "example.test", DNS_NS, 0, "ns1.example.test|ns2.example.test", "", "" },
		{ "example.test", DNS_CAA, 0, "0 issue ca.example", "", "" },
		{ "no.example.test", DNS_A, 3, "", "", "example.test" },
		{ "www.elsewhere.test", DNS_A, 5, "", "", "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(result_clear) struct result r;
		ask(bed, server, cases[i].name, cases[i].type, &r);
		const char *what = cases[i].name;
		cr_assert(!error_is_set(&r.err), "%s: %s", what, r.err.message);
		cr_expect_eq(r.rcode, cases[i].rcode, "%s: %s", what, dns_rcode_name(r.rcode));
		cr_expect_eq(r.is_authoritative, cases[i].rcode != 5, "%s", what);
		cr_expect_str_eq(r.values ? r.values : "", cases[i].values, "%s: %s", what, r.values);
		cr_expect_str_eq(r.cname ? r.cname : "", cases[i].cname, "%s: %s", what, r.cname);
		cr_expect_str_eq(r.soa_zone ? r.soa_zone : "", cases[i].soa_zone, "%s", what);
	}
	_cleanup_(result_clear) struct result r;
	ask(bed, server, "big.example.test", DNS_TXT, &r);
	cr_assert(!error_is_set(&r.err), "%s", r.err.message);
	cr_expect_eq(strlen(r.values), 30 * 101 - 1, "an answer that needs TCP");
}

Test(dns, real_servers_answer_every_type, .timeout = 300)
{
	for (size_t i = 0; i < ARRAY_SIZE(start_functions); i++) {
		_cleanup_(server_stop) struct server s = { .pid = 0 };
		_cleanup_(bed_clear) struct bed bed;
		start_functions[i](&s);
		bed_init(&bed, s.address);
		expect_answers(&bed, s.address);
		expect_answers(&bed, NULL);
	}
}

Test(dns, hosts_resolve_to_all_addresses, .timeout = 300)
{
	static const struct {
		const char *host, *values, *error;
	} cases[] = {
		{ "www.example.test", "192.0.2.1|192.0.2.2|2001:db8::1", NULL },
		{ "alias.example.test.", "192.0.2.1|192.0.2.2|2001:db8::1", NULL },
		{ "192.0.2.77", "192.0.2.77", NULL },
		{ "2001:DB8::77", "2001:DB8::77", NULL },
		{ "localhost", "127.0.0.1|::1", NULL },
		{ "a.LOCALHOST.", "127.0.0.1|::1", NULL },
		{ "no.example.test", NULL, "address of 'no.example.test': DNS server 127.0.0.1:" },
		{ "txt.example.test", NULL, "address of 'txt.example.test': it has no address" },
		{ "www.elsewhere.test", NULL, "(REFUSED)" },
		{ "a..b", NULL, "address of 'a..b'" },
		{ "", NULL, "the host name is empty" },
	};
	_cleanup_(server_stop) struct server s = { .pid = 0 };
	_cleanup_(bed_clear) struct bed bed;
	start_knot(&s);
	bed_init(&bed, s.address);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(result_clear) struct result r;
		resolve(&bed, cases[i].host, &r);
		if (cases[i].error) {
			cr_expect(r.err.message && strstr(r.err.message, cases[i].error), "%s: %s", cases[i].host,
				r.err.message);
			cr_expect(!r.has_answer);
			cr_expect_eq(r.err.may_retry, r.err.code != ERROR_INVALID, "%s", cases[i].host);
			continue;
		}
		cr_assert(!error_is_set(&r.err), "%s: %s", cases[i].host, r.err.message);
		cr_expect_str_eq(r.values, cases[i].values, "%s: %s", cases[i].host, r.values);
	}
}

Test(dns, the_next_server_is_asked_when_one_cannot_answer, .timeout = 300)
{
	_cleanup_(server_stop) struct server knot = { .pid = 0 }, named = { .pid = 0 };
	_cleanup_(bed_clear) struct bed bed;
	_cleanup_(result_clear) struct result asked, resolved, nobody;
	start_knot(&knot);
	start_named(&named);
	_cleanup_free_ char *both = xasprintf("%s, %s", knot.address, named.address);
	bed_init(&bed, both);
	ask(&bed, NULL, "www.other.test", DNS_A, &asked); /* knot refuses */
	cr_assert(!error_is_set(&asked.err), "%s", asked.err.message);
	cr_expect_str_eq(asked.values, "192.0.2.9");
	resolve(&bed, "www.other.test", &resolved);
	cr_assert(!error_is_set(&resolved.err), "%s", resolved.err.message);
	cr_expect_str_eq(resolved.values, "192.0.2.9");
	ask(&bed, NULL, "www.elsewhere.test", DNS_A, &nobody);
	cr_assert(!error_is_set(&nobody.err), "%s", nobody.err.message);
	cr_expect_eq(nobody.rcode, 5, "the first refusal stands");
}

/* --- updates --- */

static void
key_set(struct secret *key, unsigned char first)
{
	unsigned char octets[32];
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (unsigned char)i;
	octets[0] = first;
	secret_set(key, octets, sizeof(octets));
}

static void
expect_txt(struct bed *bed, const struct server *s, const char *values)
{
	_cleanup_(result_clear) struct result r;
	ask(bed, s->address, "_acme-challenge.example.test", DNS_TXT, &r);
	cr_assert(!error_is_set(&r.err), "%s", r.err.message);
	cr_expect_str_eq(r.values ? r.values : "", values);
}

static void
expect_update(struct bed *bed, const struct dns_update *u, const char *error)
{
	_cleanup_(result_clear) struct result r;
	update(bed, u, &r);
	if (!error) {
		cr_expect(!error_is_set(&r.err), "%s", r.err.message);
		cr_expect_eq(r.rcode, 0);
		return;
	}
	cr_assert(error_is_set(&r.err), "no error, but expected: %s", error);
	cr_expect_eq(r.err.code, ERROR_DNS);
	cr_expect(strstr(r.err.message, error), "%s: %s", error, r.err.message);
	cr_expect(r.has_answer && r.rcode > 0);
}

Test(dns, updates_add_and_remove_one_value_and_may_be_repeated, .timeout = 300)
{
	_cleanup_secret_ struct secret key = SECRET_INIT, key384 = SECRET_INIT;
	key_set(&key, 0);
	key_set(&key384, 1);
	for (size_t i = 0; i < ARRAY_SIZE(start_functions); i++) {
		_cleanup_(server_stop) struct server s = { .pid = 0 };
		_cleanup_(bed_clear) struct bed bed;
		start_functions[i](&s);
		bed_init(&bed, s.address);
		struct dns_update u = { .server = s.address,
			.zone = "example.test",
			.name = "_acme-challenge.example.test",
			.value = "value-1",
			.ttl = 60,
			.tsig_name = "certd-key",
			.tsig_algorithm = "hmac-sha256",
			.tsig_key = &key };
		expect_update(&bed, &u, NULL);
		expect_update(&bed, &u, NULL);
		expect_txt(&bed, &s, "value-1");
		struct dns_update second = u;
		second.value = "value-2";
		second.tsig_name = "KEY384."; /* names are compared without case and final dot */
		second.tsig_algorithm = "HMAC-SHA384";
		second.tsig_key = &key384;
		expect_update(&bed, &second, NULL);
		expect_txt(&bed, &s, "value-1|value-2");
		u.is_removal = true;
		expect_update(&bed, &u, NULL);
		expect_update(&bed, &u, NULL);
		expect_txt(&bed, &s, "value-2");
	}
}

Test(dns, refused_updates_say_what_to_check, .timeout = 300)
{
	_cleanup_secret_ struct secret key = SECRET_INIT, wrong = SECRET_INIT;
	key_set(&key, 0);
	key_set(&wrong, 99);
	for (size_t i = 0; i < ARRAY_SIZE(start_functions); i++) {
		_cleanup_(server_stop) struct server s = { .pid = 0 };
		_cleanup_(bed_clear) struct bed bed;
		start_functions[i](&s);
		bed_init(&bed, s.address);
		const struct dns_update good = { .server = s.address,
			.zone = "example.test",
			.name = "_acme-challenge.example.test",
			.value = "v",
			.ttl = 60,
			.tsig_name = "certd-key",
			.tsig_key = &key };
		struct dns_update u = good;
		u.tsig_key = &wrong;
		expect_update(&bed, &u, "NOTAUTH, BADSIG: the secret of TSIG key 'certd-key' differs");
		u = good;
		u.tsig_name = "nobody";
		expect_update(&bed, &u, "NOTAUTH, BADKEY: the server does not know TSIG key 'nobody'");
		u = good;
		u.name = "www.example.test";
		expect_update(&bed, &u,
			start_functions[i] == start_named
				? "REFUSED: the server's policy does not let TSIG key 'certd-key'"
				: "NOTAUTH, BADKEY");
		u = good;
		u.zone = "elsewhere.test";
		u.name = "_acme-challenge.elsewhere.test";
		expect_update(&bed, &u, "NOTAUTH");
		u = good;
		u.tsig_name = NULL;
		u.tsig_key = NULL;
		expect_update(&bed, &u,
			start_functions[i] == start_named ? "REFUSED: the server does not accept unsigned updates"
							  : "NOTAUTH: the server is not the primary of zone");
		expect_txt(&bed, &s, "");
		(void)server_names;
	}
}

/* --- servers that do not behave --- */

/* A socket on a free port that takes everything and answers nothing. Return: its descriptor. */
static int
silent_server(int type, char *ret_address, size_t size)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	if (type == SOCK_STREAM)
		cr_assert_eq(listen(fd, 8), 0);
	snprintf(ret_address, size, "127.0.0.1:%d", ntohs(sin.sin_port));
	return fd;
}

Test(dns, a_silent_server_is_a_timeout_and_stalls_no_turn, .timeout = 300)
{
	char udp[32], tcp[32];
	int udp_fd = silent_server(SOCK_DGRAM, udp, sizeof(udp)), tcp_fd = silent_server(SOCK_STREAM, tcp, sizeof(tcp));
	_cleanup_(bed_clear) struct bed bed;
	_cleanup_(result_clear) struct result asked = { 0 }, resolved = { 0 }, updated = { 0 };
	bed_init(&bed, udp);

	asked.loop = resolved.loop = updated.loop = bed.loop;
	int64_t before = clock_boot_ms(bed.clock);
	dns_ask(bed.dns, NULL, "www.example.test", DNS_A, 300, on_done, &asked);
	wait_for(&bed, &asked);
	dns_resolve(bed.dns, "www.example.test", 300, on_done, &resolved);
	wait_for(&bed, &resolved);
	dns_send_update(bed.dns,
		&(struct dns_update){ .server = tcp, .zone = "a.test", .name = "b.a.test", .value = "v" }, 300, on_done,
		&updated);
	wait_for(&bed, &updated);
	int64_t took = clock_boot_ms(bed.clock) - before;

	const struct result *all[] = { &asked, &resolved, &updated };
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		cr_expect_eq(all[i]->err.code, ERROR_TIMEOUT, "%s", all[i]->err.message);
		cr_expect(all[i]->err.may_retry);
		cr_expect(strstr(all[i]->err.message, all[i] == &updated ? "DNS update at 127.0.0.1:"
									 : "no answer from DNS server 127.0.0.1:"),
			"%s", all[i]->err.message);
	}
	cr_expect_geq(took, 900);
	int64_t max_us, p99_us;
	loop_turn_stats(bed.loop, &max_us, &p99_us);
	cr_expect_lt(max_us, 5000000, "a turn took %lld us", (long long)max_us);
	close(udp_fd);
	close(tcp_fd);
}

/* Answers each question with this code alone. */
struct refuser {
	int fd;
	unsigned char rcode;
	unsigned questions;
	bool was_recursive; /* the last one had RD */
};

static void
on_question(int fd, short what _unused_, void *arg)
{
	struct refuser *refuser = arg;
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	unsigned char message[512];
	ssize_t n = recvfrom(fd, message, sizeof(message), MSG_DONTWAIT, (struct sockaddr *)&peer, &len);

	if (n < 12)
		return;
	refuser->questions++;
	refuser->was_recursive = message[2] & 1;
	message[2] |= 0x80; /* QR */
	message[3] = refuser->rcode;
	message[11] = 0; /* no additional records: c-ares asks with EDNS */
	cr_assert_gt(sendto(fd, message, (size_t)n, 0, (struct sockaddr *)&peer, len), 0);
}

Test(dns, each_refusal_has_its_words_and_may_be_temporary, .timeout = 300)
{
	static const struct {
		unsigned char rcode;
		const char *says;
	} cases[] = {
		{ 1, "address of 'www.example.test': DNS server 127.0.0.1:" },
		{ 2, "could not resolve it (SERVFAIL)" },
		{ 3, "the name does not exist (NXDOMAIN)" },
		{ 4, "address of 'www.example.test': DNS server 127.0.0.1:" },
		{ 5, "refuses to answer (REFUSED)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char address[32];
		struct refuser refuser = { .rcode = cases[i].rcode };
		_cleanup_(bed_clear) struct bed bed;
		_cleanup_(result_clear) struct result resolved = { 0 }, asked = { 0 };
		struct loop_fd *watch;

		refuser.fd = silent_server(SOCK_DGRAM, address, sizeof(address));
		bed_init(&bed, address);
		watch = loop_fd_new(bed.loop, refuser.fd, LOOP_READ, on_question, &refuser);
		resolve(&bed, "www.example.test", &resolved);
		cr_expect_eq(resolved.err.code, ERROR_DNS, "rcode %u: %s", cases[i].rcode, resolved.err.message);
		cr_expect(resolved.err.message && strstr(resolved.err.message, cases[i].says), "rcode %u: %s",
			cases[i].rcode, resolved.err.message);
		cr_expect(resolved.err.may_retry, "rcode %u", cases[i].rcode);
		ask(&bed, NULL, "www.example.test", DNS_A, &asked);
		cr_expect_not(error_is_set(&asked.err), "an answer that has no records is one: %s", asked.err.message);
		cr_expect_eq(asked.rcode, cases[i].rcode);
		loop_fd_free(watch);
		close(refuser.fd);
	}
}

Test(dns, recursion_is_asked_of_a_resolver_and_not_of_a_name_server, .timeout = 300)
{
	for (int is_resolver = 0; is_resolver <= 1; is_resolver++) {
		char address[32];
		struct refuser refuser = { .rcode = 3 };
		_cleanup_(bed_clear) struct bed bed;
		_cleanup_(result_clear) struct result r = { 0 };
		struct loop_fd *watch;

		refuser.fd = silent_server(SOCK_DGRAM, address, sizeof(address));
		bed_init(&bed, "127.0.0.1:9");
		watch = loop_fd_new(bed.loop, refuser.fd, LOOP_READ, on_question, &refuser);
		r.loop = bed.loop;
		(is_resolver ? dns_ask_resolver : dns_ask)(
			bed.dns, address, "www.example.test", DNS_TXT, 60000, on_done, &r);
		wait_for(&bed, &r);
		cr_expect_eq(r.rcode, 3);
		cr_expect_eq(refuser.was_recursive, is_resolver);
		loop_fd_free(watch);
		close(refuser.fd);
	}
}

Test(dns, only_a_server_that_cannot_say_makes_certd_ask_the_next_one, .timeout = 300)
{
	static const struct {
		unsigned char rcode;
		bool asks_next;
	} cases[] = { { 0, false }, { 2, true }, { 3, false }, { 4, true }, { 5, true }, { 9, false } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char first[32], second[32];
		struct refuser a = { .rcode = cases[i].rcode }, b = { .rcode = 3 };
		_cleanup_(bed_clear) struct bed bed;
		_cleanup_(result_clear) struct result asked = { 0 };
		_cleanup_free_ char *both = NULL;
		struct loop_fd *watches[2];

		a.fd = silent_server(SOCK_DGRAM, first, sizeof(first));
		b.fd = silent_server(SOCK_DGRAM, second, sizeof(second));
		both = xasprintf("%s, %s", first, second);
		bed_init(&bed, both);
		watches[0] = loop_fd_new(bed.loop, a.fd, LOOP_READ, on_question, &a);
		watches[1] = loop_fd_new(bed.loop, b.fd, LOOP_READ, on_question, &b);
		ask(&bed, NULL, "www.example.test", DNS_A, &asked);
		cr_expect_geq(a.questions, 1);
		cr_expect_eq(b.questions > 0, cases[i].asks_next, "rcode %u", cases[i].rcode);
		cr_expect_eq(asked.rcode, cases[i].asks_next ? 3 : cases[i].rcode, "rcode %u: %d", cases[i].rcode,
			asked.rcode);
		loop_fd_free(watches[0]);
		loop_fd_free(watches[1]);
		close(a.fd);
		close(b.fd);
	}
}

Test(dns, a_server_that_is_not_there_is_told_soon, .timeout = 300)
{
	char address[32];
	_cleanup_(bed_clear) struct bed bed;
	_cleanup_(result_clear) struct result asked, updated;
	snprintf(address, sizeof(address), "127.0.0.1:%d", free_port());
	bed_init(&bed, NULL);
	ask(&bed, address, "www.example.test", DNS_A, &asked);
	cr_expect_eq(asked.err.code, ERROR_DNS);
	cr_expect(strstr(asked.err.message, "cannot be reached"), "%s", asked.err.message);
	update(&bed, &(struct dns_update){ .server = address, .zone = "a.test", .name = "b.a.test", .value = "v" },
		&updated);
	cr_expect_eq(updated.err.code, ERROR_DNS);
	cr_expect(strstr(updated.err.message, "cannot be reached"), "%s", updated.err.message);
	cr_expect(asked.err.may_retry && updated.err.may_retry);
	cr_expect_eq(updated.rcode, -1);
}

static void
never(const struct dns_answer *answer _unused_, const struct error *err _unused_, void *arg _unused_)
{
	cr_assert_fail("done was called after cancel");
}

Test(dns, cancelled_and_abandoned_queries_do_not_call_back, .timeout = 300)
{
	char udp[32];
	int fd = silent_server(SOCK_DGRAM, udp, sizeof(udp));
	_cleanup_(bed_clear) struct bed bed;
	bed_init(&bed, udp);
	dns_cancel(dns_ask(bed.dns, NULL, "a.test", DNS_A, 50, never, NULL));
	dns_cancel(dns_resolve(bed.dns, "a.test", 50, never, NULL));
	dns_cancel(dns_resolve(bed.dns, "127.0.0.1", 50, never, NULL)); /* its result is there already */
	dns_cancel(dns_ask(bed.dns, NULL, "a..b", DNS_A, 50, never, NULL));
	_cleanup_(result_clear) struct result r = { .loop = bed.loop };
	dns_ask(bed.dns, NULL, "b.test", DNS_A, 200, on_done, &r);
	wait_for(&bed, &r);
	dns_ask(bed.dns, NULL, "c.test", DNS_A, 10000, never, NULL);
	dns_resolve(bed.dns, "c.test", 10000, never, NULL);
	close(fd);
}

Test(dns, many_servers_do_not_keep_many_channels_and_sockets, .timeout = 300)
{
	_cleanup_(bed_clear) struct bed bed;
	bed_init(&bed, "127.0.0.1:9");
	for (int i = 0; i < 100; i++) {
		char server[32];
		_cleanup_(result_clear) struct result r = { .loop = bed.loop };
		snprintf(server, sizeof(server), "127.0.1.%d:9", i);
		dns_ask(bed.dns, server, "a.test", DNS_A, 2000, on_done, &r);
		wait_for(&bed, &r);
		cr_expect(error_is_set(&r.err));
	}
	int last = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cr_expect_lt(last, 40, "descriptors are lost");
	close(last);
}

Test(dns, what_is_no_server_or_name_is_refused)
{
	static const char *const bad[] = { "ns1.example.test", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:99999",
		"127.0.0.1:5x", "[::1", "[127.0.0.1]:53:", "[::1]x", "::g", "" };
	_cleanup_(bed_clear) struct bed bed;
	bed_init(&bed, "127.0.0.1:9");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(result_clear) struct result r;
		ask(&bed, bad[i], "www.example.test", DNS_A, &r);
		cr_expect_eq(r.err.code, ERROR_INVALID, "%s", bad[i]);
		_cleanup_error_ struct error err = ERROR_INIT;
		cr_expect_null(dns_new(bed.loop, bad[i], &err), "%s", bad[i]);
		cr_expect_eq(err.code, ERROR_INVALID);
	}
	static const char *const good[] = { "127.0.0.1", "::1", "[::1]", "[::1]:53", "127.0.0.1:65535, [::1]:1" };
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct dns *dns = dns_new(bed.loop, good[i], NULL);
		cr_expect_not_null(dns, "%s", good[i]);
		dns_free(dns);
	}
	_cleanup_(result_clear) struct result r;
	ask(&bed, NULL, "a..b", DNS_A, &r);
	cr_expect_eq(r.err.code, ERROR_INVALID);
	cr_expect_str_eq(r.err.message, "DNS A of 'a..b': 'a..b' is not a domain name");
}

/* With a server that never answers, only /etc/hosts can. */
Test(dns, the_hosts_file_is_honoured, .timeout = 300)
{
	char udp[32], line[512];
	int fd = silent_server(SOCK_DGRAM, udp, sizeof(udp));
	_cleanup_(bed_clear) struct bed bed;
	bed_init(&bed, udp);
	FILE *hosts = fopen("/etc/hosts", "re");
	cr_assert_not_null(hosts);
	int names = 0;
	while (fgets(line, sizeof(line), hosts)) {
		line[strcspn(line, "#\n")] = '\0';
		char *rest = NULL, *address = strtok_r(line, " \t", &rest), *name;
		while (address && (name = strtok_r(NULL, " \t", &rest))) {
			_cleanup_(result_clear) struct result r;
			resolve(&bed, name, &r);
			cr_expect(!error_is_set(&r.err), "%s: %s", name, r.err.message);
			names++;
		}
	}
	cr_expect_gt(names, 0);
	fclose(hosts);
	close(fd);
}

/* No server listens on port 53 of these addresses: the error names the server. */
Test(dns, a_changed_resolv_conf_is_read_again, .timeout = 300)
{
	static const struct {
		const char *content, *text;
	} steps[] = {
		{ "nameserver 127.83.0.1\n", "DNS server 127.83.0.1 cannot be reached" },
		{ "nameserver 127.83.0.2\nnameserver 127.83.0.3\n", "DNS server 127.83.0.2, 127.83.0.3 cannot" },
		{ "garbage \377\nnameserver\noptions timeout:x\nnameserver 127.83.0.4", "DNS server 127.83.0.4" },
	};
	_cleanup_(scratch_remove) char *dir = scratch_new();
	_cleanup_free_ char *path = xasprintf("%s/resolv.conf", dir);
	_cleanup_free_ char *replaced = xasprintf("%s/new", dir);
	_cleanup_(bed_clear) struct bed bed;
	bed_init(&bed, NULL);
	dns_set_resolv_conf(bed.dns, path);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		_cleanup_(result_clear) struct result r;
		scratch_write(dir, "new", "%s", steps[i].content);
		cr_assert_eq(rename(replaced, path), 0);
		ask(&bed, NULL, "www.example.test", DNS_A, &r);
		cr_expect(r.err.message && strstr(r.err.message, steps[i].text), "%s", r.err.message);
	}
	cr_assert_eq(unlink(path), 0);
	_cleanup_(result_clear) struct result r;
	resolve(&bed, "localhost", &r);
	cr_expect_str_eq(r.values, "127.0.0.1|::1");
}
