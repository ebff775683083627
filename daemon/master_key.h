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

enum { MASTER_KEY_SIZE = 32 };

/* 32 octets from @text, raw or in base64; ERROR_INVALID with the field "masterKey". */
int
master_key_parse(const struct secret *text, struct secret *ret, struct error *err);

/* STATE/master-key becomes @key, by one rename(). */
int
master_key_replace(const struct conf *conf, const struct secret *key, struct error *err);

#endif
