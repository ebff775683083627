/* An unused client is kept for the next order, unless its provider was changed meanwhile. */
#include "daemon/renew/clients.h"

#include "common/crypto/key.h"
#include "common/shell.h"
#include "common/timefmt.h"
#include "daemon/acme/acme_client.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/renew/ledger.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	MAX_ORDERS = 8, /* default per provider (Pebble 2.4 stalls above 16) */
	LIMIT_MAX_SEC = 24 * 3600
};

struct clients {
	struct clients_config config;
	struct ledger *ledger;
	struct ca_client *list;
};

struct clients *
clients_new(const struct clients_config *config)
{
	struct clients *clients = xcalloc(1, sizeof(*clients));

	clients->config = *config;
	clients->ledger = ledger_new(config->store, loop_clock(config->loop));
	return clients;
}

static void
client_free(struct clients *clients, struct ca_client *client)
{
	DL_DELETE(clients->list, client);
	acme_client_free(client->acme);
	provider_clear(&client->provider);
	error_clear(&client->limit);
	error_clear(&client->trouble);
	free(client);
}

void
clients_free(struct clients *clients)
{
	struct ca_client *client, *tmp;

	if (!clients)
		return;
	DL_FOREACH_SAFE(clients->list, client, tmp) {
		client_free(clients, client);
	}
	ledger_free(clients->ledger);
	free(clients);
}

struct ledger *
clients_ledger(const struct clients *clients)
{
	return clients->ledger;
}

void
clients_limits_of(const struct provider *provider, struct ca_limits *ret)
{
	ca_limits_of(provider->server, ret);
	for (size_t i = 0; i < provider->rate_limits.count; i++)
		ca_limits_set(ret, provider->rate_limits.items[i], NULL); /* checked when it was declared */
}

const struct clients_config *
clients_config(const struct clients *clients)
{
	return &clients->config;
}

static struct ca_client *
client_find(const struct clients *clients, const char *provider_id)
{
	struct ca_client *client;

	DL_FOREACH(clients->list, client) {
		if (strcmp(client->provider.o.id, provider_id) == 0)
			return client;
	}
	return NULL;
}

/* The CA's words are kept; the account's job reports them. */
static void
client_note_terms(struct provider *p, const struct error *why)
{
	_cleanup_free_ char *command = shell_certctl("set provider", p->o.name, "--agree-tos");

	if (p->terms == TERMS_CHANGED)
		return;
	p->terms = TERMS_CHANGED;
	error_copy(&p->o.failure, why);
	error_wrap(&p->o.failure, "the CA demands agreement to its changed terms of service; read them, then: %s",
		command);
}

/*
 * The account's job looks for the account, and registers it again with the same key. A failed provider stays failed
 * until the job has another result, because alerts follow the state.
 */
static void
client_account_doubted(const struct error *why, void *arg)
{
	struct ca_client *client = arg;
	const struct clients_config *config = &client->clients->config;
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store_txn *txn = store_begin(config->store);

	if (object_load(config->store, &provider_class, client->provider.o.id, &p, &err) == 1) {
		if (why->problem && strcmp(why->problem, "userActionRequired") == 0)
			client_note_terms(&p, why);
		if (p.o.state == OBJECT_AVAILABLE)
			p.o.state = OBJECT_PROVISIONING;
		p.next_at = loop_now(config->loop);
		if (object_save(config->store, txn, &provider_class, &p, &err) == 0)
			return;
	}
	if (!error_is_set(&err))
		error_set(&err, ERROR_NOT_FOUND, "provider %s was deleted", client->provider.o.id);
	store_fail(txn, &err);
	acme_client_account_settled(client->acme, NULL, &err);
}

void
clients_account_settled(
	struct clients *clients, const char *provider_id, const char *account_url, const struct error *err)
{
	struct ca_client *client = client_find(clients, provider_id);

	if (client)
		acme_client_account_settled(client->acme, account_url, err);
}

