/* Scopes of peers, applied: what is covered, and what may be asked for. Nothing here is asked of a peer without a scope. */
#include "daemon/service/access.h"

#include "common/crypto/x509.h"
#include "common/name.h"
#include "daemon/service/peer.h"
#include "daemon/service/resource.h"

#include <stdlib.h>
#include <string.h>

struct scope *
scope_new(void)
{
	struct scope *scope = xcalloc(1, sizeof(*scope));

	scope->holders = 1;
	return scope;
}

void
scope_add(struct scope *scope, const struct scope_rule *rule)
{
	scope->rules = xreallocarray(scope->rules, scope->n_rules + 1, sizeof(*scope->rules));
	scope->rules[scope->n_rules] = (struct scope_rule){ .domains = STRLIST_INIT };
	scope_rule_add(&scope->rules[scope->n_rules++], rule);
}

struct scope *
scope_hold(struct scope *scope)
{
	if (scope)
		scope->holders++;
	return scope;
}

void
scope_release(struct scope *scope)
{
	if (!scope || --scope->holders)
		return;
	for (size_t i = 0; i < scope->n_rules; i++)
		scope_rule_clear(&scope->rules[i]);
	free(scope->rules);
	free(scope);
}

/* --- what is covered --- */

/* What a rule looks at, of whatever kind of object. */
struct judged {
	struct strlist names;  /* owned */
	const char *provider;  /* id, borrowed; NULL: none */
	const char *by_name;   /* the same by its name; NULL */
	struct strlist labels; /* owned */
};

static void
judged_clear(struct judged *s)
{
	strlist_clear(&s->names);
	strlist_clear(&s->labels);
}

#define _cleanup_judged_ _cleanup_(judged_clear)

static void
access_add_names(struct judged *s, const char *first, const struct strlist *others)
{
	if (first)
		strlist_add(&s->names, first);
	for (size_t i = 0; others && i < others->count; i++)
		strlist_add(&s->names, others->items[i]);
}

/* Return: false: rules do not apply to objects of that kind. */
static bool
judged_of(const struct record_class *cls, const void *obj, struct judged *ret)
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
rule_covers(const struct scope_rule *rule, struct store *store, const struct judged *s)
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
	_cleanup_judged_ struct judged s = { .provider = NULL };
	bool has_rules;

	if (!scope || cls == &dnsprovider_class || cls == &consumer_class)
		return true;
	has_rules = judged_of(cls, obj, &s);
	for (size_t i = 0; i < scope->n_rules; i++) {
		if (has_rules && rule_covers(&scope->rules[i], store, &s))
			return true;
		if (cls == &provider_class && rule_covers_provider(&scope->rules[i], obj))
			return true;
	}
	return false;
}

bool
access_covers_id(
	const struct scope *scope, struct store *store, const struct record_class *cls, const char *id)
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
	static const struct record_class *const classes[] = { &provider_class, &autocert_class,
		&certificate_class, &dnsprovider_class, &consumer_class, &authorization_class };
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
	if (json_get_object(event, "object", &object, NULL) != 1 ||
		json_get_string(object, "type", &type, NULL) != 1 ||
		json_get_string(object, "id", &id, NULL) != 1)
		return false;
	cls = class_named(type);
	return cls && access_covers_id(scope, store, cls, id);
}

/* --- references --- */

struct asking {
	struct store *store;
	const struct peer *peer;
	bool is_list; /* its filters */
	struct error *err;
};

/* A list by an id is empty, whether nothing has the id any more or it is outside: list.c looks at each object. */
static bool
access_is_id(const char *text)
{
	return strlen(text) == STORE_ID_SIZE - 1 && strspn(text, "0123456789abcdef-") == STORE_ID_SIZE - 1;
}

static int
access_check_ref(const struct asking *a, const struct api_field *field, const char *path, const char *ref)
{
	const struct record_class *cls = class_named(field->resource);
	void *obj;
	int found;

	if (a->is_list && access_is_id(ref))
		return 0;
	if (!cls)
		return error_set_field(a->err, path, "there is no %s '%s'", field->resource, ref);
	obj = xcalloc(1, cls->size);
	found = object_find_peek(a->store, cls, ref, obj, a->err);
	if (found == 0 || (found == 1 && !access_covers(a->peer->scope, a->store, cls, obj)))
		found = error_set_field(a->err, path, "there is no %s '%s'", cls->name, ref);
	record_clear(cls, obj);
	free(obj);
	return found < 0 ? -1 : 0;
}

