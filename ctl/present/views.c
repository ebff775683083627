/* The views: a table of a resource's columns, all details of one object, and a line for each event. */
#include "ctl/present/views.h"

#include "common/timefmt.h"
#include "ctl/present/columns.h"
#include "ctl/present/table.h"
#include "ctl/present/text.h"

#include <string.h>
#include <time.h>

enum { LABEL_WIDTH = 28, EVENT_HEAD = 47, EVENT_INDENT = 20 };

/* --- table --- */

/* @own: set when the resource's default columns are shown; cleared by the caller. */
static const struct columns *
view_columns_of(const struct output *output, struct columns *own)
{
	*own = (struct columns){ .count = 0 };
	if (!output->columns)
		columns_default(output->resource, own);
	return output->columns ? output->columns : own;
}

static void
view_table_item(struct output *output, struct json_object *item)
{
	_cleanup_columns_ struct columns own;
	const struct columns *columns = view_columns_of(output, &own);

	if (!output->table) {
		output->table = table_new();
		for (size_t i = 0; i < columns->count; i++)
			table_column(output->table, columns->items[i].title, columns->items[i].rank);
	}
	table_row(output->table, output->is_by_name ? ctl_text_at(item, "properties.name") : NULL);
	for (size_t i = 0; i < columns->count; i++) {
		struct json_object *value = ctl_at(item, columns->items[i].path);
		_cleanup_buf_ struct buf cell = BUF_INIT;

		if (value)
			text_value(output->ctl, columns->items[i].field, value, &cell);
		table_cell(output->table, buf_str(&cell), tone_of_member(output->ctl, columns->items[i].path, item));
	}
}

static void
view_table_end(struct output *output)
{
	if (output->table)
		table_print(output->table, output->ctl->out, output->ctl->out_columns, output->ctl->has_colour);
}

const struct view view_table = { VIEW_LIST, view_table_item, view_table_end };

/* --- detail --- */

static void
view_print_label(struct output *output, const char *name)
{
	_cleanup_buf_ struct buf label = BUF_INIT;

	text_split_camel(name, ' ', &label);
	fprintf(output->ctl->out, "  %-*s", LABEL_WIDTH, buf_str(&label));
}

