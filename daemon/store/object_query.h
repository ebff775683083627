/*
 * daemon/store/object_query.h: which objects of a class a list is about. The first condition is answered by its index,
 * the others are looked up for what that one found; nothing walks over all objects but a query without conditions.
 */
#ifndef DAEMON_STORE_OBJECT_QUERY_H
#define DAEMON_STORE_OBJECT_QUERY_H

#include "daemon/store/object.h"

enum object_condition {
	OBJECT_HAS_NAME,        /* text: the name */
	OBJECT_REFERS_TO,       /* text: id of the target, needed or not */
	OBJECT_HAS_COMMON_NAME, /* text: the common name */
	OBJECT_HAS_LABEL,       /* text: the label */
	OBJECT_IS_BELOW,       /* text: a domain; the common name is below it, at any depth. The first condition only */
	OBJECT_EXPIRES_BEFORE, /* number: UNIX time */
	OBJECT_HAS_STATE,      /* number: enum object_state */
};

enum { OBJECT_QUERY_MAX = 8 };

struct object_query {
	const struct record_class *cls;
	struct object_term {
		enum object_condition condition;
		const char *text; /* borrowed */
		int64_t number;
	} terms[OBJECT_QUERY_MAX];
	size_t n_terms;
	struct buf at; /* how far it got: the last key that was looked at */
};

void
object_query_init(struct object_query *q, const struct record_class *cls);

void
object_query_clear(struct object_query *q);

/* All must hold. The first one added should be the one that fewest objects fulfil. @text: borrowed until _clear(). */
void
object_query_add(struct object_query *q, enum object_condition condition, const char *text, int64_t number);

/* Return: false: enough for now. */
typedef bool
object_query_fn(const char *id, void *arg);

/*
 * object_query_run() - tell the ids of the next ones: by expiry if that is the first condition, else in order of ids
 * @max_looks: after that many index rows it pauses
 * Objects may come and go between two calls. Return: 1 paused, call again; 0 the end; -1 failed.
 */
int
object_query_run(struct object_query *q, struct store *store, unsigned max_looks, object_query_fn *fn, void *arg,
	struct error *err);

#endif
