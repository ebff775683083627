/* A look at hosts with several addresses. A name server of the test's own says which ones they have. */
#include "daemon/rollout/probe.h"

#include "common/buf.h"
#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/dns.h"
#include "daemon/base/loop.h"
#include "tests/support/hostile_peers.h"
#include "tests/support/process.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER_LEN = 12, TYPE_A = 1, ADDRESSES = 3, LIMIT_MS = 500, PATIENT_MS = 120000, NO_ROUTE = 255, MANY = 500 };

/* 127.0.0.1 serves, the others are silent or not there. */
struct bed {
	char *dir;
	struct tls_server *server;
	struct clock *clock;
	struct loop *loop;
	struct dns *dns;
	int dns_fd;
	struct loop_fd *dns_watch;
	uint8_t hosts[ADDRESSES]; /* last octets of 127.0.0.x, in the order of the answer; 0: no more */
	int silent_fd[ADDRESSES];
	struct prober *prober;
	const char *protocol;
	const char *key_algorithm; /* of the expected certificate; or NULL */
	int64_t limit_ms;          /* PATIENT_MS where something answers: the machine may be busy */
	size_t n_answers;
	char *sha256;       /* of the last address */
	struct error error; /* likewise */
	size_t results;
	char *addresses; /* those that answered, with '+', or did not, with '-' */
};

static bool
never_asked(struct tls_conn *conn _unused_, const struct tls_request *req _unused_, void *arg _unused_)
{
	return false;
}

/* The question, and for A as many records as there are hosts (RFC 1035 s4.1). */
static size_t
answer(const struct bed *b, uint8_t *message, size_t len)
{
	size_t end = HEADER_LEN;

	while (end < len && message[end])
		end += message[end] + 1u;
	end += 5;          /* the root label, type and class */
	message[2] = 0x84; /* an answer, authoritative */
	message[3] = 0;
	memset(message + 6, 0, 6);
	if (message[end - 3] != TYPE_A)
		return end;
	for (size_t i = 0; i < ADDRESSES && b->hosts[i]; i++) {
		uint8_t host = b->hosts[i], between = host == NO_ROUTE ? NO_ROUTE : 0;
		const uint8_t record[] = { 0xc0, HEADER_LEN, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4,
			between ? between : 127, between, between, host };

		memcpy(message + end, record, sizeof(record));
		end += sizeof(record);
		message[7]++;
	}
	return end;
}

static void
on_question(int fd, short what _unused_, void *arg)
{
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	uint8_t message[1024];
	ssize_t n = recvfrom(fd, message, 512, 0, (struct sockaddr *)&from, &from_len);

	if (n > HEADER_LEN)
		sendto(fd, message, answer(arg, message, (size_t)n), 0, (struct sockaddr *)&from, from_len);
}

static int
bound_socket(int type, const char *address, int port, int *ret_port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, address, &sin.sin_addr);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sin, len), 0, "%s:%d", address, port);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	if (ret_port)
		*ret_port = ntohs(sin.sin_port);
	return fd;
}

static void
bed_init_with(struct bed *b, const struct tls_server_config *config)
{
	_cleanup_free_ char *servers = NULL;
	int port;

	*b = (struct bed){ .dir = scratch_new(), .silent_fd = { -1, -1, -1 } };
	b->limit_ms = PATIENT_MS;
	b->server = tls_server_new(b->dir, config);
	b->clock = clock_new_real();
	b->loop = loop_new(b->clock);
	b->dns_fd = bound_socket(SOCK_DGRAM, "127.0.0.1", 0, &port);
	b->dns_watch = loop_fd_new(b->loop, b->dns_fd, LOOP_READ, on_question, b);
	servers = xasprintf("127.0.0.1:%d", port);
	b->dns = dns_new(b->loop, servers, NULL);
}

static void
bed_init(struct bed *b)
{
	bed_init_with(b, &(struct tls_server_config){ .serve = never_asked });
}

static void
bed_clear(struct bed *b)
{
	tls_server_free(b->server);
	dns_free(b->dns);
	loop_fd_free(b->dns_watch);
	close(b->dns_fd);
	for (size_t i = 0; i < ADDRESSES; i++)
		if (b->silent_fd[i] >= 0)
			close(b->silent_fd[i]);
	loop_free(b->loop);
	clock_free(b->clock);
	error_clear(&b->error);
	free(b->sha256);
	free(b->addresses);
	scratch_remove(&b->dir);
}

