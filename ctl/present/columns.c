/* Columns of lists. The API's table says what can be shown and sorted by, down to the members of objects. */
#include "ctl/present/columns.h"

#include "common/buf.h"
#include "common/error.h"
#include "common/nearest.h"
#include "ctl/present/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* members of every object, in addition to properties and metadata */
static const struct api_field head_fields[] = {
	{ .name = "id", .type = API_STRING },
	{ .name = "type", .type = API_STRING },
	{ .name = "href", .type = API_STRING },
	{ .name = NULL },
};

void
columns_clear(struct columns *columns)
{
	for (size_t i = 0; i < columns->count; i++) {
		free(columns->items[i].title);
		free(columns->items[i].path);
	}
	free(columns->items);
	*columns = (struct columns){ .count = 0 };
}

/* --- what there is --- */

typedef bool
visit_fn(const char *path, const char *word, const struct api_field *field, void *arg);

/* Visits all paths of @fields until @fn returns true; @word: the path without "properties." or "metadata.". */
static bool
columns_visit(const struct api_field *fields, const char *outer, const char *outer_word, visit_fn *fn, void *arg)
{
	for (; fields && fields->name; fields++) {
		_cleanup_free_ char *path = xasprintf("%s%s", outer, fields->name);
		_cleanup_free_ char *word = xasprintf("%s%s", outer_word, fields->name);

		if (fields->type == API_SECRET)
			continue;
		if (fn(path, word, fields, arg))
			return true;
		if (fields->type == API_OBJECT) {
			_cleanup_free_ char *inner = xasprintf("%s.", path);
			_cleanup_free_ char *inner_word = xasprintf("%s.", word);

			if (columns_visit(fields->fields, inner, inner_word, fn, arg))
				return true;
		}
	}
	return false;
}

static bool
columns_visit_all(const struct api_resource *resource, visit_fn *fn, void *arg)
{
	return columns_visit(resource->properties, "properties.", "", fn, arg) ||
	       columns_visit(resource->metadata, "metadata.", "", fn, arg) ||
	       columns_visit(api_common_metadata, "metadata.", "", fn, arg) ||
	       columns_visit(head_fields, "", "", fn, arg);
}

static bool
columns_collect_word(const char *path _unused_, const char *word, const struct api_field *field _unused_, void *arg)
{
	struct strlist *words = arg;

	if (!strlist_has(words, word))
		strlist_add(words, word);
	return false;
}

void
columns_words(const struct api_resource *resource, struct strlist *ret)
{
	columns_visit_all(resource, columns_collect_word, ret);
}

/* --- one column --- */

struct search {
	const char *wanted;
	struct column *ret;
};

/* "lastError.message" -> "LAST ERROR MESSAGE" */
static char *
columns_title_of(const char *word)
{
	struct buf title = BUF_INIT;

	text_split_camel(word, ' ', &title);
	for (char *p = title.data; p && *p; p++)
		*p = *p == '.' ? ' ' : (char)toupper((unsigned char)*p);
	return buf_steal(&title);
}

static bool
columns_take_if_wanted(const char *path, const char *word, const struct api_field *field, void *arg)
{
	struct search *search = arg;

	if (strcmp(path, search->wanted) != 0 && strcmp(word, search->wanted) != 0)
		return false;
	*search->ret = (struct column){ columns_title_of(word), xstrdup(path), field, 0 };
	return true;
}

static const struct api_column *
columns_of_title(const struct api_resource *resource, const char *title)
{
	for (const struct api_column *c = resource->columns; c->title; c++)
		if (strcasecmp(c->title, title) == 0)
			return c;
	return NULL;
}

