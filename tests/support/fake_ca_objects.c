/*
 * Accounts, orders and authorizations of the fake CA. Nothing happens by itself: an object that is asked for looks at
 * the clock and becomes what it should be by now.
 */
#include "tests/support/fake_ca_objects.h"

#include "common/crypto/base64url.h"
#include "common/crypto/x509.h"
#include "common/json.h"
#include "common/name.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum { LIFETIME_SEC = 90 * 86400 };

static const char *const challenge_types[] = { "http-01", "dns-01", "tls-alpn-01" };
static const char *const status_names[] = { "pending", "valid", "invalid", "deactivated" };

void
fake_objects_directory(struct fake_ca *ca, struct fake_ca_answer *answer)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	const char *base = ca->base;

	buf_printf(&b, "{\"newNonce\":\"%s/nonce\",\"newAccount\":\"%s/account\",\"newOrder\":\"%s/order\",", base,
		base, base);
	buf_printf(&b, "\"revokeCert\":\"%s/revoke\",\"keyChange\":\"%s/key\",\"x-unknown\":[1],", base, base);
	if (ca->script.renewal_info)
		buf_printf(&b, "\"renewalInfo\":\"%s/renewal/\",", base);
	buf_add_str(&b, "\"meta\":{");
	if (ca->script.terms)
		buf_printf(&b, "\"termsOfService\":\"%s/terms\",", base);
	if (!ca->script.profiles)
		buf_add_str(&b, "\"profiles\":{\"classic\":\"90 days\",\"short\":\"6 days\"},");
	else if (*ca->script.profiles)
		buf_printf(&b, "\"profiles\":%s,", ca->script.profiles);
	buf_printf(&b, "\"externalAccountRequired\":%s}}", ca->script.eab_key_id ? "true" : "false");
	fake_ca_answer_body(answer, 200, b.data);
}

/* Why the account cannot be made, as problem type; NULL: it can. */
static const char *
refuse_account(struct fake_ca *ca, struct json_object *payload, const struct fake_jws *jws)
{
	const struct fake_ca_script *script = &ca->script;
	struct json_object *binding = NULL;
	bool agreed = false;
	const char *wrong;

	json_get_bool(payload, "termsOfServiceAgreed", &agreed, NULL);
	if (script->terms && !agreed)
		return "userActionRequired";
	if (!script->eab_key_id)
		return NULL;
	if (json_get_object(payload, "externalAccountBinding", &binding, NULL) != 1)
		return "externalAccountRequired";
	wrong = fake_jws_check_binding(binding, script->eab_key_id, script->eab_key, jws->jwk, jws->url);
	return wrong ? "unauthorized" : NULL;
}

static void
answer_account(struct fake_ca *ca, size_t id, int status, struct fake_ca_answer *answer)
{
	fake_ca_answer_body(answer, status, "{\"status\":\"valid\"}");
	answer->res.location = xasprintf("%s/account/%zu", ca->base, id);
}

static void
set_contact(struct fake_account *account, struct json_object *payload)
{
	struct json_object *contact = json_path(payload, "contact");

	if (contact)
		str_replace(&account->contact, json_object_get_string(json_object_array_get_idx(contact, 0)));
}

const char *
fake_ca_contact(const struct fake_ca *ca, size_t account)
{
	return ca->accounts[account].contact;
}

void
fake_ca_forget_accounts(struct fake_ca *ca)
{
	for (size_t i = 0; i < ca->n_accounts; i++)
		ca->accounts[i].is_forgotten = true;
}

void
fake_ca_deactivate(struct fake_ca *ca, size_t account)
{
	ca->accounts[account].is_deactivated = true;
}

bool
fake_ca_is_deactivated(const struct fake_ca *ca, size_t account)
{
	return ca->accounts[account].is_deactivated;
}

static void
post_account_update(struct fake_ca *ca, size_t id, const struct fake_jws *jws, struct fake_ca_answer *answer)
{
	_cleanup_json_ struct json_object *payload = json_parse(buf_str(&jws->payload), jws->payload.len, NULL);

	if (payload)
		set_contact(&ca->accounts[id], payload);
	if (payload && json_path(payload, "status"))
		ca->accounts[id].is_deactivated = true;
	answer_account(ca, id, 200, answer);
}

