/*
 * libyaml's events to JSON values and back. The recursion depth is the nesting, which is bounded. Memory is bounded by
 * the size of the text, because aliases, which could repeat parts of it, are refused.
 */
#include "ctl/declare/yaml_file.h"

#include "common/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	bool has_event;
	struct yaml_file *file;
	struct error *err;
};

void
yaml_clear(struct yaml_file *file)
{
	json_object_put(file->root);
	json_object_put(file->lines);
	*file = (struct yaml_file){ .root = NULL };
}

int64_t
yaml_line(const struct yaml_file *file, const char *path)
{
	struct json_object *node = file->lines;
	int64_t line = 0;

	while (*path) {
		size_t len = strcspn(path, "/");
		_cleanup_free_ char *key = xstrndup(path, len);
		struct json_object *members = NULL;
		struct json_object *at = NULL;

		if (!json_object_object_get_ex(node, "members", &members) ||
			!json_object_object_get_ex(members, key, &node))
			return line;
		json_object_object_get_ex(node, "line", &at);
		line = json_object_get_int64(at);
		path += len + (path[len] == '/');
	}
	return line;
}

/* --- reading --- */

static int
yaml_refuse_at(struct reader *r, size_t line, const char *what)
{
	return error_set(r->err, ERROR_INVALID, "line %zu: %s", line + 1, what);
}

static int
yaml_file_refuse(struct reader *r, const char *what)
{
	return yaml_refuse_at(r, r->event.start_mark.line, what);
}

static int
yaml_syntax_error(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem ? p->problem : "syntax error";

	if (p->error == YAML_READER_ERROR)
		return yaml_refuse_at(r, p->mark.line, problem);
	if (p->context)
		return error_set(
			r->err, ERROR_INVALID, "line %zu: %s %s", p->problem_mark.line + 1, p->context, problem);
	return yaml_refuse_at(r, p->problem_mark.line, problem);
}

static int
yaml_next_event(struct reader *r)
{
	if (r->has_event)
		yaml_event_delete(&r->event);
	r->has_event = yaml_parser_parse(&r->parser, &r->event);
	return r->has_event ? 0 : yaml_syntax_error(r);
}

/* Reads the next event, which must be of that type. */
static int
yaml_expect(struct reader *r, yaml_event_type_t type, const char *otherwise)
{
	if (yaml_next_event(r) < 0)
		return -1;
	return r->event.type == type ? 0 : yaml_file_refuse(r, otherwise);
}

/* "0", "-7", "300": a number's only accepted spelling, so that it can be converted back to the same text. */
static bool
yaml_is_whole_number(const char *text)
{
	const char *digits = text + (*text == '-');
	size_t len = strspn(digits, "0123456789");

	return len > 0 && len <= 18 && digits[len] == '\0' && (digits[0] != '0' || (len == 1 && digits == text));
}

