/*
 * XMPP for clients (RFC 6120 s5.4). Three texts decide, and they are looked for as text: no XML is parsed, because
 * nothing else of a stranger's document is needed.
 */
#include "daemon/rollout/starttls_private.h"

#include <string.h>

static void
xmpp_begin(const struct starttls *s, struct buf *out)
{
	buf_printf(out,
		"<?xml version='1.0'?><stream:stream to='%s' version='1.0' xmlns='jabber:client' "
		"xmlns:stream='http://etherx.jabber.org/streams'>",
		s->host);
}

/* Return: the position behind @text, or 0: it is not there. */
static size_t
xmpp_find(const struct buf *in, const char *text)
{
	const char *data = (const char *)in->data;
	const char *found = in->len ? memmem(data, in->len, text, strlen(text)) : NULL;

	return found ? (size_t)(found - data) + strlen(text) : 0;
}

static enum starttls_result
xmpp_message(struct starttls *s, const struct buf *in, size_t *ret_used, struct buf *out, struct error *err)
{
	size_t end;

	*ret_used = 0;
	if (in->len && in->data[0] != '<' && in->data[0] != ' ' && in->data[0] != '\n' && in->data[0] != '\r')
		return starttls_refuse(err, ERROR_PROTOCOL, "the answer is not XMPP", in->data, in->len);
	if (xmpp_find(in, "<stream:error"))
		return starttls_refuse(err, ERROR_STATE, "the server refuses", in->data, in->len);
	if (s->step == STARTTLS_GREETING) {
		end = xmpp_find(in, "</stream:features>");
		if (!end && !(end = xmpp_find(in, "<stream:features/>")))
			return STARTTLS_WAITS;
		if (!xmpp_find(in, "<starttls"))
			return starttls_refuse(err, ERROR_STATE, "the server does not offer STARTTLS", "", 0);
		buf_add_str(out, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
		s->step = STARTTLS_ANSWER;
		*ret_used = end;
		return STARTTLS_WAITS;
	}
	if (xmpp_find(in, "<failure"))
		return starttls_refuse(err, ERROR_STATE, "the server refuses STARTTLS", in->data, in->len);
	end = xmpp_find(in, "<proceed");
	while (end && end < in->len && in->data[end] != '>')
		end++;
	if (!end || end == in->len)
		return STARTTLS_WAITS;
	*ret_used = end + 1;
	return STARTTLS_READY;
}

const struct starttls_protocol starttls_xmpp = { .name = "xmpp", .begin = xmpp_begin, .message = xmpp_message };
