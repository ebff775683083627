/*
 * apply: declarations made equal to a file. It compares first and shows the difference; where certd alone knows
 * what is the same (an alias of a CA, a name in another spelling, a secret), certd is asked by a dry run. Then each
 * object is sent by itself: it changes as a whole or not at all, and one that is refused holds up only those that need it.
 */
#include "common/buf.h"
#include "ctl/commands.h"
#include "ctl/declaration.h"
#include "ctl/output.h"
#include "ctl/plan.h"
#include "ctl/present.h"
#include "ctl/progress.h"
#include "ctl/tsig_file.h"
#include "ctl/yaml_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FAILURES_SHOWN = 20 };

/* One run of apply. */
struct apply {
	struct ctl *ctl;
	const char *name;            /* of the file, for messages */
	char *directory;             /* that relative secrets are beside; owned */
	struct json_object *wanted;  /* declaration_check(); owned */
	struct json_object *objects; /* present_fetch(); owned */
	struct json_object *present; /* {KEY: {NAME: declared properties}}; owned */
	struct plan plan;
	size_t failed;      /* steps that certd refused */
	struct error first; /* the first refusal */
};

static void
apply_clear(struct apply *a)
{
	plan_clear(&a->plan);
	free(a->directory);
	json_object_put(a->wanted);
	json_object_put(a->objects);
	json_object_put(a->present);
	error_clear(&a->first);
}

/* --- the file --- */

static int
read_input(const char *path, struct buf *ret, struct error *err)
{
	char block[64 * 1024];
	ssize_t n;

	if (strcmp(path, "-") != 0)
		return buf_read_file(ret, AT_FDCWD, path, YAML_MAX_SIZE, err);
	while ((n = read(STDIN_FILENO, block, sizeof(block))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(err, errno, "read the standard input");
		buf_add(ret, block, (size_t)n);
		if (ret->len > YAML_MAX_SIZE)
			return error_set(err, ERROR_LIMIT, "the standard input is larger than %d octets",
				YAML_MAX_SIZE);
	}
	return 0;
}

static int
read_file(struct apply *a, const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_yaml_ struct yaml_file file = { .root = NULL };

	a->name = strcmp(path, "-") == 0 ? "standard input" : path;
	a->directory = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	if (read_input(path, &text, err) < 0)
		return -1;
	if (yaml_read(text.len ? text.data : "", text.len, &file, err) < 0 ||
		declaration_check(&file, &a->wanted, err) < 0)
		return error_wrap(err, "%s", a->name);
	return 0;
}

/* --- what there is --- */

static int
fetch(struct apply *a, struct error *err)
{
	const struct api_resource *resources[API_RESOURCE_COUNT];
	size_t count = declaration_resources(resources);

	if (present_fetch(a->ctl, &a->objects, err) < 0)
		return -1;
	a->present = json_object_new_object();
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *key = declaration_key(resources[i]);
		struct json_object *properties = json_object_new_object();
		struct json_object *objects = NULL;

		json_object_object_add(a->present, key, properties);
		json_object_object_get_ex(a->objects, key, &objects);
		json_object_object_foreach(objects, name, object) json_object_object_add(
			properties, name, present_properties(a->ctl, resources[i], object));
	}
	return 0;
}

/* --- secrets --- */

static struct json_object *
at(struct json_object *all, const char *key, const char *name)
{
	struct json_object *objects = NULL;
	struct json_object *object = NULL;

	if (!json_object_object_get_ex(all, key, &objects) ||
		!json_object_object_get_ex(objects, name, &object))
		return NULL;
	return object;
}

static bool
has_secret(struct json_object *object, const char *path)
{
	struct json_object *list = object ? ctl_at(object, "metadata.secrets") : NULL;

	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(list, i)), path) == 0)
			return true;
	return false;
}

/* Without others, the key goes with the name and algorithm that it had. */
static void
keep_tsig_labels(struct json_object *properties, struct json_object *before)
{
	static const char *const names[] = { "tsigName", "tsigAlgorithm" };

	for (size_t i = 0; before && i < ARRAY_SIZE(names); i++) {
		struct json_object *value = NULL;

		if (!json_object_object_get_ex(properties, names[i], NULL) &&
			json_object_object_get_ex(before, names[i], &value))
			json_object_object_add(properties, names[i], json_object_get(value));
	}
}

