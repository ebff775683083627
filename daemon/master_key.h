/* daemon/master_key.h: where the key that wraps all others comes from. */
#ifndef DAEMON_MASTER_KEY_H
#define DAEMON_MASTER_KEY_H

#include <stdbool.h>

struct conf;
struct error;
struct secret;

/*
 * master_key_get() - 32 octets: the file of the configuration, else the systemd credential "master-key", else
 * STATE/master-key, which is made when there is no store yet
 * @ret_beside_store: the last case: whoever copies STATE has the key too; to be said once
 */
int
master_key_get(const struct conf *conf, struct secret *ret, bool *ret_beside_store, struct error *err);

#endif
