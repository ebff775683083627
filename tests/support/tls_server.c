/* tests/support/tls_server.c: see tls_server.h. */
#include "tests/support/tls_server.h"

#include "common/buf.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_REQUEST = 1024 * 1024, MAX_CONNECTIONS = 1024, SECRET_LEN = 32, STACK = 512 * 1024, RECORD_MAX = 16384 };

struct tls_conn {
	struct tls_server *server;
	pthread_t thread;
	int fd;
	int number;
	SSL *ssl;                         /* NULL: plain */
	unsigned char secret[SECRET_LEN]; /* TLS 1.3: of what the server writes */
	uint64_t records;                 /* written by tls_conn_write_tickets() */
};

struct tls_server {
	struct tls_server_config config;
	char *ca_file;
	SSL_CTX *ctx;
	int fd;
	int port;
	pthread_t thread;
	atomic_bool stopping;
	atomic_int connections;
	atomic_int requests;
	struct tls_conn *conns[MAX_CONNECTIONS]; /* of the accepting thread until it has ended */
};

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "tls_server: %s failed\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

/* --- certificates --- */

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(ext && X509_add_ext(cert, ext, -1), value);
	X509_EXTENSION_free(ext);
}

static X509 *
make_cert(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, const struct tls_server_config *c)
{
	static atomic_int serial = 1;
	X509 *cert = X509_new();
	X509_NAME *subject = X509_NAME_new();
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_set_subject_name(cert, subject);
	X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject);
	X509_gmtime_adj(X509_getm_notBefore(cert), c ? c->valid_from_sec : -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), c && c->valid_until_sec ? c->valid_until_sec : 3600);
	X509_set_pubkey(cert, key);
	add_extension(cert, issuer ? issuer : cert, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
	if (issuer)
		add_extension(cert, issuer, NID_subject_alt_name, c->names ? c->names : "DNS:localhost,IP:127.0.0.1");
	must(X509_sign(cert, issuer_key, EVP_sha256()) > 0, "X509_sign");
	X509_NAME_free(subject);
	return cert;
}

static char *
write_pem(const char *dir, const char *name, X509 *cert, EVP_PKEY *key)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *file = fopen(path, "we");
	must(file != NULL, path);
	if (cert)
		must(PEM_write_X509(file, cert), path);
	if (key)
		must(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), path);
	fclose(file);
	return path;
}

/* The server's secret (NSS key log format), for records that OpenSSL would not write. */
static void
on_keylog(const SSL *ssl, const char *line)
{
	struct tls_conn *conn = SSL_get_app_data(ssl);
	const char *hex = strrchr(line, ' ');
	if (strncmp(line, "SERVER_TRAFFIC_SECRET_0 ", 24) == 0 && strlen(hex + 1) == 2 * SECRET_LEN)
		for (size_t i = 0; i < SECRET_LEN; i++)
			conn->secret[i] = (unsigned char)strtoul(
				(char[]){ hex[1 + 2 * i], hex[2 + 2 * i], 0 }, NULL, 16);
}

static EVP_PKEY *
make_server_key(const struct tls_server_config *config)
{
	if (!config->rsa_bits)
		return EVP_EC_gen("P-256");
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;
	BIGNUM *e = NULL;
	must(EVP_PKEY_keygen_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, config->rsa_bits) > 0, "RSA");
	if (config->rsa_e)
		must(BN_hex2bn(&e, config->rsa_e) && EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) > 0, "exponent");
	must(EVP_PKEY_generate(ctx, &key) > 0, "RSA key");
	EVP_PKEY_CTX_free(ctx);
	BN_free(e);
	return key;
}

static void
set_up_tls(struct tls_server *s, const char *dir)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = make_server_key(&s->config);
	X509 *ca = make_cert("certd test root", ca_key, NULL, ca_key, NULL);
	X509 *cert = make_cert("certd test server", key, ca, ca_key, &s->config);
	s->ca_file = write_pem(dir, "ca.pem", ca, NULL);
	free(write_pem(dir, "server.pem", cert, NULL));
	free(write_pem(dir, "server.key", NULL, key));
	s->ctx = SSL_CTX_new(TLS_server_method());
	must(SSL_CTX_use_certificate(s->ctx, cert) && SSL_CTX_use_PrivateKey(s->ctx, key), "certificate");
	SSL_CTX_set_keylog_callback(s->ctx, on_keylog);
	SSL_CTX_set_dh_auto(s->ctx, 1);
	SSL_CTX_set_ciphersuites(s->ctx, "TLS_AES_128_GCM_SHA256");
	if (s->config.ciphers)
		must(SSL_CTX_set_max_proto_version(s->ctx, TLS1_2_VERSION) &&
				SSL_CTX_set_cipher_list(s->ctx, s->config.ciphers),
			"ciphers");
	if (s->config.groups)
		must(SSL_CTX_set1_groups_list(s->ctx, s->config.groups), "groups");
	if (s->config.max_tls) {
		SSL_CTX_set_security_level(s->ctx, 0);
		SSL_CTX_set_min_proto_version(s->ctx, 0);
		SSL_CTX_set_max_proto_version(s->ctx, s->config.max_tls);
	}
	X509_free(ca);
	X509_free(cert);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
}

