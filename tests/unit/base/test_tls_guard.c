/* The guard of a TLS connection: what it holds back, and that it passes on how reading ended. */
#include "daemon/base/tls_guard.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
	struct tls_guard guard;
	SSL_CTX *ctx;
	SSL *ssl;
	int fds[2];
};

static void
client_init(struct client *c)
{
	*c = (struct client){ .ctx = SSL_CTX_new(TLS_client_method()) };
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, c->fds), 0);
	cr_assert_eq(tls_guard_apply(&c->guard, c->ctx, false), 0);
	c->ssl = SSL_new(c->ctx);
	SSL_set_fd(c->ssl, c->fds[0]);
}

static void
client_clear(struct client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	close(c->fds[0]);
}

/* What SSL_connect() waits for, or why it has failed. */
static int
step(struct client *c)
{
	int rc = SSL_connect(c->ssl);

	cr_assert_leq(rc, 0);
	return SSL_get_error(c->ssl, rc);
}

/* An alert: handshake failure. */
static const char refusal[] = { 21, 3, 3, 0, 2, 2, 40 };

Test(tls_guard, without_an_allowance_nothing_is_read)
{
	struct client c;

	client_init(&c);
	cr_assert_eq(write(c.fds[1], refusal, sizeof(refusal)), (ssize_t)sizeof(refusal));
	cr_expect_eq(step(&c), SSL_ERROR_WANT_READ);
	cr_expect_eq(step(&c), SSL_ERROR_WANT_READ);
	tls_guard_renew(&c.guard);
	cr_expect_eq(step(&c), SSL_ERROR_SSL);
	close(c.fds[1]);
	client_clear(&c);
}

/* It had to wait before, and must not wait for ever. */
Test(tls_guard, an_end_after_a_pause_is_an_end)
{
	struct client c;
	int why;

	client_init(&c);
	cr_expect_eq(step(&c), SSL_ERROR_WANT_READ);
	tls_guard_renew(&c.guard);
	cr_expect_eq(step(&c), SSL_ERROR_WANT_READ, "nothing has come yet");
	cr_assert_eq(shutdown(c.fds[1], SHUT_WR), 0);
	why = step(&c);
	cr_expect(why == SSL_ERROR_SYSCALL || why == SSL_ERROR_SSL || why == SSL_ERROR_ZERO_RETURN, "%d", why);
	close(c.fds[1]);
	client_clear(&c);
}
