/*
 * Completion: `certctl complete WORD...` prints candidates for the last word, one per line, each with a tab and a short
 * description. The shells' files only call it. Object names are requested from certd; without certd there are none.
 */
#include "common/ca.h"
#include "common/shell.h"
#include "ctl/command/cmd.h"
#include "ctl/command/options.h"
#include "ctl/migrate/clients.h"
#include "ctl/present/columns.h"
#include "ctl/present/text.h"

#include <string.h>

enum { NAMES_MAX = 100, DESCRIPTION_MAX = 40 };

/* For files, the shell's own completion is used. */
static const char files_mark[] = ":files";

struct completion {
	struct ctl *ctl;
	const char *prefix; /* the typed part of the last word */
	size_t fixed;       /* octets at its start that stay as they are: the list up to its last comma */
};

static void
complete_offer(const struct completion *c, const char *word, const char *help)
{
	const char *typed = c->prefix + c->fixed;

	if (strncmp(word, typed, strlen(typed)) == 0)
		fprintf(c->ctl->out, "%.*s%s\t%s\n", (int)c->fixed, c->prefix, word, help);
}

/* What is known about an object, so that candidates can be told apart: "AVAILABLE, www.example.com". */
static void
complete_describe(struct ctl *ctl, const struct api_resource *resource, struct json_object *object, struct buf *ret)
{
	buf_add_str(ret, ctl_text_at(object, "metadata.state"));
	for (const struct api_column *c = resource->columns; c->title && ret->len < DESCRIPTION_MAX; c++) {
		const struct api_field *field = api_field_at(resource, c->path);
		struct json_object *value = ctl_at(object, c->path);

		if (!value || !field || field->type == API_REF || strcmp(c->title, "NAME") == 0 ||
			strcmp(c->title, "STATE") == 0 || !*json_object_get_string(value))
			continue;
		buf_add_str(ret, ret->len ? ", " : "");
		if (field->type == API_TIME)
			buf_printf(ret, "%s ", c->title);
		text_value(ctl, field, value, ret);
	}
}

static bool
complete_is_wildcard(const char *name)
{
	_cleanup_free_ char *rest = strncmp(name, "*.", 2) == 0 ? shell_word(name + 2) : NULL;

	return rest && strcmp(rest, name + 2) == 0;
}

static void
complete_offer_names(const struct completion *c, const struct api_resource *resource)
{
	struct json_object *params = json_object_new_object();
	_cleanup_json_ struct json_object *result = NULL;
	struct json_object *items;
	enum api_method_id method = RPC_PROVIDER_LIST;

	api_method_of(resource, API_LIST_ALL, &method);
	json_add_int(params, "limit", NAMES_MAX);
	if (ctl_call(c->ctl, method, params, &result, NULL) < 0)
		return;
	items = ctl_array_at(result, "items");
	for (size_t i = 0; items && i < json_object_array_length(items); i++) {
		const char *name = ctl_text_at(json_object_array_get_idx(items, i), "properties.name");
		_cleanup_free_ char *word = shell_word(name);

		/*
		 * the shell inserts candidates unquoted: skip names that need quotes, except for the '*' of wildcards
		 */
		if (strcmp(word, name) == 0 || complete_is_wildcard(name)) {
			_cleanup_buf_ struct buf what = BUF_INIT;

			complete_describe(c->ctl, resource, json_object_array_get_idx(items, i), &what);
			complete_offer(c, name, buf_str(&what));
		}
	}
}

static void
complete_offer_values(const struct completion *c, const struct api_field *field)
{
	switch (field->type) {
	case API_ENUM:
	case API_STRLIST:
		for (size_t i = 0; field->values && field->values[i]; i++)
			complete_offer(c, field->values[i],
				field->fallback && strcmp(field->fallback, field->values[i]) == 0 ? "default" : "");
		break;
	case API_REF:
	case API_REFLIST:
		complete_offer_names(c, api_resource_find(field->resource));
		break;
	case API_PATH:
	case API_TEXT:
	case API_SECRET:
		fprintf(c->ctl->out, "%s\n", files_mark);
		break;
	default:
		for (size_t i = 0; strcmp(field->name, "server") == 0 && ca_at(i); i++)
			complete_offer(c, ca_at(i)->alias, ca_at(i)->help);
		break;
	}
}

/* What the preceding words are: the command, the noun, and the number of others. */
struct position {
	const struct command *table; /* all commands */
	const struct command *command;
	const struct api_resource *resource;
	size_t words;              /* after command and noun */
	bool is_help;              /* behind "help": only commands and nouns */
	const struct option *open; /* an option whose value is being completed; in .options */
	struct options options;
};

static void
complete_offer_columns(const struct completion *c, const struct api_resource *resource)
{
	_cleanup_strlist_ struct strlist words = STRLIST_INIT;

	columns_words(resource ? resource : &api_resources[API_AUTOCERTIFICATE], &words);
	for (size_t i = 0; i < words.count; i++)
		complete_offer(c, words.items[i], "");
}

static void
complete_offer_properties(const struct completion *c, const struct position *at)
{
	for (size_t i = 0; i < at->options.count; i++)
		if (!at->options.items[i].is_own && !at->options.items[i].is_negation)
			complete_offer(c, at->options.items[i].name, at->options.items[i].field->help);
}

