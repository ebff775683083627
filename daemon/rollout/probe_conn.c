/*
 * One connection: connect, the words before TLS, a handshake, and a look. Nothing is sent in TLS and nothing is
 * trusted, so a client's verification is not needed. The time limit is absolute: a peer that sends an octet a minute
 * does not extend it.
 */
#include "daemon/rollout/probe_private.h"

#include "common/buf.h"
#include "daemon/base/loop.h"
#include "daemon/rollout/starttls.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 4096 };

struct probe_conn {
	struct probe_conn_config config;
	struct prober_slot slot;
	int fd;
	bool is_connected;
	bool takes_any; /* certificate: the server has none with a key of the expected type */
	struct loop_fd *watch;
	struct loop_timer patience;
	int64_t limit_ms;
	struct starttls *starttls; /* until TLS begins; NULL: it has, or begins at once */
	SSL *ssl;
};

void
probe_conn_free(struct probe_conn *c)
{
	if (!c)
		return;
	loop_timer_cancel(&c->patience);
	loop_fd_free(c->watch);
	SSL_free(c->ssl);
	starttls_free(c->starttls);
	if (c->fd >= 0)
		close(c->fd);
	prober_leave(c->config.prober, &c->slot);
	free(c);
}

/* @answer: taken. Frees the connection. */
static void
conn_end(struct probe_conn *c, bool is_routed, struct probe_answer *answer)
{
	probe_conn_done_fn *done = c->config.done;
	void *arg = c->config.arg;

	probe_conn_free(c);
	done(is_routed, answer, arg);
}

static void
conn_fail(struct probe_conn *c, bool is_routed, const struct error *err)
{
	struct probe_answer answer = { .state = PROBE_UNREACHABLE };

	error_copy(&answer.error, err);
	conn_end(c, is_routed, &answer);
}

static void
conn_patience_over(void *arg)
{
	struct probe_conn *c = arg;
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_TIMEOUT, "no %s within %lld ms",
		!c->is_connected ? "connection"
		: c->starttls    ? "answer to STARTTLS"
				 : "TLS handshake",
		(long long)c->limit_ms);
	conn_fail(c, true, &err);
}

/* --- TLS --- */

static void
conn_look(struct probe_conn *c)
{
	X509 *leaf = SSL_get1_peer_certificate(c->ssl);
	struct probe_answer answer = { .state = PROBE_UNREACHABLE };

	if (leaf)
		probe_judge(c->config.expected, leaf, SSL_get_peer_cert_chain(c->ssl), c->config.sni,
			loop_now(c->config.prober->loop), &answer);
	else
		error_set(&answer.error, ERROR_TLS, "no certificate was presented");
	X509_free(leaf);
	conn_end(c, true, &answer);
}

static int
conn_connect(struct probe_conn *c, bool *ret_is_routed, struct error *err);

/* The server refuses: it may have nothing but a certificate with a key of another type. What does it present, then? */
static bool
conn_may_take_any(const struct probe_conn *c)
{
	unsigned long e = ERR_peek_last_error();

	return !c->takes_any && c->config.expected->sigalgs && ERR_GET_LIB(e) == ERR_LIB_SSL &&
	       ERR_GET_REASON(e) == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE;
}

static void
conn_again(struct probe_conn *c)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	bool is_routed;

	loop_fd_free(c->watch);
	SSL_free(c->ssl);
	close(c->fd);
	c->watch = NULL;
	c->ssl = NULL;
	c->fd = -1;
	c->takes_any = true;
	c->is_connected = false;
	if (conn_connect(c, &is_routed, &err) < 0)
		conn_fail(c, true, &err);
}

static void
conn_handshake(struct probe_conn *c)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	const char *reason;
	int rc;

	if (!prober_may_step(c->config.prober))
		return;
	ERR_clear_error(); /* SSL_get_error() reads the whole queue, including entries of other code */
	tls_guard_renew(&c->config.prober->guard);
	rc = SSL_connect(c->ssl);
	if (rc == 1) {
		conn_look(c);
		return;
	}
	switch (SSL_get_error(c->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		loop_fd_set(c->watch, LOOP_READ);
		return;
	case SSL_ERROR_WANT_WRITE:
		loop_fd_set(c->watch, LOOP_WRITE);
		return;
	default:
		if (conn_may_take_any(c)) {
			ERR_clear_error();
			conn_again(c);
			return;
		}
		reason = ERR_reason_error_string(ERR_peek_last_error());
		if (SSL_get_verify_result(c->ssl) == X509_V_ERR_APPLICATION_VERIFICATION)
			reason = "verifying with the key of the certificate takes too long";
		error_set(&err, ERROR_TLS, "TLS handshake: %s", reason ? reason : "connection closed");
		ERR_clear_error();
		conn_fail(c, true, &err);
	}
}

