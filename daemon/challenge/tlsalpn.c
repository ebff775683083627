/*
 * A handshake is decided in two of OpenSSL's callbacks. The first sees the message of the client before anything else,
 * and compares its list of protocols with the only one that is allowed, octet by octet. The second has the server name,
 * and chooses the certificate. So nothing is parsed here, and no other client ever sees a certificate.
 *
 * All challenges share a key that is made at the start and never leaves the process. Anyone may connect; a connection
 * lives for two seconds at most, and when all places are taken, the oldest makes room.
 */
#include "daemon/challenge/tlsalpn.h"

#include "common/crypto/alpn_cert.h"
#include "common/crypto/key.h"
#include "common/crypto/ossl.h"
#include "common/error.h"
#include "daemon/base/acceptor.h"
#include "daemon/base/listen.h"
#include "daemon/base/loop.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

enum { SOCKET_MODE = 0666 };

/* The extension of a client that offers acme-tls/1 and nothing else (RFC 7301 s3.1, RFC 8737 s6.2). */
static const unsigned char tlsalpn_offer[] = "\x00\x0b\x0a"
					     "acme-tls/1";
enum { TLSALPN_OFFER_LEN = sizeof(tlsalpn_offer) - 1, TLSALPN_PROTOCOL_AT = 3 };

struct tlsalpn_answer {
	struct tlsalpn_answer *prev, *next;
	char *name;
	char *server_name;
	char *key_authorization;
	X509 *cert;
};

struct tlsalpn_conn {
	struct tlsalpn_conn *prev, *next;
	struct tlsalpn *tls;
	struct place *place;
	struct loop_fd *watch;
	struct loop_timer deadline;
	SSL *ssl;
	int fd;
};

struct tlsalpn {
	struct loop *loop;
	struct acceptor *acceptor;
	struct strlist listen; /* addresses that are not bound yet */
	bool is_configured;
	struct error error; /* of the first address that could not be bound */
	int64_t deadline_ms;
	SSL_CTX *ctx;    /* NULL: no listener is configured */
	struct key *key; /* NULL: not needed yet */
	struct tlsalpn_answer *answers;
	struct tlsalpn_conn *conns;
};

/* --- the handshake --- */

static int
tlsalpn_on_hello(SSL *ssl, int *ret_alert, void *arg _unused_)
{
	const unsigned char *offer;
	size_t len;

	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &offer, &len) == 1 &&
		len == TLSALPN_OFFER_LEN && memcmp(offer, tlsalpn_offer, len) == 0)
		return SSL_CLIENT_HELLO_SUCCESS;
	*ret_alert = SSL_AD_NO_APPLICATION_PROTOCOL;
	return SSL_CLIENT_HELLO_ERROR;
}

