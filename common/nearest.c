/* Optimal string alignment distance, with three rows of its matrix. */
#include "common/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { MAX_WORD = 64 };

static bool
same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment); three rows are enough. */
static size_t
edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][MAX_WORD + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		last[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *spare = before;

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t cost = same(a[i - 1], b[j - 1]) ? 0 : 1;

			row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]) &&
				before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[b_len];
}

const char *
nearest_word(const char *word, const char *const *candidates, size_t count)
{
	size_t len = strlen(word);
	size_t best = (len + 2) / 3 + 1; /* at most a third of it may differ */
	const char *nearest = NULL;

	if (len > MAX_WORD)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t other_len = strlen(candidates[i]);
		size_t distance;

		if (other_len > MAX_WORD)
			continue;
		distance = edit_distance(word, len, candidates[i], other_len);
		if (distance < best && distance < other_len) {
			best = distance;
			nearest = candidates[i];
		}
	}
	return nearest;
}
