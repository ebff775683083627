/*
 * Queries. The first condition selects the keys to walk (index rows that end with the id, or the records themselves);
 * each other condition is checked by looking up its own row for that id. Expiry rows cannot be looked up without
 * knowing the date, so that condition is checked in the object.
 */
#include "daemon/store/object_query.h"

#include "daemon/store/object_index.h"

#include <stdlib.h>
#include <string.h>

enum { ID_LEN = STORE_ID_SIZE - 1 };

void
object_query_init(struct object_query *q, const struct record_class *cls)
{
	*q = (struct object_query){ .cls = cls };
}

void
object_query_clear(struct object_query *q)
{
	buf_clear(&q->at);
}

void
object_query_add(struct object_query *q, enum object_condition condition, const char *text, int64_t number)
{
	if (q->n_terms == OBJECT_QUERY_MAX)
		abort(); /* there are not that many kinds */
	q->terms[q->n_terms++] = (struct object_term){ condition, text, number };
}

/* Of the index rows that have the condition's text. */
static char
object_query_kind_of(enum object_condition condition)
{
	if (condition == OBJECT_HAS_LABEL)
		return 'l';
	if (condition == OBJECT_HAS_NAME)
		return 'n';
	if (condition == OBJECT_HAS_FLAG)
		return 'f';
	return condition == OBJECT_REFERS_TO ? 'r' : 'c';
}

/* The row of @id that exists if the condition holds; @id "": the prefix of all such rows. */
static void
term_key(const struct object_query *q, const struct object_term *t, const char *id, struct buf *ret)
{
	const char state[2] = { (char)('0' + t->number), '\0' };

	if (t->condition == OBJECT_HAS_STATE)
		index_key(ret, 's', q->cls->db, state, id);
	else
		index_key(ret, object_query_kind_of(t->condition), q->cls->db, t->text, id);
}

static int
expires_before(struct store *store, const struct object_query *q, int64_t at, const char *id, struct error *err)
{
	const struct record_field *f = index_expiry_field(q->cls);
	void *obj = xcalloc(1, q->cls->size);
	int rc = f ? object_peek(store, q->cls, id, obj, err) : 0;

	if (rc == 1) {
		int64_t expiry_at = *(const int64_t *)((const char *)obj + f->offset);

		rc = expiry_at != 0 && expiry_at < at;
	}
	record_clear(q->cls, obj);
	free(obj);
	return rc;
}

/* Return: 1 the condition holds, 0 not, -1 failed. */
static int
term_holds(struct store *store, const struct object_query *q, const struct object_term *t, const char *id,
	struct error *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	_cleanup_buf_ struct buf value = BUF_INIT;

	switch (t->condition) {
	case OBJECT_EXPIRES_BEFORE:
		return expires_before(store, q, t->number, id, err);
	case OBJECT_IS_BELOW: /* its row contains the name, which is unknown here */
		abort();
	case OBJECT_HAS_NAME:
	case OBJECT_REFERS_TO:
	case OBJECT_HAS_COMMON_NAME:
	case OBJECT_HAS_LABEL:
	case OBJECT_HAS_FLAG:
	case OBJECT_HAS_STATE:
		term_key(q, t, id, &key);
		return store_get(store, STORE_INDEX, key.data, key.len, &value, err);
	}
	return 0;
}

/* Return: 1 all conditions from @first on hold, 0 not, -1 failed. */
static int
matches(const struct object_query *q, struct store *store, size_t first, const char *id, struct error *err)
{
	int rc = 1;

	for (size_t i = first; rc == 1 && i < q->n_terms; i++)
		rc = term_holds(store, q, &q->terms[i], id, err);
	return rc;
}

/* The walk of one call. */
struct looking {
	struct object_query *q;
	struct store *store;
	unsigned looks_left;
	object_query_fn *fn;
	void *arg;
	struct error *err;
	bool has_failed;
};

static bool
object_query_look(const void *key, size_t len, void *arg)
{
	struct looking *l = arg;
	char id[STORE_ID_SIZE];
	bool has_more = true;
	int rc;

	buf_reset(&l->q->at);
	buf_add(&l->q->at, key, len);
	if (len < ID_LEN) /* not one of our keys */
		return true;
	memcpy(id, (const char *)key + len - ID_LEN, ID_LEN);
	id[ID_LEN] = '\0';
	rc = matches(l->q, l->store, 1, id, l->err);
	if (rc == 1)
		has_more = l->fn(id, l->arg);
	l->has_failed = rc < 0;
	return has_more && rc >= 0 && --l->looks_left > 0;
}

/* The beginning and end of the walk for the first condition. Return: the database. */
static enum store_db
range_of(const struct object_query *q, struct buf *from, struct buf *end)
{
	const struct object_term *t = &q->terms[0];

	if (q->n_terms == 0)
		return q->cls->db;
	if (t->condition == OBJECT_EXPIRES_BEFORE) {
		index_expiry_key(from, q->cls->db, INT64_MIN, "");
		index_expiry_key(end, q->cls->db, t->number, "");
	} else if (t->condition == OBJECT_IS_BELOW) {
		index_domain_key(from, q->cls->db, t->text);
		buf_add(end, from->data, from->len - 1);
		buf_add_char(end, '.' + 1);
	} else {
		term_key(q, t, "", from);
		term_key(q, t, "\xff", end); /* after every id */
	}
	return STORE_INDEX;
}

int
object_query_run(struct object_query *q, struct store *store, unsigned max_looks, object_query_fn *fn, void *arg,
	struct error *err)
{
	struct looking l = { .q = q, .store = store, .looks_left = max_looks, .fn = fn, .arg = arg, .err = err };
	_cleanup_buf_ struct buf from = BUF_INIT;
	_cleanup_buf_ struct buf end = BUF_INIT;
	bool has_begun = q->at.len > 0;
	enum store_db db;
	int rc;

	db = range_of(q, &from, &end);
	if (has_begun) {
		buf_reset(&from);
		buf_add(&from, q->at.data, q->at.len);
	}
	rc = store_walk_keys(store, db, &from, has_begun, &end, object_query_look, &l, err);
	return l.has_failed ? -1 : rc;
}
