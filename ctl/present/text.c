/* Values for people. The API's table decides how each field is displayed, so new fields need no code here. */
#include "ctl/present/text.h"

#include "common/api/endpoint.h"
#include "common/printable.h"
#include "common/timefmt.h"

#include <ctype.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

void
text_line(struct buf *ret, const char *text)
{
	for (; *text; text++)
		buf_add_char(ret, *text == '\n' ? ' ' : *text);
}

void
text_users(struct buf *ret, const char *text)
{
	const char *mark;

	while ((mark = strstr(text, "uid:"))) {
		size_t digits = strspn(mark + 4, "0123456789");
		const struct passwd *user = digits && digits < 10 ? getpwuid((uid_t)strtoul(mark + 4, NULL, 10)) : NULL;

		buf_add(ret, text, (size_t)(mark - text));
		text = mark + 4 + digits;
		if (user && printable_is_line(user->pw_name, strlen(user->pw_name)))
			buf_add_str(ret, user->pw_name);
		else
			buf_add(ret, mark, 4 + digits);
	}
	buf_add_str(ret, text);
}

static bool
text_is_pem(const char *member)
{
	return strcmp(member, "certificate") == 0 || strcmp(member, "certificateChain") == 0;
}

static void
text_make_member_lines(struct json_object *object)
{
	json_object_object_foreach(object, name, member) {
		if (!text_is_pem(name))
			text_make_lines(member);
	}
}

void
text_make_lines(struct json_object *value)
{
	_cleanup_buf_ struct buf line = BUF_INIT;
	_cleanup_buf_ struct buf named = BUF_INIT;

	switch (json_object_get_type(value)) {
	case json_type_string:
		if (!strchr(json_object_get_string(value), '\n') && !strstr(json_object_get_string(value), "uid:"))
			return;
		text_line(&line, json_object_get_string(value));
		text_users(&named, buf_str(&line));
		json_object_set_string(value, buf_str(&named));
		return;
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(value); i++)
			text_make_lines(json_object_array_get_idx(value, i));
		return;
	case json_type_object:
		text_make_member_lines(value);
		return;
	default:
		return;
	}
}

void
text_relative(struct buf *ret, int64_t at, int64_t now)
{
	char span[TIME_SPAN_SIZE];

	if (at == 0) {
		buf_add_str(ret, "-");
		return;
	}
	if (at == now) {
		buf_add_str(ret, "now");
		return;
	}
	time_format_span(at > now ? at - now : now - at, span);
	if (at > now)
		buf_printf(ret, "in %s", span);
	else
		buf_printf(ret, "%s ago", span);
}

void
text_reference(struct json_object *object, struct buf *ret)
{
	const char *type = ctl_text_at(object, "type");
	const char *name = ctl_text_at(object, "name");
	const struct api_resource *resource = api_resource_find(type);

	if (*type)
		buf_printf(ret, "%s %s", resource ? resource->cli : type, *name ? name : ctl_text_at(object, "id"));
}

void
text_split_camel(const char *name, char sep, struct buf *ret)
{
	api_split_camel(name, sep, ret);
}

static void
text_array(struct ctl *ctl, const struct api_field *item, struct json_object *value, struct buf *ret)
{
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		if (i)
			buf_add_char(ret, ' ');
		text_value(ctl, item, json_object_array_get_idx(value, i), ret);
	}
}

/* The members of a small object: FIRST:SECOND,THIRD. */
static void
text_object(struct ctl *ctl, const struct api_field *fields, struct json_object *value, struct buf *ret)
{
	size_t count = 0;

	for (const struct api_field *f = fields; f->name; f++) {
		struct json_object *member = NULL;

		if (!json_object_object_get_ex(value, f->name, &member) || !member)
			continue;
		if (count)
			buf_add_char(ret, count == 1 ? ':' : ',');
		text_value(ctl, f, member, ret);
		count++;
	}
}

static void
text_time(struct ctl *ctl, const char *text, struct buf *ret)
{
	int64_t at = 0;

	if (time_parse_rfc3339(text, &at) < 0)
		text_line(ret, text);
	else
		text_relative(ret, at, ctl_now(ctl));
}

void
text_value(struct ctl *ctl, const struct api_field *field, struct json_object *value, struct buf *ret)
{
	char span[TIME_SPAN_SIZE];
	const char *text = value ? json_object_get_string(value) : "";

	if (json_object_is_type(value, json_type_array)) {
		struct api_field item = *field;

		item.type = field->type == API_REFLIST ? API_REF : field->type == API_LIST ? API_OBJECT : API_STRING;
		text_array(ctl, &item, value, ret);
		return;
	}
	switch (field->type) {
	case API_TIME:
		text_time(ctl, text, ret);
		return;
	case API_SPAN:
		time_format_span(json_object_get_int64(value), span);
		buf_add_str(ret, span);
		return;
	case API_BOOL:
		buf_add_str(ret, json_object_get_boolean(value) ? "yes" : "no");
		return;
	case API_REF:
		text_line(ret, ctl_name_of(ctl, field->resource, text));
		return;
	case API_OBJECT:
		if (json_object_is_type(value, json_type_object) && (field->flags & API_ENDPOINT)) {
			endpoint_describe(value, ret);
			return;
		}
		if (json_object_is_type(value, json_type_object)) {
			text_object(ctl, field->fields, value, ret);
			return;
		}
		break;
	default:
		break;
	}
	text_line(ret, text);
}
