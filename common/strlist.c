/* List of strings. Most are short (names of a certificate, arguments), so that lookups are linear. */
#include "common/strlist.h"

#include "common/buf.h"

#include <stdlib.h>
#include <string.h>

void
strlist_clear(struct strlist *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->items[i]);
	free(l->items);
	*l = (struct strlist)STRLIST_INIT;
}

void
strlist_take(struct strlist *l, char *s)
{
	l->items = xreallocarray(l->items, l->count + 2, sizeof(*l->items));
	l->items[l->count++] = s;
	l->items[l->count] = NULL;
}

void
strlist_add(struct strlist *l, const char *s)
{
	strlist_take(l, xstrdup(s));
}

bool
strlist_has(const struct strlist *l, const char *s)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->items[i], s) == 0)
			return true;
	return false;
}

bool
strlist_equal(const struct strlist *a, const struct strlist *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

void
strlist_copy(struct strlist *dst, const struct strlist *src)
{
	struct strlist copy = STRLIST_INIT;

	for (size_t i = 0; i < src->count; i++)
		strlist_add(&copy, src->items[i]);
	strlist_clear(dst);
	*dst = copy;
}

static int
strlist_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
strlist_sort(struct strlist *l)
{
	if (l->count)
		qsort(l->items, l->count, sizeof(*l->items), strlist_compare);
}

bool
strlist_has_sorted(const struct strlist *l, const char *s)
{
	return l->count && bsearch(&s, l->items, l->count, sizeof(*l->items), strlist_compare);
}

char *
strlist_join(const struct strlist *l, const char *sep)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < l->count; i++) {
		if (i)
			buf_add_str(&b, sep);
		buf_add_str(&b, l->items[i]);
	}
	return buf_steal(&b);
}

void
strlist_split(struct strlist *l, const char *s, char sep)
{
	while (*s) {
		const char *end = strchrnul(s, sep);
		size_t lead = strspn(s, " \t");
		const char *from = s + lead < end ? s + lead : end;
		size_t len = (size_t)(end - from);

		while (len && (from[len - 1] == ' ' || from[len - 1] == '\t'))
			len--;
		if (len)
			strlist_take(l, xstrndup(from, len));
		s = *end ? end + 1 : end;
	}
}
