/*
 * daemon/rekey.h: changing the master key while certd runs. The store is rewritten in slices (store_rekey.h); certd
 * replaces the key's file if it is the one in the state directory, and otherwise waits until it is started with the new
 * key.
 */
#ifndef DAEMON_REKEY_H
#define DAEMON_REKEY_H

#include <stdbool.h>

struct conf;
struct error;
struct events;
struct loop;
struct rekey;
struct secret;
struct store;

struct rekey_env {
	struct loop *loop; /* all borrowed */
	struct store *store;
	struct events *events;
	const struct conf *conf;
	bool is_key_beside_store; /* as by master_key_get() */
};

/* A change that was interrupted continues. */
struct rekey *
rekey_new(const struct rekey_env *env);

/* It continues at the next start. NULL is a no-op. */
void
rekey_free(struct rekey *rekey);

/*
 * rekey_begin() - change the master key
 * @key: the new one, raw or in base64; empty: a random one, which is possible only if certd keeps the key itself
 * Durable when it returns: from then on either key opens the store. ERROR_INVALID with the field "masterKey";
 * ERROR_STATE: a change is in progress.
 */
int
rekey_begin(struct rekey *rekey, const struct secret *key, struct error *err);

/* What the operator has to do; NULL: nothing. */
const char *
rekey_warning(const struct rekey *rekey);

#endif
