/* ctl/command/values.h: text of the command line to values of the API. */
#ifndef CTL_COMMAND_VALUES_H
#define CTL_COMMAND_VALUES_H

#include "ctl/command/options.h"

/*
 * value_set() - puts @text into @values where @option's field belongs
 * Lists grow with each mention. "" is null (for changes), or an empty list. Secrets: @text is a file's name.
 * Errors name the option. @text NULL: an option without a value.
 */
int
value_set(struct json_object *values, const struct option *option, const char *text, struct error *err);

#endif
