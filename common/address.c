/*
 * The port follows the last colon. An IPv6 address contains colons itself and is therefore in brackets (RFC 3986
 * s3.2.2).
 */
#include "common/address.h"

#include "common/alloc.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
address_parse_port(const char *text, uint16_t *ret)
{
	char *end;
	unsigned long port;

	if (*text < '0' || *text > '9')
		return false;
	port = strtoul(text, &end, 10);
	if (*end || port == 0 || port > UINT16_MAX)
		return false;
	*ret = (uint16_t)port;
	return true;
}

bool
address_parse(const char *text, struct address *ret)
{
	_cleanup_free_ char *host = xstrdup(text);
	struct address address = { .len = 0 };
	char *colon = strrchr(host, ':');
	size_t len = colon ? (size_t)(colon - host) : 0;
	uint16_t port;

	if (len == 0 || !address_parse_port(colon + 1, &port))
		return false;
	*colon = '\0';
	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		address.v6.sin6_family = AF_INET6;
		address.v6.sin6_port = htons(port);
		address.len = sizeof(address.v6);
		if (inet_pton(AF_INET6, host + 1, &address.v6.sin6_addr) != 1)
			return false;
	} else {
		address.v4.sin_family = AF_INET;
		address.v4.sin_port = htons(port);
		address.len = sizeof(address.v4);
		if (inet_pton(AF_INET, host, &address.v4.sin_addr) != 1)
			return false;
	}
	*ret = address;
	return true;
}

/*
 * Copies the first @v4_octets or @v6_octets of the address, with the others 0, and returns the prefix length in bits.
 */
static void
address_prefix(const struct address *address, size_t v4_octets, size_t v6_octets, char ret[ADDRESS_CLIENT_SIZE])
{
	bool is_v6 = address->any.sa_family == AF_INET6;
	size_t octets = is_v6 ? v6_octets : v4_octets;
	unsigned char prefix[sizeof(struct in6_addr)] = { 0 };
	char text[INET6_ADDRSTRLEN] = "";

	memcpy(prefix, is_v6 ? (const void *)&address->v6.sin6_addr : (const void *)&address->v4.sin_addr, octets);
	inet_ntop(address->any.sa_family, prefix, text, sizeof(text));
	snprintf(ret, ADDRESS_CLIENT_SIZE, "%s/%zu", text, 8 * octets);
}

void
address_client(const struct address *address, char ret[ADDRESS_CLIENT_SIZE])
{
	if (address->any.sa_family == AF_INET6)
		address_prefix(address, 4, 8, ret);
	else
		inet_ntop(AF_INET, &address->v4.sin_addr, ret, ADDRESS_CLIENT_SIZE);
}

void
address_network(const struct address *address, char ret[ADDRESS_CLIENT_SIZE])
{
	address_prefix(address, 3, 6, ret);
}

bool
address_is_loopback(const struct address *address)
{
	if (address->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
	return address->any.sa_family == AF_INET && ntohl(address->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}
