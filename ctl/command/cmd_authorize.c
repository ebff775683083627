/*
 * register, authorize, get: names validated manually, as with Kontena's commands of the same names. Days may pass until
 * somebody has published the record, so certctl keeps no state; certd stores it.
 */
#include "common/buf.h"
#include "common/ca.h"
#include "common/crypto/acme_txt.h"
#include "common/crypto/key.h"
#include "common/crypto/secret.h"
#include "common/error.h"
#include "common/name.h"
#include "common/shell.h"
#include "ctl/command/cmd.h"
#include "ctl/command/declare.h"
#include "ctl/command/wait.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { PROVIDERS_MAX = 1000 };

/*
 * An event that ends a step does not say whether the CA has validated the name or a record is to be published; the
 * object does.
 */
static const struct wait_rule authorization_rules[] = {
	{ EVENT_ISSUE_PROGRESS, WAIT_STEP },
	{ EVENT_AUTHORIZATION_PENDING, WAIT_DONE },
	{ EVENT_AUTHORIZATION_DONE, WAIT_DONE },
	{ EVENT_AUTHORIZATION_FAILED, WAIT_FAILED },
};

static const struct api_resource *const authorization = &api_resources[API_AUTHORIZATION];
static const struct api_resource *const autocert = &api_resources[API_AUTOCERTIFICATE];

/* --- register --- */

static int
authorize_list_providers(struct ctl *ctl, struct json_object **ret, struct error *err)
{
	struct json_object *params = json_object_new_object();
	_cleanup_json_ struct json_object *result = NULL;

	json_add_int(params, "limit", PROVIDERS_MAX);
	if (ctl_call(ctl, RPC_PROVIDER_LIST, params, &result, err) < 0)
		return -1;
	*ret = json_object_get(ctl_array_at(result, "items"));
	return *ret ? 0 : error_set(err, ERROR_PROTOCOL, "certd's answer does not contain items");
}

/* The provider with that address and server, and --name if it is given; borrowed from @providers, or NULL. */
static struct json_object *
authorize_find_registered(const struct args *args, struct json_object *providers, const char *email, const char *url)
{
	const char *name = args_text(args, "name");

	for (size_t i = 0; i < json_object_array_length(providers); i++) {
		struct json_object *p = json_object_array_get_idx(providers, i);

		if (strcmp(ctl_text_at(p, "properties.email"), email) == 0 &&
			strcmp(ctl_text_at(p, "metadata.directoryUrl"), url) == 0 &&
			(!name || strcmp(ctl_text_at(p, "properties.name"), name) == 0))
			return p;
	}
	return NULL;
}

/* --account-key is refused where it cannot be used: a known provider keeps its key. */
static int
authorize_check_key(const struct args *args, struct json_object *known, struct error *err)
{
	const char *key_text = args_text(args, "accountKey");
	const char *thumbprint = ctl_text_at(known, "metadata.accountThumbprint");
	const char *name = ctl_text_at(known, "properties.name");
	_cleanup_secret_ struct secret text = SECRET_INIT;
	_cleanup_key_ struct key *key = NULL;
	_cleanup_free_ char *given = NULL;

	if (!key_text)
		return 0;
	secret_set(&text, key_text, strlen(key_text));
	if (key_from_text(&text, &key, err) < 0)
		return error_wrap(err, "--account-key");
	given = key_thumbprint(key, err);
	if (!given)
		return -1;
	if (strcmp(given, thumbprint) == 0)
		return 0;
	return error_set(err, ERROR_EXISTS,
		"provider '%s' has this address and another account key; to register this key too, choose another "
		"name: certctl register %s --account-key FILE --name NAME",
		name, args->words.items[0]);
}

/* "acme.example" of "https://acme.example:14000/dir"; owned by the caller. */
static char *
authorize_host_of(const char *url)
{
	const char *start = strstr(url, "://");

	start = start ? start + 3 : url;
	return xstrndup(start, strcspn(start, ":/"));
}

static int
authorize_create_provider(
	struct ctl *ctl, const struct args *args, const char *server, struct json_object **ret, struct error *err)
{
	struct json_object *params = json_object_new_object();
	struct json_object *properties = json_object_new_object();
	_cleanup_free_ char *name = args_text(args, "name") ? xstrdup(args_text(args, "name"))
				    : ca_find(server)       ? xstrdup(server)
							    : authorize_host_of(server);

