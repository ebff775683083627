/* The protocols by name, and the octets that are not yet a line or message. */
#include "daemon/rollout/starttls_private.h"

#include "common/api/endpoint.h"
#include "common/printable.h"

#include <stdlib.h>
#include <string.h>

enum { QUOTED_MAX = 200 }; /* octets of the server's text in a message */

static const struct starttls_protocol starttls_tls = { .name = "tls" }; /* needs no conversation */

#define STARTTLS_ROW(name, port) &starttls_##name,
static const struct starttls_protocol *const protocols[] = { ENDPOINT_PROTOCOLS(STARTTLS_ROW) };

struct starttls *
starttls_new(const char *protocol, const char *host)
{
	struct starttls *s;

	for (size_t i = 0; protocol && i < ARRAY_SIZE(protocols); i++)
		if (protocols[i] != &starttls_tls && strcmp(protocols[i]->name, protocol) == 0) {
			s = xcalloc(1, sizeof(*s));
			s->protocol = protocols[i];
			s->host = xstrdup(host);
			return s;
		}
	return NULL;
}

void
starttls_free(struct starttls *s)
{
	if (!s)
		return;
	buf_clear(&s->in);
	free(s->host);
	free(s);
}

enum starttls_result
starttls_refuse(struct error *err, enum error_code code, const char *what, const void *text, size_t len)
{
	_cleanup_free_ char *shown = printable_line(text, len, QUOTED_MAX);

	error_set(err, code, "%s%s%s", what, *shown ? ": " : "", shown);
	return STARTTLS_FAILED;
}

void
starttls_begin(struct starttls *s, struct buf *out)
{
	if (s->protocol->begin)
		s->protocol->begin(s, out);
}

/* One line of the buffer. */
static enum starttls_result
starttls_next_line(struct starttls *s, size_t *ret_used, struct buf *out, struct error *err)
{
	const char *text = (const char *)s->in.data;
	const char *end = s->in.len ? memchr(text, '\n', s->in.len) : NULL;
	size_t len;

	*ret_used = 0;
	if (!end)
		return STARTTLS_WAITS;
	len = (size_t)(end - text);
	*ret_used = len + 1;
	if (len && text[len - 1] == '\r')
		len--;
	return s->protocol->line(s, text, len, out, err);
}

enum starttls_result
starttls_feed(struct starttls *s, const void *data, size_t len, struct buf *out, struct error *err)
{
	enum starttls_result result = STARTTLS_WAITS;
	size_t used;

	s->taken += len;
	if (s->taken > STARTTLS_MAX_OCTETS) {
		error_set(err, ERROR_PROTOCOL, "the server sent more than %d octets before TLS", STARTTLS_MAX_OCTETS);
		return STARTTLS_FAILED;
	}
	buf_add(&s->in, data, len);
	do {
		result = s->protocol->line ? starttls_next_line(s, &used, out, err)
					   : s->protocol->message(s, &s->in, &used, out, err);
		buf_drop(&s->in, used);
	} while (result == STARTTLS_WAITS && used && s->in.len);
	if (result == STARTTLS_READY && s->in.len)
		return starttls_refuse(err, ERROR_PROTOCOL, "data after the answer to STARTTLS", "", 0);
	return result;
}