/* Its owner may agree to changed terms by it. */
static void
answer_known_account(struct fake_ca *ca, size_t id, struct json_object *payload, struct fake_ca_answer *answer)
{
	bool agreed = false;

	if (ca->accounts[id].is_deactivated) {
		fake_ca_answer_problem(answer, 403, "unauthorized",
			"An account with the provided public key exists but is deactivated");
		return;
	}
	json_get_bool(payload, "termsOfServiceAgreed", &agreed, NULL);
	if (agreed)
		ca->script.terms_changed = false;
	answer_account(ca, id, 200, answer);
}

static void
post_account(struct fake_ca *ca, const struct fake_jws *jws, struct fake_ca_answer *answer)
{
	_cleanup_json_ struct json_object *payload = json_parse(buf_str(&jws->payload), jws->payload.len, NULL);
	bool is_only_existing = false;
	const char *problem;

	if (!payload) {
		fake_ca_complain(ca, "newAccount", "payload is no JSON");
		return;
	}
	for (size_t i = 0; i < ca->n_accounts; i++)
		if (!ca->accounts[i].is_forgotten && strcmp(ca->accounts[i].jwk, jws->jwk) == 0) {
			answer_known_account(ca, i, payload, answer);
			return;
		}
	json_get_bool(payload, "onlyReturnExisting", &is_only_existing, NULL);
	problem = is_only_existing ? "accountDoesNotExist" : refuse_account(ca, payload, jws);
	if (problem) {
		fake_ca_answer_problem(answer, 400, problem, "no account for you");
		return;
	}
	ca->accounts = xreallocarray(ca->accounts, ca->n_accounts + 1, sizeof(*ca->accounts));
	ca->accounts[ca->n_accounts] = (struct fake_account){
		.jwk = xstrdup(jws->jwk),
		.thumbprint = fake_jwk_thumbprint(jws->jwk),
		.key = fake_jwk_key(jws->jwk),
	};
	set_contact(&ca->accounts[ca->n_accounts], payload);
	answer_account(ca, ca->n_accounts++, 201, answer);
}

/* What is wrong with the inner request (RFC 8555 s7.3.5); NULL: nothing. */
static const char *
key_change_fault(const struct fake_account *account, const struct fake_jws *outer, const struct fake_jws *inner)
{
	_cleanup_json_ struct json_object *payload = json_parse(buf_str(&inner->payload), inner->payload.len, NULL);
	_cleanup_buf_ struct buf old_key = BUF_INIT;
	const char *url = NULL;

	if (!inner->jwk || inner->nonce || strcmp(inner->url, outer->url) != 0)
		return "the header of the inner request is wrong";
	if (!payload || json_get_string(payload, "account", &url, NULL) != 1 || strcmp(url, outer->kid) != 0)
		return "the inner request is about another account";
	if (!json_path(payload, "oldKey"))
		return "the inner request has no oldKey";
	json_write(json_path(payload, "oldKey"), &old_key);
	return strcmp(buf_str(&old_key), account->jwk) == 0 ? NULL : "oldKey is another key";
}

static void
set_key(struct fake_ca *ca, struct fake_account *account, const char *jwk)
{
	char *former = account->thumbprint;

	str_replace(&account->jwk, jwk);
	EVP_PKEY_free(account->key);
	account->key = fake_jwk_key(jwk);
	account->thumbprint = fake_jwk_thumbprint(jwk);
	for (size_t i = 0; i < ca->n_authzs; i++)
		if (ca->authzs[i].thumbprint == former)
			ca->authzs[i].thumbprint = account->thumbprint;
	free(former);
}

static void
post_key_change(struct fake_ca *ca, const struct fake_jws *jws, struct fake_ca_answer *answer)
{
	struct fake_account *account = &ca->accounts[strtoul(strrchr(jws->kid, '/') + 1, NULL, 10)];
	_cleanup_(fake_jws_clear) struct fake_jws inner = { .kid = NULL };
	const char *wrong = fake_jws_open(buf_str(&jws->payload), jws->payload.len, NULL, NULL, &inner);

	if (!wrong)
		wrong = key_change_fault(account, jws, &inner);
	if (wrong) {
		fake_ca_complain(ca, "keyChange", wrong);
		fake_ca_answer_problem(answer, 400, "malformed", wrong);
		return;
	}
	for (size_t i = 0; i < ca->n_accounts; i++)
		if (strcmp(ca->accounts[i].jwk, inner.jwk) == 0) {
			fake_ca_answer_problem(answer, 409, "malformed", "the key is another account's");
			return;
		}
	set_key(ca, account, inner.jwk);
	answer_account(ca, (size_t)(account - ca->accounts), 200, answer);
}

