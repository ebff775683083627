/* ctl/command/args.h: a command line, read by the table of commands and their options. */
#ifndef CTL_COMMAND_ARGS_H
#define CTL_COMMAND_ARGS_H

#include "common/strlist.h"
#include "ctl/command/command.h"

struct args {
	const struct command *table;         /* all commands; borrowed */
	const struct command *command;       /* NULL: none was given */
	const struct api_resource *resource; /* the noun's or the command's; or NULL */
	struct json_object *values;          /* parameters or properties; owned */
	struct json_object *own;             /* certctl's own options by field name; owned */
	struct strlist words;                /* names, after the noun */
};

/*
 * args_read() - read argv (argv[0] is the program)
 * @table: all commands; ends with a NULL name
 * ERROR_USAGE with what is nearest, what is missing, or the hint that the shell expanded a name.
 */
int
args_read(struct args *args, const struct command *table, int argc, char **argv, struct error *err);

void
args_clear(struct args *args);

/* Own options; false, NULL or @fallback if it was not given. */
bool
args_has_flag(const struct args *args, const char *name);

const char *
args_text(const struct args *args, const char *name);

/* A name that a shell made of '*.example.com' (it begins with "_."). Return: -1 with ERROR_USAGE. */
int
args_refuse_expanded(const char *name, struct error *err);

#endif
