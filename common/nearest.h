/* common/nearest.h: suggestions for misspelt words in error messages. */
#ifndef COMMON_NEAREST_H
#define COMMON_NEAREST_H

#include <stddef.h>

/*
 * The word of @candidates nearest to @word (edit distance at most a third of its length, rounded up), or NULL.
 * Borrowed.
 */
const char *
nearest_word(const char *word, const char *const *candidates, size_t count);

#endif
