/*
 * common/api/endpoint.h: the endpoints that certd probes: the protocols that it speaks before TLS, one row each, and
 * the text for an endpoint that operators write and messages show.
 *
 * A new protocol is a row here and in daemon/rollout/starttls.c.
 */
#ifndef COMMON_API_ENDPOINT_H
#define COMMON_API_ENDPOINT_H

#include "common/buf.h"
#include "common/json.h"

struct error;

/* Name and default port. The first is the default: TLS from the first octet. */
/* clang-format off */
#define ENDPOINT_PROTOCOLS(PROTOCOL) \
	PROTOCOL(tls, 443) \
	PROTOCOL(smtp, 25) \
	PROTOCOL(imap, 143) \
	PROTOCOL(pop3, 110) \
	PROTOCOL(ldap, 389) \
	PROTOCOL(postgres, 5432) \
	PROTOCOL(xmpp, 5222) \
	PROTOCOL(sieve, 4190) \
	PROTOCOL(ftp, 21)
/* clang-format on */

#define ENDPOINT_PROTOCOL_NAME(name, port) #name,
#define ENDPOINT_METAVAR "[PROTOCOL://]HOST:PORT[,SNI][@ADDRESS,...]"

/* "www.example.com:443", "smtp://[2001:db8::1]:25". @protocol: NULL: tls. Owned by the caller. */
char *
endpoint_text(const char *protocol, const char *host, int64_t port);

/*
 * endpoint_parse() - ENDPOINT_METAVAR to the members of an object of consumer.probes
 * The port may be missing after a protocol that has one. "https", "imaps" and other usual schemes are TLS at their
 * port. The values are not validated: certd does that.
 * Return: 0, or -1 with ERROR_USAGE.
 */
int
endpoint_parse(const char *text, struct json_object *ret, struct error *err);

/* The reverse. ALPN protocols, which have no place in the text, follow in parentheses. Appends. */
void
endpoint_describe(struct json_object *probe, struct buf *ret);

#endif
