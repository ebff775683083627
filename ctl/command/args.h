/*
 * ctl/command/args.h: a command line, read by the tables: options of a command are fields of the API, so that a new field is
 * a new option with help, completion and man page.
 */
#ifndef CTL_COMMAND_ARGS_H
#define CTL_COMMAND_ARGS_H

#include "common/strlist.h"
#include "ctl/base/ctl.h"

struct args;

/* Which fields of the API become options. */
enum options_from {
	OPTIONS_NONE,
	OPTIONS_CREATE, /* properties of .resource */
	OPTIONS_PARAMS, /* parameters of .method */
	OPTIONS_LIST,   /* parameters of the noun's list method */
	OPTIONS_UPDATE  /* properties of the noun that can be changed */
};

enum command_flag {
	COMMAND_NOUN = 1,        /* the first word is a resource */
	COMMAND_NAME = 2,        /* then a name */
	COMMAND_NAMES = 4,       /* then one or more names */
	COMMAND_OPTIONAL = 8,    /* noun and name may be left out */
	COMMAND_WORDS = 16,      /* any words: the command looks at them itself */
	COMMAND_CERTIFICATE = 32 /* the first word is a certificate, or an auto-certificate */
};

struct command {
	const char *name;
	const char *words; /* how words are written in the usage line; or NULL */
	const char *help;  /* one line */
	enum options_from from;
	unsigned flags; /* enum command_flag */
	enum api_resource_id resource;
	enum api_method_id method;
	const struct api_field *own; /* options of certctl's own for it; or NULL */
	int (*run)(struct ctl *ctl, struct args *args, struct error *err);
	const char *notes; /* more help, lines; or NULL */
};

struct option {
	char *name; /* without "--"; owned */
	const struct api_field *field;
	const struct api_field *parent; /* API_OBJECT that the field is in; or NULL */
	bool is_own;                    /* certctl's own: goes to args.own */
	bool is_negation;               /* --no-X */
};

struct options {
	struct option *items; /* owned */
	size_t count;
};

void
options_clear(struct options *options);

/* Of @command (NULL: only the global ones) for @resource (the noun; NULL: not known). */
void
options_of(const struct command *command, const struct api_resource *resource, struct options *ret);

/* Does it take a value? */
bool
option_has_value(const struct option *option);

struct args {
	const struct command *command;       /* NULL: none was given */
	const struct api_resource *resource; /* the noun's or the command's; or NULL */
	struct json_object *values;          /* parameters or properties; owned */
	struct json_object *own;             /* certctl's own options by field name; owned */
	struct strlist words;                /* names, after the noun */
};

/*
 * args_read() - read argv (argv[0] is the program)
 * ERROR_USAGE with what is nearest, what is missing, or the hint that the shell expanded a name.
 */
int
args_read(struct args *args, int argc, char **argv, struct error *err);

void
args_clear(struct args *args);

/* Own options; false, NULL or @fallback if it was not given. */
bool
args_flag(const struct args *args, const char *name);

const char *
args_text(const struct args *args, const char *name);

/* A name that a shell made of '*.example.com' (it begins with "_."). Return: -1 with ERROR_USAGE. */
int
args_refuse_expanded(const char *name, struct error *err);

/* What every command has: --socket, --output, --help, --version. */
extern const struct api_field args_global[];

/* The field's option without "--", as in args; owned by the caller. */
char *
option_name(const struct api_field *field);

#endif
