/*
 * ctl/command/options.h: options of a command are fields of the API, so that a new field is a new option with help,
 * completion and man page.
 */
#ifndef CTL_COMMAND_OPTIONS_H
#define CTL_COMMAND_OPTIONS_H

#include "ctl/command/command.h"

struct option {
	char *name; /* without "--"; owned */
	const struct api_field *field;
	const struct api_field *parent; /* the API_OBJECT that contains the field; or NULL */
	bool is_own;                    /* certctl's own: stored in args.own */
	bool is_negation;               /* --no-X */
};

struct options {
	struct option *items; /* owned */
	size_t count;
};

void
options_clear(struct options *options);

/* Of @command (NULL: only the global ones) for @resource (the noun; NULL: unknown). */
void
options_of(const struct command *command, const struct api_resource *resource, struct options *ret);

/*
 * The option with this name, or the only one that begins with it (as with getopt_long(3)); NULL: there is none, or it
 * is ambiguous. Borrowed.
 */
const struct option *
options_find(const struct options *options, const char *name);

/* The option that the letter stands for: -f is --file, or --follow in a command without files. NULL: none. Borrowed. */
const struct option *
options_short(const struct options *options, char letter);

/* Does it take a value? */
bool
option_has_value(const struct option *option);

/* The global options: --socket, --output, --help, --version. */
extern const struct api_field args_global[];

/* The field's option without "--", as in args; owned by the caller. */
char *
option_name(const struct api_field *field);

#endif
