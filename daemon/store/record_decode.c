/*
 * Octets to structs. Fields that only a later certd knows are kept unchanged; a damaged record is refused as a whole.
 */
#include "common/api/api.h"
#include "common/crypto/secret.h"
#include "common/strlist.h"
#include "daemon/store/record_private.h"
#include "daemon/store/setting.h"

#include <stdlib.h>
#include <string.h>

static size_t
get_be32(const unsigned char *p)
{
	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* Decoders: each returns 0, or -1 when the octets are not valid for the field. */

static int
decode_record(const struct record_place *place, const struct record_class *cls, const unsigned char *p, size_t len,
	void *obj);

static int
bad(const struct record_place *place, const char *what)
{
	return error_set(place->err, ERROR_CORRUPT, "%s", what);
}

static int
decode_string(const struct record_place *place, const unsigned char *p, size_t len, char **ret)
{
	if (memchr(p, '\0', len))
		return bad(place, "a text contains NUL");
	free(*ret);
	*ret = xstrndup((const char *)p, len);
	return 0;
}

static int
decode_int(const struct record_place *place, const unsigned char *p, size_t len, int64_t *ret)
{
	if (len != 8)
		return bad(place, "a number does not have 8 octets");
	*ret = (int64_t)((uint64_t)get_be32(p) << 32 | get_be32(p + 4));
	return 0;
}

/* One element of a list: 4 octets of length and that many octets. */
static int
take_element(const struct record_place *place, const unsigned char **p, size_t *len, size_t *ret_len)
{
	size_t n = *len >= 4 ? get_be32(*p) : 0;

	if (*len < 4 || n > *len - 4)
		return bad(place, "a list is truncated");
	*p += 4;
	*len -= 4;
	*ret_len = n;
	return 0;
}

static int
decode_strlist(const struct record_place *place, const unsigned char *p, size_t len, struct strlist *ret)
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
decode_secret(const struct record_place *place, const struct record_field *f, const unsigned char *p, size_t len,
	struct secret *ret)
{
	_cleanup_free_ char *id = record_secret_id(place->id, f->tag);

	if (!place->store)
		return 0;
	return store_unseal(place->store, place->db, id, p, len, ret, place->err);
}

static int
decode_error(const struct record_place *place, const unsigned char *p, size_t len, struct error *ret)
{
	struct record_error fields = { .code = NULL };

	if (decode_record(place, &record_error_class, p, len, &fields) < 0) {
		record_clear(&record_error_class, &fields);
		return -1;
	}
	error_clear(ret);
	*ret = (struct error){
		.code = error_code_from_name(fields.code ? fields.code : ""),
		.may_retry = fields.may_retry,
		.retry_at = fields.retry_at,
		.field = fields.field,
		.problem = fields.problem,
		.message = fields.message,
	};
	free(fields.code);
	return 0;
}

static int
decode_list(const struct record_place *place, const struct record_field *f, const unsigned char *p, size_t len,
	struct record_list *ret)
{
	record_list_clear(f->item, ret);
	while (len) {
		_cleanup_free_ char *id = xasprintf("%s/%u[%zu]", place->id, f->tag, ret->count);
		struct record_place inside = *place;
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
decode_value(
	const struct record_place *place, const struct record_field *f, const unsigned char *p, size_t len, void *value)
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

static const struct record_former *
former_of_tag(const struct record_class *cls, uint8_t tag)
{
	for (size_t i = 0; i < cls->n_former; i++)
		if (cls->former[i].tag == tag)
			return &cls->former[i];
	return NULL;
}

/* The value of a field of earlier versions becomes an item of its list. */
static int
decode_former(const struct record_place *place, const struct record_former *former, const unsigned char *p, size_t len,
	void *obj)
{
	const struct record_field as_field = { .tag = former->tag, .type = former->type };
	struct setting *setting = record_list_add(&setting_class, (void *)((char *)obj + former->offset));
	bool is_set = false;
	void *value = &setting->value;
	int rc;

	setting->name = xstrdup(former->name);
	if (former->type == RECORD_SECRET)
		value = &setting->secret;
	else if (former->type == RECORD_STRLIST)
		value = &setting->list;
	else if (former->type == RECORD_BOOL)
		value = &is_set;
	rc = decode_value(place, &as_field, p, len, value);
	if (is_set)
		setting->value = xstrdup("true");
	return rc;
}

/* @p: the field from its tag on; @len: of its value. */
static int
decode_field(
	const struct record_place *place, const struct record_class *cls, const unsigned char *p, size_t len, void *obj)
{
	const struct record_field *f = field_of_tag(cls, p[0]);
	const struct record_former *former = former_of_tag(cls, p[0]);

	if (f)
		return decode_value(place, f, p + RECORD_FIELD_HEAD, len, record_at(f, obj));
	if (former)
		return decode_former(place, former, p + RECORD_FIELD_HEAD, len, obj);
	if (cls->unknown)
		buf_add(record_unknown(cls, obj), p, RECORD_FIELD_HEAD + len);
	return 0;
}

static int
decode_record(
	const struct record_place *place, const struct record_class *cls, const unsigned char *p, size_t len, void *obj)
{
	if (len == 0)
		return bad(place, "it is empty");
	if (p[0] != RECORD_VERSION)
		return bad(place, "its version is unknown");
	p++;
	len--;
	while (len) {
		size_t n = len >= RECORD_FIELD_HEAD ? get_be32(p + 1) : 0;

		if (len < RECORD_FIELD_HEAD || n > len - RECORD_FIELD_HEAD)
			return bad(place, "it is truncated");
		if (decode_field(place, cls, p, n, obj) < 0)
			return -1;
		p += RECORD_FIELD_HEAD + n;
		len -= RECORD_FIELD_HEAD + n;
	}
	return 0;
}

int
record_decode(struct store *store, const struct record_class *cls, const char *id, const void *data, size_t len,
	void *obj, struct error *err)
{
	struct record_place place = { .store = store, .db = cls->db, .id = id, .err = err };

	if (decode_record(&place, cls, data, len, obj) < 0)
		return error_wrap(err, "%s '%s' is damaged in the store", api_title(cls->name), id);
	return 0;
}

uint64_t
record_secret_bit(const struct record_class *cls, const struct record_field *field)
{
	unsigned number = 0;

	for (const struct record_field *f = cls->fields; f < field; f++)
		number += f->type == RECORD_SECRET;
	return UINT64_C(1) << number;
}

uint64_t
record_secrets(const struct record_class *cls, const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t found = 0;

	for (size_t at = 1; at + RECORD_FIELD_HEAD <= len; at += RECORD_FIELD_HEAD + get_be32(p + at + 1)) {
		const struct record_field *f = field_of_tag(cls, p[at]);

		if (f && f->type == RECORD_SECRET)
			found |= record_secret_bit(cls, f);
	}
	return found;
}