static bool
yaml_is_null(const char *text)
{
	return *text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

/* @ret is NULL for null. */
static int
yaml_read_scalar(struct reader *r, struct json_object **ret)
{
	const char *text = (const char *)r->event.data.scalar.value;
	size_t len = r->event.data.scalar.length;

	if (r->event.data.scalar.anchor || r->event.data.scalar.tag)
		return yaml_file_refuse(r, "anchors (&) and tags (!) are not supported");
	if (memchr(text, '\0', len))
		return yaml_file_refuse(r, "it contains a NUL character");
	if (r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		*ret = json_object_new_string_len(text, (int)len);
	else if (yaml_is_null(text))
		*ret = NULL;
	else if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		*ret = json_object_new_boolean(*text == 't');
	else if (yaml_is_whole_number(text))
		*ret = json_object_new_int64(strtoll(text, NULL, 10));
	else
		*ret = json_object_new_string_len(text, (int)len);
	return 0;
}

static int
yaml_read_value(struct reader *r, unsigned depth, struct json_object *lines, struct json_object **ret);

/* What is known about the lines of @key's members, a tree like the mapping itself. Borrowed from @lines. */
static struct json_object *
yaml_note_line(struct json_object *lines, const char *key, size_t line)
{
	struct json_object *node = json_object_new_object();
	struct json_object *members = NULL;

	if (!json_object_object_get_ex(lines, "members", &members)) {
		members = json_object_new_object();
		json_object_object_add(lines, "members", members);
	}
	json_add_int(node, "line", (int64_t)line);
	json_object_object_add(members, key, node);
	return node;
}

static int
yaml_read_list(struct reader *r, unsigned depth, struct json_object *lines, struct json_object *list)
{
	for (;;) {
		struct json_object *item = NULL;

		if (yaml_next_event(r) < 0)
			return -1;
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			return 0;
		if (yaml_read_value(r, depth, lines, &item) < 0)
			return -1;
		json_object_array_add(list, item);
	}
}

/* Records the line of the current event's key, and reads its value. */
static int
yaml_read_member(struct reader *r, unsigned depth, struct json_object *lines, struct json_object *mapping)
{
	_cleanup_free_ char *key = NULL;
	struct json_object *value = NULL;
	struct json_object *own_lines;
	int rc;

	if (r->event.type != YAML_SCALAR_EVENT)
		return yaml_file_refuse(r, "a key must be plain text");
	if (r->event.data.scalar.anchor || r->event.data.scalar.tag)
		return yaml_file_refuse(r, "anchors (&) and tags (!) are not supported");
	if (memchr(r->event.data.scalar.value, '\0', r->event.data.scalar.length))
		return yaml_file_refuse(r, "it contains a NUL character");
	key = xstrdup((const char *)r->event.data.scalar.value);
	if (json_object_object_get_ex(mapping, key, NULL))
		return error_set(
			r->err, ERROR_INVALID, "line %zu: '%s' is given twice", r->event.start_mark.line + 1, key);
	own_lines = yaml_note_line(lines, key, r->event.start_mark.line + 1);
	rc = yaml_next_event(r);
	if (rc == 0)
		rc = yaml_read_value(r, depth, own_lines, &value);
	if (rc == 0)
		json_object_object_add(mapping, key, value);
	return rc;
}

static int
yaml_read_mapping(struct reader *r, unsigned depth, struct json_object *lines, struct json_object *mapping)
{
	for (;;) {
		if (yaml_next_event(r) < 0)
			return -1;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return 0;
		if (yaml_read_member(r, depth, lines, mapping) < 0)
			return -1;
	}
}

/* Reads the value that begins with the current event. @ret is NULL for null. */
static int
yaml_read_value(struct reader *r, unsigned depth, struct json_object *lines, struct json_object **ret)
{
	bool is_list = r->event.type == YAML_SEQUENCE_START_EVENT;
	const void *anchor = is_list ? r->event.data.sequence_start.anchor : r->event.data.mapping_start.anchor;
	const void *tag = is_list ? r->event.data.sequence_start.tag : r->event.data.mapping_start.tag;
	struct json_object *value;
	int rc;

	if (r->event.type == YAML_SCALAR_EVENT)
		return yaml_read_scalar(r, ret);
	if (r->event.type == YAML_ALIAS_EVENT)
		return yaml_file_refuse(r, "aliases (*) are not supported; quote a name that begins with *");
	if (anchor || tag)
		return yaml_file_refuse(r, "anchors (&) and tags (!) are not supported");
	if (depth >= YAML_MAX_DEPTH)
		return yaml_file_refuse(r, "it is nested too deeply");
	value = is_list ? json_object_new_array() : json_object_new_object();
	rc = is_list ? yaml_read_list(r, depth + 1, lines, value) : yaml_read_mapping(r, depth + 1, lines, value);
	if (rc < 0)
		json_object_put(value);
	else
		*ret = value;
	return rc;
}

static int
yaml_read_document(struct reader *r)
{
	static const char no_mapping[] = "expected a mapping, such as 'providers:'";

	if (yaml_expect(r, YAML_STREAM_START_EVENT, "the file is empty") < 0 ||
		yaml_expect(r, YAML_DOCUMENT_START_EVENT, "the file is empty") < 0)
		return -1;
	if (r->event.data.document_start.tag_directives.start != r->event.data.document_start.tag_directives.end)
		return yaml_file_refuse(r, "directives (%) are not supported");
	if (yaml_expect(r, YAML_MAPPING_START_EVENT, no_mapping) < 0 ||
		yaml_read_value(r, 0, r->file->lines, &r->file->root) < 0 ||
		yaml_expect(r, YAML_DOCUMENT_END_EVENT, "expected the end") < 0)
		return -1;
	return yaml_expect(
		r, YAML_STREAM_END_EVENT, "there is a second document; put each document into a file of its own");
}

int
yaml_read(const char *text, size_t len, struct yaml_file *ret, struct error *err)
{
	struct reader r = { .file = ret, .err = err };
	int rc;

	*ret = (struct yaml_file){ .lines = json_object_new_object() };
	if (len > YAML_MAX_SIZE) {
		yaml_clear(ret);
		return error_set(err, ERROR_LIMIT, "the file is larger than %d octets", YAML_MAX_SIZE);
	}
	if (!yaml_parser_initialize(&r.parser))
		abort(); /* out of memory, as in xmalloc() */
	if (len >= 3 &&
		memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* libyaml looks for a BOM only when no encoding is set */
		text += 3;
		len -= 3;
	}
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	rc = yaml_read_document(&r);
	if (r.has_event)
		yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	if (rc < 0)
		yaml_clear(ret);
	return rc;
}

/* --- writing --- */

/* Would it be read as another type than text? */
static bool
yaml_needs_quotes(const char *text)
{
	return yaml_is_null(text) || strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ||
	       yaml_is_whole_number(text);
}

static int
yaml_file_emit(yaml_emitter_t *emitter, int made, yaml_event_t *event)
{
	return made && yaml_emitter_emit(emitter, event) ? 0 : -1;
}

static int
yaml_emit_text(yaml_emitter_t *emitter, const char *text, bool is_text)
{
	yaml_scalar_style_t style = is_text && yaml_needs_quotes(text) ? YAML_DOUBLE_QUOTED_SCALAR_STYLE
								       : YAML_ANY_SCALAR_STYLE;
	yaml_event_t event;

	return yaml_file_emit(emitter,
		yaml_scalar_event_initialize(
			&event, NULL, NULL, (const unsigned char *)text, (int)strlen(text), 1, 1, style),
		&event);
}

static int
yaml_emit_value(yaml_emitter_t *emitter, struct json_object *value);

static int
yaml_emit_members(yaml_emitter_t *emitter, struct json_object *mapping)
{
	json_object_object_foreach(mapping, key, value) {
		if (yaml_emit_text(emitter, key, true) < 0 || yaml_emit_value(emitter, value) < 0)
			return -1;
	}
	return 0;
}

static int
yaml_emit_mapping(yaml_emitter_t *emitter, struct json_object *mapping)
{
	yaml_event_t event;

	if (yaml_file_emit(emitter,
		    yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE), &event) < 0 ||
		yaml_emit_members(emitter, mapping) < 0)
		return -1;
	return yaml_file_emit(emitter, yaml_mapping_end_event_initialize(&event), &event);
}

static int
yaml_emit_list(yaml_emitter_t *emitter, struct json_object *list)
{
	yaml_event_t event;

	if (yaml_file_emit(emitter,
		    yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE), &event) < 0)
		return -1;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (yaml_emit_value(emitter, json_object_array_get_idx(list, i)) < 0)
			return -1;
	return yaml_file_emit(emitter, yaml_sequence_end_event_initialize(&event), &event);
}

