/*
 * daemon/service/change.h: what a call does to an object, from what to what: for its event and its audit record. The
 * object that a call found is remembered as it was then; what is stored later is compared with it.
 */
#ifndef DAEMON_SERVICE_CHANGE_H
#define DAEMON_SERVICE_CHANGE_H

#include "daemon/store/object.h"

struct call;
struct error;
struct json_object;

struct change {
	const char *type;            /* IONOS's word; NULL: the call is about no object */
	char *id;                    /* owned */
	char *name;                  /* owned */
	struct json_object *before;  /* properties of the object that the call found; NULL: none */
	struct json_object *changes; /* diff_properties(); NULL: nothing was stored */
	bool is_outside;             /* what was stored lies outside of the peer's scope */
};

void
change_clear(struct change *change);

/* @obj, of @cls, is what the call is about. Only the first one is remembered. */
void
change_found(struct call *call, const struct record_class *cls, const void *obj);

/* @obj was asked for, and lies outside of the peer's scope: a refusal, although the answer does not say so. */
void
change_outside(struct call *call, const struct record_class *cls, const void *obj);

/* @obj was stored (created, updated) by the call; @is_deleted: it was deleted. */
void
change_made(struct call *call, const struct record_class *cls, const void *obj, bool is_deleted);

/*
 * change_record() - the call's record in the audit log, in its list of changes
 * Calls that change nothing have none. Return: 0, or -1: what cannot be recorded must not be done.
 */
int
change_record(struct call *call, struct error *err);

#endif
