/*
 * Index rows that an earlier certd did not make. They are made at the next start, before any request. Putting an
 * existing row changes nothing, so an interrupted upgrade is continued at the next start. STORE_META "index-version"
 * records the progress.
 */
#include "common/error.h"
#include "daemon/store/object.h"
#include "daemon/store/object_index.h"
#include "daemon/store/object_query.h"

#include <stdlib.h>
#include <string.h>

/* 2: by state and by expiry; 3: by domain; 4: several may have one name. */
static const char version[] = "4";
static const char version_key[] = "index-version";

enum { AT_ONCE = 1000 }; /* objects in one transaction */

static const struct record_class *const classes[] = { &provider_class, &autocert_class, &certificate_class,
	&dnsprovider_class, &consumer_class, &token_class, &authorization_class, &alert_class };

static int
is_whole(struct store *store, struct error *err)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	int rc = store_get(store, STORE_META, version_key, strlen(version_key), &value, err);

	return rc == 1 ? strcmp(buf_str(&value), version) == 0 : rc;
}

/* Until version 3 a name had one row: "n" db name -> id. */
static void
forget_name_row(struct store_txn *txn, const struct record_class *cls, const struct object *o)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	buf_add_char(&key, 'n');
	buf_add_char(&key, (char)cls->db);
	buf_add_str(&key, o->name);
	store_del(txn, STORE_INDEX, key.data, key.len);
}

static void
put_rows(struct store_txn *txn, const struct record_class *cls, const void *obj)
{
	struct index_rows none = { .items = NULL };
	struct index_rows rows = { .items = NULL };

	index_rows_of(cls, obj, &rows);
	index_change(txn, &none, &rows);
	index_rows_clear(&rows);
}

static bool
object_upgrade_take_id(const char *id, void *arg)
{
	strlist_add(arg, id);
	return true;
}

/* The next objects. A damaged one gets no rows. Return: 1 more, 0 the end, -1 failed. */
static int
upgrade_some(struct store *store, struct object_query *all, void *obj, struct error *err)
{
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;
	struct store_txn *txn = store_begin(store);
	int rc = object_query_run(all, store, AT_ONCE, object_upgrade_take_id, &ids, err);

	for (size_t i = 0; i < ids.count; i++) {
		if (object_peek(store, all->cls, ids.items[i], obj, NULL) != 1)
			continue;
		put_rows(txn, all->cls, obj);
		forget_name_row(txn, all->cls, obj);
	}
	return store_commit_now(store, txn, err) < 0 ? -1 : rc;
}

static int
upgrade_class(struct store *store, const struct record_class *cls, struct error *err)
{
	struct object_query all;
	void *obj = xcalloc(1, cls->size);
	int rc = 1;

	object_query_init(&all, cls);
	while (rc == 1)
		rc = upgrade_some(store, &all, obj, err);
	object_query_clear(&all);
	record_clear(cls, obj);
	free(obj);
	return rc;
}

int
objects_upgrade(struct store *store, struct error *err)
{
	struct store_txn *txn;
	int rc = is_whole(store, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (upgrade_class(store, classes[i], err) < 0)
			return -1;
	txn = store_begin(store);
	store_put(txn, STORE_META, version_key, strlen(version_key), version, strlen(version));
	return store_commit_now(store, txn, err) < 0 ? -1 : 1;
}
