/* deploy, probe: act on a consumer now, and wait for the results. */
#include "ctl/command/cmd.h"
#include "ctl/command/wait.h"
#include "ctl/present/output.h"

#include <string.h>

static const struct wait_rule deploy_rules[] = {
	{ EVENT_DEPLOY_DONE, WAIT_DONE },
	{ EVENT_DEPLOY_FAILED, WAIT_FAILED },
};
static const struct wait_rule probe_rules[] = {
	{ EVENT_PROBE_SERVED, WAIT_DONE },
	{ EVENT_PROBE_STALE, WAIT_FAILED },
	{ EVENT_PROBE_MISMATCH, WAIT_FAILED },
	{ EVENT_PROBE_INVALID, WAIT_FAILED },
	{ EVENT_PROBE_INCOMPLETE, WAIT_FAILED },
	{ EVENT_PROBE_UNREACHABLE, WAIT_FAILED },
};

static void
consumer_event_item(struct output *output, struct json_object *event)
{
	fprintf(output->ctl->out, "%s: %s\n", ctl_text_at(event, "object.name"), ctl_text_at(event, "message"));
}

static const struct view view_result = { VIEW_STREAM, consumer_event_item, NULL };

static bool
consumer_has_object(struct json_object *list, const char *id)
{
	for (size_t i = 0; i < ctl_count_at(list, ""); i++)
		if (strcmp(ctl_text_at(json_object_array_get_idx(list, i), "id"), id) == 0)
			return true;
	return false;
}

/* Does @event belong to this call: one of its auto-certificates, and for a probe this consumer? */
static bool
consumer_is_ours(struct json_object *result, const char *consumer, struct json_object *event)
{
	const char *about = ctl_text_at(event, "data.consumer");

	return consumer_has_object(ctl_at(result, "autoCertificates"), ctl_text_at(event, "object.id")) &&
	       (!*about || strcmp(about, consumer) == 0);
}

static int
consumer_failure(struct json_object *event, struct error *err)
{
	const char *kind = ctl_text_at(event, "kind");

	if (strcmp(kind, event_info(EVENT_DEPLOY_FAILED)->name) == 0)
		return wait_event_error(event, err);
	return error_set(err,
		strcmp(kind, event_info(EVENT_PROBE_UNREACHABLE)->name) == 0 ? ERROR_NETWORK : ERROR_STATE, "%s: %s",
		ctl_text_at(event, "object.name"), ctl_text_at(event, "message"));
}

/* Shows @count results as they arrive; the last failure becomes the command's error. */
static int
consumer_collect(struct wait *wait, struct json_object *result, const char *consumer, int64_t count, struct error *err)
{
	_cleanup_error_ struct error failure = ERROR_INIT;
	struct output output;
	int rc = 0;

	output_start(&output, wait->ctl, &view_result, NULL);
	progress_step(&wait->progress, "waiting for the results", 0);
	while (rc == 0 && count > 0) {
		_cleanup_json_ struct json_object *event = NULL;
		enum wait_outcome outcome;

		rc = wait_next(wait, &event, &outcome, err);
		if (rc < 0 || !consumer_is_ours(result, consumer, event))
			continue;
		progress_erase(&wait->progress);
		output_item(&output, event);
		if (outcome == WAIT_FAILED)
			consumer_failure(event, &failure);
		count--;
	}
	output_end(&output);
	if (rc == 0 && error_is_set(&failure)) {
		error_move(err, &failure);
		return -1;
	}
	return rc;
}

/* @count_member: the member of the answer with the number of events; "": one event per auto-certificate. */
static int
consumer_run(struct ctl *ctl, struct args *args, const struct wait_rule *rules, size_t n_rules, bool is_probe,
	struct error *err)
{
	_cleanup_json_ struct json_object *consumer = NULL;
	_cleanup_json_ struct json_object *result = NULL;
	_cleanup_wait_ struct wait wait = { .ctl = NULL };
	int64_t count;

	if (ctl_get(ctl, args->resource, args->words.items[0], &consumer, err) < 0 ||
		wait_init(&wait, ctl, args, rules, n_rules, err) < 0 ||
		(!args_has_flag(args, "noWait") && wait_subscribe(&wait, NULL, -1, err) < 0) ||
		wait_call(&wait, args->command->method, json_object_get(args->values), &result, err) < 0)
		return -1;
	count = is_probe ? json_object_get_int64(ctl_at(result, "endpoints"))
			 : (int64_t)ctl_count_at(result, "autoCertificates");
	if (count == 0)
		fprintf(ctl->err, "certctl: nothing to do: %s\n",
			ctl_count_at(result, "autoCertificates")
				? "the consumer has no probes; to add one, see: certctl set consumer --help"
				: "no auto-certificate of this consumer has a certificate");
	else if (!args_has_flag(args, "noWait"))
		return consumer_collect(&wait, result, ctl_text_at(consumer, "properties.name"), count, err);
	return 0;
}

int
cmd_deploy(struct ctl *ctl, struct args *args, struct error *err)
{
	return consumer_run(ctl, args, deploy_rules, ARRAY_SIZE(deploy_rules), false, err);
}

int
cmd_probe(struct ctl *ctl, struct args *args, struct error *err)
{
	return consumer_run(ctl, args, probe_rules, ARRAY_SIZE(probe_rules), true, err);
}
