/*
 * certificate.create: imports a certificate. Passwords are slow and files may be hostile, so a worker parses it
 * (common/crypto/cert_import.h). The loop then makes one change: a reader of the files sees the old certificate or the
 * new one, never a mixture and never none.
 */
#include "common/crypto/base64url.h"
#include "common/crypto/cert_import.h"
#include "common/crypto/key.h"
#include "common/timefmt.h"
#include "daemon/base/workers.h"
#include "daemon/renew/crl.h"
#include "daemon/service/handlers.h"
#include "daemon/service/res_certificate.h"
#include "daemon/service/res_consumer.h"
#include "daemon/service/slug.h"
#include "daemon/service/used_files.h"
#include "daemon/store/certificate.h"
#include "daemon/store/compromised.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_SHOWN = 200 }; /* of the 255 octets of a name, with a time behind it */

/* The worker's data; outlives the connection. */
struct import {
	struct call *call;
	char *certificate;
	char *chain;
	struct secret private_key;
	struct secret pkcs12;
	struct secret password;
	bool may_be_expired;
	bool may_be_unfit;
	int64_t now;
	struct cert_import got;
	struct error error;
};

static void
import_free(struct import *i)
{
	free(i->certificate);
	free(i->chain);
	secret_clear(&i->private_key);
	secret_clear(&i->pkcs12);
	secret_clear(&i->password);
	cert_import_clear(&i->got);
	error_clear(&i->error);
	free(i);
}

/* --- what was sent --- */

static char *
import_text_of(struct json_object *properties, const char *name)
{
	struct json_object *value = json_path(properties, name);

	return value ? xstrdup(json_object_get_string(value)) : NULL;
}

static bool
import_is_set(struct json_object *params, const char *name)
{
	struct json_object *value = json_path(params, name);

	return value && json_object_get_boolean(value);
}

/* Leaves the secret as the only copy. */
static void
wipe(struct json_object *value)
{
	explicit_bzero((char *)json_object_get_string(value), (size_t)json_object_get_string_len(value));
}

static void
import_take_secret(struct json_object *in, const char *name, struct secret *ret)
{
	struct json_object *value = json_path(in, name);

	if (!value)
		return;
	secret_set(ret, json_object_get_string(value), (size_t)json_object_get_string_len(value));
	wipe(value);
}

static int
take_pkcs12(struct json_object *params, struct secret *ret, struct error *err)
{
	struct json_object *value = json_path(params, "pkcs12");
	int rc;

	if (!value)
		return 0;
	rc = base64_decode_any(json_object_get_string(value), (size_t)json_object_get_string_len(value), ret, err);
	wipe(value);
	return rc < 0 ? error_set_field(err, "pkcs12", "is not a PKCS#12 file in base64") : 0;
}

/* --- on the worker --- */

static void
import_run(void *arg)
{
	struct import *i = arg;
	const struct cert_import_in in = {
		.certificate = i->certificate,
		.chain = i->chain,
		.private_key = &i->private_key,
		.pkcs12 = &i->pkcs12,
		.password = &i->password,
		.now = i->now,
		.may_be_expired = i->may_be_expired,
		.may_be_unfit = i->may_be_unfit,
	};

	cert_import(&in, &i->got, &i->error);
}

/* --- into the store --- */

static void
import_make_certificate(struct certificate *c, struct import *i)
{
	struct cert_info *info = &i->got.info;

	c->o.state = OBJECT_AVAILABLE;
	c->common_name = *i->got.common_name ? xstrdup(i->got.common_name) : NULL;
	strlist_copy(&c->names, &info->names);
	certificate_fill(c, info, key_algorithm_name(i->got.algorithm));
	buf_add(&c->leaf_pem, i->got.leaf_pem.data, i->got.leaf_pem.len);
	buf_add(&c->chain_pem, i->got.chain_pem.data, i->got.chain_pem.len);
	buf_add(&c->pair, i->got.pair, sizeof(i->got.pair));
	secret_move(&c->key, &i->got.key);
	if (i->got.doubts.count) {
		_cleanup_free_ char *all = strlist_join(&i->got.doubts, "; ");

		error_set(&c->o.failure, ERROR_INVALID, "%s", all);
	}
}

