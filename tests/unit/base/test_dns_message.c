#include "common/crypto/secret.h"
#include "common/error.h"
#include "daemon/base/dns_message.h"
#include "daemon/base/dns_tsig.h"

#include <criterion/criterion.h>
#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

static unsigned char key_octets[32];
static const struct secret key_secret = { key_octets, sizeof(key_octets) };

static void
fill_key(void)
{
	for (size_t i = 0; i < sizeof(key_octets); i++)
		key_octets[i] = (unsigned char)i;
}

static const struct dns_update vector_update = {
	.zone = "example.test",
	.name = "_acme-challenge.example.test",
	.value = "abc123",
	.ttl = 60,
	.tsig_name = "certd-key",
	.tsig_algorithm = "hmac-sha256",
	.tsig_key = &key_secret,
};
enum { VECTOR_TIME = 1700000000 };

static char *
hex(const void *data, size_t len)
{
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < len; i++)
		buf_printf(&b, "%02x", ((const unsigned char *)data)[i]);
	return buf_steal(&b);
}

/* An answer with the given records: "A:" answer section, "N:" authority section. */
static void
make_answer(struct buf *wire, int rcode, bool aa, const char *const *records)
{
	ldns_pkt *pkt = ldns_pkt_query_new(
		ldns_dname_new_frm_str("www.example.test"), LDNS_RR_TYPE_A, LDNS_RR_CLASS_IN, 0);
	ldns_pkt_set_qr(pkt, true);
	ldns_pkt_set_aa(pkt, aa);
	ldns_pkt_set_rcode(pkt, (uint8_t)rcode);
	for (; *records; records++) {
		ldns_rr *rr = NULL;
		cr_assert_eq(ldns_rr_new_frm_str(&rr, *records + 2, 60, NULL, NULL), LDNS_STATUS_OK, "%s", *records);
		ldns_pkt_push_rr(pkt, **records == 'A' ? LDNS_SECTION_ANSWER : LDNS_SECTION_AUTHORITY, rr);
	}
	uint8_t *data = NULL;
	size_t len = 0;
	cr_assert_eq(ldns_pkt2wire(&data, pkt, &len), LDNS_STATUS_OK);
	buf_reset(wire);
	buf_add(wire, data, len);
	free(data);
	ldns_pkt_free(pkt);
}

