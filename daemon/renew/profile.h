/* daemon/renew/profile.h: certificate profiles (draft-ietf-acme-profiles): what a CA offers, and what is asked for. */
#ifndef DAEMON_RENEW_PROFILE_H
#define DAEMON_RENEW_PROFILE_H

#include "daemon/acme/acme_msg.h"
#include "daemon/renew/issue.h"

/* Stores what the directory offers in @p. Return: whether that differs from before. */
bool
profile_take_offer(struct provider *p, const struct acme_directory *directory);

/* The profile that the orders of @a ask for, borrowed; NULL: none. */
const char *
profile_of(const struct autocert *a, const struct provider *p);

/* May an order be made without it? @a: NULL: an order of the provider itself. */
bool
profile_is_preferred(const struct autocert *a, const struct provider *p);

/*
 * Saves the provider of @client with @txn if the CA has another offer than the record says. The client may have a newer
 * directory than the one that was seen at the registration.
 */
void
profile_note_offer(const struct issue_env *env, struct store_txn *txn, struct ca_client *client);

#endif
