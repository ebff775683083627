/* add-*, set, rm: declarations. Adding waits until the object is ready. */
#include "common/nearest.h"
#include "common/shell.h"
#include "ctl/base/export.h"
#include "ctl/command/cmd.h"
#include "ctl/command/declare.h"
#include "ctl/command/options.h"
#include "ctl/command/wait.h"
#include "ctl/declare/tsig_file.h"
#include "ctl/present/output.h"
#include "ctl/present/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- what came of it --- */

static void
declare_print_reasons(struct output *output, struct json_object *reasons)
{
	for (size_t i = 0; reasons && i < json_object_array_length(reasons); i++)
		fprintf(output->ctl->out, "  %s\n", json_object_get_string(json_object_array_get_idx(reasons, i)));
}

static void
declare_print_validity(struct output *output, struct json_object *item)
{
	_cleanup_buf_ struct buf when = BUF_INIT;

	text_relative(&when, ctl_time_at(item, "metadata.notAfter"), ctl_now(output->ctl));
	fprintf(output->ctl->out, "auto '%s' has a certificate until %s (%s); files in %s\n",
		ctl_text_at(item, "properties.name"), ctl_text_at(item, "metadata.notAfter"), buf_str(&when),
		ctl_text_at(item, "metadata.dropDirectory"));
	declare_print_reasons(output, ctl_array_at(item, "effect.reasons"));
}

static void
declare_print_account(struct output *output, struct json_object *item)
{
	const char *note = ctl_text_at(item, "metadata.message");

	fprintf(output->ctl->out, "provider '%s' is registered: %s%s%s\n", ctl_text_at(item, "properties.name"),
		ctl_text_at(item, "metadata.accountUrl"), *note ? "; " : "", note);
}

/* An account that certd has registered works only after this. */
static void
declare_print_target(struct output *output, struct json_object *item)
{
	const char *target = ctl_text_at(item, "metadata.challengeTarget");
	_cleanup_free_ char *check = shell_certctl("check-dns", ctl_text_at(item, "properties.name"), "NAME");

	if (!*target)
		return;
	fprintf(output->ctl->out, "  an account was registered; for each name, publish once:\n");
	fprintf(output->ctl->out, "  _acme-challenge.NAME. CNAME %s.\n  to test it: %s\n", target, check);
}

static void
declare_ready_item(struct output *output, struct json_object *item)
{
	const char *name = ctl_text_at(item, "properties.name");

	if (output->resource == &api_resources[API_AUTOCERTIFICATE])
		declare_print_validity(output, item);
	else if (output->resource == &api_resources[API_PROVIDER])
		declare_print_account(output, item);
	else
		fprintf(output->ctl->out, "%s '%s' is declared\n", output->resource->cli, name);
	declare_print_target(output, item);
}

static void
declare_declared_item(struct output *output, struct json_object *item)
{
	const char *name = ctl_text_at(item, "properties.name");
	_cleanup_free_ char *word = shell_word(name);

	fprintf(output->ctl->out, "%s '%s' is declared; certd is working on it (certctl show %s %s)\n",
		output->resource->cli, name, output->resource->cli, word);
}

static void
declare_possible_item(struct output *output, struct json_object *item)
{
	fprintf(output->ctl->out, "%s '%s' is valid; nothing was changed\n", output->resource->cli,
		ctl_text_at(item, "properties.name"));
	declare_print_reasons(output, ctl_array_at(item, "effect.reasons"));
}

/* "causes reissue", and a line with the reason for each property. */
static void
declare_print_effect(struct output *output, struct json_object *item)
{
	struct json_object *reasons = ctl_array_at(item, "effect.reasons");
	const char *action = ctl_text_at(item, "effect.action");

	if (*action)
		fprintf(output->ctl->out, "; causes: %s", action);
	fputc('\n', output->ctl->out);
	declare_print_reasons(output, reasons);
}

/* The answers of update contain an effect, and that of a declaration that adopts a certificate. */
static bool
declare_is_changed(struct json_object *item)
{
	struct json_object *effect = ctl_at(item, "effect");

	return !effect || ctl_count_at(effect, "changed") > 0;
}

