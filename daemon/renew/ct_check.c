/* What a worker does with an answer: it looks for entries for managed names, of issuers that are not known. */
#include "common/name.h"
#include "daemon/renew/ct_private.h"

#include <stdlib.h>

enum { ENTRIES_MAX = 5000 /* of an answer, for managed names */ };

void
ct_check_free(struct ct_check *c)
{
	if (!c)
		return;
	buf_clear(&c->body);
	strlist_clear(&c->names);
	strlist_clear(&c->wildcards);
	strlist_clear(&c->known);
	for (size_t i = 0; i < c->n_hits; i++) {
		ct_entry_clear(&c->hits[i].entry);
		strlist_clear(&c->hits[i].managed);
	}
	free(c->hits);
	error_clear(&c->error);
	free(c);
}

/* "*.example.com" for "www.example.com". Owned by the caller. */
static char *
ct_wildcard_of(const char *name)
{
	const char *dot = strchr(name, '.');

	return xasprintf("*%s", dot ? dot : "");
}

/* Is it a managed name, or does one of them cover the other? */
static bool
ct_is_managed(const struct ct_check *c, const char *name)
{
	_cleanup_free_ char *wildcard = ct_wildcard_of(name);

	return strlist_has_sorted(&c->names, name) || strlist_has_sorted(&c->names, wildcard) ||
	       (name_is_wildcard(name) && strlist_has_sorted(&c->wildcards, name));
}

static void
ct_check_entry(struct ct_entry *entry, void *arg)
{
	struct ct_check *c = arg;
	struct ct_hit hit = { .managed = STRLIST_INIT };

	if (entry->not_after_at <= c->now || ct_is_known_issuer(&c->known, entry->issuer))
		return;
	for (size_t i = 0; i < entry->names.count; i++)
		if (ct_is_managed(c, entry->names.items[i]))
			strlist_add(&hit.managed, entry->names.items[i]);
	if (!hit.managed.count)
		return;
	if (c->n_hits == ENTRIES_MAX) {
		strlist_clear(&hit.managed);
		c->has_more = true;
		return;
	}
	hit.entry = *entry;
	*entry = (struct ct_entry){ .issuer = NULL };
	c->hits[c->n_hits++] = hit;
}

void
ct_check_run(void *arg)
{
	struct ct_check *c = arg;

	for (size_t i = 0; i < c->names.count; i++)
		strlist_take(&c->wildcards, ct_wildcard_of(c->names.items[i]));
	strlist_sort(&c->names);
	strlist_sort(&c->wildcards);
	c->hits = xcalloc(ENTRIES_MAX, sizeof(*c->hits));
	ct_read(c->body.data ? c->body.data : "", c->body.len, ct_check_entry, c, &c->page, &c->error);
	buf_clear(&c->body);
}
