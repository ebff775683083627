/* One record follows another: what is declared is copied, and everything else is the variant's own. */
#include "daemon/service/variant.h"

#include "common/shell.h"
#include "daemon/renew/failover.h"
#include "daemon/rollout/output.h"
#include "daemon/service/effect.h"
#include "daemon/service/fields.h"
#include "daemon/service/res_autocert.h"
#include "daemon/service/res_consumer.h"
#include "daemon/service/slug.h"
#include "daemon/service/used_files.h"

#include <stdlib.h>
#include <string.h>

/* --- what is refused --- */

static bool
variant_is_same_type(const char *a, const char *b)
{
	return strcmp(output_type_of(a), output_type_of(b)) == 0;
}

/* Exactly one of the two: the other one returns to its default. Answers over REST have both. */
static int
variant_read_algorithms(struct autocert *a, struct json_object *properties, struct error *err)
{
	struct json_object *list = json_path(properties, "keyAlgorithms");
	bool has_one = json_path(properties, "keyAlgorithm");
	bool has_list = list && json_object_array_length(list);

	if (has_one && has_list && strcmp(a->key_algorithm, a->key_algorithms.items[0]) != 0)
		return error_set_field(err, "properties.keyAlgorithm",
			"is not the first of keyAlgorithms: omit one of the two properties, or set it to null");
	if (has_one && !has_list)
		strlist_clear(&a->key_algorithms);
	if (has_list)
		str_replace(&a->key_algorithm, NULL);
	return 0;
}

int
variant_read(struct call *call, struct autocert *a, struct json_object *properties, struct error *err)
{
	const struct strlist *list = &a->key_algorithms;

	if (variant_read_algorithms(a, properties, err) < 0)
		return -1;
	if (list->count && autocert_held_key(a))
		return error_set_field(err, "properties.keyAlgorithms", "need keys that certd makes: omit them, or %s",
			autocert_held_key(a));
	if (list->count < 2)
		return 0;
	if (list->count > 2 || variant_is_same_type(list->items[0], list->items[1]))
		return error_set_field(err, "properties.keyAlgorithms",
			"may have one RSA key and one other key, because a server presents one of each kind");
	if (a->tlsa_names.count)
		return error_set_field(err, "properties.tlsaNames",
			"need one key: omit them, or declare two auto-certificates instead of keyAlgorithms");
	return consumers_check_several(call, a, err);
}

int
variant_check_main(struct call *call, const struct autocert *a, struct error *err)
{
	_cleanup_autocert_ struct autocert main = { 0 };
	int found = a->variant_of ? object_peek(call->service->store, &autocert_class, a->variant_of, &main, err) : 0;

	if (found <= 0)
		return found;
	return error_set(err, ERROR_STATE,
		"'%s' has the second key of '%s' and follows it: change '%s', or its keyAlgorithms to do without '%s'",
		a->o.name, main.o.name, main.o.name, a->o.name);
}

/* --- the record --- */

int
variant_load(struct call *call, const struct autocert *a, struct autocert *ret, struct error *err)
{
	return a->variant ? object_load(call->service->store, &autocert_class, a->variant, ret, err) : 0;
}