static void
declare_changed_item(struct output *output, struct json_object *item)
{
	_cleanup_buf_ struct buf when = BUF_INIT;
	const char *next = ctl_text_at(item, "metadata.nextAction");

	fprintf(output->ctl->out, "%s '%s' %s", output->resource->cli, ctl_text_at(item, "properties.name"),
		!declare_is_changed(item)                         ? "is unchanged"
		: json_object_get_boolean(ctl_at(item, "dryRun")) ? "would be changed"
								  : "is changed");
	if (*next && declare_is_changed(item)) {
		text_relative(&when, ctl_time_at(item, "metadata.nextDate"), ctl_now(output->ctl));
		fprintf(output->ctl->out, "; next: %s %s", next, buf_str(&when));
	}
	declare_print_effect(output, item);
}

static void
declare_removed_item(struct output *output, struct json_object *item)
{
	fprintf(output->ctl->out, "%s '%s' %s\n", output->resource->cli, ctl_text_at(item, "name"),
		json_object_get_boolean(ctl_at(item, "dryRun")) ? "can be removed" : "is removed");
	if (json_object_get_boolean(ctl_at(item, "dryRun")))
		declare_print_reasons(output, ctl_array_at(item, "effect.reasons"));
}

const struct view view_ready = { VIEW_OBJECT, declare_ready_item, NULL };
static const struct view view_declared = { VIEW_OBJECT, declare_declared_item, NULL };
static const struct view view_possible = { VIEW_OBJECT, declare_possible_item, NULL };
static const struct view view_changed = { VIEW_OBJECT, declare_changed_item, NULL };
static const struct view view_removed = { VIEW_STREAM, declare_removed_item, NULL };

/* --- waiting for it --- */

static void
declare_hint_it_goes_on(struct ctl *ctl, const struct api_resource *resource, const char *name)
{
	_cleanup_free_ char *before = xasprintf("explain %s", resource->cli);
	_cleanup_free_ char *explain = shell_certctl(before, name, NULL);

	free(ctl->hint);
	ctl->hint = xasprintf("'%s' stays declared and certd keeps retrying; see: %s", name, explain);
}

/* Runs @wait to its end. @ret: the object at that time. */
static int
declare_wait_run(struct wait *wait, const struct api_resource *resource, struct json_object *object,
	struct json_object **ret, struct error *err)
{
	if (resource == &api_resources[API_AUTOCERTIFICATE])
		wait->explain = ctl_text_at(object, "id");
	if (wait_run(wait, err) < 0) {
		declare_hint_it_goes_on(wait->ctl, resource, ctl_text_at(object, "properties.name"));
		return -1;
	}
	return ctl_get(wait->ctl, resource, ctl_text_at(object, "id"), ret, err);
}

/* The same for the auto-certificate with the second key, if there is one: its events after the number @since. */
static int
declare_wait_variant(
	struct wait *wait, const struct api_resource *resource, const char *id, int64_t since, struct error *err)
{
	_cleanup_json_ struct json_object *variant = NULL, *after = NULL;

	if (!*id)
		return 0;
	if (ctl_get(wait->ctl, resource, id, &variant, err) < 0 || wait_subscribe(wait, id, since, err) < 0)
		return -1;
	return declare_wait_run(wait, resource, variant, &after, err);
}

/* Runs @wait to its end and shows the object's state at that time. */
static int
declare_finish(struct wait *wait, const struct api_resource *resource, struct json_object *object, int64_t since,
	struct error *err)
{
	_cleanup_json_ struct json_object *after = NULL;

	if (declare_wait_run(wait, resource, object, &after, err) < 0 ||
		declare_wait_variant(wait, resource, ctl_text_at(after, "metadata.variant"), since, err) < 0)
		return -1;
	output_object(wait->ctl, &view_ready, resource, after);
	return 0;
}

static int
declare_wait_init(struct wait *wait, struct ctl *ctl, const struct args *args, struct error *err)
{
	return args->resource == &api_resources[API_PROVIDER] ? wait_init_account(wait, ctl, args, err)
							      : wait_init_issue(wait, ctl, args, err);
}

int
declare_wait_new(struct ctl *ctl, struct args *args, struct json_object *object, struct error *err)
{
	_cleanup_wait_ struct wait wait;

	return declare_wait_init(&wait, ctl, args, err) < 0 ||
			       wait_subscribe(&wait, ctl_text_at(object, "id"), 0, err) < 0
		       ? -1
		       : declare_finish(&wait, args->resource, object, 0, err);
}

/* --- commands --- */

