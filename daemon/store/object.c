/*
 * Objects by id and by name, and the index rows that keep names unique and references whole. Which field is a
 * reference says the class's table; here are only the rows made from it:
 *
 *   "n" db name             -> id
 *   "r" db target-id NUL id -> "" (the target is needed) or "w" (weak: it may go away)
 *   "c" db common-name NUL id -> ""
 *
 * A save compares the rows of the record that is in the store with those of the new one, and changes what differs.
 */
#include "daemon/store/object.h"

#include <stdlib.h>
#include <string.h>

enum {
	NAME_MAX_LEN = 255,  /* well below the longest key */
	NAMED_REFERRERS = 3, /* in "is in use by ..." */
	COUNTED_REFERRERS = 1000
};

static const struct record_class *const classes[] = { &provider_class, &autocert_class, &certificate_class,
	&dnsprovider_class, &consumer_class };

/* One row of the index that an object asks for. */
struct row {
	struct buf key;
	const char *value;
};

struct rows {
	struct row *items; /* owned */
	size_t count;
};

static void
rows_clear(struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		buf_clear(&rows->items[i].key);
	free(rows->items);
	*rows = (struct rows){ .items = NULL };
}

/* "r" and "c": all rows of one target or common name begin with this. */
static void
make_prefix(struct buf *ret, char kind, enum store_db db, const char *what)
{
	buf_add_char(ret, kind);
	buf_add_char(ret, (char)db);
	buf_add(ret, what, strlen(what) + 1);
}

static void
make_name_key(struct buf *ret, enum store_db db, const char *name)
{
	buf_add_char(ret, 'n');
	buf_add_char(ret, (char)db);
	buf_add_str(ret, name);
}

static struct row *
rows_find(const struct rows *rows, const struct buf *key)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->items[i].key.len == key->len &&
			memcmp(rows->items[i].key.data, key->data, key->len) == 0)
			return &rows->items[i];
	return NULL;
}

/* A target that is referred to twice is needed if one of the two needs it. */
static void
rows_take(struct rows *rows, struct buf *key, const char *value)
{
	struct row *same = rows_find(rows, key);

	if (same) {
		if (*value == '\0')
			same->value = value;
		buf_clear(key);
		return;
	}
	rows->items = xreallocarray(rows->items, rows->count + 1, sizeof(*rows->items));
	rows->items[rows->count++] = (struct row){ *key, value };
	*key = (struct buf)BUF_INIT;
}

static void
rows_add(struct rows *rows, char kind, enum store_db db, const char *what, const char *id, const char *value)
{
	struct buf key = BUF_INIT;

	make_prefix(&key, kind, db, what);
	buf_add_str(&key, id);
	rows_take(rows, &key, value);
}

static const void *
value_of(const struct record_field *f, const void *obj)
{
	return (const char *)obj + f->offset;
}

/* The strings of a field, be it one or a list; borrowed from @obj. */
static void
strings_of(const struct record_field *f, const void *obj, char *const **ret, size_t *ret_count)
{
	if (f->type == RECORD_STRLIST) {
		const struct strlist *l = value_of(f, obj);

		*ret = l->items;
		*ret_count = l->count;
	} else {
		*ret = value_of(f, obj);
		*ret_count = **ret ? 1 : 0;
	}
}

static void
rows_of_field(const struct record_class *cls, const struct record_field *f, const void *obj, struct rows *ret)
{
	const struct object *o = obj;
	char *const *strings;
	size_t count;

	if (f->role == RECORD_PLAIN)
		return;
	strings_of(f, obj, &strings, &count);
	for (size_t i = 0; i < count; i++) {
		if (f->role == RECORD_COMMON_NAME)
			rows_add(ret, 'c', cls->db, strings[i], o->id, "");
		else
			rows_add(ret, 'r', cls->db, strings[i], o->id, f->role == RECORD_REF ? "" : "w");
	}
}

static void
rows_of(const struct record_class *cls, const void *obj, struct rows *ret)
{
	const struct object *o = obj;
	struct buf key = BUF_INIT;

	make_name_key(&key, cls->db, o->name);
	rows_take(ret, &key, o->id);
	for (size_t i = 0; i < cls->n_fields; i++)
		rows_of_field(cls, &cls->fields[i], obj, ret);
}

/* Loading */

