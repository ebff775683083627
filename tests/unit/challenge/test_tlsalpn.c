/* The listener over real sockets: OpenSSL's client in the same thread takes a step, then the loop runs for a while. */
#include "common/crypto/alpn_cert.h"
#include "common/error.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/challenge/tlsalpn.h"
#include "tests/support/process.h"
#include "tests/unit/challenge/rig.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY_AUTHORIZATION "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
#define ACME \
	"\x0a" \
	"acme-tls/1"

enum { PATIENCE_MS = 120000, STEP_MS = 5, SHORT_DEADLINE_MS = 200 };

struct fixture {
	struct clock *clock;
	struct loop *loop;
	struct tlsalpn *tls;
	struct sockaddr_in address;
};

static void
on_stop(void *arg)
{
	loop_stop(arg);
}

static void
run_ms(struct loop *loop, int64_t ms)
{
	struct loop_timer timer;

	loop_timer_init(&timer, loop, on_stop, loop);
	loop_timer_set(&timer, ms);
	cr_assert_eq(loop_run(loop, NULL), 0);
	loop_timer_cancel(&timer);
}

/* As systemd hands a socket over. */
static void
setup(struct fixture *f, int64_t deadline_ms)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	f->address = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)free_port()),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	cr_assert_eq(bind(fd, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
	cr_assert_eq(listen(fd, 512), 0);
	f->clock = clock_new_real();
	f->loop = loop_new(f->clock);
	f->tls = tlsalpn_new(f->loop, &(struct tlsalpn_config){ .fds = &fd, .n_fds = 1, .deadline_ms = deadline_ms });
}

static void
teardown(struct fixture *f)
{
	tlsalpn_free(f->tls);
	loop_free(f->loop);
	clock_free(f->clock);
}

static int
connect_to(const struct fixture *f)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(connect(fd, (const struct sockaddr *)&f->address, sizeof(f->address)), 0);
	cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

/* @protocols: in wire format; NULL: the client offers none. Return: the certificate that it gets, or NULL: an alert. */
static X509 *
look(struct fixture *f, const char *server_name, const char *protocols, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int fd = connect_to(f);
	const unsigned char *chosen;
	unsigned chosen_len = 0;
	X509 *cert = NULL;
	int rc = -1;

	SSL_set_min_proto_version(ssl, version);
	SSL_set_max_proto_version(ssl, version);
	if (server_name)
		SSL_set_tlsext_host_name(ssl, server_name);
	if (protocols)
		SSL_set_alpn_protos(ssl, (const unsigned char *)protocols, (unsigned)strlen(protocols));
	SSL_set_fd(ssl, fd);
	for (int ms = 0; ms < PATIENCE_MS && rc != 1; ms += STEP_MS) {
		rc = SSL_connect(ssl);
		if (rc != 1 && SSL_get_error(ssl, rc) != SSL_ERROR_WANT_READ)
			break;
		run_ms(f->loop, STEP_MS);
	}
	if (rc == 1) {
		SSL_get0_alpn_selected(ssl, &chosen, &chosen_len);
		cr_expect(chosen_len == strlen(ACME) - 1 && memcmp(chosen, &ACME[1], chosen_len) == 0);
		cert = SSL_get1_peer_certificate(ssl);
		run_ms(f->loop, STEP_MS);
		cr_expect_leq(SSL_read(ssl, (char[1]){ 0 }, 1), 0);
		cr_expect_eq(SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN,
			"the connection does not end");
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	return cert;
}

/* RFC 8737 s3: one name, and the critical extension with the digest. */
static void
expect_answer(X509 *cert, const char *key_authorization, int type, const void *name, size_t name_len)
{
	ASN1_OBJECT *id = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
	int at = X509_get_ext_by_OBJ(cert, id, -1);
	X509_EXTENSION *ext = X509_get_ext(cert, at);
	unsigned char digest[2 + SHA256_DIGEST_LENGTH] = { 0x04, 0x20 };
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	EVP_PKEY *key = X509_get0_pubkey(cert);

	SHA256((const unsigned char *)key_authorization, strlen(key_authorization), digest + 2);
	cr_assert_geq(at, 0);
	cr_expect_eq(X509_EXTENSION_get_critical(ext), 1);
	cr_assert_eq(ASN1_STRING_length(X509_EXTENSION_get_data(ext)), (int)sizeof(digest));
	cr_expect_eq(memcmp(ASN1_STRING_get0_data(X509_EXTENSION_get_data(ext)), digest, sizeof(digest)), 0);
	cr_assert_eq(sk_GENERAL_NAME_num(names), 1);
	cr_expect_eq(sk_GENERAL_NAME_value(names, 0)->type, type);
	cr_assert_eq((size_t)ASN1_STRING_length(sk_GENERAL_NAME_value(names, 0)->d.ia5), name_len);
	cr_expect_eq(memcmp(ASN1_STRING_get0_data(sk_GENERAL_NAME_value(names, 0)->d.ia5), name, name_len), 0);
	cr_expect_eq(X509_get_version(cert), 2);
	cr_expect_eq(X509_verify(cert, key), 1, "it is not signed by its own key");
	cr_expect_lt(X509_cmp_current_time(X509_get0_notBefore(cert)), 0);
	cr_expect_gt(X509_cmp_current_time(X509_get0_notAfter(cert)), 0);
	GENERAL_NAMES_free(names);
	ASN1_OBJECT_free(id);
}

Test(tlsalpn, shows_the_certificate_of_a_pending_name_to_acme_clients_only)
{
	static const struct {
		const char *why;
		const char *server_name;
		const char *protocols;
		bool is_answered;
	} cases[] = {
		{ "as the CA asks", "www.example.com", ACME, true },
		{ "in another case", "WWW.example.com", ACME, true },
		{ "another protocol", "www.example.com", "\x02h2", false },
		{ "another protocol, too", "www.example.com", ACME "\x02h2", false },
		{ "no protocol", "www.example.com", NULL, false },
		{ "another name", "www.example.org", ACME, false },
		{ "a part of the name", "example.com", ACME, false },
		{ "no name", NULL, ACME, false },
	};
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct fixture f;

	setup(&f, PATIENCE_MS);
	cr_assert_eq(tlsalpn_put(f.tls, "www.example.com", KEY_AUTHORIZATION, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(versions); j++) {
			X509 *cert = look(&f, cases[i].server_name, cases[i].protocols, versions[j]);

			cr_expect_eq(cert != NULL, cases[i].is_answered, "%s", cases[i].why);
			if (cert)
				expect_answer(cert, KEY_AUTHORIZATION, GEN_DNS, "www.example.com", 15);
			X509_free(cert);
		}
	}
	teardown(&f);
}

Test(tlsalpn, addresses_have_names_below_arpa)
{
	static const struct {
		const char *name;
		const char *server_name;
		const char *octets;
		size_t len;
	} cases[] = {
		{ "192.0.2.1", "1.2.0.192.in-addr.arpa", "\xc0\x00\x02\x01", 4 },
		{ "2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
			"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16 },
	};
	struct fixture f;

	setup(&f, PATIENCE_MS);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		X509 *cert;

		cr_assert_eq(tlsalpn_put(f.tls, cases[i].name, KEY_AUTHORIZATION, NULL), 0);
		cert = look(&f, cases[i].server_name, ACME, TLS1_3_VERSION);
		cr_assert_not_null(cert, "%s", cases[i].name);
		expect_answer(cert, KEY_AUTHORIZATION, GEN_IPADD, cases[i].octets, cases[i].len);
		X509_free(cert);
	}
	teardown(&f);
}

Test(tlsalpn, the_latest_answer_counts_until_it_is_removed)
{
	struct fixture f;
	X509 *cert;

	setup(&f, PATIENCE_MS);
	tlsalpn_put(f.tls, "www.example.com", "first", NULL);
	tlsalpn_put(f.tls, "www.example.com", "second", NULL);
	cert = look(&f, "www.example.com", ACME, TLS1_3_VERSION);
	expect_answer(cert, "second", GEN_DNS, "www.example.com", 15);
	X509_free(cert);
	tlsalpn_remove(f.tls, "www.example.com", "second");
	cert = look(&f, "www.example.com", ACME, TLS1_3_VERSION);
	expect_answer(cert, "first", GEN_DNS, "www.example.com", 15);
	X509_free(cert);
	tlsalpn_remove(f.tls, "www.example.com", "first");
	cr_expect_null(look(&f, "www.example.com", ACME, TLS1_3_VERSION));
	teardown(&f);
}

static bool
is_closed(int fd)
{
	return recv(fd, (char[1]){ 0 }, 1, MSG_DONTWAIT) == 0;
}

Test(tlsalpn, an_idle_client_is_closed_at_the_deadline)
{
	struct fixture f;
	int64_t began_ms;
	int fd;

	setup(&f, SHORT_DEADLINE_MS);
	began_ms = clock_boot_ms(f.clock);
	fd = connect_to(&f);
	for (int ms = 0; ms < PATIENCE_MS && !is_closed(fd); ms += STEP_MS)
		run_ms(f.loop, STEP_MS);
	cr_expect(is_closed(fd));
	cr_expect_geq(clock_boot_ms(f.clock) - began_ms, SHORT_DEADLINE_MS);
	close(fd);
	teardown(&f);
}

Test(tlsalpn, idle_clients_make_room)
{
	int fds[TLSALPN_CONNECTIONS_MAX + 4];
	struct fixture f;
	X509 *cert;

	setup(&f, PATIENCE_MS);
	tlsalpn_put(f.tls, "www.example.com", KEY_AUTHORIZATION, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = connect_to(&f);
	run_ms(f.loop, STEP_MS);
	cert = look(&f, "www.example.com", ACME, TLS1_3_VERSION);
	cr_expect_not_null(cert);
	X509_free(cert);
	cr_expect(is_closed(fds[0]));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	teardown(&f);
}

Test(tlsalpn, a_listener_that_cannot_be_bound_says_what_to_do)
{
	_cleanup_strlist_ struct strlist listen = STRLIST_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct tlsalpn *none;
	struct tlsalpn *taken;
	struct fixture f;

	setup(&f, PATIENCE_MS);
	strlist_take(&listen, xasprintf("127.0.0.1:%d", ntohs(f.address.sin_port)));
	taken = tlsalpn_new(f.loop, &(struct tlsalpn_config){ .listen = &listen });
	cr_assert_not_null(tlsalpn_error(taken));
	cr_expect_not_null(strstr(tlsalpn_error(taken)->message, "another program listens there"));
	cr_expect_eq(tlsalpn_open(taken, &err), -1);
	cr_expect(tlsalpn_is_configured(taken));
	none = tlsalpn_new(f.loop, &(struct tlsalpn_config){ .listen = NULL });
	cr_expect_not(tlsalpn_is_configured(none));
	cr_expect_null(tlsalpn_error(none));
	tlsalpn_free(none);
	tlsalpn_free(taken);
	teardown(&f);
}

/* --- a challenge --- */

/* The listener is the solver's or, if @is_taken, another program has its port. */
static void
challenge_init(struct fixture *f, struct rig *rig, bool is_taken)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	f->address = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)free_port()),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	cr_assert_eq(bind(fd, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
	cr_assert_eq(listen(fd, 8), 0);
	rig_init(rig, NULL);
	if (is_taken) {
		strlist_take(&rig->config.tlsalpn_listen, xasprintf("127.0.0.1:%d", ntohs(f->address.sin_port)));
	} else {
		rig->config.tlsalpn_fds = &fd;
		rig->config.n_tlsalpn_fds = 1;
	}
	rig_restart(rig);
	rig->config.n_tlsalpn_fds = 0;
	f->loop = rig->env.loop;
}

Test(tlsalpn, a_challenge_is_answered_from_done_to_stop)
{
	struct acme_authorization authz;
	struct autocert autocert = { .challenge = xstrdup("tls-alpn-01") };
	struct solver_request request = {
		.autocert = &autocert, .authz = &authz, .thumbprint = strchr(KEY_AUTHORIZATION, '.') + 1
	};
	_cleanup_free_ char *token = xstrndup(KEY_AUTHORIZATION, strcspn(KEY_AUTHORIZATION, "."));
	struct result result = { 0 };
	struct fixture f;
	struct rig rig;
	struct solve *solve;
	X509 *cert;

	challenge_init(&f, &rig, false);
	authz_init(&authz, "www.example.com", false, "tls-alpn-01", token);
	solve = solver_start(rig.solver, &request, note_done, note_progress, &result);
	cr_expect_eq(result.calls, 0, "done from inside the call");
	cr_assert(rig_wait(&rig, &result, 1000));
	cr_expect_not(error_is_set(&result.error), "%s", result.error.message);
	cert = look(&f, "www.example.com", ACME, TLS1_3_VERSION);
	cr_assert_not_null(cert);
	expect_answer(cert, KEY_AUTHORIZATION, GEN_DNS, "www.example.com", 15);
	X509_free(cert);
	solver_stop(solve);
	cr_expect_null(look(&f, "www.example.com", ACME, TLS1_3_VERSION), "it is still answered");
	cr_expect_eq(result.calls, 1);
	result_clear(&result);
	acme_authorization_clear(&authz);
	autocert_clear(&autocert);
	rig_clear(&rig);
}

Test(tlsalpn, a_challenge_without_its_port_fails_and_says_so)
{
	struct acme_authorization authz;
	struct autocert autocert = { .challenge = xstrdup("tls-alpn-01") };
	struct solver_request request = { .autocert = &autocert, .authz = &authz, .thumbprint = "t" };
	struct result result = { 0 };
	struct fixture f;
	struct rig rig;
	struct solve *solve;

	challenge_init(&f, &rig, true);
	authz_init(&authz, "www.example.com", false, "tls-alpn-01", "t");
	solve = solver_start(rig.solver, &request, note_done, note_progress, &result);
	cr_assert(rig_wait(&rig, &result, 1000));
	cr_expect_eq(result.error.code, ERROR_UNAVAILABLE, "%s", result.error.message);
	solver_stop(solve);
	result_clear(&result);
	acme_authorization_clear(&authz);
	autocert_clear(&autocert);
	rig_clear(&rig);
}
