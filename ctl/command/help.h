/* ctl/command/help.h: help, generated from the tables of commands and of the API. */
#ifndef CTL_COMMAND_HELP_H
#define CTL_COMMAND_HELP_H

#include "ctl/command/command.h"

/* All commands. */
void
help_all(const struct ctl *ctl, const struct command *table);

/* One command; @resource: the given noun, or NULL. */
void
help_command(const struct ctl *ctl, const struct command *command, const struct api_resource *resource);

/* A part of certctl(1) in man(7): "commands", "servers", "exit". Return: 1, 0 unknown. */
int
help_man(FILE *out, const struct command *table, const char *part);

#endif
