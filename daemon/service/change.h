/*
 * daemon/service/change.h: the change of an object by a call, for its event and its audit record. The object that the
 * call found is remembered, and compared with the one that is stored later.
 */
#ifndef DAEMON_SERVICE_CHANGE_H
#define DAEMON_SERVICE_CHANGE_H

#include "daemon/store/object.h"

struct json_object;

struct change {
	const char *type;            /* IONOS's word; NULL: the call has no object */
	char *id;                    /* owned */
	char *name;                  /* owned */
	struct json_object *before;  /* properties of the object that the call found; NULL: none */
	struct json_object *changes; /* diff_properties(); NULL: nothing was stored */
	bool is_outside;             /* the stored object is outside the peer's scope */
};

void
change_clear(struct change *change);

/* @obj, of @cls, is the object of the call. Only the first one is remembered. */
void
change_found(struct change *change, const struct record_class *cls, const void *obj);

/*
 * change_made() - @obj was stored by the call
 * @given: the properties that were sent, or NULL: secrets among them are not in any object and count as changed
 */
void
change_made(struct change *change, const struct record_class *cls, const void *obj, struct json_object *given);

void
change_deleted(struct change *change, const struct record_class *cls, const void *obj);

#endif
