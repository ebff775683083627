/*
 * Structs as octets, by their tables. What was written by a later certd is read as far as we know its tags; what is
 * damaged is refused as a whole. Nested records (list items, errors) have the same form inside their field.
 */
#include "daemon/store/record.h"

#include "common/error.h"
#include "common/secret.h"
#include "common/strlist.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_VERSION = 1, FIELD_HEAD = 5 };

/* Where we are while encoding or decoding: for the AAD of secrets and for messages. */
struct place {
	struct store *store; /* NULL: secrets are left out */
	enum store_db db;
	const char *id;
	struct error *err;
};

/* RECORD_ERROR holds a record of its own; the code as a word, because its number is no promise. */
struct error_fields {
	char *code;
	bool retry;
	int64_t retry_at;
	char *field;
	char *problem;
	char *message;
};

static const struct record_field error_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct error_fields, code, NULL),
	RECORD_FIELD(RECORD_BOOL, 2, struct error_fields, retry, NULL),
	RECORD_FIELD(RECORD_INT, 3, struct error_fields, retry_at, NULL),
	RECORD_FIELD(RECORD_STRING, 4, struct error_fields, field, NULL),
	RECORD_FIELD(RECORD_STRING, 5, struct error_fields, problem, NULL),
	RECORD_FIELD(RECORD_STRING, 6, struct error_fields, message, NULL),
};

static const struct record_class error_class = {
	.name = "error",
	.db = STORE_META,
	.size = sizeof(struct error_fields),
	.fields = error_fields,
	.n_fields = ARRAY_SIZE(error_fields),
};

static void *
at(const struct record_field *f, const void *obj)
{
	return (char *)(uintptr_t)obj + f->offset;
}

static void
add_be32(struct buf *b, size_t n)
{
	unsigned char be[4] = { (unsigned char)(n >> 24), (unsigned char)(n >> 16), (unsigned char)(n >> 8),
		(unsigned char)n };

	buf_add(b, be, sizeof(be));
}