/* What is not there for it must look as what is not there at all: the words are those of resource_ref(). */
static int
check_refs(const struct asking *a, const struct api_field *fields, const char *prefix,
	struct json_object *values)
{
	for (const struct api_field *f = fields; f && f->name; f++) {
		_cleanup_free_ char *path = xasprintf("%s%s", prefix, f->name);
		struct json_object *value = json_path(values, f->name);

		if (!value || strcmp(path, "ref") == 0)
			continue;
		if (f->type == API_REF && access_check_ref(a, f, path, json_object_get_string(value)) < 0)
			return -1;
		for (size_t i = 0; f->type == API_REFLIST && i < json_object_array_length(value); i++) {
			_cleanup_free_ char *item = xasprintf("%s[%zu]", path, i);

			if (access_check_ref(a, f, item,
				    json_object_get_string(json_object_array_get_idx(value, i))) < 0)
				return -1;
		}
	}
	return 0;
}

/* --- declarations --- */

static int
outside(const struct asking *a, const char *field, const char *what, const char *value)
{
	error_set(a->err, ERROR_DENIED, "%s '%s' is outside of the scope of %s", what, value, a->peer->label);
	if (a->err)
		a->err->field = xstrdup(field);
	return -1;
}

static int
name_outside(const struct asking *a, const char *field, size_t i, const char *name)
{
	_cleanup_free_ char *san = xasprintf("properties.subjectAlternativeNames[%zu]", i ? i - 1 : 0);

	if (!field)
		field = i ? san : "properties.commonName";
	return outside(a, field, "the name", name);
}

static int
labels_outside(const struct asking *a, const struct strlist *labels)
{
	_cleanup_free_ char *wanted = strlist_join(labels, ", ");

	error_set(a->err, ERROR_DENIED, "%s needs one of the labels %s", a->peer->label, wanted);
	if (a->err)
		a->err->field = xstrdup("properties.labels");
	return -1;
}

/* Which property puts it outside of the first rule? @field: the one that has the names; NULL: those of auto-certificates. */
static int
name_the_field(const struct asking *a, const struct judged *s, const char *field)
{
	const struct scope_rule *rule = &a->peer->scope->rules[0];
	const struct scope_rule domains = { .domains = rule->domains };
	const struct scope_rule labels = { .labels = rule->labels };

	for (size_t i = 0; i < s->names.count; i++) {
		struct strlist one = { .items = &s->names.items[i], .count = 1 };

		if (!scope_rule_covers(&domains, &one, NULL, &s->labels))
			return name_outside(a, field, i, s->names.items[i]);
	}
	if (!scope_rule_covers(&labels, &s->names, NULL, &s->labels))
		return labels_outside(a, &rule->labels);
	return outside(a, "properties.provider", "the provider", s->provider ? s->provider : "none");
}

static int
judge(const struct asking *a, const struct judged *s, const char *field)
{
	for (size_t i = 0; i < a->peer->scope->n_rules; i++)
		if (rule_covers(&a->peer->scope->rules[i], a->store, s))
			return 0;
	return name_the_field(a, s, field);
}

static void
take_strings(struct json_object *array, struct strlist *ret)
{
	strlist_clear(ret);
	for (size_t i = 0; i < json_object_array_length(array); i++)
		strlist_add(ret, json_object_get_string(json_object_array_get_idx(array, i)));
}

/* In canonical form where they have one: those that have none are refused for that, later. */
static void
access_canonical_names(struct strlist *names)
{
	for (size_t i = 0; i < names->count; i++) {
		char *name = NULL;

		if (name_canonical(names->items[i], true, &name, NULL) < 0)
			continue;
		free(names->items[i]);
		names->items[i] = name;
	}
}

/* @a: as it is stored, or empty; what @properties says is put over it. */
static void
put_over(struct autocert *a, struct json_object *properties)
{
	struct json_object *cn = json_path(properties, "commonName");
	struct json_object *sans = json_path(properties, "subjectAlternativeNames");
	struct json_object *provider = json_path(properties, "provider");
	struct json_object *labels = NULL;

	if (cn)
		str_replace(&a->common_name, json_object_get_string(cn));
	if (sans)
		take_strings(sans, &a->sans);
	if (provider)
		str_replace(&a->provider, json_object_get_string(provider));
	if (json_object_object_get_ex(properties, "labels", &labels)) {
		strlist_clear(&a->labels);
		if (labels)
			take_strings(labels, &a->labels);
	}
}

/* A rule of a token has ids, one of certd.conf may have names: the stored form is the id. */
static void
provider_as_id(struct store *store, struct autocert *a)
{
	_cleanup_provider_ struct provider p = { .email = NULL };

	if (a->provider && object_find_peek(store, &provider_class, a->provider, &p, NULL) == 1)
		str_replace(&a->provider, p.o.id);
}

