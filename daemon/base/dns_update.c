/*
 * daemon/base/dns_update.c: dynamic updates (RFC 2136): adds one TXT value to a zone or removes it, and explains each
 * refusal of the server. Both may be repeated: adding an existing value and removing a missing one succeed (RFC 2136
 * s3.4.2).
 */
#include "daemon/base/dns_message.h"
#include "daemon/base/dns_tsig.h"

#include "common/error.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STRING = 255 }; /* RFC 1035 s3.3.14 */

FREEP(ldns_pkt, dns_update_pkt_free, ldns_pkt_free);
FREEP(ldns_rdf, dns_update_rdf_free, ldns_rdf_deep_free);
FREEP(ldns_rr_list, rr_list_free, ldns_rr_list_deep_free);

/* Takes @owner. */
static ldns_rr *
txt_record(ldns_rdf *owner, const struct dns_update *update)
{
	ldns_rr *rr = ldns_rr_new();

	ldns_rr_set_owner(rr, owner);
	ldns_rr_set_type(rr, LDNS_RR_TYPE_TXT);
	ldns_rr_set_class(rr, update->is_removal ? LDNS_RR_CLASS_NONE : LDNS_RR_CLASS_IN);
	ldns_rr_set_ttl(rr, update->is_removal ? 0 : update->ttl);
	const char *rest = update->value;
	do {
		uint8_t part[1 + MAX_STRING];
		size_t len = strnlen(rest, MAX_STRING);

		part[0] = (uint8_t)len;
		memcpy(part + 1, rest, len);
		ldns_rr_push_rdf(rr, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_STR, len + 1, part));
		rest += len;
	} while (*rest);
	return rr;
}

static int
unsigned_update(uint16_t id, const struct dns_update *update, struct buf *ret, struct error *err)
{
	_cleanup_(dns_update_rdf_free) ldns_rdf *zone = ldns_dname_new_frm_str(update->zone);
	_cleanup_(dns_update_rdf_free) ldns_rdf *owner = ldns_dname_new_frm_str(update->name);

	if (!zone || !owner)
		return error_set(err, ERROR_INVALID, "'%s' is not a domain name", zone ? update->name : update->zone);
	if (ldns_dname_compare(zone, owner) != 0 && !ldns_dname_is_subdomain(owner, zone))
		return error_set(err, ERROR_INVALID, "'%s' is not in zone '%s'", update->name, update->zone);

	_cleanup_(rr_list_free) ldns_rr_list *changes = ldns_rr_list_new();
	ldns_rr_list_push_rr(changes, txt_record(owner, update));
	owner = NULL;
	/* Takes the zone's name, copies the list. */
	_cleanup_(dns_update_pkt_free) ldns_pkt *pkt = ldns_update_pkt_new(zone, LDNS_RR_CLASS_IN, NULL, changes, NULL);
	zone = NULL;
	if (!pkt)
		return error_set(err, ERROR_INTERNAL, "cannot make an update of '%s'", update->name);
	ldns_pkt_set_id(pkt, id);
	ldns_pkt_set_rd(pkt, false);
	uint8_t *wire = NULL;
	size_t len = 0;
	if (ldns_pkt2wire(&wire, pkt, &len) != LDNS_STATUS_OK)
		return error_set(err, ERROR_INVALID, "an update of '%s' does not fit a message", update->name);
	buf_reset(ret);
	buf_add(ret, wire, len);
	free(wire);
	return 0;
}

static struct dns_tsig_key
tsig_key(const struct dns_update *update)
{
	return (struct dns_tsig_key){ update->tsig_name, update->tsig_algorithm, update->tsig_key };
}

int
dns_message_update(uint16_t id, const struct dns_update *update, int64_t now, struct buf *ret,
	struct dns_tsig_mac *ret_mac, struct error *err)
{
	ret_mac->len = 0;
	if (unsigned_update(id, update, ret, err) < 0)
		return -1;
	if (!update->tsig_name)
		return 0;
	struct dns_tsig_key key = tsig_key(update);
	return dns_tsig_sign(ret, &key, now, ret_mac, err);
}

