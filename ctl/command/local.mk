# ctl/command: the command line and the commands.
libctl_a_SOURCES += \
	ctl/command/args.c ctl/command/args.h \
	ctl/command/cmd.h \
	ctl/command/cmd_alert.c \
	ctl/command/cmd_apply.c \
	ctl/command/cmd_audit.c \
	ctl/command/cmd_ct.c \
	ctl/command/cmd_authorize.c \
	ctl/command/cmd_backup.c \
	ctl/command/cmd_check.c \
	ctl/command/cmd_consumer.c \
	ctl/command/cmd_declare.c \
	ctl/command/cmd_dns.c \
	ctl/command/cmd_dump.c \
	ctl/command/cmd_env.c \
	ctl/command/cmd_events.c \
	ctl/command/cmd_explain.c \
	ctl/command/cmd_export.c ctl/command/cmd_forecast.c \
	ctl/command/cmd_import.c \
	ctl/command/cmd_list.c \
	ctl/command/cmd_migrate.c \
	ctl/command/cmd_provider_file.c \
	ctl/command/cmd_ready.c \
	ctl/command/cmd_rehearse.c \
	ctl/command/cmd_reissue.c \
	ctl/command/cmd_read.c \
	ctl/command/cmd_watch.c \
	ctl/command/command.c ctl/command/command.h \
	ctl/command/commands.c ctl/command/commands.h \
	ctl/command/complete.c \
	ctl/command/ctl_run.c ctl/command/ctl_run.h \
	ctl/command/declare.h \
	ctl/command/help.c ctl/command/help.h \
	ctl/command/options.c ctl/command/options.h \
	ctl/command/values.c ctl/command/values.h \
	ctl/command/wait.c ctl/command/wait.h
