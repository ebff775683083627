/* Scopes of peers: what they cover, and what a peer may declare. Nothing here concerns peers without a scope. */
#include "daemon/service/access.h"

#include "common/api/api.h"
#include "common/name.h"
#include "daemon/store/object_query.h"

#include <stdlib.h>
#include <string.h>

/* Of those that a rule may cover, for each consumer and provider that is asked for: a list asks for many. */
enum { USERS_LOOKED_AT = 1000, AUTHORIZATIONS_LOOKED_AT = 200 };

/* --- what is covered --- */

/* The facts that a rule compares, for every kind of object. */
struct access_subject {
	struct strlist names;  /* owned */
	const char *provider;  /* id, borrowed; NULL: none */
	struct strlist labels; /* owned */
};

static void
access_subject_clear(struct access_subject *s)
{
	strlist_clear(&s->names);
	strlist_clear(&s->labels);
}

#define _cleanup_access_subject_ _cleanup_(access_subject_clear)

static void
access_add_names(struct access_subject *s, const char *first, const struct strlist *others)
{
	if (first)
		strlist_add(&s->names, first);
	for (size_t i = 0; others && i < others->count; i++)
		strlist_add(&s->names, others->items[i]);
}

/* Return: false: rules do not apply to objects of that kind. */
static bool
access_subject_of(const struct record_class *cls, const void *obj, struct access_subject *ret)
{
	const struct autocert *a = obj;
	const struct certificate *c = obj;
	const struct authorization *z = obj;

	if (cls == &autocert_class) {
		access_add_names(ret, a->common_name, &a->sans);
		ret->provider = a->provider;
		strlist_copy(&ret->labels, &a->labels);
	} else if (cls == &certificate_class) {
		access_add_names(ret, NULL, &c->names);
		ret->provider = c->provider;
		strlist_copy(&ret->labels, &c->labels);
	} else if (cls == &authorization_class) {
		access_add_names(ret, z->o.name, NULL);
		ret->provider = z->provider;
	} else {
		return false;
	}
	return true;
}

/* Rules of certd.conf contain providers by name. */
static bool
rule_covers(const struct scope_rule *rule, struct store *store, const struct access_subject *s)
{
	_cleanup_provider_ struct provider p = { .email = NULL };

	if (scope_rule_covers(rule, &s->names, s->provider, &s->labels))
		return true;
	return rule->providers.count && s->provider &&
	       object_peek(store, &provider_class, s->provider, &p, NULL) == 1 &&
	       scope_rule_covers(rule, &s->names, p.o.name, &s->labels);
}

static bool
rule_names_provider(const struct scope_rule *rule, const struct object *provider)
{
	return strlist_has(&rule->providers, provider->id) || strlist_has(&rule->providers, provider->name);
}

/* --- what is used by what is covered --- */

struct usage {
	const struct scope *scope;
	struct store *store;
	const char *target; /* id */
	const struct record_class *cls;
	bool is_used;
};

static bool
access_look_at_user(const char *id, void *arg)
{
	struct usage *u = arg;

	u->is_used = access_covers_id(u->scope, u->store, u->cls, id);
	return !u->is_used;
}

/* Those that a rule may cover by @text are walked, and asked whether they refer to the target. @text NULL: all. */
static bool
access_is_used_by(struct usage *u, enum object_condition condition, const char *text)
{
	struct object_query q;

	object_query_init(&q, u->cls);
	if (text)
		object_query_add(&q, condition, text, 0);
	object_query_add(&q, OBJECT_REFERS_TO, u->target, 0);
	object_query_run(&q, u->store, USERS_LOOKED_AT, access_look_at_user, u, NULL);
	object_query_clear(&q);
	return u->is_used;
}

static bool
access_is_used_under(struct usage *u, const struct scope_rule *rule)
{
	for (size_t i = 0; i < rule->domains.count; i++) {
		const char *pattern = rule->domains.items[i];
		bool is_wildcard = name_is_wildcard(pattern);

		if (access_is_used_by(u, is_wildcard ? OBJECT_IS_BELOW : OBJECT_HAS_COMMON_NAME, name_base(pattern)))
			return true;
	}
	for (size_t i = 0; !rule->domains.count && i < rule->labels.count; i++)
		if (access_is_used_by(u, OBJECT_HAS_LABEL, rule->labels.items[i]))
			return true;
	return !rule->domains.count && !rule->labels.count && access_is_used_by(u, OBJECT_REFERS_TO, NULL);
}

/* Authorizations are not found by their names' domains, but there are few. */
static bool
access_is_used_by_authorization(const struct scope *scope, struct store *store, const char *target)
{
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;

	object_referrers(store, &authorization_class, target, AUTHORIZATIONS_LOOKED_AT, &ids, NULL);
	for (size_t i = 0; i < ids.count; i++)
		if (access_covers_id(scope, store, &authorization_class, ids.items[i]))
			return true;
	return false;
}

