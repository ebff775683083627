/*
 * Parsing the command line. Options may be anywhere after their command. Words are, in order, the noun, names, and the
 * parameters that the method takes without an option name. A name that the shell expanded from '*' is refused here:
 * certd would accept it and work on the wrong name.
 */
#include "ctl/command/args.h"

#include "common/nearest.h"
#include "common/shell.h"
#include "ctl/command/options.h"
#include "ctl/command/values.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reader {
	struct args *args;
	struct options options;
	char **argv; /* the rest of the arguments */
	int argc;
	bool is_past_options;   /* behind "--" */
	const char *unexpected; /* the first word that the command does not take; or NULL */
};

void
args_clear(struct args *args)
{
	json_object_put(args->values);
	json_object_put(args->own);
	strlist_clear(&args->words);
}

bool
args_has_flag(const struct args *args, const char *name)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(args->own, name, &value) && json_object_get_boolean(value);
}

void
args_pass_flag(const struct args *args, const char *name, struct json_object *params)
{
	if (args_has_flag(args, name))
		json_add_bool(params, name, true);
}

const char *
args_text(const struct args *args, const char *name)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(args->own, name, &value) ? json_object_get_string(value) : NULL;
}

static void
args_options(struct reader *reader)
{
	options_clear(&reader->options);
	options_of(reader->args->command, reader->args->resource, &reader->options);
}

/* --- the shell's doing --- */

int
args_refuse_expanded(const char *name, struct error *err)
{
	return error_set(err, ERROR_USAGE,
		"'%s' cannot be in a certificate; did the shell expand *? Write '*%s' in quotes", name, name + 1);
}

/* @word, where a shell's expansion of '*' would be. */
static bool
args_may_be_expanded(const char *word)
{
	return strchr(word, '.') || access(word, F_OK) == 0;
}

static bool
args_is_domain(const struct api_field *field)
{
	return strcmp(field->name, "commonName") == 0 || strcmp(field->name, "subjectAlternativeNames") == 0;
}

/* --- words --- */

/* The kind of object that @word names, in singular or plural; or NULL. */
static const struct api_resource *
args_noun(const char *word)
{
	size_t len = strlen(word);
	_cleanup_free_ char *singular = xstrndup(word, len > 1 && word[len - 1] == 's' ? len - 1 : len);
	const struct api_resource *resource = api_resource_find(word);

	return resource ? resource : api_resource_find(singular);
}

/* "add auto", "create provider": the noun, which is the next word, completes the command. */
static int
args_read_creating(struct reader *reader, const char *verb, struct error *err)
{
	const struct args *args = reader->args;
	const struct api_resource *resource = reader->argc > 0 ? args_noun(reader->argv[0]) : NULL;
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	_cleanup_free_ char *all = NULL;

	if (resource) {
		reader->argv++;
		reader->argc--;
		reader->args->command = command_creating(args->table, resource);
		return 0;
	}
	for (size_t i = 0; i < API_RESOURCE_COUNT; i++)
		strlist_add(&names, command_creating(args->table, &api_resources[i])->name);
	all = strlist_join(&names, ", ");
	return error_set(err, ERROR_USAGE, "%s: the kind of object is missing; write one of: %s", verb, all);
}