/* @with_secrets: false where names and references are all that is asked for. */
static int
load(struct store *store, const struct record_class *cls, const char *given_id, bool with_secrets, void *obj,
	struct error *err)
{
	_cleanup_buf_ struct buf record = BUF_INIT;
	struct object *o = obj;
	char id[STORE_ID_SIZE]; /* @given_id may lie in @obj */
	int rc;

	if (strlen(given_id) >= sizeof(id))
		return record_clear(cls, obj), 0;
	memcpy(id, given_id, strlen(given_id) + 1);
	record_clear(cls, obj);
	rc = store_get(store, cls->db, id, strlen(id), &record, err);
	if (rc <= 0)
		return rc;
	if (record_decode(with_secrets ? store : NULL, cls, id, record.data, record.len, obj, err) < 0) {
		record_clear(cls, obj);
		return -1;
	}
	memcpy(o->id, id, sizeof(id));
	return 1;
}

int
object_load(struct store *store, const struct record_class *cls, const char *id, void *obj, struct error *err)
{
	return load(store, cls, id, true, obj, err);
}

/* Return: 1 and the id, 0 nobody has that name, -1 failed. */
static int
id_of_name(struct store *store, const struct record_class *cls, const char *name, char ret[STORE_ID_SIZE],
	struct error *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	_cleanup_buf_ struct buf id = BUF_INIT;
	int rc;

	make_name_key(&key, cls->db, name);
	rc = store_get(store, STORE_INDEX, key.data, key.len, &id, err);
	if (rc <= 0)
		return rc;
	if (id.len >= STORE_ID_SIZE)
		return error_set(err, ERROR_CORRUPT, "the index of the name '%s' is damaged", name);
	memcpy(ret, id.data, id.len + 1);
	return 1;
}

int
object_find(
	struct store *store, const struct record_class *cls, const char *ref, void *obj, struct error *err)
{
	_cleanup_free_ char *copy = xstrdup(ref); /* @ref may lie in @obj */
	char id[STORE_ID_SIZE];
	int rc = object_load(store, cls, copy, obj, err);

	if (rc)
		return rc;
	rc = id_of_name(store, cls, copy, id, err);
	return rc == 1 ? object_load(store, cls, id, obj, err) : rc;
}

int
object_next(
	struct store *store, const struct record_class *cls, const char *after, void *obj, struct error *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	int rc = store_next(store, cls->db, after, strlen(after), true, &key, NULL, err);

	if (rc == 1)
		return object_load(store, cls, buf_str(&key), obj, err);
	record_clear(cls, obj);
	return rc;
}

/* A walk over index rows with one prefix. */
struct walk {
	struct store *store;
	struct buf prefix;
	struct buf key; /* the last row's */
	struct buf value;
	const char *id; /* its end, borrowed from @key */
};

static void
walk_start(struct walk *w, struct store *store, char kind, enum store_db db, const char *what)
{
	*w = (struct walk){ .store = store };
	make_prefix(&w->prefix, kind, db, what);
	buf_add(&w->key, w->prefix.data, w->prefix.len);
}

/* Return: 1 and @w->id, 0 the end, -1 failed. */
static int
walk_next(struct walk *w, struct error *err)
{
	int rc = store_next(w->store, STORE_INDEX, w->key.data, w->key.len, true, &w->key, &w->value, err);

	if (rc <= 0)
		return rc;
	if (w->key.len < w->prefix.len || memcmp(w->key.data, w->prefix.data, w->prefix.len) != 0)
		return 0;
	w->id = w->key.data + w->prefix.len;
	return 1;
}

static void
walk_end(struct walk *w)
{
	buf_clear(&w->prefix);
	buf_clear(&w->key);
	buf_clear(&w->value);
}

static int
ids_with_prefix(struct store *store, const struct record_class *cls, char kind, const char *what, size_t max,
	struct strlist *ret, struct error *err)
{
	struct walk w;
	int rc = 1;

	walk_start(&w, store, kind, cls->db, what);
	for (size_t n = 0; n < max && rc == 1; n++) {
		rc = walk_next(&w, err);
		if (rc == 1)
			strlist_add(ret, w.id);
	}
	walk_end(&w);
	return rc < 0 ? -1 : 0;
}

int
object_referrers(struct store *store, const struct record_class *cls, const char *target_id, size_t max,
	struct strlist *ret, struct error *err)
{
	return ids_with_prefix(store, cls, 'r', target_id, max, ret, err);
}