/* PEM and other text of several lines: below its label, indented. */
static void
view_print_long_text(FILE *out, const char *text)
{
	fputc('\n', out);
	while (*text) {
		size_t len = strcspn(text, "\n");

		fprintf(out, "    %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void
view_print_toned(struct output *output, enum tone tone, const char *text)
{
	_cleanup_buf_ struct buf painted = BUF_INIT;

	terminal_paint(&painted, output->ctl->has_colour, tone, text);
	fputs(buf_str(&painted), output->ctl->out);
}

static void
view_print_time(struct output *output, enum tone tone, const char *text)
{
	_cleanup_buf_ struct buf relative = BUF_INIT;
	int64_t at = 0;

	if (time_parse_rfc3339(text, &at) == 0)
		text_relative(&relative, at, ctl_now(output->ctl));
	view_print_toned(output, tone, text);
	fprintf(output->ctl->out, " (%s)\n", buf_str(&relative));
}

/* A value behind its label; what does not fit on the line continues below. */
static void
view_wrap(const struct output *output, const char *text)
{
	terminal_wrap(output->ctl, LABEL_WIDTH + 2, LABEL_WIDTH + 2, text);
}

static void
view_print_error(struct output *output, struct json_object *error)
{
	const char *problem = ctl_text_at(error, "problem");

	_cleanup_free_ char *text = xasprintf("%s (%s%s%s)", ctl_text_at(error, "message"), ctl_text_at(error, "code"),
		*problem ? ", " : "", problem);

	view_wrap(output, text);
}

static void
view_print_fields(struct output *output, const struct api_field *fields, struct json_object *values);

/* One item per line. */
static void
view_print_array(struct output *output, const struct api_field *field, struct json_object *value)
{
	struct api_field item = *field;
	size_t count = json_object_array_length(value);

	item.type = field->type == API_REFLIST ? API_REF : field->type == API_LIST ? API_OBJECT : API_STRING;
	if (count == 0)
		fputs("none\n", output->ctl->out);
	for (size_t i = 0; i < count; i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		text_value(output->ctl, &item, json_object_array_get_idx(value, i), &text);
		if (i)
			fprintf(output->ctl->out, "  %-*s", LABEL_WIDTH, "");
		fprintf(output->ctl->out, "%s\n", buf_str(&text));
	}
}

static void
view_print_value(
	struct output *output, const struct api_field *field, struct json_object *value, struct json_object *values)
{
	enum tone tone = tone_of_member(output->ctl, field->name, values);
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *string = json_object_get_string(value);

	if (!*string)
		return;
	view_print_label(output, field->name);
	if (json_object_is_type(value, json_type_array)) {
		view_print_array(output, field, value);
	} else if (strcmp(field->name, "lastError") == 0) {
		view_print_error(output, value);
	} else if (field->type == API_TIME) {
		view_print_time(output, tone, string);
	} else if ((field->type == API_STRING || field->type == API_TEXT) && strchr(string, '\n')) {
		view_print_long_text(output->ctl->out, string);
	} else if (tone != TONE_NONE) {
		view_print_toned(output, tone, string);
		fputc('\n', output->ctl->out);
	} else {
		text_value(output->ctl, field, value, &text);
		view_wrap(output, buf_str(&text));
	}
}

/* Lists of large objects are printed last, each object as a block. */
static bool
view_is_block_list(const struct api_field *field)
{
	size_t count = 0;

	for (const struct api_field *f = field->fields; field->type == API_LIST && f->name; f++)
		count++;
	return count > 3 && !(field->flags & API_ENDPOINT);
}

static void
view_print_fields(struct output *output, const struct api_field *fields, struct json_object *values)
{
	for (const struct api_field *f = fields; f && f->name; f++) {
		struct json_object *value = NULL;

		if (!json_object_object_get_ex(values, f->name, &value) || !value || view_is_block_list(f))
			continue;
		if (f->type != API_OBJECT || strcmp(f->name, "lastError") == 0)
			view_print_value(output, f, value, values);
		else
			view_print_fields(output, f->fields, value);
	}
}

/* Prints lists such as consumer rollouts, one block per item. */
static void
view_print_blocks(struct output *output, const struct api_field *fields, struct json_object *values)
{
	for (const struct api_field *f = fields; f && f->name; f++) {
		struct json_object *value = view_is_block_list(f) ? ctl_array_at(values, f->name) : NULL;

		for (size_t i = 0; value && i < json_object_array_length(value); i++) {
			fprintf(output->ctl->out, "\n%s %zu\n", f->name, i + 1);
			view_print_fields(output, f->fields, json_object_array_get_idx(value, i));
		}
	}
}

static void
view_detail_item(struct output *output, struct json_object *item)
{
	const struct api_resource *resource = output->resource;
	FILE *out = output->ctl->out;

	if (output->count)
		fputc('\n', out);
	fprintf(out, "%s %s\n", resource->cli, ctl_text_at(item, "properties.name"));
	view_print_label(output, "id");
	fprintf(out, "%s\n", ctl_text_at(item, "id"));
	fputs("\ndeclared\n", out);
	view_print_fields(output, resource->properties, ctl_at(item, "properties"));
	fputs("\nstate\n", out);
	view_print_fields(output, resource->metadata, ctl_at(item, "metadata"));
	view_print_fields(output, api_common_metadata, ctl_at(item, "metadata"));
	view_print_blocks(output, resource->metadata, ctl_at(item, "metadata"));
}

const struct view view_detail = { VIEW_OBJECT, view_detail_item, NULL };

/* --- events --- */

/* "2026-11-21 10:30:00 notice  issue.done    auto www: certificate issued", in local time like the journal. */
static void
view_event_item(struct output *output, struct json_object *event)
{
	time_t at = (time_t)ctl_time_at(event, "time");
	const char *level = ctl_text_at(event, "level");
	_cleanup_free_ char *padded = xasprintf("%-7s", level);
	_cleanup_buf_ struct buf head = BUF_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	char when[32] = "";
	struct tm tm;

	if (localtime_r(&at, &tm))
		strftime(when, sizeof(when), "%F %T", &tm);
	buf_printf(&head, "%s ", when);
	terminal_paint(&head, output->ctl->has_colour, tone_of_word(level), padded);
	buf_printf(&text, " %-18s ", ctl_text_at(event, "kind"));
	fprintf(output->ctl->out, "%s%s", buf_str(&head), buf_str(&text));
	buf_reset(&text);
	text_reference(ctl_at(event, "object"), &text);
	buf_printf(&text, "%s%s", text.len ? ": " : "", ctl_text_at(event, "message"));
	terminal_wrap(output->ctl, EVENT_HEAD, EVENT_INDENT, buf_str(&text));
}

const struct view view_events = { VIEW_STREAM, view_event_item, NULL };
const struct view view_event_list = { VIEW_LIST, view_event_item, NULL };
