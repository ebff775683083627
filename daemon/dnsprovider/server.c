/* Server texts taken apart and put together: a colon means a port, except in an IPv6 address without brackets. */
#include "daemon/dnsprovider/server.h"

#include "common/alloc.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool
server_parse_port(const char *text, int *ret)
{
	char *end;
	long port;

	if (*text < '0' || *text > '9')
		return false;
	port = strtol(text, &end, 10);
	if (*end || port <= 0 || port > UINT16_MAX)
		return false;
	*ret = (int)port;
	return true;
}

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

static bool
is_host(const char *host)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	return *host && host[strspn(host, alphabet)] == '\0';
}

bool
server_split(const char *text, char **ret_host, int *ret_port)
{
	_cleanup_free_ char *host = xstrdup(text);
	char *rest;
	int port = SERVER_PORT;

	if (!is_v6(host)) {
		rest = strchr(host, *host == '[' ? ']' : ':');
		if (*host == '[' && !rest)
			return false;
		if (rest && *rest == ']')
			*rest++ = '\0';
		if (rest && *rest && (*rest != ':' || !server_parse_port(rest + 1, &port)))
			return false;
		if (rest && *host != '[')
			*rest = '\0';
		if (*host == '[' ? !is_v6(host + 1) : !is_host(host))
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
