/*
 * The account (RFC 8555 s7.3). Registering may be repeated, because a key always has the same account: after a crash
 * between request and answer, certd sends the request again. The CA's requirements (terms, external account) are
 * checked against the directory first, so that the error names the setting instead of a problem type.
 */
#include "common/crypto/jws.h"
#include "common/json.h"
#include "daemon/acme/acme_client_private.h"

#include <stdlib.h>
#include <string.h>

struct registration {
	struct acme_client *client;
	acme_reply_fn *done;
	void *arg;
	bool is_only_existing;
	char *email;
	bool has_agreed_terms;
	char *eab_key_id;
	struct secret eab_key;
	bool is_known;
};

static void
registration_free(void *arg)
{
	struct registration *reg = arg;

	free(reg->email);
	free(reg->eab_key_id);
	secret_clear(&reg->eab_key);
	free(reg);
}

/* Does the directory permit the registration? */
static int
check_demands(const struct registration *reg, const struct acme_directory *directory, struct error *err)
{
	if (reg->is_only_existing)
		return 0;
	if (directory->terms_of_service && !reg->has_agreed_terms)
		return error_set_field(err, "termsOfServiceAgreed",
			"the CA requires agreement to its terms of service: %s", directory->terms_of_service);
	if (!reg->is_known && directory->needs_eab && !reg->eab_key_id && !reg->eab_key.len)
		return error_set_field(err, "externalAccountBinding",
			"the CA requires an external account binding: set the key identifier and key that it issues "
			"to its customers");
	return 0;
}

static int
add_external_account(const struct registration *reg, const struct acme_directory *directory,
	struct json_object *payload, struct error *err)
{
	_cleanup_buf_ struct buf jws = BUF_INIT;
	struct json_object *binding;

	if (!reg->eab_key_id || !reg->eab_key.len)
		return 0; /* half a binding is none: the CA says whether it can do without */
	if (jws_external_account(reg->client->key, reg->eab_key_id, &reg->eab_key, directory->new_account, &jws, err) <
		0)
		return error_wrap(err, "external account binding");
	binding = json_parse(buf_str(&jws), jws.len, err);
	if (!binding)
		return -1;
	json_object_object_add(payload, "externalAccountBinding", binding);
	return 0;
}

static void
add_contact(struct json_object *payload, const char *email)
{
	_cleanup_strlist_ struct strlist contact = STRLIST_INIT;

	strlist_take(&contact, xasprintf("mailto:%s", email));
	json_add_strlist(payload, "contact", &contact);
}

static int
build_payload(const struct acme_directory *directory, struct buf *ret, struct error *err, void *arg)
{
	const struct registration *reg = arg;
	_cleanup_json_ struct json_object *payload = json_object_new_object();

	if (check_demands(reg, directory, err) < 0)
		return -1;
	if (reg->is_only_existing) {
		json_add_bool(payload, "onlyReturnExisting", true);
	} else {
		if (reg->has_agreed_terms)
			json_add_bool(payload, "termsOfServiceAgreed", true);
		if (reg->email)
			add_contact(payload, reg->email);
		if (!reg->is_known && add_external_account(reg, directory, payload, err) < 0)
			return -1;
	}
	json_write(payload, ret);
	return 0;
}

/* Some CAs answer with the account and its status, others with a problem: the caller sees the latter. */
static int
account_is_dead(const struct acme_reply *reply, enum acme_status status, struct error *err)
{
	error_set(err, ERROR_CA, "the account %s is %s; to register a new one, use a new account key", reply->location,
		status == ACME_REVOKED ? "revoked by the CA" : "deactivated");
	str_replace(&err->problem, "unauthorized");
	return -1;
}

/* Reads the account of an answer: its URL, if it is usable. */
static int
read_account(const struct acme_reply *reply, struct error *err)
{
	enum acme_status status;

	if (!reply->location)
		return error_set(err, ERROR_PROTOCOL, "account: the answer has no Location header");
	if (acme_msg_account(reply->body, reply->body_len, &status, err) < 0)
		return -1;
	return status == ACME_VALID ? 0 : account_is_dead(reply, status, err);
}

