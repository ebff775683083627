/* PostgreSQL: SSLRequest, answered with one octet (Frontend/Backend Protocol, "SSL Session Encryption"). */
#include "daemon/rollout/starttls_private.h"

static const char request[] = "\x00\x00\x00\x08\x04\xd2\x16\x2f"; /* length, and the code 80877103 */

static void
postgres_begin(const struct starttls *s _unused_, struct buf *out)
{
	buf_add(out, request, sizeof(request) - 1);
}

static enum starttls_result
postgres_message(struct starttls *s _unused_, const struct buf *in, size_t *ret_used, struct buf *out _unused_,
	struct error *err)
{
	*ret_used = in->len ? 1 : 0;
	if (!in->len)
		return STARTTLS_WAITS;
	if (in->data[0] == 'S')
		return STARTTLS_READY;
	if (in->data[0] == 'N')
		return starttls_refuse(err, ERROR_STATE, "the server does not offer TLS", "", 0);
	return starttls_refuse(err, ERROR_PROTOCOL, "the answer is not PostgreSQL", in->data, in->len);
}

const struct starttls_protocol starttls_postgres = {
	.name = "postgres",
	.begin = postgres_begin,
	.message = postgres_message,
};
