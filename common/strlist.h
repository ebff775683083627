/* common/strlist.h: an ordered list of strings. */
#ifndef COMMON_STRLIST_H
#define COMMON_STRLIST_H

#include "common/alloc.h"

#include <stdbool.h>
#include <stddef.h>

struct strlist {
	char **items; /* owned, each owned; items[count] == NULL once anything was added */
	size_t count;
};

#define STRLIST_INIT \
	{ \
		.items = NULL \
	}
#define _cleanup_strlist_ _cleanup_(strlist_clear)

void
strlist_clear(struct strlist *l);

/* Appends a copy of @s. */
void
strlist_add(struct strlist *l, const char *s);

/* Appends @s itself, which is taken. */
void
strlist_take(struct strlist *l, char *s);

bool
strlist_has(const struct strlist *l, const char *s);

/* Same strings in the same order. */
bool
strlist_equal(const struct strlist *a, const struct strlist *b);

/* Replaces @dst by a copy of @src. */
void
strlist_copy(struct strlist *dst, const struct strlist *src);

/* By strcmp(). */
void
strlist_sort(struct strlist *l);

/* strlist_has() of a long list that strlist_sort() has sorted. */
bool
strlist_has_sorted(const struct strlist *l, const char *s);

/* Items joined by @sep; owned by the caller. */
char *
strlist_join(const struct strlist *l, const char *sep);

/* Splits @s at each @sep character, dropping blanks around items and empty items; appends to @l. */
void
strlist_split(struct strlist *l, const char *s, char sep);

#endif
