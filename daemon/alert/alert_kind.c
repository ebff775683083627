/* The kinds of alert destinations, and the check of a declaration. */
#include "daemon/alert/alert_kind.h"

#include <stdlib.h>
#include <string.h>

#define ALERT_KIND_DECLARED(kind, help) extern const struct alert_kind alert_kind_##kind;
ALERT_KINDS(ALERT_KIND_DECLARED)

#define ALERT_KIND_ADDRESS(kind, help) &alert_kind_##kind,
static const struct alert_kind *const kinds[] = { ALERT_KINDS(ALERT_KIND_ADDRESS) };

static const char *const condition_words[] = { CONDITIONS(CONDITION_WORD) };

const struct alert_kind *
alert_kind_find(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

static int
check_conditions(const struct alert *a, struct error *err)
{
	for (size_t i = 0; i < a->conditions.count; i++) {
		const char *word = a->conditions.items[i];
		bool is_known = false;

		for (size_t k = 0; k < ARRAY_SIZE(condition_words); k++)
			is_known = is_known || strcmp(condition_words[k], word) == 0;
		if (!is_known) {
			_cleanup_free_ char *field = xasprintf("conditions[%zu]", i);

			return error_set_field(
				err, field, "'%s' is not a condition; they are:" CONDITIONS(CONDITION_HELP), word);
		}
	}
	return 0;
}

int
alert_check(struct alert *a, struct error *err)
{
	const struct alert_kind *kind = alert_kind_find(a->kind);

	if (!kind)
		return error_set_field(err, "kind", "'%s' is not a kind of alert", a->kind);
	if (settings_check(&alert_kinds, a->kind, &a->settings, &a->secrets, err) < 0 || kind->check(a, err) < 0 ||
		check_conditions(a, err) < 0)
		return -1;
	free(a->endpoint);
	a->endpoint = kind->endpoint(a);
	return 0;
}
