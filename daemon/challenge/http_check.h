/*
 * daemon/challenge/http_check.h: a rehearsal of http-01 without a CA: publishes a token as for a challenge (with
 * http-stateless it only makes one up), and fetches it by its name, from port 80, as a CA would.
 */
#ifndef DAEMON_CHALLENGE_HTTP_CHECK_H
#define DAEMON_CHALLENGE_HTTP_CHECK_H

struct error;
struct http_check;
struct solver;

enum { HTTP_CHECK_MS = 8000 };

/*
 * Called once, from the loop, never from inside http_check_start(). @err: NULL: the answer is right. ERROR_VALIDATION:
 * another answer came, and what it was. Otherwise why there was none; the CA may reach what this host cannot.
 */
typedef void
http_check_done_fn(const struct error *err, void *arg);

/*
 * @name: canonical, without "*."; copied. @thumbprint: of the account key, for servers that answer from it
 * (http-stateless); copied
 */
struct http_check *
http_check_start(struct solver *solver, const char *name, const char *thumbprint, http_check_done_fn *done, void *arg);

/* Cancels; @done is not called. NULL is a no-op. */
void
http_check_cancel(struct http_check *check);

#endif
