/*
 * daemon/base/dns_tsig.h: signatures on DNS messages with a shared secret (TSIG, RFC 8945). Pure; the time is an
 * argument.
 */
#ifndef DAEMON_BASE_DNS_TSIG_H
#define DAEMON_BASE_DNS_TSIG_H

#include "daemon/base/dns_message.h"

struct dns_tsig_key {
	const char *name;      /* all borrowed */
	const char *algorithm; /* "hmac-sha256" and so on; NULL is hmac-sha256 */
	const struct secret *secret;
};

enum { DNS_TSIG_BADSIG = 16, DNS_TSIG_BADKEY = 17, DNS_TSIG_BADTIME = 18, DNS_TSIG_BADTRUNC = 22 };

/* Appends the TSIG record to the message in @wire. Return: 0, or -1 with ERROR_INVALID. */
int
dns_tsig_sign(
	struct buf *wire, const struct dns_tsig_key *key, int64_t now, struct dns_tsig_mac *ret_mac, struct error *err);

struct dns_tsig_result {
	int error;         /* TSIG error field, 0 or DNS_TSIG_* */
	int64_t server_at; /* BADTIME: the server's time, UNIX seconds; else 0 */
};

/*
 * Verifies the answer to a request that carried @request.
 * Return: 0 there is no TSIG record; 1 signed and valid; 2 an unsigned BADSIG or BADKEY; -1 ERROR_DNS: not valid.
 */
int
dns_tsig_verify(const uint8_t *wire, size_t len, const struct dns_tsig_key *key, const struct dns_tsig_mac *request,
	int64_t now, struct dns_tsig_result *ret, struct error *err);

#endif