static int
columns_unknown(const struct api_resource *resource, const char *word, struct error *err)
{
	_cleanup_strlist_ struct strlist words = STRLIST_INIT;
	const char *nearest;

	columns_words(resource, &words);
	nearest = nearest_word(word, (const char *const *)words.items, words.count);
	return error_set(err, ERROR_USAGE, "%s has no '%s'%s%s%s", resource->cli, word,
		nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static int
columns_find_column(const struct api_resource *resource, const char *word, struct column *ret, struct error *err)
{
	const struct api_column *titled = columns_of_title(resource, word);
	struct search search = { titled ? titled->path : word, ret };

	if (!columns_visit_all(resource, columns_take_if_wanted, &search))
		return columns_unknown(resource, word, err);
	for (const struct api_column *c = resource->columns; c->title; c++)
		if (strcmp(c->path, ret->path) == 0)
			str_replace(&ret->title, c->title);
	return 0;
}

static struct column *
columns_add_column(struct columns *columns)
{
	columns->items = xreallocarray(columns->items, columns->count + 1, sizeof(*columns->items));
	columns->items[columns->count] = (struct column){ .title = NULL };
	return &columns->items[columns->count++];
}

void
columns_default(const struct api_resource *resource, struct columns *ret)
{
	*ret = (struct columns){ .count = 0 };
	for (const struct api_column *c = resource->columns; c->title; c++)
		*columns_add_column(ret) = (struct column){ xstrdup(c->title), xstrdup(c->path),
			api_field_at(resource, c->path), c->rank };
}

int
columns_read(const struct api_resource *resource, const char *text, struct columns *ret, struct error *err)
{
	_cleanup_strlist_ struct strlist words = STRLIST_INIT;

	*ret = (struct columns){ .count = 0 };
	strlist_split(&words, text, ',');
	for (size_t i = 0; i < words.count; i++) {
		if (columns_find_column(resource, words.items[i], columns_add_column(ret), err) < 0) {
			columns_clear(ret);
			return error_wrap(err, "--columns");
		}
	}
	return 0;
}

/* --- picking --- */

static void
columns_put_at(struct json_object *obj, const char *path, struct json_object *value)
{
	size_t len = strcspn(path, ".");
	_cleanup_free_ char *name = xstrndup(path, len);
	struct json_object *inner = NULL;

	if (!path[len]) {
		json_object_object_add(obj, name, json_object_get(value));
		return;
	}
	if (!json_object_object_get_ex(obj, name, &inner)) {
		inner = json_object_new_object();
		json_object_object_add(obj, name, inner);
	}
	columns_put_at(inner, path + len + 1, value);
}

struct json_object *
columns_pick(const struct columns *columns, struct json_object *item)
{
	struct json_object *ret = json_object_new_object();

	for (size_t i = 0; i < columns->count; i++) {
		struct json_object *value = ctl_at(item, columns->items[i].path);

		if (value)
			columns_put_at(ret, columns->items[i].path, value);
	}
	return ret;
}

/* --- sorting --- */

struct sort_row {
	struct json_object *item;
	struct json_object *value; /* NULL: absent */
	char *text;                /* as displayed */
	size_t index;
};

struct sort {
	bool is_number;
	bool is_descending;
};

static int
columns_compare_rows(const void *a_row, const void *b_row, void *arg)
{
	const struct sort_row *a = a_row, *b = b_row;
	const struct sort *sort = arg;
	int diff;

	if (!a->value || !b->value)
		diff = !a->value - !b->value;
	else if (sort->is_number)
		diff = (json_object_get_int64(a->value) > json_object_get_int64(b->value)) -
		       (json_object_get_int64(a->value) < json_object_get_int64(b->value));
	else
		diff = strcasecmp(a->text, b->text);
	if (a->value && b->value && sort->is_descending)
		diff = -diff;
	return diff ? diff : (a->index > b->index) - (a->index < b->index);
}

static void
columns_fill_row(
	struct ctl *ctl, const struct column *column, struct json_object *item, size_t index, struct sort_row *ret)
{
	struct json_object *value = ctl_at(item, column->path);
	struct buf text = BUF_INIT;

	/* dates all have the same form (RFC 3339, UTC), so their text sorts correctly */
	if (value && column->field->type == API_TIME)
		buf_add_str(&text, json_object_get_string(value));
	else if (value)
		text_value(ctl, column->field, value, &text);
	*ret = (struct sort_row){ json_object_get(item), value, buf_steal(&text), index };
}

static void
columns_sort_items(struct ctl *ctl, const struct column *column, bool is_descending, struct json_object *items)
{
	enum api_type type = column->field->type;
	struct sort sort = { type == API_INT || type == API_SPAN || type == API_BOOL, is_descending };
	size_t count = json_object_array_length(items);
	_cleanup_free_ struct sort_row *rows = xcalloc(count + 1, sizeof(*rows));

	for (size_t i = 0; i < count; i++)
		columns_fill_row(ctl, column, json_object_array_get_idx(items, i), i, &rows[i]);
	qsort_r(rows, count, sizeof(*rows), columns_compare_rows, &sort);
	for (size_t i = 0; i < count; i++) {
		json_object_array_put_idx(items, i, rows[i].item);
		free(rows[i].text);
	}
}

int
columns_sort(struct ctl *ctl, const struct api_resource *resource, const char *text, struct json_object *items,
	struct error *err)
{
	const char *colon = strchr(text, ':');
	_cleanup_free_ char *word = xstrndup(text, colon ? (size_t)(colon - text) : strlen(text));
	struct columns by = { .count = 0 };

	if (colon && strcmp(colon, ":desc") != 0 && strcmp(colon, ":asc") != 0)
		return error_set(err, ERROR_USAGE, "--sort: '%s': write FIELD, FIELD:asc or FIELD:desc", text);
	if (columns_find_column(resource, word, columns_add_column(&by), err) < 0) {
		columns_clear(&by);
		return error_wrap(err, "--sort");
	}
	columns_sort_items(ctl, &by.items[0], colon && strcmp(colon, ":desc") == 0, items);
	columns_clear(&by);
	return 0;
}
