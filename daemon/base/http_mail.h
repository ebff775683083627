/*
 * daemon/base/http_mail.h: submits mail by SMTP (RFC 6409), with libcurl. libcurl waits for the server's answer to QUIT
 * inside one call, so it runs on a thread of its own here: no server can occupy the loop. As for HTTP, the host is
 * resolved by daemon/base/dns first, and the transport is a table of functions, so that a test plays the server.
 */
#ifndef DAEMON_BASE_HTTP_MAIL_H
#define DAEMON_BASE_HTTP_MAIL_H

#include "common/buf.h"
#include "common/strlist.h"

#include <stdint.h>

struct dns;
struct error;
struct loop;

enum mail_security {
	MAIL_STARTTLS, /* refused if the server does not offer it */
	MAIL_TLS,      /* from the first octet on (RFC 8314 s3.3) */
	MAIL_PLAIN
};

struct mail_request {
	const char *host;
	const char *port;
	enum mail_security security;
	const char *ca_file;  /* PEM trust roots; NULL: the system's */
	const char *user;     /* or NULL: without authentication */
	const char *password; /* with @user */
	const char *from;     /* addresses, local-part@domain */
	const struct strlist *to;
	const struct buf *text; /* RFC 5322, lines that end with CR LF */
	int64_t timeout_ms;     /* of everything; 0: 60 s */
};

/*
 * Called once, from the loop, never from inside mail_send(). @answer: the server's last reply; one printable line, may
 * be empty. Both are borrowed. ERROR_NETWORK, ERROR_TIMEOUT, ERROR_TLS, ERROR_DNS; ERROR_DENIED: it refused the user;
 * ERROR_INVALID: it refused sender, recipient or text for good; ERROR_STATE: for now. @err quotes the reply.
 */
typedef void
mail_done_fn(const struct error *err, const char *answer, void *arg);

struct mail_ops {
	void *(*send)(void *self, const struct mail_request *req, mail_done_fn *done, void *arg);
	void (*cancel)(void *self, void *handle);
};

struct mail {
	const struct mail_ops *ops;
	void *self;
};

/* Copies the request. The handle is valid until @done was called. */
static inline void *
mail_send(const struct mail *mail, const struct mail_request *req, mail_done_fn *done, void *arg)
{
	return mail->ops->send(mail->self, req, done, arg);
}

/* @done is not called. */
static inline void
mail_cancel(const struct mail *mail, void *handle)
{
	if (handle)
		mail->ops->cancel(mail->self, handle);
}

struct http_mail;

/* @loop, @dns: borrowed; must outlive it. After http_curl_new(), which sets up libcurl, and freed before it. */
struct http_mail *
http_mail_new(struct loop *loop, struct dns *dns);

/* Waits until the thread has given up what it does, at most a second. NULL is a no-op. */
void
http_mail_free(struct http_mail *mail);

/* The real transport; borrowed. */
const struct mail *
http_mail_transport(struct http_mail *mail);

#endif
