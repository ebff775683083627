/* audit: who changed what, the old and new values, and whether the log is intact. */
#include "ctl/command/cmd.h"
#include "ctl/present/output.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { PAGE = 500 };

/* --- records --- */

/* A string without quotes, all other types as JSON. */
static const char *
audit_value_text(struct json_object *value)
{
	if (!value)
		return "(none)";
	return json_object_is_type(value, json_type_string)
		       ? json_object_get_string(value)
		       : json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

static void
audit_print_changes(FILE *out, struct json_object *changes)
{
	size_t count = ctl_count_at(changes, "");

	for (size_t i = 0; i < count; i++) {
		struct json_object *change = json_object_array_get_idx(changes, i);

		fprintf(out, "      %s: ", ctl_text_at(change, "field"));
		if (ctl_at(change, "changed"))
			fputs("changed\n", out);
		else
			fprintf(out, "%s -> %s\n", audit_value_text(ctl_at(change, "old")),
				audit_value_text(ctl_at(change, "new")));
	}
}

static void
audit_print_object(FILE *out, struct json_object *record)
{
	const char *type = ctl_text_at(record, "object.type");
	const struct api_resource *resource = api_resource_find(type);

	if (*type)
		fprintf(out, " %s %s", resource ? resource->cli : type, ctl_text_at(record, "object.name"));
}

/* "12 2026-11-21 10:30:00 uid:0 provider.update provider le", in local time, then a line for each property. */
static void
audit_item(struct output *output, struct json_object *record)
{
	FILE *out = output->ctl->out;
	time_t at = (time_t)ctl_time_at(record, "time");
	int64_t times = json_object_get_int64(ctl_at(record, "times"));
	char when[32] = "";
	struct tm tm;

	fprintf(out, "%" PRId64 " ", json_object_get_int64(ctl_at(record, "number")));
	if (ctl_at(record, "damaged") || ctl_at(record, "missing")) {
		fputs(ctl_at(record, "missing") ? "MISSING\n" : "DAMAGED\n", out);
		return;
	}
	if (localtime_r(&at, &tm))
		strftime(when, sizeof(when), "%F %T", &tm);
	fprintf(out, "%s %s %s", when, ctl_text_at(record, "who"), ctl_text_at(record, "method"));
	audit_print_object(out, record);
	if (strcmp(ctl_text_at(record, "outcome"), "done") != 0)
		fprintf(out, ": %s: %s", ctl_text_at(record, "outcome"), ctl_text_at(record, "reason"));
	if (times > 1)
		fprintf(out, " (%" PRId64 " times)", times);
	fputc('\n', out);
	audit_print_changes(out, ctl_at(record, "changes"));
}

static const struct view view_audit = { VIEW_LIST, audit_item, NULL };

/* Return: the records of the page; also the number of the last one. */
static int64_t
audit_show_page(struct output *output, struct json_object *result, int64_t *last)
{
	struct json_object *items = ctl_array_at(result, "items");
	size_t count = ctl_count_at(items, "");

	for (size_t i = 0; i < count; i++) {
		struct json_object *record = json_object_array_get_idx(items, i);

		*last = json_object_get_int64(ctl_at(record, "number"));
		output_item(output, record);
	}
	return (int64_t)count;
}

/* With --after and without --limit: all later records, page by page. */
static int
audit_show_all(struct ctl *ctl, struct args *args, struct output *output, struct error *err)
{
	bool is_one_page = ctl_at(args->values, "limit") || !ctl_at(args->values, "after");
	int64_t last = json_object_get_int64(ctl_at(args->values, "after"));
	int64_t count = PAGE;

	while (count == PAGE) {
		_cleanup_json_ struct json_object *result = NULL;
		struct json_object *params = json_object_get(args->values);

		if (!is_one_page) {
			json_object_put(params);
			params = json_object_new_object();
			json_add_int(params, "after", last);
			json_add_int(params, "limit", PAGE);
		}
		if (ctl_call(ctl, RPC_AUDIT_LIST, params, &result, err) < 0)
			return -1;
		count = audit_show_page(output, result, &last);
		if (is_one_page)
			break;
	}
	return 0;
}

/* --- verify --- */

static void
audit_verified_item(struct output *output, struct json_object *result)
{
	int64_t last = json_object_get_int64(ctl_at(result, "last"));

	if (!json_object_get_boolean(ctl_at(result, "intact")))
		return; /* the caller reports this as an error */
	if (last == 0)
		fputs("the audit log is empty\n", output->ctl->out);
	else
		fprintf(output->ctl->out,
			"records %" PRId64 " to %" PRId64 " are unmodified; the last one is %" PRId64 ":%s\n",
			json_object_get_int64(ctl_at(result, "first")), last, last, ctl_text_at(result, "hash"));
}

static const struct view view_verified = { VIEW_OBJECT, audit_verified_item, NULL };

static int
audit_print_verification(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *result = NULL;
	struct json_object *params = json_object_new_object();
	int64_t bad;

	json_add_string(params, "known", args_text(args, "known"));
	if (ctl_call(ctl, RPC_AUDIT_VERIFY, params, &result, err) < 0)
		return -1;
	output_object(ctl, &view_verified, NULL, result);
	if (json_object_get_boolean(ctl_at(result, "intact")))
		return 0;
	bad = json_object_get_int64(ctl_at(result, "bad"));
	if (bad == 0)
		return error_set(err, ERROR_CORRUPT, "the audit log was tampered with or damaged: %s",
			ctl_text_at(result, "reason"));
	return error_set(err, ERROR_CORRUPT,
		"the audit log was tampered with or damaged; the first bad record is %" PRId64 ": %s", bad,
		ctl_text_at(result, "reason"));
}

int
cmd_audit(struct ctl *ctl, struct args *args, struct error *err)
{
	struct output output;
	int rc;

	if (args_has_flag(args, "verify") || args_text(args, "known"))
		return audit_print_verification(ctl, args, err);
	output_start(&output, ctl, &view_audit, NULL);
	rc = audit_show_all(ctl, args, &output, err);
	output_end(&output);
	return rc;
}
