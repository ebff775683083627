/* daemon/challenge/http01_listen.h: the listening sockets of http-01. */
#ifndef DAEMON_CHALLENGE_HTTP01_LISTEN_H
#define DAEMON_CHALLENGE_HTTP01_LISTEN_H

struct error;

/*
 * http01_listen() - a listening, non-blocking socket at @address
 * @address: "127.0.0.1:5002", "[::]:80" (IPv6 alone: give "0.0.0.0:80" as well), "unix:/path/of/a.sock"
 * A Unix socket gets mode 0666, so that a proxy of any user can connect: all it ever says is public, the key
 * authorizations that CAs fetch without a login. Who may reach it is decided by the directory that holds it. A socket
 * file that nobody listens on any more is replaced.
 * Return: descriptor owned by the caller, or -1: ERROR_INVALID (not an address), ERROR_STATE (no IPv6
 * here), ERROR_UNAVAILABLE (taken, not allowed, no such address; the text says what to do).
 */
int
http01_listen(const char *address, struct error *err);

/* Removes the socket file of a "unix:" address; no-op for others. */
void
http01_unlisten(const char *address);

#endif
