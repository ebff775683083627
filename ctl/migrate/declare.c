/*
 * One certificate at a time, all or nothing: its provider, DNS provider and consumer are only declared with it. It is
 * checked as certd checks an import, so that a dry run says the same.
 */
#include "ctl/migrate/declare_private.h"

#include "common/ca.h"
#include "common/error.h"
#include "common/timefmt.h"
#include "ctl/migrate/files.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES_TRIED = 100 };

void
declared_init(struct declared *d)
{
	*d = (struct declared){ .wanted = json_object_new_object(),
		.imports = json_object_new_object(),
		.sources = json_object_new_object() };
}

void
declared_clear(struct declared *d)
{
	json_object_put(d->wanted);
	json_object_put(d->imports);
	json_object_put(d->sources);
	strlist_clear(&d->refused);
	strlist_clear(&d->advice);
}

/* --- objects --- */

struct json_object *
declare_at(struct json_object *all, const char *key, const char *name)
{
	struct json_object *objects = NULL, *object = NULL;

	if (!json_object_object_get_ex(all, key, &objects) || !json_object_object_get_ex(objects, name, &object))
		return NULL;
	return object;
}

void
declare_add(struct declaring *d, const char *key, const char *name, struct json_object *properties)
{
	struct json_object *objects = NULL;
	struct json_object *object = json_object_new_object();

	if (!json_object_object_get_ex(d->ret->wanted, key, &objects)) {
		objects = json_object_new_object();
		json_object_object_add(d->ret->wanted, key, objects);
	}
	json_object_object_add(object, "properties", properties);
	json_object_object_add(object, "secrets", json_object_new_object());
	json_object_object_add(objects, name, object);
}

const char *
declare_text(struct json_object *obj, const char *path)
{
	struct json_object *value = obj ? json_path(obj, path) : NULL;

	return value ? json_object_get_string(value) : "";
}

/* Has @object all of @properties? Secrets cannot be compared with certd's. */
static bool
declare_is_same(const struct api_field *fields, struct json_object *properties, struct json_object *object)
{
	json_object_object_foreach(properties, name, value) {
		const struct api_field *f = api_field_find(fields, name);
		struct json_object *other = NULL;

		if (f && f->type == API_SECRET)
			continue;
		if (!json_object_object_get_ex(object, name, &other) || !json_object_equal(value, other))
			return false;
	}
	return true;
}

char *
declare_name(const struct declaring *d, enum api_resource_id id, const char *name, struct json_object *properties,
	bool *ret_is_new)
{
	const struct api_resource *api = &api_resources[id];
	_cleanup_free_ char *key = xasprintf("%ss", api->noun);
	char *ret = xstrdup(name);

	for (unsigned n = 2; n < NAMES_TRIED; n++) {
		struct json_object *present = declare_at(d->present, key, ret);
		struct json_object *wanted = declare_at(d->ret->wanted, key, ret);

		*ret_is_new = !present && !wanted;
		if (*ret_is_new || (present && declare_is_same(api->properties, properties, present)) ||
			(wanted && json_object_equal(json_path(wanted, "properties"), properties)))
			break;
		free(ret);
		ret = xasprintf("%s-%u", name, n);
	}
	return ret;
}

void
declare_advise(struct declared *d, char *line)
{
	if (strlist_has(&d->advice, line))
		free(line);
	else
		strlist_take(&d->advice, line);
}

/* --- providers --- */

/* The name for its URL: the alias, or the host. */
static char *
declare_name_of_server(const char *server)
{
	const char *host = strstr(server, "://");
	const struct ca *ca;

	for (size_t i = 0; (ca = ca_at(i)); i++)
		if (strcmp(ca->url, server) == 0)
			return xstrdup(ca->alias);
	host = host ? host + strlen("://") : server;
	return xstrndup(host, strcspn(host, "/:"));
}