Test(dns_message, an_answer_says_only_what_belongs_to_the_asked_name)
{
	static const struct {
		const char *why, *name;
		enum dns_type type;
		const char *records[6];
		const char *values, *cname, *zone;
	} cases[] = {
		{ "address", "www.example.test", DNS_A, { "A:www.example.test. 60 A 192.0.2.1" },
			.values = "192.0.2.1" },
		{ "case and final dot do not matter", "WWW.example.TEST.", DNS_AAAA,
			{ "A:www.Example.test. 60 AAAA 2001:db8::1" }, .values = "2001:db8::1" },
		{ "other owner", "www.example.test", DNS_A, { "A:evil.example.test. 60 A 192.0.2.1" }, .values = "" },
		{ "other type", "www.example.test", DNS_TXT, { "A:www.example.test. 60 A 192.0.2.1" }, .values = "" },
		{ "TXT strings are joined, values kept apart", "t.example.test", DNS_TXT,
			{ "A:t.example.test. 60 TXT \"ab\" \"cd\"", "A:t.example.test. 60 TXT \"e f\"" },
			.values = "abcd|e f" },
		{ "TXT with a NUL is not text", "t.example.test", DNS_TXT,
			{ "A:t.example.test. 60 TXT \"a\\000b\"", "A:t.example.test. 60 TXT \"ok\"" }, .values = "ok" },
		{ "aliases are followed to the end", "a.example.test", DNS_TXT,
			{ "A:a.example.test. 60 CNAME b.example.test.", "A:b.example.test. 60 CNAME C.example.test.",
				"A:c.example.test. 60 TXT \"v\"" },
			.values = "v", .cname = "c.example.test" },
		{ "an alias of another name is not ours", "a.example.test", DNS_A,
			{ "A:x.example.test. 60 CNAME b.example.test.", "A:b.example.test. 60 A 192.0.2.1" },
			.values = "" },
		{ "an alias loop ends", "a.example.test", DNS_A,
			{ "A:a.example.test. 60 CNAME b.example.test.", "A:b.example.test. 60 CNAME a.example.test." },
			.values = "", .cname = "a.example.test" },
		{ "the alias itself", "a.example.test", DNS_CNAME, { "A:a.example.test. 60 CNAME B.example.test." },
			.values = "b.example.test", .cname = "b.example.test" },
		{ "name servers", "example.test", DNS_NS,
			{ "A:example.test. 60 NS ns1.example.test.", "A:example.test. 60 NS NS2.example.test." },
			.values = "ns1.example.test|ns2.example.test" },
		{ "SOA asked for", "example.test", DNS_SOA,
			{ "A:example.test. 60 SOA ns1.example.test. h.example.test. 1 2 3 4 5" },
			.values = "ns1.example.test", .cname = NULL, .zone = "example.test" },
		{ "SOA of the zone in the authority section", "no.example.test", DNS_SOA,
			{ "N:Example.test. 60 SOA ns1.example.test. h.example.test. 1 2 3 4 5" }, .values = "",
			.cname = NULL, .zone = "example.test" },
		{ "CAA", "example.test", DNS_CAA, { "A:example.test. 60 CAA 128 issue \"ca.test; x=y\"" },
			.values = "128 issue ca.test; x=y" },
		{ "TLSA", "_25._tcp.example.test", DNS_TLSA,
			{ "A:_25._tcp.example.test. 60 TLSA 3 1 1 "
			  "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff",
				"A:_25._tcp.example.test. 600 TLSA 2 0 2 ABCD" },
			.values = "3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff|2 0 2 abcd" },
		{ "signatures", "example.test", DNS_RRSIG,
			{ "A:example.test. 60 RRSIG SOA 13 2 60 20260102000000 20260101000000 7 example.test. "
			  "AAAA",
				"A:example.test. 60 RRSIG NS 13 2 60 20380119031408 19700101000000 7 example.test. "
				"AAAA" },
			.values = "6 1767312000 1767225600|2 2147483648 0" },
		{ "DS", "example.test", DNS_DS, { "A:example.test. 60 DS 77 13 2 00112233" }, .values = "77" },
		{ "DNSKEY", "example.test", DNS_DNSKEY, { "A:example.test. 60 DNSKEY 257 3 13 AAAA" },
			.values = "257" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf wire = BUF_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_(dns_answer_clear) struct dns_answer answer;
		make_answer(&wire, 0, false, cases[i].records);
		cr_assert_eq(dns_message_parse(wire.data, wire.len, cases[i].name, cases[i].type, &answer, &err), 0);
		_cleanup_free_ char *values = strlist_join(&answer.values, "|");
		cr_expect_str_eq(values ? values : "", cases[i].values, "%s: %s", cases[i].why, values);
		cr_expect_str_eq(
			answer.cname ? answer.cname : "", cases[i].cname ? cases[i].cname : "", "%s", cases[i].why);
		cr_expect_str_eq(
			answer.soa_zone ? answer.soa_zone : "", cases[i].zone ? cases[i].zone : "", "%s", cases[i].why);
	}
}

Test(dns_message, rcode_and_authority_are_told)
{
	static const char *const none[] = { NULL };
	_cleanup_buf_ struct buf wire = BUF_INIT;
	_cleanup_(dns_answer_clear) struct dns_answer answer;
	make_answer(&wire, 3, true, none);
	cr_assert_eq(dns_message_parse(wire.data, wire.len, "www.example.test", DNS_A, &answer, NULL), 0);
	cr_expect_eq(answer.rcode, 3);
	cr_expect(answer.is_authoritative);
	cr_expect_str_eq(dns_rcode_name(3), "NXDOMAIN");
	cr_expect_str_eq(dns_rcode_name(0), "NOERROR");
	cr_expect_str_eq(dns_rcode_name(10), "NOTZONE");
	cr_expect_str_eq(dns_rcode_name(11), "unknown RCODE");
	cr_expect_str_eq(dns_rcode_name(-1), "unknown RCODE");
	cr_expect_str_eq(dns_rcode_name(4711), "unknown RCODE");
}

Test(dns_message, a_truncated_answer_is_an_error_at_every_length)
{
	static const char *const records[] = { "A:www.example.test. 60 CNAME b.example.test.",
		"A:b.example.test. 60 TXT \"v\"", "N:example.test. 60 SOA ns1.example.test. h.example.test. 1 2 3 4 5",
		NULL };
	_cleanup_buf_ struct buf wire = BUF_INIT;
	make_answer(&wire, 0, false, records);
	for (size_t len = 0; len < wire.len; len++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_(dns_answer_clear) struct dns_answer answer;
		_cleanup_free_ char *copy = xmemdup(wire.data, len); /* exact, so that a sanitizer sees overreads */
		cr_expect_eq(dns_message_parse(copy, len, "www.example.test", DNS_TXT, &answer, &err), -1, "%zu", len);
		cr_expect_eq(err.code, ERROR_DNS);
	}
}

Test(dns_message, a_question_is_no_answer)
{
	_cleanup_buf_ struct buf wire = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_(dns_answer_clear) struct dns_answer answer;
	cr_assert_eq(dns_message_question(7, "www.example.test", DNS_A, DNS_MESSAGE_RECURSIVE, &wire, &err), 0);
	cr_expect_eq(dns_message_parse(wire.data, wire.len, "www.example.test", DNS_A, &answer, &err), -1);
}

Test(dns_message, questions_have_the_asked_flags_and_bad_names_are_refused)
{
	_cleanup_buf_ struct buf wire = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	cr_assert_eq(dns_message_question(0x1234, "a.test", DNS_TXT, DNS_MESSAGE_RECURSIVE, &wire, &err), 0);
	_cleanup_free_ char *recursive = hex(wire.data, wire.len);
	cr_expect_str_eq(recursive, "123401000001000000000000"
				    "0161047465737400"
				    "00100001");
	buf_reset(&wire);
	cr_assert_eq(dns_message_question(0x1234, "a.test", DNS_TXT, 0, &wire, &err), 0);
	_cleanup_free_ char *direct = hex(wire.data, wire.len);
	cr_expect_str_eq(direct, "123400000001000000000000"
				 "0161047465737400"
				 "00100001");

	static const char *const bad[] = { "a..b",
		"a123456789012345678901234567890123456789012345678901234567890123.test" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cr_expect_eq(
			dns_message_question(1, bad[i], DNS_A, DNS_MESSAGE_RECURSIVE, &wire, &err), -1, "%s", bad[i]);
		cr_expect_eq(err.code, ERROR_INVALID);
	}
}

/* Values computed with an independent implementation, and accepted by Knot and BIND. */
Test(dns_tsig, the_test_vector_comes_out_octet_by_octet)
{
	_cleanup_buf_ struct buf wire = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct dns_tsig_mac mac;
	fill_key();
	cr_assert_eq(dns_message_update(0x1234, &vector_update, VECTOR_TIME, &wire, &mac, &err), 0, "%s", err.message);
	_cleanup_free_ char *mac_hex = hex(mac.data, mac.len);
	cr_expect_str_eq(mac_hex, "3b059491f286087b123c68fe7ca6546232eabe600abe2272243940af6ab39697");
	_cleanup_free_ char *wire_hex = hex(wire.data, wire.len);
	cr_expect_str_eq(wire_hex,
		"123428000001000000010001076578616d706c65047465737400000600010f5f61636d652d6368616c6c656e6765"
		"c00c"
		"001000010000003c000706616263313233"
		"0963657274642d6b65790000fa00ff00000000003d0b686d61632d7368613235360000006553f100012c0020"
		"3b059491f286087b123c68fe7ca6546232eabe600abe2272243940af6ab39697123400000000");
}

Test(dns_tsig, an_unsigned_update_carries_the_right_class_ttl_and_string_lengths)
{
	_cleanup_buf_ struct buf wire = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct dns_tsig_mac mac;
	struct dns_update update = vector_update;
	update.tsig_name = NULL;
	update.is_removal = true;
	cr_assert_eq(dns_message_update(0x1234, &update, VECTOR_TIME, &wire, &mac, &err), 0);
	_cleanup_free_ char *wire_hex = hex(wire.data, wire.len);
	cr_expect_str_eq(wire_hex, "123428000001000000010000076578616d706c65047465737400000600010f5f61636d652"
				   "d6368616c6c656e6765c00c"
				   "001000fe00000000000706616263313233");
	cr_expect_eq(mac.len, 0);

	char value[301] = "";
	memset(value, 'x', 300);
	update.value = value;
	cr_assert_eq(dns_message_update(0x1234, &update, VECTOR_TIME, &wire, &mac, &err), 0);
	cr_expect_eq((unsigned char)wire.data[wire.len - 302], 255);
	cr_expect_eq((unsigned char)wire.data[wire.len - 46], 45);
}

/* Sections of the answer that have a record as well: a bit for each. */
static unsigned filled_sections;

/* What a server would answer: the zone section, signed over the request's MAC. */
static void
make_signed_answer(struct buf *ret, int rcode, const struct dns_update *update, int64_t now,
	const struct dns_tsig_mac *request, int tsig_error)
{
	ldns_pkt *pkt = ldns_pkt_query_new(ldns_dname_new_frm_str(update->zone), LDNS_RR_TYPE_SOA, LDNS_RR_CLASS_IN, 0);
	ldns_pkt_set_id(pkt, 0x1234);
	ldns_pkt_set_opcode(pkt, LDNS_PACKET_UPDATE);
	ldns_pkt_set_qr(pkt, true);
	ldns_pkt_set_rcode(pkt, (uint8_t)rcode);
	for (unsigned section = LDNS_SECTION_ANSWER; section <= LDNS_SECTION_ADDITIONAL; section++) {
		ldns_rr *rr = NULL;
		if (!(filled_sections & 1U << section))
			continue;
		cr_assert_eq(ldns_rr_new_frm_str(&rr, "ns1.test. 60 IN A 192.0.2.1", 0, NULL, NULL), LDNS_STATUS_OK);
		cr_assert(ldns_pkt_push_rr(pkt, (ldns_pkt_section)section, rr));
	}
	/* ldns signs here: the two implementations check each other. It takes the clock's time. */
	ldns_rdf *mac = NULL;
	struct buf b64 = BUF_INIT, prefixed = BUF_INIT;
	buf_add_str(&b64, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
	buf_add_char(&prefixed, (char)(request->len >> 8));
	buf_add_char(&prefixed, (char)request->len);
	buf_add(&prefixed, request->data, request->len);
	mac = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_INT16_DATA, prefixed.len, prefixed.data);
	if (tsig_error < 0)
		cr_assert_eq(
			ldns_pkt_tsig_sign(pkt, update->tsig_name, b64.data, 300, "hmac-sha256.", mac), LDNS_STATUS_OK);
	uint8_t *data = NULL;
	size_t len = 0;
	cr_assert_eq(ldns_pkt2wire(&data, pkt, &len), LDNS_STATUS_OK);
	buf_reset(ret);
	buf_add(ret, data, len);
	if (tsig_error >= 0) { /* an unsigned error record (RFC 8945 s5.3.2) */
		static const char record[] = "\011certd-key\0\0\xfa\0\xff\0\0\0\0\0\x1d\013hmac-sha256\0"
					     "\0\0\0\0\0\0\x01\x2c\0\0\x12\x34\0";
		buf_add(ret, record, sizeof(record) - 1);
		buf_add_char(ret, (char)tsig_error);
		buf_add(ret, "\0", 2);
		ret->data[11] = 1;
	}
	free(data);
	ldns_rdf_deep_free(mac);
	ldns_pkt_free(pkt);
	buf_clear(&b64);
	buf_clear(&prefixed);
	(void)now;
}

Test(dns_tsig, answers_are_believed_only_with_a_valid_signature_over_the_request)
{
	_cleanup_buf_ struct buf request = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct dns_tsig_mac mac, other_mac = { .len = 32 };
	int64_t now = time(NULL);
	int rcode;
	fill_key();
	cr_assert_eq(dns_message_update(0x1234, &vector_update, now, &request, &mac, &err), 0);

	_cleanup_buf_ struct buf answer = BUF_INIT;
	make_signed_answer(&answer, 0, &vector_update, now, &mac, -1);
	cr_expect_eq(dns_message_update_answer(answer.data, answer.len, &vector_update, &mac, now, &rcode, &err), 0,
		"%s", err.message);
	cr_expect_eq(rcode, 0);
	cr_expect_eq(dns_message_update_answer(answer.data, answer.len, &vector_update, &other_mac, now, &rcode, &err),
		-1, "the answer to another request");
	cr_expect_eq(dns_message_update_answer(answer.data, answer.len, &vector_update, &mac, now + 400, &rcode, &err),
		-1, "an old answer");

	for (size_t i = 0; i < answer.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			answer.data[i] ^= (char)(1 << bit);
			int r = dns_message_update_answer(
				answer.data, answer.len, &vector_update, &mac, now, &rcode, &err);
			/* The ID on the wire is c-ares's business; names are compared without case. */
			bool case_only = bit == 5 && (answer.data[i] & 0x5f) >= 'A' && (answer.data[i] & 0x5f) <= 'Z';
			if (i >= 2 && !case_only)
				cr_expect_eq(r, -1, "octet %zu bit %d changed and still believed", i, bit);
			answer.data[i] ^= (char)(1 << bit);
		}
	for (size_t len = 0; len < answer.len; len++) {
		_cleanup_free_ char *copy = xmemdup(answer.data, len);
		cr_expect_eq(dns_message_update_answer(copy, len, &vector_update, &mac, now, &rcode, &err), -1);
	}
}

Test(dns_tsig, the_signature_is_found_behind_records_in_any_section)
{
	_cleanup_buf_ struct buf request = BUF_INIT, answer = BUF_INIT;
	struct dns_tsig_mac mac;
	int64_t now = time(NULL);
	fill_key();
	cr_assert_eq(dns_message_update(0x1234, &vector_update, now, &request, &mac, NULL), 0);
	for (filled_sections = 0; filled_sections < 16; filled_sections += 2) {
		_cleanup_error_ struct error err = ERROR_INIT;
		int rcode = -1;
		make_signed_answer(&answer, 0, &vector_update, now, &mac, -1);
		cr_expect_eq(
			dns_message_update_answer(answer.data, answer.len, &vector_update, &mac, now, &rcode, &err), 0,
			"sections %u: %s", filled_sections, err.message);
		cr_expect_eq(rcode, 0);
	}
}

Test(dns_tsig, refusals_say_what_to_check)
{
	static const struct {
		int rcode, tsig_error; /* -1: signed; -2: no TSIG record */
		const char *text;
	} cases[] = {
		{ 9, 16, "NOTAUTH, BADSIG: the secret of TSIG key 'certd-key' differs" },
		{ 9, 17, "NOTAUTH, BADKEY: the server does not know TSIG key 'certd-key'" },
		{ 9, 18, "not valid" }, /* unsigned BADTIME: anyone could have sent it */
		{ 0, 16, "BADSIG" },    /* never a success */
		{ 5, -1, "REFUSED: the server's policy does not let TSIG key 'certd-key' change" },
		{ 9, -1, "NOTAUTH: the server is not the primary of zone 'example.test'" },
		{ 10, -1, "NOTZONE: '_acme-challenge.example.test' is not in zone 'example.test'" },
		{ 4, -2, "NOTIMP: the server does not support dynamic updates" },
		{ 2, -2, "SERVFAIL: the server could not store the update" },
		{ 0, -2, "the answer is not signed with TSIG key 'certd-key' and is ignored" },
	};
	int64_t now = time(NULL);
	fill_key();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf request = BUF_INIT, answer = BUF_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;
		struct dns_tsig_mac mac;
		int rcode = -2;
		cr_assert_eq(dns_message_update(0x1234, &vector_update, now, &request, &mac, &err), 0);
		make_signed_answer(&answer, cases[i].rcode, &vector_update, now, &mac,
			cases[i].tsig_error == -2 ? 0 : cases[i].tsig_error);
		if (cases[i].tsig_error == -2) {
			answer.len -= 11 + 10 + 29;
			answer.data[11] = 0;
		}
		cr_expect_eq(
			dns_message_update_answer(answer.data, answer.len, &vector_update, &mac, now, &rcode, &err),
			-1);
		cr_expect_eq(rcode, cases[i].rcode);
		cr_expect_eq(err.code, ERROR_DNS);
		cr_expect(strstr(err.message, cases[i].text), "%s: %s", cases[i].text, err.message);
	}
}

Test(dns_tsig, what_cannot_be_sent_is_refused_before_it_is_sent)
{
	static const struct secret empty = { NULL, 0 };
	struct dns_update bad[5];
	static const char *const text[] = { "not in zone", "'a..b' is not a domain name",
		"algorithm 'hmac-md4' is not supported", "secret of TSIG key 'certd-key' is empty",
		"TSIG key name 'k..' is not a domain name" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = vector_update;
	bad[0].zone = "xample.test";
	bad[1].zone = "a..b";
	bad[2].tsig_algorithm = "hmac-md4";
	bad[3].tsig_key = &empty;
	bad[4].tsig_name = "k..";
	fill_key();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_buf_ struct buf wire = BUF_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;
		struct dns_tsig_mac mac;
		cr_expect_eq(dns_message_update(1, &bad[i], 0, &wire, &mac, &err), -1);
		cr_expect_eq(err.code, ERROR_INVALID);
		cr_expect(err.message && strstr(err.message, text[i]), "%s: %s", text[i], err.message);
	}
}
