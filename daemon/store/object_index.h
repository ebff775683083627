/* daemon/store/object_index.h: index rows of objects (STORE_INDEX); private to the objects. */
#ifndef DAEMON_STORE_OBJECT_INDEX_H
#define DAEMON_STORE_OBJECT_INDEX_H

#include "daemon/store/object.h"

/* One row of the index that an object asks for. */
struct index_row {
	struct buf key;
	const char *value;
};

struct index_rows {
	struct index_row *items; /* owned */
	size_t count;
};

/* The rows that @obj (of @cls, with id and name) asks for; values borrowed from it. */
void
index_rows_of(const struct record_class *cls, const void *obj, struct index_rows *ret);

void
index_rows_clear(struct index_rows *rows);

/* From the rows of an object's earlier state (none: it is new) to those of its new one (none: it is deleted). */
void
index_change(struct store_txn *txn, const struct index_rows *old, const struct index_rows *new);

/*
 * A row's key. @what: target id ('r'), name ('n'), common name ('c'), state ('s', as a digit); @id: "" is the prefix of
 * all of them. index_expiry_key(): all that expire before @at and at @at itself stand before the key of @at + 1.
 */
void
index_key(struct buf *ret, char kind, enum store_db db, const char *what, const char *id);

void
index_expiry_key(struct buf *ret, enum store_db db, int64_t at, const char *id);

/* What the rows ('d') of all that have a common name below @domain begin with. */
void
index_domain_key(struct buf *ret, enum store_db db, const char *domain);

/* The field that has the expiry of @cls, or NULL. */
const struct record_field *
index_expiry_field(const struct record_class *cls);

/* The strings of a STRING or STRLIST field; borrowed from @obj. */
void
record_strings(const struct record_field *f, const void *obj, char *const **ret, size_t *ret_count);

/* A walk over index rows with one prefix. */
struct index_walk {
	struct store *store;
	struct buf prefix;
	struct buf key; /* the last row's */
	struct buf value;
	const char *id; /* its end, borrowed from @key */
};

/* @kind: 'r', 'c' or 'n'; @what: target id, common name or name. */
void
index_walk_start(struct index_walk *w, struct store *store, char kind, enum store_db db, const char *what);

/* Return: 1 and @w->id, 0 the end, -1 failed. */
int
index_walk_next(struct index_walk *w, struct error *err);

void
index_walk_end(struct index_walk *w);

#endif
