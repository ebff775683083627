/* Converting text to values. certd validates values; only faults of the text itself are detected here. */
#include "ctl/command/values.h"

#include "common/api/endpoint.h"
#include "common/buf.h"
#include "common/crypto/secret.h"
#include "common/strlist.h"
#include "common/timefmt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SECRET_MAX = 16 * 1024, TEXT_MAX = 1024 * 1024 };

static int
value_parse_int(const char *text, struct json_object **ret, struct error *err)
{
	char *end = NULL;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno || end == text || *end)
		return error_set(err, ERROR_USAGE, "'%s' is not a whole number", text);
	*ret = json_object_new_int64(n);
	return 0;
}

/* certd has another working directory. */
static int
value_parse_path(const char *text, struct json_object **ret, struct error *err)
{
	_cleanup_free_ char *cwd = NULL;
	_cleanup_free_ char *path = NULL;

	if (*text == '/') {
		*ret = json_object_new_string(text);
		return 0;
	}
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return error_set_errno(err, errno, "read the current directory");
	path = xasprintf("%s/%s", cwd, text);
	*ret = json_object_new_string(path);
	return 0;
}

/* Secrets are sent as JSON text; this copy is freed when the process ends, moments later. */
static int
value_parse_secret(const char *path, struct json_object **ret, struct error *err)
{
	_cleanup_secret_ struct secret secret = SECRET_INIT;

	if (secret_read_file(&secret, path, SECRET_MAX, true, err) < 0)
		return -1;
	if (secret.len == 0)
		return error_set(err, ERROR_USAGE, "'%s' is empty", path);
	*ret = json_object_new_string_len((const char *)secret.data, (int)secret.len);
	return 0;
}

/* Its size is certd's business. */
static int
value_parse_text(const char *path, struct json_object **ret, struct error *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (buf_read_file(&text, AT_FDCWD, path, TEXT_MAX, err) < 0)
		return -1;
	*ret = json_object_new_string_len(buf_str(&text), (int)text.len);
	return 0;
}

/* "90" could be days or seconds. */
static int
value_check_unit(const char *text, struct error *err)
{
	if (!*text || text[strspn(text, "0123456789")] != '\0')
		return 0;
	return error_set(
		err, ERROR_USAGE, "'%s' has no unit: write %ss, %sm, %sh or %sd", text, text, text, text, text);
}

static int
value_parse_span(const char *text, struct json_object **ret, struct error *err)
{
	if (value_check_unit(text, err) < 0)
		return -1;
	*ret = json_object_new_string(text);
	return 0;
}

/* Accepts a date or a span from now ("30d"); certd refuses anything else. */
static int
value_parse_time(const char *text, struct json_object **ret, struct error *err)
{
	char date[TIME_RFC3339_SIZE];
	int64_t span;

	if (value_check_unit(text, err) < 0)
		return -1;
	if (time_parse_span(text, &span) == 0) {
		time_format_rfc3339(time_add((int64_t)time(NULL), span), date);
		text = date;
	}
	*ret = json_object_new_string(text);
	return 0;
}

static int
value_parse_scalar(const struct api_field *field, const char *text, struct json_object **ret, struct error *err)
{
	switch (field->type) {
	case API_INT:
		return value_parse_int(text, ret, err);
	case API_PATH:
		return value_parse_path(text, ret, err);
	case API_SECRET:
		return value_parse_secret(text, ret, err);
	case API_TEXT:
		return value_parse_text(text, ret, err);
	case API_TIME:
		return value_parse_time(text, ret, err);
	case API_SPAN:
		return value_parse_span(text, ret, err);
	default:
		*ret = json_object_new_string(text);
		return 0;
	}
}

/* "a,b" is two items. */
static void
value_list_split(struct json_object *list, const char *text)
{
	_cleanup_strlist_ struct strlist items = STRLIST_INIT;

	strlist_split(&items, text, ',');
	for (size_t i = 0; i < items.count; i++)
		json_object_array_add(list, json_object_new_string(items.items[i]));
}

static int
value_list_add(struct json_object *place, const struct api_field *field, const char *text, struct error *err)
{
	struct json_object *list = NULL;
	struct json_object *item;

	if (!json_object_object_get_ex(place, field->name, &list)) {
		list = json_object_new_array();
		json_object_object_add(place, field->name, list);
	}
	if (*text == '\0')
		return 0;
	if (field->flags & API_VERBATIM) {
		json_object_array_add(list, json_object_new_string(text));
		return 0;
	}
	if (field->type != API_LIST) {
		value_list_split(list, text);
		return 0;
	}
	item = json_object_new_object();
	if (endpoint_parse(text, item, err) < 0) {
		json_object_put(item);
		return -1;
	}
	json_object_array_add(list, item);
	return 0;
}

static struct json_object *
value_place_of(struct json_object *values, const struct option *option)
{
	struct json_object *place = NULL;

	if (!option->parent)
		return values;
	if (!json_object_object_get_ex(values, option->parent->name, &place)) {
		place = json_object_new_object();
		json_object_object_add(values, option->parent->name, place);
	}
	return place;
}

static int
value_put_at(struct json_object *values, const struct option *option, const char *text, struct error *err)
{
	struct json_object *place = value_place_of(values, option);
	const struct api_field *field = option->field;
	struct json_object *value = NULL;

	if (field->type == API_STRLIST || field->type == API_REFLIST || field->type == API_LIST)
		return value_list_add(place, field, text, err);
	if (json_object_object_get_ex(place, field->name, NULL))
		return error_set(err, ERROR_USAGE, "is given twice");
	if (field->type == API_BOOL)
		value = json_object_new_boolean(!option->is_negation);
	else if (*text && value_parse_scalar(field, text, &value, err) < 0)
		return -1;
	json_object_object_add(place, field->name, value);
	return 0;
}

int
value_set(struct json_object *values, const struct option *option, const char *text, struct error *err)
{
	if (value_put_at(values, option, text ? text : "", err) < 0)
		return error_wrap(err, "--%s", option->name);
	return 0;
}