/* --- connections --- */

bool
tls_conn_write(struct tls_conn *conn, const void *data, size_t len)
{
	if (conn->ssl)
		return SSL_write(conn->ssl, data, (int)len) == (int)len;
	return send(conn->fd, data, len, MSG_NOSIGNAL) == (ssize_t)len;
}

bool
tls_conn_printf(struct tls_conn *conn, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	_cleanup_free_ char *text = xvasprintf(fmt, ap);
	va_end(ap);
	return tls_conn_write(conn, text, strlen(text));
}

bool
tls_conn_answer(struct tls_conn *conn, const char *status, const char *headers, const char *body)
{
	return tls_conn_printf(
		conn, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers, strlen(body), body);
}

bool
tls_conn_write_raw(struct tls_conn *conn, const void *data, size_t len)
{
	for (size_t sent = 0; sent < len;) {
		ssize_t n = send(conn->fd, (const char *)data + sent, len - sent, MSG_NOSIGNAL);
		if (n <= 0 || conn->server->stopping)
			return false;
		sent += (size_t)n;
	}
	return true;
}

/* HKDF-Expand-Label with no context, for lengths of one block (RFC 8446 s7.1). */
static void
expand_label(const unsigned char *secret, const char *label, unsigned char *ret, size_t len)
{
	unsigned char info[64] = { 0, (unsigned char)len, (unsigned char)(6 + strlen(label)) }, block[EVP_MAX_MD_SIZE];
	size_t n = 3 + (size_t)snprintf((char *)info + 3, sizeof(info) - 3, "tls13 %s", label);
	info[n++] = 0;
	info[n++] = 1;
	must(HMAC(EVP_sha256(), secret, SECRET_LEN, info, n, block, NULL) != NULL, "HMAC");
	memcpy(ret, block, len);
}

bool
tls_conn_write_tickets(struct tls_conn *conn)
{
	static const unsigned char ticket[] = { 4, 0, 0, 14, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 1, 'x', 0, 0 };
	unsigned char plain[RECORD_MAX], record[5 + RECORD_MAX + 1 + 16] = { 23, 3, 3 }, key[16], iv[12];
	size_t len = 0;
	int n = 0, unused = 0;
	for (; len + sizeof(ticket) < sizeof(plain); len += sizeof(ticket))
		memcpy(plain + len, ticket, sizeof(ticket));
	plain[len++] = 22; /* a handshake message inside */
	record[3] = (unsigned char)((len + 16) >> 8);
	record[4] = (unsigned char)(len + 16);
	expand_label(conn->secret, "key", key, sizeof(key));
	expand_label(conn->secret, "iv", iv, sizeof(iv));
	for (size_t i = 0; i < 8; i++)
		iv[11 - i] ^= (unsigned char)(conn->records >> (8 * i));
	conn->records++;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	must(EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, iv) > 0 &&
			EVP_EncryptUpdate(ctx, NULL, &unused, record, 5) > 0 &&
			EVP_EncryptUpdate(ctx, record + 5, &n, plain, (int)len) > 0 &&
			EVP_EncryptFinal_ex(ctx, record + 5 + n, &unused) > 0 &&
			EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, record + 5 + n) > 0,
		"a record");
	EVP_CIPHER_CTX_free(ctx);
	return tls_conn_write_raw(conn, record, 5 + (size_t)n + 16);
}

bool
tls_conn_pause(struct tls_conn *conn, int ms)
{
	for (; ms > 0 && !conn->server->stopping; ms -= 10)
		nanosleep(&(struct timespec){ .tv_nsec = (ms < 10 ? ms : 10) * 1000000 }, NULL);
	return !conn->server->stopping;
}

void
tls_conn_abort(struct tls_conn *conn)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (conn->ssl)
		SSL_set_quiet_shutdown(conn->ssl, 1);
}

static int
conn_read(struct tls_conn *conn, char *data, size_t len)
{
	if (conn->ssl)
		return SSL_read(conn->ssl, data, (int)len);
	return (int)recv(conn->fd, data, len, 0);
}

/* Reads until @in holds a whole request. Return: its length, head in *@ret_head; 0 at the end. */
static size_t
read_request(struct tls_conn *conn, struct buf *in, size_t *ret_head)
{
	for (;;) {
		char *end = in->len ? strstr(in->data, "\r\n\r\n") : NULL;
		if (end) {
			size_t head = (size_t)(end - in->data) + 4, body = 0;
			const char *length = strcasestr(in->data, "\r\nContent-Length:");
			if (length && length < end)
				body = strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
			*ret_head = head;
			if (in->len >= head + body)
				return head + body;
		}
		char block[4096];
		int n = conn_read(conn, block, sizeof(block));
		if (n <= 0 || in->len > MAX_REQUEST)
			return 0;
		buf_add(in, block, (size_t)n);
	}
}

