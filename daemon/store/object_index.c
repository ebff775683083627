/*
 * The rows of the index. Which field is a reference says the class's table; here are only the rows made from it:
 *
 *   "n" db name NUL id -> ""
 *   "r" db target-id NUL id -> "" (the target is needed) or "w" (weak: it may go away)
 *   "c" db common-name NUL id -> ""
 *   "d" db common-name, labels reversed NUL id -> ""
 *   "l" db label NUL id -> ""
 *   "s" db state NUL id -> ""
 *   "e" db date (8, big endian, sign flipped) id -> ""
 */
#include "daemon/store/object_index.h"

#include "common/error.h"

#include <stdlib.h>
#include <string.h>

void
index_rows_clear(struct index_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		buf_clear(&rows->items[i].key);
	free(rows->items);
	*rows = (struct index_rows){ .items = NULL };
}

void
index_key(struct buf *ret, char kind, enum store_db db, const char *what, const char *id)
{
	buf_add_char(ret, kind);
	buf_add_char(ret, (char)db);
	buf_add(ret, what, strlen(what) + 1);
	buf_add_str(ret, id);
}

/* Big endian with the sign bit flipped: the octets sort like the times, negative ones first. */
void
index_expiry_key(struct buf *ret, enum store_db db, int64_t at, const char *id)
{
	uint64_t u = (uint64_t)at ^ (UINT64_C(1) << 63);

	buf_add_char(ret, 'e');
	buf_add_char(ret, (char)db);
	for (int shift = 56; shift >= 0; shift -= 8)
		buf_add_char(ret, (char)(u >> shift & 0xff));
	buf_add_str(ret, id);
}

/* "www.example.com" -> "com.example.www". Owned by the caller. */
static char *
reversed(const char *name)
{
	struct buf text = BUF_INIT;
	const char *end = name + strlen(name);

	while (end > name) {
		const char *dot = memrchr(name, '.', (size_t)(end - name));
		const char *label = dot ? dot + 1 : name;

		buf_add(&text, label, (size_t)(end - label));
		if (dot)
			buf_add_char(&text, '.');
		end = dot ? dot : name;
	}
	return buf_steal(&text);
}

void
index_domain_key(struct buf *ret, enum store_db db, const char *domain)
{
	_cleanup_free_ char *text = reversed(domain);

	buf_add_char(ret, 'd');
	buf_add_char(ret, (char)db);
	buf_add_str(ret, text);
	buf_add_char(ret, '.');
}

const struct record_field *
index_expiry_field(const struct record_class *cls)
{
	for (size_t i = 0; i < cls->n_fields; i++)
		if (cls->fields[i].role == RECORD_EXPIRY)
			return &cls->fields[i];
	return NULL;
}

static struct index_row *
rows_find(const struct index_rows *rows, const struct buf *key)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->items[i].key.len == key->len && memcmp(rows->items[i].key.data, key->data, key->len) == 0)
			return &rows->items[i];
	return NULL;
}

/* A target that is referred to twice is needed if one of the references needs it. */
static void
rows_take(struct index_rows *rows, struct buf *key, const char *value)
{
	struct index_row *same = rows_find(rows, key);

	if (same) {
		if (*value == '\0')
			same->value = value;
		buf_clear(key);
		return;
	}
	rows->items = xreallocarray(rows->items, rows->count + 1, sizeof(*rows->items));
	rows->items[rows->count++] = (struct index_row){ *key, value };
	*key = (struct buf)BUF_INIT;
}

static void
rows_add(struct index_rows *rows, char kind, enum store_db db, const char *what, const char *id, const char *value)
{
	struct buf key = BUF_INIT;

	index_key(&key, kind, db, what, id);
	rows_take(rows, &key, value);
}

static const void *
object_index_value_of(const struct record_field *f, const void *obj)
{
	return (const char *)obj + f->offset;
}

/* The strings of a STRING or STRLIST field; borrowed from @obj. */
void
record_strings(const struct record_field *f, const void *obj, char *const **ret, size_t *ret_count)
{
	if (f->type == RECORD_STRLIST) {
		const struct strlist *l = object_index_value_of(f, obj);

		*ret = l->items;
		*ret_count = l->count;
	} else {
		*ret = object_index_value_of(f, obj);
		*ret_count = **ret ? 1 : 0;
	}
}