static bool
access_is_used(const struct scope *scope, struct store *store, const char *target)
{
	static const struct record_class *const users[] = { &autocert_class, &certificate_class };

	for (size_t i = 0; i < scope->n_rules; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(users); k++) {
			struct usage u = { .scope = scope, .store = store, .target = target, .cls = users[k] };

			if (access_is_used_under(&u, &scope->rules[i]))
				return true;
		}
	}
	return access_is_used_by_authorization(scope, store, target);
}

bool
access_covers(const struct scope *scope, struct store *store, const struct record_class *cls, const void *obj)
{
	_cleanup_access_subject_ struct access_subject s = { .provider = NULL };
	bool has_rules;

	if (!scope)
		return true;
	has_rules = access_subject_of(cls, obj, &s);
	for (size_t i = 0; i < scope->n_rules; i++) {
		if (has_rules && rule_covers(&scope->rules[i], store, &s))
			return true;
		if (cls == &provider_class && rule_names_provider(&scope->rules[i], obj))
			return true;
	}
	return (cls == &provider_class || cls == &dnsprovider_class || cls == &consumer_class) &&
	       access_is_used(scope, store, ((const struct object *)obj)->id);
}

bool
access_may_use(const struct scope *scope, struct store *store, const struct record_class *cls, const void *obj)
{
	if (!scope || cls == &dnsprovider_class || cls == &consumer_class)
		return true;
	for (size_t i = 0; cls == &provider_class && i < scope->n_rules; i++)
		if (!scope->rules[i].providers.count || rule_names_provider(&scope->rules[i], obj))
			return true;
	return cls != &provider_class && access_covers(scope, store, cls, obj);
}

bool
access_by_id(
	access_fn *may, const struct scope *scope, struct store *store, const struct record_class *cls, const char *id)
{
	void *obj = xcalloc(1, cls->size);
	bool is_allowed = object_peek(store, cls, id, obj, NULL) == 1 && may(scope, store, cls, obj);

	record_clear(cls, obj);
	free(obj);
	return is_allowed;
}

bool
access_covers_id(const struct scope *scope, struct store *store, const struct record_class *cls, const char *id)
{
	return !scope || access_by_id(access_covers, scope, store, cls, id);
}

/* Objects with files: an auto-certificate, or an imported certificate. */
bool
access_covers_subject(const struct scope *scope, struct store *store, const char *id)
{
	return access_covers_id(scope, store, &autocert_class, id) ||
	       access_covers_id(scope, store, &certificate_class, id);
}

static const struct record_class *
class_named(const char *word)
{
	static const struct record_class *const classes[] = { &provider_class, &autocert_class, &certificate_class,
		&dnsprovider_class, &consumer_class, &authorization_class, &alert_class };
	const struct api_resource *resource = api_resource_find(word);

	for (size_t i = 0; resource && i < ARRAY_SIZE(classes); i++)
		if (strcmp(classes[i]->name, resource->type) == 0)
			return classes[i];
	return NULL;
}

bool
access_sees_event(const struct scope *scope, struct store *store, struct json_object *event)
{
	const struct record_class *cls;
	struct json_object *object = NULL;
	const char *type = NULL, *id = NULL;

	if (!scope)
		return true;
	if (json_get_object(event, "object", &object, NULL) != 1 || json_get_string(object, "type", &type, NULL) != 1 ||
		json_get_string(object, "id", &id, NULL) != 1)
		return false;
	cls = class_named(type);
	return cls && access_covers_id(scope, store, cls, id);
}

/* --- what is declared --- */

struct asking {
	const struct peer *peer;
	const struct record_class *cls; /* of the declared object */
	struct error *err;
};

static int
access_outside(const struct asking *a, const char *field, const char *what, const char *value)
{
	error_set_field(a->err, field, "%s '%s' is outside the scope of %s", what, value, a->peer->label);
	if (a->err)
		a->err->code = ERROR_DENIED;
	return -1;
}

static int
access_name_outside(const struct asking *a, size_t i, const char *name)
{
	_cleanup_free_ char *san = xasprintf("properties.subjectAlternativeNames[%zu]", i ? i - 1 : 0);
	const char *field = i ? san : "properties.commonName";

	if (a->cls == &certificate_class)
		field = "properties.certificate";
	else if (a->cls == &authorization_class)
		field = "properties.name";
	return access_outside(a, field, "the name", name);
}

static int
access_labels_outside(const struct asking *a, const struct strlist *labels)
{
	_cleanup_free_ char *wanted = strlist_join(labels, ", ");

	error_set_field(a->err, "properties.labels", "%s requires one of the labels %s", a->peer->label, wanted);
	if (a->err)
		a->err->code = ERROR_DENIED;
	return -1;
}