static void
registration_done(const struct acme_reply *reply, const struct error *err, void *arg)
{
	struct registration *reg = arg;
	_cleanup_error_ struct error why = ERROR_INIT;

	if (err)
		error_copy(&why, err);
	else if (read_account(reply, &why) == 0)
		str_replace(&reg->client->account_url, reply->location);
	if (!reg->eab_key_id != !reg->eab_key.len && why.problem && strcmp(why.problem, "externalAccountRequired") == 0)
		error_wrap(&why, "the external account binding has no %s", reg->eab_key_id ? "keySecret" : "keyId");
	/* a wrong key identifier or key only gives "unauthorized" */
	if (reg->eab_key_id && why.problem && strcmp(why.problem, "unauthorized") == 0)
		str_replace(&why.field, "externalAccountBinding");
	if (error_is_set(&why))
		reg->done(NULL, &why, reg->arg);
	else
		reg->done(reply, NULL, reg->arg);
}

static struct acme_call *
registration_start(struct registration *reg)
{
	struct acme_call *call = acme_call_new(reg->client, &(struct acme_request){ .url = ACME_NEW_ACCOUNT });

	call->has_jwk = true;
	call->may_lag = reg->is_only_existing && reg->client->account_url;
	call->build = build_payload;
	call->done = registration_done;
	call->release = registration_free;
	call->arg = reg;
	acme_call_start(call);
	return call;
}

struct acme_call *
acme_account_register(
	struct acme_client *client, const struct acme_account_request *request, acme_reply_fn *done, void *arg)
{
	struct registration *reg = xcalloc(1, sizeof(*reg));

	reg->client = client;
	reg->done = done;
	reg->arg = arg;
	reg->email = xstrdup_null(request->email);
	reg->has_agreed_terms = request->has_agreed_terms;
	reg->is_known = request->is_known;
	reg->eab_key_id = xstrdup_null(request->eab_key_id);
	if (request->eab_key)
		secret_copy(&reg->eab_key, request->eab_key);
	return registration_start(reg);
}

struct acme_call *
acme_account_find(struct acme_client *client, acme_reply_fn *done, void *arg)
{
	struct registration *reg = xcalloc(1, sizeof(*reg));

	reg->client = client;
	reg->done = done;
	reg->arg = arg;
	reg->is_only_existing = true;
	return registration_start(reg);
}

struct acme_call *
acme_account_update(struct acme_client *client, const char *email, acme_reply_fn *done, void *arg)
{
	_cleanup_json_ struct json_object *payload = json_object_new_object();
	_cleanup_buf_ struct buf text = BUF_INIT;

	add_contact(payload, email);
	json_write(payload, &text);
	return acme_client_send(
		client, &(struct acme_request){ .url = client->account_url, .payload = buf_str(&text) }, done, arg);
}

struct acme_call *
acme_account_deactivate(struct acme_client *client, acme_reply_fn *done, void *arg)
{
	return acme_client_send(client,
		&(struct acme_request){ .url = client->account_url, .payload = "{\"status\":\"deactivated\"}" }, done,
		arg);
}

/* --- another key --- */

struct key_change {
	struct acme_client *client;
	const struct key *next;
	acme_reply_fn *done;
	void *arg;
};

/* Signed by the new key, without a nonce: the request is this text, signed by the old one. */
static int
build_key_change(const struct acme_directory *directory, struct buf *ret, struct error *err, void *arg)
{
	const struct key_change *change = arg;
	_cleanup_json_ struct json_object *payload = json_object_new_object();
	_cleanup_buf_ struct buf jwk = BUF_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_object *old_key;

	if (key_jwk(change->client->key, &jwk, err) < 0)
		return -1;
	old_key = json_parse(buf_str(&jwk), jwk.len, err);
	if (!old_key)
		return -1;
	json_add_string(payload, "account", change->client->account_url);
	json_object_object_add(payload, "oldKey", old_key);
	json_write(payload, &text);
	return jws_sign(
		change->next, &(struct jws_header){ .url = directory->key_change }, buf_str(&text), text.len, ret, err);
}

static void
key_change_done(const struct acme_reply *reply, const struct error *err, void *arg)
{
	const struct key_change *change = arg;

	change->done(reply, err, change->arg);
}

struct acme_call *
acme_account_change_key(struct acme_client *client, const struct key *next, acme_reply_fn *done, void *arg)
{
	struct key_change *change = xcalloc(1, sizeof(*change));
	struct acme_call *call = acme_call_new(
		client, &(struct acme_request){ .url = ACME_KEY_CHANGE, .is_best_effort = true });

	*change = (struct key_change){ client, next, done, arg };
	call->build = build_key_change;
	call->done = key_change_done;
	call->release = free;
	call->arg = change;
	acme_call_start(call);
	return call;
}
