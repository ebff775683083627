/*
 * Checks what a server presents: resolves, connects to each address in turn, does a handshake with SNI, looks only at
 * the leaf. Nothing is trusted and nothing is sent, so a client's verification is not needed: a probe is meant to find
 * stale and foreign certificates, and behind one name one node of several may be the stale one.
 *
 * The time limit is for all addresses together. Each has an equal part of the remaining time, so that a silent one (a
 * dead node) uses only its own part.
 */
#include "daemon/rollout/probe.h"

#include "common/crypto/x509.h"
#include "daemon/base/clock.h"
#include "daemon/base/dns.h"
#include "daemon/base/loop.h"
#include "daemon/base/tls_guard.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROBE_MS = 10 * 1000 };

struct probe_run {
	struct loop *loop;
	char *host;
	int port;
	char *sni;
	struct dns_query *query;
	struct strlist addresses;
	size_t next_address;
	struct probe_answer answers[PROBE_ADDRESSES_MAX];
	size_t n_answers;
	int fd;
	bool is_connected;
	struct loop_fd *watch;
	struct loop_timer patience; /* for the current address */
	int64_t deadline_ms;        /* of all, by the loop's clock */
	int64_t part_ms;            /* of the current address */
	struct tls_guard guard;
	SSL_CTX *ctx;
	SSL *ssl;
	struct error no_route; /* of the last address without one */
	probe_done_fn *done;
	void *arg;
};

static void
connection_close(struct probe_run *run)
{
	loop_fd_free(run->watch);
	run->watch = NULL;
	SSL_free(run->ssl);
	run->ssl = NULL;
	if (run->fd >= 0)
		close(run->fd);
	run->fd = -1;
	run->is_connected = false;
}

static void
probe_answer_clear(struct probe_answer *answer)
{
	free(answer->address);
	free(answer->sha256);
	error_clear(&answer->error);
}

void
probe_cancel(struct probe_run *run)
{
	if (!run)
		return;
	connection_close(run);
	dns_cancel(run->query);
	loop_timer_cancel(&run->patience);
	SSL_CTX_free(run->ctx);
	strlist_clear(&run->addresses);
	for (size_t i = 0; i < run->n_answers; i++)
		probe_answer_clear(&run->answers[i]);
	error_clear(&run->no_route);
	free(run->host);
	free(run->sni);
	free(run);
}

/* Takes @sha256; @err: if that is NULL. */
static void
add_answer(struct probe_run *run, const char *address, char *sha256, const struct error *err)
{
	struct probe_answer *answer = &run->answers[run->n_answers++];

	answer->address = xstrdup_null(address);
	answer->sha256 = sha256;
	if (sha256)
		return;
	error_copy(&answer->error, err);
	if (address && run->addresses.count > 1)
		error_wrap(&answer->error, "%s", address);
	error_wrap(&answer->error, "%s:%d", run->host, run->port);
}

static void
probe_end(struct probe_run *run)
{
	if (!run->n_answers)
		add_answer(run, NULL, NULL, &run->no_route);
	run->done(run->answers, run->n_answers, run->arg);
	probe_cancel(run);
}

static void
connect_next(struct probe_run *run);

static void
address_answered(struct probe_run *run, char *sha256, const struct error *err)
{
	add_answer(run, run->addresses.items[run->next_address - 1], sha256, err);
	connection_close(run);
	connect_next(run);
}

static void
patience_over(void *arg)
{
	struct probe_run *run = arg;
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_TIMEOUT, "no TLS handshake within %lld ms", (long long)run->part_ms);
	address_answered(run, NULL, &err);
}

static void
show_leaf(struct probe_run *run)
{
	X509 *leaf = SSL_get1_peer_certificate(run->ssl);
	_cleanup_error_ struct error err = ERROR_INIT;
	char *sha256 = NULL;
	unsigned char *der = NULL;
	int len = leaf ? i2d_X509(leaf, &der) : -1;

	X509_free(leaf);
	if (len > 0)
		sha256 = x509_fingerprint_der(der, (size_t)len);
	OPENSSL_free(der);
	if (!sha256)
		error_set(&err, ERROR_TLS, "no certificate was presented");
	address_answered(run, sha256, &err);
}

static void
handshake(struct probe_run *run)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	const char *reason;
	int rc;

	ERR_clear_error(); /* SSL_get_error() reads the whole queue, including entries of other code */
	tls_guard_renew(&run->guard);
	rc = SSL_connect(run->ssl);
	if (rc == 1) {
		show_leaf(run);
		return;
	}
	switch (SSL_get_error(run->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		loop_fd_set(run->watch, LOOP_READ);
		return;
	case SSL_ERROR_WANT_WRITE:
		loop_fd_set(run->watch, LOOP_WRITE);
		return;
	default:
		reason = ERR_reason_error_string(ERR_peek_last_error());
		if (SSL_get_verify_result(run->ssl) == X509_V_ERR_APPLICATION_VERIFICATION)
			reason = "verifying with the key of the certificate takes too long";
		error_set(&err, ERROR_TLS, "TLS handshake: %s", reason ? reason : "connection closed");
		ERR_clear_error();
		address_answered(run, NULL, &err);
	}
}

