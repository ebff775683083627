/* ctl/command/declare.h: functions that several declaring commands share. */
#ifndef CTL_COMMAND_DECLARE_H
#define CTL_COMMAND_DECLARE_H

#include "ctl/command/args.h"
#include "ctl/present/output.h"

/* Prints "provider 'le' is registered: ...", "auto 'www' has a certificate until ...", ... */
extern const struct view view_ready;

/* Waits until @object of args->resource (a new provider or auto-certificate) is ready, and shows it. */
int
declare_wait_new(struct ctl *ctl, struct args *args, struct json_object *object, struct error *err);

#endif
