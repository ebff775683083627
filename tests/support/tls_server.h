/*
 * tests/support/tls_server.h: an HTTPS server whose every octet a test decides about: threads inside the test, a CA
 * and a certificate of its own, one thread per connection. It speaks HTTP/1.1 just far enough to read requests; what
 * is answered, how slowly, and when the connection ends is the handler's.
 */
#ifndef TESTS_SUPPORT_TLS_SERVER_H
#define TESTS_SUPPORT_TLS_SERVER_H

#include "common/alloc.h"

#include <stdbool.h>
#include <stddef.h>

struct tls_server;
struct tls_conn;

struct tls_request {
	int connection;    /* 1 for the first that the server saw */
	int on_connection; /* 1 for the first on this connection */
	const char *method;
	const char *path;
	const char *head; /* request line and headers as they came */
	const char *body;
	size_t body_len;
};

/*
 * On a thread of the connection, once per request. Return: true to wait for another request. No Criterion
 * assertions here: they work in the main thread only.
 */
typedef bool
tls_serve_fn(struct tls_conn *conn, const struct tls_request *req, void *arg);

struct tls_server_config {
	const char *names;                  /* SAN list of the certificate; NULL: "DNS:localhost,IP:127.0.0.1" */
	int valid_from_sec;                 /* from now */
	int valid_until_sec;                /* from now; 0: an hour */
	bool plain;                         /* no TLS */
	bool has_no_tickets;                /* needed for tls_conn_write_tickets() */
	int max_tls;                        /* e.g. TLS1_1_VERSION; 0: any */
	int rsa_bits;                       /* key of the server's certificate; 0: P-256 */
	const char *rsa_e;                  /* its public exponent, in hexadecimal; NULL: 65537 */
	const char *ciphers;                /* of TLS 1.2, with DH parameters that fit; NULL: the usual ones */
	const char *groups;                 /* for the key exchange; NULL: the usual ones */
	void (*raw)(struct tls_conn *conn); /* instead of TLS and @serve */
	tls_serve_fn *serve;
	void *arg;
};

/* Keeps its files in @dir: ca.pem, server.pem, server.key. Listens on a free port of 127.0.0.1. */
struct tls_server *
tls_server_new(const char *dir, const struct tls_server_config *config);

/* Ends all connections and waits for their threads; handlers that sleep notice tls_conn_pause() == false. */
void
tls_server_free(struct tls_server *server);

int
tls_server_port(const struct tls_server *server);

/* Path of the root certificate. Borrowed. */
const char *
tls_server_ca_file(const struct tls_server *server);

/* Connections accepted, and requests read, so far. */
int
tls_server_connections(const struct tls_server *server);

int
tls_server_requests(const struct tls_server *server);

/* Writes octets; failures are ignored (the other side may have had enough). Return: false then. */
bool
tls_conn_write(struct tls_conn *conn, const void *data, size_t len);

bool
tls_conn_printf(struct tls_conn *conn, const char *fmt, ...) _printf_(2, 3);

/* "HTTP/1.1 <status>", @headers (each line with CRLF, or ""), Content-Length and @body. */
bool
tls_conn_answer(struct tls_conn *conn, const char *status, const char *headers, const char *body);

/* Sleeps. Return: false when the server is being freed. */
bool
tls_conn_pause(struct tls_conn *conn, int ms);

/* Octets as they are, below TLS. Return: false when the other side has gone. */
bool
tls_conn_write_raw(struct tls_conn *conn, const void *data, size_t len);

/* One record full of TLS 1.3 session tickets, as small as they may be. Before anything else was written. */
bool
tls_conn_write_tickets(struct tls_conn *conn);

/* Ends the connection with a reset and no TLS close_notify; the handler then returns false. */
void
tls_conn_abort(struct tls_conn *conn);

#endif
