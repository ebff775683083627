/* check and doctor: would the next renewal of a certificate, or of each, succeed? */
#include "ctl/base/pages.h"
#include "ctl/command/cmd.h"
#include "ctl/present/output.h"
#include "ctl/present/table.h"

#include <string.h>

/* The exit statuses of status --check; a note counts as success. */
static int
ready_status(const char *grade)
{
	return strcmp(grade, "blocked") == 0 ? 2 : strcmp(grade, "warning") == 0 ? 1 : 0;
}

static void
ready_note_status(struct ctl *ctl, struct json_object *item)
{
	int status = ready_status(ctl_text_at(item, "grade"));

	if (status > ctl->exit_status)
		ctl->exit_status = status;
}

static bool
is_ok(struct json_object *finding)
{
	return strcmp(ctl_text_at(finding, "grade"), "ok") == 0;
}

/* The evidence in full, which a table would cut. */
static void
ready_print_evidence(struct ctl *ctl, struct json_object *findings)
{
	for (size_t i = 0; i < ctl_count_at(findings, ""); i++) {
		struct json_object *finding = json_object_array_get_idx(findings, i);
		const char *name = ctl_text_at(finding, "name");
		_cleanup_free_ char *text = xasprintf("%s%s%s%s: %s", ctl_text_at(finding, "check"), *name ? " (" : "",
			name, *name ? ")" : "", ctl_text_at(finding, "message"));

		if (is_ok(finding))
			continue;
		fputs("  ", ctl->out);
		terminal_wrap(ctl, 2, 4, text);
	}
}

static void
ready_add_row(struct table *table, struct json_object *finding)
{
	const char *grade = ctl_text_at(finding, "grade");

	table_row(table, NULL);
	table_cell(table, ctl_text_at(finding, "check"), TONE_NONE);
	table_cell(table, grade, tone_of_word(grade));
	table_cell(table, ctl_text_at(finding, "name"), TONE_NONE);
}

static void
check_item(struct output *output, struct json_object *item)
{
	struct ctl *ctl = output->ctl;
	struct json_object *findings = ctl_array_at(item, "findings");
	struct table *table = table_new();

	table_column(table, "CHECK", 0);
	table_column(table, "RESULT", 0);
	table_column(table, "NAME", 0);
	for (size_t i = 0; i < ctl_count_at(findings, ""); i++)
		ready_add_row(table, json_object_array_get_idx(findings, i));
	table_print(table, ctl->out, ctl->out_columns, ctl->has_colour);
	table_free(table);
	ready_print_evidence(ctl, findings);
}

static const struct view view_check = { VIEW_OBJECT, check_item, NULL };

int
cmd_ready(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *result = NULL;

	if (ctl_call(ctl, args->command->method, json_object_get(args->values), &result, err) < 0)
		return -1;
	output_object(ctl, &view_check, NULL, result);
	ready_note_status(ctl, result);
	return 0;
}

/* --- doctor --- */

static void
doctor_item(struct output *output, struct json_object *item)
{
	struct ctl *ctl = output->ctl;
	const char *grade = ctl_text_at(item, "grade");
	_cleanup_buf_ struct buf painted = BUF_INIT;

	terminal_paint(&painted, ctl->has_colour, tone_of_word(grade), grade);
	fprintf(ctl->out, "%s: %s\n", ctl_text_at(item, "name"), buf_str(&painted));
	ready_print_evidence(ctl, ctl_array_at(item, "findings"));
}

static const struct view view_doctor = { VIEW_LIST, doctor_item, NULL };

static void
doctor_show(struct output *output, const char *name, struct json_object *result)
{
	json_add_string(result, "name", name);
	output_item(output, result);
	ready_note_status(output->ctl, result);
}

struct doctor {
	struct output output;
	struct json_object *names;  /* of the auto-certificates, and */
	struct json_object *params; /* those of the call for each; owned */
};

static void
doctor_take(struct json_object *item, void *arg)
{
	struct doctor *d = arg;
	struct json_object *params = json_object_new_object();

	json_add_string(params, "ref", ctl_text_at(item, "id"));
	json_object_array_add(d->params, params);
	json_object_array_add(d->names, json_object_get(json_path(item, "properties.name")));
}

static int
doctor_answer(size_t index, struct json_object *result, struct error *err, void *arg)
{
	struct doctor *d = arg;

	if (!result)
		return err->code == ERROR_NOT_FOUND ? 0 : -1; /* it was deleted meanwhile */
	doctor_show(&d->output, json_object_get_string(json_object_array_get_idx(d->names, index)), result);
	return 0;
}

static int
doctor_run(struct doctor *d, struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *host = NULL;
	int rc;

	if (ctl_call(ctl, args->command->method, NULL, &host, err) < 0 ||
		pages_each(ctl, RPC_AUTOCERTIFICATE_LIST, args->values, doctor_take, d, err) < 0)
		return -1;
	output_start(&d->output, ctl, &view_doctor, NULL);
	doctor_show(&d->output, "this host", host);
	rc = client_calls(ctl->client, api_methods[RPC_AUTOCERTIFICATE_CHECK].name, d->params, doctor_answer, d, err);
	output_end(&d->output);
	return rc;
}

int
cmd_doctor(struct ctl *ctl, struct args *args, struct error *err)
{
	struct doctor d = { .names = json_object_new_array(), .params = json_object_new_array() };
	int rc = doctor_run(&d, ctl, args, err);

	json_object_put(d.names);
	json_object_put(d.params);
	return rc;
}
