/*
 * ctl/declare/plan.h: the steps from what certd has to what a file declares. Pure. Objects come behind those that they refer
 * to; what is to be removed comes last, the other way round.
 */
#ifndef CTL_DECLARE_PLAN_H
#define CTL_DECLARE_PLAN_H

#include "common/api/api.h"

enum plan_action { PLAN_NOTHING, PLAN_CREATE, PLAN_UPDATE, PLAN_DELETE };

struct plan_step {
	enum plan_action action;
	const struct api_resource *resource;
	const char *name;           /* borrowed from the file, or from what certd has */
	struct json_object *before; /* declared properties; owned; NULL for PLAN_CREATE */
	struct json_object *after;  /* the same; NULL for PLAN_DELETE */
	struct json_object
		*send; /* properties for certd: all, or those that differ (null: back to the default); owned */
	struct json_object *effect;  /* as certd said it; owned; NULL: not known */
	struct json_object *waiting; /* properties that refer to what is not there yet; owned; NULL: none */
	char *failure;               /* owned; why it was not done; or NULL */
};

struct plan {
	struct plan_step *steps; /* owned */
	size_t count;
	size_t others; /* objects that the file does not have and that stay */
};

/*
 * plan_make() - compare
 * @wanted: as declaration_check() gives it, secrets put among the properties
 * @present: {"autoCertificates": {NAME: declared properties}}; both outlive the plan
 * @is_pruning: objects of the file's collections that it does not have are removed
 * ERROR_INVALID: a property is to change that cannot.
 */
int
plan_make(
	struct json_object *wanted, struct json_object *present, bool is_pruning, struct plan *ret, struct error *err);

void
plan_clear(struct plan *plan);
#define _cleanup_plan_ _cleanup_(plan_clear)

/* Steps with that action. */
size_t
plan_count(const struct plan *plan, enum plan_action action);

/*
 * plan_changes() - what differs between @before and @after, member by member: [{"property", "old", "new"}], without
 * what is not there on one side. Secrets are "(secret)". Either may be NULL. Owned by the caller.
 */
struct json_object *
plan_changes(const struct api_resource *resource, struct json_object *before, struct json_object *after);

#endif
