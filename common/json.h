/*
 * common/json.h: strict parsing of JSON from outside; a thin layer over json-c.
 * The readers check types: a member of another type is an error, never "absent".
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include "common/alloc.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

struct buf;
struct error;
struct strlist;

enum { JSON_MAX_DEPTH = 16, JSON_MAX_ITEMS = 1024, JSON_MAX_STRING = 64 * 1024 };

static inline void
json_putp(struct json_object **obj)
{
	json_object_put(*obj);
}
#define _cleanup_json_ _cleanup_(json_putp)

/*
 * json_parse() - parse one JSON value, followed by nothing but white space
 * Limits: JSON_MAX_* above, valid UTF-8, no NUL inside strings or names.
 * Return: owned by the caller, or NULL (ERROR_PROTOCOL); null as the whole text is an error too.
 */
struct json_object *
json_parse(const char *text, size_t len, struct error *err);

/* Each: 1 and the value (strings and objects borrowed from @obj), 0 absent or null, -1 wrong type (ERROR_PROTOCOL,
 * field set). */
int
json_get_string(struct json_object *obj, const char *name, const char **ret, struct error *err);

int
json_get_int(struct json_object *obj, const char *name, int64_t min, int64_t max, int64_t *ret, struct error *err);

int
json_get_bool(struct json_object *obj, const char *name, bool *ret, struct error *err);

int
json_get_object(struct json_object *obj, const char *name, struct json_object **ret, struct error *err);

int
json_get_array(struct json_object *obj, const char *name, struct json_object **ret, struct error *err);

/* Array of strings, copied into @ret. */
int
json_get_strlist(struct json_object *obj, const char *name, struct strlist *ret, struct error *err);

/* Member at a path ("a.b"); NULL if absent or null. Borrowed. */
struct json_object *
json_path(struct json_object *obj, const char *path);

/*
 * json_put() - add a member
 * @is_lasting: @name outlives @obj (a literal, or a name of the API's table), so it is not copied
 * @value: taken; not NULL
 */
void
json_put(struct json_object *obj, const char *name, bool is_lasting, struct json_object *value);

/* RFC 3339. Owned by the caller. */
struct json_object *
json_new_time(int64_t at);

struct json_object *
json_new_strlist(const struct strlist *list);

/* Adds a member; @value NULL adds nothing. Inline, so that the compiler can see whether @name is a literal. */
static inline void
json_add_string(struct json_object *obj, const char *name, const char *value)
{
	if (value)
		json_put(obj, name, __builtin_constant_p(name), json_object_new_string(value));
}

static inline void
json_add_int(struct json_object *obj, const char *name, int64_t value)
{
	json_put(obj, name, __builtin_constant_p(name), json_object_new_int64(value));
}

static inline void
json_add_bool(struct json_object *obj, const char *name, bool value)
{
	json_put(obj, name, __builtin_constant_p(name), json_object_new_boolean(value));
}

/* RFC 3339; 0 adds nothing. */
static inline void
json_add_time(struct json_object *obj, const char *name, int64_t at)
{
	if (at != 0)
		json_put(obj, name, __builtin_constant_p(name), json_new_time(at));
}

static inline void
json_add_strlist(struct json_object *obj, const char *name, const struct strlist *list)
{
	json_put(obj, name, __builtin_constant_p(name), json_new_strlist(list));
}

/*
 * Compact text of @obj, appended to @ret. Octets that are not UTF-8 become '?', so that it can always be parsed again.
 */
void
json_write(struct json_object *obj, struct buf *ret);

/*
 * json_new_text() - the text of @obj (taken) in its place, for a long answer that is made in parts
 * json_write() writes it as it is; its members can no longer be read. @ret_len: octets. Owned by the caller.
 */
struct json_object *
json_new_text(struct json_object *obj, size_t *ret_len);

#endif
