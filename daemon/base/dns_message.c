/*
 * daemon/base/dns_message.c: making queries and reading answers. ldns encodes and decodes. An answer is read only along
 * the aliases that start at the queried name, so that records of other names in the message have no effect.
 */
#include "daemon/base/dns_message.h"

#include "common/error.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

/* A longer chain of aliases is a loop or an attack. */
enum { MAX_ALIASES = 16 };

FREEP(ldns_pkt, dns_message_pkt_free, ldns_pkt_free);
FREEP(ldns_rdf, dns_message_rdf_free, ldns_rdf_deep_free);

void
dns_answer_clear(struct dns_answer *answer)
{
	strlist_clear(&answer->values);
	free(answer->cname);
	free(answer->soa_zone);
	free(answer->soa_mname);
	*answer = (struct dns_answer){ .rcode = 0 };
}

const char *
dns_rcode_name(int rcode)
{
	static const char *const names[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
		"YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE" };

	return rcode >= 0 && (size_t)rcode < ARRAY_SIZE(names) ? names[rcode] : "unknown RCODE";
}

const char *
dns_type_name(enum dns_type type)
{
	switch (type) {
	case DNS_A:
		return "A";
	case DNS_NS:
		return "NS";
	case DNS_CNAME:
		return "CNAME";
	case DNS_SOA:
		return "SOA";
	case DNS_TXT:
		return "TXT";
	case DNS_AAAA:
		return "AAAA";
	case DNS_DS:
		return "DS";
	case DNS_RRSIG:
		return "RRSIG";
	case DNS_DNSKEY:
		return "DNSKEY";
	case DNS_TLSA:
		return "TLSA";
	case DNS_CAA:
		return "CAA";
	}
	return "?";
}

int
dns_message_question(
	uint16_t id, const char *name, enum dns_type type, unsigned flags, struct buf *ret, struct error *err)
{
	ldns_rdf *owner = ldns_dname_new_frm_str(name);

	if (!owner)
		return error_set(err, ERROR_INVALID, "'%s' is not a domain name", name);
	/* The packet takes @owner. */
	_cleanup_(dns_message_pkt_free) ldns_pkt *pkt = ldns_pkt_query_new(owner, (ldns_rr_type)type, LDNS_RR_CLASS_IN,
		(uint16_t)((flags & DNS_MESSAGE_RECURSIVE ? LDNS_RD : 0) |
			   (flags & DNS_MESSAGE_UNVALIDATED ? LDNS_CD : 0)));
	uint8_t *wire = NULL;
	size_t len = 0;
	ldns_pkt_set_id(pkt, id);
	if (ldns_pkt2wire(&wire, pkt, &len) != LDNS_STATUS_OK)
		return error_set(err, ERROR_INVALID, "cannot make a DNS query for '%s'", name);
	buf_add(ret, wire, len);
	free(wire);
	return 0;
}

/* Lower case, no final dot; owned by the caller; NULL if ldns cannot print it. */
static char *
name_text(const ldns_rdf *name)
{
	_cleanup_(dns_message_rdf_free) ldns_rdf *lower = ldns_rdf_clone(name);

	ldns_dname2canonical(lower);
	char *text = ldns_rdf2str(lower);
	size_t len = text ? strlen(text) : 0;
	if (len > 1 && text[len - 1] == '.')
		text[len - 1] = '\0';
	return text;
}

/* The strings of a TXT record joined (as in RFC 7208 s3.3, and as CAs read them). */
static void
add_txt(struct strlist *values, const ldns_rr *rr)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *part = ldns_rr_rdf(rr, i);

		if (ldns_rdf_size(part) > 1)
			buf_add(&text, ldns_rdf_data(part) + 1, ldns_rdf_size(part) - 1);
	}
	if (strlen(buf_str(&text)) == text.len)
		strlist_take(values, buf_steal(&text));
}

/* "flags tag value" (RFC 8659 s4.1). */
static void
add_caa(struct strlist *values, const ldns_rr *rr)
{
	if (ldns_rr_rd_count(rr) != 3)
		return;
	const ldns_rdf *tag = ldns_rr_rdf(rr, 1), *value = ldns_rr_rdf(rr, 2);
	if (memchr(ldns_rdf_data(value), 0, ldns_rdf_size(value)))
		return;
	strlist_take(values, xasprintf("%u %.*s %.*s", *ldns_rdf_data(ldns_rr_rdf(rr, 0)), (int)ldns_rdf_size(tag) - 1,
				     (const char *)ldns_rdf_data(tag) + 1, (int)ldns_rdf_size(value),
				     (const char *)ldns_rdf_data(value)));
}

/* "3 1 1 HASH", in lower case (RFC 6698 s2.2). */
static void
add_tlsa(struct strlist *values, const ldns_rr *rr)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (ldns_rr_rd_count(rr) != 4)
		return;
	for (size_t i = 0; i < 3; i++)
		buf_printf(&text, "%u ", *ldns_rdf_data(ldns_rr_rdf(rr, i)));
	for (size_t i = 0; i < ldns_rdf_size(ldns_rr_rdf(rr, 3)); i++)
		buf_printf(&text, "%02x", ldns_rdf_data(ldns_rr_rdf(rr, 3))[i]);
	strlist_take(values, buf_steal(&text));
}

