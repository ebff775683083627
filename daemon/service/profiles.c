/*
 * An unknown profile is refused at the declaration, not when the next order fails. The provider's own client asks the
 * CA; it usually has the directory already. A provider that is being declared has a client for this question alone.
 */
#include "daemon/service/profiles.h"

#include "common/alloc.h"
#include "common/crypto/key.h"
#include "daemon/acme/acme_client.h"
#include "daemon/base/loop.h"
#include "daemon/renew/profile.h"

#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 5000, REFERRERS_MAX = 10000 };

struct profiles_call {
	struct call_wait wait;
	struct ca_client *client; /* NULL: @own */
	struct acme_client *own;  /* NULL: that of @client */
	struct strlist profiles;  /* to be asked for, one after the other */
	struct strlist owners;    /* of each, the auto-certificate's name; "": the object that is declared */
	size_t asked;             /* index of the one that is asked for now */
	struct acme_call *check;
	struct loop_timer patience;
};

static void
profiles_free(struct call_wait *wait)
{
	struct profiles_call *p = (struct profiles_call *)wait;

	loop_timer_cancel(&p->patience);
	acme_call_cancel(p->check);
	clients_release(wait->call->service->issue_env->clients, p->client);
	acme_client_free(p->own);
	strlist_clear(&p->profiles);
	strlist_clear(&p->owners);
	free(p);
}

static void
profiles_go_on(void *arg)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct profiles_call *p = arg;

	call_wait_end(&p->wait, 0, &err);
}

static void
profiles_ask(struct profiles_call *p);

/* Only the CA's own answer leads to a refusal; any other error is left to the order. */
static void
profiles_checked(const struct acme_reply *reply _unused_, const struct error *err, void *arg)
{
	_cleanup_error_ struct error refused = ERROR_INIT;
	struct profiles_call *p = arg;
	const char *owner = p->owners.items[p->asked];

	p->check = NULL;
	if (!err && ++p->asked < p->profiles.count) {
		profiles_ask(p);
		return;
	}
	if (!err || !err->field || strcmp(err->field, "profile") != 0) {
		profiles_go_on(p);
		return;
	}
	if (*owner)
		error_set_field(&refused, "properties.server", "auto-certificate '%s': %s", owner, err->message);
	else
		error_set_field(&refused, "properties.profile", "%s", err->message);
	call_wait_end(&p->wait, -1, &refused);
}

static void
profiles_ask(struct profiles_call *p)
{
	struct acme_client *acme = p->own ? p->own : p->client->acme;

	p->check = acme_client_check_profile(acme, p->profiles.items[p->asked], profiles_checked, p);
}

/* @p: has its client and profiles. */
static void
profiles_start(struct profiles_call *p, struct call *call, service_fn *handler)
{
	call_wait_begin(&p->wait, call, handler, profiles_free);
	loop_timer_init(&p->patience, call->service->loop, profiles_go_on, p);
	loop_timer_set(&p->patience, PATIENCE_MS);
	profiles_ask(p);
}

int
profiles_wait(struct call *call, const struct autocert *a, service_fn *handler, struct error *err)
{
	struct clients *clients = call->service->issue_env->clients;
	_cleanup_provider_ struct provider provider = { 0 };
	struct profiles_call *p;
	int64_t room;

	if (!a->profile || call->has_profile)
		return 0;
	call->has_profile = true;
	if (object_peek(call->service->store, &provider_class, a->provider, &provider, err) < 0)
		return -1;
	if (profile_is_preferred(a, &provider))
		return 0;
	room = clients_room(clients, a->provider, err);
	if (room <= 0)
		return (int)room;
	p = xcalloc(1, sizeof(*p));
	p->client = clients_take(clients, a->provider);
	strlist_add(&p->profiles, a->profile);
	strlist_add(&p->owners, "");
	profiles_start(p, call, handler);
	return 1;
}

/* Without an account nothing is signed, so any key will do. */
static struct acme_client *
profiles_client(struct service *service, const struct provider *provider, struct error *err)
{
	const struct clients_config *http = clients_config(service->issue_env->clients);
	struct acme_client_config config = {
		.directory_url = provider->server,
		.ca_file = provider->ca_file,
		.may_use_other_hosts = http->may_use_other_hosts,
		.meters = http->meters,
	};
	struct key *key = NULL;

	return key_generate(KEY_SECP256R1, &key, err) < 0 ? NULL
							  : acme_client_new(http->loop, http->http, &config, key);
}

/* Each profile once. */
static int
profiles_of_autocerts(struct profiles_call *p, struct store *store, const struct provider *provider, struct error *err)
{
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;

	if (object_referrers(store, &autocert_class, provider->o.id, REFERRERS_MAX, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.count; i++) {
		_cleanup_autocert_ struct autocert a = { 0 };

		if (object_peek(store, &autocert_class, ids.items[i], &a, err) < 0)
			return -1;
		if (!a.profile || profile_is_preferred(&a, provider) || strlist_has(&p->profiles, a.profile))
			continue;
		strlist_add(&p->profiles, a.profile);
		strlist_add(&p->owners, a.o.name);
	}
	return 0;
}

int
profiles_wait_of_provider(
	struct call *call, const struct provider *provider, bool has_new_server, service_fn *handler, struct error *err)
{
	struct profiles_call *p;
	int rc = 0;

	if (call->has_profile)
		return 0;
	call->has_profile = true;
	p = xcalloc(1, sizeof(*p));
	if (provider->profile && !profile_is_preferred(NULL, provider)) {
		strlist_add(&p->profiles, provider->profile);
		strlist_add(&p->owners, "");
	}
	if (has_new_server)
		rc = profiles_of_autocerts(p, call->service->store, provider, err);
	if (rc == 0 && p->profiles.count > 0) {
		p->own = profiles_client(call->service, provider, err);
		rc = p->own ? 1 : -1;
	}
	if (rc > 0) {
		profiles_start(p, call, handler);
		return rc;
	}
	strlist_clear(&p->profiles);
	strlist_clear(&p->owners);
	free(p);
	return rc;
}