/* Does certd have this account? Its provider may have any name. */
static const char *
declare_known_provider(const struct declaring *d, const char *server, const char *thumbprint, const char *name)
{
	struct json_object *providers = NULL;

	if (!json_object_object_get_ex(d->objects, "providers", &providers))
		return NULL;
	json_object_object_foreach(providers, other, object) {
		const char *known = declare_text(object, "metadata.accountThumbprint");

		if (strcmp(declare_text(object, "metadata.directoryUrl"), server) != 0)
			continue;
		/* While it is being registered only its name tells. */
		if (strcmp(known, thumbprint) == 0 || (!*known && strcmp(other, name) == 0))
			return other;
	}
	return NULL;
}

/* @name, or with the client's name and a number when it is taken. */
static char *
declare_free_name(const struct declaring *d, const char *key, const char *name)
{
	char *ret = xstrdup(name);

	for (unsigned n = 1;
		n < NAMES_TRIED && (declare_at(d->present, key, ret) || declare_at(d->ret->wanted, key, ret)); n++) {
		free(ret);
		ret = n == 1 ? xasprintf("%s-%s", name, d->kind->name) : xasprintf("%s-%s-%u", name, d->kind->name, n);
	}
	return ret;
}

static const struct found_account *
declare_account_of(const struct declaring *d, const struct found_certificate *c)
{
	for (size_t i = 0; i < d->found->n_accounts; i++)
		if (c->account ? strcmp(d->found->accounts[i].id, c->account) == 0 : d->found->n_accounts == 1)
			return &d->found->accounts[i];
	return NULL;
}

static int
declare_read_account_key(
	const struct declaring *d, const char *path, struct secret *ret, char **ret_thumbprint, struct error *err)
{
	_cleanup_key_ struct key *key = NULL;

	if (files_read(d->found->root, path, ret, err) < 0 || key_from_text(ret, &key, err) < 0)
		return error_wrap(err, "the key of its account, '%s/%s'", d->found->directory, path);
	*ret_thumbprint = key_thumbprint(key, err);
	return *ret_thumbprint ? 0 : -1;
}

/* The properties of a new provider; owned by the caller; NULL: something is missing. */
static struct json_object *
declare_provider_properties(const struct declaring *d, const struct found_account *a, const char *server,
	const struct secret *key, struct error *err)
{
	const char *email = a->email ? a->email : d->options->email;
	struct json_object *ret;

	if (!email) {
		error_set(err, ERROR_INVALID,
			"the files of %s do not contain the e-mail address of its account: give --email ADDRESS",
			d->kind->name);
		return NULL;
	}
	ret = json_object_new_object();
	json_add_string(ret, "email", email);
	json_add_string(ret, "server", server);
	json_add_bool(ret, "termsOfServiceAgreed", true); /* they were, when the account was made */
	json_add_string(ret, "caFile", d->options->ca_file);
	json_object_object_add(ret, "accountKey", json_object_new_string_len((const char *)key->data, (int)key->len));
	return ret;
}

/* The provider for the account of @c; @ret_new: its properties, if it is not declared yet. */
static int
declare_provider(const struct declaring *d, const struct found_certificate *c, char **ret_name,
	struct json_object **ret_new, struct error *err)
{
	const struct found_account *a = declare_account_of(d, c);
	_cleanup_secret_ struct secret key = SECRET_INIT;
	_cleanup_free_ char *thumbprint = NULL, *name = NULL;
	struct json_object *known = NULL;
	const struct ca *alias;
	const char *server, *there;

	if (!a)
		return error_set(err, ERROR_INVALID, "its account is not in '%s'", d->found->directory);
	if (json_object_object_get_ex(d->accounts, a->id, &known)) {
		*ret_name = xstrdup(json_object_get_string(known));
		return 0;
	}
	server = a->server ? a->server : d->options->server;
	if (!server)
		return error_set(err, ERROR_INVALID,
			"the files of %s do not contain the directory URL of its CA: give --server URL", d->kind->name);
	alias = ca_find(server);
	if (declare_read_account_key(d, a->key, &key, &thumbprint, err) < 0)
		return -1;
	server = alias ? alias->url : server;
	name = declare_name_of_server(server);
	there = declare_known_provider(d, server, thumbprint, name);
	*ret_name = there ? xstrdup(there) : declare_free_name(d, "providers", name);
	if (there)
		return 0;
	*ret_new = declare_provider_properties(d, a, server, &key, err);
	return *ret_new ? 0 : -1;
}

