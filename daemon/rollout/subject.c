/* A common view of the two kinds of objects that are rolled out. */
#include "daemon/rollout/subject.h"

#include <stdlib.h>
#include <string.h>

void
subject_clear(struct subject *s)
{
	free(s->name);
	free(s->slug);
	free(s->variant);
	free(s->certificate);
	strlist_clear(&s->consumers);
	*s = (struct subject){ .type = NULL };
}

static void
subject_fill(struct subject *s, const char *type, const struct object *o, const char *slug, const char *certificate,
	const struct strlist *consumers)
{
	subject_clear(s);
	s->type = type;
	memcpy(s->id, o->id, sizeof(s->id));
	s->name = xstrdup(o->name);
	s->slug = xstrdup(slug);
	s->certificate = xstrdup_null(certificate);
	strlist_copy(&s->consumers, consumers);
}

static int
load_imported(struct store *store, const char *id, struct subject *ret, struct error *err)
{
	_cleanup_certificate_ struct certificate c = { 0 };
	int found = object_peek(store, &certificate_class, id, &c, err);

	if (found == 1 && !c.slug)
		found = 0;
	if (found == 1)
		subject_fill(ret, certificate_class.name, &c.o, c.slug, c.o.id, &c.consumers);
	return found;
}

int
subject_load(struct store *store, const char *id, struct subject *ret, struct error *err)
{
	_cleanup_autocert_ struct autocert a = { 0 }, variant = { 0 };
	int found = object_peek(store, &autocert_class, id, &a, err);

	if (found == 0)
		return load_imported(store, id, ret, err);
	if (found < 0 || (a.variant && object_peek(store, &autocert_class, a.variant, &variant, err) < 0))
		return -1;
	subject_fill(ret, autocert_class.name, &a.o, a.slug, a.last_certificate, &a.consumers);
	ret->variant = xstrdup_null(variant.slug);
	return 1;
}

void
subject_slug_key(struct buf *key, const char *slug)
{
	buf_reset(key);
	buf_printf(key, "s%s", slug);
}

int
subjects_of_consumer(struct store *store, const char *consumer_id, size_t max, struct strlist *ret, struct error *err)
{
	if (object_referrers(store, &autocert_class, consumer_id, max, ret, err) < 0)
		return -1;
	return object_referrers(store, &certificate_class, consumer_id, max, ret, err);
}