static char *
token_of(size_t authz, size_t challenge)
{
	return xasprintf("token-%08zu-%zu-fake_ca-0123456789", authz, challenge);
}

/* The challenge was answered: what does its validation say by now? */
static void
authz_update(struct fake_ca *ca, size_t id)
{
	const struct fake_ca_script *script = &ca->script;
	struct fake_authz *a = &ca->authzs[id];
	const char *type;
	_cleanup_free_ char *token = NULL;
	_cleanup_free_ char *key_authorization = NULL;
	bool fails;

	if (a->status != FAKE_PENDING || !a->answered || script->never_validates ||
		fake_ca_now_ms(ca) < a->decide_at_ms)
		return;
	type = challenge_types[a->answered - 1];
	token = token_of(id, a->answered - 1);
	key_authorization = xasprintf("%s.%s", token, a->thumbprint);
	fails = (script->fail_name && strcmp(script->fail_name, a->name) == 0) ||
		(script->validate && !script->validate(type, a->name, key_authorization, script->arg));
	if (a->failures < script->retrying_failures) {
		a->failures++;
		a->answered = 0;
		a->problem = "incorrectResponse";
	} else if (fails) {
		a->status = FAKE_INVALID;
		a->problem = script->fail_problem ? script->fail_problem : "unauthorized";
	} else {
		a->status = FAKE_VALID;
		a->problem = NULL;
	}
}

static const char *
order_status(struct fake_ca *ca, const struct fake_order *o)
{
	bool is_ready = true;

	if (o->is_finalized)
		return fake_ca_now_ms(ca) >= o->issued_at_ms ? "valid" : "processing";
	for (size_t i = 0; i < o->names.count; i++) {
		authz_update(ca, o->first_authz + i);
		switch (ca->authzs[o->first_authz + i].status) {
		case FAKE_VALID:
			break;
		case FAKE_PENDING:
			is_ready = false;
			break;
		case FAKE_INVALID:
		case FAKE_DEACTIVATED:
			return "invalid";
		}
	}
	return is_ready ? "ready" : "pending";
}

static void
answer_order(struct fake_ca *ca, size_t id, int http_status, struct fake_ca_answer *answer)
{
	struct fake_order *o = &ca->orders[id];
	const char *status = order_status(ca, o);
	const char *profile = ca->script.profile_echo ? ca->script.profile_echo : o->profile;
	_cleanup_buf_ struct buf b = BUF_INIT;

	buf_printf(&b, "{\"status\":\"%s\",\"expires\":\"2099-01-01T00:00:00.5Z\",\"identifiers\":[", status);
	for (size_t i = o->names.count; i-- > 0;) /* in another order than they were asked for */
		buf_printf(&b, "{\"type\":\"%s\",\"value\":\"%s\"}%s",
			name_type_of(o->names.items[i]) == NAME_IP ? "ip" : "dns", o->names.items[i], i ? "," : "");
	buf_add_str(&b, "],\"authorizations\":[");
	for (size_t i = 0; i < o->names.count; i++)
		buf_printf(&b, "%s\"%s/authz/%zu\"", i ? "," : "", ca->base, o->first_authz + i);
	buf_printf(&b, "],\"finalize\":\"%s/order/%zu/finalize\"", ca->base, id);
	if (strcmp(status, "valid") == 0)
		buf_printf(&b, ",\"certificate\":\"%s/cert/%zu\"", ca->base, id);
	if (profile && *profile)
		buf_printf(&b, ",\"profile\":\"%s\"", profile);
	buf_add_char(&b, '}');
	fake_ca_answer_body(answer, http_status, b.data);
	if (http_status == 201)
		answer->res.location = xasprintf("%s/order/%zu", ca->base, id);
	if (strcmp(status, "pending") == 0 || strcmp(status, "processing") == 0)
		answer->res.retry_after_sec = ca->script.retry_after_sec;
}

static void
add_authz(struct fake_ca *ca, const char *name, const char *thumbprint)
{
	ca->authzs = xreallocarray(ca->authzs, ca->n_authzs + 1, sizeof(*ca->authzs));
	ca->authzs[ca->n_authzs++] = (struct fake_authz){
		.name = xstrdup(name_base(name)),
		.is_wildcard = name_is_wildcard(name),
		.status = ca->script.reuse_authorizations ? FAKE_VALID : FAKE_PENDING,
		.thumbprint = thumbprint,
	};
}

