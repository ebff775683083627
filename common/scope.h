/*
 * common/scope.h: which certificates a peer may see and change: by names, providers or labels. Pure: parses patterns,
 * labels and certd.conf's `scopes`, and matches them.
 *
 * A label is a word or KEY=VALUE. A pattern is either a certificate name, which matches itself, or "*." and a name. The
 * latter matches every name below that one, at any depth, including the wildcard, but not that name itself.
 */
#ifndef COMMON_SCOPE_H
#define COMMON_SCOPE_H

#include "common/strlist.h"

struct error;

enum { LABEL_MAX = 128 };

/*
 * label_check() - validate a label
 * Letters, digits and "-_./", with at most one "=" that is neither first nor last; begins with a letter or digit; at
 * most
 * LABEL_MAX octets. Return: 0, or -1 (ERROR_INVALID, field set by the caller).
 */
int
label_check(const char *text, struct error *err);

/* The canonical form of a pattern, owned by the caller. Return: 0, or -1 (ERROR_INVALID, field set by the caller). */
int
pattern_canonical(const char *text, char **ret, struct error *err);

/* Both arguments are canonical. */
bool
pattern_matches(const char *pattern, const char *name);

/* The criteria that a certificate must meet; an empty list restricts nothing. */
struct scope_rule {
	struct strlist domains;   /* canonical patterns: each name of the certificate matches one of them */
	struct strlist providers; /* one of them is its issuer */
	struct strlist labels;    /* it has one of them */
};

void
scope_rule_clear(struct scope_rule *rule);

/* Adds the criteria of @src to @dst. */
void
scope_rule_add(struct scope_rule *dst, const struct scope_rule *src);

/* @provider: compared as text; may be NULL. */
bool
scope_rule_covers(
	const struct scope_rule *rule, const struct strlist *names, const char *provider, const struct strlist *labels);

/*
 * scope_entry_read() - parse one entry of certd.conf's `scopes`
 * The forms are "GROUP:domain=PATTERN", "GROUP:provider=NAME" and "GROUP:label=LABEL".
 * @ret_group: owned by the caller
 * @rule: the value is added to it
 * Return: 0, or -1 (ERROR_CONFIG) with nothing changed.
 */
int
scope_entry_read(const char *text, char **ret_group, struct scope_rule *rule, struct error *err);

#endif