/* From here on the connection is TLS. @may_step: false: the handshake begins when the descriptor is ready. */
static int
conn_begin_tls(struct probe_conn *c, struct error *err)
{
	const struct probe_conn_config *config = &c->config;
	SSL_CTX *ctx = prober_tls(config->prober);

	c->ssl = ctx ? SSL_new(ctx) : NULL;
	if (!c->ssl || !SSL_set_fd(c->ssl, c->fd) || (config->sni && !SSL_set_tlsext_host_name(c->ssl, config->sni)) ||
		(!c->takes_any && config->expected->sigalgs &&
			SSL_set1_sigalgs_list(c->ssl, config->expected->sigalgs) != 1) ||
		(config->alpn->len && SSL_set_alpn_protos(c->ssl, (const unsigned char *)config->alpn->data,
					      (unsigned)config->alpn->len) != 0))
		return error_set(err, ERROR_INTERNAL, "cannot set up TLS");
	loop_fd_set(c->watch, LOOP_WRITE);
	return 0;
}

/* --- before TLS --- */

/* A few words on a connection on which little was sent: the kernel has room for them. */
static int
conn_say(struct probe_conn *c, const struct buf *words, struct error *err)
{
	ssize_t n = words->len ? send(c->fd, words->data, words->len, MSG_NOSIGNAL) : 0;

	if (n < 0)
		return error_set_errno(err, errno, "send");
	if ((size_t)n < words->len)
		return error_set(err, ERROR_NETWORK, "the server does not read");
	return 0;
}

/* Return: 1 TLS begins, 0 wait, -1 failed. */
static int
conn_converse(struct probe_conn *c, struct error *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	char data[READ_SIZE];
	ssize_t n = recv(c->fd, data, sizeof(data), 0);
	enum starttls_result result;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : error_set_errno(err, errno, "receive");
	if (n == 0)
		return error_set(err, ERROR_NETWORK, "the server closed the connection before TLS");
	result = starttls_feed(c->starttls, data, (size_t)n, &out, err);
	if (result == STARTTLS_FAILED || conn_say(c, &out, err) < 0)
		return -1;
	return result == STARTTLS_READY;
}

static int
conn_connected(struct probe_conn *c, struct error *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	int errnum = 0;
	socklen_t len = sizeof(errnum);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0)
		errnum = errno;
	if (errnum)
		return error_set_errno(err, errnum, "connect");
	c->is_connected = true;
	c->starttls = starttls_new(c->config.protocol, c->config.host);
	if (!c->starttls)
		return conn_begin_tls(c, err);
	c->limit_ms = 2 * c->config.prober->timeout_ms;
	loop_timer_set(&c->patience, c->limit_ms); /* servers wait, for those who speak too early */
	loop_fd_set(c->watch, LOOP_READ);
	starttls_begin(c->starttls, &out);
	return conn_say(c, &out, err);
}

static void
conn_ready(int fd _unused_, short what _unused_, void *arg)
{
	struct probe_conn *c = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	int rc = 0;

	if (c->ssl) {
		conn_handshake(c);
		return;
	}
	if (!c->is_connected)
		rc = conn_connected(c, &err);
	else
		rc = conn_converse(c, &err);
	if (rc == 1) {
		starttls_free(c->starttls);
		c->starttls = NULL;
		rc = conn_begin_tls(c, &err);
	}
	if (rc < 0)
		conn_fail(c, true, &err);
}

/* --- connect --- */

/* @ret_is_routed: false: this machine cannot send anything there. Return: 0 or -1. */
static int
conn_connect(struct probe_conn *c, bool *ret_is_routed, struct error *err)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	struct addrinfo *ai = NULL;
	char port[8];
	int rc, errnum, on = 1;

	*ret_is_routed = true;
	snprintf(port, sizeof(port), "%d", c->config.port);
	rc = getaddrinfo(c->config.address, port, &hints, &ai); /* a literal: no lookup */
	if (rc)
		return error_set(err, ERROR_DNS, "address '%s': %s", c->config.address, gai_strerror(rc));
	c->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	errnum = c->fd < 0 || connect(c->fd, ai->ai_addr, ai->ai_addrlen) < 0 ? errno : 0;
	freeaddrinfo(ai);
	*ret_is_routed = errnum != ENETUNREACH && errnum != EADDRNOTAVAIL && errnum != EAFNOSUPPORT;
	if (errnum && errnum != EINPROGRESS)
		return error_set_errno(err, errnum, "connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->watch = loop_fd_new(c->config.prober->loop, c->fd, LOOP_WRITE, conn_ready, c);
	return 0;
}

static void
conn_start(void *arg)
{
	struct probe_conn *c = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	bool is_routed;

	loop_timer_set(&c->patience, c->limit_ms);
	if (conn_connect(c, &is_routed, &err) < 0)
		conn_fail(c, is_routed, &err);
}

struct probe_conn *
probe_conn_new(const struct probe_conn_config *config)
{
	struct probe_conn *c = xcalloc(1, sizeof(*c));

	c->config = *config;
	c->fd = -1;
	c->limit_ms = config->prober->timeout_ms;
	loop_timer_init(&c->patience, config->prober->loop, conn_patience_over, c);
	prober_wait(config->prober, &c->slot, true, conn_start, c);
	return c;
}