/* Is the object usable only after further work? Not if it has adopted a certificate. */
static bool
declare_is_waited_for(const struct command *command, struct json_object *object)
{
	return command->resource == API_PROVIDER ||
	       (command->resource == API_AUTOCERTIFICATE && !ctl_at(object, "metadata.lastIssuedCertificate"));
}

int
cmd_add(struct ctl *ctl, struct args *args, struct error *err)
{
	const struct command *command = args->command;
	_cleanup_json_ struct json_object *object = NULL;
	struct json_object *params = json_object_new_object();

	json_object_object_add(params, "properties", json_object_get(args->values));
	args_pass_flag(args, "dryRun", params);
	args_pass_flag(args, "force", params);
	if (command->resource == API_DNSPROVIDER && tsig_file_apply(args->values, err) < 0) {
		json_object_put(params);
		return -1;
	}
	if (ctl_call(ctl, command->method, params, &object, err) < 0)
		return -1;
	if (args_has_flag(args, "dryRun")) {
		output_object(ctl, &view_possible, args->resource, object);
		return 0;
	}
	if (declare_is_waited_for(command, object) && !args_has_flag(args, "noWait"))
		return declare_wait_new(ctl, args, object, err);
	output_object(
		ctl, declare_is_waited_for(command, object) ? &view_declared : &view_ready, args->resource, object);
	return 0;
}

/* Nothing else is on standard output, so that it can be redirected to a file: certd shows the token only once. */
static void
declare_token_item(struct output *output, struct json_object *item)
{
	fprintf(output->ctl->out, "%s\n", ctl_text_at(item, "metadata.token"));
	fprintf(output->ctl->err, "certctl: the token '%s' is shown only this once\n",
		ctl_text_at(item, "properties.name"));
}

static const struct view view_token = { VIEW_OBJECT, declare_token_item, NULL };

int
cmd_add_token(struct ctl *ctl, struct args *args, struct error *err)
{
	struct json_object *params = json_object_new_object();

	json_object_object_add(params, "properties", json_object_get(args->values));
	return output_call(ctl, args->command->method, params, &view_token, args->resource, err);
}

int
cmd_renew(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *before = NULL;
	_cleanup_json_ struct json_object *object = NULL;
	_cleanup_wait_ struct wait wait = { .ctl = NULL };

	if (args_has_flag(args, "noWait"))
		return cmd_pause(ctl, args, err);
	return ctl_get(ctl, args->resource, args->words.items[0], &before, err) < 0 ||
			       declare_wait_init(&wait, ctl, args, err) < 0 ||
			       wait_subscribe(&wait, ctl_text_at(before, "id"), -1, err) < 0 ||
			       wait_call(&wait, args->command->method, json_object_get(args->values), &object, err) < 0
		       ? -1
		       : declare_finish(&wait, args->resource, object, wait.since, err);
}

int
cmd_pause(struct ctl *ctl, struct args *args, struct error *err)
{
	return output_call(
		ctl, args->command->method, json_object_get(args->values), &view_changed, args->resource, err);
}

int
cmd_revoke(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *cert = NULL;

	if (export_find(ctl, args->words.items[0], &cert, err) < 0)
		return -1;
	json_object_object_del(args->values, "ref");
	json_put(args->values, "ref", true, json_object_get(ctl_at(cert, "id")));
	return cmd_pause(ctl, args, err);
}

/* The name is that of an auto-certificate, else that of an imported certificate. */
int
cmd_rollback(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_error_ struct error why = ERROR_INIT;

	if (cmd_pause(ctl, args, err) == 0)
		return 0;
	if (err->code != ERROR_NOT_FOUND)
		return -1;
	if (output_call(ctl, RPC_CERTIFICATE_ROLLBACK, json_object_get(args->values), &view_changed,
		    &api_resources[API_CERTIFICATE], &why) < 0) {
		if (why.code != ERROR_NOT_FOUND)
			error_move(err, &why);
		return -1;
	}
	error_clear(err);
	return 0;
}

static int
declare_no_such_verb(const struct args *args, struct error *err)
{
	return args->resource == &api_resources[API_TOKEN]
		       ? error_set(err, ERROR_USAGE, "%s: a token cannot be changed; create another one",
				 args->command->name)
		       : error_set(err, ERROR_USAGE, "%s: certd creates and deletes each %s itself",
				 args->command->name, args->resource->cli);
}