	json_add_string(properties, "name", name);
	json_add_string(properties, "email", args->words.items[0]);
	json_add_string(properties, "server", server);
	json_add_string(properties, "caFile", args_text(args, "caFile"));
	json_add_string(properties, "accountKey", args_text(args, "accountKey"));
	json_add_bool(properties, "termsOfServiceAgreed", args_has_flag(args, "agreeTos"));
	json_object_object_add(params, "properties", properties);
	return ctl_call(ctl, RPC_PROVIDER_CREATE, params, ret, err);
}

/*
 * The provider is declared, but the CA refused the account: perhaps because its terms were not accepted. It is tried
 * again, unless another attempt has succeeded meanwhile.
 */
static int
authorize_try_provider_again(
	struct wait *wait, const struct args *args, struct json_object *provider, struct error *err)
{
	_cleanup_json_ struct json_object *result = NULL;
	struct json_object *params;
	struct json_object *properties;

	if (!args_has_flag(args, "agreeTos"))
		return error_set(err, ERROR_STATE, "provider '%s' is not registered yet: %s",
			ctl_text_at(provider, "properties.name"), ctl_text_at(provider, "metadata.message"));
	params = json_object_new_object();
	properties = json_object_new_object();
	json_add_bool(properties, "termsOfServiceAgreed", true);
	json_add_string(params, "ref", ctl_text_at(provider, "id"));
	json_object_object_add(params, "properties", properties);
	if (wait_call(wait, RPC_PROVIDER_UPDATE, params, &result, err) < 0)
		return -1;
	return *ctl_text_at(result, "metadata.accountUrl") ? 0 : wait_run(wait, err);
}

int
cmd_register(struct ctl *ctl, struct args *args, struct error *err)
{
	const char *server = args_text(args, "server") ? args_text(args, "server") : "letsencrypt";
	const struct ca *ca = ca_find(server);
	_cleanup_json_ struct json_object *providers = NULL;
	_cleanup_json_ struct json_object *object = NULL;
	struct json_object *known;
	struct wait wait;
	int rc;

	if (args->words.count != 1)
		return error_set(err, ERROR_USAGE,
			"register: an e-mail address is required; write: certctl register you@example.com");
	if (authorize_list_providers(ctl, &providers, err) < 0)
		return -1;
	known = authorize_find_registered(args, providers, args->words.items[0], ca ? ca->url : server);
	if (!known)
		return authorize_create_provider(ctl, args, server, &object, err) < 0
			       ? -1
			       : declare_wait_new(ctl, args, object, err);
	if (authorize_check_key(args, known, err) < 0)
		return -1;
	if (*ctl_text_at(known, "metadata.accountUrl")) {
		output_object(ctl, &view_ready, args->resource, known);
		return 0;
	}
	rc = wait_init_account(&wait, ctl, args, err);
	if (rc == 0)
		rc = wait_subscribe(&wait, ctl_text_at(known, "id"), -1, err);
	if (rc == 0)
		rc = authorize_try_provider_again(&wait, args, known, err);
	wait_clear(&wait);
	if (rc < 0 || ctl_get(ctl, args->resource, ctl_text_at(known, "id"), &object, err) < 0)
		return -1;
	output_object(ctl, &view_ready, args->resource, object);
	return 0;
}

/* --- what authorize and get have in common --- */

/* --provider, or the only provider; owned by the caller. */
static int
authorize_choose_provider(struct ctl *ctl, const struct args *args, char **ret, struct error *err)
{
	_cleanup_json_ struct json_object *providers = NULL;
	size_t count;

	if (args_text(args, "provider")) {
		*ret = xstrdup(args_text(args, "provider"));
		return 0;
	}
	if (authorize_list_providers(ctl, &providers, err) < 0)
		return -1;
	count = json_object_array_length(providers);
	if (count == 0)
		return error_set(err, ERROR_USAGE,
			"no account is registered with a CA yet; write: certctl register you@example.com --agree-tos");
	if (count > 1)
		return error_set(err, ERROR_USAGE,
			"there are %zu providers; choose one by --provider (to list them: certctl list providers)",
			count);
	*ret = xstrdup(ctl_text_at(json_object_array_get_idx(providers, 0), "id"));
	return 0;
}

/* The names in certd's canonical form. */
static int
authorize_read_names(const struct args *args, struct strlist *ret, struct error *err)
{
	for (size_t i = 0; i < args->words.count; i++) {
		const char *word = args->words.items[i];
		char *name = NULL;

		if (strncmp(word, "_.", 2) == 0)
			return args_refuse_expanded(word, err);
		if (name_canonical(word, false, &name, err) < 0)
			return error_wrap(err, "'%s'", word);
		strlist_take(ret, name);
	}
	return 0;
}