/* Accepts connections, like a kernel with a listening socket, and sends nothing. */
static void
make_silent(struct bed *b, size_t i)
{
	_cleanup_free_ char *address = xasprintf("127.0.0.%u", b->hosts[i]);

	b->silent_fd[i] = bound_socket(SOCK_STREAM, address, tls_server_port(b->server), NULL);
	cr_assert_eq(listen(b->silent_fd[i], 8), 0);
}

static void
on_done(const struct probe_result *results, size_t n, void *arg)
{
	_cleanup_buf_ struct buf addresses = BUF_INIT;
	const struct probe_result *last = &results[n - 1];
	struct bed *b = arg;

	b->results = n;
	b->n_answers = last->count;
	for (size_t i = 0; i < last->count; i++)
		buf_printf(&addresses, "%s%c%s", i ? " " : "", last->answers[i].sha256 ? '+' : '-',
			last->answers[i].address ? last->answers[i].address : "");
	b->addresses = buf_steal(&addresses);
	b->sha256 = xstrdup_null(last->answers[last->count - 1].sha256);
	error_copy(&b->error, &last->answers[last->count - 1].error);
	loop_stop(b->loop);
}

/* @count endpoints at @host. Milliseconds that it took. */
static int64_t
look_at(struct bed *b, const char *host, size_t count)
{
	int64_t begun_ms = clock_boot_ms(b->clock);
	struct certificate expected = { .key_algorithm = (char *)b->key_algorithm };
	struct record_list endpoints = { .count = 0 };

	for (size_t i = 0; i < count; i++) {
		struct probe *p = record_list_add(&probe_class, &endpoints);

		p->host = xstrdup(host);
		p->port = tls_server_port(b->server);
		p->protocol = xstrdup_null(b->protocol);
	}
	b->prober = prober_new(b->loop, b->dns, b->limit_ms);
	probe_start(b->prober, &endpoints, &expected, on_done, b);
	record_list_clear(&probe_class, &endpoints); /* all of it was copied */
	cr_assert_eq(loop_run(b->loop, NULL), 0);
	prober_free(b->prober);
	cr_assert_gt(b->n_answers, 0);
	return clock_boot_ms(b->clock) - begun_ms;
}

static int64_t
look(struct bed *b)
{
	return look_at(b, "node.example.test", 1);
}

Test(probe, every_address_is_asked_whatever_the_others_do, .timeout = 300)
{
	struct bed b;

	bed_init(&b);
	b.limit_ms = 3 * LIMIT_MS;
	memcpy(b.hosts, (uint8_t[]){ 2, 3, 1 }, ADDRESSES);
	make_silent(&b, 0);
	look(&b); /* 127.0.0.3 refuses: nothing listens there */
	cr_expect_str_eq(b.addresses, "-127.0.0.2 -127.0.0.3 +127.0.0.1");
	cr_expect_not_null(b.sha256, "%s", b.error.message);
	bed_clear(&b);
}

Test(probe, a_silent_address_is_left_after_the_limit_and_named, .timeout = 300)
{
	struct bed b;
	int64_t took_ms;

	bed_init(&b);
	b.limit_ms = LIMIT_MS;
	memcpy(b.hosts, (uint8_t[]){ 2, 3, 0 }, ADDRESSES);
	make_silent(&b, 0);
	make_silent(&b, 1);
	took_ms = look(&b);
	cr_expect_eq(b.error.code, ERROR_TIMEOUT, "%s", b.error.message);
	cr_expect(strstr(b.error.message, " at 127.0.0.3: no TLS handshake within 500 ms"), "%s", b.error.message);
	cr_expect_geq(took_ms, LIMIT_MS - 10);
	bed_clear(&b);
}

Test(probe, an_address_that_refuses_is_named_with_the_reason, .timeout = 300)
{
	struct bed b;

	bed_init(&b);
	memcpy(b.hosts, (uint8_t[]){ 1, 3, 0 }, ADDRESSES);
	look(&b);
	cr_expect_str_eq(b.addresses, "+127.0.0.1 -127.0.0.3");
	cr_expect(strstr(b.error.message, " at 127.0.0.3: connect: Connection refused"), "%s", b.error.message);
	bed_clear(&b);
}

/* More than may run at the same time. */
Test(probe, each_of_many_endpoints_has_a_result, .timeout = 300)
{
	struct bed b;

	bed_init(&b);
	look_at(&b, "127.0.0.1", MANY);
	cr_expect_eq(b.results, MANY);
	cr_expect_str_eq(b.addresses, "+127.0.0.1", "%s", b.error.message);
	bed_clear(&b);
}

