/*
 * daemon/base/dns_message.h: DNS messages as octets (RFC 1035, RFC 2136). Pure: no socket and no clock. The only module
 * that uses ldns; daemon/base/dns sends the messages.
 */
#ifndef DAEMON_BASE_DNS_MESSAGE_H
#define DAEMON_BASE_DNS_MESSAGE_H

#include "daemon/base/dns.h"

#include "common/buf.h"

/* What the TSIG (RFC 8945) of an answer is verified against: the MAC of the request. */
struct dns_tsig_mac {
	uint8_t data[64];
	size_t len; /* 0: the request was not signed */
};

/* RD and CD of a query. */
enum dns_message_flag { DNS_MESSAGE_RECURSIVE = 1, DNS_MESSAGE_UNVALIDATED = 2 };

/* Appends one query to @ret. @flags: enum dns_message_flag. -1: ERROR_INVALID, @name is not a domain name. */
int
dns_message_question(
	uint16_t id, const char *name, enum dns_type type, unsigned flags, struct buf *ret, struct error *err);

/*
 * dns_message_parse() - parse an untrusted answer to the query (@name, @type)
 * Aliases are followed inside the answer section; records of other names and types are ignored. TXT strings with a NUL
 * are dropped, because they cannot be ours.
 * @ret: overwritten; owned by the caller, dns_answer_clear(). Return: 0, or -1 with ERROR_DNS.
 */
int
dns_message_parse(
	const void *wire, size_t len, const char *name, enum dns_type type, struct dns_answer *ret, struct error *err);

/*
 * dns_message_update() - make one RFC 2136 update, signed when it has a TSIG key (fudge 300 s)
 * @now: UNIX seconds, the time signed
 * @ret: overwritten. @ret_mac: for dns_message_update_answer().
 * Return: 0, or -1 with ERROR_INVALID that names the fault (zone, name, key name, algorithm, empty secret).
 */
int
dns_message_update(uint16_t id, const struct dns_update *update, int64_t now, struct buf *ret,
	struct dns_tsig_mac *ret_mac, struct error *err);

/*
 * dns_message_update_answer() - check the untrusted answer to an update
 * With a TSIG key the answer must have a valid signature over the request's @mac, except for the unsigned errors BADSIG
 * and BADKEY (RFC 8945 s5.2). The text of @err contains the RCODE, the TSIG error and what to check.
 * @ret_rcode: of the header, always set (-1: the answer cannot be parsed)
 * Return: 0 success; -1 with ERROR_DNS.
 */
int
dns_message_update_answer(const void *wire, size_t len, const struct dns_update *update, const struct dns_tsig_mac *mac,
	int64_t now, int *ret_rcode, struct error *err);

#endif