/* Return: 1 and the authorization of @name, 0 absent, -1 failed. */
static int
authorize_find_authorization(struct ctl *ctl, const char *name, struct json_object **ret, struct error *err)
{
	if (ctl_get(ctl, authorization, name, ret, err) == 0)
		return 1;
	if (err->code != ERROR_NOT_FOUND)
		return -1;
	error_clear(err);
	return 0;
}

static bool
cmd_authorize_is_valid(struct json_object *a)
{
	return strcmp(ctl_text_at(a, "metadata.status"), "valid") == 0;
}

/* Prints Kontena's three lines, and the same record as a zone file line. */
static void
authorize_record_item(struct output *output, struct json_object *item)
{
	FILE *out = output->ctl->out;
	const char *content = ctl_text_at(item, "metadata.recordContent");
	const char *owner = ctl_text_at(item, "metadata.recordName");
	_cleanup_free_ char *quoted = acme_txt_quoted(content);

	if (cmd_authorize_is_valid(item)) {
		fprintf(out, "%s is authorized until %s\n", ctl_text_at(item, "properties.name"),
			ctl_text_at(item, "metadata.expiresDate"));
		return;
	}
	fprintf(out, "Record name:%.*s\nRecord type:TXT\nRecord content:%s\n", (int)strcspn(owner, "."), owner,
		content);
	fprintf(out, "%s. 300 IN TXT %s\n", owner, quoted);
}

static const struct view view_record = { VIEW_OBJECT, authorize_record_item, NULL };
static const struct view view_records = { VIEW_LIST, authorize_record_item, NULL };

/* --- authorize --- */

/* Creates the authorization of @name, or finds the existing one. */
static int
authorize_make_authorization(
	struct ctl *ctl, const struct args *args, const char *name, struct json_object **ret, struct error *err)
{
	struct json_object *params;
	struct json_object *properties;
	_cleanup_free_ char *provider = NULL;

	if (authorize_choose_provider(ctl, args, &provider, err) < 0)
		return -1;
	params = json_object_new_object();
	properties = json_object_new_object();
	json_add_string(properties, "name", name);
	json_add_string(properties, "provider", provider);
	json_add_string(properties, "challenge", args_text(args, "challenge"));
	json_object_object_add(params, "properties", properties);
	if (ctl_call(ctl, RPC_AUTHORIZATION_CREATE, params, ret, err) == 0)
		return 0;
	if (err->code != ERROR_EXISTS)
		return -1;
	error_clear(err);
	return ctl_get(ctl, authorization, name, ret, err);
}

/* Waits until the CA has decided about @object. @after: as for wait_subscribe(); @needs_validation: after that call. */
static int
authorize_wait_for_ca(
	struct ctl *ctl, const struct args *args, struct json_object *object, bool needs_validation, struct error *err)
{
	_cleanup_json_ struct json_object *result = NULL;
	struct json_object *params;
	_cleanup_wait_ struct wait wait;

	if (wait_init(&wait, ctl, args, authorization_rules, ARRAY_SIZE(authorization_rules), err) < 0 ||
		wait_subscribe(&wait, ctl_text_at(object, "id"), needs_validation ? -1 : 0, err) < 0)
		return -1;
	if (needs_validation) {
		params = json_object_new_object();
		json_add_string(params, "ref", ctl_text_at(object, "id"));
		json_add_bool(params, "force", args_has_flag(args, "force"));
		if (wait_call(&wait, RPC_AUTHORIZATION_VALIDATE, params, &result, err) < 0)
			return -1;
	}
	/* The CA may have decided meanwhile. */
	return cmd_authorize_is_valid(result) ? 0 : wait_run(&wait, err);
}

int
cmd_authorize(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *object = NULL;
	_cleanup_json_ struct json_object *ready = NULL;
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;

	if (args->words.count != 1)
		return error_set(
			err, ERROR_USAGE, "authorize: exactly one name is required; write: certctl authorize DOMAIN");
	if (authorize_read_names(args, &names, err) < 0 ||
		authorize_make_authorization(ctl, args, names.items[0], &object, err) < 0)
		return -1;
	if (!*ctl_text_at(object, "metadata.status") && authorize_wait_for_ca(ctl, args, object, false, err) < 0)
		return -1;
	if (ctl_get(ctl, authorization, ctl_text_at(object, "id"), &ready, err) < 0)
		return -1;
	output_object(ctl, &view_record, authorization, ready);
	return 0;
}

