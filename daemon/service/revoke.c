/*
 * certificate.revoke: makes the revocation durable, orders the replacement, and remembers a compromised key. The job
 * (daemon/renew/revoke.h) does the rest.
 */
#include "common/api/revoke_reasons.h"
#include "common/crypto/key.h"
#include "common/shell.h"
#include "daemon/service/handlers.h"
#include "daemon/service/res_autocert.h"
#include "daemon/service/resource.h"
#include "daemon/store/compromised.h"

#include <string.h>

static bool
revoke_is_set(struct json_object *params, const char *name)
{
	struct json_object *value = json_path(params, name);

	return value && json_object_get_boolean(value);
}

/* Whose CA is asked. */
static int
revoke_find_provider(struct call *call, struct json_object *params, struct certificate *c, struct error *err)
{
	struct json_object *ref = json_path(params, "provider");
	_cleanup_provider_ struct provider p = { 0 };
	int found;

	if (ref && c->provider)
		return error_set_field(
			err, "provider", "'%s' was issued by certd, which knows its provider", c->o.name);
	if (ref)
		return resource_ref(
			call, &provider_class, "provider", json_object_get_string(ref), &c->revoke_provider, err);
	if (!c->provider)
		return error_set_field(
			err, "provider", "is required: '%s' was imported, so certd does not know its CA", c->o.name);
	found = object_peek(call->service->store, &provider_class, c->provider, &p, err);
	if (found == 0)
		return error_set(err, ERROR_STATE, "the provider that issued '%s' was deleted", c->o.name);
	str_replace(&c->revoke_provider, c->provider);
	return found < 0 ? -1 : 0;
}

/* Its revocation was requested before: only a worse reason, or another attempt, changes anything. */
static int
revoke_check_repeated(const struct certificate *c, const char *reason, struct error *err)
{
	if (!c->is_revoked)
		return 0;
	if (strcmp(reason, REVOKE_KEY_COMPROMISE) == 0 &&
		(!c->revoke_reason || strcmp(c->revoke_reason, REVOKE_KEY_COMPROMISE) != 0))
		return 0;
	return error_set(err, ERROR_STATE, "'%s' was revoked already (%s)", c->o.name,
		c->revoke_reason ? c->revoke_reason : "by the CA");
}

/* Has @a's newest certificate the same key? Return: 1, 0, -1. */
static int
revoke_shares_key(struct call *call, const struct autocert *a, struct error *err)
{
	_cleanup_certificate_ struct certificate newest = { 0 };
	_cleanup_key_ struct key *key = NULL;
	int found = object_load(call->service->store, &certificate_class, a->last_certificate, &newest, err);

	if (found != 1 || newest.key.len == 0)
		return found < 0 ? -1 : 0;
	return key_from_der(&newest.key, &key, err) < 0 ? -1 : compromised_has(call->service->store, key, err);
}

/* Orders the replacement of the newest certificate, or of one with the same compromised key. */
static int
revoke_replace(struct call *call, const struct certificate *c, bool is_compromised, struct error *err)
{
	struct store *store = call->service->store;
	_cleanup_autocert_ struct autocert a = { 0 };
	int found = c->autocert ? object_load(store, &autocert_class, c->autocert, &a, err) : 0;
	int is_needed;

	if (found != 1 || !a.last_certificate)
		return found < 0 ? -1 : 0;
	is_needed = strcmp(a.last_certificate, c->o.id) == 0;
	if (!is_needed && is_compromised)
		is_needed = revoke_shares_key(call, &a, err);
	if (is_needed <= 0)
		return is_needed;
	if (a.is_outdated && !is_compromised)
		return 0; /* it is being replaced already */
	if (a.is_paused && !c->is_revoked_at_once) {
		_cleanup_free_ char *name = issue_name_to_resume(store, &a);
		_cleanup_free_ char *resume = shell_certctl("resume", name, NULL);

		return error_set(err, ERROR_STATE,
			"'%s' is paused, so '%s' is not replaced; revoke it with --now, or first: %s", a.o.name,
			c->o.name, resume);
	}
	autocert_reissue(call, &a);
	return object_save(store, call_txn(call), &autocert_class, &a, err);
}

static int
revoke_remember_key(struct call *call, const struct certificate *c, struct error *err)
{
	_cleanup_key_ struct key *key = NULL;

	return key_from_der(&c->key, &key, err) < 0 ? -1 : compromised_note(call_txn(call), key, c->o.id, err);
}

/* A token signs the request; the maker of a certificate request would have to do it. */
static int
revoke_check_key(const struct certificate *c, struct error *err)
{
	const char *place = key_der_place(&c->key);

	if (!place || strncmp(place, KEY_PLACE_TOKEN, strlen(KEY_PLACE_TOKEN)) == 0)
		return 0;
	return error_set_field(
		err, "byKey", "certd does not have the key of '%s': revoke it by the account", c->o.name);
}

int
certificate_revoke(struct call *call, struct json_object *params, struct error *err)
{
	const char *reason = json_object_get_string(json_path(params, "reason"));
	bool is_compromised = strcmp(reason, REVOKE_KEY_COMPROMISE) == 0;
	bool is_ceasing = strcmp(reason, REVOKE_CESSATION) == 0;
	_cleanup_certificate_ struct certificate c = { 0 };

	if (resource_find(call, &certificate_class, params, &c, err) < 0 ||
		revoke_check_repeated(&c, reason, err) < 0 || revoke_find_provider(call, params, &c, err) < 0)
		return -1;
	if (c.slug && c.consumers.count && !revoke_is_set(params, "now") && !is_ceasing)
		return error_set(err, ERROR_STATE,
			"'%s' is deployed, and certd cannot replace an imported certificate: import another one with "
			"--replace first, or revoke it with --now",
			c.o.name);
	str_replace(&c.revoke_reason, reason);
	c.is_revoked_by_key = revoke_is_set(params, "byKey");
	if (c.is_revoked_by_key && revoke_check_key(&c, err) < 0)
		return -1;
	c.is_revoked_at_once = revoke_is_set(params, "now") || is_ceasing;
	c.revoke_attempts = 0;
	c.revoke_at = call_now(call);
	error_clear(&c.revoke_error);
	if (is_compromised && revoke_remember_key(call, &c, err) < 0)
		return -1;
	if (!is_ceasing && revoke_replace(call, &c, is_compromised, err) < 0)
		return -1;
	resource_modified(call, &c.o);
	return resource_save(call, EVENT_OBJECT_UPDATED, &c, err);
}
