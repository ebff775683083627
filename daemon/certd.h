/* daemon/certd.h: the one object that owns all others, from the configuration to the last byte written. */
#ifndef DAEMON_CERTD_H
#define DAEMON_CERTD_H

#include "common/conf.h"

struct certd;
struct error;

/*
 * certd_new() - open everything: store, listeners, drops. Nothing runs yet.
 * @conf: taken (moved out of)
 * @conf_path: read again at reload; copied; NULL: none
 */
struct certd *
certd_new(struct conf *conf, const char *conf_path, struct error *err);

/* Until SIGTERM or SIGINT. Return: 0, or -1. */
int
certd_run(struct certd *certd, struct error *err);

/* Stops running work (records stay, the next start continues) and closes everything. NULL is a no-op. */
void
certd_free(struct certd *certd);

#endif
