/*
 * The writers. json passes objects through unchanged. keyvalue writes a "path=value" line for each leaf and an empty
 * line between objects. text uses the command's view.
 */
#include "ctl/present/output.h"

#include "common/buf.h"
#include "ctl/present/table.h"
#include "ctl/present/text.h"

#include <string.h>

struct writer {
	const char *name;
	void (*start)(struct output *output);
	void (*item)(struct output *output, struct json_object *item);
	void (*end)(struct output *output);
};

/* --- text --- */

static void
output_text_item(struct output *output, struct json_object *item)
{
	if (!output->view->item)
		return;
	text_make_lines(item);
	output->view->item(output, item);
}

static void
output_text_end(struct output *output)
{
	if (output->view->end)
		output->view->end(output);
}

/* --- json --- */

static void
output_json_start(struct output *output)
{
	if (output->view->kind == VIEW_LIST)
		fputs("[", output->ctl->out);
}

static void
output_json_item(struct output *output, struct json_object *item)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

	if (output->view->kind != VIEW_STREAM)
		flags |= JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
	if (output->view->kind == VIEW_LIST)
		fputs(output->count ? ",\n" : "\n", output->ctl->out);
	fputs(json_object_to_json_string_ext(item, flags), output->ctl->out);
	if (output->view->kind != VIEW_LIST)
		fputs("\n", output->ctl->out);
}

static void
output_json_end(struct output *output)
{
	if (output->view->kind == VIEW_LIST)
		fputs(output->count ? "\n]\n" : "]\n", output->ctl->out);
}

/* --- keyvalue --- */

static void
output_keyvalue_leaf(FILE *out, const char *path, const char *text)
{
	fprintf(out, "%s=", path);
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '\\')
			fputs("\\\\", out);
		else
			fputc(*text, out);
	}
	fputc('\n', out);
}

static void
output_keyvalue_write(FILE *out, struct buf *path, struct json_object *value);

static void
output_keyvalue_members(FILE *out, struct buf *path, struct json_object *value)
{
	size_t len = path->len;

	json_object_object_foreach(value, name, member) {
		buf_printf(path, "%s%s", len ? "." : "", name);
		output_keyvalue_write(out, path, member);
		path->len = len;
	}
}

static void
output_keyvalue_write(FILE *out, struct buf *path, struct json_object *value)
{
	size_t len = path->len;

	switch (json_object_get_type(value)) {
	case json_type_object:
		output_keyvalue_members(out, path, value);
		return;
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			buf_printf(path, "[%zu]", i);
			output_keyvalue_write(out, path, json_object_array_get_idx(value, i));
			path->len = len;
		}
		return;
	case json_type_null:
		return;
	default:
		output_keyvalue_leaf(out, buf_str(path), json_object_get_string(value));
	}
}

static void
output_keyvalue_item(struct output *output, struct json_object *item)
{
	_cleanup_buf_ struct buf path = BUF_INIT;

	if (output->count)
		fputc('\n', output->ctl->out);
	output_keyvalue_write(output->ctl->out, &path, item);
}

static void
output_nothing(struct output *output _unused_)
{
}

static const struct writer writers[] = {
	[FORMAT_TEXT] = { "text", output_nothing, output_text_item, output_text_end },
	[FORMAT_JSON] = { "json", output_json_start, output_json_item, output_json_end },
	[FORMAT_KEYVALUE] = { "keyvalue", output_nothing, output_keyvalue_item, output_nothing },
};

const char *const output_format_names[] = { "text", "json", "keyvalue", NULL };

int
output_format_find(const char *word, enum ctl_format *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
		if (strcmp(writers[i].name, word) == 0) {
			*ret = (enum ctl_format)i;
			return 1;
		}
	}
	return 0;
}

void
output_start(struct output *output, struct ctl *ctl, const struct view *view, const struct api_resource *resource)
{
	*output = (struct output){ .ctl = ctl, .view = view, .resource = resource };
	writers[ctl->format].start(output);
}

void
output_item(struct output *output, struct json_object *item)
{
	writers[output->ctl->format].item(output, item);
	output->count++;
	if (output->view->kind == VIEW_STREAM)
		fflush(output->ctl->out);
}

void
output_end(struct output *output)
{
	writers[output->ctl->format].end(output);
	table_free(output->table);
	output->table = NULL;
}

void
output_object(struct ctl *ctl, const struct view *view, const struct api_resource *resource, struct json_object *item)
{
	struct output output;

	output_start(&output, ctl, view, resource);
	output_item(&output, item);
	output_end(&output);
}

int
output_call(struct ctl *ctl, enum api_method_id method, struct json_object *params, const struct view *view,
	const struct api_resource *resource, struct error *err)
{
	_cleanup_json_ struct json_object *result = NULL;

	if (ctl_call(ctl, method, params, &result, err) < 0)
		return -1;
	output_object(ctl, view, resource, result);
	return 0;
}
