/*
 * Kind command: runs a program, without a shell. It gets the message as JSON on its standard input, and its members in
 * environment variables. Status 0 means that the message was delivered.
 */
#include "daemon/alert/alert_kind.h"

#include "common/strlist.h"
#include "daemon/base/hook.h"

static const char *const command_settings[] = { "command", NULL };

static int
alert_command_check(const struct alert *a, struct error *err)
{
	if (a->command.count == 0)
		return error_set_field(err, "command", "kind command requires the program to run");
	if (a->command.items[0][0] != '/')
		return error_set_field(err, "command",
			"must be the absolute path of the program, which is run without a shell and without a search "
			"path");
	if (hook_check(a->command.items[0], err) < 0) {
		if (err)
			str_replace(&err->field, "command");
		return -1;
	}
	return 0;
}

static char *
alert_command_endpoint(const struct alert *a)
{
	return xstrdup(a->command.items[0]);
}

const struct alert_kind alert_kind_command = {
	.name = "command",
	.settings = command_settings,
	.check = alert_command_check,
	.endpoint = alert_command_endpoint,
};