static const char *
thumbprint_of(const struct fake_ca *ca, const char *kid)
{
	return ca->accounts[strtoul(strrchr(kid, '/') + 1, NULL, 10)].thumbprint;
}

const char *
fake_objects_refuse_account(const struct fake_ca *ca, const char *kid)
{
	const struct fake_account *account = &ca->accounts[strtoul(strrchr(kid, '/') + 1, NULL, 10)];

	if (account->is_forgotten)
		return "accountDoesNotExist";
	return account->is_deactivated ? "unauthorized" : NULL;
}

static void
post_new_order(struct fake_ca *ca, const struct fake_jws *jws, struct fake_ca_answer *answer)
{
	_cleanup_json_ struct json_object *payload = json_parse(buf_str(&jws->payload), jws->payload.len, NULL);
	struct fake_order o = { .first_authz = ca->n_authzs };
	struct json_object *identifiers = NULL;
	const char *profile = NULL, *replaces = NULL;

	if (ca->script.terms_changed) {
		fake_ca_answer_problem(answer, 403, "userActionRequired", "the terms have changed");
		strlist_take(&answer->res.links, xasprintf("<%s/terms-2>;rel=\"terms-of-service\"", ca->base));
		return;
	}
	if (!payload || json_get_array(payload, "identifiers", &identifiers, NULL) != 1) {
		fake_ca_answer_problem(answer, 400, "malformed", "no identifiers");
		return;
	}
	for (size_t i = 0; i < json_object_array_length(identifiers); i++) {
		const char *value = NULL;

		json_get_string(json_object_array_get_idx(identifiers, i), "value", &value, NULL);
		strlist_add(&o.names, value ? value : "");
		add_authz(ca, value ? value : "", thumbprint_of(ca, jws->kid));
	}
	json_get_string(payload, "profile", &profile, NULL);
	o.profile = xstrdup_null(profile);
	json_get_string(payload, "replaces", &replaces, NULL);
	o.replaces = xstrdup_null(replaces);
	ca->orders = xreallocarray(ca->orders, ca->n_orders + 1, sizeof(*ca->orders));
	ca->orders[ca->n_orders] = o;
	answer_order(ca, ca->n_orders++, 201, answer);
}

static void
add_challenge(struct fake_ca *ca, size_t authz, size_t challenge, struct buf *b)
{
	const struct fake_authz *a = &ca->authzs[authz];
	_cleanup_free_ char *token = token_of(authz, challenge);
	bool is_asked = a->answered == challenge + 1;

	buf_printf(b, "{\"type\":\"%s\",\"url\":\"%s/challenge/%zu/%zu\",\"token\":\"%s\",\"status\":\"%s\"",
		challenge_types[challenge], ca->base, authz, challenge, token,
		is_asked ? status_names[a->status] : "pending");
	if (a->problem)
		buf_printf(b,
			",\"error\":{\"type\":\"urn:ietf:params:acme:error:%s\",\"detail\":\"looked at %s "
			"and did not "
			"like it\"}",
			a->problem, a->name);
	buf_add_char(b, '}');
}

static void
answer_authz(struct fake_ca *ca, size_t id, struct fake_ca_answer *answer)
{
	struct fake_authz *a = &ca->authzs[id];
	bool is_ip = name_type_of(a->name) == NAME_IP;
	_cleanup_buf_ struct buf b = BUF_INIT;

	authz_update(ca, id);
	buf_printf(&b, "{\"status\":\"%s\",\"identifier\":{\"type\":\"%s\",\"value\":\"%s\"},%s\"challenges\":[",
		status_names[a->status], is_ip ? "ip" : "dns", a->name, a->is_wildcard ? "\"wildcard\":true," : "");
	for (size_t i = 0, n = 0; i < ARRAY_SIZE(challenge_types); i++)
		if (!a->is_wildcard || strcmp(challenge_types[i], "dns-01") == 0) {
			buf_add_str(&b, n++ ? "," : "");
			add_challenge(ca, id, i, &b);
		}
	buf_add_str(&b, "]}");
	fake_ca_answer_body(answer, 200, b.data);
}

