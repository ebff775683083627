/*
 * Providers: an account with a CA. Registration is asynchronous: PROVISIONING until the SCHEDULE_ACCOUNT row has run.
 */
#include "daemon/service/resource.h"

#include "common/api/rpc.h"
#include "common/ca.h"
#include "common/crypto/base64url.h"
#include "common/crypto/key.h"
#include "common/crypto/x509.h"
#include "common/name.h"
#include "common/shell.h"
#include "common/timefmt.h"
#include "daemon/acme/acme_chain.h"
#include "daemon/acme/acme_msg.h"
#include "daemon/renew/ledger.h"
#include "daemon/renew/window.h"
#include "daemon/schedule/schedule.h"
#include "daemon/service/handlers.h"
#include "daemon/service/profiles.h"
#include "daemon/service/res_autocert.h"
#include "daemon/service/res_provider.h"
#include "daemon/service/token_keys.h"
#include "daemon/store/compromised.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* No CA issues longer MAC keys. Whether a short one is sufficient is the CA's decision. */
enum { EAB_KEY_MAX = 512 };
enum { REFERRERS_MAX = 10000, PROVIDERS_WARNED = 100 };

/* A key that certd generated is not a declared one. */
static void
forget_own_key(struct json_object *metadata)
{
	struct json_object *secrets = json_path(metadata, "secrets");

	for (size_t i = 0; secrets && i < json_object_array_length(secrets); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(secrets, i)), "accountKey") == 0)
			json_object_array_del_idx(secrets, i, 1);
	if (secrets && json_object_array_length(secrets) == 0)
		json_object_object_del(metadata, "secrets");
}

/* The limits, and what is left of each for its busiest subject. */
static void
res_provider_describe_limits(struct service *service, const struct provider *p, struct json_object *metadata)
{
	const struct issue_env *env = service->issue_env;
	struct json_object *list = json_object_new_array();
	struct ca_limits limits;
	const struct ledger_order order = { .limits = &limits, .account = p->o.id, .server = p->server };

	clients_limits_of(p, &limits);
	for (enum ca_limit_kind kind = 0; kind < CA_LIMIT_COUNT; kind++) {
		struct json_object *o;
		struct ledger_room room;

		if (limits.of[kind].count == 0)
			continue;
		ledger_room(clients_ledger(env->clients), &order, kind, &room);
		o = json_object_new_object();
		json_add_string(o, "limit", ca_limit_name(kind));
		json_add_int(o, "count", limits.of[kind].count);
		json_add_int(o, "period", limits.of[kind].period);
		json_add_int(o, "room", room.room);
		json_add_string(o, "subject", room.subject);
		if (room.opens_at)
			json_add_time(o, "nextDate", room.opens_at);
		free(room.subject);
		json_object_array_add(list, o);
	}
	if (json_object_array_length(list) > 0)
		json_object_object_add(metadata, "rateLimitRoom", list);
	else
		json_object_put(list);
}

static void
res_provider_warn(struct service *service, const struct provider *p, struct strlist *ret)
{
	const struct issue_env *env = service->issue_env;
	struct ca_limits limits;
	const struct ledger_order order = { .limits = &limits, .account = p->o.id, .server = p->server };

	clients_limits_of(p, &limits);
	for (enum ca_limit_kind kind = 0; kind < CA_LIMIT_COUNT; kind++) {
		struct ledger_room room = { .room = 1 };
		char when[TIME_RFC3339_SIZE];

		if (limits.of[kind].count > 0)
			ledger_room(clients_ledger(env->clients), &order, kind, &room);
		if (room.room == 0) {
			time_format_rfc3339(room.opens_at, when);
			strlist_take(
				ret, xasprintf("provider '%s': the rate limit %s of the CA is used up%s%s until %s",
					     p->o.name, ca_limit_name(kind), room.subject ? " for " : "",
					     room.subject ? room.subject : "", when));
		}
		free(room.subject);
	}
}