/* Objects without an expiry have no row. */
static void
expiry_row(const struct record_class *cls, const struct object *o, int64_t at, struct index_rows *ret)
{
	struct buf key = BUF_INIT;

	if (at == 0)
		return;
	index_expiry_key(&key, cls->db, at, o->id);
	rows_take(ret, &key, "");
}

static void
common_name_rows(const struct record_class *cls, const struct object *o, const char *name, struct index_rows *ret)
{
	_cleanup_free_ char *text = reversed(name);

	rows_add(ret, 'c', cls->db, name, o->id, "");
	rows_add(ret, 'd', cls->db, text, o->id, "");
}

static void
rows_of_field(const struct record_class *cls, const struct record_field *f, const void *obj, struct index_rows *ret)
{
	const struct object *o = obj;
	char *const *strings;
	size_t count;

	if (f->role == RECORD_PLAIN)
		return;
	if (f->role == RECORD_EXPIRY) {
		expiry_row(cls, o, *(const int64_t *)object_index_value_of(f, obj), ret);
		return;
	}
	if (f->role == RECORD_FLAG) {
		if (*(const bool *)object_index_value_of(f, obj))
			rows_add(ret, 'f', cls->db, f->name, o->id, "");
		return;
	}
	record_strings(f, obj, &strings, &count);
	for (size_t i = 0; i < count; i++) {
		if (f->role == RECORD_LABEL)
			rows_add(ret, 'l', cls->db, strings[i], o->id, "");
		else if (f->role == RECORD_COMMON_NAME)
			common_name_rows(cls, o, strings[i], ret);
		else
			rows_add(ret, 'r', cls->db, strings[i], o->id, f->role == RECORD_REF ? "" : "w");
	}
}

void
index_rows_of(const struct record_class *cls, const void *obj, struct index_rows *ret)
{
	const struct object *o = obj;
	const char state[2] = { (char)('0' + o->state), '\0' };

	rows_add(ret, 'n', cls->db, o->name, o->id, "");
	rows_add(ret, 's', cls->db, state, o->id, "");
	for (size_t i = 0; i < cls->n_fields; i++)
		rows_of_field(cls, &cls->fields[i], obj, ret);
}

void
index_change(struct store_txn *txn, const struct index_rows *old, const struct index_rows *new)
{
	for (size_t i = 0; i < old->count; i++)
		if (!rows_find(new, &old->items[i].key))
			store_del(txn, STORE_INDEX, old->items[i].key.data, old->items[i].key.len);
	for (size_t i = 0; i < new->count; i++) {
		const struct index_row *row = &new->items[i];
		const struct index_row *same = rows_find(old, &row->key);

		if (!same || strcmp(same->value, row->value) != 0)
			store_put(txn, STORE_INDEX, row->key.data, row->key.len, row->value, strlen(row->value));
	}
}

void
index_walk_start(struct index_walk *w, struct store *store, char kind, enum store_db db, const char *what)
{
	*w = (struct index_walk){ .store = store };
	index_key(&w->prefix, kind, db, what, "");
	buf_add(&w->key, w->prefix.data, w->prefix.len);
}

/* Return: 1 and @w->id, 0 the end, -1 failed. */
int
index_walk_next(struct index_walk *w, struct error *err)
{
	int rc = store_next_with(w->store, STORE_INDEX, &w->prefix, &w->key, &w->value, err);

	if (rc <= 0)
		return rc;
	w->id = w->key.data + w->prefix.len;
	return 1;
}

void
index_walk_end(struct index_walk *w)
{
	buf_clear(&w->prefix);
	buf_clear(&w->key);
	buf_clear(&w->value);
}

/* The ids of the rows with one prefix. */
static int
index_ids(struct store *store, char kind, const struct record_class *cls, const char *what, size_t max,
	struct strlist *ret, struct error *err)
{
	struct index_walk w;
	int rc = 1;

	index_walk_start(&w, store, kind, cls->db, what);
	for (size_t n = 0; n < max && rc == 1; n++) {
		rc = index_walk_next(&w, err);
		if (rc == 1)
			strlist_add(ret, w.id);
	}
	index_walk_end(&w);
	return rc < 0 ? -1 : 0;
}

int
object_referrers(struct store *store, const struct record_class *cls, const char *target_id, size_t max,
	struct strlist *ret, struct error *err)
{
	return index_ids(store, 'r', cls, target_id, max, ret, err);
}

int
object_ids_of_name(struct store *store, const struct record_class *cls, const char *name, size_t max,
	struct strlist *ret, struct error *err)
{
	return index_ids(store, 'n', cls, name, max, ret, err);
}
