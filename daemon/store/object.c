/*
 * Objects by id and by name; keeps names unique and references valid. A save compares the index rows of the stored
 * record with those of the new one, and changes the differences.
 */
#include "daemon/store/object.h"

#include "common/api/api.h"
#include "daemon/store/object_index.h"

#include <stdlib.h>
#include <string.h>

enum {
	NAME_MAX_LEN = 255, /* well below the longest key */
	PROVIDERS_OF_NAME = 1000,
	NAMED_REFERRERS = 3, /* in "is in use by ..." */
	COUNTED_REFERRERS = 1000
};

static const struct record_class *const classes[] = { &provider_class, &autocert_class, &certificate_class,
	&dnsprovider_class, &consumer_class, &authorization_class };

/* Loading */

/* @wants_secrets: false where only names and references are needed. */
static int
object_load_value(struct store *store, const struct record_class *cls, const char *given_id, bool wants_secrets,
	void *obj, struct error *err)
{
	_cleanup_buf_ struct buf record = BUF_INIT;
	struct object *o = obj;
	char id[STORE_ID_SIZE]; /* @given_id may be inside @obj */
	int rc;

	if (strlen(given_id) >= sizeof(id))
		return record_clear(cls, obj), 0;
	memcpy(id, given_id, strlen(given_id) + 1);
	record_clear(cls, obj);
	rc = store_get(store, cls->db, id, strlen(id), &record, err);
	if (rc <= 0)
		return rc;
	if (record_decode(wants_secrets ? store : NULL, cls, id, record.data, record.len, obj, err) < 0) {
		record_clear(cls, obj);
		return -1;
	}
	memcpy(o->id, id, sizeof(id));
	o->is_peek = !wants_secrets;
	o->sealed = wants_secrets ? 0 : record_secrets(cls, record.data, record.len);
	return 1;
}

int
object_load(struct store *store, const struct record_class *cls, const char *id, void *obj, struct error *err)
{
	return object_load_value(store, cls, id, true, obj, err);
}

int
object_peek(struct store *store, const struct record_class *cls, const char *id, void *obj, struct error *err)
{
	return object_load_value(store, cls, id, false, obj, err);
}

static int
object_find_key(struct store *store, const struct record_class *cls, const char *ref, bool wants_secrets, void *obj,
	struct error *err)
{
	_cleanup_free_ char *copy = xstrdup(ref); /* @ref may be inside @obj */
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;
	int rc = object_load_value(store, cls, copy, wants_secrets, obj, err);

	if (rc)
		return rc;
	if (object_ids_of_name(store, cls, copy, NAMED_REFERRERS + 1, &ids, err) < 0)
		return -1;
	if (ids.count > 1)
		return object_ambiguous(cls, copy, &ids, err);
	return ids.count ? object_load_value(store, cls, ids.items[0], wants_secrets, obj, err) : 0;
}

int
authorization_find(
	struct store *store, const char *name, const char *provider, struct authorization *ret, struct error *err)
{
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;

