/*
 * daemon/service/resource.h: between the API's objects and the stored structs: members and fields meet by name (the
 * API table's member path, "externalAccountBinding.keyId", is the record field's name).
 */
#ifndef DAEMON_SERVICE_RESOURCE_H
#define DAEMON_SERVICE_RESOURCE_H

#include "daemon/service/service.h"

/* What a resource adds to the generic operations. */
struct resource_ops {
	enum api_resource_id id;
	const struct record_class *cls;
	/* Members that are no plain field: add them to @properties and @metadata. May be NULL. */
	void (*describe)(struct service *service, const void *obj, struct json_object *properties,
		struct json_object *metadata);
};

/* {id, type, href, metadata, properties}; secrets never. Owned by the caller. */
struct json_object *
resource_to_json(struct service *service, const struct resource_ops *ops, const void *obj);

/* What can be said of an object whose record is damaged (@err): {id, type, href, metadata{state, message}}. Owned. */
struct json_object *
resource_damaged(const struct resource_ops *ops, const char *id, const struct error *err);

/* The same without what @peer must not see. */
struct json_object *
resource_seen_by(
	const struct peer *peer, struct service *service, const struct resource_ops *ops, const void *obj);

/* The properties alone, in the API's words. Owned by the caller. */
struct json_object *
resource_properties(const struct record_class *cls, const void *obj);

/*
 * resource_from_json() - set the fields of @obj that @properties names; null clears one
 * Secrets and references are left to the resource's own code: resource_secret(), resource_ref().
 */
void
resource_from_json(const struct resource_ops *ops, struct json_object *properties, void *obj);

/* Member at a path ("a.b"); NULL if absent or null. Borrowed. */
struct json_object *
json_path(struct json_object *obj, const char *path);

/* The id of the object that @ref (id or name) means. ERROR_INVALID with @field when there is none. Owned. */
int
resource_ref(struct store *store, const struct record_class *cls, const char *field, const char *ref,
	char **ret, struct error *err);

/*
 * What the layers below refused: they name a property, the caller's parameter is "properties.<that>".
 * @property: when they named none; or NULL. Return: -1.
 */
int
resource_refused(struct error *err, const char *property);

/* Finds by {ref}; ERROR_NOT_FOUND that suggests the nearest name. @obj: zeroed struct. */
int
resource_find(struct call *call, const struct record_class *cls, struct json_object *params, void *obj,
	struct error *err);

/* The same, for describing only (object_peek()). */
int
resource_find_peek(struct call *call, const struct record_class *cls, struct json_object *params, void *obj,
	struct error *err);

/* metadata of a new object and of a changed one. */
void
resource_created(struct call *call, struct object *o);

void
resource_modified(struct call *call, struct object *o);

/*
 * resource_change() - @new is what @old (both of @ops' class, secrets loaded) is to become: the effect is computed and
 * goes into the answer, the metadata of @new says who changed it
 * @ret: to be cleared by effect_clear()
 * Return: false when they are the same; @call then has its answer, and nothing is to be stored.
 */
bool
resource_change(
	struct call *call, const struct resource_ops *ops, const void *old, void *new, struct effect *ret);

/* EVENT_OBJECT_CREATED, ... in the call's change. @o: the head of the whole object as it is now, or was. */
void
resource_event(
	struct call *call, enum event_kind kind, const struct resource_ops *ops, const struct object *o);

/* The state of that name, which the API table knows. */
enum object_state
resource_state(const char *name);

/* The generic methods. */
int
resource_get(
	struct call *call, const struct resource_ops *ops, struct json_object *params, struct error *err);

/*
 * A page of those that @params ask for (list.c has the filters), in order of ids, or of expiry when that is what they
 * are chosen by; offset and limit apply to what was chosen. Answers later when it is long.
 */
int
resource_list(
	struct call *call, const struct resource_ops *ops, struct json_object *params, struct error *err);

extern const struct resource_ops provider_ops;
extern const struct resource_ops autocert_ops;
extern const struct resource_ops certificate_ops;
extern const struct resource_ops dnsprovider_ops;
extern const struct resource_ops consumer_ops;
extern const struct resource_ops token_ops;
extern const struct resource_ops authorization_ops;

#endif