static void
socket_ready(int fd, short what _unused_, void *arg)
{
	struct probe_run *run = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	int errnum = 0;
	socklen_t len = sizeof(errnum);

	if (!run->is_connected) {
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0)
			errnum = errno;
		if (errnum) {
			error_set_errno(&err, errnum, "connect");
			address_answered(run, NULL, &err);
			return;
		}
		run->is_connected = true;
	}
	handshake(run);
}

static int
ssl_setup(struct probe_run *run, struct error *err)
{
	run->ssl = SSL_new(run->ctx);
	if (!run->ssl || !SSL_set_fd(run->ssl, run->fd) || (run->sni && !SSL_set_tlsext_host_name(run->ssl, run->sni)))
		return error_set(err, ERROR_INTERNAL, "cannot set up TLS");
	return 0;
}

/* @ret_has_route: false: this machine cannot send anything there. Return: 0 or -1. */
static int
connect_to(struct probe_run *run, const char *address, bool *ret_has_route, struct error *err)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	struct addrinfo *ai = NULL;
	char port[8];
	int rc, errnum;

	*ret_has_route = true;
	snprintf(port, sizeof(port), "%d", run->port);
	rc = getaddrinfo(address, port, &hints, &ai); /* a literal: no lookup */
	if (rc)
		return error_set(err, ERROR_DNS, "address '%s': %s", address, gai_strerror(rc));
	run->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	errnum = run->fd < 0 || connect(run->fd, ai->ai_addr, ai->ai_addrlen) < 0 ? errno : 0;
	freeaddrinfo(ai);
	*ret_has_route = errnum != ENETUNREACH && errnum != EADDRNOTAVAIL && errnum != EAFNOSUPPORT;
	if (errnum && errnum != EINPROGRESS)
		return error_set_errno(err, errnum, "connect");
	if (ssl_setup(run, err) < 0)
		return -1;
	run->watch = loop_fd_new(run->loop, run->fd, LOOP_WRITE, socket_ready, run);
	return 0;
}

/* An equal part of the remaining time; addresses leave unused time to the others. */
static void
arm_patience(struct probe_run *run)
{
	int64_t left_ms = run->deadline_ms - clock_boot_ms(loop_clock(run->loop));

	run->part_ms = left_ms > 0 ? left_ms / (int64_t)(run->addresses.count - run->next_address) : 0;
	loop_timer_set(&run->patience, run->part_ms);
}

static void
connect_next(struct probe_run *run)
{
	while (run->next_address < run->addresses.count) {
		const char *address = run->addresses.items[run->next_address];
		_cleanup_error_ struct error err = ERROR_INIT;
		bool has_route;

		arm_patience(run);
		run->next_address++;
		if (connect_to(run, address, &has_route, &err) == 0)
			return;
		if (has_route)
			add_answer(run, address, NULL, &err);
		else
			error_move(&run->no_route, &err);
		connection_close(run);
	}
	probe_end(run);
}

static void
resolved(const struct dns_answer *answer, const struct error *err, void *arg)
{
	struct probe_run *run = arg;

	run->query = NULL;
	if (err) {
		error_copy(&run->no_route, err);
		probe_end(run);
		return;
	}
	for (size_t i = 0; i < answer->values.count && i < PROBE_ADDRESSES_MAX; i++)
		strlist_add(&run->addresses, answer->values.items[i]);
	error_set(&run->no_route, ERROR_DNS, "the name has no address");
	connect_next(run);
}

struct probe_run *
probe_start(struct loop *loop, struct dns *dns, const char *host, int port, const char *sni, int64_t timeout_ms,
	probe_done_fn *done, void *arg)
{
	struct probe_run *run = xcalloc(1, sizeof(*run));

	run->loop = loop;
	run->host = xstrdup(host);
	run->port = port;
	run->sni = xstrdup_null(sni);
	run->fd = -1;
	run->done = done;
	run->arg = arg;
	run->ctx = SSL_CTX_new(TLS_client_method());
	if (run->ctx) {
		SSL_CTX_set_min_proto_version(run->ctx, TLS1_2_VERSION);
		if (tls_guard_apply(&run->guard, run->ctx, false) < 0) {
			SSL_CTX_free(run->ctx); /* connecting then fails */
			run->ctx = NULL;
		}
	}
	loop_timer_init(&run->patience, loop, patience_over, run);
	if (!timeout_ms)
		timeout_ms = PROBE_MS;
	run->deadline_ms = clock_boot_ms(loop_clock(loop)) + timeout_ms;
	run->query = dns_resolve(dns, host, timeout_ms / 2, resolved, run);
	return run;
}
