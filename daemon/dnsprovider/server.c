/* Splitting and joining server texts: a colon precedes a port, except in an IPv6 address without brackets. */
#include "daemon/dnsprovider/server.h"

#include "common/address.h"
#include "common/alloc.h"
#include "common/name.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool
is_v6(const char *host)
{
	struct in6_addr any;

	return inet_pton(AF_INET6, host, &any) == 1;
}

bool
server_is_address(const char *host)
{
	struct in_addr any;

	return inet_pton(AF_INET, host, &any) == 1 || is_v6(host);
}

bool
server_split(const char *text, char **ret_host, int *ret_port)
{
	_cleanup_free_ char *host = xstrdup(text);
	char *rest;
	uint16_t port = SERVER_PORT;

	if (!is_v6(host)) {
		rest = strchr(host, *host == '[' ? ']' : ':');
		if (*host == '[' && !rest)
			return false;
		if (rest && *rest == ']')
			*rest++ = '\0';
		if (rest && *rest && (*rest != ':' || !address_parse_port(rest + 1, &port)))
			return false;
		if (rest && *host != '[')
			*rest = '\0';
		if (*host == '[' ? !is_v6(host + 1) : !name_is_plain(host))
			return false;
	}
	*ret_host = xstrdup(*host == '[' ? host + 1 : host);
	*ret_port = port;
	return true;
}

char *
server_join(const char *address, int port)
{
	return xasprintf(strchr(address, ':') ? "[%s]:%d" : "%s:%d", address, port);
}
