/*
 * Lists. An index gives the ids of the matching objects (object_query.h); only those of the page are loaded and
 * described. A list is made in slices and keeps no cursor in the store: an object that is deleted meanwhile is not on
 * the page. A page ends early when it is large, because certificates include their PEM.
 */
#include "daemon/service/slices.h"

#include "common/name.h"
#include "common/timefmt.h"
#include "daemon/service/access.h"
#include "daemon/service/resource.h"
#include "daemon/store/object_query.h"

#include <stdlib.h>
#include <string.h>

enum {
	LIST_LIMIT = 100,
	LIST_LIMIT_MAX = 1000,
	LIST_OCTETS = 8 * 1024 * 1024, /* a page ends with the item that reaches it */
	/* Of a slice. */
	SLICE_OBJECTS = 20,
	SLICE_ROWS = 4000, /* only read */
	SLICE_LOOKS = 200  /* compared with further conditions */
};

struct list {
	struct slices slices;
	const struct resource_ops *ops;
	struct json_object *params; /* held: the query borrows from it */
	struct object_query query;
	struct strlist refs;     /* ids of the objects that the parameters name */
	const char *shown_state; /* only those that are shown in this state; NULL: whatever it is */
	int64_t offset, limit;
	int64_t seen;       /* matching ids so far */
	struct strlist ids; /* ids of the page */
	size_t n_described;
	struct json_object *items;
	size_t octets; /* of the items */
	bool is_found; /* all ids of the page are known, and the total */
};

static void
list_free(struct slices *slices)
{
	struct list *l = (struct list *)slices;

	object_query_clear(&l->query);
	strlist_clear(&l->refs);
	strlist_clear(&l->ids);
	json_object_put(l->params);
	json_object_put(l->items);
	free(l);
}

/* --- conditions --- */

/* Parameters that filter a list, the most selective first; the API table says which a method has. */
static const struct filter {
	const char *param;
	enum object_condition condition;
	const struct record_class *target; /* of OBJECT_REFERS_TO */
} filters[] = {
	{ "name", OBJECT_HAS_NAME, NULL },
	{ "autoCertificate", OBJECT_REFERS_TO, &autocert_class },
	{ "commonName", OBJECT_HAS_COMMON_NAME, NULL },
	{ "label", OBJECT_HAS_LABEL, NULL },
	{ "provider", OBJECT_REFERS_TO, &provider_class },
	{ "expiresBefore", OBJECT_EXPIRES_BEFORE, NULL },
	{ "state", OBJECT_HAS_STATE, NULL },
};

/* The object may be gone while others still refer to it: certificates outlive their auto-certificate. */
static bool
list_is_id(const char *text)
{
	return strlen(text) == STORE_ID_SIZE - 1 && strspn(text, "0123456789abcdef-") == STORE_ID_SIZE - 1;
}

static int
add_filter(struct list *l, const struct filter *f, const char *text, struct error *err)
{
	_cleanup_free_ char *id = NULL;
	int64_t number = 0;

	switch (f->condition) {
	case OBJECT_REFERS_TO:
		if (resource_ref(l->slices.call, f->target, f->param, text, &id, err) < 0) {
			if (!list_is_id(text))
				return -1;
			id = xstrdup(text);
		}
		strlist_add(&l->refs, id);
		text = l->refs.items[l->refs.count - 1];
		break;
	case OBJECT_EXPIRES_BEFORE:
		if (time_parse_rfc3339(text, &number) < 0)
			return error_set_field(err, f->param, "'%s' is not a date", text);
		break;
	case OBJECT_HAS_STATE:
		if (l->ops->cls == &consumer_class && l->slices.call->peer->scope) {
			l->shown_state = text; /* not the one that is stored, see access_strip() */
			return 0;
		}
		number = resource_state(text);
		break;
	case OBJECT_HAS_COMMON_NAME: /* in any form; no object has a common name that is not a name */
		if (name_canonical(text, true, &id, NULL) < 0)
			break;
		strlist_add(&l->refs, id);
		text = l->refs.items[l->refs.count - 1];
		break;
	case OBJECT_HAS_NAME:
	case OBJECT_HAS_FLAG:
	case OBJECT_HAS_LABEL:
	case OBJECT_IS_BELOW:
		break;
	}
	object_query_add(&l->query, f->condition, text, number);
	return 0;
}

/* A scope with one label, provider or domain is answered by its index; any other one by checking each object. */
static void
narrow_by_scope(struct list *l)
{
	const struct scope *scope = l->slices.call->peer->scope;
	const struct scope_rule *rule = scope && scope->n_rules == 1 ? &scope->rules[0] : NULL;

	if (!rule || l->query.n_terms || (l->ops->cls != &autocert_class && l->ops->cls != &certificate_class))
		return;
	if (rule->labels.count == 1)
		object_query_add(&l->query, OBJECT_HAS_LABEL, rule->labels.items[0], 0);
	else if (rule->domains.count == 1 && name_is_wildcard(rule->domains.items[0]))
		object_query_add(&l->query, OBJECT_IS_BELOW, name_base(rule->domains.items[0]), 0);
	else if (rule->domains.count == 1)
		object_query_add(&l->query, OBJECT_HAS_COMMON_NAME, rule->domains.items[0], 0);
	else if (rule->providers.count == 1 && strlen(rule->providers.items[0]) == STORE_ID_SIZE - 1)
		object_query_add(&l->query, OBJECT_REFERS_TO, rule->providers.items[0], 0);
}