static int
tlsalpn_on_server_name(SSL *ssl, int *ret_alert, void *arg)
{
	const struct tlsalpn *tls = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct tlsalpn_answer *a;

	DL_FOREACH(tls->answers, a)
		if (name && strcasecmp(a->server_name, name) == 0 && SSL_use_certificate(ssl, a->cert) == 1 &&
			SSL_use_PrivateKey(ssl, key_evp(tls->key)) == 1)
			return SSL_TLSEXT_ERR_OK;
	*ret_alert = SSL_AD_UNRECOGNIZED_NAME;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int
tlsalpn_on_protocols(SSL *ssl _unused_, const unsigned char **ret, unsigned char *ret_len,
	const unsigned char *in _unused_, unsigned in_len _unused_, void *arg _unused_)
{
	*ret = tlsalpn_offer + TLSALPN_PROTOCOL_AT;
	*ret_len = TLSALPN_OFFER_LEN - TLSALPN_PROTOCOL_AT;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *
tlsalpn_new_ctx(struct tlsalpn *tls)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		abort(); /* memory is gone */
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_client_hello_cb(ctx, tlsalpn_on_hello, NULL);
	SSL_CTX_set_tlsext_servername_callback(ctx, tlsalpn_on_server_name);
	SSL_CTX_set_tlsext_servername_arg(ctx, tls);
	SSL_CTX_set_alpn_select_cb(ctx, tlsalpn_on_protocols, NULL);
	return ctx;
}

/* --- connections --- */

static void
tlsalpn_conn_end(struct tlsalpn_conn *c)
{
	DL_DELETE(c->tls->conns, c);
	loop_timer_cancel(&c->deadline);
	loop_fd_free(c->watch);
	SSL_free(c->ssl);
	acceptor_leave(c->place);
	close(c->fd);
	free(c);
}

static void
tlsalpn_on_deadline(void *arg)
{
	tlsalpn_conn_end(arg);
}

static void
tlsalpn_on_ready(int fd _unused_, short what _unused_, void *arg)
{
	struct tlsalpn_conn *c = arg;
	int rc, why;

	ERR_clear_error();
	rc = SSL_accept(c->ssl);
	why = SSL_get_error(c->ssl, rc);
	if (rc != 1 && (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)) {
		loop_fd_set(c->watch, why == SSL_ERROR_WANT_READ ? LOOP_READ : LOOP_WRITE);
		return;
	}
	if (rc == 1)
		SSL_shutdown(c->ssl);
	ERR_clear_error();
	tlsalpn_conn_end(c);
}

static void *
tlsalpn_on_accepted(int fd, struct place *place, void *arg)
{
	struct tlsalpn *tls = arg;
	struct tlsalpn_conn *c;
	SSL *ssl = acceptor_refusal(place) ? NULL : SSL_new(tls->ctx);

	if (!ssl || SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		ERR_clear_error();
		acceptor_leave(place);
		close(fd);
		return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	c->tls = tls;
	c->place = place;
	c->ssl = ssl;
	c->fd = fd;
	c->watch = loop_fd_new(tls->loop, fd, LOOP_READ, tlsalpn_on_ready, c);
	loop_timer_init(&c->deadline, tls->loop, tlsalpn_on_deadline, c);
	loop_timer_set(&c->deadline, tls->deadline_ms);
	DL_APPEND(tls->conns, c);
	return c;
}

static void
tlsalpn_on_evict(void *connection, void *arg _unused_)
{
	tlsalpn_conn_end(connection);
}

/* --- listeners --- */

bool
tlsalpn_is_configured(const struct tlsalpn *tls)
{
	return tls->is_configured;
}

/* Usually a web server has the port, or certd may not bind it. */
static void
tlsalpn_explain(struct error *err, const char *address)
{
	static const char other[] =
		"set tls-alpn-listen to another port, and have the server on this one pass connections "
		"for acme-tls/1 to it";
	enum error_code code = err->code;

	if (code == ERROR_IN_USE)
		error_set(err, ERROR_UNAVAILABLE, "tls-alpn-listen %s: another program listens there: %s", address,
			other);
	else if (code == ERROR_DENIED && !listen_is_unix(address))
		error_set(err, ERROR_UNAVAILABLE,
			"tls-alpn-listen %s: certd may not bind a port below 1024: let systemd bind it (systemctl "
			"enable --now certd-tls-alpn.service), or %s",
			address, other);
	else
		error_wrap(err, "tls-alpn-listen");
	if (code == ERROR_CONFIG)
		err->code = ERROR_INVALID;
	else if (code != ERROR_STATE)
		err->code = ERROR_UNAVAILABLE;
	err->may_retry = code != ERROR_CONFIG;
}

int
tlsalpn_open(struct tlsalpn *tls, struct error *err)
{
	size_t first = 0;

	error_clear(&tls->error);
	if (acceptor_listen_all(tls->acceptor, &tls->listen, SOCKET_MODE, &first, &tls->error) < 0)
		tlsalpn_explain(&tls->error, tls->listen.items[first]);
	if (acceptor_listeners(tls->acceptor)) {
		if (tls->error.code == ERROR_STATE)
			error_clear(&tls->error);
		return 0;
	}
	if (!tls->is_configured)
		return error_set(err, ERROR_STATE, "no tls-alpn-listen is configured");
	if (err)
		error_copy(err, &tls->error);
	return -1;
}

const struct error *
tlsalpn_error(const struct tlsalpn *tls)
{
	return error_is_set(&tls->error) ? &tls->error : NULL;
}

/* --- answers --- */

int
tlsalpn_put(struct tlsalpn *tls, const char *name, const char *key_authorization, struct error *err)
{
	struct tlsalpn_answer *a;
	X509 *cert;

	if (!tls->key && key_generate(KEY_SECP256R1, &tls->key, err) < 0)
		return -1;
	cert = alpn_cert_make(name, key_authorization, tls->key, loop_now(tls->loop), err);
	if (!cert)
		return -1;
	a = xcalloc(1, sizeof(*a));
	a->name = xstrdup(name);
	a->server_name = alpn_cert_server_name(name);
	a->key_authorization = xstrdup(key_authorization);
	a->cert = cert;
	DL_PREPEND(tls->answers, a);
	return 0;
}

void
tlsalpn_remove(struct tlsalpn *tls, const char *name, const char *key_authorization)
{
	struct tlsalpn_answer *a;

	DL_FOREACH(tls->answers, a) {
		if (strcmp(a->name, name) != 0 || strcmp(a->key_authorization, key_authorization) != 0)
			continue;
		DL_DELETE(tls->answers, a);
		X509_free(a->cert);
		free(a->name);
		free(a->server_name);
		free(a->key_authorization);
		free(a);
		return;
	}
}

/* --- life --- */

struct tlsalpn *
tlsalpn_new(struct loop *loop, const struct tlsalpn_config *config)
{
	struct tlsalpn *tls = xcalloc(1, sizeof(*tls));

	tls->loop = loop;
	if (config->listen)
		strlist_copy(&tls->listen, config->listen);
	tls->is_configured = tls->listen.count || config->n_fds;
	tls->deadline_ms = config->deadline_ms ? config->deadline_ms : TLSALPN_DEADLINE_MS;
	if (tls->is_configured)
		tls->ctx = tlsalpn_new_ctx(tls);
	tls->acceptor = acceptor_new(&(struct acceptor_config){
		.loop = loop,
		.limits = { .max_connections = TLSALPN_CONNECTIONS_MAX, .max_per_user = TLSALPN_CONNECTIONS_MAX },
		.is_anonymous = true,
		.accepted = tlsalpn_on_accepted,
		.evict = tlsalpn_on_evict,
		.arg = tls,
	});
	for (size_t i = 0; i < config->n_fds; i++)
		acceptor_add(tls->acceptor, config->fds[i]);
	tlsalpn_open(tls, NULL);
	return tls;
}

void
tlsalpn_free(struct tlsalpn *tls)
{
	struct tlsalpn_answer *a;

	if (!tls)
		return;
	while (tls->conns)
		tlsalpn_conn_end(tls->conns);
	acceptor_free(tls->acceptor);
	while ((a = tls->answers))
		tlsalpn_remove(tls, a->name, a->key_authorization);
	SSL_CTX_free(tls->ctx);
	key_free(tls->key);
	strlist_clear(&tls->listen);
	error_clear(&tls->error);
	free(tls);
}
