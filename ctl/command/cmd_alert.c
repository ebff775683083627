/* alert test: a message now, and what the destination says about it. */
#include "ctl/command/cmd.h"
#include "ctl/present/output.h"

#include <string.h>

static void
alert_item(struct output *output, struct json_object *item)
{
	fprintf(output->ctl->out, "sent to %s%s%s\n", ctl_text_at(item, "endpoint"),
		*ctl_text_at(item, "answer") ? "; answer: " : "", ctl_text_at(item, "answer"));
}

static const struct view view_alert = { VIEW_OBJECT, alert_item, NULL };

int
cmd_alert(struct ctl *ctl, struct args *args, struct error *err)
{
	struct json_object *params;

	if (args->words.count != 2 || strcmp(args->words.items[0], "test") != 0)
		return error_set(err, ERROR_USAGE, "alert: write 'certctl alert test NAME'");
	params = json_object_new_object();
	json_add_string(params, "ref", args->words.items[1]);
	return output_call(ctl, args->command->method, params, &view_alert, NULL, err);
}
