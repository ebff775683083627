/* events, call: the event stream, and direct calls of the API. */
#include "ctl/command/cmd.h"
#include "ctl/present/views.h"

#include <limits.h>
#include <string.h>

enum { FOLLOW_MS = 3600 * 1000 };

/* `events auto www`: certd filters by id. */
static int
events_resolve_object(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *object = NULL;

	if (!args->resource)
		return 0;
	if (ctl_get(ctl, args->resource, args->words.items[0], &object, err) < 0)
		return -1;
	json_add_string(args->values, "object", ctl_text_at(object, "id"));
	return 0;
}

/* Numbers say which events were shown already. Progress events have no number and are always new. */
static void
events_show_new(struct output *output, struct json_object *event, int64_t *last_seq)
{
	int64_t seq = json_object_get_int64(ctl_at(event, "seq"));

	if (strcmp(ctl_text_at(event, "level"), "debug") != 0) {
		if (seq <= *last_seq)
			return;
		*last_seq = seq;
	}
	output_item(output, event);
}

static int
events_follow(struct ctl *ctl, struct output *output, int64_t last_seq, struct error *err)
{
	for (;;) {
		_cleanup_json_ struct json_object *event = NULL;
		int rc = client_event(ctl->client, -1, FOLLOW_MS, &event, err);

		if (rc < 0)
			return -1;
		if (rc > 0)
			events_show_new(output, event, &last_seq);
	}
}

static int
events_start(struct ctl *ctl, struct json_object *values, struct error *err)
{
	struct json_object *params = json_object_new_object();
	_cleanup_json_ struct json_object *result = NULL;
	const char *object = ctl_text_at(values, "object");

	json_add_string(params, "object", *object ? object : NULL);
	return ctl_call(ctl, RPC_EVENT_SUBSCRIBE, params, &result, err);
}

int
cmd_events(struct ctl *ctl, struct args *args, struct error *err)
{
	bool is_following = args_has_flag(args, "follow");
	_cleanup_json_ struct json_object *result = NULL;
	struct output output;
	struct json_object *items;
	int64_t last_seq = 0;
	int rc = 0;

	if (events_resolve_object(ctl, args, err) < 0)
		return -1;
	if (is_following && events_start(ctl, args->values, err) < 0)
		return -1;
	if (ctl_call(ctl, RPC_EVENT_LIST, json_object_get(args->values), &result, err) < 0)
		return -1;
	items = ctl_array_at(result, "items");
	output_start(&output, ctl, is_following ? &view_events : &view_event_list, NULL);
	for (size_t i = 0; items && i < json_object_array_length(items); i++)
		events_show_new(&output, json_object_array_get_idx(items, i), &last_seq);
	if (is_following)
		rc = events_follow(ctl, &output, last_seq, err);
	output_end(&output);
	return rc;
}

/* --- call --- */

static void
events_json_as_is(struct output *output, struct json_object *item)
{
	fprintf(output->ctl->out, "%s\n",
		json_object_to_json_string_ext(
			item, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static const struct view view_json = { VIEW_OBJECT, events_json_as_is, NULL };

int
cmd_call(struct ctl *ctl, struct args *args, struct error *err)
{
	struct json_object *params = NULL;
	enum api_method_id method;

	if (args->words.count < 1 || args->words.count > 2)
		return error_set(err, ERROR_USAGE, "call: a method is required; write: certctl call METHOD [JSON]");
	if (!api_method_find(args->words.items[0], &method)) {
		const char *nearest = api_method_nearest(args->words.items[0]);

		return error_set(err, ERROR_USAGE, "unknown method '%s'%s%s%s", args->words.items[0],
			nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
	}
	if (args->words.count == 2) {
		params = json_parse(args->words.items[1], strlen(args->words.items[1]), err);
		if (!params)
			return -1;
	}
	return output_call(ctl, method, params, &view_json, NULL, err);
}
