/*
 * common/scope.h: which certificates somebody may see and touch: by names, providers or labels. Pure: the parsing of
 * patterns, labels and certd.conf's `scopes`, and the matching.
 *
 * A label is a word or KEY=VALUE. A pattern is a name as it stands in certificates, which matches itself, or "*." and
 * a name, which matches every name below that one, at any depth, the wildcard included, but not that name itself.
 */
#ifndef COMMON_SCOPE_H
#define COMMON_SCOPE_H

#include "common/strlist.h"

struct error;

enum { LABEL_MAX = 128 };

/*
 * label_check() - letters, digits and "-_./", with at most one "=" that is neither first nor last; begins with a letter or
 * digit; at most LABEL_MAX octets. Return: 0, or -1 (ERROR_INVALID, field set by the caller).
 */
int
label_check(const char *text, struct error *err);

/* The canonical form of a pattern, owned by the caller. Return: 0, or -1 (ERROR_INVALID, field set by the caller). */
int
pattern_canonical(const char *text, char **ret, struct error *err);

/* Both canonical. */
bool
pattern_matches(const char *pattern, const char *name);

/* What must all hold of a certificate; an empty list asks for nothing. */
struct scope_rule {
	struct strlist domains;   /* canonical patterns: each of its names matches one of them */
	struct strlist providers; /* one of them issued or issues it */
	struct strlist labels;    /* it has one of them */
};

void
scope_rule_clear(struct scope_rule *rule);

/* Adds to @dst what @src has. */
void
scope_rule_add(struct scope_rule *dst, const struct scope_rule *src);

/* @provider: is compared as text; may be NULL. */
bool
scope_rule_covers(
	const struct scope_rule *rule, const struct strlist *names, const char *provider, const struct strlist *labels);

/*
 * scope_entry_read() - one entry of certd.conf's `scopes`: "GROUP:domain=PATTERN", "GROUP:provider=NAME" or
 * "GROUP:label=LABEL"
 * @ret_group: owned by the caller
 * @rule: the value is added to it
 * Return: 0, or -1 (ERROR_CONFIG) with nothing changed.
 */
int
scope_entry_read(const char *text, char **ret_group, struct scope_rule *rule, struct error *err);

#endif