/* A certificate that servers or clients would refuse is only deployed if the caller asks for that. */
static int
import_hold_back(const struct import *i, struct certificate *c, const struct certificate *old, struct error *err)
{
	c->is_held_back = i->got.doubts.count && !c->is_deployed_anyway;
	if (!c->is_held_back)
		return 0;
	if (c->consumers.count)
		return certificate_held_back(c, "properties.consumers", err);
	if (old)
		return error_set_field(err, "replace",
			"'%s' would replace '%s' but not be deployed: %s; set deployAnyway to deploy it",
			c->o.name ? c->o.name : "it", old->o.name, c->o.failure.message);
	return 0;
}

/* Finds the certificate to replace. Return: 1 found, 0 none was given, -1 failed. */
static int
find_old(struct call *call, struct json_object *params, struct certificate *old, struct error *err)
{
	struct json_object *ref = json_path(params, "replace");
	const char *name = ref ? json_object_get_string(ref) : NULL;
	_cleanup_free_ char *id = NULL;

	if (!name)
		return 0;
	if (resource_ref(call, &certificate_class, "replace", name, &id, err) < 0 ||
		object_load(call->service->store, &certificate_class, id, old, err) < 0)
		return -1;
	if (old->autocert)
		return error_set_field(
			err, "replace", "certd issued '%s' and renews it: an import is not needed", old->o.name);
	if (old->is_held_back)
		return error_set_field(err, "replace", "'%s' is not deployed; delete it instead", old->o.name);
	if (!old->slug)
		return error_set_field(err, "replace", "'%s' was replaced already", old->o.name);
	return 1;
}

/* @is_made: its name contains a time, and another may have been made within the same second. */
static int
save_named(struct call *call, struct certificate *c, bool is_made, struct error *err)
{
	struct store *store = call->service->store;
	char *name;

	if (resource_claim_name(call, &certificate_class, &c->o, err) < 0)
		return -1;
	if (object_save(store, call_txn(call), &certificate_class, c, err) == 0)
		return 0;
	if (err->code != ERROR_EXISTS)
		return -1;
	if (!is_made)
		return error_wrap(err, "import it under another name, or give the old certificate in 'replace'");
	error_clear(err);
	name = xasprintf("%s %.8s", c->o.name, c->o.id);
	free(c->o.name);
	c->o.name = name;
	return object_save(store, call_txn(call), &certificate_class, c, err);
}

/* It stays in the store until it is purged, with the time of its import in its name. */
static void
rename_former(struct certificate *c)
{
	char stamp[TIME_RFC3339_SIZE];
	char *name;

	time_format_rfc3339(c->o.created_at, stamp);
	name = xasprintf("%.*s %s", NAME_SHOWN, c->o.name, stamp);
	free(c->o.name);
	c->o.name = name;
}

int
certificate_save_adopted(struct call *call, struct certificate *c, struct error *err)
{
	rename_former(c);
	resource_modified(call, &c->o);
	return save_named(call, c, true, err);
}

static int
retire(struct call *call, struct certificate *old, struct certificate *c, struct error *err)
{
	if (!c->o.name || strcmp(c->o.name, old->o.name) == 0) {
		str_replace(&c->o.name, old->o.name);
		rename_former(old);
	}
	if (!c->consumers.count)
		strlist_copy(&c->consumers, &old->consumers);
	if (used_files_check_heir(call, old, &c->consumers, err) < 0)
		return -1;
	c->slug = old->slug;
	old->slug = NULL;
	if (!c->labels.count)
		strlist_copy(&c->labels, &old->labels);
	c->replaces = xstrdup(old->o.id);
	strlist_clear(&old->consumers);
	slug_hand_over(call, c->slug, c->o.id);
	resource_modified(call, &old->o);
	if (save_named(call, old, true, err) < 0)
		return -1;
	resource_event(call, EVENT_OBJECT_UPDATED, &old->o);
	return 0;
}