/* What the operator should check, by RCODE. */
static int
dns_update_refused(int rcode, const struct dns_update *update, struct error *err)
{
	const char *word = dns_rcode_name(rcode);

	switch (rcode) {
	case LDNS_RCODE_REFUSED:
		if (update->tsig_name)
			return error_set(err, ERROR_DNS,
				"%s: the server's policy does not let TSIG key '%s' change TXT records of '%s'", word,
				update->tsig_name, update->name);
		return error_set(err, ERROR_DNS,
			"%s: the server does not accept unsigned updates of '%s'; set a TSIG key", word, update->name);
	case LDNS_RCODE_NOTAUTH:
		return error_set(err, ERROR_DNS,
			"%s: the server is not the primary of zone '%s', or requires a TSIG key", word, update->zone);
	case LDNS_RCODE_NOTZONE:
		return error_set(err, ERROR_DNS, "%s: '%s' is not in zone '%s'", word, update->name, update->zone);
	case LDNS_RCODE_NOTIMPL:
		return error_set(err, ERROR_DNS, "%s: the server does not support dynamic updates (RFC 2136)", word);
	case LDNS_RCODE_SERVFAIL:
		return error_set(err, ERROR_DNS, "%s: the server could not store the update; see its log", word);
	default:
		return error_set(err, ERROR_DNS, "%s (%d): the server did not accept the update", word, rcode);
	}
}

static int
tsig_refused(
	int rcode, const struct dns_tsig_result *tsig, const struct dns_update *update, int64_t now, struct error *err)
{
	const char *word = dns_rcode_name(rcode);

	switch (tsig->error) {
	case DNS_TSIG_BADSIG:
		return error_set(err, ERROR_DNS, "%s, BADSIG: the secret of TSIG key '%s' differs from the server's",
			word, update->tsig_name);
	case DNS_TSIG_BADKEY:
		return error_set(err, ERROR_DNS,
			"%s, BADKEY: the server does not know TSIG key '%s' with this algorithm, or does not let it "
			"change '%s'",
			word, update->tsig_name, update->name);
	case DNS_TSIG_BADTIME:
		return error_set(err, ERROR_DNS, "%s, BADTIME: the server's clock is %lld s %s certd's", word,
			(long long)llabs(tsig->server_at - now), tsig->server_at > now ? "ahead of" : "behind");
	default:
		return error_set(err, ERROR_DNS, "%s, TSIG error %d", word, tsig->error);
	}
}

int
dns_message_update_answer(const void *wire, size_t len, const struct dns_update *update, const struct dns_tsig_mac *mac,
	int64_t now, int *ret_rcode, struct error *err)
{
	_cleanup_(dns_update_pkt_free) ldns_pkt *pkt = NULL;

	*ret_rcode = -1;
	ldns_status status = ldns_wire2pkt(&pkt, wire, len);
	if (status != LDNS_STATUS_OK)
		return error_set(
			err, ERROR_DNS, "the answer is not a DNS message: %s", ldns_get_errorstr_by_id(status));
	if (!ldns_pkt_qr(pkt) || ldns_pkt_get_opcode(pkt) != LDNS_PACKET_UPDATE)
		return error_set(err, ERROR_DNS, "the answer does not belong to an update");
	int rcode = *ret_rcode = (int)ldns_pkt_get_rcode(pkt);
	if (!update->tsig_name)
		return rcode == 0 ? 0 : dns_update_refused(rcode, update, err);

	struct dns_tsig_result tsig;
	struct dns_tsig_key key = tsig_key(update);
	switch (dns_tsig_verify(wire, len, &key, mac, now, &tsig, err)) {
	case 0:
		if (rcode != 0)
			return dns_update_refused(rcode, update, err);
		return error_set(err, ERROR_DNS, "the answer is not signed with TSIG key '%s' and is ignored",
			update->tsig_name);
	case 1:
	case 2:
		if (tsig.error != 0)
			return tsig_refused(rcode, &tsig, update, now, err);
		return rcode == 0 ? 0 : dns_update_refused(rcode, update, err);
	default:
		return -1;
	}
}
