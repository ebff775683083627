#include "tests/unit/challenge/dns_daemon.h"

#include "tests/support/process.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECRET "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

enum { START_MS = 120000, POLL_MS = 10 };

static const char zone_head[] = "$TTL 60\n"
				"@ SOA ns hostmaster 1 3600 600 86400 60\n"
				"@ NS ns\n"
				"ns A 127.0.0.1\n";
static const char zone_aliases[] = "_acme-challenge.alias CNAME alias.delegated.test.\n"
				   "_acme-challenge.circle CNAME circle\n"
				   "circle CNAME _acme-challenge.circle\n"
				   "*.wild CNAME lb.delegated.test.\n";

static void
start_knot(struct dns_daemon *d)
{
	_cleanup_free_ char *conf = xasprintf("%s/knot.conf", d->dir);

	scratch_write(d->dir, "knot.conf",
		"server:\n    rundir: %s\n    listen: 127.0.0.1@%d\n    udp-workers: 1\n    tcp-workers: 1\n"
		"    background-workers: 1\n"
		"database:\n    storage: %s\n    journal-db-max-size: 16M\n"
		"key:\n  - id: certd-key\n    algorithm: hmac-sha256\n    secret: " SECRET "\n"
		"acl:\n  - id: upd\n    key: certd-key\n    action: update\n    update-type: TXT\n"
		"template:\n  - id: default\n    storage: %s\n    acl: upd\n    zonefile-sync: -1\n"
		"    zonefile-load: difference\n    journal-content: all\n"
		"zone:\n  - domain: example.test\n  - domain: delegated.test\n",
		d->dir, d->port, d->dir, d->dir);
	d->pid = process_start(d->dir, (const char *const[]){ "knotd", "-c", conf, NULL });
}

static void
start_bind(struct dns_daemon *d)
{
	_cleanup_free_ char *conf = xasprintf("%s/named.conf", d->dir);

	scratch_write(d->dir, "named.conf",
		"options { directory \"%s\"; pid-file \"%s/pid\"; session-keyfile \"%s/session.key\"; "
		"listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; "
		"dnssec-validation no; empty-zones-enable no; };\n"
		"controls { };\n"
		"key \"certd-key\" { algorithm hmac-sha256; secret \"" SECRET "\"; };\n"
		"zone \"example.test\" { type primary; file \"example.test.zone\"; "
		"update-policy { grant certd-key zonesub TXT; }; };\n"
		"zone \"delegated.test\" { type primary; file \"delegated.test.zone\"; "
		"update-policy { grant certd-key zonesub TXT; }; };\n",
		d->dir, d->dir, d->dir, d->port);
	d->pid = process_start(d->dir, (const char *const[]){ "named", "-g", "-n", "1", "-c", conf, NULL });
}

/* Does it answer for delegated.test, which it loads last? Before, it listens but says SERVFAIL. */
static bool
is_ready(int port)
{
	static const unsigned char soa[] = "\x12\x34\0\0\0\1\0\0\0\0\0\0\x09"
					   "delegated\4test\0\0\6\0\1";
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	struct timeval wait = { .tv_usec = 50000 };
	unsigned char answer[512] = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	connect(fd, (struct sockaddr *)&address, sizeof(address));
	send(fd, soa, sizeof(soa) - 1, MSG_NOSIGNAL);
	recv(fd, answer, sizeof(answer), 0);
	close(fd);
	return answer[0] == 0x12 && (answer[3] & 15) == 0 && answer[7] == 1;
}

void
dns_daemon_start(struct dns_daemon *d, enum dns_daemon_kind kind)
{
	d->dir = scratch_new();
	d->port = free_port();
	snprintf(d->server, sizeof(d->server), "127.0.0.1:%d", d->port);
	scratch_write(d->dir, "example.test.zone", "%s%s", zone_head, zone_aliases);
	scratch_write(d->dir, "delegated.test.zone", "%s", zone_head);
	if (kind == DNS_DAEMON_KNOT)
		start_knot(d);
	else
		start_bind(d);
	process_wait_port(d->pid, d->port);
	for (int ms = 0; ms < START_MS && !is_ready(d->port); ms += POLL_MS)
		nanosleep(&(struct timespec){ .tv_nsec = POLL_MS * 1000000 }, NULL);
}

void
dns_daemon_stop(struct dns_daemon *d)
{
	process_stop(&d->pid);
	scratch_remove(&d->dir);
}