/* --- get --- */

/*
 * Asks the CA to validate every name that was authorized by a separate order. Records of the auto-certificate's own
 * order are checked by that order.
 */
static int
authorize_validate_names(struct ctl *ctl, const struct args *args, const struct strlist *names, struct error *err)
{
	for (size_t i = 0; i < names->count; i++) {
		_cleanup_json_ struct json_object *object = NULL;
		int found = authorize_find_authorization(ctl, names->items[i], &object, err);

		if (found < 0)
			return -1;
		if (!found || cmd_authorize_is_valid(object) || !*ctl_text_at(object, "metadata.recordContent"))
			continue;
		if (*ctl_text_at(object, "metadata.autoCertificate")) {
			_cleanup_json_ struct json_object *result = NULL;
			struct json_object *params;

			if (!args_has_flag(args, "force"))
				continue;
			params = json_object_new_object();
			json_add_string(params, "ref", ctl_text_at(object, "id"));
			json_add_bool(params, "force", true);
			if (ctl_call(ctl, RPC_AUTHORIZATION_VALIDATE, params, &result, err) < 0)
				return -1;
		} else if (authorize_wait_for_ca(ctl, args, object, true, err) < 0) {
			return -1;
		}
	}
	return 0;
}

/*
 * Those of @names whose record is still to be published, as an array; owned by the caller. @is_own: only names with a
 * separate order.
 */
static struct json_object *
authorize_missing_records(struct ctl *ctl, const struct strlist *names, bool is_own)
{
	struct json_object *missing = json_object_new_array();

	for (size_t i = 0; i < names->count; i++) {
		_cleanup_json_ struct json_object *object = NULL;
		_cleanup_error_ struct error err = ERROR_INIT;

		if (authorize_find_authorization(ctl, names->items[i], &object, &err) == 1 &&
			!cmd_authorize_is_valid(object) && *ctl_text_at(object, "metadata.recordContent") &&
			!(is_own && *ctl_text_at(object, "metadata.autoCertificate")))
			json_object_array_add(missing, json_object_get(object));
	}
	return missing;
}

/* Return: -1, because the operator must do more. */
static int
authorize_show_missing(struct ctl *ctl, const struct strlist *names, struct json_object *missing)
{
	_cleanup_buf_ struct buf all = BUF_INIT;
	struct output output;

	output_start(&output, ctl, &view_records, authorization);
	for (size_t i = 0; i < json_object_array_length(missing); i++)
		output_item(&output, json_object_array_get_idx(missing, i));
	output_end(&output);
	for (size_t i = 0; i < names->count; i++) {
		_cleanup_free_ char *word = shell_word(names->items[i]);

		buf_printf(&all, " %s", word);
	}
	free(ctl->hint);
	ctl->hint = xasprintf("when all DNS servers have the record, run again: certctl get%s", buf_str(&all));
	return -1;
}

static struct json_object *
authorize_properties_of(const struct args *args, const struct strlist *names, const char *provider)
{
	struct json_object *properties = json_object_new_object();
	struct json_object *sans = json_object_new_array();

	for (size_t i = 1; i < names->count; i++)
		json_object_array_add(sans, json_object_new_string(names->items[i]));
	json_object_object_add(properties, "subjectAlternativeNames", sans);
	if (provider) {
		json_add_string(properties, "name", args_text(args, "secretName"));
		json_add_string(properties, "provider", provider);
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is at least one name */
		json_add_string(properties, "commonName", names->items[0]);
		json_add_string(properties, "challenge", "manual");
	}
	return properties;
}

static int
authorize_order_new(struct ctl *ctl, const struct args *args, const struct strlist *names, struct json_object **ret,
	struct error *err)
{
	struct json_object *params;
	_cleanup_free_ char *provider = NULL;

	if (authorize_choose_provider(ctl, args, &provider, err) < 0)
		return -1;
	params = json_object_new_object();
	json_object_object_add(params, "properties", authorize_properties_of(args, names, provider));
	return ctl_call(ctl, RPC_AUTOCERTIFICATE_CREATE, params, ret, err);
}

