/*
 * daemon/rollout/starttls.h: what is said on a connection before TLS. Octets in, octets out: no socket and no time. A
 * server's text is bounded, and nothing of it is interpreted but the answer that decides.
 */
#ifndef DAEMON_ROLLOUT_STARTTLS_H
#define DAEMON_ROLLOUT_STARTTLS_H

#include "common/buf.h"

#include <stdbool.h>

struct error;
struct starttls;

enum { STARTTLS_MAX_OCTETS = 16 * 1024 }; /* from the server, before TLS */

enum starttls_result {
	STARTTLS_WAITS, /* for more octets */
	STARTTLS_READY, /* the TLS handshake begins now */
	STARTTLS_FAILED
};

/*
 * starttls_new() - a conversation in @protocol (common/api/endpoint.h; NULL or "tls": none is needed)
 * @host: copied; the name of the server, for protocols that ask for it
 * Return: owned by the caller, or NULL: the connection begins with TLS.
 */
struct starttls *
starttls_new(const char *protocol, const char *host);

/* NULL is a no-op. */
void
starttls_free(struct starttls *starttls);

/* What the client says first, if it does. Appends to @out. */
void
starttls_begin(struct starttls *starttls, struct buf *out);

/*
 * starttls_feed() - octets from the server
 * @out: what to send now is appended
 * Data behind the answer that begins TLS is refused: it would be taken for part of the protected connection.
 * Return: STARTTLS_FAILED with ERROR_PROTOCOL (not this protocol, or too much) or ERROR_STATE (the server has or
 * permits no STARTTLS), with the server's words as one printable line.
 */
enum starttls_result
starttls_feed(struct starttls *starttls, const void *data, size_t len, struct buf *out, struct error *err);

#endif