/* Which property violates the first rule? */
static int
name_the_field(const struct asking *a, const struct access_subject *s)
{
	const struct scope_rule *rule = &a->peer->scope->rules[0];
	const struct scope_rule domains = { .domains = rule->domains };
	const struct scope_rule labels = { .labels = rule->labels };

	for (size_t i = 0; i < s->names.count; i++) {
		struct strlist one = { .items = &s->names.items[i], .count = 1 };

		if (!scope_rule_covers(&domains, &one, NULL, &s->labels))
			return access_name_outside(a, i, s->names.items[i]);
	}
	if (!s->names.count && rule->domains.count) {
		error_set_field(a->err, "properties.certificate", "without a name it is outside the scope of %s",
			a->peer->label);
		if (a->err)
			a->err->code = ERROR_DENIED;
		return -1;
	}
	if (!scope_rule_covers(&labels, &s->names, NULL, &s->labels))
		return access_labels_outside(a, &rule->labels);
	return access_outside(a, "properties.provider", "the provider", s->provider ? s->provider : "none");
}

int
access_check(struct store *store, const struct peer *peer, const struct record_class *cls, const void *obj,
	struct error *err)
{
	const struct asking asking = { .peer = peer, .cls = cls, .err = err };
	_cleanup_access_subject_ struct access_subject s = { .provider = NULL };

	if (access_covers(peer->scope, store, cls, obj))
		return 0;
	if (!access_subject_of(cls, obj, &s))
		return error_set(err, ERROR_DENIED, "%s '%s' is outside the scope of %s", api_title(cls->name),
			((const struct object *)obj)->name, peer->label);
	return name_the_field(&asking, &s);
}

/* --- answers --- */

/* References to what has a place inside or outside; what a covered object uses is covered itself. */
static const struct record_class *
access_class_of_reference(const struct api_field *field)
{
	const struct record_class *cls = field->resource ? class_named(field->resource) : NULL;

	return cls == &autocert_class || cls == &certificate_class || cls == &authorization_class ? cls : NULL;
}

static bool
access_refers_outside(
	const struct scope *scope, struct store *store, const struct api_field *fields, struct json_object *object)
{
	for (; fields && fields->name; fields++) {
		const struct record_class *cls = fields->type == API_REF ? access_class_of_reference(fields) : NULL;
		const char *id = NULL;

		if (cls && json_get_string(object, fields->name, &id, NULL) == 1 &&
			!access_covers_id(scope, store, cls, id))
			return true;
	}
	return false;
}

/* Removes references outside, and items of lists that have one. */
static void
access_strip_references(
	const struct scope *scope, struct store *store, const struct api_field *fields, struct json_object *object)
{
	for (; object && fields && fields->name; fields++) {
		struct api_field only[] = { *fields, { .name = NULL } };
		struct json_object *value = json_path(object, fields->name);

		if (value && fields->type == API_REF && access_refers_outside(scope, store, only, object))
			json_object_object_del(object, fields->name);
		for (size_t i = value && fields->type == API_LIST ? json_object_array_length(value) : 0; i-- > 0;)
			if (access_refers_outside(scope, store, fields->fields, json_object_array_get_idx(value, i)))
				json_object_array_del_idx(value, i, 1);
	}
}

/* The state of a consumer is that of its rollouts: of those that are shown. */
static void
access_strip_consumer(struct json_object *metadata)
{
	struct json_object *rollouts = json_path(metadata, "rollouts");
	struct json_object *message = NULL;

	for (size_t i = rollouts ? json_object_array_length(rollouts) : 0; i-- > 0;)
		if (!message)
			message = json_path(json_object_array_get_idx(rollouts, i), "lastError.message");
	json_add_string(metadata, "state", message ? "FAILED" : "AVAILABLE");
	json_add_string(metadata, "message", message ? json_object_get_string(message) : "");
}

static bool
access_sees_zone(const struct scope *scope, const char *zone)
{
	for (size_t i = 0; i < scope->n_rules; i++) {
		const struct strlist *domains = &scope->rules[i].domains;

		if (!domains->count)
			return true;
		for (size_t k = 0; k < domains->count; k++)
			if (name_in_zone(name_base(domains->items[k]), zone) ||
				name_in_zone(zone, name_base(domains->items[k])))
				return true;
	}
	return false;
}

static void
access_strip_zones(const struct scope *scope, struct json_object *zones)
{
	for (size_t i = zones ? json_object_array_length(zones) : 0; i-- > 0;) {
		_cleanup_free_ char *zone = NULL;

		if (name_canonical(json_object_get_string(json_object_array_get_idx(zones, i)), false, &zone, NULL) <
				0 ||
			!access_sees_zone(scope, zone))
			json_object_array_del_idx(zones, i, 1);
	}
}

void
access_strip(const struct scope *scope, struct store *store, const struct record_class *cls, struct json_object *object)
{
	const struct api_resource *resource = api_resource_find(cls->name);
	struct json_object *metadata = json_path(object, "metadata");

	if (!scope || !resource)
		return;
	access_strip_references(scope, store, resource->metadata, metadata);
	if (cls == &consumer_class)
		access_strip_consumer(metadata);
	if (cls == &dnsprovider_class) {
		access_strip_zones(scope, json_path(object, "properties.zones"));
		access_strip_zones(scope, json_path(metadata, "zonesSeen"));
	}
}
