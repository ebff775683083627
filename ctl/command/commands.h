/* ctl/command/commands.h: the table of commands. */
#ifndef CTL_COMMAND_COMMANDS_H
#define CTL_COMMAND_COMMANDS_H

#include "ctl/command/command.h"

extern const struct command commands[]; /* ends with a NULL name */

#endif
