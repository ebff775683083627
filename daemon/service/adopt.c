/*
 * Two objects of one name would have two drop directories, and servers would read the one that is no longer renewed. So
 * the auto-certificate gets the directory, and the imported certificate becomes one of its certificates: it is renamed
 * and purged like them. consequences.c moves the rollout.
 */
#include "daemon/service/adopt.h"

#include "daemon/service/access.h"
#include "daemon/service/res_certificate.h"
#include "daemon/service/res_consumer.h"
#include "daemon/service/slug.h"
#include "daemon/service/used_files.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SAME_NAME_MAX = 100 };

static bool
adopt_has(const struct strlist *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcasecmp(list->items[i], name) == 0)
			return true;
	return false;
}

/* Those of @all that are not in @list, as text; owned by the caller; NULL: none. */
static char *
adopt_missing(const struct strlist *all, const struct strlist *list)
{
	_cleanup_strlist_ struct strlist missing = STRLIST_INIT;

	for (size_t i = 0; i < all->count; i++)
		if (!adopt_has(list, all->items[i]))
			strlist_add(&missing, all->items[i]);
	return missing.count ? strlist_join(&missing, ", ") : NULL;
}

static int
adopt_check_names(const struct autocert *a, const struct certificate *c, struct error *err)
{
	_cleanup_strlist_ struct strlist declared = STRLIST_INIT;
	_cleanup_free_ char *absent = NULL, *more = NULL;

	strlist_copy(&declared, &a->sans);
	strlist_add(&declared, a->common_name);
	absent = adopt_missing(&declared, &c->names);
	more = adopt_missing(&c->names, &declared);
	if (!absent && !more)
		return 0;
	error_set_field(err, "properties.name",
		"there is an imported certificate '%s', which is%s%s%s%s%s: declare its names to adopt it, or choose "
		"another name",
		c->o.name, absent ? " not for " : "", absent ? absent : "", absent && more ? ", and" : "",
		more ? " also for " : "", more ? more : "");
	if (err)
		err->code = ERROR_EXISTS;
	return -1;
}

/*
 * A certificate that the caller cannot see is not adopted, and is not mentioned either. Several can only have one name
 * if their callers wanted it: then the first one with the right names is adopted.
 */
static int
adopt_find(struct call *call, const struct autocert *a, struct certificate *ret, struct error *err)
{
	struct store *store = call->service->store;
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;
	_cleanup_error_ struct error why = ERROR_INIT;

	if (object_ids_of_name(store, &certificate_class, a->o.name, SAME_NAME_MAX, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.count; i++) {
		int found = object_load(store, &certificate_class, ids.items[i], ret, err);

		if (found < 0)
			return -1;
		if (found == 0 || ret->autocert || !ret->slug ||
			!access_covers(call->peer->scope, store, &certificate_class, ret))
			continue;
		error_clear(&why);
		if (adopt_check_names(a, ret, &why) == 0)
			return 1;
	}
	if (!error_is_set(&why))
		return 0;
	error_move(err, &why);
	return -1;
}

static void
adopt_report(struct call *call, const struct autocert *a, const struct certificate *c)
{
	struct event_object object = { certificate_class.name, c->o.id, c->o.name };
	_cleanup_effect_ struct effect effect = { .action = EFFECT_REDEPLOY };
	struct json_object *data = json_object_new_object();

	strlist_take(&effect.reasons, xasprintf("adopts the imported certificate '%s' with its files in %s/live/%s",
					      a->o.name, call->service->conf->drop_root, a->slug));
	call_set_effect(call, &effect);
	json_add_string(data, "by", call->peer->label);
	event_emit(call->service->events, call_txn(call), EVENT_OBJECT_UPDATED, &object, data,
		"adopted by the auto-certificate '%s', declared by %s", a->o.name, call->peer->label);
}

/* They are subject to the same rules as consumers that are declared. */
static int
adopt_consumers(struct call *call, struct autocert *a, const struct certificate *c, struct error *err)
{
	strlist_copy(&a->consumers, &c->consumers);
	if (a->key_algorithms.count > 1 && consumers_check_several(call, a, err) < 0)
		return -1;
	return consumers_check_no_key(call, a, err);
}

int
adopt_certificate(struct call *call, struct autocert *a, struct error *err)
{
	_cleanup_certificate_ struct certificate c = { 0 };
	int found = adopt_find(call, a, &c, err);

	if (found <= 0)
		return found;
	if (!a->consumers.count && adopt_consumers(call, a, &c, err) < 0)
		return -1;
	if (used_files_check_heir(call, &c, &a->consumers, err) < 0)
		return -1;
	a->slug = c.slug;
	c.slug = NULL;
	slug_hand_over(call, a->slug, a->o.id);
	strlist_clear(&c.consumers);
	strlist_copy(&c.labels, &a->labels);
	c.autocert = xstrdup(a->o.id);
	c.provider = xstrdup(a->provider);
	str_replace(&a->last_certificate, c.o.id);
	a->last_not_before_at = c.not_before_at;
	a->last_not_after_at = c.not_after_at;
	a->o.state = OBJECT_AVAILABLE;
	if (certificate_save_adopted(call, &c, err) < 0)
		return -1;
	adopt_report(call, a, &c); /* by the name that it has now */
	return 1;
}
