/*
 * common/webroot_entry.h: the entries of `webroot` in certd.conf: "PATH" is for all names, "PATH NAME..." for these
 * names, which are patterns as in common/scope.h. Pure.
 */
#ifndef COMMON_WEBROOT_ENTRY_H
#define COMMON_WEBROOT_ENTRY_H

#include "common/strlist.h"

struct error;

/* Return: 0, or -1 with ERROR_CONFIG. */
int
webroot_entry_check(const char *entry, struct error *err);

/*
 * Adds the paths that fit @name best to @ret, unless they are in it: those of the name itself, else those of its
 * longest pattern, else those for all names. @entries: checked; @name: canonical
 */
void
webroot_entries_of(const struct strlist *entries, const char *name, struct strlist *ret);

#endif