void
provider_limit_warnings(struct service *service, struct strlist *ret)
{
	char after[STORE_ID_SIZE] = "";

	for (int n = 0; n < PROVIDERS_WARNED; n++) {
		_cleanup_provider_ struct provider p = { 0 };

		if (object_next_peek(service->store, &provider_class, after, &p, NULL) != 1)
			return;
		memcpy(after, p.o.id, sizeof(after));
		res_provider_warn(service, &p, ret);
	}
}

static void
provider_describe_offer(const struct provider *p, struct json_object *metadata)
{
	const struct offered_profile *offer = p->profiles.items;
	struct json_object *list = p->profiles.count ? json_object_new_array() : NULL;

	for (size_t i = 0; i < p->profiles.count; i++) {
		struct json_object *item = json_object_new_object();

		json_add_string(item, "name", offer[i].name);
		json_add_string(item, "description", offer[i].help);
		json_object_array_add(list, item);
	}
	if (list)
		json_object_object_add(metadata, "profiles", list);
}

static void
provider_describe(
	struct service *service, const void *obj, struct json_object *properties _unused_, struct json_object *metadata)
{
	const struct provider *p = obj;
	struct schedule_row row;

	json_add_string(metadata, "directoryUrl", p->server);
	if (error_is_set(&p->o.failure))
		json_object_object_add(metadata, "lastError", rpc_error_to_json(&p->o.failure));
	else if (p->account_note)
		json_add_string(metadata, "message", p->account_note);
	if (schedule_get(service->store, SCHEDULE_ACCOUNT, p->o.id, &row, NULL) == 1)
		json_add_time(metadata, "nextDate", row.due_at);
	provider_describe_offer(p, metadata);
	if (!p->is_key_imported || p->account_key_uri)
		forget_own_key(metadata);
	res_provider_describe_limits(service, p, metadata);
}

