/*
 * Who may connect to REST, and the identity of the caller. A TCP listener with TLS starts when its certificate exists
 * and uses the next one when it is renewed: both are events of the stream.
 */
#include "daemon/control/rest.h"

#include "common/address.h"
#include "daemon/base/clock.h"
#include "daemon/base/httpd.h"
#include "daemon/base/loop.h"
#include "daemon/control/rest_answer.h"
#include "daemon/control/rest_call.h"
#include "daemon/control/rest_tls.h"
#include "daemon/service/token.h"

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

enum {
	LISTEN_AGAIN_MS = 5 * 1000,
	BODY_MAX = 256 * 1024,
	GRACE_MS = 1000, /* for a TLS handshake and a token, when many want one */
	SOCKET_MODE = 0660,
};

struct rest {
	struct service *service;
	struct rest_config config;
	struct httpd *local;
	struct httpd *tcp;          /* NULL: not configured */
	struct strlist listen;      /* addresses that are not bound yet */
	char *certificate;          /* name of the auto-certificate; NULL: plain */
	char tls_id[STORE_ID_SIZE]; /* of the certificate in use; empty: none yet */
	struct event_subscription *events;
	struct loop_timer look; /* for a certificate, or for an address to become free */
	struct error waits_for;
};

/* --- requests --- */

/* Finds the owner of the request's token. Return: 1 and the peer, 0 no valid token, -1 failed. */
static int
token_peer(struct rest *rest, const struct httpd_head *head, struct peer *ret, struct error *err)
{
	struct service *service = rest->service;
	char text[TOKEN_TEXT_SIZE];
	char *value;
	int rc;

	if (!head->authorization.data)
		return 0;
	value = xstrndup(head->authorization.data, head->authorization.len);
	rc = token_of_authorization(value, text);
	if (rc == 1)
		rc = token_authenticate(service->store, text, clock_wall(loop_clock(service->loop)), ret, err);
	OPENSSL_cleanse(value, strlen(value));
	OPENSSL_cleanse(text, sizeof(text));
	free(value);
	return rc;
}

static void
note_anonymous(struct rest *rest, const char *from)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_DENIED, "a request from %s has no valid token", from);
	service_unauthorized(rest->service, &err);
}

static bool
rest_is_privileged(int fd, void *arg)
{
	const struct rest *rest = arg;
	_cleanup_peer_ struct peer peer = { .role = ROLE_NONE };

	return peer_read(fd, rest->config.roles, &peer, NULL) == 0 && peer.role == ROLE_ADMIN;
}

/* Clients repeat a 429, and will find room. Return: was it refused? */
static bool
rest_refuse_surplus(struct rest *rest, struct httpd_conn *conn)
{
	const struct error *refusal = acceptor_refusal(httpd_conn_place(conn));

	if (refusal)
		rest_refuse(rest->service, conn, 429, refusal);
	return refusal;
}

static void
rest_requested_local(struct httpd_conn *conn, const struct httpd_head *head, const char *body, void *arg)
{
	struct rest *rest = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_peer_ struct peer peer = { .role = ROLE_NONE };

	if (rest_refuse_surplus(rest, conn))
		return;
	if (peer_read(httpd_conn_fd(conn), rest->config.roles, &peer, &err) < 0)
		rest_refuse(rest->service, conn, 0, &err);
	else
		rest_call(rest->service, conn, &peer, &(struct rest_from){ .is_tls = false }, head, body);
}

static void
rest_requested_tcp(struct httpd_conn *conn, const struct httpd_head *head, const char *body, void *arg)
{
	struct rest *rest = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_peer_ struct peer bearer = { .role = ROLE_NONE };
	const struct rest_from from = { .is_tls = rest->certificate != NULL, .needs_token = true };
	int rc;

	if (rest_refuse_surplus(rest, conn))
		return;
	rc = head->status == 200 ? token_peer(rest, head, &bearer, &err) : 0;
	if (rc < 0) {
		rest_refuse(rest->service, conn, 0, &err);
		return;
	}
	if (rc == 1)
		acceptor_identified(httpd_conn_place(conn));
	if (rest_call(rest->service, conn, rc == 1 ? &bearer : NULL, &from, head, body) < 0)
		note_anonymous(rest, acceptor_user(httpd_conn_place(conn)));
}

/* --- TCP --- */

/* Return: 0, or -1 it is not there. */
static int
renew_context(struct rest *rest, struct error *err)
{
	SSL_CTX *ctx = NULL;
	int found = rest_tls_load(rest->service->store, rest->certificate, rest->tls_id, &ctx, err);

	if (found == 1) {
		httpd_set_tls(rest->tcp, ctx);
		SSL_CTX_free(ctx);
	}
	return found < 0 && !rest->tls_id[0] ? -1 : 0;
}