/* Puts the secrets of one object among its properties. What is missing, and not known to certd either, is told. */
static int
resolve_object(struct apply *a, const struct api_resource *resource, const char *key, const char *name,
	struct json_object *wanted, size_t *missing, struct error *err)
{
	struct json_object *properties = ctl_at(wanted, "properties");
	struct json_object *secrets = ctl_at(wanted, "secrets");
	struct json_object *object = at(a->objects, key, name);

	json_object_object_foreach(secrets, path, reference)
	{
		_cleanup_error_ struct error why = ERROR_INIT;
		struct json_object *secret = NULL;
		int found = declaration_secret(reference, a->directory, &secret, &why);

		if (found == 1) {
			declaration_put(properties, path, secret);
		} else if (found < 0) {
			error_move(err, &why);
			return error_wrap(err, "%s '%s': %s", resource->noun, name, path);
		} else if (!has_secret(object, path)) {
			fprintf(a->ctl->err, "certctl: %s '%s': %s is missing: %s\n", resource->noun, name,
				path, why.message);
			++*missing;
		}
	}
	if (resource != &api_resources[API_DNSPROVIDER])
		return 0;
	if (tsig_file_apply(properties, err) < 0)
		return error_wrap(err, "%s '%s'", resource->noun, name);
	keep_tsig_labels(properties, at(a->present, key, name));
	return 0;
}

static int
resolve_secrets(struct apply *a, struct error *err)
{
	const struct api_resource *resources[API_RESOURCE_COUNT];
	size_t count = declaration_resources(resources);
	size_t missing = 0;

	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *key = declaration_key(resources[i]);
		struct json_object *objects = NULL;

		if (!json_object_object_get_ex(a->wanted, key, &objects))
			continue;
		json_object_object_foreach(objects, name, wanted)
		{
			if (resolve_object(a, resources[i], key, name, wanted, &missing, err) < 0)
				return -1;
		}
	}
	if (missing)
		return error_set(err, ERROR_INVALID,
			"%s: %zu secret%s missing (see above); nothing was changed", a->name, missing,
			missing == 1 ? " is" : "s are");
	return 0;
}

/* --- asking certd --- */

static struct json_object *
step_params(const struct plan_step *step, bool dry_run)
{
	struct json_object *params = json_object_new_object();

	if (step->action != PLAN_CREATE)
		json_add_string(params, "ref", step->name);
	if (step->send) {
		struct json_object *properties = json_object_new_object();

		json_object_object_foreach(step->send, name, value)
		{
			if (!dry_run || !step->waiting ||
				!json_object_object_get_ex(step->waiting, name, NULL))
				json_object_object_add(properties, name, json_object_get(value));
		}
		if (step->action == PLAN_CREATE)
			json_add_string(properties, "name", step->name);
		json_object_object_add(params, "properties", properties);
	}
	if (dry_run)
		json_add_bool(params, "dryRun", true);
	return params;
}

static int
call_step(struct ctl *ctl, const struct plan_step *step, bool dry_run, struct json_object **ret,
	struct error *err)
{
	static const enum api_verb verbs[] = {
		[PLAN_CREATE] = API_CREATE, [PLAN_UPDATE] = API_UPDATE, [PLAN_DELETE] = API_DELETE
	};
	enum api_method_id method = RPC_PROVIDER_CREATE;

	api_method_of(step->resource, verbs[step->action], &method);
	if (ctl_call(ctl, method, step_params(step, dry_run), ret, err) < 0)
		return error_wrap(err, "%s '%s'", step->resource->noun, step->name);
	return 0;
}

/* Secrets that changed are in the difference too: certd alone can tell. */
static void
note_secrets(struct plan_step *step, struct json_object *changed, struct json_object *after)
{
	for (size_t i = 0; changed && i < json_object_array_length(changed); i++) {
		const char *path = json_object_get_string(json_object_array_get_idx(changed, i));
		struct json_object *secret = ctl_at(step->after, path);

		if (secret && !ctl_at(after, path))
			declaration_put(after, path, json_object_get(secret));
	}
}

/* Certd was not asked about what refers to objects that it does not have yet: the effect is not all of it. */
static void
note_waiting(struct plan_step *step, struct json_object *after)
{
	if (!step->waiting)
		return;
	json_object_object_foreach(step->waiting, name, value)
		json_object_object_add(after, name, json_object_get(value));
	json_object_put(step->effect);
	step->effect = NULL;
}

