/* The options of a command, derived from the fields of the API. */
#include "ctl/command/options.h"

#include "ctl/present/output.h"

#include <stdlib.h>
#include <string.h>

const struct api_field args_global[] = {
	{ .name = "socket",
		.type = API_PATH,
		.metavar = "PATH",
		.help = "control socket of certd",
		.fallback = "CERTD_SOCKET, else " RUNSTATEDIR "/certd/control.sock" },
	{ .name = "output",
		.type = API_ENUM,
		.values = output_format_names,
		.metavar = "FORMAT",
		.fallback = "text",
		.help = "-o: output format" },
	{ .name = "help", .type = API_BOOL, .help = "-h: show help for the command" },
	{ .name = "version", .type = API_BOOL, .help = "-v: show the version" },
	{ .name = NULL },
};

char *
option_name(const struct api_field *field)
{
	return api_field_option(field);
}

void
options_clear(struct options *options)
{
	for (size_t i = 0; i < options->count; i++)
		free(options->items[i].name);
	free(options->items);
	*options = (struct options){ .count = 0 };
}

/* @name: taken. */
static void
options_add_option(struct options *options, char *name, const struct option *from)
{
	options->items = xreallocarray(options->items, options->count + 1, sizeof(*options->items));
	options->items[options->count] = *from;
	options->items[options->count++].name = name;
}

static void
options_add_field(struct options *options, const struct option *from, bool is_update)
{
	options_add_option(options, option_name(from->field), from);
	if (is_update && from->field->type == API_BOOL) {
		_cleanup_free_ char *name = option_name(from->field);
		struct option negation = *from;

		negation.is_negation = true;
		options_add_option(options, xasprintf("no-%s", name), &negation);
	}
}

static void
options_add_fields(struct options *options, const struct api_field *fields, bool is_own, bool is_update)
{
	unsigned skip = API_POSITIONAL | API_READ_ONLY | (is_update ? API_IMMUTABLE : 0u);

	for (const struct api_field *f = fields; f && f->name; f++) {
		if (f->flags & skip)
			continue;
		if (f->type != API_OBJECT) {
			options_add_field(options, &(struct option){ .field = f, .is_own = is_own }, is_update);
			continue;
		}
		for (const struct api_field *member = f->fields; member->name; member++)
			options_add_field(
				options, &(struct option){ .field = member, .parent = f, .is_own = is_own }, is_update);
	}
}

void
options_of(const struct command *command, const struct api_resource *resource, struct options *ret)
{
	enum api_method_id list;

	*ret = (struct options){ .count = 0 };
	if (command) {
		if (command->from == OPTIONS_CREATE)
			options_add_fields(ret, api_resources[command->resource].properties, false, false);
		if (command->from == OPTIONS_PARAMS)
			options_add_fields(ret, api_methods[command->method].params, false, false);
		if (command->from == OPTIONS_LIST && resource && api_method_of(resource, API_LIST_ALL, &list))
			options_add_fields(ret, api_methods[list].params, false, false);
		if (command->from == OPTIONS_UPDATE && resource)
			options_add_fields(ret, resource->properties, false, true);
		options_add_fields(ret, command->own, true, false);
	}
	options_add_fields(ret, args_global, true, false);
}

static const struct option *
options_exactly(const struct options *options, const char *name)
{
	for (size_t i = 0; i < options->count; i++)
		if (strcmp(options->items[i].name, name) == 0)
			return &options->items[i];
	return NULL;
}

const struct option *
options_find(const struct options *options, const char *name)
{
	const struct option *found = options_exactly(options, name);
	size_t count = 0;

	if (found)
		return found;
	for (size_t i = 0; i < options->count; i++) {
		if (*name && strncmp(options->items[i].name, name, strlen(name)) == 0) {
			found = &options->items[i];
			count++;
		}
	}
	return count == 1 ? found : NULL;
}

const struct option *
options_short(const struct options *options, char letter)
{
	static const struct {
		char letter;
		const char *name;
	} letters[] = { { 'f', "file" }, { 'f', "follow" }, { 'h', "help" }, { 'o', "output" }, { 'v', "version" },
		{ 'V', "version" } };
	const struct option *found = NULL;

	for (size_t i = 0; !found && i < ARRAY_SIZE(letters); i++)
		if (letters[i].letter == letter)
			found = options_exactly(options, letters[i].name);
	return found;
}

bool
option_has_value(const struct option *option)
{
	return option->field->type != API_BOOL;
}
