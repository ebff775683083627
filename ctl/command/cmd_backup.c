/* backup and rekey: the store as a whole, and the key that its secrets are sealed with. */
#include "ctl/base/export.h"
#include "ctl/command/cmd.h"
#include "ctl/present/output.h"

#include <stdio.h>

static long long
backup_number(struct json_object *item, const char *member)
{
	return (long long)json_object_get_int64(json_path(item, member));
}

static void
backup_read_item(struct output *output, struct json_object *item)
{
	FILE *out = output->ctl->out;

	fprintf(out, "backup written and verified: %lld providers, %lld auto-certificates, %lld certificates, %s\n",
		backup_number(item, "providers"), backup_number(item, "autoCertificates"),
		backup_number(item, "certificates"),
		json_object_get_boolean(json_path(item, "masterKey")) ? "with the master key"
								      : "without the master key");
	if (backup_number(item, "damaged"))
		fprintf(output->ctl->err, "certctl: warning: records that are damaged in the store: %lld\n",
			backup_number(item, "damaged"));
}

static const struct view view_backup = { VIEW_OBJECT, backup_read_item, NULL };

int
cmd_backup(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *result = NULL;

	if (args->words.count != 1)
		return error_set(err, ERROR_USAGE, "backup: one file is required: certctl backup FILE");
	if (export_to_file(
		    ctl, args->command->method, args->words.items[0], json_object_get(args->values), &result, err) < 0)
		return -1;
	output_object(ctl, &view_backup, NULL, result);
	return 0;
}

int
cmd_rekey(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *result = NULL;

	if (ctl_call(ctl, args->command->method, json_object_get(args->values), &result, err) < 0)
		return -1;
	if (ctl->format == FORMAT_TEXT)
		fputs("the master key is being changed; the event server.rekeyed reports the end\n", ctl->out);
	return 0;
}
