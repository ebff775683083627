/* Parsing and expanding the declarations of files. What a path may be is decided once, here. */
#include "daemon/rollout/output.h"

#include "common/buf.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUTS_MAX = 32, PATH_OCTETS_MAX = 1024, NAME_OCTETS_MAX = 240, GROUP_OCTETS_MAX = 64, OCTAL = 8 };

#define OUTPUT_FORMAT_ROW(id, word, mode, has_password, help) { word, mode, has_password },
static const struct {
	const char *word;
	mode_t mode;
	bool has_password;
} formats[] = { OUTPUT_FORMATS(OUTPUT_FORMAT_ROW) };

/* A file of a layout. */
struct layout_file {
	enum output_format format;
	const char *path, *link;
};

#define OUTPUT_LAYOUT_FILE(format, path, link) { OUTPUT_##format, path, link },
#define OUTPUT_LAYOUT_FILES(id, word, files) \
	static const struct layout_file layout_##id[] = { files(OUTPUT_LAYOUT_FILE) };
OUTPUT_LAYOUTS(OUTPUT_LAYOUT_FILES)

#define OUTPUT_LAYOUT_ROW(id, word, files) { word, layout_##id, ARRAY_SIZE(layout_##id) },
static const struct {
	const char *word;
	const struct layout_file *files;
	size_t count;
} layouts[] = { OUTPUT_LAYOUTS(OUTPUT_LAYOUT_ROW) };

bool
output_format_has_key(enum output_format format)
{
	return formats[format].mode == 0600;
}

static void
output_clear(struct output *o)
{
	free(o->path);
	free(o->link);
	free(o->group);
}

void
output_list_clear(struct output_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		output_clear(&list->items[i]);
	free(list->items);
	*list = (struct output_list){ .items = NULL };
}

/* @o: taken */
static void
output_list_take(struct output_list *list, struct output *o)
{
	list->items = xreallocarray(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = *o;
	*o = (struct output){ .path = NULL };
}

/* --- paths --- */

/* A plain name, with room for the prefix of temporary ones; "." at its beginning is certd's. */
static bool
is_plain_name(const char *name, size_t len)
{
	return len > 0 && len <= NAME_OCTETS_MAX && name[0] != '.';
}

static bool
is_plain_path(const char *path)
{
	for (const char *at = path;; at++) {
		size_t len = strcspn(at, "/");

		if (!is_plain_name(at, len))
			return false;
		at += len;
		if (!*at)
			return strlen(path) <= PATH_OCTETS_MAX;
	}
}

/* "*.example.com" is "_.example.com" in file names. */
static void
output_add_domain(struct buf *ret, const char *common_name)
{
	for (const char *c = common_name; *c; c++)
		buf_add_char(ret, *c == '*' || *c == '/' ? '_' : *c);
}

const char *
output_type_of(const char *algorithm)
{
	return algorithm && strncmp(algorithm, "rsa", strlen("rsa")) == 0 ? "rsa" : "ecdsa";
}

static void
output_add_cn(struct buf *ret, const struct output_values *v)
{
	for (const char *c = v->common_name; *c; c++)
		buf_add_char(ret, *c == '/' ? '_' : *c);
}

static void
output_add_value(struct buf *ret, const char *word, size_t len, const struct output_values *v)
{
	bool is_rsa = strcmp(output_type_of(v->algorithm), "rsa") == 0;

	if (strncmp(word, "name", len) == 0)
		buf_add_str(ret, v->name);
	else if (strncmp(word, "domain", len) == 0)
		output_add_domain(ret, v->common_name);
	else if (strncmp(word, "type", len) == 0)
		buf_add_str(ret, output_type_of(v->algorithm));
	else if (strncmp(word, "cn", len) == 0)
		output_add_cn(ret, v);
	else if (strncmp(word, "ecc", len) == 0)
		buf_add_str(ret, is_rsa ? "" : "_ecc");
	else if (strncmp(word, "number", len) == 0)
		buf_printf(ret, "%lld", (long long)v->number);
	else if (strncmp(word, "time", len) == 0)
		buf_printf(ret, "%lld", (long long)v->issued_at);
}

char *
output_expand(const char *template, const struct output_values *values)
{
	_cleanup_buf_ struct buf path = BUF_INIT;
	const char *at = template;

	while (*at) {
		size_t len = strcspn(at, "{");

		buf_add(&path, at, len);
		at += len;
		if (!*at)
			break;
		len = strcspn(at, "}");
		output_add_value(&path, at + 1, len - 1, values);
		at += len + (at[len] == '}');
	}
	return is_plain_path(buf_str(&path)) ? xstrdup(buf_str(&path)) : NULL;
}

/* Only the placeholders that do not depend on other files are declared. */
static bool
has_known_placeholders(const char *template)
{
	static const char *const known[] = { "{name}", "{domain}", "{type}" };
	const char *at = template;

	while ((at = strpbrk(at, "{}"))) {
		size_t len = 0;

		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			if (strncmp(at, known[i], strlen(known[i])) == 0)
				len = strlen(known[i]);
		if (!len)
			return false;
		at += len;
	}
	return true;
}

/* --- declarations --- */

static int
output_parse_path(struct output *o, const char *field, struct error *err)
{
	static const struct output_values sample = { .name = "n", .common_name = "n", .algorithm = "rsa2048" };
	_cleanup_free_ char *path = NULL;

	if (o->path[0] == '/')
		return error_set_field(err, field, "'%s' must be relative to the consumer's directory", o->path);
	if (!has_known_placeholders(o->path))
		return error_set_field(err, field, "'%s': the placeholders are {name}, {domain} and {type}", o->path);
	path = output_expand(o->path, &sample);
	if (!path || strlen(o->path) > PATH_OCTETS_MAX)
		return error_set_field(err, field,
			"'%s' is not the path of a file: its names must not be empty, begin with '.', or be longer "
			"than %d octets",
			o->path, NAME_OCTETS_MAX);
	return 0;
}

/* Never executable, never writable for others. */
static int
output_parse_mode(struct output *o, const char *text, const char *field, struct error *err)
{
	char *end = NULL;
	unsigned long mode = strtoul(text, &end, OCTAL);

	if (!isdigit((unsigned char)*text) || *end || (mode & ~0644ul) || !(mode & 0400))
		return error_set_field(err, field,
			"'%s' is not the mode of such a file: from 0400 to 0644, not executable, and writable only by "
			"certd",
			text);
	if (output_format_has_key(o->format) && (mode & 04))
		return error_set_field(err, field, "mode %s would let everybody read the private key", text);
	o->mode = (mode_t)mode;
	o->has_mode = true;
	return 0;
}

static int
output_parse_format(struct output *o, const char *word, const char *field, struct error *err)
{
	_cleanup_buf_ struct buf all = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (strcmp(word, formats[i].word) == 0) {
			o->format = (enum output_format)i;
			o->mode = formats[i].mode;
			return 0;
		}
		buf_printf(&all, "%s%s", i ? ", " : "", formats[i].word);
	}
	return error_set_field(err, field, "'%s' is not a format: %s", word, buf_str(&all));
}

