/*
 * daemon/renew/clients.h: the ACME clients, one for each provider in use. Each keeps the provider's account key, its
 * nonces and its connections.
 */
#ifndef DAEMON_RENEW_CLIENTS_H
#define DAEMON_RENEW_CLIENTS_H

#include "common/ca.h"
#include "daemon/renew/breaker.h"
#include "daemon/store/object.h"

struct acme_client;
struct clients;
struct http;
struct ledger;
struct loop;
struct meters;
struct signer;

struct clients_config {
	struct loop *loop; /* all borrowed */
	struct store *store;
	const struct http *http;
	int64_t max_orders; /* concurrent orders of providers without a limit of their own; 0: 8 */
	bool may_use_other_hosts;
	struct meters *meters; /* counts the requests; or NULL */
	struct signer *signer; /* for keys in PKCS#11 tokens; or NULL: they are refused */
};

struct ca_client {
	struct provider provider; /* as it was loaded */
	struct ca_limits limits;
	struct acme_client *acme;
	struct clients *clients;
	struct error limit; /* all its orders wait, until @limit_until_ms (boot clock) */
	int64_t limit_until_ms;
	struct breaker breaker;
	struct error trouble; /* that opened it */
	unsigned users;
	bool is_outdated; /* the provider was changed or deleted since */
	struct ca_client *prev, *next;
};

struct clients *
clients_new(const struct clients_config *config);

/* All clients must be released. NULL is a no-op. */
void
clients_free(struct clients *clients);

/* The same for registrations. Borrowed. */
const struct clients_config *
clients_config(const struct clients *clients);

/* What was used of the rate limits. Borrowed. */
struct ledger *
clients_ledger(const struct clients *clients);

/* The rate limits of the CA, with the changes that the provider declares. */
void
clients_limits_of(const struct provider *provider, struct ca_limits *ret);

/* Does an order, or an authorization, use the account now? */
bool
clients_is_busy(const struct clients *clients, const char *provider_id);

/*
 * clients_room() - the number of concurrent orders that a provider allows
 * Return: 0 while it has no account, while its key is being replaced or it is deactivated, or while its previous
 * client is in use after a change; -1 failed.
 */
int64_t
clients_room(struct clients *clients, const char *provider_id, struct error *err);

/* The client of a provider that has room. Borrowed until clients_release(). */
struct ca_client *
clients_take(struct clients *clients, const char *provider_id);

/* NULL is a no-op. */
void
clients_release(struct clients *clients, struct ca_client *client);

/*
 * The CA refused an order with a wait for all of them (error.is_general): none starts until then, for a day at most,
 * because each certificate is tried at least daily. Forgotten at the end of the process: the CA says it again.
 */
void
clients_limit(struct clients *clients, const char *provider_id, const struct error *why);

/* An order has ended. @trouble: the CA failed, so that every order would have (breaker.h); NULL: the CA works. */
void
clients_note_order(struct clients *clients, const char *provider_id, const struct error *trouble);

/* A caller overrides the wait. */
void
clients_unlimit(struct clients *clients, const char *provider_id);

/*
 * clients_opens_at() - when the next order of a provider may start
 * @ret_why: why not before; borrowed until the next call of this module; NULL: not wanted
 * Return: UNIX seconds; 0: now.
 */
int64_t
clients_opens_at(const struct clients *clients, const char *provider_id, const struct error **ret_why);

/* A registration has ended: with @account_url, or failed with @err. Running orders continue or fail. */
void
clients_account_settled(
	struct clients *clients, const char *provider_id, const char *account_url, const struct error *err);

/* The provider was changed or deleted: the current client gets no new work, and the next use creates another. */
void
clients_forget(struct clients *clients, const char *provider_id);

#endif
