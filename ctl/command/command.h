/*
 * ctl/command/command.h: what a command is. The table of commands (commands.h) is passed to the parser, help and
 * completion as an argument, because commands call those in turn.
 */
#ifndef CTL_COMMAND_COMMAND_H
#define CTL_COMMAND_COMMAND_H

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
	COMMAND_NOUN = 1,         /* the first word is a resource */
	COMMAND_NAME = 2,         /* then a name */
	COMMAND_NAMES = 4,        /* then one or more names */
	COMMAND_OPTIONAL = 8,     /* noun and name may be left out */
	COMMAND_WORDS = 16,       /* any words, checked by the command itself */
	COMMAND_CERTIFICATE = 32, /* the first word is a certificate, or an auto-certificate */
	COMMAND_EACH = 64,        /* runs once for each name */
	COMMAND_CLIENT = 128,     /* the first word may be another ACME client */
	COMMAND_ANY = 256         /* the noun may be left out: the name is looked for among all kinds */
};

struct command {
	const char *name;
	const char *words; /* the words in the usage line; or NULL */
	const char *help;  /* one line */
	enum options_from from;
	unsigned flags; /* enum command_flag */
	enum api_resource_id resource;
	enum api_method_id method;
	const struct api_field *own; /* certctl's own options for it; or NULL */
	int (*run)(struct ctl *ctl, struct args *args, struct error *err);
	const char *notes; /* more lines of help; or NULL */
	const char *also;  /* words of other programs for it, separated by blanks; or NULL */
	const char *bare;  /* the option that a word without an option is probably meant for; or NULL */
};

/* Searches @table, which ends with a NULL name, also by the words of other programs; NULL: unknown. */
const struct command *
command_find(const struct command *table, const char *name);

/* The command that declares objects of @resource ("add auto" is add-auto); NULL: certd makes them. */
const struct command *
command_creating(const struct command *table, const struct api_resource *resource);

/* The name of the command that is most similar to @name; NULL: none is. */
const char *
command_nearest(const struct command *table, const char *name);

/* The @index-th parameter that is given without an option name; NULL: there are fewer. */
const struct api_field *
command_positional(const struct command *command, size_t index);

#endif
