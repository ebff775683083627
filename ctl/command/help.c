/* Help as text, and the same content as parts of the manual page. */
#include "ctl/command/help.h"

#include "common/api/dns_kinds.h"
#include "common/buf.h"
#include "common/ca.h"
#include "ctl/command/cmd.h"
#include "ctl/command/options.h"
#include "ctl/present/terminal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_WIDTH = 30 };

static const char *
help_metavar_of(const struct api_field *field)
{
	if (field->metavar)
		return field->metavar;
	switch (field->type) {
	case API_INT:
		return "N";
	case API_SPAN:
		return "SPAN";
	case API_PATH:
	case API_TEXT:
	case API_SECRET:
		return "FILE";
	default:
		return "WORD";
	}
}

static void
help_write_usage(const struct option *option, struct buf *ret)
{
	const struct api_field *field = option->field;

	buf_printf(ret, "--%s", option->name);
	if (!option_has_value(option))
		return;
	buf_add_char(ret, ' ');
	if (field->type != API_ENUM || field->metavar) { /* an enum has one if its values are too many for a line */
		buf_add_str(ret, help_metavar_of(field));
		return;
	}
	for (size_t i = 0; field->values[i]; i++)
		buf_printf(ret, "%s%s", i ? "|" : "", field->values[i]);
}

static bool
help_is_repeatable(const struct api_field *field)
{
	return field->type == API_STRLIST || field->type == API_REFLIST || field->type == API_LIST;
}

static void
help_write_meaning(const struct option *option, bool is_required, struct buf *ret)
{
	const struct api_field *field = option->field;

	if (option->is_negation) {
		buf_printf(ret, "the opposite of --%s", option->name + strlen("no-"));
		return;
	}
	buf_add_str(ret, field->help);
	if (field->type == API_SECRET)
		buf_add_str(ret, "; read from the file");
	if (help_is_repeatable(field))
		buf_add_str(ret, field->type == API_LIST || (field->flags & API_VERBATIM)
					 ? "; may be repeated"
					 : "; may be repeated, or a list with commas");
	if (is_required)
		buf_add_str(ret, "; required");
	if (field->fallback)
		buf_printf(ret, " (default: %s)", field->fallback);
}

static bool
help_is_required(const struct command *command, const struct option *option)
{
	return (command->from == OPTIONS_CREATE || command->from == OPTIONS_PARAMS) && !option->is_own &&
	       !option->parent && (option->field->flags & API_REQUIRED);
}

/* A second line if @usage is too wide for its column. */
static void
help_print_row(const struct ctl *ctl, const struct buf *usage, const char *meaning)
{
	const char *text = buf_str(usage);

	if (usage->len > OPTION_WIDTH - 2)
		fprintf(ctl->out, "  %s\n  %*s", text, OPTION_WIDTH, "");
	else
		fprintf(ctl->out, "  %-*s", OPTION_WIDTH, text);
	terminal_wrap(ctl, OPTION_WIDTH + 2, OPTION_WIDTH + 2, meaning);
}

static void
help_print_option(const struct ctl *ctl, const struct command *command, const struct option *option)
{
	_cleanup_buf_ struct buf usage = BUF_INIT;
	_cleanup_buf_ struct buf meaning = BUF_INIT;

	help_write_usage(option, &usage);
	help_write_meaning(option, command && help_is_required(command, option), &meaning);
	help_print_row(ctl, &usage, buf_str(&meaning));
}

/* Positional arguments, from the command's row and from the parameters of its method. */
static void
help_write_words(const struct command *command, struct buf *ret)
{
	const struct api_field *f = command->from == OPTIONS_PARAMS ? api_methods[command->method].params : NULL;

	if (command->words)
		buf_printf(ret, " %s", command->words);
	for (; f && f->name; f++)
		if (f->flags & API_POSITIONAL)
			buf_printf(ret, f->flags & API_REQUIRED ? " %s%s" : " [%s]%s", f->metavar,
				command->flags & COMMAND_EACH ? "..." : "");
}

static bool
help_is_global(const struct api_field *field)
{
	for (const struct api_field *f = args_global; f->name; f++)
		if (f == field)
			return true;
	return false;
}

/* The number of options that are not global. */
static size_t
help_count_own(const struct options *options)
{
	size_t count = 0;

	for (size_t i = 0; i < options->count; i++)
		count += !help_is_global(options->items[i].field);
	return count;
}