static void
post_challenge(
	struct fake_ca *ca, size_t authz, size_t challenge, const struct fake_jws *jws, struct fake_ca_answer *answer)
{
	struct fake_authz *a = &ca->authzs[authz];
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (a->status != FAKE_PENDING) {
		fake_ca_answer_problem(answer, 400, "malformed", "the authorization is not pending");
		return;
	}
	if (strcmp(buf_str(&jws->payload), "{}") != 0)
		fake_ca_complain(ca, "challenge", "the payload is not {}");
	if (!a->answered) {
		a->answered = challenge + 1;
		a->decide_at_ms = fake_ca_now_ms(ca) + ca->script.validate_ms;
	}
	add_challenge(ca, authz, challenge, &b);
	fake_ca_answer_body(answer, 200, b.data);
}

static int64_t
lifetime_of(const struct fake_ca *ca, const struct fake_order *o)
{
	const struct fake_ca_script *script = &ca->script;

	if (script->lifetime)
		return script->lifetime(&o->names, script->arg);
	return script->lifetime_sec ? script->lifetime_sec : LIFETIME_SEC;
}

static void
post_finalize(struct fake_ca *ca, size_t id, const struct fake_jws *jws, struct fake_ca_answer *answer)
{
	struct fake_order *o = &ca->orders[id];
	_cleanup_json_ struct json_object *payload = json_parse(buf_str(&jws->payload), jws->payload.len, NULL);
	_cleanup_buf_ struct buf csr = BUF_INIT;
	const char *text = NULL;
	const char *wrong;
	int64_t now = clock_wall(loop_clock(ca->loop)) - ca->script.clock_behind_sec;

	if (strcmp(order_status(ca, o), "ready") != 0) {
		fake_ca_answer_problem(answer, 403, "orderNotReady", "the order is not ready");
		return;
	}
	if (!payload || json_get_string(payload, "csr", &text, NULL) != 1 ||
		base64url_decode(text, strlen(text), &csr, NULL) < 0)
		wrong = "no csr in the payload";
	else
		wrong = fake_issuer_sign(fake_ca_issuer(ca), &csr, &o->names, now, lifetime_of(ca, o),
			ca->script.crl_url, ca->script.ocsp_url, &o->leaf);
	if (wrong) {
		fake_ca_answer_problem(answer, 400, "badCSR", wrong);
		return;
	}
	o->is_finalized = true;
	o->issued_at_ms = fake_ca_now_ms(ca) + ca->script.issue_ms;
	answer_order(ca, id, 200, answer);
}

static void
post_certificate(struct fake_ca *ca, const size_t ids[2], struct fake_ca_answer *answer)
{
	fake_ca_answer_body(answer, 200, buf_str(&ca->orders[ids[0]].leaf));
	str_replace(&answer->res.content_type, "application/pem-certificate-chain");
	fake_issuer_chain(fake_ca_issuer(ca), (unsigned)ids[1], ca->script.sends_root, &answer->res.body);
	for (unsigned i = 1; i <= ca->script.alternates; i++)
		strlist_take(&answer->res.links, xasprintf("<%s/cert/%zu/%u>;rel=\"alternate\"", ca->base, ids[0], i));
}

static bool
exists(const struct fake_ca *ca, enum fake_ca_kind kind, size_t id)
{
	switch (kind) {
	case FAKE_CA_ORDER:
	case FAKE_CA_FINALIZE:
		return id < ca->n_orders;
	case FAKE_CA_ACCOUNT_UPDATE:
		return id < ca->n_accounts;
	case FAKE_CA_CERTIFICATE:
		return id < ca->n_orders && ca->orders[id].is_finalized;
	case FAKE_CA_AUTHORIZATION:
	case FAKE_CA_DEACTIVATE:
	case FAKE_CA_CHALLENGE:
		return id < ca->n_authzs;
	default:
		return kind == FAKE_CA_ACCOUNT || kind == FAKE_CA_KEY_CHANGE || kind == FAKE_CA_NEW_ORDER ||
		       kind == FAKE_CA_REVOKE;
	}
}

/* The order whose certificate is @der, or NULL. */
static struct fake_order *
order_of_certificate(struct fake_ca *ca, const struct buf *der)
{
	for (size_t i = 0; i < ca->n_orders; i++) {
		struct fake_order *o = &ca->orders[i];
		_cleanup_buf_ struct buf leaf = BUF_INIT;

		if (o->leaf.len > 0 && x509_leaf_der(buf_str(&o->leaf), o->leaf.len, &leaf, NULL) == 0 &&
			leaf.len == der->len && memcmp(leaf.data, der->data, der->len) == 0)
			return o;
	}
	return NULL;
}

