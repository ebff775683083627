/* common/address.h: Internet addresses and ports, from the notation of settings to socket addresses. */
#ifndef COMMON_ADDRESS_H
#define COMMON_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un local; /* set by parsers that also accept paths */
	};
	socklen_t len;
};

/* Only decimal digits, 1 to 65535. Return: true and *ret, or false. */
bool
address_parse_port(const char *text, uint16_t *ret);

/*
 * address_parse() - "192.0.2.1:80" or "[2001:db8::1]:80"; neither names nor port 0
 * Return: true and *ret, or false.
 */
bool
address_parse(const char *text, struct address *ret);

enum { ADDRESS_CLIENT_SIZE = INET6_ADDRSTRLEN + 4 };

/*
 * address_client() - the unit that limits count: "192.0.2.1", or "2001:db8::/64"
 * One host may use all addresses of an IPv6 /64 (RFC 4291 s2.5.4).
 * @address: IPv4 or IPv6
 */
void
address_client(const struct address *address, char ret[ADDRESS_CLIENT_SIZE]);

/* address_network() - a range that a single peer may control: "192.0.2.0/24", or "2001:db8::/48" */
void
address_network(const struct address *address, char ret[ADDRESS_CLIENT_SIZE]);

/* 127.0.0.0/8 or ::1. */
bool
address_is_loopback(const struct address *address);

#endif
