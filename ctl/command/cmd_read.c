/* show, status, schedule: the current state, and planned work. */
#include "common/shell.h"
#include "ctl/base/export.h"
#include "ctl/base/pages.h"
#include "ctl/command/cmd.h"
#include "ctl/present/table.h"
#include "ctl/present/text.h"
#include "ctl/present/views.h"

#include <string.h>

enum { STATUS_LABEL = 20 };

static int
read_thumbprint(struct ctl *ctl, const struct args *args, struct json_object *object, struct error *err)
{
	const char *thumbprint = ctl_text_at(object, "metadata.accountThumbprint");

	if (args->resource != &api_resources[API_PROVIDER])
		return error_set(err, ERROR_USAGE, "--thumbprint is only available for: certctl show provider NAME");
	if (!*thumbprint)
		return error_set(err, ERROR_STATE, "provider '%s' has no account yet; see: certctl explain provider %s",
			args->words.items[0], args->words.items[0]);
	fprintf(ctl->out, "%s\n", thumbprint);
	return 0;
}

int
cmd_show(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *object = NULL;

	if (args->resource == &api_resources[API_CERTIFICATE] && !ctl->view
			? export_find(ctl, args->words.items[0], &object, err) < 0
			: ctl_get(ctl, args->resource, args->words.items[0], &object, err) < 0)
		return -1;
	if (args_has_flag(args, "thumbprint"))
		return read_thumbprint(ctl, args, object, err);
	output_object(ctl, &view_detail, args->resource, object);
	return 0;
}

/* --- schedule --- */

/* The object of work that is internal to certd has the work's word as its type. */
static void
read_schedule_object(struct json_object *item, struct buf *ret)
{
	struct json_object *object = ctl_at(item, "object");
	const char *name = ctl_text_at(object, "name");

	if (strcmp(ctl_text_at(object, "type"), ctl_text_at(item, "kind")) == 0)
		buf_add_str(ret, *name ? name : ctl_text_at(object, "id"));
	else
		text_reference(object, ret);
}

static void
read_schedule_item(struct output *output, struct json_object *item)
{
	_cleanup_buf_ struct buf when = BUF_INIT;
	_cleanup_buf_ struct buf what = BUF_INIT;

	if (!output->table) {
		output->table = table_new();
		table_column(output->table, "WHEN", 0);
		table_column(output->table, "DATE", 1);
		table_column(output->table, "WHAT", 0);
		table_column(output->table, "OBJECT", 0);
	}
	text_relative(&when, ctl_time_at(item, "date"), ctl_now(output->ctl));
	read_schedule_object(item, &what);
	table_row(output->table, NULL);
	table_cell(output->table, buf_str(&when), TONE_NONE);
	table_cell(output->table, ctl_text_at(item, "date"), TONE_NONE);
	table_cell(output->table, ctl_text_at(item, "kind"), TONE_NONE);
	table_cell(output->table, buf_str(&what), TONE_NONE);
}

