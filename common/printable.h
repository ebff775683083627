/*
 * common/printable.h: the only place that decides which text may reach a terminal, a log or the journal. Text comes
 * from
 * CAs, programs, certificates and clients. Anything that a terminal obeys instead of showing is removed: octets that
 * are not UTF-8, control characters (C0, DEL, C1), line and paragraph separators, and the marks that change the
 * direction of text (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069).
 */
#ifndef COMMON_PRINTABLE_H
#define COMMON_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

/* Whether all of @text may be shown on one line. */
bool
printable_is_line(const char *text, size_t len);

/*
 * @text as one line of at most @max octets, cut between characters. Runs of C0 and DEL become one blank, every other
 * character that may not be shown becomes '?'. Owned by the caller.
 */
char *
printable_line(const char *text, size_t len, size_t max);

/* Like printable_line(), but keeps line ends (LF, CR LF). Owned by the caller. */
char *
printable_lines(const char *text, size_t len);

/*
 * The last line of @text that is not blank, or "": most programs end with the reason for a failure. Owned by the
 * caller.
 */
char *
printable_last_line(const char *text, size_t len, size_t max);

/* Makes @message, a string on the heap, one printable line in place; in most cases it is already. */
void
printable_make_line(char **message);

#endif