int
object_by_common_name(struct store *store, const struct record_class *cls, const char *common_name,
	size_t max, struct strlist *ret, struct error *err)
{
	return ids_with_prefix(store, cls, 'c', common_name, max, ret, err);
}

/* Counters are by class and state; the store keeps four of them for each database. */
int64_t
object_count(struct store *store, const struct record_class *cls, enum object_state state)
{
	return store_counter(store, cls->db, (unsigned)state);
}

static void
count_object(struct store_txn *txn, const struct record_class *cls, const struct object *o, int64_t delta)
{
	if (o->state >= OBJECT_PROVISIONING && o->state <= OBJECT_FAILED)
		store_counter_add(txn, cls->db, (unsigned)o->state, delta);
}

/* Saving */

static int
check_name(struct store *store, const struct record_class *cls, const struct object *o, struct error *err)
{
	char id[STORE_ID_SIZE];
	int rc;

	if (!o->name || o->name[0] == '\0')
		return error_set_field(err, "name", "%s: the name is empty", cls->name);
	if (strlen(o->name) > NAME_MAX_LEN)
		return error_set_field(
			err, "name", "%s: the name is longer than %d octets", cls->name, NAME_MAX_LEN);
	rc = id_of_name(store, cls, o->name, id, err);
	if (rc == 1 && strcmp(id, o->id) != 0) {
		error_set_field(err, "name", "there is a %s with the name '%s' already", cls->name, o->name);
		err->code = ERROR_EXISTS;
		return -1;
	}
	return rc < 0 ? -1 : 0;
}

/* Every target that is needed must be there. */
static int
check_ref(struct store *store, const struct record_field *f, const char *id, struct error *err)
{
	_cleanup_buf_ struct buf record = BUF_INIT;
	int rc = store_get(store, f->target->db, id, strlen(id), &record, err);

	if (rc == 0) {
		error_set_field(err, f->name, "there is no %s '%s'", f->target->name, id);
		err->code = ERROR_NOT_FOUND;
	}
	return rc == 1 ? 0 : -1;
}

static int
check_strings(struct store *store, const struct record_field *f, const void *obj, struct error *err)
{
	char *const *strings;
	size_t count;

	if (f->role == RECORD_PLAIN)
		return 0;
	strings_of(f, obj, &strings, &count);
	for (size_t i = 0; i < count; i++) {
		if (strlen(strings[i]) > NAME_MAX_LEN)
			return error_set_field(err, f->name, "'%.32s...' is longer than %d octets",
				strings[i], NAME_MAX_LEN);
		if (f->role == RECORD_REF && check_ref(store, f, strings[i], err) < 0)
			return -1;
	}
	return 0;
}

/* If the target is made in this turn and that fails, so must what refers to it. */
static void
rely_on_targets(struct store_txn *txn, const struct record_field *f, const void *obj)
{
	char *const *strings;
	size_t count;

	if (f->role != RECORD_REF)
		return;
	strings_of(f, obj, &strings, &count);
	for (size_t i = 0; i < count; i++)
		store_rely_on(txn, f->target->db, strings[i], strlen(strings[i]));
}

static void
change_rows(struct store_txn *txn, const struct rows *old, const struct rows *new)
{
	for (size_t i = 0; i < old->count; i++)
		if (!rows_find(new, &old->items[i].key))
			store_del(txn, STORE_INDEX, old->items[i].key.data, old->items[i].key.len);
	for (size_t i = 0; i < new->count; i++) {
		const struct row *row = &new->items[i];
		const struct row *same = rows_find(old, &row->key);

		if (!same || strcmp(same->value, row->value) != 0)
			store_put(txn, STORE_INDEX, row->key.data, row->key.len, row->value,
				strlen(row->value));
	}
}

/* @old: an object of @cls as it is in the store, or empty. */
static int
save_over(struct store *store, struct store_txn *txn, const struct record_class *cls, void *obj,
	const void *old, struct error *err)
{
	_cleanup_buf_ struct buf record = BUF_INIT;
	const struct object *o = obj;
	const struct object *old_o = old;
	struct rows old_rows = { .items = NULL };
	struct rows new_rows = { .items = NULL };

	if (record_encode(store, cls, o->id, obj, &record, err) < 0)
		return -1;
	if (record.len > STORE_VALUE_MAX)
		return error_set(
			err, ERROR_LIMIT, "%s '%s' is too large: %zu octets", cls->name, o->name, record.len);
	if (old_o->id[0]) {
		rows_of(cls, old, &old_rows);
		count_object(txn, cls, old_o, -1);
	}
	count_object(txn, cls, o, 1);
	rows_of(cls, obj, &new_rows);
	store_put(txn, cls->db, o->id, strlen(o->id), record.data, record.len);
	change_rows(txn, &old_rows, &new_rows);
	for (size_t i = 0; i < cls->n_fields; i++)
		rely_on_targets(txn, &cls->fields[i], obj);
	rows_clear(&old_rows);
	rows_clear(&new_rows);
	return 0;
}

