/*
 * daemon/challenge/webroot.h: http-01 through a web server on this host: the key authorization as a file below its
 * document root (RFC 8555 s8.3).
 */
#ifndef DAEMON_CHALLENGE_WEBROOT_H
#define DAEMON_CHALLENGE_WEBROOT_H

struct error;

/*
 * webroot_put() - write ROOT/.well-known/acme-challenge/TOKEN, mode 0644, replacing the file of an earlier attempt
 * Missing directories are created, mode 0755. No symbolic link below @root is followed, so another user's link cannot
 * lead certd elsewhere. @token is checked again.
 * Return: 0, or -1 with an error that names the path.
 */
int
webroot_put(const char *root, const char *token, const char *key_authorization, struct error *err);

/* Removes that file; succeeds if it is missing. Directories stay. */
int
webroot_remove(const char *root, const char *token, struct error *err);

#endif
