/* tests/unit/challenge/dns_daemon.h: a real name server on a free port of 127.0.0.1, ended with the test. */
#ifndef TESTS_UNIT_CHALLENGE_DNS_DAEMON_H
#define TESTS_UNIT_CHALLENGE_DNS_DAEMON_H

#include <sys/types.h>

enum dns_daemon_kind { DNS_DAEMON_KNOT, DNS_DAEMON_BIND };

struct dns_daemon {
	char *dir;
	pid_t pid;
	int port;
	char server[32]; /* "127.0.0.1:PORT" */
};

/*
 * Serves example.test and delegated.test; both take TXT updates signed with TSIG key "certd-key", hmac-sha256,
 * octets 00..1f. Aliases: _acme-challenge.alias.example.test is alias.delegated.test; _acme-challenge.circle leads
 * in a circle; *.wild.example.test is lb.delegated.test.
 */
void
dns_daemon_start(struct dns_daemon *d, enum dns_daemon_kind kind);

void
dns_daemon_stop(struct dns_daemon *d);

#endif
