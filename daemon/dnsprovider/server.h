/* daemon/dnsprovider/server.h: a DNS server in the operator's notation. Pure. */
#ifndef DAEMON_DNSPROVIDER_SERVER_H
#define DAEMON_DNSPROVIDER_SERVER_H

#include <stdbool.h>

enum { SERVER_PORT = 53 };

/*
 * server_split() - parse "host", "host:port", "address", "address:port", "v6", "[v6]" or "[v6]:port"
 * @ret_host: owned by the caller, without brackets; @ret_port: SERVER_PORT when none is given
 * Return: is it one of these?
 */
bool
server_split(const char *text, char **ret_host, int *ret_port);

/* Is @host an IPv4 or IPv6 address? */
bool
server_is_address(const char *host);

/* "127.0.0.1:53", "[::1]:53"; owned by the caller. */
char *
server_join(const char *address, int port);

#endif