/* Return: whether it had none. */
static bool
name_it(struct certificate *c, int64_t now)
{
	char stamp[TIME_RFC3339_SIZE];

	if (c->o.name)
		return false;
	time_format_rfc3339(now, stamp);
	c->o.name = xasprintf("%s %s", c->common_name ? c->common_name : "certificate", stamp);
	return true;
}

static int
import_save(struct call *call, struct certificate *c, bool is_made, struct error *err)
{
	if (save_named(call, c, is_made, err) < 0)
		return -1;
	resource_event(call, EVENT_OBJECT_CREATED, &c->o);
	call->result = resource_seen_by(call->peer, call->service, &certificate_ops, c);
	return 0;
}

/* A key that is known to others is not used again, whoever brings it. */
static int
import_check_key(struct import *i, struct error *err)
{
	_cleanup_key_ struct key *key = NULL;
	int is_compromised = key_from_der(&i->got.key, &key, err);

	if (is_compromised == 0)
		is_compromised = compromised_has(i->call->service->store, key, err);
	if (is_compromised > 0)
		error_set_field(err, "properties.privateKey",
			"is compromised: a certificate with this key was revoked for keyCompromise");
	return is_compromised ? -1 : 0;
}

static int
import_store(struct import *i, struct error *err)
{
	struct call *call = i->call;
	_cleanup_certificate_ struct certificate old = { 0 };
	_cleanup_certificate_ struct certificate c = { 0 };
	int has_old = find_old(call, call->params, &old, err);
	bool is_made;

	if (has_old < 0 || import_check_key(i, err) < 0)
		return -1;
	import_make_certificate(&c, i);
	if (resource_declare(call, &c, err) < 0 ||
		consumers_resolve(call, &c.consumers, has_old ? old.o.id : c.o.id, err) < 0)
		return -1;
	if (import_hold_back(i, &c, has_old ? &old : NULL, err) < 0)
		return -1;
	crl_note_certificate(call->service->issue_env, call_txn(call), &i->got.info);
	if (has_old)
		return retire(call, &old, &c, err) < 0 ? -1 : import_save(call, &c, false, err);
	is_made = name_it(&c, i->now);
	if (!c.is_held_back && slug_take(call, c.o.name, c.common_name, c.o.id, &c.slug, err) < 0)
		return -1;
	return import_save(call, &c, is_made, err);
}

/* Two fields belong to the call, the others to the object. */
static int
import_refused(struct error *err)
{
	if (err->field && (strcmp(err->field, "pkcs12") == 0 || strcmp(err->field, "password") == 0))
		return -1;
	return resource_refused(err, NULL);
}

static void
import_done(void *arg)
{
	struct import *i = arg;
	struct call *call = i->call;
	_cleanup_error_ struct error err = ERROR_INIT;
	int rc;

	if (call->service->is_stopping) {
		error_set(&err, ERROR_CANCELLED, "certd is stopping");
		call_finish(call, NULL, &err);
		import_free(i);
		return;
	}
	error_move(&err, &i->error);
	if (error_is_set(&err))
		rc = import_refused(&err);
	else
		rc = import_store(i, &err);
	call_end(call, rc, &err);
	import_free(i);
}

int
certificate_create(struct call *call, struct json_object *params, struct error *err)
{
	struct json_object *properties = json_path(params, "properties");
	struct import *i;

	if (!secret_has_room())
		return error_set(err, ERROR_UNAVAILABLE, "too many imports and exports are running; try again");
	i = xcalloc(1, sizeof(*i));
	i->certificate = import_text_of(properties, "certificate");
	i->chain = import_text_of(properties, "certificateChain");
	import_take_secret(properties, "privateKey", &i->private_key);
	import_take_secret(params, "password", &i->password);
	if (take_pkcs12(params, &i->pkcs12, err) < 0) {
		import_free(i);
		return -1;
	}
	i->call = call;
	i->may_be_expired = import_is_set(params, "allowExpired");
	i->may_be_unfit = import_is_set(params, "allowUnfit");
	i->now = call_now(call);
	workers_run(call->service->workers, import_run, import_done, i);
	return 1;
}