static int
add_filters(struct list *l, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		const char *text = NULL;

		if (json_get_string(l->params, filters[i].param, &text, NULL) == 1 &&
			add_filter(l, &filters[i], text, err) < 0)
			return -1;
	}
	narrow_by_scope(l);
	return 0;
}

/* --- slices --- */

/* The total of all objects is stored. */
static bool
is_total_known(const struct list *l)
{
	return !l->query.n_terms && !l->slices.call->peer->scope;
}

static bool
list_is_shown(const struct list *l, const char *id)
{
	struct service *service = l->slices.call->service;
	_cleanup_json_ struct json_object *json = NULL;
	struct object *o;

	if (!l->shown_state)
		return true;
	o = xcalloc(1, l->ops->cls->size);
	if (object_peek(service->store, l->ops->cls, id, o, NULL) == 1)
		json = resource_seen_by(l->slices.call->peer, service, l->ops, o);
	record_clear(l->ops->cls, o);
	free(o);
	return json && strcmp(json_object_get_string(json_path(json, "metadata.state")), l->shown_state) == 0;
}

static bool
found(const char *id, void *arg)
{
	struct list *l = arg;
	const struct scope *scope = l->slices.call->peer->scope;
	int64_t at;

	if (!access_covers_id(scope, l->slices.call->service->store, l->ops->cls, id) || !list_is_shown(l, id))
		return true;
	at = l->seen++ - l->offset;

	if (at >= 0 && at < l->limit)
		strlist_add(&l->ids, id);
	return !is_total_known(l) || at + 1 < l->limit;
}

static int
find_some(struct list *l, struct error *err)
{
	struct store *store = l->slices.call->service->store;
	unsigned looks = l->query.n_terms > 1 || l->slices.call->peer->scope ? SLICE_LOOKS : SLICE_ROWS;
	int more = object_query_run(&l->query, store, looks, found, l, err);

	if (more < 0)
		return -1;
	l->is_found = !more || (is_total_known(l) && l->ids.count == (size_t)l->limit);
	return 0;
}

/* As text: a tree has ten times as many octets, and would be written and freed with all others at the end. */
static void
add_item(struct list *l, struct json_object *item)
{
	const struct peer *peer = l->slices.call->peer;
	size_t octets;

	if (peer->show)
		peer->show(&api_resources[l->ops->id], item);
	json_object_array_add(l->items, json_new_text(item, &octets));
	l->octets += octets;
}

/* A damaged record does not hide the others: it is on the page, with its error. Return: 0 or -1. */
static int
list_describe(struct list *l, const char *id, struct object *o, struct error *err)
{
	struct service *service = l->slices.call->service;
	_cleanup_error_ struct error why = ERROR_INIT;
	int there = object_peek(service->store, l->ops->cls, id, o, &why);

	if (there == 1)
		add_item(l, resource_seen_by(l->slices.call->peer, service, l->ops, o));
	else if (there < 0 && why.code == ERROR_CORRUPT)
		add_item(l, resource_damaged(l->ops, id, &why));
	else if (there < 0) {
		error_copy(err, &why);
		return -1;
	}
	return 0;
}

static bool
is_complete(const struct list *l)
{
	return l->is_found && (l->n_described == l->ids.count || l->octets >= LIST_OCTETS);
}

static int
describe_some(struct list *l, struct error *err)
{
	struct object *o = xcalloc(1, l->ops->cls->size);
	int there = 0;

	for (size_t n = 0; n < SLICE_OBJECTS && !is_complete(l) && there == 0; n++)
		there = list_describe(l, l->ids.items[l->n_described++], o, err);
	record_clear(l->ops->cls, o);
	free(o);
	return there;
}

static struct json_object *
result(struct list *l)
{
	struct json_object *page = json_object_new_object();
	int64_t total = l->seen;

	if (is_total_known(l))
		total = (int64_t)store_count(l->slices.call->service->store, l->ops->cls->db);
	json_object_object_add(page, "items", l->items);
	l->items = NULL;
	json_add_int(page, "offset", l->offset);
	json_add_int(page, "limit", l->limit);
	json_add_int(page, "total", total);
	return page;
}

static int
list_step(struct slices *slices, struct json_object **ret, struct error *err)
{
	struct list *l = (struct list *)slices;

	if (!l->is_found && find_some(l, err) < 0)
		return -1;
	if (l->is_found && describe_some(l, err) < 0)
		return -1;
	if (!is_complete(l))
		return 1;
	*ret = result(l);
	return 0;
}

/* --- beginning --- */

static struct list *
list_new(struct call *call, struct json_object *params)
{
	struct list *l = xcalloc(1, sizeof(*l));

	l->slices.call = call;
	l->ops = call->ops;
	l->params = json_object_get(params);
	l->limit = LIST_LIMIT;
	l->items = json_object_new_array();
	object_query_init(&l->query, call->ops->cls);
	json_get_int(params, "offset", 0, INT64_MAX, &l->offset, NULL);
	json_get_int(params, "limit", 1, LIST_LIMIT_MAX, &l->limit, NULL);
	return l;
}

int
resource_list(struct call *call, struct json_object *params, struct error *err)
{
	struct list *l = list_new(call, params);

	if (add_filters(l, err) < 0) {
		list_free(&l->slices);
		return -1;
	}
	slices_begin(&l->slices, call, list_step, list_free);
	return 1;
}