/* What the update would make of the object, in certd's words. */
static int
ask_effect(struct ctl *ctl, struct plan_step *step, struct error *err)
{
	_cleanup_json_ struct json_object *result = NULL;
	struct json_object *changed;
	struct json_object *after;

	if (call_step(ctl, step, true, &result, err) < 0)
		return -1;
	step->effect = json_object_get(ctl_at(result, "effect"));
	if (step->action != PLAN_UPDATE)
		return 0;
	changed = ctl_at(step->effect, "changed");
	if (!step->waiting && (!changed || json_object_array_length(changed) == 0)) {
		step->action = PLAN_NOTHING;
		return 0;
	}
	after = present_properties(ctl, step->resource, result);
	note_secrets(step, changed, after);
	note_waiting(step, after);
	json_object_put(step->after);
	step->after = after;
	return 0;
}

static void
note_failure(struct apply *a, struct plan_step *step, const struct error *why)
{
	step->failure = xstrdup(why->message);
	if (a->failed++ == 0)
		error_copy(&a->first, why);
	if (a->failed <= FAILURES_SHOWN)
		fprintf(a->ctl->err, "certctl: %s\n", why->message);
}

static bool
is_connection_lost(const struct error *err)
{
	return err->code == ERROR_UNAVAILABLE || err->code == ERROR_TIMEOUT;
}

/*
 * Updates are always asked about first: some turn out to change nothing. On a dry run certd also says what else it
 * would refuse; of a new object that waits for another one it cannot know.
 */
static int
ask_effects(struct apply *a, bool dry_run, struct error *err)
{
	for (size_t i = 0; i < a->plan.count; i++) {
		struct plan_step *step = &a->plan.steps[i];
		_cleanup_error_ struct error why = ERROR_INIT;

		if (step->action != PLAN_UPDATE && (step->action != PLAN_CREATE || step->waiting || !dry_run))
			continue;
		if (ask_effect(a->ctl, step, &why) == 0)
			continue;
		if (is_connection_lost(&why)) {
			error_move(err, &why);
			return -1;
		}
		note_failure(a, step, &why);
	}
	return 0;
}

/* --- showing --- */

static const char *
action_name(enum plan_action action)
{
	switch (action) {
	case PLAN_NOTHING:
		return "nothing";
	case PLAN_CREATE:
		return "create";
	case PLAN_UPDATE:
		return "update";
	case PLAN_DELETE:
		return "delete";
	}
	return "nothing";
}

static struct json_object *
step_to_json(const struct plan_step *step)
{
	struct json_object *json = json_object_new_object();

	json_add_string(json, "action", action_name(step->action));
	json_add_string(json, "noun", step->resource->noun);
	json_add_string(json, "name", step->name);
	if (step->action != PLAN_DELETE)
		json_object_object_add(
			json, "changes", plan_changes(step->resource, step->before, step->after));
	if (step->effect)
		json_object_object_add(json, "effect", json_object_get(step->effect));
	json_add_string(json, "error", step->failure);
	return json;
}

static void
print_side(FILE *out, struct json_object *value)
{
	if (!value) {
		fputs("(none)", out);
		return;
	}
	if (!json_object_is_type(value, json_type_array)) {
		fputs(json_object_get_string(value), out);
		return;
	}
	for (size_t i = 0; i < json_object_array_length(value); i++)
		fprintf(out, "%s%s", i ? " " : "",
			json_object_get_string(json_object_array_get_idx(value, i)));
}

static void
print_change(FILE *out, struct json_object *change, bool is_new)
{
	fprintf(out, "    %s: ", ctl_text_at(change, "property"));
	if (!is_new && strcmp(ctl_text_at(change, "new"), "(secret)") != 0) {
		print_side(out, ctl_at(change, "old"));
		fputs(" -> ", out);
	}
	print_side(out, ctl_at(change, "new"));
	fputc('\n', out);
}

static void
print_step(struct output *output, struct json_object *item)
{
	FILE *out = output->ctl->out;
	const char *action = ctl_text_at(item, "action");
	const char *effect = ctl_text_at(item, "effect.action");
	struct json_object *changes = ctl_at(item, "changes");
	struct json_object *reasons = ctl_at(item, "effect.reasons");
	bool is_new = strcmp(action, "create") == 0;

	fprintf(out, "%s %s '%s'%s%s\n",
		is_new                          ? "+"
		: strcmp(action, "delete") == 0 ? "-"
						: "~",
		ctl_text_at(item, "noun"), ctl_text_at(item, "name"), *effect ? ": causes " : "", effect);
	for (size_t i = 0; changes && i < json_object_array_length(changes); i++)
		print_change(out, json_object_array_get_idx(changes, i), is_new);
	for (size_t i = 0; reasons && i < json_object_array_length(reasons); i++)
		fprintf(out, "    (%s)\n", json_object_get_string(json_object_array_get_idx(reasons, i)));
}