/* Return: NULL when the provider has no account (yet), or @err. */
static struct ca_client *
client_load(struct clients *clients, const char *provider_id, struct error *err)
{
	struct ca_client *client = xcalloc(1, sizeof(*client));
	struct provider *p = &client->provider;
	struct acme_client_config config = { .may_use_other_hosts = clients->config.may_use_other_hosts };
	struct key *key = NULL;

	if (object_load(clients->config.store, &provider_class, provider_id, p, err) != 1 || !p->account_url ||
		key_from_der(&p->account_key, &key, err) < 0) {
		provider_clear(p);
		free(client);
		return NULL;
	}
	client->clients = clients;
	clients_limits_of(p, &client->limits);
	config.account_doubted = client_account_doubted;
	config.arg = client;
	config.directory_url = p->server;
	config.ca_file = p->ca_file;
	config.meters = clients->config.meters;
	config.signer = clients->config.signer;
	config.account_url = p->account_url;
	client->acme = acme_client_new(clients->config.loop, clients->config.http, &config, key);
	DL_APPEND(clients->list, client);
	return client;
}

bool
clients_is_busy(const struct clients *clients, const char *provider_id)
{
	const struct ca_client *client = client_find(clients, provider_id);

	return client && client->users > 0;
}

int64_t
clients_room(struct clients *clients, const char *provider_id, struct error *err)
{
	struct ca_client *client = client_find(clients, provider_id);

	if (client && client->is_outdated)
		return 0;
	if (!client)
		client = client_load(clients, provider_id, err);
	if (!client)
		return error_is_set(err) ? -1 : 0;
	if (client->provider.next_key.len || client->provider.wants_end)
		return 0;
	if (breaker_is_open(&client->breaker))
		return 1;
	if (client->provider.max_orders > 0)
		return client->provider.max_orders;
	return clients->config.max_orders > 0 ? clients->config.max_orders : MAX_ORDERS;
}

void
clients_limit(struct clients *clients, const char *provider_id, const struct error *why)
{
	const struct clock *clock = loop_clock(clients->config.loop);
	struct ca_client *client = client_find(clients, provider_id);
	int64_t span = time_add(why->retry_at, -clock_wall(clock));

	if (!client || !why->is_general || span <= 0)
		return;
	if (span > LIMIT_MAX_SEC)
		span = LIMIT_MAX_SEC;
	error_copy(&client->limit, why);
	client->limit_until_ms = clock_boot_ms(clock) + span * 1000;
}

void
clients_note_order(struct clients *clients, const char *provider_id, const struct error *trouble)
{
	struct ca_client *client = client_find(clients, provider_id);

	if (!client)
		return;
	if (!trouble) {
		breaker_close(&client->breaker);
		return;
	}
	breaker_note(&client->breaker, clock_boot_ms(loop_clock(clients->config.loop)));
	if (!breaker_is_open(&client->breaker))
		return;
	error_copy(&client->trouble, trouble);
	error_wrap(&client->trouble, "the CA fails for every order, so that one at a time tests it");
}

void
clients_unlimit(struct clients *clients, const char *provider_id)
{
	struct ca_client *client = client_find(clients, provider_id);

	if (client) {
		client->limit_until_ms = 0;
		breaker_close(&client->breaker);
	}
}

int64_t
clients_opens_at(const struct clients *clients, const char *provider_id, const struct error **ret_why)
{
	const struct clock *clock = loop_clock(clients->config.loop);
	const struct ca_client *client = client_find(clients, provider_id);
	int64_t now_ms = clock_boot_ms(clock), until_ms;

	if (!client)
		return 0;
	until_ms = breaker_test_at(&client->breaker, now_ms);
	if (until_ms < client->limit_until_ms)
		until_ms = client->limit_until_ms;
	if (until_ms <= now_ms)
		return 0;
	if (ret_why)
		*ret_why = until_ms == client->limit_until_ms ? &client->limit : &client->trouble;
	return clock_wall(clock) + (until_ms - now_ms + 999) / 1000;
}

struct ca_client *
clients_take(struct clients *clients, const char *provider_id)
{
	struct ca_client *client = client_find(clients, provider_id);

	client->users++;
	return client;
}

void
clients_release(struct clients *clients, struct ca_client *client)
{
	if (client && --client->users == 0 && client->is_outdated)
		client_free(clients, client);
}

void
clients_forget(struct clients *clients, const char *provider_id)
{
	struct ca_client *client = client_find(clients, provider_id);

	if (!client)
		return;
	client->is_outdated = true;
	if (client->users == 0)
		client_free(clients, client);
}
