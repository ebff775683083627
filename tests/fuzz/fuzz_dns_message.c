/*
 * tests/fuzz/fuzz_dns_message.c: answers of DNS servers. The first octet selects the parser for the rest: as the answer
 * to a query of one of the types, or as the answer to a signed update.
 */
#include "common/crypto/secret.h"
#include "common/error.h"
#include "daemon/base/dns_message.h"

#include <stddef.h>
#include <stdint.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fuzz_update(const uint8_t *data, size_t size)
{
	static unsigned char octets[32];
	const struct secret secret = { octets, sizeof(octets) };
	const struct dns_update update = { .zone = "example.test",
		.name = "_acme-challenge.example.test",
		.value = "v",
		.tsig_name = "certd-key",
		.tsig_key = &secret };
	const struct dns_tsig_mac mac = { .len = 32 };
	_cleanup_error_ struct error err = ERROR_INIT;
	int rcode;
	if (dns_message_update_answer(data, size, &update, &mac, 1700000000, &rcode, &err) == 0)
		__builtin_trap(); /* a MAC cannot be guessed */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { UPDATE = 7 };
	static const enum dns_type types[] = { DNS_A, DNS_NS, DNS_CNAME, DNS_SOA, DNS_TXT, DNS_AAAA,
		DNS_CAA, [UPDATE] = 0, DNS_DS, DNS_RRSIG, DNS_DNSKEY, DNS_TLSA };
	if (size == 0)
		return 0;
	size_t pick = data[0] % ARRAY_SIZE(types);
	data++;
	size--;
	if (pick == UPDATE) {
		fuzz_update(data, size);
		return 0;
	}
	_cleanup_(dns_answer_clear) struct dns_answer answer;
	_cleanup_error_ struct error err = ERROR_INIT;
	if (dns_message_parse(data, size, "www.example.test", types[pick], &answer, &err) < 0 && !err.message)
		__builtin_trap();
	return 0;
}
