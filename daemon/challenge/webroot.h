/*
 * daemon/challenge/webroot.h: http-01 through a web server of the host: the key authorization as a file below its
 * document root (RFC 8555 s8.3).
 */
#ifndef DAEMON_CHALLENGE_WEBROOT_H
#define DAEMON_CHALLENGE_WEBROOT_H

struct error;

/*
 * webroot_put() - make ROOT/.well-known/acme-challenge/TOKEN, mode 0644, replacing what an earlier try left there
 * Missing directories are made, mode 0755. Nothing below @root is followed: a symbolic link or mount of another
 * user's cannot lead certd elsewhere. @token is checked again.
 * Return: 0, or -1 with an error that names the path.
 */
int
webroot_put(const char *root, const char *token, const char *key_authorization, struct error *err);

/* Removes that file; a missing one is fine. Directories stay. */
int
webroot_remove(const char *root, const char *token, struct error *err);

#endif
