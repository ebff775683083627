/*
 * An item of .failing is "NAME SINCE", or "NAME SINCE out" when the certificate in use lacks the name. The CA reports a
 * wildcard by its base, so that both are left out together.
 */
#include "daemon/renew/drop_names.h"

#include "common/name.h"
#include "common/timefmt.h"

#include <stdlib.h>
#include <string.h>

static bool
drop_is_of(const char *item, const char *name)
{
	size_t len = strlen(name);

	return strncmp(item, name, len) == 0 && item[len] == ' ';
}

static const char *
drop_find(const struct strlist *failing, const char *name)
{
	for (size_t i = 0; i < failing->count; i++)
		if (drop_is_of(failing->items[i], name))
			return failing->items[i];
	return NULL;
}

static int64_t
drop_since(const char *item)
{
	return strtoll(item + strcspn(item, " "), NULL, 10);
}

static bool
drop_is_out(const char *item)
{
	const char *last = strrchr(item, ' ');

	return last && strcmp(last, " out") == 0;
}

void
drop_names_note(struct autocert *a, const struct strlist *names, int64_t now)
{
	for (size_t i = 0; i < names->count; i++)
		if (!drop_find(&a->failing, names->items[i]))
			strlist_take(&a->failing, xasprintf("%s %lld", names->items[i], (long long)now));
}

void
drop_names_apply(const struct autocert *a, int64_t now, struct strlist *names, struct strlist *ret_dropped)
{
	struct strlist kept = STRLIST_INIT;

	if (a->drop_after <= 0 || a->attempts == 0)
		return;
	for (size_t i = 0; i < names->count; i++) {
		const char *item = drop_find(&a->failing, name_base(names->items[i]));
		bool is_dropped = item && time_add(drop_since(item), a->drop_after) <= now;

		strlist_add(is_dropped ? ret_dropped : &kept, names->items[i]);
	}
	if (kept.count == 0) {
		strlist_clear(ret_dropped);
		strlist_clear(&kept);
		return;
	}
	strlist_clear(names);
	*names = kept;
}

static bool
drop_has(const struct strlist *names, const char *base)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(name_base(names->items[i]), base) == 0)
			return true;
	return false;
}

void
drop_names_issued(struct autocert *a, const struct strlist *names)
{
	struct strlist kept = STRLIST_INIT;

	for (size_t i = 0; i < a->failing.count; i++) {
		const char *item = a->failing.items[i];
		_cleanup_free_ char *name = xstrndup(item, strcspn(item, " "));

		if (!drop_has(names, name) &&
			(strcmp(name, name_base(a->common_name)) == 0 || drop_has(&a->sans, name)))
			strlist_take(&kept, xasprintf("%s %lld out", name, (long long)drop_since(item)));
	}
	strlist_clear(&a->failing);
	a->failing = kept;
}

char *
drop_names_text(const struct autocert *a)
{
	_cleanup_strlist_ struct strlist texts = STRLIST_INIT;
	char since[TIME_RFC3339_SIZE];

	for (size_t i = 0; i < a->failing.count; i++) {
		const char *item = a->failing.items[i];

		if (!drop_is_out(item))
			continue;
		time_format_rfc3339(drop_since(item), since);
		strlist_take(&texts, xasprintf("%.*s (since %s)", (int)strcspn(item, " "), item, since));
	}
	return texts.count ? strlist_join(&texts, ", ") : NULL;
}