	if (object_ids_of_name(store, &authorization_class, name, PROVIDERS_OF_NAME, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.count; i++) {
		int found = object_load(store, &authorization_class, ids.items[i], ret, err);

		if (found < 0 || (found && strcmp(ret->provider, provider) == 0))
			return found;
	}
	record_clear(&authorization_class, ret);
	return 0;
}

int
object_ambiguous(const struct record_class *cls, const char *name, const struct strlist *ids, struct error *err)
{
	_cleanup_free_ char *all = strlist_join(ids, ", ");

	return error_set(err, ERROR_INVALID, "more than one %s has the name '%s': use the id (%s)",
		api_title(cls->name), name, all);
}

int
object_find(struct store *store, const struct record_class *cls, const char *ref, void *obj, struct error *err)
{
	return object_find_key(store, cls, ref, true, obj, err);
}

int
object_find_peek(struct store *store, const struct record_class *cls, const char *ref, void *obj, struct error *err)
{
	return object_find_key(store, cls, ref, false, obj, err);
}

int
object_next_peek(struct store *store, const struct record_class *cls, const char *after, void *obj, struct error *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	int rc = store_next(store, cls->db, after, strlen(after), true, &key, NULL, err);

	if (rc == 1)
		return object_load_value(store, cls, buf_str(&key), false, obj, err);
	record_clear(cls, obj);
	return rc;
}

/* Counters are by class: one for each state, and the last of the store's four for those with a failure. */
enum { COUNTER_FAILING = STORE_COUNTERS_PER_DB - 1 };

int64_t
object_count(struct store *store, const struct record_class *cls, enum object_state state)
{
	return store_counter(store, cls->db, (unsigned)state);
}

int64_t
object_count_failing(struct store *store, const struct record_class *cls)
{
	return store_counter(store, cls->db, COUNTER_FAILING);
}

static void
count_object(struct store_txn *txn, const struct record_class *cls, const struct object *o, int64_t delta)
{
	if (error_is_set(&o->failure))
		store_counter_add(txn, cls->db, COUNTER_FAILING, delta);
	if (o->state >= OBJECT_PROVISIONING && o->state <= OBJECT_FAILED)
		store_counter_add(txn, cls->db, (unsigned)o->state, delta);
}

/* Saving */

static int
object_name_taken(const struct record_class *cls, const struct object *o, struct error *err)
{
	error_set_field(err, "name", "%s '%s' already exists", api_title(cls->name), o->name);
	if (err)
		err->code = ERROR_EXISTS;
	return -1;
}

/* @old: as stored, or empty. An object may keep its name, whatever others have it. */
static int
object_check_name(struct store *store, const struct record_class *cls, const struct object *o, const struct object *old,
	struct error *err)
{
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;

	if (!o->name || o->name[0] == '\0')
		return error_set_field(err, "name", "%s: the name is empty", api_title(cls->name));
	if (strlen(o->name) > NAME_MAX_LEN)
		return error_set_field(
			err, "name", "%s: the name is longer than %d octets", api_title(cls->name), NAME_MAX_LEN);
	if (o->may_share_name || (old->name && strcmp(old->name, o->name) == 0))
		return 0;
	if (object_ids_of_name(store, cls, o->name, 1, &ids, err) < 0)
		return -1;
	return ids.count ? object_name_taken(cls, o, err) : 0;
}

/* Every required target must exist. */
static int
object_check_ref(struct store *store, const struct record_field *f, const char *id, struct error *err)
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

	if (f->role == RECORD_PLAIN || f->role == RECORD_EXPIRY || f->role == RECORD_FLAG)
		return 0;
	record_strings(f, obj, &strings, &count);
	for (size_t i = 0; i < count; i++) {
		if (strlen(strings[i]) > NAME_MAX_LEN)
			return error_set_field(
				err, f->name, "'%.32s...' is longer than %d octets", strings[i], NAME_MAX_LEN);
		if (f->role == RECORD_REF && object_check_ref(store, f, strings[i], err) < 0)
			return -1;
	}
	return 0;
}

/* If the target is created in this turn and that fails, the object that refers to it must fail too. */
static void
rely_on_targets(struct store_txn *txn, const struct record_field *f, const void *obj)
{
	char *const *strings;
	size_t count;

	if (f->role != RECORD_REF)
		return;
	record_strings(f, obj, &strings, &count);
	for (size_t i = 0; i < count; i++)
		store_rely_on(txn, f->target->db, strings[i], strlen(strings[i]));
}

/* @old: an object of @cls as stored, or empty. */
static int
save_over(struct store *store, struct store_txn *txn, const struct record_class *cls, void *obj, const void *old,
	struct error *err)
{
	_cleanup_buf_ struct buf record = BUF_INIT;
	const struct object *o = obj;
	const struct object *old_o = old;
	struct index_rows old_rows = { .items = NULL };
	struct index_rows new_rows = { .items = NULL };

	if (record_encode(store, cls, o->id, obj, &record, err) < 0)
		return -1;
	if (record.len > STORE_VALUE_MAX)
		return error_set(err, ERROR_LIMIT, "%s '%s' is too large: %zu octets", api_title(cls->name), o->name,
			record.len);
	if (old_o->id[0]) {
		index_rows_of(cls, old, &old_rows);
		count_object(txn, cls, old_o, -1);
	}
	count_object(txn, cls, o, 1);
	index_rows_of(cls, obj, &new_rows);
	store_put(txn, cls->db, o->id, strlen(o->id), record.data, record.len);
	index_change(txn, &old_rows, &new_rows);
	for (size_t i = 0; i < cls->n_fields; i++)
		rely_on_targets(txn, &cls->fields[i], obj);
	index_rows_clear(&old_rows);
	index_rows_clear(&new_rows);
	store_changed(store, txn, cls->db, old_o->id[0] ? old : NULL, obj);
	return 0;
}

