/* LDAP: an extended operation in BER (RFC 4511 s4.12 and s4.14). */
#include "daemon/rollout/starttls_private.h"

#include <stdint.h>

enum {
	BER_SEQUENCE = 0x30,
	BER_INTEGER = 0x02,
	BER_ENUMERATED = 0x0a,
	BER_OCTETS = 0x04,
	LDAP_EXTENDED_RESPONSE = 0x78, /* [APPLICATION 24] */
};

/* LDAPMessage { messageID 1, ExtendedRequest { requestName 1.3.6.1.4.1.1466.20037 } } */
static const char request[] = "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
			      "1.3.6.1.4.1.1466.20037";

/* Octets of a message that has not been read. */
struct ber {
	const uint8_t *p, *end;
};

/* Reads tag and length. Return: 1 and the content, 0 not complete, -1 not BER as LDAP permits it (RFC 4511 s5.1). */
static int
ber_take(struct ber *from, uint8_t *ret_tag, struct ber *ret)
{
	const uint8_t *p = from->p;
	size_t left = (size_t)(from->end - p), len, octets;

	if (left < 2)
		return 0;
	*ret_tag = p[0];
	len = p[1];
	octets = len & 0x80 ? len & 0x7f : 0;
	if (len & 0x80) {
		if (octets == 0 || octets > 4)
			return -1;
		if (left < 2 + octets)
			return 0;
		len = 0;
		for (size_t i = 0; i < octets; i++)
			len = len << 8 | p[2 + i];
	}
	if (len > STARTTLS_MAX_OCTETS)
		return -1;
	if (left < 2 + octets + len)
		return 0;
	*ret = (struct ber){ p + 2 + octets, p + 2 + octets + len };
	from->p = ret->end;
	return 1;
}

static bool
ber_expect(struct ber *from, uint8_t tag, struct ber *ret)
{
	uint8_t found;

	return ber_take(from, &found, ret) == 1 && found == tag;
}

static void
ldap_begin(const struct starttls *s _unused_, struct buf *out)
{
	buf_add(out, request, sizeof(request) - 1);
}

static enum starttls_result
ldap_message(struct starttls *s _unused_, const struct buf *in, size_t *ret_used, struct buf *out _unused_,
	struct error *err)
{
	struct ber all = { (const uint8_t *)in->data, (const uint8_t *)in->data + in->len };
	struct ber message, id, response, code, dn, text;
	uint8_t tag = BER_SEQUENCE;
	int found = ber_take(&all, &tag, &message);

	*ret_used = 0;
	if (found == 0 && tag == BER_SEQUENCE)
		return STARTTLS_WAITS;
	if (found != 1 || tag != BER_SEQUENCE || !ber_expect(&message, BER_INTEGER, &id) ||
		!ber_expect(&message, LDAP_EXTENDED_RESPONSE, &response) ||
		!ber_expect(&response, BER_ENUMERATED, &code) || code.end - code.p != 1 ||
		!ber_expect(&response, BER_OCTETS, &dn) || !ber_expect(&response, BER_OCTETS, &text))
		return starttls_refuse(err, ERROR_PROTOCOL, "the answer is not LDAP", in->data, in->len);
	*ret_used = (size_t)(all.p - (const uint8_t *)in->data);
	if (*code.p == 0)
		return STARTTLS_READY;
	starttls_refuse(err, ERROR_STATE, "the server refuses STARTTLS", text.p, (size_t)(text.end - text.p));
	error_wrap(err, "LDAP result %d", *code.p);
	return STARTTLS_FAILED;
}

const struct starttls_protocol starttls_ldap = { .name = "ldap", .begin = ldap_begin, .message = ldap_message };
