/*
 * Structs in memory, by their tables: clearing, copying, lists of them. record_encode.c and record_decode.c make octets
 * of them and read them.
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
	RECORD_FIELD(RECORD_BOOL, 2, struct record_error, retry, NULL),
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
		own_value(&cls->fields[i], record_at(&cls->fields[i], dst), record_at(&cls->fields[i], src));
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
