/* ctl/command/cmd.h: the commands. Each runs one command line, writes results to @ctl->out, and returns errors. */
#ifndef CTL_COMMAND_CMD_H
#define CTL_COMMAND_CMD_H

#include "ctl/command/args.h"

typedef int
cmd_fn(struct ctl *ctl, struct args *args, struct error *err);

cmd_fn cmd_add, cmd_add_token, cmd_list, cmd_show, cmd_set, cmd_rm, cmd_renew, cmd_export_provider, cmd_import_provider,
	cmd_pause, cmd_revoke, cmd_rollback, cmd_explain, cmd_status, cmd_reload, cmd_backup, cmd_rekey, cmd_ready,
	cmd_rehearse, cmd_doctor, cmd_forecast, cmd_reissue, cmd_schedule, cmd_events, cmd_watch, cmd_apply, cmd_dump,
	cmd_deploy, cmd_probe, cmd_audit, cmd_ct, cmd_check_dns, cmd_alert, cmd_import, cmd_migrate, cmd_export,
	cmd_env, cmd_exec, cmd_call, cmd_register, cmd_authorize, cmd_get, cmd_complete, cmd_version, cmd_help;

/* status --check: prints one line, sets ctl->exit_status. Return: 0. */
int
cmd_check(struct ctl *ctl);

#endif