/* All that is declared for @a, in certd's spelling, except what makes it another one. */
static void
variant_declare(struct autocert *v, const struct autocert *a, const char *algorithm)
{
	static const char *const own[] = { "name", "keyAlgorithm", "keyAlgorithms" };
	const struct api_field *fields = api_resources[API_AUTOCERTIFICATE].properties;
	_cleanup_json_ struct json_object *properties = json_object_new_object();

	fields_add(&autocert_class, fields, a, properties);
	for (const struct api_field *f = fields; f->name; f++)
		if (!json_object_object_get_ex(properties, f->name, NULL))
			json_object_object_add(properties, f->name, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		json_object_object_del(properties, own[i]);
	fields_from_json(&autocert_class, properties, v);
	free(v->o.name);
	v->o.name = xasprintf("%s-%s", a->o.name, output_type_of(algorithm));
	str_replace(&v->key_algorithm, algorithm);
	str_replace(&v->variant_of, a->o.id);
}

static void
variant_event(struct call *call, enum event_kind kind, const struct autocert *v, const char *what)
{
	struct event_object object = { autocert_class.name, v->o.id, v->o.name };
	struct json_object *data;

	if (call->is_dry_run)
		return;
	data = json_object_new_object();
	json_add_string(data, "by", call->peer->label);
	event_emit(call->service->events, call_txn(call), kind, &object, data, "%s by %s", what, call->peer->label);
}

/* For the answer of an update. @reason: taken. */
static void
variant_say(struct call *call, char *reason)
{
	struct json_object *reasons = call->effect ? json_path(call->effect, "reasons") : NULL;

	if (reasons)
		json_object_array_add(reasons, json_object_new_string(reason));
	free(reason);
}

static int
variant_save(struct call *call, struct autocert *v, struct error *err)
{
	if (resource_claim_name(call, &autocert_class, &v->o, err) == 0 &&
		object_save(call->service->store, call_txn(call), &autocert_class, v, err) == 0)
		return 0;
	if (err && err->code == ERROR_EXISTS) {
		error_set_field(err, "properties.keyAlgorithms",
			"need the name '%s' for the second key, which another auto-certificate has: remove or rename "
			"that one",
			v->o.name);
		err->code = ERROR_EXISTS;
	}
	return -1;
}

static int
variant_create(struct call *call, struct autocert *a, bool is_new, struct error *err)
{
	_cleanup_autocert_ struct autocert v = { 0 };

	if (autocert_check_limit(call, is_new ? 1 : 0, err) < 0)
		return -1;
	store_new_id(v.o.id);
	resource_created(call, &v.o);
	variant_declare(&v, a, a->key_algorithms.items[1]);
	v.is_paused = a->is_paused;
	if (slug_take(call, v.o.name, NULL, v.o.id, &v.slug, err) < 0)
		return -1;
	if (!v.is_paused)
		issue_plan_renewal(call->service->issue_env, &v, true);
	if (variant_save(call, &v, err) < 0)
		return -1;
	variant_event(call, EVENT_OBJECT_CREATED, &v, "created");
	variant_say(call, xasprintf("'%s' is created for the second key", v.o.name));
	str_replace(&a->variant, v.o.id);
	return 0;
}

static void
variant_pause(struct call *call, struct autocert *v, bool is_paused)
{
	if (!is_paused) {
		autocert_end_pause(call, v);
		return;
	}
	v->is_paused = true;
	v->next_at = 0;
	call_cancel(call, v->o.id);
}

static int
variant_change(struct call *call, const struct autocert *a, struct autocert *v, struct error *err)
{
	_cleanup_autocert_ struct autocert old = { 0 };
	_cleanup_effect_ struct effect effect = { 0 };

	record_copy(&autocert_class, &old, v);
	variant_declare(v, a, a->key_algorithms.items[1]);
	failover_redeclared(v);
	effect_of(API_AUTOCERTIFICATE, &autocert_class, &old, v, &effect);
	if (!effect.changed.count && a->is_paused == v->is_paused)
		return 0;
	if (a->is_paused != v->is_paused)
		variant_pause(call, v, a->is_paused);
	if (autocert_apply(call, &old, v, &effect, err) < 0)
		return -1;
	resource_modified(call, &v->o);
	if (variant_save(call, v, err) < 0)
		return -1;
	variant_event(call, EVENT_OBJECT_UPDATED, v, "changed");
	return 0;
}

static int
variant_delete(struct call *call, const struct autocert *v, bool has_certificates, struct error *err)
{
	struct autocert without = *v; /* asks for force, as an update of its own would */

	without.consumers = (struct strlist)STRLIST_INIT;
	if (used_files_check(call, &autocert_class, v, &without, NULL, err) < 0 ||
		object_delete(call->service->store, call_txn(call), &autocert_class, v->o.id, err) < 0 ||
		autocert_forget(call, v, has_certificates, err) < 0)
		return -1;
	variant_event(call, EVENT_OBJECT_DELETED, v, "deleted");
	return 0;
}

int
variant_follow(struct call *call, struct autocert *a, bool is_new, struct error *err)
{
	_cleanup_autocert_ struct autocert v = { 0 };
	const char *algorithm = a->key_algorithms.count > 1 ? a->key_algorithms.items[1] : NULL;
	int found = variant_load(call, a, &v, err);

	if (found < 0)
		return -1;
	if (found && (!algorithm || !variant_is_same_type(algorithm, v.key_algorithm))) {
		if (variant_delete(call, &v, false, err) < 0)
			return -1;
		variant_say(call, xasprintf("'%s', with the second key, is deleted with its files", v.o.name));
		str_replace(&a->variant, NULL);
		found = 0;
	}
	if (!algorithm)
		return 0;
	return found ? variant_change(call, a, &v, err) : variant_create(call, a, is_new, err);
}

int
variant_remove(
	struct call *call, const struct autocert *a, bool has_certificates, struct strlist *reasons, struct error *err)
{
	_cleanup_autocert_ struct autocert v = { 0 };
	int found = variant_load(call, a, &v, err);

	if (found == 1)
		strlist_take(reasons, xasprintf("'%s', with the second key, is deleted with its files", v.o.name));
	return found == 1 ? variant_delete(call, &v, has_certificates, err) : found;
}