static int
yaml_emit_value(yaml_emitter_t *emitter, struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_object:
		return yaml_emit_mapping(emitter, value);
	case json_type_array:
		return yaml_emit_list(emitter, value);
	case json_type_string:
		return yaml_emit_text(emitter, json_object_get_string(value), true);
	default:
		return yaml_emit_text(emitter, value ? json_object_get_string(value) : "null", false);
	}
}

static int
yaml_emit_document(yaml_emitter_t *emitter, struct json_object *value)
{
	yaml_event_t event;

	if (yaml_file_emit(emitter, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING), &event) < 0 ||
		yaml_file_emit(emitter, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1), &event) <
			0 ||
		yaml_emit_value(emitter, value) < 0 ||
		yaml_file_emit(emitter, yaml_document_end_event_initialize(&event, 1), &event) < 0)
		return -1;
	return yaml_file_emit(emitter, yaml_stream_end_event_initialize(&event), &event);
}

int
yaml_write(struct json_object *value, FILE *out, struct error *err)
{
	yaml_emitter_t emitter;
	int rc;

	if (!yaml_emitter_initialize(&emitter))
		abort();
	yaml_emitter_set_output_file(&emitter, out);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	rc = yaml_emit_document(&emitter, value);
	if (rc < 0)
		error_set(err, ERROR_IO, "cannot write YAML: %s", emitter.problem ? emitter.problem : strerror(errno));
	yaml_emitter_delete(&emitter);
	return rc;
}
