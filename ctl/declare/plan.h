/*
 * ctl/declare/plan.h: the steps from certd's current state to the state that a file declares. Pure.
 * An object is created after those that it refers to. Removals come last, in reverse order.
 */
#ifndef CTL_DECLARE_PLAN_H
#define CTL_DECLARE_PLAN_H

#include "common/api/api.h"

enum plan_action { PLAN_NOTHING, PLAN_CREATE, PLAN_UPDATE, PLAN_DELETE };

struct plan_step {
	enum plan_action action;
	const struct api_resource *resource;
	const char *name;           /* borrowed from the file, or from certd's current objects */
	struct json_object *before; /* declared properties; owned; NULL for PLAN_CREATE */
	struct json_object *after;  /* the same; NULL for PLAN_DELETE */
	struct json_object
		*send; /* properties to send: all, or those that differ (null: reset to the default); owned */
	struct json_object *effect;  /* as certd reported it; owned; NULL: unknown */
	struct json_object *waiting; /* properties that refer to objects that do not exist yet; owned; NULL: none */
	char *failure;               /* owned; why the step failed; or NULL */
};

struct plan {
	struct plan_step *steps; /* owned */
	size_t count;
	size_t others; /* objects that are not in the file and are kept */
};

/*
 * plan_make() - compare
 * @wanted: from declaration_check(), with the secrets among the properties
 * @present: {"autoCertificates": {NAME: declared properties}}; both outlive the plan
 * @is_pruning: remove objects of the file's collections that are not in the file
 * ERROR_INVALID: a property differs that cannot be changed.
 */
int
plan_make(
	struct json_object *wanted, struct json_object *present, bool is_pruning, struct plan *ret, struct error *err);

void
plan_clear(struct plan *plan);
#define _cleanup_plan_ _cleanup_(plan_clear)

/* The number of steps with that action. */
size_t
plan_count(const struct plan *plan, enum plan_action action);

/*
 * plan_changes() - the differences between @before and @after, one entry per member: [{"property", "old", "new"}]
 * "old" or "new" is omitted where the member is absent. Secrets are shown as "(secret)". Either argument may be NULL.
 * Owned by the caller.
 */
struct json_object *
plan_changes(const struct api_resource *resource, struct json_object *before, struct json_object *after);

#endif