/* An alias becomes its URL; any other value must be an https URL. */
static int
resolve_server(struct provider *p, struct error *err)
{
	const struct ca *ca = ca_find(p->server);
	_cleanup_error_ struct error why = ERROR_INIT;
	const char *nearest;

	if (ca)
		str_replace(&p->server, ca->url);
	if (acme_url_check(p->server, &why) == 0)
		return 0;
	if (strncmp(p->server, "https://", strlen("https://")) == 0)
		return error_set_field(err, "properties.server", "'%s' cannot be used: %s", p->server, why.message);
	nearest = ca_nearest(p->server);
	return error_set_field(err, "properties.server", "'%s' is neither an https URL nor a well-known CA%s%s%s",
		p->server, nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

/*
 * One plain address: not a list, without header fields (RFC 8555 s7.3), and without characters that have a meaning in a
 * URL.
 */
static int
check_email(const struct provider *p, struct error *err)
{
	const char *at = strchr(p->email, '@');
	_cleanup_free_ char *host = NULL;
	_cleanup_error_ struct error why = ERROR_INIT;

	if (!at || at == p->email || strpbrk(p->email, " ,:;?&%<>()[]\\\""))
		return error_set_field(
			err, "properties.email", "'%s' is not one address such as ops@example.com", p->email);
	if (name_canonical(at + 1, false, &host, &why) < 0)
		return error_set_field(err, "properties.email", "'%s': %s", p->email, why.message);
	return 0;
}

static int
read_eab(struct provider *p, struct json_object *properties, struct error *err)
{
	struct json_object *secret = json_path(properties, "externalAccountBinding.keySecret");
	const char *text = secret ? json_object_get_string(secret) : NULL;
	const char *field = "properties.externalAccountBinding.keySecret";
	_cleanup_error_ struct error why = ERROR_INIT;

	if (!text)
		return 0;
	if (base64_decode_any(text, strlen(text), &p->eab_key, &why) < 0)
		return error_set_field(err, field, "%s; copy it from the CA, in base64 or base64url", why.message);
	if (p->eab_key.len == 0 || p->eab_key.len > EAB_KEY_MAX)
		return error_set_field(
			err, field, "is a key of %zu octets; a MAC key has 1 to %d", p->eab_key.len, EAB_KEY_MAX);
	return 0;
}

static int
provider_take_key(struct provider *p, const struct key *key, struct error *err)
{
	const char *algorithm = key_algorithm_name(key_algorithm_of(key));

	if (p->account_key_algorithm && strcmp(p->account_key_algorithm, algorithm) != 0)
		return error_set_field(err, "properties.accountKeyAlgorithm",
			"is '%s', but the given key is %s: omit it", p->account_key_algorithm, algorithm);
	str_replace(&p->account_key_algorithm, algorithm);
	p->is_key_imported = true;
	return key_to_der(key, &p->account_key, err);
}

static int
check_rate_limits(const struct provider *p, struct error *err)
{
	struct ca_limits limits = { .spares_renewals = false };
	_cleanup_error_ struct error why = ERROR_INIT;

	for (size_t i = 0; i < p->rate_limits.count; i++)
		if (ca_limits_set(&limits, p->rate_limits.items[i], &why) < 0)
			return error_set_field(err, "properties.rateLimits", "%s", why.message);
	return 0;
}

static int
res_provider_read_staging(struct provider *p, struct error *err)
{
	const struct ca *ca = p->staging ? ca_find(p->staging) : NULL;
	_cleanup_error_ struct error why = ERROR_INIT;

	if (ca)
		str_replace(&p->staging, ca->url);
	if (!p->staging || strcmp(p->staging, "none") == 0)
		return 0;
	if (acme_url_check(p->staging, &why) < 0)
		return error_set_field(err, "properties.staging",
			"'%s' is neither an https URL nor a well-known CA, nor none", p->staging);
	if (strcmp(p->staging, p->server) == 0)
		return error_set_field(err, "properties.staging", "is the server of the provider itself");
	return 0;
}

/* The key of an existing account, or of one to be registered with it. */
static int
read_account_key(struct call *call, struct provider *p, struct json_object *properties, struct error *err)
{
	struct json_object *member = json_path(properties, "accountKey");
	_cleanup_secret_ struct secret text = SECRET_INIT;
	_cleanup_key_ struct key *key = NULL;
	_cleanup_error_ struct error why = ERROR_INIT;
	int is_compromised;

	if (!member)
		return 0;
	if (p->account_key_uri)
		return error_set_field(err, "properties.accountKeyUri", "is of another key than accountKey: omit one");
	secret_set(&text, json_object_get_string(member), (size_t)json_object_get_string_len(member));
	if (key_from_text(&text, &key, &why) < 0)
		return error_set_field(err, "properties.accountKey", "%s", why.message);
	is_compromised = compromised_has(call->service->store, key, err);
	if (is_compromised)
		return is_compromised < 0 ? -1
					  : error_set_field(err, "properties.accountKey",
						    "is compromised: a certificate with this key was revoked");
	return provider_take_key(p, key, err);
}

/* token_keys_wait() has found it. */
static int
provider_take_token_key(struct call *call, struct provider *p, struct error *err)
{
	_cleanup_key_ struct key *key = NULL;

	if (!p->account_key_uri)
		return 0;
	return key_from_der(&call->token_key, &key, err) < 0 ? -1 : provider_take_key(p, key, err);
}

static int
res_provider_check_roots(const struct provider *p, struct error *err)
{
	_cleanup_buf_ struct buf roots = BUF_INIT;

	if (!p->trusted_roots)
		return 0;
	if (buf_read_file(&roots, AT_FDCWD, p->trusted_roots, X509_ROOTS_MAX_OCTETS, err) < 0)
		return -1;
	return x509_roots_check(&roots, err) < 0 ? error_wrap(err, "'%s'", p->trusted_roots) : 0;
}

/* Properties that are not sent were checked before; the server may be declared by its alias. */
static int
provider_read(struct call *call, const void *old, void *obj, struct json_object *properties, struct error *err)
{
	struct provider *p = obj;

	if ((json_path(properties, "server") || ca_find(p->server)) && resolve_server(p, err) < 0)
		return -1;
	if (json_path(properties, "email") && check_email(p, err) < 0)
		return -1;
	if (window_check(&p->issue_windows, &p->rollout_windows, &p->freezes, err) < 0)
		return -1;
	if (res_provider_read_staging(p, err) < 0)
		return -1;
	if (json_path(properties, "rateLimits") && check_rate_limits(p, err) < 0)
		return -1;
	if ((!old || json_path(properties, "externalAccountBinding")) && read_eab(p, properties, err) < 0)
		return -1;
	if (p->preferred_chain && acme_chain_check_preference(p->preferred_chain, err) < 0)
		return resource_refused(err, "preferredChain");
	if (json_path(properties, "trustedRoots") && res_provider_check_roots(p, err) < 0)
		return resource_refused(err, "trustedRoots");
	return read_account_key(call, p, properties, err);
}

const struct resource_ops provider_ops = {
	.id = API_PROVIDER,
	.cls = &provider_class,
	.describe = provider_describe,
	.read = provider_read,
};

/* The account is registered now, or retried. Changed terms are the operator's to accept, whatever else is changed. */
static void
schedule_account(struct call *call, struct provider *p)
{
	p->attempts = 0;
	if (p->terms == TERMS_CHANGED)
		return;
	p->o.state = OBJECT_PROVISIONING;
	error_clear(&p->o.failure);
	p->next_at = call_now(call);
}

int
provider_create(struct call *call, struct json_object *params _unused_, struct error *err)
{
	_cleanup_provider_ struct provider p = { 0 };
	int rc;

	if (resource_declare(call, &p, err) < 0)
		return -1;
	rc = token_keys_wait(call, p.account_key_uri, "properties.accountKeyUri", provider_create, err);
	if (!rc)
		rc = profiles_wait_of_provider(call, &p, false, provider_create, err);
	if (!rc)
		rc = provider_take_token_key(call, &p, err);
	if (rc)
		return rc;
	schedule_account(call, &p);
	return resource_save(call, EVENT_OBJECT_CREATED, &p, err);
}

/* A CA binds an external account, and takes agreement to its terms, but takes neither back. */
static int
check_registered(const struct provider *old, const struct provider *p, const struct effect *effect, struct error *err)
{
	if (!effect_is_registered(old) || effect->action == EFFECT_REISSUE || p->has_agreed_terms ||
		!strlist_has(&effect->changed, "termsOfServiceAgreed"))
		return 0;
	error_set(err, ERROR_STATE, "the account has agreed to the terms; declare another provider");
	if (err)
		err->field = xstrdup("properties.termsOfServiceAgreed");
	return -1;
}

/* The account is not used any more, nor its key, unless it is in a token: that one is declared. */
static void
forget_account(struct provider *p)
{
	str_replace(&p->account_url, NULL);
	str_replace(&p->account_thumbprint, NULL);
	str_replace(&p->account_status, NULL);
	str_replace(&p->terms_url, NULL);
	str_replace(&p->account_note, NULL);
	record_list_clear(&offered_profile_class, &p->profiles);
	p->terms = TERMS_QUIET;
	p->has_new_email = false;
	secret_clear(&p->next_key);
	p->wants_rollover = false;
	p->wants_end = false;
	if (p->account_key_uri)
		return;
	secret_clear(&p->account_key);
	p->is_key_imported = false;
}

/* Another CA knows neither the account nor its external account. */
static int
leave_server(const struct provider *old, struct provider *p, struct error *err)
{
	if (p->eab_key_id && old->eab_key_id && strcmp(p->eab_key_id, old->eab_key_id) == 0)
		return error_set_field(err, "properties.externalAccountBinding",
			"'%s' is from the former CA: set the one of the new CA, or null", p->eab_key_id);
	forget_account(p);
	return 0;
}

/* Calls @change for each of the provider's auto-certificates, and saves those that it has changed. */
static int
res_provider_change_autos(struct call *call, const struct provider *p,
	bool (*change)(struct call *call, const struct provider *p, struct autocert *a), struct error *err)
{
	struct store *store = call->service->store;
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;

	if (object_referrers(store, &autocert_class, p->o.id, REFERRERS_MAX, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.count; i++) {
		_cleanup_autocert_ struct autocert a = { 0 };

		if (object_load(store, &autocert_class, ids.items[i], &a, err) < 0 ||
			(change(call, p, &a) && object_save(store, call_txn(call), &autocert_class, &a, err) < 0))
			return -1;
	}
	return 0;
}

/* Certificates of the former CA stay in use until the new ones exist. */
static bool
res_provider_reissue(struct call *call, const struct provider *p, struct autocert *a)
{
	if (strcmp(a->provider, p->o.id) != 0)
		return false; /* it is only a fallback */
	autocert_reissue(call, a);
	return true;
}

/* Other limits apply: an order that waits is looked at again. */
static bool
res_provider_end_wait(struct call *call, const struct provider *p, struct autocert *a)
{
	if (a->next_at == 0 || a->next_at != a->hold_at || strcmp(autocert_provider(a), p->o.id) != 0)
		return false;
	a->hold_at = 0;
	a->next_at = call_now(call);
	return true;
}

/* Other windows apply. An order that has waited for its turn is looked at when it is due. */
static bool
res_provider_move_renewal(struct call *call, const struct provider *p, struct autocert *a)
{
	if (strcmp(a->provider, p->o.id) != 0 || !a->last_certificate || a->is_paused || a->next_at == a->hold_at ||
		a->skips_windows)
		return false;
	issue_plan_again(call->service->issue_env, a);
	return true;
}

/* An unchanged declaration that is sent again means that the cause was fixed elsewhere: at the CA, or in a file. */
static int
res_provider_try_again(struct call *call, struct provider *p, struct error *err)
{
	schedule_account(call, p);
	call_forget_provider(call, p->o.id);
	if (object_save(call->service->store, call_txn(call), &provider_class, p, err) < 0)
		return -1;
	json_object_put(call->result);
	call->result = resource_seen_by(call->peer, call->service, &provider_ops, p);
	return 0;
}

/* Not only what the provider has declared all along: the caller says it now. */
static bool
sends_agreement(struct json_object *params)
{
	return json_object_get_boolean(json_path(params, "properties.termsOfServiceAgreed"));
}

int
provider_update(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_provider_ struct provider old = { 0 };
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_effect_ struct effect effect = { 0 };
	int rc = resource_redeclare(call, &old, &p, &effect, err);

	if (rc >= 0 && old.terms == TERMS_CHANGED && sends_agreement(params))
		p.terms = TERMS_ACCEPTED;
	if (rc == 0)
		return effect_is_registered(&old) ? 0 : res_provider_try_again(call, &p, err);
	if (rc < 0 || check_registered(&old, &p, &effect, err) < 0)
		return -1;
	if (effect.action == EFFECT_REISSUE && leave_server(&old, &p, err) < 0)
		return -1;
	if (effect.action == EFFECT_REISSUE || strlist_has(&effect.changed, "profile") ||
		strlist_has(&effect.changed, "profilePolicy")) {
		rc = profiles_wait_of_provider(call, &p, effect.action == EFFECT_REISSUE, provider_update, err);
		if (rc)
			return rc;
	}
	if (effect.action != EFFECT_REISSUE && old.account_url && strlist_has(&effect.changed, "email"))
		p.has_new_email = true;
	if (effect.registers || p.has_new_email)
		schedule_account(call, &p);
	call_forget_provider(call, p.o.id);
	if (resource_save(call, EVENT_OBJECT_UPDATED, &p, err) < 0)
		return -1;
	if (strlist_has(&effect.changed, "rateLimits") &&
		res_provider_change_autos(call, &p, res_provider_end_wait, err) < 0)
		return -1;
	if ((strlist_has(&effect.changed, "issueWindows") || strlist_has(&effect.changed, "freezes")) &&
		res_provider_change_autos(call, &p, res_provider_move_renewal, err) < 0)
		return -1;
	return effect.action == EFFECT_REISSUE ? res_provider_change_autos(call, &p, res_provider_reissue, err) : 0;
}

/* certd makes no keys in tokens, and an account's key stays where it was declared to be. */
static int
provider_refuse_other_key(const struct provider *p, struct error *err)
{
	return error_set(err, ERROR_STATE,
		"the account key of '%s' is in a PKCS#11 token, so certd does not replace it: make another key there, "
		"and declare another provider with its URI",
		p->o.name);
}

int
provider_new_account(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_provider_ struct provider p = { 0 };

	if (resource_find(call, &provider_class, params, &p, err) < 0)
		return -1;
	if (!p.account_status)
		return error_set(err, ERROR_STATE,
			"the CA does not refuse the account of '%s', and its certificates depend on it; to have a "
			"second account, declare another provider",
			p.o.name);
	if (p.account_key_uri)
		return provider_refuse_other_key(&p, err);
	forget_account(&p);
	schedule_account(call, &p);
	call_forget_provider(call, p.o.id);
	resource_modified(call, &p.o);
	return resource_save(call, EVENT_OBJECT_UPDATED, &p, err);
}

int
provider_rollover(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_provider_ struct provider p = { 0 };
	_cleanup_free_ char *command = NULL;

	if (resource_find(call, &provider_class, params, &p, err) < 0)
		return -1;
	if (!effect_is_registered(&p)) {
		command = shell_certctl("explain provider", p.o.name, NULL);
		return error_set(err, ERROR_STATE, "provider '%s' has no usable account; see: %s", p.o.name, command);
	}
	if (p.account_key_uri)
		return provider_refuse_other_key(&p, err);
	p.wants_rollover = true;
	schedule_account(call, &p);
	call_forget_provider(call, p.o.id);
	resource_modified(call, &p.o);
	return resource_save(call, EVENT_OBJECT_UPDATED, &p, err);
}

/* It is final: auto-certificates would only fail. */
static int
check_unused(struct call *call, const struct provider *p, struct error *err)
{
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;

	if (object_referrers(call->service->store, &autocert_class, p->o.id, REFERRERS_MAX, &ids, err) < 0)
		return -1;
	if (ids.count == 0)
		return 0;
	error_set(err, ERROR_IN_USE,
		"%zu auto-certificate%s of '%s' would not be renewed any more, and the account cannot be activated "
		"again; to deactivate it all the same, use force (--force)",
		ids.count, ids.count == 1 ? "" : "s", p->o.name);
	return -1;
}

int
provider_deactivate(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_provider_ struct provider p = { 0 };

	if (resource_find(call, &provider_class, params, &p, err) < 0)
		return -1;
	if (!p.account_url || p.account_status)
		return error_set(err, ERROR_STATE, "provider '%s' has no account that could be deactivated", p.o.name);
	if (p.next_key.len)
		return error_set(err, ERROR_STATE, "the key of the account of '%s' is being replaced; try again later",
			p.o.name);
	if (!json_object_get_boolean(json_path(params, "force")) && check_unused(call, &p, err) < 0)
		return -1;
	p.wants_end = true;
	p.wants_rollover = false;
	p.terms = TERMS_QUIET;
	schedule_account(call, &p);
	call_forget_provider(call, p.o.id);
	resource_modified(call, &p.o);
	return resource_save(call, EVENT_OBJECT_UPDATED, &p, err);
}

int
provider_delete(struct call *call, struct json_object *params _unused_, struct error *err)
{
	_cleanup_provider_ struct provider p = { 0 };

	if (resource_remove(call, &p, err) < 0)
		return -1;
	call_forget_provider(call, p.o.id);
	return 0;
}
