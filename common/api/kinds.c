/* The API's properties derived from tables of kinds. A setting of several kinds is one property. */
#include "common/api/kinds.h"

#include "common/alloc.h"
#include "common/buf.h"

#include <stdlib.h>
#include <string.h>

const struct api_kind *
api_kind_find(const struct api_kinds *kinds, const char *name)
{
	for (size_t i = 0; name && i < kinds->count; i++)
		if (strcmp(kinds->items[i].name, name) == 0)
			return &kinds->items[i];
	return name || !kinds->has_default ? NULL : &kinds->items[0];
}

const struct api_field *
api_kind_setting(const struct api_kinds *kinds, const struct api_kind *kind, const char *name)
{
	const struct api_field *found = kind ? api_field_find(kind->settings, name) : NULL;

	for (size_t i = 0; !kind && !found && i < kinds->count; i++)
		found = api_field_find(kinds->items[i].settings, name);
	return found;
}

/* The help of the setting for one kind, which owns it; NULL: the kind has no such setting. */
static char *
kinds_describe(const struct api_kind *kind, const char *name)
{
	const struct api_field *setting = api_field_find(kind->settings, name);

	if (!setting)
		return NULL;
	return xasprintf("%s%s%s%s%s", setting->help, setting->flags & API_REQUIRED ? " (required)" : "",
		setting->fallback ? " (default: " : "", setting->fallback ? setting->fallback : "",
		setting->fallback ? ")" : "");
}

/* Does one of the kinds before @end describe the setting in the same words? */
static bool
kinds_is_described(const struct api_kinds *kinds, const char *name, const char *text, size_t end)
{
	for (size_t i = 0; i < end; i++) {
		_cleanup_free_ char *words = kinds_describe(&kinds->items[i], name);

		if (words && strcmp(words, text) == 0)
			return true;
	}
	return false;
}

/* "bunny, cloudflare, vultr: API token, key or password; see ..." */
static char *
kinds_describe_shared(const struct api_kinds *kinds, const struct api_field *shared)
{
	struct buf help = BUF_INIT;

	for (size_t i = 0; i < kinds->count; i++)
		if (api_field_find(kinds->items[i].settings, shared->name))
			buf_printf(&help, "%s%s", help.len ? ", " : "", kinds->items[i].name);
	buf_printf(&help, ": %s; see %s", shared->help, kinds->manual);
	return buf_steal(&help);
}

/* "ionoscloud, cloudflare: API token; powerdns: ..." */
static char *
kinds_describe_for_all(const struct api_kinds *kinds, const char *name)
{
	const struct api_field *shared = kinds->shared ? api_field_find(kinds->shared, name) : NULL;
	struct buf help = BUF_INIT;

	if (shared)
		return kinds_describe_shared(kinds, shared);

	for (size_t i = 0; i < kinds->count; i++) {
		_cleanup_free_ char *text = kinds_describe(&kinds->items[i], name);

		if (!text || kinds_is_described(kinds, name, text, i))
			continue;
		buf_printf(&help, "%s%s", help.len ? "; " : "", kinds->items[i].name);
		for (size_t j = i + 1; j < kinds->count; j++) {
			_cleanup_free_ char *words = kinds_describe(&kinds->items[j], name);

			if (words && strcmp(words, text) == 0)
				buf_printf(&help, ", %s", kinds->items[j].name);
		}
		buf_printf(&help, ": %s", text);
	}
	return buf_steal(&help);
}

/* @before: the property's own help, or NULL. */
static char *
kinds_describe_words(const struct api_kinds *kinds, const char *before)
{
	struct buf help = BUF_INIT;

	buf_add_str(&help, before ? before : "");
	for (size_t i = 0; i < kinds->count; i++)
		buf_printf(&help, "%s%s%s%s", help.len ? kinds->manual ? ", " : "; " : "", kinds->items[i].name,
			kinds->manual ? "" : ": ", kinds->manual ? "" : kinds->items[i].help);
	if (kinds->manual)
		buf_printf(&help, "; see %s", kinds->manual);
	return buf_steal(&help);
}

static struct api_field *
kinds_add(struct api_field *properties, const struct api_field *field)
{
	size_t n = 0;

	while (properties[n].name)
		n++;
	if (n + 1 == API_KINDS_PROPERTIES)
		abort();
	properties[n] = *field;
	return &properties[n];
}

void
api_kinds_fill(const struct api_kinds *kinds, const struct api_field *head, const struct api_field *tail,
	struct api_field ret[API_KINDS_PROPERTIES])
{
	for (const struct api_field *f = head; f->name; f++) {
		struct api_field *property = kinds_add(ret, f);

		if (strcmp(f->name, kinds->property) == 0)
			property->help = kinds_describe_words(kinds, f->help);
	}
	for (size_t i = 0; i < kinds->count; i++) {
		for (const struct api_field *f = kinds->items[i].settings; f && f->name; f++) {
			struct api_field *property;

			if (api_field_find(ret, f->name))
				continue;
			property = kinds_add(ret, f);
			property->flags &= ~(unsigned)API_REQUIRED;
			property->help = kinds_describe_for_all(kinds, f->name);
			property->fallback = NULL;
		}
	}
	for (const struct api_field *f = tail; f->name; f++)
		kinds_add(ret, f);
}