/* Everything that may be refused comes before the first change. */
int
object_save(struct store *store, struct store_txn *txn, const struct record_class *cls, void *obj,
	struct error *err)
{
	struct object *o = obj;
	bool is_new = o->id[0] == '\0';
	void *old;
	int rc;

	if (check_name(store, cls, o, err) < 0)
		return -1;
	for (size_t i = 0; i < cls->n_fields; i++)
		if (check_strings(store, &cls->fields[i], obj, err) < 0)
			return error_wrap(err, "%s '%s'", cls->name, o->name);
	if (is_new)
		store_new_id(o->id);
	old = xcalloc(1, cls->size);
	rc = is_new ? 0 : load(store, cls, o->id, false, old, err);
	if (rc >= 0)
		rc = save_over(store, txn, cls, obj, old, err);
	record_clear(cls, old);
	free(old);
	if (rc < 0 && is_new)
		o->id[0] = '\0';
	return rc;
}

/* Deleting */

/* The names of those who need the target, for the message; ids where a name cannot be read. */
struct users {
	struct buf names;
	size_t count;
};

static void
users_add(struct users *users, struct store *store, const struct record_class *cls, const char *id)
{
	void *obj;

	if (users->count++ >= NAMED_REFERRERS)
		return;
	obj = xcalloc(1, cls->size);
	if (load(store, cls, id, false, obj, NULL) == 1)
		id = ((struct object *)obj)->name;
	buf_printf(&users->names, "%s%s '%s'", users->names.len ? ", " : "", cls->name, id);
	record_clear(cls, obj);
	free(obj);
}

static int
find_users(struct store *store, const struct record_class *cls, const char *target_id, struct users *users,
	struct error *err)
{
	struct walk w;
	int rc;

	walk_start(&w, store, 'r', cls->db, target_id);
	while ((rc = walk_next(&w, err)) == 1 && users->count < COUNTED_REFERRERS)
		if (w.value.len == 0)
			users_add(users, store, cls, w.id);
	walk_end(&w);
	return rc < 0 ? -1 : 0;
}

static int
check_unused(struct store *store, const struct record_class *cls, const struct object *o, struct error *err)
{
	struct users users = { .count = 0 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(classes); i++)
		rc = find_users(store, classes[i], o->id, &users, err);
	if (rc == 0 && users.count > NAMED_REFERRERS)
		buf_printf(&users.names, " and %zu more%s", users.count - NAMED_REFERRERS,
			users.count >= COUNTED_REFERRERS ? " at least" : "");
	if (rc == 0 && users.count)
		rc = error_set(err, ERROR_IN_USE, "%s '%s' is in use by %s", cls->name, o->name,
			buf_str(&users.names));
	buf_clear(&users.names);
	return rc;
}

static void
remove_object(struct store_txn *txn, const struct record_class *cls, const void *obj)
{
	const struct object *o = obj;
	struct rows none = { .items = NULL };
	struct rows rows = { .items = NULL };

	rows_of(cls, obj, &rows);
	store_del(txn, cls->db, o->id, strlen(o->id));
	count_object(txn, cls, o, -1);
	change_rows(txn, &rows, &none);
	rows_clear(&rows);
}

int
object_delete(struct store *store, struct store_txn *txn, const struct record_class *cls, const char *id,
	struct error *err)
{
	void *obj = xcalloc(1, cls->size);
	int rc = load(store, cls, id, false, obj, err);

	if (rc == 0)
		rc = error_set(err, ERROR_NOT_FOUND, "there is no %s '%s'", cls->name, id);
	else if (rc == 1)
		rc = check_unused(store, cls, obj, err);
	if (rc == 0)
		remove_object(txn, cls, obj);
	record_clear(cls, obj);
	free(obj);
	return rc;
}
