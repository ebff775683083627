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

#include <string.h>

enum { NAMES_MAX = 100 };

/* For files, the shell's own completion is used. */
static const char files_mark[] = ":files";

struct completion {
	struct ctl *ctl;
	const char *prefix; /* the typed part of the last word */
};

static void
complete_offer(const struct completion *c, const char *word, const char *help)
{
	if (strncmp(word, c->prefix, strlen(c->prefix)) == 0)
		fprintf(c->ctl->out, "%s\t%s\n", word, help);
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
		if (strcmp(word, name) == 0 || complete_is_wildcard(name))
			complete_offer(c, name, resource->help);
	}
}

static void
complete_offer_values(const struct completion *c, const struct api_field *field)
{
	switch (field->type) {
	case API_ENUM:
		for (size_t i = 0; field->values[i]; i++)
			complete_offer(c, field->values[i], field->help);
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
	const struct option *open; /* an option whose value is being completed; in .options */
	struct options options;
};

/* Only the part after the last comma is completed. */
static void
complete_offer_columns(const struct completion *c, const struct api_resource *resource, bool is_list)
{
	const char *comma = is_list ? strrchr(c->prefix, ',') : NULL;
	_cleanup_strlist_ struct strlist words = STRLIST_INIT;

	columns_words(resource ? resource : &api_resources[API_AUTOCERTIFICATE], &words);
	for (size_t i = 0; i < words.count; i++) {
		_cleanup_free_ char *word = xasprintf(
			"%.*s%s", comma ? (int)(comma - c->prefix) + 1 : 0, c->prefix, words.items[i]);

		complete_offer(c, word, "");
	}
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
complete_offer_option_values(const struct completion *c, const struct position *at)
{
	const struct api_field *field = at->open->field;
	bool is_columns = strcmp(field->name, "columns") == 0;

	if (at->open->is_own && (is_columns || strcmp(field->name, "sort") == 0))
		complete_offer_columns(c, at->resource, is_columns);
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
	if (strcmp(word, "-o") == 0)
		word = "--output";
	if (strcmp(word, "-f") == 0)
		word = "--file";
	for (size_t i = 0; i < options->count && strncmp(word, "--", 2) == 0; i++)
		if (strcmp(options->items[i].name, word + 2) == 0)
			return &options->items[i];
	return NULL;
}

static void
complete_take_word(struct position *at, const char *word)
{
	if (!at->command)
		at->command = command_find(at->table, word);
	else if ((at->command->flags & COMMAND_NOUN) && !at->resource)
		at->resource = api_resource_find(word);
	else
		at->words++;
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
complete_offer_words(const struct completion *c, const struct position *at)
{
	const struct command *command = at->command;
	const struct api_field *field;

	if ((command->flags & COMMAND_NOUN) && !at->resource) {
		for (size_t i = 0; i < API_RESOURCE_COUNT; i++)
			complete_offer(c, api_resources[i].cli, api_resources[i].help);
		return;
	}
	if (((command->flags & COMMAND_NAME) && at->words == 0) || (command->flags & COMMAND_NAMES)) {
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
	field = command_positional(command, at->words);
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
cmd_complete(struct ctl *ctl, struct args *args, struct error *err)
{
	(void)err;
	complete(ctl, args->table, &args->words);
	return 0;
}
