/*
 * One run of certctl: command line, command, exit status. Errors are reported only here. An error about a property
 * names the option that sets it.
 */
#include "ctl/command/ctl_run.h"

#include "common/buf.h"
#include "ctl/command/args.h"
#include "ctl/command/cmd.h"
#include "ctl/command/commands.h"
#include "ctl/command/help.h"
#include "ctl/command/options.h"
#include "ctl/present/output.h"
#include "ctl/present/text.h"

#include <string.h>

/* --- errors --- */

static bool
ctl_run_is_named(const struct api_field *field, const char *name, size_t len)
{
	return field && strlen(field->name) == len && strncmp(field->name, name, len) == 0;
}

/* The option that sets the last known part of "properties.probes[0].port"; owned by the caller, or NULL. */
static char *
ctl_run_option_of(const struct args *args, const char *field)
{
	struct options options;
	char *found = NULL;

	options_of(args->command, args->resource, &options);
	while (*field) {
		size_t len = strcspn(field, ".[");

		for (size_t i = 0; i < options.count; i++) {
			const struct option *o = &options.items[i];

			if (!o->is_own && !o->is_negation &&
				(ctl_run_is_named(o->field, field, len) ||
					(!found && ctl_run_is_named(o->parent, field, len))))
				str_replace(&found, o->name);
		}
		field += len;
		field += strcspn(field, ".");
		field += *field == '.';
	}
	options_clear(&options);
	return found;
}

/* "commonName: is required" -> "is required"; the option's name already precedes it. */
static const char *
ctl_run_without_member(const char *message, const char *field)
{
	const char *dot = strrchr(field, '.');
	const char *member = dot ? dot + 1 : field;
	size_t len = strcspn(member, "[");

	if (strncmp(message, member, len) == 0 && strncmp(message + len, ": ", 2) == 0)
		return message + len + 2;
	return message;
}

/* Prints one line, whatever certd's text contains. */
static void
ctl_run_say(struct ctl *ctl, const char *text)
{
	_cleanup_buf_ struct buf line = BUF_INIT;
	_cleanup_buf_ struct buf named = BUF_INIT;

	text_line(&line, text);
	text_users(&named, buf_str(&line));
	fprintf(ctl->err, "certctl: %s\n", buf_str(&named));
}

/* The one line about help behind a usage error. */
static void
ctl_run_say_where_help_is(struct ctl *ctl, const struct args *args)
{
	const struct command *command = args->command;
	const char *noun = command && (command->flags & COMMAND_NOUN) && args->resource ? args->resource->cli : NULL;

	if (command)
		fprintf(ctl->err, "certctl: see: certctl %s %s%s--help\n", command->name, noun ? noun : "",
			noun ? " " : "");
	else if (args->is_empty)
		help_all(&(struct ctl){ .out = ctl->err, .out_columns = ctl->columns }, args->table);
	else
		fputs("certctl: see: certctl help\n", ctl->err);
}

static void
ctl_run_report(struct ctl *ctl, const struct args *args, const struct error *err)
{
	_cleanup_free_ char *option = err->field ? ctl_run_option_of(args, err->field) : NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (option)
		buf_printf(&text, "--%s: %s", option, ctl_run_without_member(err->message, err->field));
	else
		buf_add_str(&text, err->message);
	if (err->problem)
		buf_printf(&text, " (%s)", err->problem);
	if (err->retry_at > ctl_now(ctl) && !strstr(err->message, "next attempt")) {
		buf_add_str(&text, "; retry ");
		text_relative(&text, err->retry_at, ctl_now(ctl));
	}
	ctl_run_say(ctl, buf_str(&text));
	if (ctl->hint)
		ctl_run_say(ctl, ctl->hint);
	free(ctl->hint);
	ctl->hint = NULL;
	if (err->code == ERROR_USAGE)
		ctl_run_say_where_help_is(ctl, args);
}

/* --- running --- */

static int
ctl_run_cloud66(struct ctl *ctl, const struct args *args, struct error *err)
{
	if (!args->command || strcmp(args->command->name, "show") != 0 ||
		args->resource != &api_resources[API_CERTIFICATE])
		return error_set(err, ERROR_USAGE, "-o cloud66 is only available for: certctl show cert NAME");
	ctl->format = FORMAT_JSON;
	ctl->view = "cloud66";
	return 0;
}

static int
ctl_run_global_options(struct ctl *ctl, const struct args *args, struct error *err)
{
	const char *format = args_text(args, "output");
	const char *socket_path = args_text(args, "socket");

	if (format && strcmp(format, "cloud66") == 0) {
		if (ctl_run_cloud66(ctl, args, err) < 0)
			return -1;
	} else if (format && !output_format_find(format, &ctl->format)) {
		return error_set(err, ERROR_USAGE, "-o: '%s' is not one of text, json, keyvalue", format);
	}
	if (socket_path)
		str_replace(&ctl->socket_path, socket_path);
	return 0;
}

/* Several names: each is worked on, also after one that failed. The last failure is the result. */
static int
ctl_run_each(struct ctl *ctl, struct args *args, struct error *err)
{
	struct strlist all = args->words;
	int rc = 0;

	if (!(args->command->flags & COMMAND_EACH) || all.count < 2)
		return args->command->run(ctl, args, err);
	for (size_t i = 0; i < all.count && err->code != ERROR_UNAVAILABLE; i++) {
		_cleanup_error_ struct error why = ERROR_INIT;

		args->words = (struct strlist){ .items = &all.items[i], .count = 1 };
		if (command_positional(args->command, 0))
			json_add_string(args->values, command_positional(args->command, 0)->name, all.items[i]);
		if (args->command->run(ctl, args, &why) == 0)
			continue;
		if (rc < 0)
			ctl_run_report(ctl, args, err);
		error_move(err, &why);
		rc = -1;
	}
	args->words = all;
	return rc;
}

static int
ctl_run_command(struct ctl *ctl, struct args *args, struct error *err)
{
	if (ctl_run_global_options(ctl, args, err) < 0)
		return -1;
	if (args_has_flag(args, "version"))
		return cmd_version(ctl, args, err);
	if (args_has_flag(args, "help")) {
		if (args->command)
			help_command(ctl, args->command, args->resource);
		else
			help_all(ctl, args->table);
		return 0;
	}
	if (!args->command) {
		args->is_empty = true;
		return error_set(err, ERROR_USAGE, "no command was given");
	}
	return ctl_run_each(ctl, args, err);
}

int
ctl_run(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct args args;
	int rc = args_read(&args, commands, argc, argv, &err);

	if (rc == 0)
		rc = ctl_run_command(ctl, &args, &err);
	if (rc < 0)
		ctl_run_report(ctl, &args, &err);
	args_clear(&args);
	if (fflush(ctl->out) != 0 && rc == 0) {
		error_set(&err, ERROR_IO, "the output could not be written completely");
		fprintf(ctl->err, "certctl: %s\n", err.message);
		rc = -1;
	}
	return rc < 0 ? error_exit_status(err.code) : ctl->exit_status;
}
