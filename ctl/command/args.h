/* ctl/command/args.h: a command line, parsed by the table of commands and their options. */
#ifndef CTL_COMMAND_ARGS_H
#define CTL_COMMAND_ARGS_H

#include "common/strlist.h"
#include "ctl/command/command.h"

struct args {
	const struct command *table;         /* all commands; borrowed */
	const struct command *command;       /* NULL: none was given, or it is unknown */
	bool is_empty;                       /* none was given */
	const struct api_resource *resource; /* of the noun or of the command; or NULL */
	struct json_object *values;          /* parameters or properties; owned */
	struct json_object *own;             /* certctl's own options, by field name; owned */
	struct strlist words;                /* names, after the noun */
};

/*
 * args_read() - parse argv (argv[0] is the program)
 * @table: all commands; ends with a NULL name
 * ERROR_USAGE: the message suggests the nearest word, names what is missing, or says that the shell expanded a name.
 */
int
args_read(struct args *args, const struct command *table, int argc, char **argv, struct error *err);

void
args_clear(struct args *args);

/* certctl's own options; false, NULL or @fallback if not given. */
bool
args_has_flag(const struct args *args, const char *name);

/* Adds the flag to @params under its name, if it is given. */
void
args_pass_flag(const struct args *args, const char *name, struct json_object *params);

const char *
args_text(const struct args *args, const char *name);

/* Detects a name that a shell expanded from '*.example.com' (it begins with "_."). Return: -1 with ERROR_USAGE. */
int
args_refuse_expanded(const char *name, struct error *err);

#endif