/* Continues the order of @known, or starts another one; adopts the names if they changed. */
static int
authorize_order_again(struct wait *wait, const struct args *args, const struct strlist *names,
	struct json_object *known, struct error *err)
{
	_cleanup_json_ struct json_object *changed = NULL;
	_cleanup_json_ struct json_object *renewed = NULL;
	const char *id = ctl_text_at(known, "id");
	struct json_object *params;

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is at least one name */
	if (strcmp(ctl_text_at(known, "metadata.commonName"), names->items[0]) != 0)
		return error_set(err, ERROR_EXISTS, "auto '%s' is for %s: choose another --secret-name",
			ctl_text_at(known, "properties.name"), ctl_text_at(known, "properties.commonName"));
	params = json_object_new_object();
	json_add_string(params, "ref", id);
	json_object_object_add(params, "properties", authorize_properties_of(args, names, NULL));
	if (ctl_call(wait->ctl, RPC_AUTOCERTIFICATE_UPDATE, params, &changed, err) < 0)
		return -1;
	params = json_object_new_object();
	json_add_string(params, "ref", id);
	return wait_call(wait, RPC_AUTOCERTIFICATE_RENEW, params, &renewed, err);
}

static int
authorize_order(struct ctl *ctl, const struct args *args, const struct strlist *names, struct json_object **ret,
	struct error *err)
{
	_cleanup_json_ struct json_object *object = NULL;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is at least one name */
	const char *name = args_text(args, "secretName") ? args_text(args, "secretName") : names->items[0];
	struct wait wait;
	int rc = wait_init_issue(&wait, ctl, args, err);
	bool is_known;

	if (rc == 0 && ctl_get(ctl, autocert, name, &object, err) < 0)
		rc = err->code == ERROR_NOT_FOUND ? 0 : -1;
	is_known = object != NULL;
	if (rc == 0 && is_known)
		rc = wait_subscribe(&wait, ctl_text_at(object, "id"), -1, err);
	if (rc == 0)
		rc = is_known ? authorize_order_again(&wait, args, names, object, err)
			      : authorize_order_new(ctl, args, names, &object, err);
	if (rc == 0 && !is_known)
		rc = wait_subscribe(&wait, ctl_text_at(object, "id"), 0, err);
	if (rc == 0)
		rc = wait_run(&wait, err);
	wait_clear(&wait);
	return rc < 0 ? -1 : ctl_get(ctl, autocert, ctl_text_at(object, "id"), ret, err);
}

/* "LE_CERTIFICATE_api_example_com_BUNDLE"; owned by the caller. */
static char *
authorize_default_secret(const char *name)
{
	char *secret = xasprintf("LE_CERTIFICATE_%s_BUNDLE", name);

	for (char *p = secret; *p; p++)
		if (!isalnum((unsigned char)*p))
			*p = '_';
	return secret;
}

static void
authorize_show_received(struct ctl *ctl, const struct args *args, const char *name, struct json_object *object)
{
	const char *type = args_text(args, "certType") ? args_text(args, "certType") : "fullchain";
	_cleanup_free_ char *secret = args_text(args, "secretName") ? xstrdup(args_text(args, "secretName"))
								    : authorize_default_secret(name);

	if (ctl->format != FORMAT_TEXT) {
		output_object(ctl, &view_ready, autocert, object);
		return;
	}
	fprintf(ctl->out, "Certificate successfully received and stored into vault with key %s\n", secret);
	fprintf(ctl->out, "%s: %s/%s.pem\n", type, ctl_text_at(object, "metadata.dropDirectory"), type);
}

int
cmd_get(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	_cleanup_json_ struct json_object *object = NULL;
	_cleanup_json_ struct json_object *missing = NULL;

	if (args->words.count == 0)
		return error_set(err, ERROR_USAGE, "get: a name is required; write: certctl get DOMAIN...");
	if (authorize_read_names(args, &names, err) < 0 || authorize_validate_names(ctl, args, &names, err) < 0)
		return -1;
	missing = authorize_missing_records(ctl, &names, true);
	if (json_object_array_length(missing) > 0) {
		error_set(err, ERROR_STATE, "%zu of %zu names not authorized yet: the TXT record was not found in DNS",
			json_object_array_length(missing), names.count);
		return authorize_show_missing(ctl, &names, missing);
	}
	if (authorize_order(ctl, args, &names, &object, err) == 0) {
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is at least one name */
		authorize_show_received(ctl, args, names.items[0], object);
		return 0;
	}
	json_object_put(missing);
	missing = authorize_missing_records(ctl, &names, false);
	return json_object_array_length(missing) > 0 ? authorize_show_missing(ctl, &names, missing) : -1;
}
