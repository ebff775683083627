/*
 * Certificates: issued ones, and imported ones (import.c). No answer contains the private key. An imported one has its
 * own list of consumers and files, like an auto-certificate.
 */
#include "daemon/rollout/rollout_back.h"
#include "daemon/service/resource.h"

#include "common/shell.h"
#include "daemon/base/loop.h"
#include "daemon/renew/revoke.h"
#include "daemon/service/cloud66.h"
#include "daemon/service/handlers.h"
#include "daemon/service/res_certificate.h"
#include "daemon/service/res_consumer.h"
#include "daemon/service/rollback.h"
#include "daemon/service/slug.h"
#include "daemon/store/certificate.h"

#include <string.h>

/* Cloud66's word: issued by Let's Encrypt, by another ACME CA, or imported. */
static const char *
certificate_type(const struct certificate *c)
{
	if (!c->autocert)
		return "manual";
	return c->issuer_org && strcmp(c->issuer_org, "Let's Encrypt") == 0 ? "lets_encrypt" : "acme";
}

/* Where an imported one is deployed, and whether it is served. */
static void
describe_deployment(struct service *service, const struct certificate *c, struct json_object *metadata)
{
	_cleanup_free_ char *directory = xasprintf("%s/live/%s", service->conf->drop_root, c->slug);

	json_add_string(metadata, "dropDirectory", directory);
	rollback_describe(service, c->o.id, metadata);
}

static void
describe_deployed(const struct buf *pem, const char *given, const char *name, struct json_object *metadata)
{
	if (strcmp(given, buf_str(pem)) != 0)
		json_add_string(metadata, name, buf_str(pem));
}

static void
certificate_describe(
	struct service *service, const void *obj, struct json_object *properties, struct json_object *metadata)
{
	const struct certificate *c = obj;
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_free_ char *revocation = revoke_text(service->issue_env, c);
	int64_t now = loop_now(service->loop);

	describe_deployed(&c->leaf_pem, json_object_get_string(json_path(properties, "certificate")),
		"deployedCertificate", metadata);
	describe_deployed(&c->chain_pem, json_object_get_string(json_path(properties, "certificateChain")),
		"deployedCertificateChain", metadata);
	if (!c->common_name)
		json_add_string(metadata, "commonName", "");
	json_add_string(metadata, "status", certificate_status(c, now));
	json_add_string(metadata, "revocation", revocation);
	json_add_bool(metadata, "expired", c->not_after_at <= now);
	json_add_string(metadata, "type", certificate_type(c));
	json_add_bool(metadata, "wildcard", certificate_has_wildcard(c));
	json_add_bool(metadata, "hasIntermediateCert", c->chain_pem.len > 0);
	json_add_string(metadata, "caName", c->issuer_org ? c->issuer_org : c->issuer_cn);
	if (c->autocert && object_peek(service->store, &autocert_class, c->autocert, &a, NULL) == 1)
		json_add_string(metadata, "lastIssuedCertificate", a.last_certificate);
	if (c->slug)
		describe_deployment(service, c, metadata);
}

/* --- change --- */

/* The consumers of an issued certificate are those of its auto-certificate. */
static int
check_consumers(struct call *call, struct certificate *c, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 };

	if (c->is_held_back)
		return certificate_held_back(c, "properties.consumers", err);

	if (c->autocert && object_peek(call->service->store, &autocert_class, c->autocert, &a, NULL) == 1)
		return error_set_field(err, "properties.consumers",
			"are those of its auto-certificate '%s'; change them there, with --consumer (see: "
			"certctl set auto --help)",
			a.o.name);
	if (!c->slug)
		return error_set_field(err, "properties.consumers", "'%s' has no files any more: %s", c->o.name,
			c->autocert ? "its auto-certificate was deleted" : "it was replaced");
	return consumers_resolve(call, &c->consumers, c->o.id, err);
}

int
certificate_held_back(const struct certificate *c, const char *field, struct error *err)
{
	return error_set_field(err, field, "'%s' is not deployed: %s; set deployAnyway to deploy it",
		c->o.name ? c->o.name : "it", c->o.failure.message ? c->o.failure.message : "");
}

/* A certificate that was held back gets files from now on; this cannot be undone. */
static int
certificate_read_deploy_anyway(struct call *call, struct certificate *c, struct error *err)
{
	if (!c->is_deployed_anyway && c->slug && error_is_set(&c->o.failure))
		return error_set_field(
			err, "properties.deployAnyway", "'%s' is already deployed: replace or delete it", c->o.name);
	if (!c->is_deployed_anyway || !c->is_held_back)
		return 0;
	c->is_held_back = false;
	return slug_take(call, c->o.name, c->common_name, c->o.id, &c->slug, err);
}

