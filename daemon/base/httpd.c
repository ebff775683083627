/* Joins acceptor and connections: one connection per place; the place is left when the connection ends. */
#include "daemon/base/httpd.h"

#include "common/alloc.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

struct httpd {
	struct httpd_config config;
	struct acceptor *acceptor;
	struct client *clients;
	SSL_CTX *tls;
};

struct client {
	struct httpd *httpd;
	struct httpd_conn *conn;
	struct place *place;
	struct client *prev, *next;
};

static void
httpd_client_closed(void *arg)
{
	struct client *client = arg;

	DL_DELETE(client->httpd->clients, client);
	acceptor_leave(client->place);
	free(client);
}

static void
httpd_evict(void *connection, void *arg _unused_)
{
	struct client *client = connection;

	httpd_conn_free(client->conn);
	httpd_client_closed(client);
}

static void
httpd_requested(struct httpd_conn *conn, const struct httpd_head *head, const char *body, void *arg)
{
	const struct httpd_config *config = &((struct client *)arg)->httpd->config;

	config->request(conn, head, body, config->arg);
}

static bool
httpd_is_privileged(int fd, void *arg)
{
	const struct httpd *httpd = arg;

	return httpd->config.is_privileged(fd, httpd->config.arg);
}

static void *
httpd_accepted(int fd, struct place *place, void *arg)
{
	struct httpd *httpd = arg;
	SSL *ssl = httpd->tls ? SSL_new(httpd->tls) : NULL;
	struct client *client;

	if (httpd->config.is_tls && !ssl) { /* nothing is sent in plain text where TLS is required */
		ERR_clear_error();
		close(fd);
		acceptor_leave(place);
		return NULL;
	}
	client = xcalloc(1, sizeof(*client));
	client->httpd = httpd;
	client->place = place;
	DL_APPEND(httpd->clients, client);
	client->conn = httpd_conn_new(fd, &(struct httpd_conn_config){
						  .loop = httpd->config.loop,
						  .ssl = ssl,
						  .limits = httpd->config.limits,
						  .is_single = httpd->config.is_single || acceptor_refusal(place),
						  .place = place,
						  .request = httpd_requested,
						  .closed = httpd_client_closed,
						  .arg = client,
					  });
	return client;
}

struct acceptor *
httpd_acceptor(struct httpd *httpd)
{
	return httpd->acceptor;
}

void
httpd_set_tls(struct httpd *httpd, SSL_CTX *ctx)
{
	SSL_CTX_up_ref(ctx);
	SSL_CTX_free(httpd->tls);
	httpd->tls = ctx;
}

struct httpd *
httpd_new(const struct httpd_config *config)
{
	struct httpd *httpd = xcalloc(1, sizeof(*httpd));

	httpd->config = *config;
	httpd->acceptor = acceptor_new(&(struct acceptor_config){
		.loop = config->loop,
		.limits = config->places,
		.is_anonymous = config->is_anonymous,
		.accepted = httpd_accepted,
		.evict = httpd_evict,
		.is_privileged = config->is_privileged ? httpd_is_privileged : NULL,
		.arg = httpd,
	});
	return httpd;
}

void
httpd_free(struct httpd *httpd)
{
	struct client *client, *tmp;

	if (!httpd)
		return;
	DL_FOREACH_SAFE(httpd->clients, client, tmp) {
		httpd_evict(client, httpd);
	}
	acceptor_free(httpd->acceptor);
	SSL_CTX_free(httpd->tls);
	free(httpd);
}
