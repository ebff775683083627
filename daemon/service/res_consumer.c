/* Consumers: the servers that read the files, how they are notified, and where certd probes them. */
#include "daemon/service/res_consumer.h"
#include "common/api/rpc.h"
#include "common/crypto/jks.h"
#include "common/name.h"
#include "daemon/rollout/consumer_kind.h"
#include "daemon/rollout/output.h"
#include "daemon/rollout/probe.h"
#include "daemon/rollout/subject.h"
#include "daemon/schedule/schedule.h"
#include "daemon/service/access.h"
#include "daemon/service/handlers.h"
#include "daemon/service/settings.h"

#include <arpa/inet.h>
#include <string.h>

enum { REFERRERS_MAX = 10000, ROLLOUTS_SHOWN = 100, ALPN_MAX = 16 };

/* --- describing --- */

static struct json_object *
endpoints_to_json(const struct rollout_target *t)
{
	const struct rollout_endpoint *endpoints = t->endpoints.items;
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < t->endpoints.count; i++) {
		struct json_object *o = json_object_new_object();

		json_add_string(o, "endpoint", endpoints[i].endpoint);
		json_add_string(o, "served", endpoints[i].served);
		json_add_time(o, "notAfter", endpoints[i].not_after_at);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *
rollout_to_json(const struct rollout_state *r, const struct rollout_target *t, const char *subject_id)
{
	struct json_object *o = json_object_new_object();

	if (strcmp(subject_id, r->certificate) != 0) /* an imported one is its own subject */
		json_add_string(o, "autoCertificate", subject_id);
	json_add_string(o, "certificate", t->earlier ? t->earlier : r->certificate);
	json_add_int(o, "generation", r->generation);
	json_add_string(o, "step", rollout_step_name(t->step));
	json_add_bool(o, "activated", t->step >= ROLLOUT_ACTIVATED);
	json_add_string(o, "served", t->served);
	if (t->endpoints.count)
		json_object_object_add(o, "endpoints", endpoints_to_json(t));
	json_add_time(o, "probedDate", t->probed_at);
	if (t->attempts)
		json_add_int(o, "attempts", t->attempts);
	json_add_time(o, "nextDate", t->next_at);
	if (error_is_set(&t->failure))
		json_object_object_add(o, "lastError", rpc_error_to_json(&t->failure));
	return o;
}

static void
consumer_describe(
	struct service *service, const void *obj, struct json_object *properties _unused_, struct json_object *metadata)
{
	const struct consumer *c = obj;
	struct json_object *rollouts = json_object_new_array();
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;

	subjects_of_consumer(service->store, c->o.id, REFERRERS_MAX, &ids, NULL);
	for (size_t i = 0; i < ids.count && i < ROLLOUTS_SHOWN; i++) {
		_cleanup_rollout_state_ struct rollout_state r = { 0 };

		if (rollout_load(service->rollout, ids.items[i], &r, NULL) == 1) {
			for (size_t j = 0; j < r.targets.count; j++) {
				const struct rollout_target *t = (const struct rollout_target *)r.targets.items + j;

				if (strcmp(t->consumer, c->o.id) == 0)
					json_object_array_add(rollouts, rollout_to_json(&r, t, ids.items[i]));
			}
		}
	}
	json_object_object_add(metadata, "rollouts", rollouts);
	if (ids.count > ROLLOUTS_SHOWN)
		json_add_int(metadata, "moreRollouts", (int64_t)(ids.count - ROLLOUTS_SHOWN));
}

/* --- which certificate goes to which consumer --- */

/* The names of certd's files are fixed, and those of declared ones may be: then its directory holds one certificate. */
static bool
is_for_one(const struct consumer *c)
{
	_cleanup_outputs_ struct output_list list = { .items = NULL };

	if (!c->directory)
		return false;
	if (!output_are_declared(c))
		return true;
	return output_list_of(c, &list, NULL) == 0 && output_list_scope(&list) == OUTPUT_FOR_ONE;
}

static int
check_directories(struct call *call, const struct strlist *consumers, const char *self_id, struct error *err)
{
	struct store *store = call->service->store;

	for (size_t i = 0; i < consumers->count; i++) {
		_cleanup_consumer_ struct consumer c = { 0 };
		_cleanup_strlist_ struct strlist ids = STRLIST_INIT;
		_cleanup_free_ char *field = xasprintf("properties.consumers[%zu]", i);

		if (object_load(store, &consumer_class, consumers->items[i], &c, err) < 0)
			return -1;
		if (!is_for_one(&c))
			continue;
		if (subjects_of_consumer(store, c.o.id, 2, &ids, err) < 0)
			return -1;
		if (ids.count > (size_t)strlist_has(&ids, self_id))
			return error_set_field(err, field,
				"'%s' has the files of another certificate in %s: declare a consumer with its own "
				"directory%s",
				c.o.name, c.directory, c.outputs.count ? ", or use {name} in its outputs" : "");
	}
	return 0;
}

int
consumers_resolve(struct call *call, struct strlist *consumers, const char *self_id, struct error *err)
{
	if (resource_refs(call, &consumer_class, "consumers", consumers, err) < 0)
		return -1;
	return check_directories(call, consumers, self_id, err);
}

int
consumers_check_several(struct call *call, const struct autocert *a, struct error *err)
{
	for (size_t i = 0; i < a->consumers.count; i++) {
		_cleanup_consumer_ struct consumer c = { 0 };
		_cleanup_free_ char *field = xasprintf("properties.consumers[%zu]", i);

		if (object_peek(call->service->store, &consumer_class, a->consumers.items[i], &c, err) < 0)
			return -1;
		if (is_for_one(&c))
			return error_set_field(err, field,
				"'%s' has room for the files of one certificate in %s, and keyAlgorithms need two: "
				"declare its outputs with {domain} and {type}, or with {name}",
				c.o.name, c.directory);
	}
	return 0;
}

/* The property by which @c needs the private key; NULL: it does not. */
static const char *
consumer_needs_key(const struct consumer *c)
{
	_cleanup_outputs_ struct output_list list = { .items = NULL };

	if (consumer_kind_of(c)->needs_key)
		return "activate";
	if (output_list_of(c, &list, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < list.count; i++)
		if (output_format_has_key(list.items[i].format))
			return c->layout ? "layout" : "outputs";
	return NULL;
}

int
consumers_check_no_key(struct call *call, const struct autocert *a, struct error *err)
{
	const char *held = autocert_held_key(a);

	for (size_t i = 0; held && i < a->consumers.count; i++) {
		_cleanup_consumer_ struct consumer c = { 0 };
		_cleanup_free_ char *field = xasprintf("properties.consumers[%zu]", i);
		const char *need;

		if (object_peek(call->service->store, &consumer_class, a->consumers.items[i], &c, err) < 0)
			return -1;
		need = consumer_needs_key(&c);
		if (need)
			return error_set_field(err, field,
				"'%s' needs the private key (its property %s), but certd does not have it (property "
				"%s)",
				c.o.name, need, held);
	}
	return 0;
}

/* --- declaring --- */

/* The other way round: an auto-certificate that has this consumer may have its key elsewhere. */
static int
check_held_keys(struct call *call, const struct consumer *c, struct error *err)
{
	const char *need = consumer_needs_key(c);
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;
	_cleanup_free_ char *field = need ? xasprintf("properties.%s", need) : NULL;

	if (!need || !c->o.id[0])
		return 0;
	if (object_referrers(call->service->store, &autocert_class, c->o.id, REFERRERS_MAX, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.count; i++) {
		_cleanup_autocert_ struct autocert a = { 0 };

		if (object_peek(call->service->store, &autocert_class, ids.items[i], &a, err) < 0)
			return -1;
		if (a.o.id[0] && autocert_held_key(&a))
			return error_set_field(err, field,
				"needs the private key, but certd does not have that of auto-certificate '%s' (its "
				"property %s)",
				a.o.name, autocert_held_key(&a));
	}
	return 0;
}

static bool
res_consumer_is_address(const char *text)
{
	struct in6_addr any; /* room for IPv4, too */

	return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

/* A local name may be a single label and contain '_': only what no host can have is refused. */
static int
check_host(const char *host, size_t probe, const char *member, struct error *err)
{
	_cleanup_free_ char *field = xasprintf("properties.probes[%zu].%s", probe, member);

	if (name_is_plain(host) || res_consumer_is_address(host))
		return 0;
	return error_set_field(err, field, "'%s' is neither a host name nor an address", host);
}

/* Connections to all of them are made at once. */
static int
check_probe_addresses(const struct strlist *addresses, size_t probe, struct error *err)
{
	_cleanup_free_ char *field = xasprintf("properties.probes[%zu].addresses", probe);

	if (addresses->count > PROBE_ADDRESSES_MAX)
		return error_set_field(err, field, "has more than %d addresses", PROBE_ADDRESSES_MAX);
	for (size_t i = 0; i < addresses->count; i++)
		if (!res_consumer_is_address(addresses->items[i]))
			return error_set_field(err, field, "'%s' is not an address", addresses->items[i]);
	return 0;
}

/* RFC 7301 s3.1: one octet holds the length of a name. */
static int
check_probe_alpn(const struct strlist *alpn, size_t probe, struct error *err)
{
	_cleanup_free_ char *field = xasprintf("properties.probes[%zu].alpn", probe);

	if (alpn->count > ALPN_MAX)
		return error_set_field(err, field, "has more than %d protocols", ALPN_MAX);
	for (size_t i = 0; i < alpn->count; i++)
		if (strlen(alpn->items[i]) > UINT8_MAX)
			return error_set_field(err, field, "a protocol has at most %d octets", UINT8_MAX);
	return 0;
}

static int
check_probes(const struct consumer *c, struct error *err)
{
	for (size_t i = 0; i < c->probes.count; i++) {
		const struct probe *probe = (const struct probe *)c->probes.items + i;

		if (check_host(probe->host, i, "host", err) < 0 ||
			(probe->sni && check_host(probe->sni, i, "sni", err) < 0) ||
			check_probe_addresses(&probe->addresses, i, err) < 0 ||
			check_probe_alpn(&probe->alpn, i, err) < 0)
			return -1;
	}
	return 0;
}

static int
res_consumer_check_directory(struct call *call, const struct consumer *c, struct error *err)
{
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;

	if (!is_for_one(c))
		return 0;
	if (subjects_of_consumer(call->service->store, c->o.id, 2, &ids, err) < 0)
		return -1;
	if (ids.count > 1)
		return error_set_field(err, "properties.directory",
			"can hold the files of only one certificate, but '%s' has several%s", c->o.name,
			c->outputs.count ? ": use {name} in its outputs" : "");
	return 0;
}

/* Programs disagree about the encoding of other characters. */
static int
read_password(struct consumer *c, struct json_object *properties, struct error *err)
{
	struct json_object *member = json_path(properties, "outputPassword");
	const char *text = member ? json_object_get_string(member) : NULL;

	if (!text)
		return 0;
	for (const char *p = text; *p; p++)
		if (*p < ' ' || *p > '~')
			return error_set_field(
				err, "properties.outputPassword", "may only have printable ASCII characters");
	if (strlen(text) < JKS_PASSWORD_MIN)
		return error_set_field(
			err, "properties.outputPassword", "must have at least %d characters", JKS_PASSWORD_MIN);
	secret_set(&c->password, text, strlen(text));
	return 0;
}

static int
check_outputs(const struct consumer *c, struct error *err)
{
	_cleanup_outputs_ struct output_list list = { .items = NULL };

	if (output_list_of(c, &list, err) < 0)
		return -1;
	if (output_are_declared(c) && !c->directory)
		return error_set_field(err, c->layout ? "properties.layout" : "properties.outputs",
			"needs the property directory, in which the files are");
	if (output_list_has_password(&list) && !c->password.len)
		return error_set_field(err, "properties.outputPassword", "is required by the formats pkcs12 and jks");
	if (c->password.len && !output_list_has_password(&list))
		return error_set_field(
			err, "properties.outputPassword", "applies only to outputs in the formats pkcs12 and jks");
	return 0;
}

static int
consumer_read(struct call *call, const void *old, void *obj, struct json_object *properties, struct error *err)
{
	const struct consumer *before = old;
	struct consumer *c = obj;
	const struct settings settings = { &c->settings, &c->secrets };

	if (read_password(c, properties, err) < 0 || check_outputs(c, err) < 0)
		return -1;
	if (settings_read(&consumer_kinds, before ? before->activate : NULL, c->activate, properties, &settings, err) <
			0 ||
		consumer_check(c, err) < 0)
		return resource_refused(err, NULL);
	if (check_probes(c, err) < 0 || res_consumer_check_directory(call, c, err) < 0)
		return -1;
	return check_held_keys(call, c, err);
}

const struct resource_ops consumer_ops = {
	.id = API_CONSUMER,
	.cls = &consumer_class,
	.describe = consumer_describe,
	.read = consumer_read,
};

/* --- deploy and probe: rows that are due now --- */

static struct json_object *
ref_json(const struct subject *subject)
{
	struct json_object *ref = json_object_new_object();

	json_add_string(ref, "type", subject->type);
	json_add_string(ref, "id", subject->id);
	json_add_string(ref, "name", subject->name);
	return ref;
}

static void
res_consumer_run_now(struct call *call, enum schedule_kind kind, const struct subject *subject)
{
	struct service *s = call->service;

	if (kind == SCHEDULE_DEPLOY)
		rollout_request_newest(s->rollout, call_txn(call), subject->id, &subject->consumers,
			subject->certificate, call_now(call));
	else
		rollout_request_probe(s->rollout, call_txn(call), subject->id, call_now(call));
}

/* The given auto-certificate, or all that have this consumer. */
static int
chosen_subjects(
	struct call *call, const struct consumer *c, struct json_object *params, struct strlist *ret, struct error *err)
{
	struct json_object *only = json_path(params, "autoCertificate");
	_cleanup_free_ char *id = NULL;

	if (subjects_of_consumer(call->service->store, c->o.id, REFERRERS_MAX, ret, err) < 0)
		return -1;
	if (!only)
		return 0;
	if (resource_ref(call, &autocert_class, "autoCertificate", json_object_get_string(only), &id, err) < 0)
		return -1;
	if (!strlist_has(ret, id))
		return error_set_field(err, "autoCertificate", "'%s' does not have the consumer '%s'",
			json_object_get_string(only), c->o.name);
	strlist_clear(ret);
	strlist_add(ret, id);
	return 0;
}

static int
roll(struct call *call, enum schedule_kind kind, struct json_object *params, struct error *err)
{
	_cleanup_consumer_ struct consumer c = { 0 };
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;
	struct json_object *list;
	int64_t endpoints = 0;

	if (resource_find(call, &consumer_class, params, &c, err) < 0 ||
		chosen_subjects(call, &c, params, &ids, err) < 0)
		return -1;
	list = json_object_new_array();
	for (size_t i = 0; i < ids.count; i++) {
		_cleanup_subject_ struct subject subject = { .type = NULL };

		if (subject_load(call->service->store, ids.items[i], &subject, err) != 1 || !subject.certificate ||
			!access_covers_subject(call->peer->scope, call->service->store, subject.id))
			continue;
		res_consumer_run_now(call, kind, &subject);
		json_object_array_add(list, ref_json(&subject));
		endpoints += (int64_t)c.probes.count;
	}
	call->result = json_object_new_object();
	json_object_object_add(call->result, "autoCertificates", list);
	json_add_int(call->result, "endpoints", endpoints);
	return error_is_set(err) ? -1 : 0;
}

int
consumer_deploy(struct call *call, struct json_object *params, struct error *err)
{
	return roll(call, SCHEDULE_DEPLOY, params, err);
}

int
consumer_probe(struct call *call, struct json_object *params, struct error *err)
{
	return roll(call, SCHEDULE_PROBE, params, err);
}
