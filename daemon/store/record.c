/*
 * Structs in memory, by their tables: clearing, copying, lists of them; and loading and saving. record_encode.c and
 * record_decode.c convert them to and from octets.
 */
#include "daemon/store/record.h"

#include "common/crypto/secret.h"
#include "common/error.h"
#include "common/strlist.h"
#include "daemon/store/record_private.h"

#include <stdlib.h>
#include <string.h>

static const struct record_field error_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct record_error, code, NULL),
	RECORD_FIELD(RECORD_BOOL, 2, struct record_error, may_retry, NULL),
	RECORD_FIELD(RECORD_INT, 3, struct record_error, retry_at, NULL),
	RECORD_FIELD(RECORD_STRING, 4, struct record_error, field, NULL),
	RECORD_FIELD(RECORD_STRING, 5, struct record_error, problem, NULL),
	RECORD_FIELD(RECORD_STRING, 6, struct record_error, message, NULL),
};

const struct record_class record_error_class = {
	.name = "error",
	.db = STORE_META,
	.size = sizeof(struct record_error),
	.fields = error_fields,
	.n_fields = ARRAY_SIZE(error_fields),
};

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
		clear_value(&cls->fields[i], record_at(&cls->fields[i], obj));
	if (cls->unknown)
		buf_clear(record_unknown(cls, obj));
	memset(obj, 0, cls->size);
}

static void
copy_list(const struct record_class *item, struct record_list *dst, const struct record_list *src)
{
	*dst = (struct record_list){ .items = NULL };
	for (size_t i = 0; i < src->count; i++)
		record_copy(item, record_list_add(item, dst), (const char *)src->items + i * item->size);
}

static void
own_bytes(struct buf *dst, const struct buf *src)
{
	*dst = (struct buf)BUF_INIT;
	buf_add(dst, src->data, src->len);
}

/* @dst is a shallow copy of @src: replaces what @src owns by copies. */
static void
own_value(const struct record_field *f, void *dst, const void *src)
{
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
		own_bytes(dst, src);
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
		own_value(&cls->fields[i], record_at(&cls->fields[i], dst), record_at(&cls->fields[i], src));
	if (cls->unknown)
		own_bytes(record_unknown(cls, dst), record_unknown(cls, src));
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

int
record_load(struct store *store, const struct record_class *cls, const char *id, void *ret, struct error *err)
{
	_cleanup_buf_ struct buf octets = BUF_INIT;
	int found = store_get(store, cls->db, id, strlen(id), &octets, err);

	if (found != 1)
		return found;
	if (record_decode(store, cls, id, octets.data, octets.len, ret, err) == 0)
		return 1;
	record_clear(cls, ret);
	return -1;
}

void
record_save(struct store *store, struct store_txn *txn, const struct record_class *cls, const char *id, const void *obj)
{
	_cleanup_buf_ struct buf octets = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	if (record_encode(store, cls, id, obj, &octets, &err) < 0)
		store_fail(txn, &err);
	store_put(txn, cls->db, id, strlen(id), octets.data, octets.len);
}