/* "type expiration inception" (RFC 4034 s3.1). */
static void
add_rrsig(struct strlist *values, const ldns_rr *rr)
{
	enum { COVERED = 0, EXPIRATION = 4, INCEPTION = 5 };

	if (ldns_rr_rd_count(rr) <= INCEPTION)
		return;
	strlist_take(values, xasprintf("%u %u %u", ldns_rdf2native_int16(ldns_rr_rdf(rr, COVERED)),
				     ldns_read_uint32(ldns_rdf_data(ldns_rr_rdf(rr, EXPIRATION))),
				     ldns_read_uint32(ldns_rdf_data(ldns_rr_rdf(rr, INCEPTION)))));
}

/* Takes @text; NULL is ignored. */
static void
add_text(struct strlist *values, char *text)
{
	if (text)
		strlist_take(values, text);
}

static void
dns_message_add_value(struct strlist *values, const ldns_rr *rr)
{
	switch ((unsigned)ldns_rr_get_type(rr)) {
	case DNS_TXT:
		add_txt(values, rr);
		break;
	case DNS_CAA:
		add_caa(values, rr);
		break;
	case DNS_TLSA:
		add_tlsa(values, rr);
		break;
	case DNS_RRSIG:
		add_rrsig(values, rr);
		break;
	case DNS_NS:
	case DNS_CNAME:
	case DNS_SOA:
		add_text(values, ldns_rr_rd_count(rr) > 0 ? name_text(ldns_rr_rdf(rr, 0)) : NULL);
		break;
	default:
		add_text(values, ldns_rr_rd_count(rr) > 0 ? ldns_rdf2str(ldns_rr_rdf(rr, 0)) : NULL);
	}
}

/* The target if @section contains an alias of @owner; borrowed; or NULL. */
static const ldns_rdf *
alias_of(const ldns_rr_list *section, const ldns_rdf *owner)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(section, i);

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_CNAME && ldns_rr_rd_count(rr) == 1 &&
			ldns_dname_compare(ldns_rr_owner(rr), owner) == 0)
			return ldns_rr_rdf(rr, 0);
	}
	return NULL;
}

/* The first SOA of @section is that of the name's zone. */
static void
read_soa(const ldns_rr_list *section, struct dns_answer *ret)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(section) && !ret->soa_zone; i++) {
		const ldns_rr *rr = ldns_rr_list_rr(section, i);

		if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_SOA || ldns_rr_rd_count(rr) < 1)
			continue;
		ret->soa_zone = name_text(ldns_rr_owner(rr));
		ret->soa_mname = name_text(ldns_rr_rdf(rr, 0));
	}
}

static void
dns_message_read_answer(const ldns_pkt *pkt, const ldns_rdf *asked, enum dns_type type, struct dns_answer *ret)
{
	const ldns_rr_list *section = ldns_pkt_answer(pkt);
	const ldns_rdf *owner = asked;

	for (int i = 0; i < MAX_ALIASES; i++) {
		const ldns_rdf *target = alias_of(section, owner);

		if (!target)
			break;
		owner = target;
	}
	if (owner != asked)
		ret->cname = name_text(owner);
	if (type == DNS_CNAME)
		owner = asked;
	for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(section, i);

		if ((unsigned)ldns_rr_get_type(rr) == (unsigned)type &&
			ldns_dname_compare(ldns_rr_owner(rr), owner) == 0) {
			dns_message_add_value(&ret->values, rr);
			ret->ttl = ldns_rr_ttl(rr) > ret->ttl ? ldns_rr_ttl(rr) : ret->ttl;
		}
	}
	read_soa(section, ret);
	read_soa(ldns_pkt_authority(pkt), ret);
}

int
dns_message_parse(
	const void *wire, size_t len, const char *name, enum dns_type type, struct dns_answer *ret, struct error *err)
{
	_cleanup_(dns_message_rdf_free) ldns_rdf *asked = ldns_dname_new_frm_str(name);
	_cleanup_(dns_message_pkt_free) ldns_pkt *pkt = NULL;

	*ret = (struct dns_answer){ .rcode = 0 };
	if (!asked)
		return error_set(err, ERROR_INVALID, "'%s' is not a domain name", name);
	ldns_status status = ldns_wire2pkt(&pkt, wire, len);
	if (status != LDNS_STATUS_OK)
		return error_set(
			err, ERROR_DNS, "the answer is not a DNS message: %s", ldns_get_errorstr_by_id(status));
	if (!ldns_pkt_qr(pkt))
		return error_set(err, ERROR_DNS, "the answer is a query");
	ret->rcode = (int)ldns_pkt_get_rcode(pkt);
	ret->is_authoritative = ldns_pkt_aa(pkt);
	dns_message_read_answer(pkt, asked, type, ret);
	return 0;
}
