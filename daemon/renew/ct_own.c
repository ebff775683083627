/* What is certd's own: the certificates that it has, and the names that they and auto-certificates are for. */
#include "common/domain.h"
#include "common/name.h"
#include "daemon/base/loop.h"
#include "daemon/renew/ct_private.h"

#include <stdlib.h>
#include <string.h>

enum { SLICE_OBJECTS = 50 };

void
ct_own_init(struct ct_own *o, const struct issue_env *env)
{
	*o = (struct ct_own){ .env = env };
	object_query_init(&o->query, &certificate_class);
}

void
ct_own_clear(struct ct_own *o)
{
	struct ct_group *g, *next;

	HASH_ITER(hh, o->groups, g, next)
	{
		HASH_DEL(o->groups, g);
		free(g->domain);
		strlist_clear(&g->names);
		free(g);
	}
	object_query_clear(&o->query);
	free(o->keys);
}

static int
ct_key_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ct_key));
}

bool
ct_own_has(const struct ct_own *o, const struct ct_key *key)
{
	return o->n_keys && bsearch(key, o->keys, o->n_keys, sizeof(*key), ct_key_compare);
}

struct ct_group *
ct_own_group(struct ct_own *o, const char *domain)
{
	struct ct_group *g;

	HASH_FIND_STR(o->groups, domain, g);
	return g;
}

/* Addresses and local names are in no log. */
static void
ct_manage(struct ct_own *o, const char *name, bool is_busy)
{
	_cleanup_free_ char *domain = NULL;
	struct ct_group *g;

	if (name_type_of(name) != NAME_DNS)
		return;
	domain = domain_registered(name);
	if (!strchr(domain, '.'))
		return;
	g = ct_own_group(o, domain);
	if (!g) {
		g = xcalloc(1, sizeof(*g));
		g->domain = domain;
		domain = NULL;
		HASH_ADD_KEYPTR(hh, o->groups, g->domain, strlen(g->domain), g);
	}
	g->is_busy = g->is_busy || is_busy;
	strlist_add(&g->names, name);
}

/* A damaged one is reported where it is used. */
static void
ct_visit_certificate(struct ct_own *o, const char *id)
{
	_cleanup_certificate_ struct certificate c = { 0 };
	_cleanup_free_ char *serial = NULL;

	if (object_peek(o->env->store, &certificate_class, id, &c, NULL) != 1 || !c.serial ||
		c.not_after_at <= loop_now(o->env->loop) || !(serial = ct_serial(c.serial)))
		return;
	if (o->n_keys == o->max_keys) {
		o->max_keys = o->max_keys ? 2 * o->max_keys : 64;
		o->keys = xreallocarray(o->keys, o->max_keys, sizeof(*o->keys));
	}
	o->keys[o->n_keys++] = ct_key_of(serial, c.not_after_at);
	for (size_t i = 0; !c.autocert && i < c.names.count; i++)
		ct_manage(o, c.names.items[i], false);
}

static void
ct_visit_autocert(struct ct_own *o, const char *id)
{
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_buf_ struct buf order = BUF_INIT;
	bool is_busy = store_get(o->env->store, STORE_ISSUE, id, strlen(id), &order, NULL) == 1;

	if (object_peek(o->env->store, &autocert_class, id, &a, NULL) != 1)
		return;
	if (a.common_name)
		ct_manage(o, a.common_name, is_busy);
	for (size_t i = 0; i < a.sans.count; i++)
		ct_manage(o, a.sans.items[i], is_busy);
}

static bool
ct_visit(const char *id, void *arg)
{
	struct ct_own *o = arg;

	if (o->is_at_autocerts)
		ct_visit_autocert(o, id);
	else
		ct_visit_certificate(o, id);
	return true;
}

int
ct_own_collect(struct ct_own *o, struct error *err)
{
	int more = object_query_run(&o->query, o->env->store, SLICE_OBJECTS, ct_visit, o, err);

	if (more != 0)
		return more;
	if (!o->is_at_autocerts) {
		o->is_at_autocerts = true;
		object_query_clear(&o->query);
		object_query_init(&o->query, &autocert_class);
		return 1;
	}
	if (o->n_keys)
		qsort(o->keys, o->n_keys, sizeof(*o->keys), ct_key_compare);
	return 0;
}