static int
args_read_command(struct reader *reader, const char *word, struct error *err)
{
	static const char *const creating[] = { "add", "create", "new", "declare" };
	struct args *args = reader->args;
	const char *nearest = command_nearest(args->table, word);

	args->command = command_find(args->table, word);
	for (size_t i = 0; !args->command && i < ARRAY_SIZE(creating); i++)
		if (strcmp(creating[i], word) == 0 && args_read_creating(reader, word, err) < 0)
			return -1;
	if (!args->command)
		return error_set(err, ERROR_USAGE, "unknown command '%s'%s%s%s", word,
			nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	if (args->command->resource != API_RESOURCE_COUNT)
		args->resource = &api_resources[args->command->resource];
	args_options(reader);
	return 0;
}

/* A name in place of the noun is probably that of an auto-certificate. */
static int
args_no_noun(const struct command *command, const char *word, struct error *err)
{
	const char *nouns[API_RESOURCE_COUNT];
	_cleanup_free_ char *quoted = shell_word(word);
	const char *nearest;

	for (size_t i = 0; i < API_RESOURCE_COUNT; i++)
		nouns[i] = api_resources[i].cli;
	nearest = nearest_word(word, nouns, API_RESOURCE_COUNT);
	if (!nearest && strchr(word, '.'))
		return error_set(err, ERROR_USAGE,
			"%s: the kind of object is missing; did you mean: certctl %s auto %s", command->name,
			command->from == OPTIONS_LIST ? "show" : command->name, quoted);
	return error_set(err, ERROR_USAGE,
		"%s: '%s' is not one of provider, auto, cert, dns, consumer, token, authorization%s%s%s", command->name,
		word, nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static int
args_read_noun(struct reader *reader, const char *word, struct error *err)
{
	reader->args->resource = args_noun(word);
	if (!reader->args->resource)
		return args_no_noun(reader->args->command, word, err);
	args_options(reader);
	return 0;
}

/* A word that the command does not take: probably the value of an option, unless that has one already. */
static int
args_unexpected(const struct reader *reader, const char *word, struct error *err)
{
	const struct args *args = reader->args;
	const struct option *option = args->command->bare ? options_find(&reader->options, args->command->bare) : NULL;
	_cleanup_free_ char *quoted = shell_word(word);

	if (option && !json_object_object_get_ex(option->is_own ? args->own : args->values, option->field->name, NULL))
		return error_set(err, ERROR_USAGE, "%s: unexpected word '%s'; did you mean %s%s %s?",
			args->command->name, word, strcmp(option->name, "file") == 0 ? "-" : "--",
			strcmp(option->name, "file") == 0 ? "f" : option->name, quoted);
	if (args_may_be_expanded(word))
		return error_set(err, ERROR_USAGE,
			"%s: unexpected word '%s'; did the shell expand *? Write '*.example.com' in quotes",
			args->command->name, word);
	return error_set(err, ERROR_USAGE, "%s: unexpected word '%s'", args->command->name, word);
}

/* With COMMAND_ANY, a word is a noun only before a name: `explain le` is about an object named le. */
static bool
args_is_noun_next(const struct reader *reader, const char *word)
{
	if (!(reader->args->command->flags & COMMAND_ANY))
		return true;
	return reader->args->words.count == 0 && reader->argc > 0 && reader->argv[0][0] != '-' && args_noun(word);
}

static int
args_read_word(struct reader *reader, const char *word, struct error *err)
{
	struct args *args = reader->args;
	const struct command *command = args->command;
	const struct api_field *field;

	if (!command)
		return args_read_command(reader, word, err);
	if ((command->flags & COMMAND_NOUN) && !args->resource && args_is_noun_next(reader, word))
		return args_read_noun(reader, word, err);
	field = command_positional(command, args->words.count);
	if (field)
		json_add_string(args->values, field->name, word);
	else if (!(command->flags & (COMMAND_NAMES | COMMAND_WORDS | COMMAND_EACH)) &&
		 !((command->flags & COMMAND_NAME) && args->words.count == 0)) {
		reader->unexpected = reader->unexpected ? reader->unexpected : word;
		return 0;
	}
	strlist_add(&args->words, word);
	return 0;
}

/* --- options --- */

/* Is it a property that `set` does not offer? */
static bool
args_is_immutable(const struct args *args, const char *name)
{
	if (!args->command || args->command->from != OPTIONS_UPDATE || !args->resource)
		return false;
	for (const struct api_field *f = args->resource->properties; f->name; f++) {
		_cleanup_free_ char *option = option_name(f);

		if ((f->flags & API_IMMUTABLE) && strcmp(option, name) == 0)
			return true;
	}
	return false;
}

/* "--provider or --profile": all options that begin with @name. Owned by the caller; NULL: fewer than two do. */
static char *
args_ambiguous(const struct options *options, const char *name)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;

	for (size_t i = 0; i < options->count; i++)
		if (strncmp(options->items[i].name, name, strlen(name)) == 0)
			strlist_take(&names, xasprintf("--%s", options->items[i].name));
	return names.count > 1 ? strlist_join(&names, " or ") : NULL;
}

static int
args_unknown_option(const struct reader *reader, const char *name, struct error *err)
{
	const struct command *command = reader->args->command;
	_cleanup_free_ char *ambiguous = args_ambiguous(&reader->options, name);
	_cleanup_free_ const char **names = NULL;
	const char *nearest;

	if (ambiguous)
		return error_set(err, ERROR_USAGE, "--%s is ambiguous: %s", name, ambiguous);
	if (args_is_immutable(reader->args, name))
		return error_set(err, ERROR_USAGE, "--%s cannot be changed later: declare another %s", name,
			reader->args->resource->cli);
	if (command && (command->flags & COMMAND_NOUN) && !reader->args->resource)
		return error_set(err, ERROR_USAGE,
			"--%s depends on the kind of object; write that first: certctl %s %s", name, command->name,
			command->words);
	names = xcalloc(reader->options.count, sizeof(*names));
	for (size_t i = 0; i < reader->options.count; i++)
		names[i] = reader->options.items[i].name;
	nearest = nearest_word(name, names, reader->options.count);
	return error_set(err, ERROR_USAGE, "unknown option --%s%s%s%s", name, nearest ? "; did you mean --" : "",
		nearest ? nearest : "", nearest ? "?" : "");
}

static const struct option *
args_find_option(struct reader *reader, const char *name)
{
	struct args *args = reader->args;

	const struct option *option = options_find(&reader->options, name);

	if (option)
		return option;
	/* `certctl list --cn x`: the default noun */
	if (args->command && args->command->from == OPTIONS_LIST && !args->resource) {
		args->resource = &api_resources[API_AUTOCERTIFICATE];
		args_options(reader);
		return args_find_option(reader, name);
	}
	return NULL;
}

/* @value: the text after "=", or NULL: the next word. */
static int
args_read_option(struct reader *reader, const char *name, const char *value, struct error *err)
{
	const struct option *option = args_find_option(reader, name);
	struct args *args = reader->args;

	if (!option)
		return args_unknown_option(reader, name, err);
	if (!option_has_value(option)) {
		if (value)
			return error_set(err, ERROR_USAGE, "--%s takes no value", name);
	} else if (!value) {
		if (reader->argc == 0 || strncmp(reader->argv[0], "--", 2) == 0)
			return error_set(err, ERROR_USAGE, "--%s needs a value: %s", name,
				option->field->metavar ? option->field->metavar : "VALUE");
		value = *reader->argv++;
		reader->argc--;
	}
	if (value && args_is_domain(option->field) && (strncmp(value, "_.", 2) == 0 || strstr(value, ",_.")))
		return args_refuse_expanded(value, err);
	return value_set(option->is_own ? args->own : args->values, option, value, err);
}

static int
args_read_long_option(struct reader *reader, const char *text, struct error *err)
{
	size_t len = strcspn(text, "=");
	_cleanup_free_ char *name = xstrndup(text, len);

	return args_read_option(reader, name, text[len] ? text + len + 1 : NULL, err);
}

static int
args_read_short_option(struct reader *reader, const char *text, struct error *err)
{
	const struct option *option = options_short(&reader->options, text[0]);

	if (option && option_has_value(option))
		return args_read_option(reader, option->name, text[1] ? text + 1 : NULL, err);
	if (option && !text[1])
		return args_read_option(reader, option->name, NULL, err);
	if (text[1] && args_find_option(reader, text))
		return error_set(err, ERROR_USAGE, "unknown option -%s; did you mean --%s?", text, text);
	return error_set(err, ERROR_USAGE, "unknown option -%s", text);
}

/* --- the whole line --- */

static int
args_read_argument(struct reader *reader, struct error *err)
{
	const char *text = *reader->argv++;

	reader->argc--;
	if (reader->is_past_options || text[0] != '-' || text[1] == '\0')
		return args_read_word(reader, text, err);
	if (strcmp(text, "--") == 0) {
		reader->is_past_options = true;
		return 0;
	}
	return text[1] == '-' ? args_read_long_option(reader, text + 2, err)
			      : args_read_short_option(reader, text + 1, err);
}

static int
args_check_required(const struct args *args, const struct api_field *fields, struct error *err)
{
	for (const struct api_field *f = fields; f && f->name; f++) {
		_cleanup_free_ char *name = NULL;

		if (!(f->flags & API_REQUIRED) || json_object_object_get_ex(args->values, f->name, NULL))
			continue;
		if (f->flags & API_POSITIONAL)
			return error_set(err, ERROR_USAGE, "%s: %s is missing; write: certctl %s %s",
				args->command->name, f->metavar, args->command->name, f->metavar);
		name = option_name(f);
		return error_set(err, ERROR_USAGE, "%s: --%s %s is missing (%s)", args->command->name, name,
			f->metavar ? f->metavar : "VALUE", f->help);
	}
	return 0;
}

static int
args_check_whole(const struct args *args, struct error *err)
{
	const struct command *command = args->command;
	bool is_optional = command->flags & COMMAND_OPTIONAL;

	if ((command->flags & COMMAND_NOUN) && !args->resource && !is_optional && !(command->flags & COMMAND_ANY))
		return error_set(err, ERROR_USAGE, "%s: the kind of object is missing; write: certctl %s %s",
			command->name, command->name, command->words);
	if ((command->flags & (COMMAND_NAME | COMMAND_NAMES)) && args->words.count == 0 &&
		!(is_optional && !args->resource))
		return error_set(err, ERROR_USAGE, "%s: the name%s%s is missing; write: certctl %s %s%sNAME",
			command->name, args->resource ? " of the " : "", args->resource ? args->resource->cli : "",
			command->name, args->resource ? args->resource->cli : "", args->resource ? " " : "");
	if (command->from == OPTIONS_CREATE && args->resource)
		return args_check_required(args, args->resource->properties, err);
	if (command->from == OPTIONS_PARAMS)
		return args_check_required(args, api_methods[command->method].params, err);
	return 0;
}

static int
args_read_all(struct reader *reader, struct error *err)
{
	struct args *args = reader->args;

	while (reader->argc > 0) {
		if (args_read_argument(reader, err) < 0)
			return -1;
		if (args_has_flag(args, "help") && args->command)
			return 0; /* --help wins over any other error */
	}
	if (!args->command || args_has_flag(args, "help") || args_has_flag(args, "version"))
		return 0;
	return reader->unexpected ? args_unexpected(reader, reader->unexpected, err) : args_check_whole(args, err);
}

int
args_read(struct args *args, const struct command *table, int argc, char **argv, struct error *err)
{
	struct reader reader = { .args = args, .argv = argv + 1, .argc = argc - 1 };
	int rc;

	*args = (struct args){ .table = table, .values = json_object_new_object(), .own = json_object_new_object() };
	args_options(&reader);
	rc = args_read_all(&reader, err);
	options_clear(&reader.options);
	return rc;
}
