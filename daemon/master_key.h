/* daemon/master_key.h: the source of the key that wraps all others. */
#ifndef DAEMON_MASTER_KEY_H
#define DAEMON_MASTER_KEY_H

#include <stdbool.h>

struct conf;
struct error;
struct secret;

/*
 * master_key_get() - 32 octets: the configured file, else the systemd credential "master-key", else STATE/master-key,
 * which is generated when there is no store yet
 * @ret_is_beside_store: the last case: a copy of STATE includes the key; to be reported once
 */
int
master_key_get(const struct conf *conf, struct secret *ret, bool *ret_is_beside_store, struct error *err);

#endif