/* --- certificates --- */

static bool
declare_has_wildcard(const struct strlist *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (strncmp(names->items[i], "*.", 2) == 0)
			return true;
	return false;
}

/* Reads and checks the pair. @ret: cleared by the caller. */
static int
declare_read_pair(
	const struct declaring *d, const struct found_certificate *c, struct cert_import *ret, struct error *err)
{
	_cleanup_secret_ struct secret key = SECRET_INIT;
	_cleanup_buf_ struct buf chain = BUF_INIT;
	char until[TIME_RFC3339_SIZE];
	struct cert_import_in in = { .private_key = &key, .now = d->now, .may_be_expired = true };

	if (files_read_text(d->found->root, c->file, &chain, err) < 0 ||
		files_read(d->found->root, c->key, &key, err) < 0)
		return -1;
	in.certificate = buf_str(&chain);
	if (cert_import(&in, ret, err) == 0) {
		if (ret->info.not_after_at > d->now)
			return 0;
		time_format_rfc3339(ret->info.not_after_at, until);
		return error_set(err, ERROR_INVALID,
			"'%s' expired on %s: renew it with %s, or order another one with certctl add-auto", c->file,
			until, d->kind->name);
	}
	return error_wrap(err, "'%s'", err->field && strcmp(err->field, "privateKey") == 0 ? c->key : c->file);
}

static struct json_object *
declare_import(const struct found_certificate *c, const struct cert_import *pair, struct error *err)
{
	_cleanup_secret_ struct secret key = SECRET_INIT;
	struct json_object *params, *properties;

	if (key_der_to_pem(&pair->key, &key, err) < 0)
		return NULL;
	params = json_object_new_object();
	properties = json_object_new_object();
	json_object_object_add(params, "properties", properties);
	json_add_string(properties, "name", c->name);
	json_add_string(properties, "certificate", buf_str(&pair->leaf_pem));
	if (pair->chain_pem.len)
		json_add_string(properties, "certificateChain", buf_str(&pair->chain_pem));
	json_object_object_add(
		properties, "privateKey", json_object_new_string_len((const char *)key.data, (int)key.len));
	return params;
}

/* How the names are validated, or why that is not known. @ret_new: a DNS provider to declare. */
static int
declare_challenge(const struct declaring *d, const struct found_certificate *c, const struct cert_import *pair,
	struct json_object *properties, bool *ret_is_new, struct error *err)
{
	bool needs_dns = c->method == FOUND_DNS || declare_has_wildcard(&pair->info.names);
	_cleanup_free_ char *dns = NULL;

	*ret_is_new = false;
	if (!needs_dns && !d->options->dns) {
		json_add_string(properties, "challenge", "http-01");
		return 0;
	}
	if (d->options->dns)
		dns = xstrdup(d->options->dns);
	else if (c->dns && !c->problem)
		dns = declare_name(d, API_DNSPROVIDER, declare_text(c->dns, "kind"), c->dns, ret_is_new);
	else
		return error_set(err, ERROR_INVALID,
			"it is validated by %s%s%s: declare a DNS provider that manages its zone (certctl add-dns), "
			"and give --dns NAME",
			c->how, c->problem ? ": " : ", which certd cannot use", c->problem ? c->problem : "");
	json_add_string(properties, "challenge", "dns-01");
	json_add_string(properties, "dnsProvider", dns);
	return 0;
}

static struct json_object *
declare_autocert(const struct found_certificate *c, const struct cert_import *pair)
{
	struct json_object *properties = json_object_new_object();
	struct json_object *sans = json_object_new_array();

	json_add_string(properties, "commonName", pair->common_name);
	for (size_t i = 0; i < pair->info.names.count; i++)
		if (strcmp(pair->info.names.items[i], pair->common_name) != 0)
			json_object_array_add(sans, json_object_new_string(pair->info.names.items[i]));
	if (json_object_array_length(sans))
		json_object_object_add(properties, "subjectAlternativeNames", sans);
	else
		json_object_put(sans);
	json_add_string(properties, "keyAlgorithm", key_algorithm_name(pair->algorithm));
	if (c->reuses_key)
		json_add_bool(properties, "reuseKey", true);
	if (c->renew_before)
		json_add_int(properties, "renewBefore", c->renew_before);
	return properties;
}