/* Values of an option; certctl's own options may take words of the tables. */
static void
complete_offer_option_values(struct completion *c, const struct position *at)
{
	const struct api_field *field = at->open->field;
	bool is_columns = at->open->is_own && strcmp(field->name, "columns") == 0;
	const char *comma = is_columns || field->type == API_STRLIST || field->type == API_REFLIST
				    ? strrchr(c->prefix, ',')
				    : NULL;

	if (comma && !(field->flags & API_VERBATIM))
		c->fixed = (size_t)(comma - c->prefix) + 1;
	if (is_columns || (at->open->is_own && strcmp(field->name, "sort") == 0))
		complete_offer_columns(c, at->resource);
	else if (at->open->is_own && strcmp(field->name, "unset") == 0)
		complete_offer_properties(c, at);
	else if (at->open->is_own && strcmp(field->name, "file") == 0)
		fprintf(c->ctl->out, "%s\n", files_mark);
	else
		complete_offer_values(c, field);
}

static void
complete_offer_options(const struct completion *c, const struct options *options)
{
	for (size_t i = 0; i < options->count; i++) {
		_cleanup_free_ char *word = xasprintf("--%s", options->items[i].name);

		complete_offer(c, word, options->items[i].field->help);
	}
}

static const struct option *
complete_find_option(const struct options *options, const char *word)
{
	if (strncmp(word, "--", 2) == 0)
		return options_find(options, word + 2);
	return word[1] ? options_short(options, word[1]) : NULL;
}

static void
complete_take_word(struct position *at, const char *word)
{
	const struct command *before = at->command;

	if (!before && strcmp(word, "help") == 0) {
		at->is_help = true; /* "help set auto" is completed like "set auto" */
		return;
	}
	if (!at->command)
		at->command = command_find(at->table, word);
	else if ((at->command->flags & COMMAND_NOUN) && !at->resource)
		at->resource = api_resource_find(word);
	else
		at->words++;
	if (at->command && (at->command->flags & COMMAND_ANY) && at->command != before && !at->resource)
		at->words++; /* a name without its noun */
	if (at->command && at->command->resource != API_RESOURCE_COUNT)
		at->resource = &api_resources[at->command->resource];
	options_clear(&at->options);
	options_of(at->command, at->resource, &at->options);
}

static void
complete_find_position(struct position *at, const struct command *table, const struct strlist *words)
{
	*at = (struct position){ .table = table };
	options_of(NULL, NULL, &at->options);
	for (size_t i = 0; i + 1 < words->count; i++) {
		const char *word = words->items[i];
		const struct option *option;

		if (at->open) {
			if (strcmp(word, "=") != 0) /* bash splits --option=value */
				at->open = NULL;
			continue;
		}
		if (word[0] != '-') {
			complete_take_word(at, word);
			continue;
		}
		option = complete_find_option(&at->options, word);
		at->open = option && option_has_value(option) ? option : NULL;
	}
}

static void
complete_offer_methods(const struct completion *c)
{
	for (size_t i = 0; i < API_METHOD_COUNT; i++)
		complete_offer(c, api_methods[i].name, api_methods[i].help);
}

static void
complete_offer_words(const struct completion *c, const struct position *at)
{
	const struct command *command = at->command;
	const struct api_field *field;

	if (command->run == cmd_call && at->words == 0 && !at->is_help)
		complete_offer_methods(c);
	if (command->flags & COMMAND_ANY)
		complete_offer_names(c, at->resource ? at->resource : &api_resources[API_AUTOCERTIFICATE]);
	if ((command->flags & COMMAND_NOUN) && !at->resource) {
		for (size_t i = 0; i < API_RESOURCE_COUNT; i++)
			complete_offer(c, api_resources[i].cli, api_resources[i].help);
		return;
	}
	if (at->is_help || (command->flags & COMMAND_ANY))
		return;
	if (((command->flags & COMMAND_NAME) && at->words == 0) ||
		((command->flags & COMMAND_NOUN) && (command->flags & (COMMAND_NAMES | COMMAND_EACH)))) {
		complete_offer_names(c, at->resource);
		return;
	}
	if ((command->flags & COMMAND_CERTIFICATE) && at->words == 0) {
		complete_offer_names(c, &api_resources[API_CERTIFICATE]);
		complete_offer_names(c, &api_resources[API_AUTOCERTIFICATE]);
		return;
	}
	if ((command->flags & COMMAND_CLIENT) && at->words == 0)
		for (const struct client_kind *kind = client_kinds; kind->name; kind++)
			complete_offer(c, kind->name, kind->directories[0]);
	field = command_positional(command, command->flags & COMMAND_EACH ? 0 : at->words);
	if (field)
		complete_offer_values(c, field);
}

static void
complete(struct ctl *ctl, const struct command *table, const struct strlist *words)
{
	struct completion c = { .ctl = ctl, .prefix = words->count ? words->items[words->count - 1] : "" };
	struct position at;

	complete_find_position(&at, table, words);
	if (at.open) {
		if (strcmp(c.prefix, "=") == 0)
			c.prefix = "";
		complete_offer_option_values(&c, &at);
	} else if (*c.prefix == '-') {
		complete_offer_options(&c, &at.options);
	} else if (!at.command) {
		for (const struct command *command = table; command->name; command++)
			complete_offer(&c, command->name, command->help);
	} else {
		complete_offer_words(&c, &at);
	}
	options_clear(&at.options);
}

int
cmd_complete(struct ctl *ctl, struct args *args, struct error *err _unused_)
{
	complete(ctl, args->table, &args->words);
	return 0;
}
