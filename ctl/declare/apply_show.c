/* The changes that apply makes, as text or as an object for each step. */
#include "ctl/declare/apply.h"
#include "ctl/present/output.h"

#include <string.h>

const char *
apply_action_name(enum plan_action action)
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
apply_show_step_to_json(const struct plan_step *step)
{
	struct json_object *json = json_object_new_object();

	json_add_string(json, "action", apply_action_name(step->action));
	json_add_string(json, "noun", step->resource->noun);
	json_add_string(json, "name", step->name);
	if (step->action != PLAN_DELETE)
		json_object_object_add(json, "changes", plan_changes(step->resource, step->before, step->after));
	if (step->effect)
		json_object_object_add(json, "effect", json_object_get(step->effect));
	json_add_string(json, "error", step->failure);
	return json;
}

static void
apply_show_print_side(FILE *out, struct json_object *value)
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
		fprintf(out, "%s%s", i ? " " : "", json_object_get_string(json_object_array_get_idx(value, i)));
}

static void
apply_show_print_change(FILE *out, struct json_object *change, bool is_new)
{
	fprintf(out, "    %s: ", ctl_text_at(change, "property"));
	if (!is_new && strcmp(ctl_text_at(change, "new"), "(secret)") != 0) {
		apply_show_print_side(out, ctl_at(change, "old"));
		fputs(" -> ", out);
	}
	apply_show_print_side(out, ctl_at(change, "new"));
	fputc('\n', out);
}

static void
apply_show_print_step(struct output *output, struct json_object *item)
{
	FILE *out = output->ctl->out;
	const char *action = ctl_text_at(item, "action");
	const char *effect = ctl_text_at(item, "effect.action");
	struct json_object *changes = ctl_array_at(item, "changes");
	struct json_object *reasons = ctl_array_at(item, "effect.reasons");
	bool is_new = strcmp(action, "create") == 0;

	fprintf(out, "%s %s '%s'%s%s\n",
		is_new                          ? "+"
		: strcmp(action, "delete") == 0 ? "-"
						: "~",
		api_title(ctl_text_at(item, "noun")), ctl_text_at(item, "name"), *effect ? ": causes " : "", effect);
	for (size_t i = 0; changes && i < json_object_array_length(changes); i++)
		apply_show_print_change(out, json_object_array_get_idx(changes, i), is_new);
	for (size_t i = 0; reasons && i < json_object_array_length(reasons); i++)
		fprintf(out, "    (%s)\n", json_object_get_string(json_object_array_get_idx(reasons, i)));
}

static const struct view view_steps = { VIEW_LIST, apply_show_print_step, NULL };

void
apply_show_steps(struct apply *a)
{
	struct output output;

	output_start(&output, a->ctl, &view_steps, NULL);
	for (size_t i = 0; i < a->plan.count; i++) {
		_cleanup_json_ struct json_object *item = NULL;

		if (a->plan.steps[i].action == PLAN_NOTHING)
			continue;
		item = apply_show_step_to_json(&a->plan.steps[i]);
		output_item(&output, item);
	}
	output_end(&output);
}

void
apply_show_summary(const struct apply *a, bool is_dry_run)
{
	FILE *out = a->ctl->out;

	if (a->ctl->format != FORMAT_TEXT)
		return;
	fprintf(out, "%s%zu created, %zu changed, %zu removed, %zu unchanged", is_dry_run ? "dry run: " : "",
		plan_count(&a->plan, PLAN_CREATE), plan_count(&a->plan, PLAN_UPDATE), plan_count(&a->plan, PLAN_DELETE),
		plan_count(&a->plan, PLAN_NOTHING));
	if (a->failed)
		fprintf(out, "; %zu of them refused", a->failed);
	if (a->plan.others)
		fprintf(out, "; %zu not in the file, kept", a->plan.others);
	fputc('\n', out);
}
