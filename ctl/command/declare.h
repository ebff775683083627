/* ctl/command/declare.h: what commands that declare something have in common. */
#ifndef CTL_COMMAND_DECLARE_H
#define CTL_COMMAND_DECLARE_H

#include "ctl/command/args.h"
#include "ctl/present/output.h"

/* "provider 'le' is registered: ...", "auto 'www' has a certificate until ...", ... */
extern const struct view view_ready;

/* Waits until @object of args->resource (a provider or auto-certificate that was just made) is ready, and shows it. */
int
declare_wait_new(struct ctl *ctl, struct args *args, struct json_object *object, struct error *err);

#endif