/* For an import, @obj has the facts of its files already, and import.c resolves the consumers. */
static int
certificate_read(struct call *call, const void *old, void *obj, struct json_object *properties, struct error *err)
{
	const struct certificate *before = old;

	if (!before)
		return 0;
	if (json_object_object_get_ex(properties, "deployAnyway", NULL) &&
		certificate_read_deploy_anyway(call, obj, err) < 0)
		return -1;
	if (before->autocert && json_object_object_get_ex(properties, "labels", NULL))
		return error_set_field(err, "properties.labels",
			"'%s' has the labels of its auto-certificate; change them there", before->o.name);
	return json_object_object_get_ex(properties, "consumers", NULL) ? check_consumers(call, obj, err) : 0;
}

const struct resource_ops certificate_ops = {
	.id = API_CERTIFICATE,
	.cls = &certificate_class,
	.describe = certificate_describe,
	.read = certificate_read,
};

int
certificate_get(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_certificate_ struct certificate c = { 0 };

	if (!json_path(params, "view"))
		return resource_get(call, params, err);
	if (resource_find_peek(call, &certificate_class, params, &c, err) < 0)
		return -1;
	call->result = cloud66_certificate(call->service, &c);
	return 0;
}

/* --- delete --- */

/* An issued one: not while it is the newest of its auto-certificate, or is being deployed. */
static int
check_superseded(struct call *call, const struct certificate *c, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_rollout_state_ struct rollout_state r = { 0 };
	int found = object_peek(call->service->store, &autocert_class, c->autocert, &a, err);
	int rc = found < 0 ? -1 : 0;

	if (found != 1)
		return rc;
	if (a.last_certificate && strcmp(a.last_certificate, c->o.id) == 0) {
		_cleanup_free_ char *renew = shell_certctl("renew", a.o.name, NULL);
		_cleanup_free_ char *rm = shell_certctl("rm auto", a.o.name, "--with-certificates");

		return error_set(err, ERROR_IN_USE,
			"'%s' is the newest certificate of '%s'; to order another one first: %s; to delete both: %s",
			c->o.name, a.o.name, renew, rm);
	}
	if (a.waiting_certificate && strcmp(a.waiting_certificate, c->o.id) == 0)
		return error_set(err, ERROR_IN_USE, "'%s' waits for approval (certctl approve)", c->o.name);
	if (rollout_load(call->service->rollout, a.o.id, &r, err) == 1 && rollout_uses(&r, c->o.id))
		rc = error_set(err, ERROR_IN_USE, "'%s' is being rolled out", c->o.name);
	return rc;
}

/* An imported one: not while it has consumers, or was rolled back to. */
static int
res_certificate_check_unused(struct call *call, const struct certificate *c, struct error *err)
{
	_cleanup_consumer_ struct consumer consumer = { 0 };
	_cleanup_free_ char *set = shell_certctl("set cert", c->o.name, "--consumer '' --force");
	int needs = rollout_needs(call->service->rollout, c->o.id, err);

	if (needs == 1 && !c->slug)
		return error_set(err, ERROR_IN_USE, "'%s' is deployed by a rollback", c->o.name);
	if (needs < 0 || !c->consumers.count)
		return needs < 0 ? -1 : 0;
	if (object_peek(call->service->store, &consumer_class, c->consumers.items[0], &consumer, err) < 0)
		return -1;
	return error_set(err, ERROR_IN_USE,
		"consumer '%s'%s still needs '%s': import a replacement with --replace, or remove the consumer: %s",
		consumer.o.name ? consumer.o.name : c->consumers.items[0],
		c->consumers.count > 1 ? " (and others)" : "", c->o.name, set);
}

static int
remove_all_of(struct call *call, const struct certificate *c, struct error *err)
{
	if (object_delete(call->service->store, call_txn(call), &certificate_class, c->o.id, err) < 0)
		return -1;
	if (c->slug)
		slug_release(call, c->slug);
	return 0;
}

int
certificate_remove_with(struct call *call, const struct certificate *c, struct error *err)
{
	struct event_object object = { certificate_class.name, c->o.id, c->o.name };
	const struct audit_entry entry = {
		.who = call->peer->label,
		.user_id = call->peer->user_id,
		.method = api_methods[RPC_CERTIFICATE_DELETE].name,
		.object = object,
	};
	struct json_object *data;

	if (remove_all_of(call, c, err) < 0)
		return -1;
	if (call->service->audit)
		audit_change(call->service->audit, call_txn(call), &entry);
	data = json_object_new_object();
	json_add_string(data, "by", call->peer->label);
	event_emit(call->service->events, call_txn(call), EVENT_OBJECT_DELETED, &object, data, "deleted by %s",
		call->peer->label);
	return 0;
}

int
certificate_delete(struct call *call, struct json_object *params, struct error *err)
{
	_cleanup_certificate_ struct certificate c = { 0 };

	if (resource_find(call, &certificate_class, params, &c, err) < 0)
		return -1;
	if ((c.autocert ? check_superseded(call, &c, err) : res_certificate_check_unused(call, &c, err)) < 0)
		return -1;
	if (remove_all_of(call, &c, err) < 0)
		return -1;
	resource_event(call, EVENT_OBJECT_DELETED, &c.o);
	return 0;
}
