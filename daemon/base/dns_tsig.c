/*
 * daemon/base/dns_tsig.c: TSIG.
 *
 * ldns can sign too, but its functions read the clock themselves, take the secret as base64 text that they leave on the
 * ordinary heap, misspell hmac-sha384 (1.8.3: "hmac-shac384.") and ignore the time of an answer. So ldns only reads and
 * writes the records here, and OpenSSL computes the MAC over them.
 */
#include "daemon/base/dns_tsig.h"

#include "common/api/dns_kinds.h"
#include "common/crypto/secret.h"
#include "common/error.h"

#include <ldns/ldns.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TSIG_FUDGE_SEC = 300, HEADER_LEN = 12 };

static const char *
algorithm_name(const struct dns_tsig_key *key)
{
	return key->algorithm ? key->algorithm : tsig_algorithms[0];
}

/* OpenSSL's name of the digest is the part after "hmac-". NULL: certd does not sign with @algorithm. */
static const char *
digest_of(const char *algorithm)
{
	for (size_t i = 0; tsig_algorithms[i]; i++)
		if (strcasecmp(tsig_algorithms[i], algorithm) == 0)
			return tsig_algorithms[i] + strlen("hmac-");
	return NULL;
}

FREEP(ldns_rdf, dns_tsig_rdf_free, ldns_rdf_deep_free);
FREEP(ldns_rr, rr_free, ldns_rr_free);

static uint16_t
get16(const void *data)
{
	const uint8_t *p = data;

	return (uint16_t)(p[0] << 8 | p[1]);
}

static int64_t
get48(const uint8_t *p)
{
	int64_t value = 0;

	for (int i = 0; i < 6; i++)
		value = value << 8 | p[i];
	return value;
}

/* Appends the low @octets of @value, most significant first. */
static void
dns_tsig_put(struct buf *b, uint64_t value, int octets)
{
	while (octets-- > 0)
		buf_add_char(b, (char)(value >> (8 * octets)));
}