/* What was read becomes declarations. All but @pair is taken. */
static void
declare_store(struct declaring *d, const struct found_certificate *c, const struct cert_import *pair,
	struct json_object *import, struct json_object *properties)
{
	struct json_object *consumers = declare_consumers(d, c, pair);
	char until[TIME_RFC3339_SIZE];
	_cleanup_free_ char *source = NULL;

	time_format_rfc3339(pair->info.not_after_at, until);
	source = xasprintf("adopts %s/%s, valid until %s", d->found->directory, c->file, until);
	if (json_object_array_length(consumers))
		json_object_object_add(properties, "consumers", consumers);
	else
		json_object_put(consumers);
	json_object_object_add(d->ret->imports, c->name, import);
	json_object_object_add(d->ret->sources, c->name, json_object_new_string(source));
	declare_add(d, "autoCertificates", c->name, properties);
}

static int
declare_checked(
	struct declaring *d, const struct found_certificate *c, const struct cert_import *pair, struct error *err)
{
	_cleanup_json_ struct json_object *properties = declare_autocert(c, pair);
	_cleanup_json_ struct json_object *provider = NULL;
	_cleanup_free_ char *name = NULL;
	struct json_object *import;
	bool has_new_dns = false;

	if (declare_challenge(d, c, pair, properties, &has_new_dns, err) < 0 ||
		declare_provider(d, c, &name, &provider, err) < 0)
		return -1;
	import = declare_import(c, pair, err);
	if (!import)
		return -1;
	json_add_string(properties, "provider", name);
	json_object_object_add(d->accounts, declare_account_of(d, c)->id, json_object_new_string(name));
	if (provider)
		declare_add(d, "providers", name, json_object_get(provider));
	if (has_new_dns)
		declare_add(d, "dnsProviders", declare_text(properties, "dnsProvider"), json_object_get(c->dns));
	declare_store(d, c, pair, import, json_object_get(properties));
	return 0;
}

static void
declare_certificate(struct declaring *d, const struct found_certificate *c)
{
	_cleanup_error_ struct error why = ERROR_INIT;
	struct cert_import pair = { .common_name = NULL };
	int rc;

	if (d->options->names->count && !strlist_has(d->options->names, c->name))
		return;
	if (declare_at(d->present, "autoCertificates", c->name) ||
		declare_at(d->ret->wanted, "autoCertificates", c->name)) {
		d->ret->n_present++;
		return;
	}
	if (c->problem && c->method != FOUND_DNS)
		rc = error_set(&why, ERROR_INVALID, "%s", c->problem);
	else
		rc = declare_read_pair(d, c, &pair, &why);
	if (rc == 0)
		rc = declare_checked(d, c, &pair, &why);
	if (rc < 0)
		strlist_take(&d->ret->refused,
			xasprintf("%s: certificate '%s' is not taken: %s", d->kind->name, c->name, why.message));
	cert_import_clear(&pair);
}

void
declare_found(const struct client_kind *kind, struct found *found, const struct declare_options *options,
	struct json_object *objects, struct json_object *present, int64_t now, struct declared *ret)
{
	_cleanup_json_ struct json_object *accounts = json_object_new_object();
	struct declaring d = { .kind = kind,
		.found = found,
		.options = options,
		.objects = objects,
		.present = present,
		.now = now,
		.ret = ret,
		.accounts = accounts };
	size_t before = (size_t)json_object_object_length(ret->imports);

	for (size_t i = 0; i < found->n_certificates; i++)
		declare_certificate(&d, &found->certificates[i]);
	if (before == (size_t)json_object_object_length(ret->imports))
		return;
	for (size_t i = 0; i < found->advice.count; i++)
		declare_advise(ret, xstrdup(found->advice.items[i]));
	declare_advise(ret, xasprintf("when all is well, stop %s, or both will renew: %s", kind->name, kind->farewell));
}