/* All checks come before the first change. */
int
object_save(struct store *store, struct store_txn *txn, const struct record_class *cls, void *obj, struct error *err)
{
	struct object *o = obj;
	bool is_new = o->id[0] == '\0';
	void *old;
	int rc;

	if (o->is_peek)
		return error_set(
			err, ERROR_INTERNAL, "%s '%s' was loaded without its secrets", api_title(cls->name), o->name);
	if (is_new)
		store_new_id(o->id);
	old = xcalloc(1, cls->size);
	rc = is_new ? 0 : object_load_value(store, cls, o->id, false, old, err);
	if (rc >= 0)
		rc = object_check_name(store, cls, o, old, err);
	for (size_t i = 0; rc >= 0 && i < cls->n_fields; i++)
		if (check_strings(store, &cls->fields[i], obj, err) < 0)
			rc = error_wrap(err, "%s '%s'", api_title(cls->name), o->name);
	if (rc >= 0)
		rc = save_over(store, txn, cls, obj, old, err);
	record_clear(cls, old);
	free(old);
	if (rc < 0 && is_new)
		o->id[0] = '\0';
	return rc;
}

/* Deleting */

/* The names of the objects that need the target, for the message; ids where a name cannot be read. */
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
	if (object_load_value(store, cls, id, false, obj, NULL) == 1)
		id = ((struct object *)obj)->name;
	buf_printf(&users->names, "%s%s '%s'", users->names.len ? ", " : "", api_title(cls->name), id);
	record_clear(cls, obj);
	free(obj);
}

static int
find_users(struct store *store, const struct record_class *cls, const char *target_id, struct users *users,
	struct error *err)
{
	struct index_walk w;
	int rc;

	index_walk_start(&w, store, 'r', cls->db, target_id);
	while ((rc = index_walk_next(&w, err)) == 1 && users->count < COUNTED_REFERRERS)
		if (w.value.len == 0)
			users_add(users, store, cls, w.id);
	index_walk_end(&w);
	return rc < 0 ? -1 : 0;
}

static int
object_check_unused(struct store *store, const struct record_class *cls, const struct object *o, struct error *err)
{
	struct users users = { .count = 0 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(classes); i++)
		rc = find_users(store, classes[i], o->id, &users, err);
	if (rc == 0 && users.count > NAMED_REFERRERS)
		buf_printf(&users.names, " and %zu more%s", users.count - NAMED_REFERRERS,
			users.count >= COUNTED_REFERRERS ? " at least" : "");
	if (rc == 0 && users.count)
		rc = error_set(err, ERROR_IN_USE, "%s '%s' is in use by %s", api_title(cls->name), o->name,
			buf_str(&users.names));
	buf_clear(&users.names);
	return rc;
}

static void
remove_object(struct store *store, struct store_txn *txn, const struct record_class *cls, const void *obj)
{
	const struct object *o = obj;
	struct index_rows none = { .items = NULL };
	struct index_rows rows = { .items = NULL };

	index_rows_of(cls, obj, &rows);
	store_del(txn, cls->db, o->id, strlen(o->id));
	count_object(txn, cls, o, -1);
	index_change(txn, &rows, &none);
	index_rows_clear(&rows);
	store_changed(store, txn, cls->db, obj, NULL);
}

int
object_delete(
	struct store *store, struct store_txn *txn, const struct record_class *cls, const char *id, struct error *err)
{
	void *obj = xcalloc(1, cls->size);
	int rc = object_load_value(store, cls, id, false, obj, err);

	if (rc == 0)
		rc = error_set(err, ERROR_NOT_FOUND, "there is no %s '%s'", api_title(cls->name), id);
	else if (rc == 1)
		rc = object_check_unused(store, cls, obj, err);
	if (rc == 0)
		remove_object(store, txn, cls, obj);
	record_clear(cls, obj);
	free(obj);
	return rc;
}