/* "format:path[:mode[:group]]" */
static int
output_parse(const char *text, const char *field, struct output *ret, struct error *err)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *rest = copy;
	const char *format = strsep(&rest, ":");
	const char *path = rest ? strsep(&rest, ":") : NULL;
	const char *mode = rest ? strsep(&rest, ":") : NULL;
	const char *group = rest;

	if (!path || !*path)
		return error_set_field(
			err, field, "'%s' must be FORMAT:PATH[:MODE[:GROUP]], such as key:{name}.key:0640:mail", text);
	if (output_parse_format(ret, format, field, err) < 0)
		return -1;
	ret->path = xstrdup(path);
	if (output_parse_path(ret, field, err) < 0 || (mode && *mode && output_parse_mode(ret, mode, field, err) < 0))
		return -1;
	if (group && (!*group || strlen(group) > GROUP_OCTETS_MAX || strpbrk(group, ": /\t")))
		return error_set_field(err, field, "'%s' is not the name of a group", group);
	ret->group = xstrdup_null(group);
	return 0;
}

static int
output_add_declared(const struct consumer *c, struct output_list *ret, struct error *err)
{
	for (size_t i = 0; i < c->outputs.count; i++) {
		_cleanup_free_ char *field = xasprintf("properties.outputs[%zu]", i);
		struct output o = { .path = NULL };

		if (i == OUTPUTS_MAX)
			return error_set_field(err, field, "at most %d files are allowed", OUTPUTS_MAX);
		if (output_parse(c->outputs.items[i], field, &o, err) < 0) {
			output_clear(&o);
			return -1;
		}
		for (size_t k = 0; k < ret->count; k++)
			if (strcmp(ret->items[k].path, o.path) == 0) {
				error_set_field(err, field, "two files have the path '%s'", o.path);
				output_clear(&o);
				return -1;
			}
		output_list_take(ret, &o);
	}
	return 0;
}

static int
output_add_layout(const char *word, struct output_list *ret, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		if (strcmp(word, layouts[i].word) != 0)
			continue;
		for (size_t k = 0; k < layouts[i].count; k++) {
			const struct layout_file *f = &layouts[i].files[k];
			struct output o = { .format = f->format,
				.path = xstrdup(f->path),
				.link = xstrdup_null(f->link),
				.mode = formats[f->format].mode };

			output_list_take(ret, &o);
		}
		return 0;
	}
	return error_set_field(err, "properties.layout", "'%s' is not a layout", word);
}

bool
output_are_declared(const struct consumer *c)
{
	return c->layout || c->outputs.count;
}

int
output_list_of(const struct consumer *c, struct output_list *ret, struct error *err)
{
	if ((c->layout && output_add_layout(c->layout, ret, err) < 0) || output_add_declared(c, ret, err) < 0) {
		output_list_clear(ret);
		return -1;
	}
	return 0;
}

bool
output_list_has_password(const struct output_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (formats[list->items[i].format].has_password)
			return true;
	return false;
}

enum output_scope
output_scope_of(const struct output *o)
{
	const char *path = o->path;

	if (strstr(path, "{name}"))
		return OUTPUT_FOR_ALL;
	if ((strstr(path, "{domain}") && strstr(path, "{type}")) || (strstr(path, "{cn}") && strstr(path, "{ecc}")))
		return OUTPUT_FOR_DOMAIN;
	return OUTPUT_FOR_ONE;
}

enum output_scope
output_list_scope(const struct output_list *list)
{
	enum output_scope ret = OUTPUT_FOR_ALL;

	for (size_t i = 0; i < list->count; i++) {
		enum output_scope scope = output_scope_of(&list->items[i]);

		if (scope < ret)
			ret = scope;
	}
	return ret;
}
