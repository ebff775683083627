/* ctl/command/values.h: text of the command line to values of the API. */
#ifndef CTL_COMMAND_VALUES_H
#define CTL_COMMAND_VALUES_H

#include "ctl/command/options.h"

/*
 * value_set() - convert @text and add it to @values at the place of @option's field
 * Lists grow with each use. "" is null (for changes), or an empty list. For secrets, @text is a file name.
 * Errors name the option. @text NULL: an option without a value.
 */
int
value_set(struct json_object *values, const struct option *option, const char *text, struct error *err);

#endif
