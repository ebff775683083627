/* A certificate has a few lines: they are searched, not indexed. */
#include "daemon/challenge/choice.h"

#include "common/alloc.h"

#include <stdlib.h>
#include <string.h>

/* Where FAILURES begins, if the line is about @type (NULL: any) and @name; or NULL. */
static const char *
choice_match(const char *line, const char *type, const char *name)
{
	size_t len = strcspn(line, " ");
	const char *failures = line + len + (line[len] == ' ');
	const char *of = strchr(failures, ' ');

	if (!of || strcmp(of + 1, name) != 0)
		return NULL;
	return !type || (strlen(type) == len && strncmp(line, type, len) == 0) ? failures : NULL;
}

/* The line about both, or NULL. Borrowed. */
static const char *
choice_find(const struct strlist *memory, const char *type, const char *name)
{
	for (size_t i = 0; i < memory->count; i++) {
		const char *failures = choice_match(memory->items[i], type, name);

		if (failures)
			return failures;
	}
	return NULL;
}

unsigned
choice_failures(const struct strlist *memory, const char *type, const char *name)
{
	const char *failures = choice_find(memory, type, name);

	return failures ? (unsigned)strtoul(failures, NULL, 10) : 0;
}

bool
choice_has_worked(const struct strlist *memory, const char *type, const char *name)
{
	return choice_find(memory, type, name) && choice_failures(memory, type, name) == 0;
}

/* Only one is the last that worked. */
static bool
choice_is_replaced(const char *line, const char *type, const char *name, bool has_worked)
{
	const char *failures = choice_match(line, NULL, name);

	return failures && (choice_match(line, type, name) || (has_worked && strtoul(failures, NULL, 10) == 0));
}

void
choice_note(struct strlist *memory, const char *type, const char *name, bool has_worked)
{
	unsigned failures = has_worked ? 0 : choice_failures(memory, type, name) + 1;
	struct strlist kept = STRLIST_INIT;

	for (size_t i = 0; i < memory->count; i++)
		if (!choice_is_replaced(memory->items[i], type, name, has_worked))
			strlist_add(&kept, memory->items[i]);
	strlist_take(&kept, xasprintf("%s %u %s", type, failures, name));
	strlist_clear(memory);
	*memory = kept;
}

void
choice_keep(struct strlist *memory, const struct strlist *names)
{
	struct strlist kept = STRLIST_INIT;

	for (size_t i = 0; i < memory->count; i++) {
		const char *name = strrchr(memory->items[i], ' ');

		if (name && strlist_has(names, name + 1))
			strlist_add(&kept, memory->items[i]);
	}
	strlist_clear(memory);
	*memory = kept;
}