/* The broadcast address, like IPv6 on a host without it. */
Test(probe, an_address_without_a_route_counts_only_alone, .timeout = 300)
{
	struct bed b;

	bed_init(&b);
	memcpy(b.hosts, (uint8_t[]){ NO_ROUTE, 1, 0 }, ADDRESSES);
	look(&b);
	cr_expect_str_eq(b.addresses, "+127.0.0.1");
	bed_clear(&b);
	bed_init(&b);
	b.hosts[0] = NO_ROUTE;
	look(&b);
	cr_expect_str_eq(b.addresses, "-");
	cr_expect_eq(b.error.code, ERROR_NETWORK);
	bed_clear(&b);
}

Test(probe, a_handshake_without_end_has_a_part_of_each_turn_and_is_left, .timeout = 300)
{
	struct peer_turns turns;
	struct bed b;

	bed_init_with(&b, &(struct tls_server_config){ .raw = peer_flood_hello_requests });
	b.hosts[0] = 1;
	peer_turns_begin(&turns, b.loop);
	look(&b);
	peer_turns_end(&turns);
	cr_expect_eq(b.error.code, ERROR_TLS);
	cr_expect(strstr(b.error.message, PEER_NOISE_TEXT), "%s", b.error.message);
	cr_expect_geq(turns.count, PEER_NOISE_TURNS, "4 KiB of 256 in each: %ld", turns.count);
	bed_clear(&b);
}

/* @text: in the error; NULL: its certificate is seen. */
static void
expect_peer(const struct tls_server_config *peer, const char *text)
{
	struct tls_server_config config = *peer;
	struct bed b;

	config.serve = never_asked;
	bed_init_with(&b, &config);
	b.hosts[0] = 1;
	look(&b);
	if (text)
		cr_expect(b.error.message && strstr(b.error.message, text), "%s: %s", text, b.error.message);
	else
		cr_expect_not_null(b.sha256, "%s", b.error.message);
	bed_clear(&b);
}

