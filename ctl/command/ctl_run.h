/* ctl/command/ctl_run.h: one run of certctl. */
#ifndef CTL_COMMAND_CTL_RUN_H
#define CTL_COMMAND_CTL_RUN_H

#include "ctl/base/ctl.h"

/* Runs one command line. Errors are reported on @ctl->err. Return: the exit status. */
int
ctl_run(struct ctl *ctl, int argc, char **argv);

#endif
