/* Facts about a command that follow from its row alone. */
#include "ctl/command/command.h"

#include "common/nearest.h"

#include <string.h>

const struct command *
command_find(const struct command *table, const char *name)
{
	for (const struct command *c = table; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

const char *
command_nearest(const struct command *table, const char *name)
{
	const char *names[64];
	size_t count = 0;

	for (const struct command *c = table; c->name && count < ARRAY_SIZE(names); c++)
		names[count++] = c->name;
	return nearest_word(name, names, count);
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
