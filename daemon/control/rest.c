/*
 * Who may connect to the REST face, and who he is. A TCP listener with TLS begins when its certificate is there and
 * takes the next one when it is renewed: both are seen in the stream of events.
 */
#include "daemon/control/rest.h"

#include "common/address.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/control/acceptor.h"
#include "daemon/control/rest_answer.h"
#include "daemon/control/rest_call.h"
#include "daemon/control/rest_tls.h"
#include "daemon/service/token.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

enum { LISTEN_AGAIN_MS = 5 * 1000 };

struct client {
	struct rest *rest;
	struct rest_conn *conn;
	struct place *place;
	struct peer peer; /* of a Unix socket */
	bool is_tcp;
	struct client *prev, *next;
};

struct rest {
	struct service *service;
	struct rest_config config;
	struct acceptor *local;
	struct acceptor *tcp; /* NULL: not asked for */
	struct client *clients;
	struct strlist listen; /* addresses that are not bound yet */
	char *certificate;     /* name of the auto-certificate; NULL: plain */
	SSL_CTX *tls;          /* NULL: there is no certificate yet */
	char tls_id[STORE_ID_SIZE];
	struct event_subscription *events;
	struct loop_timer look; /* for a certificate, or for an address that is free */
	struct error waits_for;
};

/* --- clients --- */

static void
client_free(struct client *client)
{
	DL_DELETE(client->rest->clients, client);
	acceptor_leave(client->place);
	peer_clear(&client->peer);
	free(client);
}

static void
client_closed(void *arg)
{
	client_free(arg);
}

/* Whose token stands in the request. Return: 1 and the peer, 0 none that is valid, -1 failed. */
static int
token_peer(struct rest *rest, const struct rest_head *head, struct peer *ret, struct error *err)
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
		rc = token_authenticate(
			service->store, text, clock_wall(loop_clock(service->loop)), ret, err);
	OPENSSL_cleanse(value, strlen(value));
	OPENSSL_cleanse(text, sizeof(text));
	free(value);
	return rc;
}

static void
note_stranger(struct rest *rest, const char *from)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_DENIED, "a request from %s has no valid token", from);
	service_unauthorized(rest->service, &err);
}

static void
requested(struct rest_conn *conn, const struct rest_head *head, const char *body, void *arg)
{
	struct client *client = arg;
	struct rest *rest = client->rest;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_peer_ struct peer bearer = { .role = ROLE_NONE };
	int rc;

	if (!client->is_tcp) {
		rest_call(rest->service, conn, &client->peer, false, head, body);
		return;
	}
	rc = head->status == 200 ? token_peer(rest, head, &bearer, &err) : 0;
	if (rc < 0) {
		rest_refuse(rest->service, conn, 0, &err);
		return;
	}
	if (rest_call(rest->service, conn, rc == 1 ? &bearer : NULL, rest->certificate, head, body) < 0)
		note_stranger(rest, acceptor_user(client->place));
}

static void
client_new(struct rest *rest, int fd, const struct peer *peer, struct place *place, SSL *ssl, bool is_tcp)
{
	struct client *client = xcalloc(1, sizeof(*client));

	client->rest = rest;
	client->place = place;
	peer_copy(&client->peer, peer);
	client->is_tcp = is_tcp;
	DL_APPEND(rest->clients, client);
	client->conn = rest_conn_new(fd, &(struct rest_conn_config){
						 .loop = rest->service->loop,
						 .ssl = ssl,
						 .limits = rest->config.limits,
						 .request = requested,
						 .closed = client_closed,
						 .arg = client,
					 });
}

static void
accepted_local(int fd, const struct peer *peer, struct place *place, void *arg)
{
	client_new(arg, fd, peer, place, NULL, false);
}

static void
accepted_tcp(int fd, const struct peer *peer, struct place *place, void *arg)
{
	struct rest *rest = arg;
	SSL *ssl = rest->tls ? SSL_new(rest->tls) : NULL;

	if (rest->certificate && !ssl) { /* tokens never come in the clear where TLS is asked for */
		ERR_clear_error();
		close(fd);
		acceptor_leave(place);
		return;
	}
	client_new(rest, fd, peer, place, ssl, true);
}