static void
read_schedule_end(struct output *output)
{
	if (output->table)
		table_print(output->table, output->ctl->out, output->ctl->out_columns, false);
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

/* A label and its value; a long value continues below itself. */
static void
read_status_fact(struct ctl *ctl, const char *label, const char *value)
{
	fprintf(ctl->out, "%-*s", STATUS_LABEL, label);
	terminal_wrap(ctl, STATUS_LABEL, STATUS_LABEL, value);
}

static void
read_status_counts(struct ctl *ctl, struct json_object *item)
{
	static const char *const parts[] = { "available", "provisioning", "failed", "failing", "paused", "expired" };
	_cleanup_buf_ struct buf autos = BUF_INIT;
	_cleanup_free_ char *certificates = xasprintf("%lld in the store", read_count_at(item, "certificates"));
	_cleanup_free_ char *declared = xasprintf("providers %lld, DNS providers %lld, consumers %lld",
		read_count_at(item, "providers"), read_count_at(item, "dnsProviders"),
		read_count_at(item, "consumers"));
	_cleanup_free_ char *orders = xasprintf("%lld", read_count_at(item, "inFlight"));
	const char *separator = ": ";

	buf_printf(&autos, "%lld", read_count_at(item, "autoCertificates.total"));
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		_cleanup_free_ char *path = xasprintf("autoCertificates.%s", parts[i]);

		if (read_count_at(item, path)) {
			buf_printf(&autos, "%s%lld %s", separator, read_count_at(item, path), parts[i]);
			separator = ", ";
		}
	}
	read_status_fact(ctl, "auto-certificates", buf_str(&autos));
	read_status_fact(ctl, "certificates", certificates);
	if (read_count_at(item, "autoCertificates.unserved")) {
		_cleanup_free_ char *unserved = xasprintf(
			"%lld deployed certificates, see below", read_count_at(item, "autoCertificates.unserved"));

		read_status_fact(ctl, "not served", unserved);
	}
	read_status_fact(ctl, "declared", declared);
	read_status_fact(ctl, "orders in progress", orders);
	for (size_t i = 0; i < ctl_count_at(item, "reissues"); i++)
		read_status_fact(
			ctl, "reissue", json_object_get_string(json_object_array_get_idx(ctl_at(item, "reissues"), i)));
}

static void
read_status_next(struct ctl *ctl, struct json_object *item)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *action = ctl_text_at(item, "nextAction");

	if (!ctl_time_at(item, "nextDate"))
		return;
	/* certd's own work, of no object: "reissue (selected certificates)" */
	if (strcmp(action, ctl_text_at(item, "nextObject.type")) == 0 && *ctl_text_at(item, "nextObject.name")) {
		buf_printf(&text, "%s (%s)", action, ctl_text_at(item, "nextObject.name"));
	} else {
		buf_printf(&text, "%s ", action);
		text_reference(ctl_at(item, "nextObject"), &text);
	}
	buf_add_str(&text, ", ");
	text_relative(&text, ctl_time_at(item, "nextDate"), ctl_now(ctl));
	read_status_fact(ctl, "next", buf_str(&text));
}

/* A title and its lines. */
static void
read_status_title(struct ctl *ctl, enum tone tone, const char *title)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	terminal_paint(&text, ctl->has_colour, tone, title);
	fprintf(ctl->out, "\n%s\n", buf_str(&text));
}

static void
read_status_line(struct ctl *ctl, const char *text)
{
	fputs("  ", ctl->out);
	terminal_wrap(ctl, 2, 4, text);
}

static void
read_status_failing(struct ctl *ctl, struct json_object *list)
{
	_cleanup_free_ char *explain = NULL;

	if (ctl_count_at(list, "") == 0)
		return;
	read_status_title(ctl, TONE_BAD, "failing");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		_cleanup_buf_ struct buf when = BUF_INIT;
		_cleanup_buf_ struct buf what = BUF_INIT;
		_cleanup_free_ char *line = NULL;

		text_relative(&when, ctl_time_at(item, "date"), ctl_now(ctl));
		text_reference(ctl_at(item, "object"), &what);
		line = xasprintf("%s, %s: %s; retry %s", buf_str(&what), ctl_text_at(item, "action"),
			ctl_text_at(item, "message"), buf_str(&when));
		read_status_line(ctl, line);
		if (!explain && *ctl_text_at(item, "object.name") &&
			strcmp(ctl_text_at(item, "object.type"), "alert") != 0)
			explain = shell_certctl("explain", ctl_text_at(item, "object.name"), NULL);
	}
	if (explain)
		fprintf(ctl->out, "  to see why: %s\n", explain);
}