void
help_command(const struct ctl *ctl, const struct command *command, const struct api_resource *resource)
{
	_cleanup_buf_ struct buf words = BUF_INIT;
	struct options options;
	size_t own;

	if (!resource && command->from == OPTIONS_LIST)
		resource = &api_resources[API_AUTOCERTIFICATE];
	options_of(command, resource, &options);
	own = help_count_own(&options);
	help_write_words(command, &words);
	fprintf(ctl->out, "certctl %s%s%s: %s\n", command->name, buf_str(&words), own ? " [OPTION]..." : "",
		command->help);
	if (command->notes)
		fprintf(ctl->out, "\n%s", command->notes);
	if (own)
		fprintf(ctl->out, "\nOptions%s%s:\n", resource && (command->flags & COMMAND_NOUN) ? " for " : "",
			resource && (command->flags & COMMAND_NOUN) ? resource->cli : "");
	else if (command->from == OPTIONS_UPDATE)
		fputs("\nThe options depend on NOUN; for example: certctl set auto --help\n", ctl->out);
	for (size_t i = 0; i < options.count; i++) {
		if (i == own)
			fputs("\nGlobal options:\n", ctl->out);
		help_print_option(ctl, command, &options.items[i]);
	}
	options_clear(&options);
}

void
help_all(const struct ctl *ctl, const struct command *table)
{
	struct options options;

	fputs("certctl COMMAND [OPTION]...: control certd, which keeps TLS certificates valid\n\nCommands:\n",
		ctl->out);
	for (const struct command *c = table; c->name; c++) {
		_cleanup_buf_ struct buf usage = BUF_INIT;

		buf_add_str(&usage, c->name);
		help_write_words(c, &usage);
		help_print_row(ctl, &usage, c->help);
	}
	fputs("\nGlobal options:\n", ctl->out);
	options_of(NULL, NULL, &options);
	for (size_t i = 0; i < options.count; i++)
		help_print_option(ctl, NULL, &options.items[i]);
	options_clear(&options);
	fputs("\nFor details see: certctl COMMAND --help, and certctl(1).\n", ctl->out);
}

/* "help set auto" is "set auto --help". */
static int
help_on_words(struct ctl *ctl, const struct args *args, struct error *err)
{
	size_t count = args->words.count;
	_cleanup_free_ char **argv = xcalloc(count + 2, sizeof(*argv));
	static char option[] = "--help";
	struct args about;
	int rc;

	memcpy(argv + 1, args->words.items, count * sizeof(*argv));
	argv[count + 1] = option;
	rc = args_read(&about, args->table, (int)count + 2, argv, err);
	if (rc == 0)
		help_command(ctl, about.command, about.resource);
	args_clear(&about);
	return rc;
}

int
cmd_help(struct ctl *ctl, struct args *args, struct error *err)
{
	if (args->words.count == 0) {
		help_all(ctl, args->table);
		return 0;
	}
	if (args->words.count == 2 && strcmp(args->words.items[0], "man") == 0 &&
		help_man(ctl->out, args->table, args->words.items[1]))
		return 0;
	return help_on_words(ctl, args, err);
}

int
cmd_version(struct ctl *ctl, struct args *args, struct error *err)
{
	(void)args;
	(void)err;
	fprintf(ctl->out, "certctl %s\n", PACKAGE_VERSION);
	return 0;
}

/* --- man(7) --- */

