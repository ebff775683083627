/* Labels, patterns and entries of certd.conf's scopes: what is accepted reads the same again. */
#include "common/alloc.h"
#include "common/scope.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_pattern(const char *text)
{
	_cleanup_free_ char *once = NULL;
	_cleanup_free_ char *twice = NULL;

	if (pattern_canonical(text, &once, NULL) < 0)
		return;
	if (pattern_canonical(once, &twice, NULL) < 0 || strcmp(once, twice) != 0)
		abort();
	if (!pattern_matches(once, once))
		abort();
}

static void
check_entry(const char *text)
{
	struct scope_rule rule = { .domains = STRLIST_INIT };
	_cleanup_free_ char *group = NULL;

	if (scope_entry_read(text, &group, &rule, NULL) == 0 &&
		(!*group || rule.domains.count + rule.providers.count + rule.labels.count != 1))
		abort();
	scope_rule_clear(&rule);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);

	if (label_check(text, NULL) == 0 && (!*text || strlen(text) > LABEL_MAX || strchr(text, ',')))
		abort();
	check_pattern(text);
	check_entry(text);
	return 0;
}
