/* The guard of a TLS connection lets through what its socket says. */
#include "daemon/base/tls_guard.h"

#include "tests/support/process.h"
#include "tests/support/tls_server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENT_MS = 20000, PART = 16000 };

/* Reads nothing until the other end has gone or the server is freed. */
static bool
serve_nothing(struct tls_conn *conn, const struct tls_request *req, void *arg)
{
	(void)req;
	(void)arg;
	while (tls_conn_pause(conn, 50))
		;
	return false;
}

static int
connected(int port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int small = 4096;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void
wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	cr_assert_eq(poll(&p, 1, PATIENT_MS), 1);
}

/* It has to wait, and then the connection is gone: that is no reason to wait again. */
Test(tls_guard, a_write_that_had_to_wait_is_not_retried_when_the_connection_has_ended, .timeout = 60)
{
	static const struct tls_server_config config = { .serve = serve_nothing };
	static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	static char part[PART];
	struct tls_guard guard = { .allowance = 0 };
	char *dir = scratch_new();
	struct tls_server *server = tls_server_new(dir, &config);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int fd = connected(tls_server_port(server));
	SSL *ssl;
	int rc;

	cr_assert_eq(tls_guard_apply(&guard, ctx, false), 0);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	tls_guard_renew(&guard);
	while ((rc = SSL_connect(ssl)) != 1) {
		int why = SSL_get_error(ssl, rc);

		cr_assert(why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE, "%d", why);
		wait_for(fd, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT);
		tls_guard_renew(&guard);
	}
	cr_assert_gt(SSL_write(ssl, request, (int)strlen(request)), 0);
	while ((rc = SSL_write(ssl, part, PART)) > 0)
		;
	cr_expect_eq(SSL_get_error(ssl, rc), SSL_ERROR_WANT_WRITE);
	cr_assert_eq(shutdown(fd, SHUT_RDWR), 0);
	signal(SIGPIPE, SIG_IGN);
	rc = SSL_write(ssl, part, PART);
	cr_expect_leq(rc, 0);
	cr_expect_eq(SSL_get_error(ssl, rc), SSL_ERROR_SYSCALL);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	tls_server_free(server);
	scratch_remove(&dir);
}

/* Reading as well: with no allowance left it waits, and an end after that is an end. */
Test(tls_guard, without_an_allowance_nothing_is_read, .timeout = 60)
{
	static const struct tls_server_config config = { .serve = serve_nothing };
	struct tls_guard guard = { .allowance = 0 };
	char *dir = scratch_new();
	struct tls_server *server = tls_server_new(dir, &config);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int fd = connected(tls_server_port(server));
	SSL *ssl;

	cr_assert_eq(tls_guard_apply(&guard, ctx, false), 0);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	for (int i = 0; i < 2; i++) {
		int rc = SSL_connect(ssl);

		cr_expect_neq(rc, 1);
		cr_expect_eq(SSL_get_error(ssl, rc), SSL_ERROR_WANT_READ);
		wait_for(fd, POLLIN);
	}
	cr_assert_eq(shutdown(fd, SHUT_RDWR), 0);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	tls_server_free(server);
	scratch_remove(&dir);
}