/* There is no request yet to answer: what is said now is read as the answer to the first one. */
static void
rest_refuse_local(int fd, const struct error *err, void *arg)
{
	struct rest *rest = arg;
	_cleanup_buf_ struct buf text = BUF_INIT;

	rest_refuse_text(rest->service, err, &text);
	if (send(fd, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		errno = 0; /* it will see the end of the connection instead */
}

static void
refuse_tcp(int fd, const struct error *err, void *arg)
{
	struct rest *rest = arg;

	if (!rest->certificate)
		rest_refuse_local(fd, err, arg);
}

/* --- TCP --- */

/* Return: 0 all addresses are bound, -1 the first that is not. */
static int
bind_all(struct rest *rest, struct error *err)
{
	_cleanup_strlist_ struct strlist left = STRLIST_INIT;

	for (size_t i = 0; i < rest->listen.count; i++) {
		_cleanup_error_ struct error why = ERROR_INIT;

		if (acceptor_add_address(rest->tcp, rest->listen.items[i], &why) == 0)
			continue;
		if (!left.count)
			error_move(err, &why);
		strlist_add(&left, rest->listen.items[i]);
	}
	strlist_copy(&rest->listen, &left);
	return left.count ? -1 : 0;
}

/* Return: 0, or -1 it is not there. */
static int
renew_context(struct rest *rest, struct error *err)
{
	SSL_CTX *ctx = NULL;
	int found = rest_tls_load(rest->service->store, rest->certificate, rest->tls_id, &ctx, err);

	if (found == 1) {
		SSL_CTX_free(rest->tls);
		rest->tls = ctx;
	}
	return found < 0 && !rest->tls ? -1 : 0;
}

/* What stands in the way is said once, as an event, and as long as it does in server.status. */
static void
rest_look(void *arg)
{
	struct rest *rest = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	bool is_new;

	if ((!rest->certificate || renew_context(rest, &err) == 0) && bind_all(rest, &err) == 0) {
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
				"rest-listen: '%s' is no ADDRESS:PORT such as 127.0.0.1:8443 or [::1]:8443",
				conf->rest_listen.items[i]);
		if (conf->rest_certificate)
			continue;
		if (!conf->rest_plain)
			return error_set(err, ERROR_CONFIG,
				"rest-listen: %s needs rest-certificate, the name of an auto-certificate (or "
				"rest-plain = yes, on loopback)",
				conf->rest_listen.items[i]);
		if (!address_is_loopback(&address))
			return error_set(err, ERROR_CONFIG,
				"rest-listen: %s is not on loopback, where alone rest-plain is allowed; set "
				"rest-certificate",
				conf->rest_listen.items[i]);
	}
	return 0;
}

static void
open_tcp(struct rest *rest, const struct acceptor_config *common)
{
	struct acceptor_config config = *common;
	const struct conf *conf = rest->service->conf;

	config.accepted = accepted_tcp;
	config.refuse = refuse_tcp;
	rest->tcp = acceptor_new(&config);
	strlist_copy(&rest->listen, &conf->rest_listen);
	rest->certificate = xstrdup_null(conf->rest_certificate);
	if (rest->certificate)
		rest->events = events_subscribe(rest->service->events, NULL, rest_event_seen, rest);
	rest_look(rest);
}

/* --- life --- */

struct rest *
rest_new(struct service *service, const struct rest_config *config, struct error *err)
{
	struct rest *rest = xcalloc(1, sizeof(*rest));
	const struct acceptor_config common = {
		.loop = service->loop,
		.max_connections = config->max_connections,
		.max_connections_per_user = config->max_connections_per_user,
		.roles = config->roles,
		.accepted = accepted_local,
		.refuse = rest_refuse_local,
		.arg = rest,
	};

	rest->service = service;
	rest->config = *config;
	loop_timer_init(&rest->look, service->loop, rest_look, rest);
	rest->local = acceptor_new(&common);
	for (size_t i = 0; i < config->n_fds; i++)
		acceptor_add(rest->local, config->fds[i]);
	if (!config->n_fds && acceptor_add_path(rest->local, config->path, err) < 0) {
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
	struct client *client, *tmp;

	if (!rest)
		return;
	loop_timer_cancel(&rest->look);
	events_unsubscribe(rest->events);
	DL_FOREACH_SAFE(rest->clients, client, tmp)
	{
		rest_conn_free(client->conn);
		client_free(client);
	}
	acceptor_free(rest->local);
	acceptor_free(rest->tcp);
	SSL_CTX_free(rest->tls);
	strlist_clear(&rest->listen);
	rest->service->rest_warning = NULL;
	error_clear(&rest->waits_for);
	free(rest->certificate);
	free(rest);
}
