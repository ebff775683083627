/* Facts about a command that follow from its row alone. */
#include "ctl/command/command.h"

#include "common/nearest.h"
#include "common/strlist.h"

#include <string.h>

/* Is @name one of @words, which are separated by blanks? */
static bool
command_is_among(const char *words, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = words; p && len && (p = strstr(p, name)); p += len)
		if ((p == words || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\0'))
			return true;
	return false;
}

const struct command *
command_find(const struct command *table, const char *name)
{
	for (const struct command *c = table; c->name; c++)
		if (strcmp(c->name, name) == 0 || command_is_among(c->also, name))
			return c;
	return NULL;
}

const struct command *
command_creating(const struct command *table, const struct api_resource *resource)
{
	enum api_method_id method;

	for (const struct command *c = table; c->name; c++)
		if (api_method_of(resource, API_CREATE, &method) && c->method == method)
			return c;
	return NULL;
}

const char *
command_nearest(const struct command *table, const char *name)
{
	_cleanup_strlist_ struct strlist words = STRLIST_INIT;
	const char *nearest;

	for (const struct command *c = table; c->name; c++) {
		strlist_add(&words, c->name);
		if (c->also)
			strlist_split(&words, c->also, ' ');
	}
	nearest = nearest_word(name, (const char *const *)words.items, words.count);
	return nearest ? command_find(table, nearest)->name : NULL;
}

const struct api_field *
command_positional(const struct command *command, size_t index)
{
	const struct api_field *f = command->from == OPTIONS_PARAMS ? api_methods[command->method].params : NULL;

	for (; f && f->name; f++)
		if ((f->flags & API_POSITIONAL) && index-- == 0)
			return f;
	return NULL;
}
