/*
 * Carrying out a plan: certd is asked for the effect of each step, then each object is sent separately: it changes
 * completely or not at all, and a refused object holds up only those that depend on it.
 */
#include "ctl/declare/apply.h"
#include "ctl/declare/current.h"
#include "ctl/declare/declaration.h"
#include "ctl/present/progress.h"

#include <stdlib.h>

enum { FAILURES_SHOWN = 20 };

void
apply_clear(struct apply *a)
{
	plan_clear(&a->plan);
	free(a->directory);
	json_object_put(a->wanted);
	json_object_put(a->objects);
	json_object_put(a->present);
	error_clear(&a->first);
}

/* --- asking certd --- */

static struct json_object *
apply_step_params(const struct apply *a, const struct plan_step *step, enum api_method_id method, bool is_dry_run)
{
	struct json_object *params = json_object_new_object();

	if (step->action != PLAN_CREATE)
		json_add_string(params, "ref", step->name);
	if (step->send) {
		struct json_object *properties = json_object_new_object();

		json_object_object_foreach(step->send, name, value) {
			if (!is_dry_run || !step->waiting || !json_object_object_get_ex(step->waiting, name, NULL))
				json_object_object_add(properties, name, json_object_get(value));
		}
		if (step->action == PLAN_CREATE)
			json_add_string(properties, "name", step->name);
		json_object_object_add(params, "properties", properties);
	}
	if (is_dry_run)
		json_add_bool(params, "dryRun", true);
	if (a->is_forced && api_field_find(api_methods[method].params, "force"))
		json_add_bool(params, "force", true);
	return params;
}

int
apply_call_step(const struct apply *a, const struct plan_step *step, bool is_dry_run, struct json_object **ret,
	struct error *err)
{
	static const enum api_verb verbs[] = {
		[PLAN_CREATE] = API_CREATE, [PLAN_UPDATE] = API_UPDATE, [PLAN_DELETE] = API_DELETE
	};
	enum api_method_id method = RPC_PROVIDER_CREATE;

	api_method_of(step->resource, verbs[step->action], &method);
	if (ctl_call(a->ctl, method, apply_step_params(a, step, method, is_dry_run), ret, err) < 0)
		return error_wrap(err, "%s '%s'", step->resource->title, step->name);
	return 0;
}

/* Changed secrets are part of the difference, and only certd can compare them. */
static void
apply_note_secrets(struct plan_step *step, struct json_object *changed, struct json_object *after)
{
	for (size_t i = 0; changed && i < json_object_array_length(changed); i++) {
		const char *path = json_object_get_string(json_object_array_get_idx(changed, i));
		struct json_object *secret = ctl_at(step->after, path);

		if (secret && !ctl_at(after, path))
			declaration_put(after, path, json_object_get(secret));
	}
}

/* The dry run omits references to objects that do not exist yet, so the effect is incomplete. */
static void
apply_note_waiting(struct plan_step *step, struct json_object *after)
{
	if (!step->waiting)
		return;
	json_object_object_foreach(step->waiting, name, value)
		json_object_object_add(after, name, json_object_get(value));
	json_object_put(step->effect);
	step->effect = NULL;
}

/* Asks certd for the object as it would be after the update. */
static int
apply_ask_effect(const struct apply *a, struct plan_step *step, struct error *err)
{
	_cleanup_json_ struct json_object *result = NULL;
	struct json_object *changed;
	struct json_object *after;

	if (apply_call_step(a, step, true, &result, err) < 0)
		return -1;
	step->effect = json_object_get(ctl_at(result, "effect"));
	if (step->action != PLAN_UPDATE)
		return 0;
	changed = ctl_array_at(step->effect, "changed");
	if (!step->waiting && (!changed || json_object_array_length(changed) == 0)) {
		step->action = PLAN_NOTHING;
		return 0;
	}
	after = current_properties(a->ctl, step->resource, result);
	apply_note_secrets(step, changed, after);
	apply_note_waiting(step, after);
	json_object_put(step->after);
	step->after = after;
	return 0;
}

void
apply_note_failure(struct apply *a, struct plan_step *step, const struct error *why)
{
	step->failure = xstrdup(why->message);
	if (a->failed++ == 0)
		error_copy(&a->first, why);
	if (a->failed <= FAILURES_SHOWN)
		fprintf(a->ctl->err, "certctl: %s\n", why->message);
}

static bool
apply_is_connection_lost(const struct error *err)
{
	return err->code == ERROR_UNAVAILABLE || err->code == ERROR_TIMEOUT;
}

/* The object of a step has its own name. */
static int
apply_check_name(const struct apply *a, const struct plan_step *step, struct error *err)
{
	_cleanup_free_ char *key = declaration_key(step->resource);
	struct json_object *objects = NULL, *object = NULL;

	if (json_object_object_get_ex(a->objects, key, &objects))
		json_object_object_get_ex(objects, step->name, &object);
	return current_check_name(step->resource, object, err);
}

int
apply_ask_effects(struct apply *a, bool is_dry_run, struct error *err)
{
	for (size_t i = 0; i < a->plan.count; i++) {
		struct plan_step *step = &a->plan.steps[i];
		_cleanup_error_ struct error why = ERROR_INIT;

		if (apply_check_name(a, step, &why) < 0) {
			if (step->action == PLAN_NOTHING)
				step->action = PLAN_UPDATE; /* of which of them is not known */
			apply_note_failure(a, step, &why);
			continue;
		}
		if (step->action != PLAN_UPDATE && (step->action != PLAN_CREATE || step->waiting || !is_dry_run))
			continue;
		if (apply_ask_effect(a, step, &why) == 0)
			continue;
		if (apply_is_connection_lost(&why)) {
			error_move(err, &why);
			return -1;
		}
		apply_note_failure(a, step, &why);
	}
	return 0;
}

/* --- doing --- */

static void
apply_show_progress(struct progress *progress, const struct plan_step *step)
{
	_cleanup_free_ char *text = NULL;

	if (!progress->ctl->is_terminal)
		return;
	text = xasprintf("%s %s '%s'", apply_action_name(step->action), step->resource->title, step->name);
	progress_step(progress, text, 0);
}

/* Return: false when certd is gone, so that all further steps would fail for the same reason. */
static bool
apply_run_step(struct apply *a, struct plan_step *step, struct progress *progress)
{
	_cleanup_json_ struct json_object *result = NULL;
	_cleanup_error_ struct error why = ERROR_INIT;

	apply_show_progress(progress, step);
	if ((a->send ? a->send(a, step, &result, &why) : apply_call_step(a, step, false, &result, &why)) == 0) {
		if (!step->effect)
			step->effect = json_object_get(ctl_at(result, "effect"));
		return true;
	}
	progress_erase(progress);
	apply_note_failure(a, step, &why);
	return !apply_is_connection_lost(&why);
}

void
apply_run_steps(struct apply *a)
{
	struct progress progress;
	bool can_go_on = true;

	progress_init(&progress, a->ctl);
	for (size_t i = 0; can_go_on && i < a->plan.count; i++)
		if (a->plan.steps[i].action != PLAN_NOTHING && !a->plan.steps[i].failure)
			can_go_on = apply_run_step(a, &a->plan.steps[i], &progress);
	progress_clear(&progress);
}
