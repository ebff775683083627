/*
 * daemon/base/dns_message.h: DNS messages as octets (RFC 1035, RFC 2136): pure, no socket and no clock. The door to
 * ldns; daemon/base/dns sends what is built here.
 */
#ifndef DAEMON_BASE_DNS_MESSAGE_H
#define DAEMON_BASE_DNS_MESSAGE_H

#include "daemon/base/dns.h"

#include "common/buf.h"

/* What a TSIG (RFC 8945) answer is checked against: the MAC that the request carried. */
struct dns_tsig_mac {
	uint8_t data[64];
	size_t len; /* 0: the request was not signed */
};

/* One question, appended to @ret. @recursive: sets RD. -1: ERROR_INVALID, @name is no domain name. */
int
dns_message_question(
	uint16_t id, const char *name, enum dns_type type, bool recursive, struct buf *ret, struct error *err);

/*
 * dns_message_parse() - what an answer to the question (@name, @type) says; octets from outside
 * Aliases are followed inside the answer section; records of other names and types are ignored. TXT strings that
 * hold a NUL are dropped, for they cannot be text of ours.
 * @ret: overwritten; owned by the caller, dns_answer_clear(). Return: 0, or -1 with ERROR_DNS.
 */
int
dns_message_parse(
	const void *wire, size_t len, const char *name, enum dns_type type, struct dns_answer *ret, struct error *err);

/*
 * dns_message_update() - one RFC 2136 update, signed when it has a TSIG key (fudge 300 s)
 * @now: UNIX seconds, the time signed
 * @ret: overwritten. @ret_mac: for dns_message_update_answer().
 * Return: 0, or -1 with ERROR_INVALID that names what is wrong (zone, name, key name, algorithm, empty secret).
 */
int
dns_message_update(uint16_t id, const struct dns_update *update, int64_t now, struct buf *ret,
	struct dns_tsig_mac *ret_mac, struct error *err);

/*
 * dns_message_update_answer() - did the server do it; octets from outside
 * With a TSIG key the answer must carry a valid signature over the request's @mac, but for the unsigned errors
 * BADSIG and BADKEY (RFC 8945 s5.2). The text of @err says RCODE, TSIG error and what to check.
 * @ret_rcode: of the header, set in any case (-1: the answer cannot be read)
 * Return: 0 done; -1 with ERROR_DNS.
 */
int
dns_message_update_answer(const void *wire, size_t len, const struct dns_update *update, const struct dns_tsig_mac *mac,
	int64_t now, int *ret_rcode, struct error *err);

#endif