/* --unset: sends null for the property, given by its option or its own name. */
static int
declare_unset(struct args *args, const char *word, struct error *err)
{
	struct options options;
	const struct option *found;
	_cleanup_free_ const char **names = NULL;
	const char *nearest;

	options_of(args->command, args->resource, &options);
	names = xcalloc(options.count, sizeof(*names));
	found = options_find(&options, word);
	for (size_t i = 0; i < options.count; i++) {
		names[i] = options.items[i].name;
		if (!found && strcmp(options.items[i].field->name, word) == 0)
			found = &options.items[i];
	}
	if (found && (found->is_own || found->is_negation))
		found = NULL;
	if (found)
		json_object_object_add(args->values, found->parent ? found->parent->name : found->field->name, NULL);
	nearest = nearest_word(word, names, options.count);
	if (!found)
		error_set(err, ERROR_USAGE, "--unset: unknown option '%s'%s%s%s", word,
			nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	options_clear(&options);
	return found ? 0 : -1;
}

static int
declare_unset_all(struct args *args, struct error *err)
{
	struct json_object *list = NULL;

	json_object_object_get_ex(args->own, "unset", &list);
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (declare_unset(args, json_object_get_string(json_object_array_get_idx(list, i)), err) < 0)
			return -1;
	return 0;
}

/* "It is still in use. Do it all the same? [y/N]" */
static bool
declare_is_confirmed(struct ctl *ctl, const struct error *err)
{
	char answer[16] = "";

	if (!ctl->is_terminal || !isatty(STDIN_FILENO))
		return false;
	fprintf(ctl->err, "certctl: %s\nDo it all the same? [y/N] ", err->message);
	fflush(ctl->err);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* A change that certd refuses without "force" is repeated with it if the user at the terminal says yes. */
static int
declare_call_asking(struct ctl *ctl, enum api_method_id method, struct json_object *params, struct json_object **ret,
	struct error *err)
{
	_cleanup_json_ struct json_object *again = NULL;

	json_object_deep_copy(params, &again, NULL);
	if (ctl_call(ctl, method, params, ret, err) == 0)
		return 0;
	if (err->code != ERROR_IN_USE || !api_field_find(api_methods[method].params, "force") ||
		!declare_is_confirmed(ctl, err))
		return -1;
	error_clear(err);
	json_add_bool(again, "force", true);
	return ctl_call(ctl, method, json_object_get(again), ret, err);
}

int
cmd_set(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct json_object *params;
	enum api_method_id method;

	if (!api_method_of(args->resource, API_UPDATE, &method))
		return declare_no_such_verb(args, err);
	if (declare_unset_all(args, err) < 0)
		return -1;
	if (json_object_object_length(args->values) == 0)
		return error_set(err, ERROR_USAGE, "set: a property is required");
	if (args->resource == &api_resources[API_DNSPROVIDER] && tsig_file_apply(args->values, err) < 0)
		return -1;
	params = json_object_new_object();
	json_add_string(params, "ref", args->words.items[0]);
	json_object_object_add(params, "properties", json_object_get(args->values));
	args_pass_flag(args, "dryRun", params);
	args_pass_flag(args, "force", params);
	if (declare_call_asking(ctl, method, params, &object, err) < 0)
		return -1;
	output_object(ctl, &view_changed, args->resource, object);
	return 0;
}

static int
declare_remove_one(struct ctl *ctl, struct output *output, enum api_method_id method, const char *name,
	const struct args *args, struct error *err)
{
	struct json_object *params = json_object_new_object();
	_cleanup_json_ struct json_object *result = NULL;
	_cleanup_json_ struct json_object *item = json_object_new_object();

	json_add_string(params, "ref", name);
	args_pass_flag(args, "dryRun", params);
	args_pass_flag(args, "withCertificates", params);
	args_pass_flag(args, "force", params);
	if (declare_call_asking(ctl, method, params, &result, err) < 0)
		return -1;
	json_add_string(item, "type", output->resource->type);
	json_add_string(item, "name", name);
	args_pass_flag(args, "dryRun", item);
	if (ctl_at(result, "effect"))
		json_object_object_add(item, "effect", json_object_get(ctl_at(result, "effect")));
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
		return declare_no_such_verb(args, err);
	output_start(&output, ctl, &view_removed, args->resource);
	for (size_t i = 0; rc == 0 && i < args->words.count; i++)
		rc = declare_remove_one(ctl, &output, method, args->words.items[i], args, err);
	output_end(&output);
	return rc;
}
