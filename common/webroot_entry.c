#include "common/webroot_entry.h"

#include "common/error.h"
#include "common/scope.h"

#include <stdint.h>
#include <string.h>

int
webroot_entry_check(const char *entry, struct error *err)
{
	_cleanup_strlist_ struct strlist words = STRLIST_INIT;

	strlist_split(&words, entry, ' ');
	if (*entry != '/')
		return error_set(
			err, ERROR_CONFIG, "'%s' is not an absolute path, with names behind it or without", entry);
	if (strchr(entry, '\t'))
		return error_set(
			err, ERROR_CONFIG, "'%s' contains a tab: separate the path and the names by blanks", entry);
	for (size_t i = 1; i < words.count; i++) {
		_cleanup_free_ char *pattern = NULL;

		if (pattern_canonical(words.items[i], &pattern, err) < 0) {
			if (err)
				err->code = ERROR_CONFIG;
			return error_wrap(err, "%s", words.items[0]);
		}
	}
	return 0;
}

/* How well @text fits @name: 0: not at all. */
static size_t
webroot_entry_fit(const char *text, const char *name)
{
	_cleanup_free_ char *pattern = NULL;

	if (pattern_canonical(text, &pattern, NULL) < 0 || !pattern_matches(pattern, name))
		return 0;
	return *pattern == '*' ? strlen(pattern) : SIZE_MAX;
}

void
webroot_entries_of(const struct strlist *entries, const char *name, struct strlist *ret)
{
	_cleanup_strlist_ struct strlist best = STRLIST_INIT;
	size_t best_fit = 0;

	for (size_t i = 0; i < entries->count; i++) {
		_cleanup_strlist_ struct strlist words = STRLIST_INIT;
		size_t fit;

		strlist_split(&words, entries->items[i], ' ');
		fit = words.count == 1; /* the shortest pattern is longer */
		for (size_t k = 1; k < words.count; k++) {
			size_t of_word = webroot_entry_fit(words.items[k], name);

			fit = of_word > fit ? of_word : fit;
		}
		if (!fit || fit < best_fit)
			continue;
		if (fit > best_fit)
			strlist_clear(&best);
		best_fit = fit;
		strlist_add(&best, words.items[0]);
	}
	for (size_t i = 0; i < best.count; i++)
		if (!strlist_has(ret, best.items[i]))
			strlist_add(ret, best.items[i]);
}
