/* daemon/rollout/starttls_private.h: one protocol of starttls.c. */
#ifndef DAEMON_ROLLOUT_STARTTLS_PRIVATE_H
#define DAEMON_ROLLOUT_STARTTLS_PRIVATE_H

#include "common/alloc.h"
#include "common/error.h"
#include "daemon/rollout/starttls.h"

/* What is expected next. */
enum starttls_step { STARTTLS_GREETING, STARTTLS_FEATURES, STARTTLS_ANSWER };

struct starttls_protocol {
	const char *name;
	/* The client's first words; NULL: the server speaks first. */
	void (*begin)(const struct starttls *s, struct buf *out);
	/* A line without its end. One of line and message is set. */
	enum starttls_result (*line)(
		struct starttls *s, const char *line, size_t len, struct buf *out, struct error *err);
	/*
	 * Reads a message at the start of @data. @ret_used: its length; 0: it is not complete, and the result is
	 * STARTTLS_WAITS.
	 */
	enum starttls_result (*message)(
		struct starttls *s, const struct buf *in, size_t *ret_used, struct buf *out, struct error *err);
};

struct starttls {
	const struct starttls_protocol *protocol;
	char *host;
	enum starttls_step step;
	bool is_offered; /* the server has announced it */
	char code[4];    /* of a reply of several lines that has not ended; "": none */
	size_t taken;    /* octets from the server so far */
	struct buf in;   /* the incomplete line or message */
};

/* Return: STARTTLS_FAILED with "@what: @text", @text being the server's. */
enum starttls_result
starttls_refuse(struct error *err, enum error_code code, const char *what, const void *text, size_t len);

extern const struct starttls_protocol starttls_smtp, starttls_imap, starttls_pop3, starttls_ldap, starttls_postgres,
	starttls_xmpp, starttls_sieve, starttls_ftp;

#endif
