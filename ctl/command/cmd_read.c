/* show, explain, status, schedule: the current state, and planned work. */
#include "common/timefmt.h"
#include "ctl/base/pages.h"
#include "ctl/command/cmd.h"
#include "ctl/present/text.h"
#include "ctl/present/views.h"

#include <string.h>

int
cmd_show(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *object = NULL;

	if (ctl_get(ctl, args->resource, args->words.items[0], &object, err) < 0)
		return -1;
	output_object(ctl, &view_detail, args->resource, object);
	return 0;
}

/* --- explain --- */

static void
read_print_strings(FILE *out, const char *title, struct json_object *list)
{
	size_t count = ctl_count_at(list, "");

	if (count)
		fprintf(out, "%s\n", title);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "  %s\n", json_object_get_string(json_object_array_get_idx(list, i)));
}

static void
read_explain_item(struct output *output, struct json_object *item)
{
	FILE *out = output->ctl->out;
	struct json_object *error = ctl_at(item, "lastError");
	_cleanup_buf_ struct buf when = BUF_INIT;

	fprintf(out, "%s: %s", output->title, ctl_text_at(item, "summary"));
	if (ctl_time_at(item, "nextDate") > ctl_now(output->ctl)) {
		text_relative(&when, ctl_time_at(item, "nextDate"), ctl_now(output->ctl));
		fprintf(out, " (%s)", buf_str(&when));
	}
	fputc('\n', out);
	read_print_strings(out, "why", ctl_at(item, "reasons"));
	if (error) {
		const char *problem = ctl_text_at(error, "problem");

		fprintf(out, "last error\n  %s (%s%s%s)\n", ctl_text_at(error, "message"), ctl_text_at(error, "code"),
			*problem ? ", " : "", problem);
	}
	read_print_strings(out, "what you can do", ctl_at(item, "advice"));
}

static const struct view view_explain = { VIEW_OBJECT, read_explain_item, NULL };

int
cmd_explain(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *result = NULL;
	struct output output;

	if (ctl_call(ctl, args->command->method, json_object_get(args->values), &result, err) < 0)
		return -1;
	output_start(&output, ctl, &view_explain, args->resource);
	output.title = args->words.items[0];
	output_item(&output, result);
	output_end(&output);
	return 0;
}

/* --- schedule --- */

/* "auto www.example.com": the noun that certctl uses, and the name. */
static void
read_write_object(struct json_object *object, struct buf *ret)
{
	const char *type = ctl_text_at(object, "type");
	const char *name = ctl_text_at(object, "name");
	const struct api_resource *resource = api_resource_find(type);

	buf_printf(ret, "%s %s", resource ? resource->cli : type, *name ? name : ctl_text_at(object, "id"));
}

static void
read_schedule_item(struct output *output, struct json_object *item)
{
	_cleanup_buf_ struct buf when = BUF_INIT;
	_cleanup_buf_ struct buf what = BUF_INIT;

	if (!output->table) {
		output->table = table_new();
		table_column(output->table, "WHEN");
		table_column(output->table, "DATE");
		table_column(output->table, "WHAT");
		table_column(output->table, "OBJECT");
	}
	text_relative(&when, ctl_time_at(item, "date"), ctl_now(output->ctl));
	read_write_object(ctl_at(item, "object"), &what);
	table_cell(output->table, buf_str(&when));
	table_cell(output->table, ctl_text_at(item, "date"));
	table_cell(output->table, ctl_text_at(item, "kind"));
	table_cell(output->table, buf_str(&what));
}

static void
read_schedule_end(struct output *output)
{
	if (output->table)
		table_print(output->table, output->ctl->out);
}

static const struct view view_schedule = { VIEW_LIST, read_schedule_item, read_schedule_end };

static void
read_schedule_row(struct json_object *item, void *arg)
{
	output_item(arg, item);
}

int
cmd_schedule(struct ctl *ctl, struct args *args, struct error *err)
{
	struct output output;
	int rc;

	output_start(&output, ctl, &view_schedule, NULL);
	rc = pages_each(ctl, args->command->method, args->values, read_schedule_row, &output, err);
	output_end(&output);
	if (rc == 0 && output.count == 0 && ctl->format == FORMAT_TEXT)
		fputs("certctl: nothing is scheduled\n", ctl->err);
	return rc;
}

