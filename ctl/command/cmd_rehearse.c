/*
 * rehearse: the next renewal, at the staging environment of the CA. The account there is an ordinary provider, which is
 * declared by the first rehearsal and kept for the next ones.
 */
#include "common/alloc.h"
#include "common/ca.h"
#include "ctl/base/pages.h"
#include "ctl/command/cmd.h"
#include "ctl/command/wait.h"
#include "ctl/present/output.h"

#include <string.h>

static const struct wait_rule rehearse_rules[] = {
	{ EVENT_STORE_FAILED, WAIT_STEP },
	{ EVENT_REHEARSAL_PROGRESS, WAIT_STEP },
	{ EVENT_REHEARSAL_DONE, WAIT_DONE },
	{ EVENT_REHEARSAL_FAILED, WAIT_FAILED },
};

/* --- the account --- */

struct rehearse_search {
	const char *url;
	struct json_object *found; /* a provider with that directory; owned */
};

static void
rehearse_look(struct json_object *item, void *arg)
{
	struct rehearse_search *search = arg;

	if (!search->found && strcmp(ctl_text_at(item, "metadata.directoryUrl"), search->url) == 0)
		search->found = json_object_get(item);
}

/* Like @declared, the provider of the auto-certificate. */
static int
rehearse_declare(
	struct ctl *ctl, struct json_object *declared, const char *url, struct json_object **ret, struct error *err)
{
	struct json_object *params = json_object_new_object();
	struct json_object *properties = json_object_new_object();
	_cleanup_free_ char *name = xasprintf("%s-staging", ctl_text_at(declared, "properties.name"));

	json_add_string(properties, "name", name);
	json_add_string(properties, "server", url);
	json_object_object_add(properties, "email", json_object_get(json_path(declared, "properties.email")));
	json_object_object_add(properties, "caFile", json_object_get(json_path(declared, "properties.caFile")));
	json_object_object_add(properties, "termsOfServiceAgreed",
		json_object_get(json_path(declared, "properties.termsOfServiceAgreed")));
	json_object_object_add(params, "properties", properties);
	if (ctl_call(ctl, RPC_PROVIDER_CREATE, params, ret, err) < 0)
		return error_wrap(err, "declaring the provider '%s' for rehearsals", name);
	fprintf(ctl->err, "certctl: declared the provider '%s' for rehearsals\n", name);
	return 0;
}

/* --staging, or what is known of the CA, becomes the parameter "provider". Without both certd says what is missing. */
static int
rehearse_choose_provider(struct ctl *ctl, struct args *args, struct json_object *object, struct error *err)
{
	const char *staging = args_text(args, "staging");
	const struct ca *ca = staging ? ca_find(staging) : NULL;
	_cleanup_json_ struct json_object *declared = NULL, *all = json_object_new_object();
	struct rehearse_search search = { ca ? ca->url : staging, NULL };
	int rc = 0;

	if (json_path(args->values, "provider"))
		return staging ? error_set(err, ERROR_USAGE, "rehearse: give --provider or --staging, not both") : 0;
	if (ctl_get(ctl, &api_resources[API_PROVIDER], ctl_text_at(object, "properties.provider"), &declared, err) < 0)
		return -1;
	if (!search.url && json_path(declared, "properties.staging") &&
		strcmp(ctl_text_at(declared, "properties.staging"), "none") != 0)
		search.url = ctl_text_at(declared, "properties.staging");
	if (!search.url)
		search.url = ca_staging_of(ctl_text_at(declared, "metadata.directoryUrl"));
	if (!search.url)
		return 0;
	if (pages_each(ctl, RPC_PROVIDER_LIST, all, rehearse_look, &search, err) < 0 ||
		(!search.found && rehearse_declare(ctl, declared, search.url, &search.found, err) < 0))
		rc = -1;
	else
		json_add_string(args->values, "provider", ctl_text_at(search.found, "id"));
	json_object_put(search.found);
	return rc;
}

/* --- the rehearsal --- */

static void
rehearse_started_item(struct output *output, struct json_object *item)
{
	fprintf(output->ctl->out, "the rehearsal of '%s' has started; its result is an event\n",
		ctl_text_at(item, "properties.name"));
}

static void
rehearse_done_item(struct output *output, struct json_object *item)
{
	fprintf(output->ctl->out, "%s: %s\n", ctl_text_at(item, "object.name"), ctl_text_at(item, "message"));
}

static const struct view view_started = { VIEW_OBJECT, rehearse_started_item, NULL };
static const struct view view_done = { VIEW_OBJECT, rehearse_done_item, NULL };

static int
rehearse_wait(struct wait *wait, struct args *args, const char *id, struct error *err)
{
	_cleanup_json_ struct json_object *result = NULL, *event = NULL;
	enum wait_outcome outcome = WAIT_STEP;

	if (wait_subscribe(wait, id, -1, err) < 0 ||
		wait_call(wait, args->command->method, json_object_get(args->values), &result, err) < 0 ||
		wait_next(wait, &event, &outcome, err) < 0)
		return -1;
	progress_erase(&wait->progress);
	if (outcome != WAIT_DONE)
		return wait_event_error(event, err);
	output_object(wait->ctl, &view_done, NULL, event);
	return 0;
}

int
cmd_rehearse(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *object = NULL;
	_cleanup_wait_ struct wait wait = { .ctl = NULL };

	if (ctl_get(ctl, args->resource, args->words.items[0], &object, err) < 0 ||
		rehearse_choose_provider(ctl, args, object, err) < 0)
		return -1;
	if (args_has_flag(args, "noWait"))
		return output_call(
			ctl, args->command->method, json_object_get(args->values), &view_started, args->resource, err);
	return wait_init(&wait, ctl, args, rehearse_rules, ARRAY_SIZE(rehearse_rules), err) < 0
		       ? -1
		       : rehearse_wait(&wait, args, ctl_text_at(object, "id"), err);
}