static bool
serve_one(struct tls_conn *conn, struct buf *in, int on_connection)
{
	size_t head_len = 0, len = read_request(conn, in, &head_len);
	if (len == 0)
		return false;
	conn->server->requests++;
	_cleanup_free_ char *head = xstrndup(in->data, head_len);
	_cleanup_free_ char *line = xstrndup(in->data, strcspn(in->data, "\r"));
	char *rest = NULL, *method = strtok_r(line, " ", &rest), *path = strtok_r(NULL, " ", &rest);
	const struct tls_request req = { .connection = conn->number,
		.on_connection = on_connection,
		.method = method ? method : "",
		.path = path ? path : "",
		.head = head,
		.body = in->data + head_len,
		.body_len = len - head_len };
	bool more = conn->server->config.serve(conn, &req, conn->server->config.arg);
	buf_drop(in, len);
	return more && !conn->server->stopping;
}

static void *
run_connection(void *arg)
{
	struct tls_conn *conn = arg;
	struct buf in = BUF_INIT;
	int count = 0;
	if (conn->server->config.raw) {
		conn->server->config.raw(conn);
		shutdown(conn->fd, SHUT_RDWR);
		return NULL;
	}
	if (conn->server->ctx) {
		conn->ssl = SSL_new(conn->server->ctx);
		SSL_set_fd(conn->ssl, conn->fd);
		SSL_set_app_data(conn->ssl, conn);
		SSL_set_num_tickets(conn->ssl, conn->server->config.has_no_tickets ? 0 : 2);
	}
	if (!conn->ssl || SSL_accept(conn->ssl) == 1)
		while (serve_one(conn, &in, ++count))
			;
	if (conn->ssl) {
		SSL_shutdown(conn->ssl);
		SSL_free(conn->ssl);
	}
	ERR_clear_error();
	buf_clear(&in);
	struct linger linger = { .l_onoff = 0 };
	socklen_t len = sizeof(linger);
	getsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, &len);
	if (linger.l_onoff) { /* the reset comes with close(), but the number must stay ours */
		int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		dup2(other, conn->fd);
		close(other);
	} else {
		shutdown(conn->fd, SHUT_RDWR);
	}
	return NULL;
}

static void *
run_server(void *arg)
{
	struct tls_server *s = arg;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK); /* they are joined at the end: hundreds may be there at once */
	for (;;) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC), one = 1;
		if (fd < 0 || s->stopping) {
			if (fd >= 0)
				close(fd);
			pthread_attr_destroy(&attr);
			return NULL;
		}
		must(s->connections < MAX_CONNECTIONS, "one more connection");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		struct tls_conn *conn = xcalloc(1, sizeof(*conn));
		*conn = (struct tls_conn){ .server = s, .fd = fd, .number = s->connections + 1 };
		s->conns[s->connections++] = conn;
		must(pthread_create(&conn->thread, &attr, run_connection, conn) == 0, "pthread_create");
	}
}

struct tls_server *
tls_server_new(const char *dir, const struct tls_server_config *config)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	struct tls_server *s = xcalloc(1, sizeof(*s));
	s->config = *config;
	signal(SIGPIPE, SIG_IGN);
	if (!config->plain)
		set_up_tls(s, dir);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(s->fd, (struct sockaddr *)&sin, sizeof(sin)) == 0 && listen(s->fd, 64) == 0, "listen");
	must(getsockname(s->fd, (struct sockaddr *)&sin, &len) == 0, "getsockname");
	s->port = ntohs(sin.sin_port);
	must(pthread_create(&s->thread, NULL, run_server, s) == 0, "pthread_create");
	return s;
}

void
tls_server_free(struct tls_server *s)
{
	if (!s)
		return;
	s->stopping = true;
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	for (int i = 0; i < s->connections; i++)
		shutdown(s->conns[i]->fd, SHUT_RDWR);
	for (int i = 0; i < s->connections; i++) {
		pthread_join(s->conns[i]->thread, NULL);
		close(s->conns[i]->fd);
		free(s->conns[i]);
	}
	SSL_CTX_free(s->ctx);
	free(s->ca_file);
	free(s);
}

int
tls_server_port(const struct tls_server *server)
{
	return server->port;
}

const char *
tls_server_ca_file(const struct tls_server *server)
{
	return server->ca_file;
}

int
tls_server_connections(const struct tls_server *server)
{
	return server->connections;
}

int
tls_server_requests(const struct tls_server *server)
{
	return server->requests;
}
