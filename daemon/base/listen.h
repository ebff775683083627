/* daemon/base/listen.h: listening sockets, from addresses in settings. */
#ifndef DAEMON_BASE_LISTEN_H
#define DAEMON_BASE_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

struct error;

/* Is @address a Unix socket ("unix:/PATH")? */
bool
listen_is_unix(const char *address);

/*
 * listen_on() - open a listening, non-blocking socket
 * @address: "127.0.0.1:8443", "[::]:80" (only IPv6: add "0.0.0.0:80" for IPv4), "unix:/path/of/a.sock"
 * @mode: of the file of a Unix socket. A socket file without a listener is replaced.
 * Return: a descriptor owned by the caller, or -1: ERROR_CONFIG (not an address), ERROR_IN_USE (another program listens
 * there), ERROR_STATE (this machine has no IPv6), ERROR_DENIED, ERROR_IO.
 */
int
listen_on(const char *address, mode_t mode, struct error *err);

/*
 * Removes the file of a Unix socket after its descriptor was closed; a no-op for other addresses. The file stays if
 * another program listens there by now: a socket unit that was started meanwhile has replaced it.
 */
void
listen_remove(const char *address);

#endif
