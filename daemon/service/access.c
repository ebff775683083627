/* Scopes of peers, applied: what is covered, and what may be asked for. Nothing here is asked of a peer without a scope. */
#include "daemon/service/access.h"

#include <stdlib.h>
#include <string.h>

/* --- what is covered --- */

/* What a rule looks at, of whatever kind of object. */
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

/* Rules of certd.conf have providers by name. */
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
rule_covers_provider(const struct scope_rule *rule, const struct object *provider)
{
	return !rule->providers.count || strlist_has(&rule->providers, provider->id) ||
	       strlist_has(&rule->providers, provider->name);
}

bool
access_covers(const struct scope *scope, struct store *store, const struct record_class *cls, const void *obj)
{
	_cleanup_access_subject_ struct access_subject s = { .provider = NULL };
	bool has_rules;

	if (!scope || cls == &dnsprovider_class || cls == &consumer_class)
		return true;
	has_rules = access_subject_of(cls, obj, &s);
	for (size_t i = 0; i < scope->n_rules; i++) {
		if (has_rules && rule_covers(&scope->rules[i], store, &s))
			return true;
		if (cls == &provider_class && rule_covers_provider(&scope->rules[i], obj))
			return true;
	}
	return false;
}

bool
access_covers_id(const struct scope *scope, struct store *store, const struct record_class *cls, const char *id)
{
	void *obj;
	bool covers;

	if (!scope)
		return true;
	obj = xcalloc(1, cls->size);
	covers = object_peek(store, cls, id, obj, NULL) == 1 && access_covers(scope, store, cls, obj);
	record_clear(cls, obj);
	free(obj);
	return covers;
}

/* Who has files: an auto-certificate, or a certificate that was imported. */
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
		&dnsprovider_class, &consumer_class, &authorization_class };
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
	const struct record_class *cls; /* of what is declared */
	struct error *err;
};

static int
access_outside(const struct asking *a, const char *field, const char *what, const char *value)
{
	error_set_field(a->err, field, "%s '%s' is outside of the scope of %s", what, value, a->peer->label);
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

	error_set_field(a->err, "properties.labels", "%s needs one of the labels %s", a->peer->label, wanted);
	if (a->err)
		a->err->code = ERROR_DENIED;
	return -1;
}

/* Which property puts it outside of the first rule? */
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
		error_set_field(a->err, "properties.certificate", "without a name it is outside of the scope of %s",
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
		return error_set(err, ERROR_DENIED, "a %s is outside of the scope of %s", cls->name, peer->label);
	return name_the_field(&asking, &s);
}

/* --- answers --- */

/* What a consumer shows of its rollouts. */
void
access_strip(const struct scope *scope, struct store *store, const struct record_class *cls, struct json_object *object)
{
	struct json_object *rollouts = NULL;
	const char *id = NULL;

	if (!scope || cls != &consumer_class)
		return;
	rollouts = json_path(object, "metadata.rollouts");
	for (size_t i = rollouts ? json_object_array_length(rollouts) : 0; i-- > 0;) {
		if (json_get_string(json_object_array_get_idx(rollouts, i), "autoCertificate", &id, NULL) != 1 ||
			!access_covers_subject(scope, store, id))
			json_object_array_del_idx(rollouts, i, 1);
	}
}
