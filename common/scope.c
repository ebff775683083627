/* Scopes: all kinds of criteria of a rule must match; within one kind, one matching value is enough. */
#include "common/scope.h"

#include "common/error.h"
#include "common/name.h"

#include <stdlib.h>
#include <string.h>

static bool
is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int
label_check(const char *text, struct error *err)
{
	size_t len = strnlen(text, LABEL_MAX + 1);
	unsigned signs = 0;

	if (len > LABEL_MAX)
		return error_set(err, ERROR_INVALID, "a label must be at most %d octets long", LABEL_MAX);
	for (size_t i = 0; i < len; i++) {
		signs += text[i] == '=';
		if (!is_alphanumeric(text[i]) && !strchr("-_./=", text[i]))
			return error_set(err, ERROR_INVALID,
				"'%s' is not a label; write a word or KEY=VALUE with letters, digits and "
				"'-_./'",
				text);
	}
	if (!is_alphanumeric(text[0]) || signs > 1 || text[len - 1] == '=')
		return error_set(err, ERROR_INVALID,
			"'%s' is not a label; write a word or KEY=VALUE that begins with a letter or digit", text);
	return 0;
}

int
pattern_canonical(const char *text, char **ret, struct error *err)
{
	char *base = NULL;

	if (strncmp(text, "*.", 2) != 0)
		return name_canonical(text, true, ret, err);
	if (name_canonical(text + 2, false, &base, err) < 0)
		return -1;
	if (name_is_wildcard(base)) {
		free(base);
		return error_set(err, ERROR_INVALID, "'%s': only one '*' is allowed; it matches all names below", text);
	}
	*ret = xasprintf("*.%s", base);
	free(base);
	return 0;
}

bool
pattern_matches(const char *pattern, const char *name)
{
	if (strncmp(pattern, "*.", 2) != 0)
		return strcmp(pattern, name) == 0;
	return strcmp(name, pattern + 2) != 0 && name_in_zone(name, pattern + 2);
}

void
scope_rule_clear(struct scope_rule *rule)
{
	strlist_clear(&rule->domains);
	strlist_clear(&rule->providers);
	strlist_clear(&rule->labels);
}

static void
add_all(struct strlist *dst, const struct strlist *src)
{
	for (size_t i = 0; i < src->count; i++)
		strlist_add(dst, src->items[i]);
}

void
scope_rule_add(struct scope_rule *dst, const struct scope_rule *src)
{
	add_all(&dst->domains, &src->domains);
	add_all(&dst->providers, &src->providers);
	add_all(&dst->labels, &src->labels);
}

static bool
any_matches(const struct strlist *patterns, const char *name)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (pattern_matches(patterns->items[i], name))
			return true;
	return false;
}

static bool
all_match(const struct strlist *patterns, const struct strlist *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (!any_matches(patterns, names->items[i]))
			return false;
	return names->count > 0;
}

static bool
any_in_common(const struct strlist *a, const struct strlist *b)
{
	for (size_t i = 0; i < a->count; i++)
		if (strlist_has(b, a->items[i]))
			return true;
	return false;
}

bool
scope_rule_covers(
	const struct scope_rule *rule, const struct strlist *names, const char *provider, const struct strlist *labels)
{
	return (!rule->domains.count || all_match(&rule->domains, names)) &&
	       (!rule->providers.count || (provider && strlist_has(&rule->providers, provider))) &&
	       (!rule->labels.count || any_in_common(&rule->labels, labels));
}

static int
scope_add_value(struct scope_rule *rule, const char *kind, const char *value, struct error *err)
{
	char *pattern = NULL;

	if (strcmp(kind, "domain") == 0) {
		if (pattern_canonical(value, &pattern, err) < 0)
			return -1;
		strlist_take(&rule->domains, pattern);
		return 0;
	}
	if (strcmp(kind, "label") == 0) {
		if (label_check(value, err) < 0)
			return -1;
		strlist_add(&rule->labels, value);
		return 0;
	}
	if (strcmp(kind, "provider") != 0)
		return error_set(err, ERROR_CONFIG, "'%s' is not one of domain, provider, label", kind);
	strlist_add(&rule->providers, value);
	return 0;
}

int
scope_entry_read(const char *text, char **ret_group, struct scope_rule *rule, struct error *err)
{
	const char *colon = strchr(text, ':');
	const char *sign = colon ? strchr(colon, '=') : NULL;
	_cleanup_free_ char *kind = NULL;

	if (!sign || colon == text || sign[1] == '\0')
		return error_set(err, ERROR_CONFIG,
			"'%s' is not GROUP:domain=PATTERN, GROUP:provider=NAME or GROUP:label=LABEL", text);
	kind = xstrndup(colon + 1, (size_t)(sign - colon) - 1);
	if (scope_add_value(rule, kind, sign + 1, err) < 0) {
		if (err)
			err->code = ERROR_CONFIG;
		return -1;
	}
	*ret_group = xstrndup(text, (size_t)(colon - text));
	return 0;
}