/* The conditions that alerts report. */
static void
read_status_conditions(struct ctl *ctl, struct json_object *item)
{
	struct json_object *list = ctl_at(item, "conditions");
	long long more = read_count_at(item, "conditionCount") - (long long)ctl_count_at(list, "");

	if (ctl_count_at(list, "") == 0)
		return;
	read_status_title(ctl, TONE_BAD, "attention");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *c = json_object_array_get_idx(list, i);
		_cleanup_buf_ struct buf since = BUF_INIT;
		_cleanup_buf_ struct buf what = BUF_INIT;
		_cleanup_free_ char *line = NULL;

		text_relative(&since, ctl_time_at(c, "since"), ctl_now(ctl));
		if (ctl_at(c, "object"))
			text_reference(ctl_at(c, "object"), &what);
		line = xasprintf("%s: %s%s%s: %s (%s)", ctl_text_at(c, "severity"), buf_str(&what),
			what.len ? ", " : "", ctl_text_at(c, "title"), ctl_text_at(c, "message"), buf_str(&since));
		read_status_line(ctl, line);
	}
	if (more > 0)
		fprintf(ctl->out, "  and %lld more\n", more);
}

static void
read_status_warnings(struct ctl *ctl, struct json_object *list)
{
	if (ctl_count_at(list, "") == 0)
		return;
	read_status_title(ctl, TONE_SOON, "warnings");
	for (size_t i = 0; i < json_object_array_length(list); i++)
		read_status_line(ctl, json_object_get_string(json_object_array_get_idx(list, i)));
}

static void
read_status_head(struct ctl *ctl, struct json_object *item)
{
	const char *state = ctl_text_at(item, "state");
	_cleanup_buf_ struct buf since = BUF_INIT;
	_cleanup_buf_ struct buf head = BUF_INIT;
	_cleanup_free_ char *rest = NULL;
	_cleanup_free_ char *where = NULL;

	buf_printf(&head, "certd %s is ", ctl_text_at(item, "version"));
	terminal_paint(&head, ctl->has_colour, tone_of_word(state), state);
	text_relative(&since, ctl_time_at(item, "startedDate"), ctl_now(ctl));
	rest = xasprintf(", started %s, process %lld; your role is %s", buf_str(&since), read_count_at(item, "pid"),
		ctl_text_at(item, "role"));
	fputs(buf_str(&head), ctl->out);
	terminal_wrap(ctl, strlen("certd  is ") + strlen(ctl_text_at(item, "version")) + strlen(state), 2, rest);
	if (*ctl_text_at(item, "message"))
		terminal_wrap(ctl, 0, 2, ctl_text_at(item, "message"));
	where = xasprintf(
		"state in %s, files in %s", ctl_text_at(item, "stateDirectory"), ctl_text_at(item, "dropDirectory"));
	terminal_wrap(ctl, 0, 2, where);
	fputc('\n', ctl->out);
}

static void
read_status_item(struct output *output, struct json_object *item)
{
	struct ctl *ctl = output->ctl;

	read_status_head(ctl, item);
	if (json_object_get_boolean(ctl_at(item, "scoped"))) {
		fputs("only certificates within your scope are shown\n", ctl->out);
		return;
	}
	read_status_counts(ctl, item);
	read_status_next(ctl, item);
	read_status_conditions(ctl, item);
	read_status_failing(ctl, ctl_at(item, "failing"));
	read_status_warnings(ctl, ctl_at(item, "warnings"));
}

static const struct view view_status = { VIEW_OBJECT, read_status_item, NULL };

int
cmd_status(struct ctl *ctl, struct args *args, struct error *err)
{
	if (args_has_flag(args, "check"))
		return cmd_check(ctl);
	return output_call(ctl, args->command->method, NULL, &view_status, NULL, err);
}

static void
read_reload_item(struct output *output, struct json_object *item)
{
	struct json_object *names = ctl_array_at(item, "needsRestart");
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;
	_cleanup_free_ char *all = NULL;

	for (size_t i = 0; names && i < json_object_array_length(names); i++)
		strlist_add(&list, json_object_get_string(json_object_array_get_idx(names, i)));
	all = strlist_join(&list, ", ");
	fprintf(output->ctl->out, "certd has read its configuration again%s%s\n",
		list.count ? "; restart it to apply the changes of " : "", all);
}

static const struct view view_reload = { VIEW_OBJECT, read_reload_item, NULL };

int
cmd_reload(struct ctl *ctl, struct args *args, struct error *err)
{
	return output_call(ctl, args->command->method, NULL, &view_reload, NULL, err);
}
