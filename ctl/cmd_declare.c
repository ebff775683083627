/* add-*, set, rm: declarations. Adding waits until what was declared is there. */
#include "common/timefmt.h"
#include "ctl/commands.h"
#include "ctl/declare.h"
#include "ctl/output.h"
#include "ctl/text.h"
#include "ctl/tsig_file.h"
#include "ctl/wait.h"

#include <stdlib.h>

/* --- what came of it --- */

static void
print_validity(struct output *output, struct json_object *item)
{
	_cleanup_buf_ struct buf when = BUF_INIT;

	text_relative(&when, ctl_time_at(item, "metadata.notAfter"), ctl_now(output->ctl));
	fprintf(output->ctl->out, "auto '%s' has a certificate until %s (%s); files in %s\n",
		ctl_text_at(item, "properties.name"), ctl_text_at(item, "metadata.notAfter"), buf_str(&when),
		ctl_text_at(item, "metadata.dropDirectory"));
}

static void
print_account(struct output *output, struct json_object *item)
{
	const char *note = ctl_text_at(item, "metadata.message");

	fprintf(output->ctl->out, "provider '%s' is registered: %s%s%s\n",
		ctl_text_at(item, "properties.name"), ctl_text_at(item, "metadata.accountUrl"),
		*note ? "; " : "", note);
}

static void
ready_item(struct output *output, struct json_object *item)
{
	const char *name = ctl_text_at(item, "properties.name");

	if (output->resource == &api_resources[API_AUTOCERTIFICATE])
		print_validity(output, item);
	else if (output->resource == &api_resources[API_PROVIDER])
		print_account(output, item);
	else
		fprintf(output->ctl->out, "%s '%s' is declared\n", output->resource->cli, name);
}

static void
declared_item(struct output *output, struct json_object *item)
{
	fprintf(output->ctl->out, "%s '%s' is declared; certd is at work (certctl show %s %s)\n",
		output->resource->cli, ctl_text_at(item, "properties.name"), output->resource->cli,
		ctl_text_at(item, "properties.name"));
}

static void
changed_item(struct output *output, struct json_object *item)
{
	_cleanup_buf_ struct buf when = BUF_INIT;
	const char *next = ctl_text_at(item, "metadata.nextAction");

	fprintf(output->ctl->out, "%s '%s' is changed", output->resource->cli,
		ctl_text_at(item, "properties.name"));
	if (*next) {
		text_relative(&when, ctl_time_at(item, "metadata.nextDate"), ctl_now(output->ctl));
		fprintf(output->ctl->out, "; next: %s %s", next, buf_str(&when));
	}
	fputc('\n', output->ctl->out);
}

static void
removed_item(struct output *output, struct json_object *item)
{
	fprintf(output->ctl->out, "%s '%s' is removed\n", output->resource->cli, ctl_text_at(item, "name"));
}

const struct view view_ready = { VIEW_OBJECT, ready_item, NULL };
static const struct view view_declared = { VIEW_OBJECT, declared_item, NULL };
static const struct view view_changed = { VIEW_OBJECT, changed_item, NULL };
static const struct view view_removed = { VIEW_STREAM, removed_item, NULL };

/* --- waiting for it --- */

static void
hint_it_goes_on(struct ctl *ctl, const struct api_resource *resource, const char *name)
{
	bool is_auto = resource == &api_resources[API_AUTOCERTIFICATE];

	free(ctl->hint);
	ctl->hint = is_auto ? xasprintf(
				      "'%s' stays declared and certd goes on trying; see: certctl explain %s",
				      name, name)
			    : xasprintf("'%s' stays declared and certd goes on trying; mend it with: certctl "
					"set %s %s",
				      name, resource->cli, name);
}

/* Runs @wait to its end and shows the object as it is then. */
static int
finish(struct wait *wait, const struct api_resource *resource, struct json_object *object, struct error *err)
{
	_cleanup_json_ struct json_object *after = NULL;

	if (resource == &api_resources[API_AUTOCERTIFICATE])
		wait->explain = ctl_text_at(object, "id");
	if (wait_run(wait, err) < 0) {
		hint_it_goes_on(wait->ctl, resource, ctl_text_at(object, "properties.name"));
		return -1;
	}
	if (ctl_get(wait->ctl, resource, ctl_text_at(object, "id"), &after, err) < 0)
		return -1;
	output_object(wait->ctl, &view_ready, resource, after);
	return 0;
}

int
declare_wait_new(struct ctl *ctl, struct args *args, struct json_object *object, struct error *err)
{
	struct wait wait;
	int rc = args->resource == &api_resources[API_PROVIDER] ? wait_init_account(&wait, ctl, args, err)
								: wait_init_issue(&wait, ctl, args, err);

	if (rc == 0)
		rc = wait_subscribe(&wait, ctl_text_at(object, "id"), 0, err);
	if (rc == 0)
		rc = finish(&wait, args->resource, object, err);
	wait_clear(&wait);
	return rc;
}

