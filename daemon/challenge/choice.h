/*
 * daemon/challenge/choice.h: what `challenge auto` remembers of a name: the challenge by which it was validated last,
 * and those that failed since. A list of texts "TYPE FAILURES NAME"; no failures: it is the one that worked. Pure.
 */
#ifndef DAEMON_CHALLENGE_CHOICE_H
#define DAEMON_CHALLENGE_CHOICE_H

#include "common/strlist.h"

#include <stdbool.h>

/* A challenge that failed so often in succession gives way to the next one. */
enum { CHOICE_FAILURES_MAX = 3 };

/* @name: with "*.". */
unsigned
choice_failures(const struct strlist *memory, const char *type, const char *name);

/* Was @name validated by it the last time? */
bool
choice_has_worked(const struct strlist *memory, const char *type, const char *name);

/* One attempt to validate @name by it has ended. */
void
choice_note(struct strlist *memory, const char *type, const char *name, bool has_worked);

/* Forgets all names that are not in @names. */
void
choice_keep(struct strlist *memory, const struct strlist *names);

#endif
