/*
 * Structs to octets. A field that is zero is left out. Nested records (list items, errors) have the same form inside
 * their field.
 */
#include "common/api/api.h"
#include "common/crypto/secret.h"
#include "common/strlist.h"
#include "daemon/store/record_private.h"

#include <string.h>

static void
add_be32(struct buf *b, size_t n)
{
	unsigned char be[4] = { (unsigned char)(n >> 24), (unsigned char)(n >> 16), (unsigned char)(n >> 8),
		(unsigned char)n };

	buf_add(b, be, sizeof(be));
}

/* Encoding: each appends the field's octets; a field that appends nothing and is not @is_present is left out. */

static int
encode_record(const struct record_place *place, const struct record_class *cls, const void *obj, struct buf *ret);

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
encode_secret(const struct record_place *place, const struct record_field *f, const struct secret *s, struct buf *ret)
{
	_cleanup_free_ char *id = NULL;

	if (s->len == 0)
		return 0;
	if (!place->store)
		return error_set(place->err, ERROR_INTERNAL, "a secret without a store to seal it");
	id = record_secret_id(place->id, f->tag);
	return store_seal(place->store, place->db, id, s, ret, place->err);
}

static int
encode_error(const struct record_place *place, const struct error *e, struct buf *ret)
{
	struct record_error fields = {
		.code = (char *)(uintptr_t)error_code_name(e->code),
		.may_retry = e->may_retry,
		.retry_at = e->retry_at,
		.field = e->field,
		.problem = e->problem,
		.message = e->message,
	};

	return error_is_set(e) ? encode_record(place, &record_error_class, &fields, ret) : 0;
}

static int
encode_list(
	const struct record_place *place, const struct record_field *f, const struct record_list *l, struct buf *ret)
{
	for (size_t i = 0; i < l->count; i++) {
		_cleanup_free_ char *id = xasprintf("%s/%u[%zu]", place->id, f->tag, i);
		_cleanup_buf_ struct buf item = BUF_INIT;
		struct record_place inside = *place;

		inside.id = id;
		if (encode_record(&inside, f->item, (const char *)l->items + i * f->item->size, &item) < 0)
			return -1;
		add_be32(ret, item.len);
		buf_add(ret, item.data, item.len);
	}
	return 0;
}

static int
encode_value(const struct record_place *place, const struct record_field *f, const void *value, struct buf *ret,
	bool *is_present)
{
	const struct buf *bytes = value;
	char *const *string = value;
	const int64_t *number = value;
	const bool *flag = value;

	switch (f->type) {
	case RECORD_STRING:
		*is_present = *string;
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
encode_record(const struct record_place *place, const struct record_class *cls, const void *obj, struct buf *ret)
{
	buf_add_char(ret, RECORD_VERSION);
	for (size_t i = 0; i < cls->n_fields; i++) {
		const struct record_field *f = &cls->fields[i];
		_cleanup_buf_ struct buf value = BUF_INIT;
		bool is_present = false;

		if (encode_value(place, f, record_at(f, obj), &value, &is_present) < 0)
			return error_wrap(place->err, "%s '%s'", api_title(cls->name), place->id);
		if (!is_present && value.len == 0)
			continue;
		buf_add_char(ret, (char)f->tag);
		add_be32(ret, value.len);
		buf_add(ret, value.data, value.len);
	}
	if (cls->unknown)
		buf_add(ret, record_unknown(cls, obj)->data, record_unknown(cls, obj)->len);
	return 0;
}

int
record_encode(struct store *store, const struct record_class *cls, const char *id, const void *obj, struct buf *ret,
	struct error *err)
{
	struct record_place place = { .store = store, .db = cls->db, .id = id, .err = err };

	return encode_record(&place, cls, obj, ret);
}