/* The obstacle is reported once as an event, and as long as it exists in server.status. */
static void
rest_look(void *arg)
{
	struct rest *rest = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	size_t failed;
	bool is_new;

	if ((!rest->certificate || renew_context(rest, &err) == 0) &&
		acceptor_listen_all(httpd_acceptor(rest->tcp), &rest->listen, SOCKET_MODE, &failed, &err) == 0) {
		error_clear(&rest->waits_for);
		rest->service->rest_warning = NULL;
		return;
	}
	is_new = !rest->waits_for.message || strcmp(rest->waits_for.message, err.message) != 0;
	if (is_new)
		event_emit_error(rest->service->events, NULL, EVENT_SERVER_WARNING, NULL, &err,
			"REST does not listen on TCP yet: %s", err.message);
	error_move(&rest->waits_for, &err);
	rest->service->rest_warning = rest->waits_for.message;
	loop_timer_set(&rest->look, LISTEN_AGAIN_MS);
}

static void
rest_event_seen(struct json_object *event, void *arg)
{
	struct rest *rest = arg;
	const char *kind = NULL;
	enum event_kind k;

	if (json_get_string(event, "kind", &kind, NULL) == 1 && event_kind_find(kind, &k) &&
		(k == EVENT_ISSUE_DONE || k == EVENT_OBJECT_CREATED || k == EVENT_OBJECT_UPDATED))
		loop_timer_set(&rest->look, 0);
}

int
rest_check_conf(const struct conf *conf, struct error *err)
{
	for (size_t i = 0; i < conf->rest_listen.count; i++) {
		struct address address;

		if (!address_parse(conf->rest_listen.items[i], &address))
			return error_set(err, ERROR_CONFIG,
				"rest-listen: '%s' is not ADDRESS:PORT such as 127.0.0.1:8443 or [::1]:8443",
				conf->rest_listen.items[i]);
		if (conf->rest_certificate)
			continue;
		if (!conf->is_rest_plain)
			return error_set(err, ERROR_CONFIG,
				"rest-listen: %s requires rest-certificate, the name of an auto-certificate (or "
				"rest-plain = yes, on loopback)",
				conf->rest_listen.items[i]);
		if (!address_is_loopback(&address))
			return error_set(err, ERROR_CONFIG,
				"rest-listen: %s is not a loopback address, as rest-plain requires; set "
				"rest-certificate",
				conf->rest_listen.items[i]);
	}
	return 0;
}

static void
open_tcp(struct rest *rest, const struct httpd_config *common)
{
	struct httpd_config config = *common;
	const struct conf *conf = rest->service->conf;

	rest->certificate = xstrdup_null(conf->rest_certificate);
	config.is_tls = rest->certificate;
	config.is_privileged = NULL;
	config.request = rest_requested_tcp;
	rest->tcp = httpd_new(&config);
	strlist_copy(&rest->listen, &conf->rest_listen);
	if (rest->certificate)
		rest->events = events_subscribe(rest->service->events, NULL, rest_event_seen, rest);
	rest_look(rest);
}

/* --- life --- */

static int
open_local(struct rest *rest, const struct httpd_config *config, struct error *err)
{
	_cleanup_free_ char *address = xasprintf("unix:%s", rest->config.path);

	rest->local = httpd_new(config);
	for (size_t i = 0; i < rest->config.n_fds; i++)
		acceptor_add(httpd_acceptor(rest->local), rest->config.fds[i]);
	return rest->config.n_fds ? 0 : acceptor_listen(httpd_acceptor(rest->local), address, SOCKET_MODE, err);
}

struct rest *
rest_new(struct service *service, const struct rest_config *config, struct error *err)
{
	struct rest *rest = xcalloc(1, sizeof(*rest));
	const struct httpd_config common = {
		.loop = service->loop,
		.places = {
			.max_connections = config->max_connections,
			.max_per_user = config->max_connections_per_user,
			.grace_ms = GRACE_MS,
		},
		.limits = { .max_body = BODY_MAX },
		.is_privileged = rest_is_privileged,
		.request = rest_requested_local,
		.arg = rest,
	};

	rest->service = service;
	rest->config = *config;
	loop_timer_init(&rest->look, service->loop, rest_look, rest);
	if (open_local(rest, &common, err) < 0) {
		rest_free(rest);
		return NULL;
	}
	if (service->conf->rest_listen.count)
		open_tcp(rest, &common);
	return rest;
}

void
rest_free(struct rest *rest)
{
	if (!rest)
		return;
	loop_timer_cancel(&rest->look);
	events_unsubscribe(rest->events);
	httpd_free(rest->local);
	httpd_free(rest->tcp);
	strlist_clear(&rest->listen);
	rest->service->rest_warning = NULL;
	error_clear(&rest->waits_for);
	free(rest->certificate);
	free(rest);
}