Test(probe, a_server_without_a_key_of_the_expected_type_is_asked_for_any, .timeout = 300)
{
	static const struct {
		int rsa_bits; /* of the server; 0: P-256 */
		int max_tls;
		const char *expected;
		int connections;
	} cases[] = {
		{ 0, 0, "secp256r1", 1 },
		{ 0, 0, "rsa2048", 2 },
		{ 2048, 0, "rsa4096", 1 },
		{ 2048, 0, "secp384r1", 2 },
		{ 0, TLS1_2_VERSION, "secp256r1", 1 },
		{ 0, TLS1_2_VERSION, "rsa2048", 2 },
		{ 2048, TLS1_2_VERSION, "rsa4096", 1 },
		{ 0, 0, "ed25519", 2 },
		{ 0, 0, NULL, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bed b;

		bed_init_with(
			&b, &(struct tls_server_config){
				    .serve = never_asked, .rsa_bits = cases[i].rsa_bits, .max_tls = cases[i].max_tls });
		b.key_algorithm = cases[i].expected;
		look_at(&b, "127.0.0.1", 1);
		cr_expect_not_null(b.sha256, "%zu: %s", i, b.error.message);
		cr_expect_eq(tls_server_connections(b.server), cases[i].connections, "%zu: %d", i,
			tls_server_connections(b.server));
		bed_clear(&b);
	}
}

/* What a server hears first. */
struct hello {
	struct loop *loop;
	struct loop_fd *watch, *conn_watch;
	int fd, conn;
	char data[4096];
	size_t len;
};

static void
hello_heard(int fd, short what _unused_, void *arg)
{
	struct hello *h = arg;
	ssize_t n = recv(fd, h->data, sizeof(h->data), 0);

	h->len = n > 0 ? (size_t)n : 0;
	loop_fd_free(h->conn_watch);
	h->conn_watch = NULL;
	close(h->conn);
}

static void
hello_accept(int fd, short what _unused_, void *arg)
{
	struct hello *h = arg;

	h->conn = accept(fd, NULL, NULL);
	h->conn_watch = loop_fd_new(h->loop, h->conn, LOOP_READ, hello_heard, h);
}

Test(probe, the_name_and_the_protocols_are_requested, .timeout = 300)
{
	struct certificate expected = { .sha256 = NULL };
	struct record_list endpoints = { .count = 0 };
	struct probe *p = record_list_add(&probe_class, &endpoints);
	struct hello h = { .conn = -1 };
	struct bed b;
	int port;

	bed_init(&b);
	h.loop = b.loop;
	h.fd = bound_socket(SOCK_STREAM, "127.0.0.1", 0, &port);
	cr_assert_eq(listen(h.fd, 8), 0);
	h.watch = loop_fd_new(b.loop, h.fd, LOOP_READ, hello_accept, &h);
	p->host = xstrdup("127.0.0.1");
	p->port = port;
	p->sni = xstrdup("asked.example.test");
	strlist_add(&p->alpn, "h2");
	strlist_add(&p->alpn, "http/1.1");
	b.prober = prober_new(b.loop, b.dns, b.limit_ms);
	probe_start(b.prober, &endpoints, &expected, on_done, &b);
	cr_assert_eq(loop_run(b.loop, NULL), 0);
	prober_free(b.prober);
	cr_expect_not_null(memmem(h.data, h.len,
				   "\0\x12"
				   "asked.example.test",
				   20),
		"RFC 6066 s3");
	cr_expect_not_null(memmem(h.data, h.len, "\0\x0c\x02h2\x08http/1.1", 14), "RFC 7301 s3.1");
	cr_expect_eq(b.error.code, ERROR_TLS, "%s", b.error.message);
	record_list_clear(&probe_class, &endpoints);
	loop_fd_free(h.watch);
	close(h.fd);
	bed_clear(&b);
}

/* --- before TLS --- */

static void
endless_banner(struct tls_conn *conn)
{
	char line[1024];

	memset(line, 'a', sizeof(line));
	memcpy(line, "220-", 4);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	while (tls_conn_write_raw(conn, line, sizeof(line)))
		;
}

static void
one_long_line(struct tls_conn *conn)
{
	while (tls_conn_write_raw(conn, "220220220220220220220220220220220", 33))
		;
}

static void
octet_by_octet(struct tls_conn *conn)
{
	while (tls_conn_write_raw(conn, "2", 1) && tls_conn_pause(conn, 20))
		;
}

static void
garbage_for_tls(struct tls_conn *conn)
{
	static const char words[] = "220 hello\r\n";
	static const char more[] = "250-here\r\n250 STARTTLS\r\n";
	static const char ready[] = "220 go ahead\r\n";

	tls_conn_write_raw(conn, words, sizeof(words) - 1);
	tls_conn_pause(conn, 100);
	tls_conn_write_raw(conn, more, sizeof(more) - 1);
	tls_conn_pause(conn, 100);
	tls_conn_write_raw(conn, ready, sizeof(ready) - 1);
	tls_conn_pause(conn, 100);
	while (tls_conn_write_raw(conn, "\xff\xff\xff\xff", 4))
		;
}

Test(probe, a_hostile_server_before_tls_is_left_soon, .timeout = 300)
{
	static const struct {
		void (*raw)(struct tls_conn *conn);
		const char *says;
	} peers[] = {
		{ endless_banner, "the server sent more than 16384 octets before TLS" },
		{ one_long_line, "the server sent more than 16384 octets before TLS" },
		{ octet_by_octet, "no answer to STARTTLS within 1000 ms" },
		{ garbage_for_tls, "TLS handshake: " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
		struct bed b;

		bed_init_with(&b, &(struct tls_server_config){ .raw = peers[i].raw });
		b.protocol = "smtp";
		b.limit_ms = peers[i].raw == octet_by_octet ? LIMIT_MS : PATIENT_MS;
		look_at(&b, "127.0.0.1", 1);
		cr_expect(b.error.message && strstr(b.error.message, peers[i].says), "%s: %s", peers[i].says,
			b.error.message);
		bed_clear(&b);
	}
}

/* --- TLS --- */

Test(probe, costly_arithmetic_is_not_done_for_a_peer, .timeout = 300)
{
	for (size_t i = 0; i < n_costly_peers; i++)
		expect_peer(&costly_peers[i].config, costly_peers[i].text);
	/* Old, but cheap: a probe only looks. */
	expect_peer(&(struct tls_server_config){ .rsa_bits = 2048, .ciphers = "AES128-GCM-SHA256" }, NULL);
}

Test(probe, a_name_that_cannot_be_resolved_is_an_answer_without_an_address, .timeout = 300)
{
	static const struct {
		const char *why;
		bool is_deaf;
	} cases[] = { { "it has no address", false }, { "no answer from", true } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bed b;

		bed_init(&b);
		if (cases[i].is_deaf) {
			loop_fd_free(b.dns_watch);
			b.dns_watch = NULL;
		}
		look_at(&b, "node.example.test", 2);
		cr_expect_eq(b.results, 2);
		cr_expect_eq(b.n_answers, 1);
		cr_expect_str_eq(b.addresses, "-");
		cr_expect_eq(b.error.code, cases[i].is_deaf ? ERROR_TIMEOUT : ERROR_DNS, "%s", b.error.message);
		cr_expect_eq(strncmp(b.error.message, "node.example.test:", 18), 0, "%s", b.error.message);
		cr_expect_not_null(strstr(b.error.message, cases[i].why), "%s", b.error.message);
		bed_clear(&b);
	}
}
