/* ctl/command/cmd.h: the commands. Each runs one command line, writes results to @ctl->out, and returns errors. */
#ifndef CTL_COMMAND_CMD_H
#define CTL_COMMAND_CMD_H

#include "ctl/command/args.h"

int
cmd_add(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_add_token(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_list(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_show(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_set(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_rm(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_renew(struct ctl *ctl, struct args *args, struct error *err);

int
cmd_export_provider(struct ctl *ctl, struct args *args, struct error *err);

int
cmd_import_provider(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_pause(struct ctl *ctl, struct args *args, struct error *err);

int
cmd_revoke(struct ctl *ctl, struct args *args, struct error *err);

int
cmd_rollback(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_explain(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_status(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_reload(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_backup(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_rekey(struct ctl *ctl, struct args *args, struct error *err);
/* status --check: prints one line, sets ctl->exit_status. Return: 0. */
int
cmd_check(struct ctl *ctl);
int
cmd_ready(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_rehearse(struct ctl *ctl, struct args *args, struct error *err);

int
cmd_doctor(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_forecast(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_reissue(struct ctl *ctl, struct args *args, struct error *err);

int
cmd_schedule(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_events(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_watch(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_apply(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_dump(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_deploy(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_probe(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_audit(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_ct(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_check_dns(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_alert(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_import(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_migrate(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_export(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_env(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_exec(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_call(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_register(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_authorize(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_get(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_complete(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_version(struct ctl *ctl, struct args *args, struct error *err);
int
cmd_help(struct ctl *ctl, struct args *args, struct error *err);

#endif