/* --- status --- */

static long long
read_count_at(struct json_object *item, const char *path)
{
	return (long long)json_object_get_int64(ctl_at(item, path));
}

static void
read_status_counts(FILE *out, struct json_object *item)
{
	static const char *const parts[] = { "available", "provisioning", "failed" };
	const char *separator = ": ";

	fprintf(out, "auto-certificates   %lld", read_count_at(item, "autoCertificates.total"));
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		_cleanup_free_ char *path = xasprintf("autoCertificates.%s", parts[i]);

		if (read_count_at(item, path)) {
			fprintf(out, "%s%lld %s", separator, read_count_at(item, path), parts[i]);
			separator = ", ";
		}
	}
	fprintf(out, "\ncertificates        %lld in the store\n", read_count_at(item, "certificates"));
	fprintf(out, "declared            providers %lld, DNS providers %lld, consumers %lld\n",
		read_count_at(item, "providers"), read_count_at(item, "dnsProviders"),
		read_count_at(item, "consumers"));
	fprintf(out, "orders in progress  %lld\n", read_count_at(item, "inFlight"));
}

static void
read_status_next(struct output *output, struct json_object *item)
{
	_cleanup_buf_ struct buf when = BUF_INIT;
	_cleanup_buf_ struct buf what = BUF_INIT;

	if (!ctl_time_at(item, "nextDate"))
		return;
	text_relative(&when, ctl_time_at(item, "nextDate"), ctl_now(output->ctl));
	read_write_object(ctl_at(item, "nextObject"), &what);
	fprintf(output->ctl->out, "next                %s %s, %s\n", ctl_text_at(item, "nextAction"), buf_str(&what),
		buf_str(&when));
}

static void
read_status_failing(struct output *output, struct json_object *list)
{
	FILE *out = output->ctl->out;

	if (ctl_count_at(list, "") == 0)
		return;
	fputs("\nfailing (certctl explain NAME)\n", out);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		_cleanup_buf_ struct buf when = BUF_INIT;
		_cleanup_buf_ struct buf what = BUF_INIT;

		text_relative(&when, ctl_time_at(item, "date"), ctl_now(output->ctl));
		read_write_object(ctl_at(item, "object"), &what);
		fprintf(out, "  %s, %s: %s; retry %s\n", buf_str(&what), ctl_text_at(item, "action"),
			ctl_text_at(item, "message"), buf_str(&when));
	}
}

static void
read_status_item(struct output *output, struct json_object *item)
{
	FILE *out = output->ctl->out;
	const char *message = ctl_text_at(item, "message");
	_cleanup_buf_ struct buf since = BUF_INIT;

	text_relative(&since, ctl_time_at(item, "startedDate"), ctl_now(output->ctl));
	fprintf(out, "certd %s is %s, started %s, process %lld; your role is %s\n", ctl_text_at(item, "version"),
		ctl_text_at(item, "state"), buf_str(&since), read_count_at(item, "pid"), ctl_text_at(item, "role"));
	if (*message)
		fprintf(out, "%s\n", message);
	fprintf(out, "state in %s, files in %s\n\n", ctl_text_at(item, "stateDirectory"),
		ctl_text_at(item, "dropDirectory"));
	if (json_object_get_boolean(ctl_at(item, "scoped"))) {
		fputs("only certificates within your scope are shown\n", out);
		return;
	}
	read_status_counts(out, item);
	read_status_next(output, item);
	read_status_failing(output, ctl_at(item, "failing"));
	if (ctl_count_at(item, "warnings"))
		fputc('\n', out);
	read_print_strings(out, "warnings", ctl_at(item, "warnings"));
}

static const struct view view_status = { VIEW_OBJECT, read_status_item, NULL };

int
cmd_status(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *status = NULL;

	if (args_has_flag(args, "check"))
		return cmd_check(ctl);
	if (ctl_call(ctl, args->command->method, NULL, &status, err) < 0)
		return -1;
	output_object(ctl, &view_status, NULL, status);
	return 0;
}
