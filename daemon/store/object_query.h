/*
 * daemon/store/object_query.h: the objects of a class that match a list's filters. The index answers the first
 * condition, and the others are checked for each of its results; only a query without conditions walks over all
 * objects.
 */
#ifndef DAEMON_STORE_OBJECT_QUERY_H
#define DAEMON_STORE_OBJECT_QUERY_H

#include "daemon/store/object.h"

enum object_condition {
	OBJECT_HAS_NAME,        /* text: the name */
	OBJECT_REFERS_TO,       /* text: id of the target, needed or not */
	OBJECT_HAS_COMMON_NAME, /* text: the common name */
	OBJECT_HAS_LABEL,       /* text: the label */
	OBJECT_HAS_FLAG,        /* text: name of a RECORD_FLAG field that is set */
	OBJECT_IS_BELOW, /* text: a domain; the common name is below it, at any depth. Only as the first condition */
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
	struct buf at; /* progress: the last key visited */
};

void
object_query_init(struct object_query *q, const struct record_class *cls);

void
object_query_clear(struct object_query *q);

/* All must hold. Add the most selective condition first. @text: borrowed until _clear(). */
void
object_query_add(struct object_query *q, enum object_condition condition, const char *text, int64_t number);

/* Return: false: stop for now. */
typedef bool
object_query_fn(const char *id, void *arg);

/*
 * object_query_run() - report the next ids: by expiry if that is the first condition, otherwise in order of ids
 * Objects may be created and deleted between two calls.
 * @max_looks: pauses after that many index rows
 * Return: 1 paused, call again; 0 the end; -1 failed.
 */
int
object_query_run(struct object_query *q, struct store *store, unsigned max_looks, object_query_fn *fn, void *arg,
	struct error *err);

#endif