static const struct view view_steps = { VIEW_LIST, print_step, NULL };

static void
show_steps(struct apply *a)
{
	struct output output;

	output_start(&output, a->ctl, &view_steps, NULL);
	for (size_t i = 0; i < a->plan.count; i++) {
		_cleanup_json_ struct json_object *item = NULL;

		if (a->plan.steps[i].action == PLAN_NOTHING)
			continue;
		item = step_to_json(&a->plan.steps[i]);
		output_item(&output, item);
	}
	output_end(&output);
}

static void
show_summary(const struct apply *a, bool dry_run)
{
	FILE *out = a->ctl->out;

	if (a->ctl->format != FORMAT_TEXT)
		return;
	fprintf(out, "%s%zu created, %zu changed, %zu removed, %zu as they were", dry_run ? "would be: " : "",
		plan_count(&a->plan, PLAN_CREATE), plan_count(&a->plan, PLAN_UPDATE),
		plan_count(&a->plan, PLAN_DELETE), plan_count(&a->plan, PLAN_NOTHING));
	if (a->failed)
		fprintf(out, "; %zu of them refused", a->failed);
	if (a->plan.others)
		fprintf(out, "; %zu not in the file stay", a->plan.others);
	fputc('\n', out);
}

/* --- doing --- */

static void
show_progress(struct progress *progress, const struct plan_step *step)
{
	_cleanup_free_ char *text = NULL;

	if (!progress->ctl->is_terminal)
		return;
	text = xasprintf("%s %s '%s'", action_name(step->action), step->resource->noun, step->name);
	progress_step(progress, text);
}

/* Return: false when certd is gone: the rest would fail for nothing else. */
static bool
run_step(struct apply *a, struct plan_step *step, struct progress *progress)
{
	_cleanup_json_ struct json_object *result = NULL;
	_cleanup_error_ struct error why = ERROR_INIT;

	show_progress(progress, step);
	if (call_step(a->ctl, step, false, &result, &why) == 0) {
		if (!step->effect)
			step->effect = json_object_get(ctl_at(result, "effect"));
		return true;
	}
	progress_erase(progress);
	note_failure(a, step, &why);
	return !is_connection_lost(&why);
}

static void
run_steps(struct apply *a)
{
	struct progress progress;
	bool goes_on = true;

	progress_init(&progress, a->ctl);
	for (size_t i = 0; goes_on && i < a->plan.count; i++)
		if (a->plan.steps[i].action != PLAN_NOTHING && !a->plan.steps[i].failure)
			goes_on = run_step(a, &a->plan.steps[i], &progress);
	progress_clear(&progress);
}

/* Everything that comes before the first change. */
static int
prepare(struct apply *a, const struct args *args, struct error *err)
{
	if (read_file(a, args_text(args, "file"), err) < 0 || fetch(a, err) < 0 ||
		resolve_secrets(a, err) < 0)
		return -1;
	if (plan_make(a->wanted, a->present, args_flag(args, "prune"), &a->plan, err) < 0)
		return error_wrap(err, "%s", a->name);
	return ask_effects(a, args_flag(args, "dryRun"), err);
}

static int
apply(struct apply *a, const struct args *args, struct error *err)
{
	bool dry_run = args_flag(args, "dryRun");
	bool is_text = a->ctl->format == FORMAT_TEXT;

	if (prepare(a, args, err) < 0)
		return -1;
	if (is_text)
		show_steps(a);
	fflush(a->ctl->out);
	if (!dry_run)
		run_steps(a);
	if (!is_text)
		show_steps(a);
	show_summary(a, dry_run);
	if (!a->failed)
		return 0;
	return error_set(err, a->first.code,
		"%s: %zu of %zu changes %s refused (see above); the others %s made", a->name, a->failed,
		a->plan.count - plan_count(&a->plan, PLAN_NOTHING), dry_run ? "would be" : "were",
		dry_run ? "would be" : "are");
}

int
cmd_apply(struct ctl *ctl, struct args *args, struct error *err)
{
	struct apply a = { .ctl = ctl };
	int rc;

	if (!args_text(args, "file"))
		return error_set(err, ERROR_USAGE,
			"apply: which file? Write: certctl apply -f FILE, or -f - for "
			"the standard input");
	rc = apply(&a, args, err);
	apply_clear(&a);
	return rc;
}