/* Is the embedded key the certificate's? */
static bool
is_key_of(const struct buf *der, const char *jwk)
{
	const unsigned char *p = (const unsigned char *)der->data;
	X509 *cert = d2i_X509(NULL, &p, (long)der->len);
	EVP_PKEY *key = fake_jwk_key(jwk);
	bool is_same = cert && key && EVP_PKEY_eq(X509_get0_pubkey(cert), key) == 1;

	X509_free(cert);
	EVP_PKEY_free(key);
	return is_same;
}

static void
post_revoke(struct fake_ca *ca, const struct fake_jws *jws, struct fake_ca_answer *answer)
{
	_cleanup_json_ struct json_object *payload = json_parse(buf_str(&jws->payload), jws->payload.len, NULL);
	_cleanup_buf_ struct buf der = BUF_INIT;
	struct fake_order *order = NULL;
	const char *text = NULL;
	int64_t reason = 0;

	if (payload && json_get_string(payload, "certificate", &text, NULL) == 1 &&
		base64url_decode(text, strlen(text), &der, NULL) == 0)
		order = order_of_certificate(ca, &der);
	if (!order) {
		fake_ca_answer_problem(answer, 400, "malformed", "no such certificate");
	} else if (jws->jwk && !is_key_of(&der, jws->jwk)) {
		fake_ca_answer_problem(answer, 403, "unauthorized", "not the certificate's key");
	} else if (order->revoked) {
		fake_ca_answer_problem(answer, 400, "alreadyRevoked", "revoked already");
	} else {
		json_get_int(payload, "reason", 0, 10, &reason, NULL);
		order->revoked = (int)reason + 1;
		order->is_revoked_by_key = jws->jwk != NULL;
		fake_ca_answer_body(answer, 200, "");
	}
}

void
fake_objects_post(struct fake_ca *ca, enum fake_ca_kind kind, const size_t ids[2], const struct fake_jws *jws,
	struct fake_ca_answer *answer)
{
	if (!exists(ca, kind, ids[0]) || (kind == FAKE_CA_CHALLENGE && ids[1] >= ARRAY_SIZE(challenge_types))) {
		fake_ca_answer_problem(answer, 404, "malformed", "no such object");
		return;
	}
	if (kind == FAKE_CA_ACCOUNT) {
		post_account(ca, jws, answer);
	} else if (kind == FAKE_CA_ACCOUNT_UPDATE) {
		post_account_update(ca, ids[0], jws, answer);
	} else if (kind == FAKE_CA_KEY_CHANGE) {
		post_key_change(ca, jws, answer);
	} else if (kind == FAKE_CA_NEW_ORDER) {
		post_new_order(ca, jws, answer);
	} else if (kind == FAKE_CA_ORDER) {
		answer_order(ca, ids[0], 200, answer);
	} else if (kind == FAKE_CA_AUTHORIZATION) {
		answer_authz(ca, ids[0], answer);
	} else if (kind == FAKE_CA_DEACTIVATE) {
		ca->authzs[ids[0]].status = FAKE_DEACTIVATED;
		answer_authz(ca, ids[0], answer);
	} else if (kind == FAKE_CA_CHALLENGE) {
		post_challenge(ca, ids[0], ids[1], jws, answer);
	} else if (kind == FAKE_CA_FINALIZE) {
		post_finalize(ca, ids[0], jws, answer);
	} else if (kind == FAKE_CA_REVOKE) {
		post_revoke(ca, jws, answer);
	} else {
		post_certificate(ca, ids, answer);
	}
}

void
fake_objects_clear(struct fake_ca *ca)
{
	for (size_t i = 0; i < ca->n_accounts; i++) {
		free(ca->accounts[i].jwk);
		free(ca->accounts[i].thumbprint);
		free(ca->accounts[i].contact);
		EVP_PKEY_free(ca->accounts[i].key);
	}
	for (size_t i = 0; i < ca->n_authzs; i++)
		free(ca->authzs[i].name);
	for (size_t i = 0; i < ca->n_orders; i++) {
		strlist_clear(&ca->orders[i].names);
		free(ca->orders[i].profile);
		free(ca->orders[i].replaces);
		buf_clear(&ca->orders[i].leaf);
	}
	free(ca->accounts);
	free(ca->authzs);
	free(ca->orders);
}