static int
check_autocert(const struct asking *asking, struct json_object *params)
{
	_cleanup_autocert_ struct autocert a = { .provider = NULL };
	_cleanup_judged_ struct judged s = { .provider = NULL };
	struct json_object *ref = json_path(params, "ref");

	/* One that it does not see is not found by the method either, which says so. */
	if (ref && (object_find_peek(asking->store, &autocert_class, json_object_get_string(ref), &a, NULL) !=
				   1 ||
			   !access_covers(asking->peer->scope, asking->store, &autocert_class, &a)))
		return 0;
	put_over(&a, json_path(params, "properties"));
	provider_as_id(asking->store, &a);
	judged_of(&autocert_class, &a, &s);
	access_canonical_names(&s.names);
	return judge(asking, &s, NULL);
}

/*
 * An import by what its PEM says; what cannot be read is refused for that, later. PKCS#12 files, and changes of what was
 * imported, are looked at when they are stored (change_record()).
 */
static int
check_certificate(const struct asking *asking, struct json_object *params)
{
	struct json_object *pem = json_path(params, "properties.certificate");
	struct json_object *labels = json_path(params, "properties.labels");
	_cleanup_judged_ struct judged s = { .provider = NULL };
	struct cert_info info = { .serial = NULL };
	int rc = 0;

	if (pem && x509_chain_parse(json_object_get_string(pem), (size_t)json_object_get_string_len(pem),
			   NULL, NULL, &info, NULL) == 0) {
		access_add_names(&s, NULL, &info.names);
		if (labels)
			take_strings(labels, &s.labels);
		rc = judge(asking, &s, "properties.certificate");
	}
	cert_info_clear(&info);
	return rc;
}

static int
check_authorization(const struct asking *asking, struct json_object *params)
{
	struct json_object *name = json_path(params, "properties.name");
	struct json_object *provider = json_path(params, "properties.provider");
	_cleanup_autocert_ struct autocert a = { .provider = NULL };
	_cleanup_judged_ struct judged s = { .provider = NULL };

	if (!name || !provider)
		return 0;
	a.provider = xstrdup(json_object_get_string(provider));
	provider_as_id(asking->store, &a);
	access_add_names(&s, json_object_get_string(name), NULL);
	access_canonical_names(&s.names);
	s.provider = a.provider;
	return judge(asking, &s, "properties.name");
}

static int
access_check_declaration(
	const struct asking *asking, const struct api_method *method, struct json_object *params)
{
	if (method->resource == API_AUTOCERTIFICATE)
		return check_autocert(asking, params);
	if (method->resource == API_CERTIFICATE && method->verb == API_CREATE)
		return check_certificate(asking, params);
	return method->resource == API_AUTHORIZATION ? check_authorization(asking, params) : 0;
}

int
access_check(struct store *store, const struct peer *peer, enum api_method_id id, struct json_object *params,
	struct error *err)
{
	const struct api_method *method = &api_methods[id];
	const struct asking asking = {
		.store = store, .peer = peer, .is_list = method->verb == API_LIST_ALL, .err = err
	};
	bool declares = method->verb == API_CREATE || method->verb == API_UPDATE;

	if (!peer->scope)
		return 0;
	if (!(method->flags & API_SCOPED))
		return error_set(err, ERROR_DENIED,
			"%s acts on more than the scope of %s, which is for certain certificates only",
			method->name, peer->label);
	if (check_refs(&asking, method->params, "", params) < 0)
		return -1;
	if (!declares)
		return 0;
	if (check_refs(&asking, api_resources[method->resource].properties, "properties.",
		    json_path(params, "properties")) < 0)
		return -1;
	return access_check_declaration(&asking, method, params);
}

/* --- answers --- */

/* What a consumer shows of its rollouts. */
void
access_strip(const struct scope *scope, struct store *store, const struct record_class *cls,
	struct json_object *object)
{
	struct json_object *rollouts = NULL;
	const char *id = NULL;

	if (!scope || cls != &consumer_class)
		return;
	rollouts = json_path(object, "metadata.rollouts");
	for (size_t i = rollouts ? json_object_array_length(rollouts) : 0; i-- > 0;) {
		if (json_get_string(json_object_array_get_idx(rollouts, i), "autoCertificate", &id, NULL) !=
				1 ||
			!access_covers_subject(scope, store, id))
			json_object_array_del_idx(rollouts, i, 1);
	}
}