/* --- commands --- */

int
cmd_add(struct ctl *ctl, struct args *args, struct error *err)
{
	const struct command *command = args->command;
	_cleanup_json_ struct json_object *object = NULL;
	struct json_object *params = json_object_new_object();

	json_object_object_add(params, "properties", json_object_get(args->values));
	if (command->resource == API_DNSPROVIDER && tsig_file_apply(args->values, err) < 0) {
		json_object_put(params);
		return -1;
	}
	if (ctl_call(ctl, command->method, params, &object, err) < 0)
		return -1;
	if (command->own && !args_flag(args, "noWait"))
		return declare_wait_new(ctl, args, object, err);
	output_object(ctl, command->own ? &view_declared : &view_ready, args->resource, object);
	return 0;
}

/* Alone on standard output, so that it can be put into a file: it is told this once. */
static void
token_item(struct output *output, struct json_object *item)
{
	fprintf(output->ctl->out, "%s\n", ctl_text_at(item, "metadata.token"));
	fprintf(output->ctl->err, "certctl: this is the only time that the token '%s' is shown\n",
		ctl_text_at(item, "properties.name"));
}

static const struct view view_token = { VIEW_OBJECT, token_item, NULL };

int
cmd_add_token(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct json_object *params = json_object_new_object();

	json_object_object_add(params, "properties", json_object_get(args->values));
	if (ctl_call(ctl, args->command->method, params, &object, err) < 0)
		return -1;
	output_object(ctl, &view_token, args->resource, object);
	return 0;
}

int
cmd_renew(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *before = NULL;
	_cleanup_json_ struct json_object *object = NULL;
	struct wait wait;
	int rc;

	if (args_flag(args, "noWait")) {
		if (ctl_call(ctl, args->command->method, json_object_get(args->values), &object, err) < 0)
			return -1;
		output_object(ctl, &view_changed, args->resource, object);
		return 0;
	}
	if (ctl_get(ctl, args->resource, args->words.items[0], &before, err) < 0)
		return -1;
	rc = wait_init_issue(&wait, ctl, args, err);
	if (rc == 0)
		rc = wait_subscribe(&wait, ctl_text_at(before, "id"), -1, err);
	if (rc == 0)
		rc = ctl_call(ctl, args->command->method, json_object_get(args->values), &object, err);
	if (rc == 0)
		rc = finish(&wait, args->resource, object, err);
	wait_clear(&wait);
	return rc;
}

int
cmd_pause(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *object = NULL;

	if (ctl_call(ctl, args->command->method, json_object_get(args->values), &object, err) < 0)
		return -1;
	output_object(ctl, &view_changed, args->resource, object);
	return 0;
}

static int
no_such_verb(const struct args *args, struct error *err)
{
	return args->resource == &api_resources[API_TOKEN]
		       ? error_set(err, ERROR_USAGE, "%s: a token cannot be changed; make another one",
				 args->command->name)
		       : error_set(err, ERROR_USAGE, "%s: %ss come and go by themselves", args->command->name,
				 args->resource->cli);
}

int
cmd_set(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct json_object *params;
	enum api_method_id method;

	if (!api_method_of(args->resource, API_UPDATE, &method))
		return no_such_verb(args, err);
	if (json_object_object_length(args->values) == 0)
		return error_set(err, ERROR_USAGE, "set: change what? See: certctl set %s --help",
			args->resource->cli);
	if (args->resource == &api_resources[API_DNSPROVIDER] && tsig_file_apply(args->values, err) < 0)
		return -1;
	params = json_object_new_object();
	json_add_string(params, "ref", args->words.items[0]);
	json_object_object_add(params, "properties", json_object_get(args->values));
	if (ctl_call(ctl, method, params, &object, err) < 0)
		return -1;
	output_object(ctl, &view_changed, args->resource, object);
	return 0;
}

static int
remove_one(struct ctl *ctl, struct output *output, enum api_method_id method, const char *name,
	struct error *err)
{
	struct json_object *params = json_object_new_object();
	_cleanup_json_ struct json_object *result = NULL;
	_cleanup_json_ struct json_object *item = json_object_new_object();

	json_add_string(params, "ref", name);
	if (ctl_call(ctl, method, params, &result, err) < 0)
		return -1;
	json_add_string(item, "type", output->resource->type);
	json_add_string(item, "name", name);
	output_item(output, item);
	return 0;
}

int
cmd_rm(struct ctl *ctl, struct args *args, struct error *err)
{
	struct output output;
	enum api_method_id method;
	int rc = 0;

	if (!api_method_of(args->resource, API_DELETE, &method))
		return no_such_verb(args, err);
	output_start(&output, ctl, &view_removed, args->resource);
	for (size_t i = 0; rc == 0 && i < args->words.count; i++)
		rc = remove_one(ctl, &output, method, args->words.items[i], err);
	output_end(&output);
	return rc;
}