/* Escapes '-', '\' and a leading '.' or '\''; allows a line break after '|'. */
static void
help_man_text(FILE *out, const char *text)
{
	bool is_start = true;

	for (; *text; text++) {
		if (is_start && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		if (*text == '-')
			fputs("\\-", out);
		else if (*text == '\\')
			fputs("\\e", out);
		else
			fputc(*text, out);
		if (*text == '|')
			fputs("\\:", out);
		is_start = *text == '\n';
	}
}

static void
help_man_option(FILE *out, const struct command *command, const struct option *option)
{
	_cleanup_buf_ struct buf usage = BUF_INIT;
	_cleanup_buf_ struct buf meaning = BUF_INIT;

	help_write_usage(option, &usage);
	help_write_meaning(option, command && help_is_required(command, option), &meaning);
	fputs(".TP\n.B ", out);
	help_man_text(out, buf_str(&usage));
	fputc('\n', out);
	help_man_text(out, buf_str(&meaning));
	fputc('\n', out);
}

static void
help_man_options(FILE *out, const struct command *command, const struct api_resource *resource)
{
	struct options options;
	size_t own;

	options_of(command, resource, &options);
	own = help_count_own(&options);
	if (own)
		fputs(".RS\n", out);
	for (size_t i = 0; i < own; i++)
		help_man_option(out, command, &options.items[i]);
	if (own)
		fputs(".RE\n", out);
	options_clear(&options);
}

/* Text is filled; indented lines are examples and keep their line breaks. */
static void
help_man_notes(FILE *out, const char *notes)
{
	bool is_example = false;

	fputs(".PP\n", out);
	while (*notes) {
		size_t len = strcspn(notes, "\n");
		_cleanup_free_ char *line = xstrndup(notes, len);

		if (len == 0)
			fputs(".PP\n", out);
		if (!is_example && *line == ' ')
			fputs(".nf\n", out);
		is_example = is_example || *line == ' ';
		help_man_text(out, line);
		fputs(len ? "\n" : "", out);
		notes += len + (notes[len] == '\n');
	}
	if (is_example)
		fputs(".fi\n", out);
}

static void
help_man_command(FILE *out, const struct command *command)
{
	_cleanup_buf_ struct buf words = BUF_INIT;
	bool has_noun_options = command->from == OPTIONS_LIST || command->from == OPTIONS_UPDATE;

	help_write_words(command, &words);
	fputs(".SS ", out);
	help_man_text(out, command->name);
	help_man_text(out, buf_str(&words));
	fputc('\n', out);
	fputc(toupper((unsigned char)command->help[0]), out);
	help_man_text(out, command->help + 1);
	fputs(".\n", out);
	if (command->notes)
		help_man_notes(out, command->notes);
	for (size_t i = 0; has_noun_options && i < API_RESOURCE_COUNT; i++) {
		enum api_method_id method;

		if (command->from == OPTIONS_UPDATE && !api_method_of(&api_resources[i], API_UPDATE, &method))
			continue;
		fputs(".PP\nOptions for ", out);
		help_man_text(out, api_resources[i].cli);
		fputs(":\n", out);
		help_man_options(out, command, &api_resources[i]);
	}
	if (!has_noun_options)
		help_man_options(out, command, NULL);
}

static void
help_man_servers(FILE *out)
{
	for (size_t i = 0; ca_at(i); i++) {
		fputs(".TP\n.B ", out);
		help_man_text(out, ca_at(i)->alias);
		fputc('\n', out);
		help_man_text(out, ca_at(i)->help);
		if (ca_at(i)->needs_eab)
			fputs("; needs \\-\\-eab\\-key\\-id and \\-\\-eab\\-key\\-file", out);
		fputs(".\n.br\n", out);
		help_man_text(out, ca_at(i)->url);
		fputc('\n', out);
	}
}

/* A table of the kinds of DNS providers, each with its settings. */
static void
help_man_dns(FILE *out)
{
	for (size_t i = 0; i < DNS_KIND_COUNT; i++) {
		fputs(".TP\n.B ", out);
		help_man_text(out, dns_kinds.items[i].name);
		fputc('\n', out);
		help_man_text(out, dns_kinds.items[i].help);
		fputs(".\n", out);
		for (const struct api_field *f = dns_kinds.items[i].settings; f->name; f++) {
			_cleanup_free_ char *option = api_field_option(f);

			fputs(".br\n.BR \\-\\-", out);
			help_man_text(out, option);
			fputs(" :\n", out);
			help_man_text(out, f->help);
			if (f->flags & API_REQUIRED)
				fputs(" (required)", out);
			if (f->fallback) {
				fputs(" (default: ", out);
				help_man_text(out, f->fallback);
				fputs(")", out);
			}
			fputc('\n', out);
		}
	}
}

/* One entry for each status, with all error classes that have it. */
static void
help_man_exit(FILE *out)
{
	for (int status = 0; status < 126; status++) {
		const char *separator = "";

		for (int code = 0; code < ERROR_CODE_COUNT; code++) {
			_cleanup_free_ char *text = xasprintf("%s: %s", error_code_name((enum error_code)code),
				error_code_meaning((enum error_code)code));

			if (error_exit_status((enum error_code)code) != status)
				continue;
			if (!*separator)
				fprintf(out, ".TP\n.B %d\n", status);
			fputs(separator, out);
			help_man_text(out, text);
			separator = "\n.br\n";
		}
		if (*separator)
			fputc('\n', out);
	}
}

int
help_man(FILE *out, const struct command *table, const char *part)
{
	struct options options;

	if (strcmp(part, "commands") == 0) {
		for (const struct command *c = table; c->name; c++)
			help_man_command(out, c);
	} else if (strcmp(part, "options") == 0) {
		options_of(NULL, NULL, &options);
		for (size_t i = 0; i < options.count; i++)
			help_man_option(out, NULL, &options.items[i]);
		options_clear(&options);
	} else if (strcmp(part, "servers") == 0) {
		help_man_servers(out);
	} else if (strcmp(part, "dns") == 0) {
		help_man_dns(out);
	} else if (strcmp(part, "exit") == 0) {
		help_man_exit(out);
	} else {
		return 0;
	}
	return 1;
}