static void
put_rdf(struct buf *b, const ldns_rdf *rdf)
{
	buf_add(b, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
}

/* The name in canonical wire form (RFC 8945 s4.3.3: lower case, not compressed); NULL if it is not a name. */
static ldns_rdf *
dns_tsig_canonical_name(const char *text)
{
	ldns_rdf *name = ldns_dname_new_frm_str(text);

	if (name)
		ldns_dname2canonical(name);
	return name;
}

/* The fields of a TSIG record except its MAC. Names canonical; all borrowed. */
struct variables {
	const ldns_rdf *key_name;
	const ldns_rdf *algorithm;
	int64_t signed_at;
	uint16_t fudge_sec;
	uint16_t error;
	const uint8_t *other; /* length octets included */
	size_t other_len;
};

/* RFC 8945 s4.3: request MAC (answers only), message without the TSIG record, variables. */
static int
compute_mac(const struct dns_tsig_key *key, const struct variables *v, const struct dns_tsig_mac *request,
	const void *message, size_t len, struct dns_tsig_mac *ret, struct error *err)
{
	const char *digest = digest_of(algorithm_name(key));

	if (!digest)
		return error_set(err, ERROR_INVALID, "TSIG algorithm '%s' is not supported", algorithm_name(key));
	if (!key->secret || key->secret->len == 0)
		return error_set(err, ERROR_INVALID, "the secret of TSIG key '%s' is empty", key->name);

	_cleanup_buf_ struct buf b = BUF_INIT;
	if (request) {
		dns_tsig_put(&b, request->len, 2);
		buf_add(&b, request->data, request->len);
	}
	buf_add(&b, message, len);
	put_rdf(&b, v->key_name);
	dns_tsig_put(&b, LDNS_RR_CLASS_ANY, 2);
	dns_tsig_put(&b, 0, 4);
	put_rdf(&b, v->algorithm);
	dns_tsig_put(&b, (uint64_t)v->signed_at, 6);
	dns_tsig_put(&b, v->fudge_sec, 2);
	dns_tsig_put(&b, v->error, 2);
	buf_add(&b, v->other, v->other_len);
	if (!EVP_Q_mac(NULL, "HMAC", NULL, digest, NULL, key->secret->data, key->secret->len,
		    (const unsigned char *)b.data, b.len, ret->data, sizeof(ret->data), &ret->len))
		return error_set(err, ERROR_INTERNAL, "HMAC with %s failed", digest);
	return 0;
}

/* Adds @by to the count of additional records in the header. */
static void
adjust_arcount(char *message, int by)
{
	unsigned count = (unsigned)(get16(message + 10) + by);

	message[10] = (char)(count >> 8);
	message[11] = (char)count;
}

int
dns_tsig_sign(
	struct buf *wire, const struct dns_tsig_key *key, int64_t now, struct dns_tsig_mac *ret_mac, struct error *err)
{
	static const uint8_t no_other[2];
	_cleanup_(dns_tsig_rdf_free) ldns_rdf *name = dns_tsig_canonical_name(key->name);
	_cleanup_(dns_tsig_rdf_free) ldns_rdf *algorithm = dns_tsig_canonical_name(algorithm_name(key));

	if (!name || !algorithm)
		return error_set(err, ERROR_INVALID, "TSIG key name '%s' is not a domain name", key->name);
	struct variables v = { name, algorithm, now, TSIG_FUDGE_SEC, 0, no_other, sizeof(no_other) };
	if (compute_mac(key, &v, NULL, wire->data, wire->len, ret_mac, err) < 0)
		return -1;

	uint16_t id = get16(wire->data);
	put_rdf(wire, name);
	dns_tsig_put(wire, LDNS_RR_TYPE_TSIG, 2);
	dns_tsig_put(wire, LDNS_RR_CLASS_ANY, 2);
	dns_tsig_put(wire, 0, 4);
	dns_tsig_put(wire, ldns_rdf_size(algorithm) + 6 + 2 + 2 + ret_mac->len + 2 + 2 + 2, 2);
	put_rdf(wire, algorithm);
	dns_tsig_put(wire, (uint64_t)now, 6);
	dns_tsig_put(wire, TSIG_FUDGE_SEC, 2);
	dns_tsig_put(wire, ret_mac->len, 2);
	buf_add(wire, ret_mac->data, ret_mac->len);
	dns_tsig_put(wire, id, 2);
	dns_tsig_put(wire, 0, 2 + 2);
	adjust_arcount(wire->data, +1);
	return 0;
}

/*
 * The TSIG record, which must be the last of the additional section.
 * Return: 1 and the record (owned by the caller) and where it starts; 0 there is none; -1 not a message.
 */
static int
find_tsig(const uint8_t *wire, size_t len, ldns_rr **ret, size_t *ret_start, struct error *err)
{
	if (len < HEADER_LEN)
		return error_set(err, ERROR_DNS, "the answer is shorter than a DNS header");
	unsigned questions = get16(wire + 4);
	unsigned total = questions + get16(wire + 6) + get16(wire + 8) + get16(wire + 10);
	size_t pos = HEADER_LEN;
	for (unsigned i = 0; i < total; i++) {
		_cleanup_(rr_free) ldns_rr *rr = NULL;
		size_t start = pos;
		ldns_pkt_section section = i < questions ? LDNS_SECTION_QUESTION : LDNS_SECTION_ADDITIONAL;
		ldns_status status = ldns_wire2rr(&rr, wire, len, &pos, section);

		if (status != LDNS_STATUS_OK)
			return error_set(
				err, ERROR_DNS, "the answer is not a DNS message: %s", ldns_get_errorstr_by_id(status));
		if (i < questions || ldns_rr_get_type(rr) != LDNS_RR_TYPE_TSIG)
			continue;
		if (i + 1 != total || get16(wire + 10) == 0 || ldns_rr_rd_count(rr) != 7 ||
			ldns_rr_get_class(rr) != LDNS_RR_CLASS_ANY || ldns_rr_ttl(rr) != 0)
			return error_set(err, ERROR_DNS, "the answer's TSIG record is malformed");
		*ret = rr;
		*ret_start = start;
		rr = NULL;
		return 1;
	}
	return 0;
}

/* Rdata fields of a TSIG record in ldns's order. */
enum { RD_ALGORITHM, RD_TIME, RD_FUDGE, RD_MAC, RD_ORIGINAL_ID, RD_ERROR, RD_OTHER };

static const uint8_t *
rdata(const ldns_rr *rr, size_t field)
{
	return ldns_rdf_data(ldns_rr_rdf(rr, field));
}

/* Is it the same name as the canonical @b? Converts @a to lower case. */
static bool
same_name(ldns_rdf *a, const ldns_rdf *b)
{
	ldns_dname2canonical(a);
	return ldns_rdf_compare(a, b) == 0;
}

static int
dns_tsig_check_mac(const uint8_t *wire, size_t start, const ldns_rr *rr, const struct dns_tsig_key *key,
	const struct dns_tsig_mac *request, int64_t now, struct error *err)
{
	_cleanup_(dns_tsig_rdf_free) ldns_rdf *name = dns_tsig_canonical_name(key->name);
	_cleanup_(dns_tsig_rdf_free) ldns_rdf *algorithm = dns_tsig_canonical_name(algorithm_name(key));

	if (!name || !algorithm || !same_name(ldns_rr_owner(rr), name) ||
		!same_name(ldns_rr_rdf(rr, RD_ALGORITHM), algorithm))
		return error_set(err, ERROR_DNS, "the answer is signed with another TSIG key than '%s' (%s)", key->name,
			algorithm_name(key));

	_cleanup_buf_ struct buf message = BUF_INIT;
	buf_add(&message, wire, start);
	memcpy(message.data, rdata(rr, RD_ORIGINAL_ID), 2);
	adjust_arcount(message.data, -1);
	struct variables v = { name, algorithm, get48(rdata(rr, RD_TIME)), get16(rdata(rr, RD_FUDGE)),
		get16(rdata(rr, RD_ERROR)), rdata(rr, RD_OTHER), ldns_rdf_size(ldns_rr_rdf(rr, RD_OTHER)) };
	struct dns_tsig_mac mac;
	if (compute_mac(key, &v, request, message.data, message.len, &mac, err) < 0)
		return -1;
	/* RFC 8945 s5.2.2.1 allows truncated MACs, but no server sends them unasked: refused. */
	if (get16(rdata(rr, RD_MAC)) != mac.len || CRYPTO_memcmp(rdata(rr, RD_MAC) + 2, mac.data, mac.len) != 0)
		return error_set(err, ERROR_DNS, "the answer's TSIG signature is not valid; the answer is ignored");
	int64_t off = now > v.signed_at ? now - v.signed_at : v.signed_at - now;
	if (off > v.fudge_sec && v.error != DNS_TSIG_BADTIME)
		return error_set(err, ERROR_DNS,
			"the answer's TSIG time differs by %lld s from certd's clock; the answer is ignored",
			(long long)off);
	return 0;
}

int
dns_tsig_verify(const uint8_t *wire, size_t len, const struct dns_tsig_key *key, const struct dns_tsig_mac *request,
	int64_t now, struct dns_tsig_result *ret, struct error *err)
{
	_cleanup_(rr_free) ldns_rr *rr = NULL;
	size_t start = 0;

	*ret = (struct dns_tsig_result){ .error = 0 };
	int found = find_tsig(wire, len, &rr, &start, err);
	if (found <= 0)
		return found;

	ret->error = get16(rdata(rr, RD_ERROR));
	bool has_mac = get16(rdata(rr, RD_MAC)) > 0;
	if (!has_mac && (ret->error == DNS_TSIG_BADSIG || ret->error == DNS_TSIG_BADKEY))
		return 2;
	if (dns_tsig_check_mac(wire, start, rr, key, request, now, err) < 0)
		return -1;
	if (ret->error == DNS_TSIG_BADTIME && get16(rdata(rr, RD_OTHER)) == 6)
		ret->server_at = get48(rdata(rr, RD_OTHER) + 2);
	return 1;
}