static size_t
get_be32(const unsigned char *p)
{
	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* What the secret's AAD names: record, tag, and for list items the way there. */
static char *
secret_id(const char *id, uint8_t tag)
{
	return xasprintf("%s/%u", id, tag);
}

/* Encoding: each appends the field's octets; a field that appends nothing and is not @present is left out. */

static int
encode_record(const struct place *place, const struct record_class *cls, const void *obj, struct buf *ret);

static void
encode_int(int64_t value, struct buf *ret)
{
	uint64_t u = (uint64_t)value;

	add_be32(ret, u >> 32);
	add_be32(ret, u & 0xffffffff);
}

static void
encode_strlist(const struct strlist *l, struct buf *ret)
{
	for (size_t i = 0; i < l->count; i++) {
		add_be32(ret, strlen(l->items[i]));
		buf_add_str(ret, l->items[i]);
	}
}

static int
encode_secret(
	const struct place *place, const struct record_field *f, const struct secret *s, struct buf *ret)
{
	_cleanup_free_ char *id = NULL;

	if (s->len == 0)
		return 0;
	if (!place->store)
		return error_set(place->err, ERROR_INTERNAL, "a secret without a store to seal it");
	id = secret_id(place->id, f->tag);
	return store_seal(place->store, place->db, id, s, ret, place->err);
}

static int
encode_error(const struct place *place, const struct error *e, struct buf *ret)
{
	struct error_fields fields = {
		.code = (char *)(uintptr_t)error_code_name(e->code),
		.retry = e->retry,
		.retry_at = e->retry_at,
		.field = e->field,
		.problem = e->problem,
		.message = e->message,
	};

	return error_is_set(e) ? encode_record(place, &error_class, &fields, ret) : 0;
}

static int
encode_list(
	const struct place *place, const struct record_field *f, const struct record_list *l, struct buf *ret)
{
	for (size_t i = 0; i < l->count; i++) {
		_cleanup_free_ char *id = xasprintf("%s/%u[%zu]", place->id, f->tag, i);
		_cleanup_buf_ struct buf item = BUF_INIT;
		struct place inside = *place;

		inside.id = id;
		if (encode_record(&inside, f->item, (const char *)l->items + i * f->item->size, &item) < 0)
			return -1;
		add_be32(ret, item.len);
		buf_add(ret, item.data, item.len);
	}
	return 0;
}

static int
encode_value(const struct place *place, const struct record_field *f, const void *value, struct buf *ret,
	bool *present)
{
	const struct buf *bytes = value;
	char *const *string = value;
	const int64_t *number = value;
	const bool *flag = value;

	switch (f->type) {
	case RECORD_STRING:
		*present = *string;
		if (*string)
			buf_add_str(ret, *string);
		return 0;
	case RECORD_INT:
		if (*number)
			encode_int(*number, ret);
		return 0;
	case RECORD_BOOL:
		if (*flag)
			buf_add_char(ret, 1);
		return 0;
	case RECORD_STRLIST:
		encode_strlist(value, ret);
		return 0;
	case RECORD_BYTES:
		buf_add(ret, bytes->data, bytes->len);
		return 0;
	case RECORD_SECRET:
		return encode_secret(place, f, value, ret);
	case RECORD_ERROR:
		return encode_error(place, value, ret);
	case RECORD_LIST:
		return encode_list(place, f, value, ret);
	}
	return error_set(place->err, ERROR_INTERNAL, "record field of unknown type %d", (int)f->type);
}

static int
encode_record(const struct place *place, const struct record_class *cls, const void *obj, struct buf *ret)
{
	buf_add_char(ret, RECORD_VERSION);
	for (size_t i = 0; i < cls->n_fields; i++) {
		const struct record_field *f = &cls->fields[i];
		_cleanup_buf_ struct buf value = BUF_INIT;
		bool present = false;

		if (encode_value(place, f, at(f, obj), &value, &present) < 0)
			return error_wrap(place->err, "%s '%s'", cls->name, place->id);
		if (!present && value.len == 0)
			continue;
		buf_add_char(ret, (char)f->tag);
		add_be32(ret, value.len);
		buf_add(ret, value.data, value.len);
	}
	return 0;
}

int
record_encode(struct store *store, const struct record_class *cls, const char *id, const void *obj,
	struct buf *ret, struct error *err)
{
	struct place place = { .store = store, .db = cls->db, .id = id, .err = err };

	return encode_record(&place, cls, obj, ret);
}

/* Decoding: each returns 0, or -1 when the octets cannot be what the field holds. */

static int
decode_record(const struct place *place, const struct record_class *cls, const unsigned char *p, size_t len,
	void *obj);

static int
bad(const struct place *place, const char *what)
{
	return error_set(place->err, ERROR_CORRUPT, "%s", what);
}

static int
decode_string(const struct place *place, const unsigned char *p, size_t len, char **ret)
{
	if (memchr(p, '\0', len))
		return bad(place, "a text contains NUL");
	free(*ret);
	*ret = xstrndup((const char *)p, len);
	return 0;
}

static int
decode_int(const struct place *place, const unsigned char *p, size_t len, int64_t *ret)
{
	if (len != 8)
		return bad(place, "a number has not 8 octets");
	*ret = (int64_t)((uint64_t)get_be32(p) << 32 | get_be32(p + 4));
	return 0;
}

/* One element of a list: 4 octets of length and that many octets. */
static int
take_element(const struct place *place, const unsigned char **p, size_t *len, size_t *ret_len)
{
	size_t n = *len >= 4 ? get_be32(*p) : 0;

	if (*len < 4 || n > *len - 4)
		return bad(place, "a list is cut off");
	*p += 4;
	*len -= 4;
	*ret_len = n;
	return 0;
}

static int
decode_strlist(const struct place *place, const unsigned char *p, size_t len, struct strlist *ret)
{
	strlist_clear(ret);
	while (len) {
		char *s = NULL;
		size_t n;

		if (take_element(place, &p, &len, &n) < 0 || decode_string(place, p, n, &s) < 0)
			return -1;
		strlist_take(ret, s);
		p += n;
		len -= n;
	}
	return 0;
}

static int
decode_secret(const struct place *place, const struct record_field *f, const unsigned char *p, size_t len,
	struct secret *ret)
{
	_cleanup_free_ char *id = secret_id(place->id, f->tag);

	if (!place->store)
		return 0;
	return store_unseal(place->store, place->db, id, p, len, ret, place->err);
}

static int
decode_error(const struct place *place, const unsigned char *p, size_t len, struct error *ret)
{
	struct error_fields fields = { .code = NULL };

	if (decode_record(place, &error_class, p, len, &fields) < 0) {
		record_clear(&error_class, &fields);
		return -1;
	}
	error_clear(ret);
	*ret = (struct error){
		.code = error_code_from_name(fields.code ? fields.code : ""),
		.retry = fields.retry,
		.retry_at = fields.retry_at,
		.field = fields.field,
		.problem = fields.problem,
		.message = fields.message,
	};
	free(fields.code);
	return 0;
}

static int
decode_list(const struct place *place, const struct record_field *f, const unsigned char *p, size_t len,
	struct record_list *ret)
{
	record_list_clear(f->item, ret);
	while (len) {
		_cleanup_free_ char *id = xasprintf("%s/%u[%zu]", place->id, f->tag, ret->count);
		struct place inside = *place;
		size_t n;

		inside.id = id;
		if (take_element(place, &p, &len, &n) < 0 ||
			decode_record(&inside, f->item, p, n, record_list_add(f->item, ret)) < 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}

static int
decode_value(const struct place *place, const struct record_field *f, const unsigned char *p, size_t len,
	void *value)
{
	switch (f->type) {
	case RECORD_STRING:
		return decode_string(place, p, len, value);
	case RECORD_INT:
		return decode_int(place, p, len, value);
	case RECORD_BOOL:
		if (len != 1 || p[0] != 1)
			return bad(place, "a flag is not 1");
		*(bool *)value = true;
		return 0;
	case RECORD_STRLIST:
		return decode_strlist(place, p, len, value);
	case RECORD_BYTES:
		buf_reset(value);
		buf_add(value, p, len);
		return 0;
	case RECORD_SECRET:
		return decode_secret(place, f, p, len, value);
	case RECORD_ERROR:
		return decode_error(place, p, len, value);
	case RECORD_LIST:
		return decode_list(place, f, p, len, value);
	}
	return bad(place, "a field is of an unknown type");
}

static const struct record_field *
field_of_tag(const struct record_class *cls, uint8_t tag)
{
	for (size_t i = 0; i < cls->n_fields; i++)
		if (cls->fields[i].tag == tag)
			return &cls->fields[i];
	return NULL;
}

static int
decode_record(const struct place *place, const struct record_class *cls, const unsigned char *p, size_t len,
	void *obj)
{
	if (len == 0)
		return bad(place, "it is empty");
	if (p[0] != RECORD_VERSION)
		return bad(place, "its version is unknown");
	p++;
	len--;
	while (len) {
		const struct record_field *f;
		size_t n = len >= FIELD_HEAD ? get_be32(p + 1) : 0;

		if (len < FIELD_HEAD || n > len - FIELD_HEAD)
			return bad(place, "it is cut off");
		f = field_of_tag(cls, p[0]);
		if (f && decode_value(place, f, p + FIELD_HEAD, n, at(f, obj)) < 0)
			return -1;
		p += FIELD_HEAD + n;
		len -= FIELD_HEAD + n;
	}
	return 0;
}

int
record_decode(struct store *store, const struct record_class *cls, const char *id, const void *data,
	size_t len, void *obj, struct error *err)
{
	struct place place = { .store = store, .db = cls->db, .id = id, .err = err };

	if (decode_record(&place, cls, data, len, obj) < 0)
		return error_wrap(err, "%s '%s' is damaged in the store", cls->name, id);
	return 0;
}

/* Values in memory */

static void
clear_value(const struct record_field *f, void *value)
{
	switch (f->type) {
	case RECORD_STRING:
		str_replace(value, NULL);
		break;
	case RECORD_INT:
		*(int64_t *)value = 0;
		break;
	case RECORD_BOOL:
		*(bool *)value = false;
		break;
	case RECORD_STRLIST:
		strlist_clear(value);
		break;
	case RECORD_BYTES:
		buf_clear(value);
		break;
	case RECORD_SECRET:
		secret_clear(value);
		break;
	case RECORD_ERROR:
		error_clear(value);
		break;
	case RECORD_LIST:
		record_list_clear(f->item, value);
		break;
	}
}

void
record_clear(const struct record_class *cls, void *obj)
{
	for (size_t i = 0; i < cls->n_fields; i++)
		clear_value(&cls->fields[i], at(&cls->fields[i], obj));
	memset(obj, 0, cls->size);
}

static void
copy_list(const struct record_class *item, struct record_list *dst, const struct record_list *src)
{
	*dst = (struct record_list){ .items = NULL };
	for (size_t i = 0; i < src->count; i++)
		record_copy(item, record_list_add(item, dst), (const char *)src->items + i * item->size);
}

/* @dst is a plain copy of @src so far: what @src owns is replaced by a copy of it. */
static void
own_value(const struct record_field *f, void *dst, const void *src)
{
	const struct buf *bytes = src;

	switch (f->type) {
	case RECORD_INT:
	case RECORD_BOOL:
		break;
	case RECORD_STRING:
		*(char **)dst = xstrdup_null(*(char *const *)src);
		break;
	case RECORD_STRLIST:
		*(struct strlist *)dst = (struct strlist)STRLIST_INIT;
		strlist_copy(dst, src);
		break;
	case RECORD_BYTES:
		*(struct buf *)dst = (struct buf)BUF_INIT;
		buf_add(dst, bytes->data, bytes->len);
		break;
	case RECORD_SECRET:
		*(struct secret *)dst = (struct secret)SECRET_INIT;
		secret_copy(dst, src);
		break;
	case RECORD_ERROR:
		*(struct error *)dst = (struct error)ERROR_INIT;
		error_copy(dst, src);
		break;
	case RECORD_LIST:
		copy_list(f->item, dst, src);
		break;
	}
}

void
record_copy(const struct record_class *cls, void *dst, const void *src)
{
	record_clear(cls, dst);
	memcpy(dst, src, cls->size);
	for (size_t i = 0; i < cls->n_fields; i++)
		own_value(&cls->fields[i], at(&cls->fields[i], dst), at(&cls->fields[i], src));
}

void *
record_list_add(const struct record_class *item, struct record_list *list)
{
	char *added;

	list->items = xreallocarray(list->items, list->count + 1, item->size);
	added = (char *)list->items + list->count++ * item->size;
	return memset(added, 0, item->size);
}

void
record_list_clear(const struct record_class *item, struct record_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		record_clear(item, (char *)list->items + i * item->size);
	free(list->items);
	*list = (struct record_list){ .items = NULL };
}
