/* daemon/service/resource.h: the common part of all resources: answers, declarations, events, and methods. */
#ifndef DAEMON_SERVICE_RESOURCE_H
#define DAEMON_SERVICE_RESOURCE_H

#include "daemon/service/call.h"

/* The resource-specific part of the generic operations. */
struct resource_ops {
	enum api_resource_id id;
	const struct record_class *cls;
	/* Adds members that are not plain fields to @properties and @metadata. May be NULL. */
	void (*describe)(
		struct service *service, const void *obj, struct json_object *properties, struct json_object *metadata);
	/*
	 * Completes a declaration: @obj contains @properties as sent; names become canonical, references ids, secrets
	 * are decoded.
	 * Refuses invalid values. @old: the object before; NULL: it is new. Return: 0 or -1.
	 */
	int (*read)(struct call *call, const void *old, void *obj, struct json_object *properties, struct error *err);
};

/* --- answers --- */

/*
 * The answer for an object whose record is damaged (@err): {id, type, href, metadata{state, message}}. The members that
 * every answer has are present and empty. Owned by the caller.
 */
struct json_object *
resource_damaged(const struct resource_ops *ops, const char *id, const struct error *err);

/* The same without what @peer may not see. */
struct json_object *
resource_seen_by(const struct peer *peer, struct service *service, const struct resource_ops *ops, const void *obj);

/* "AVAILABLE". Static. */
const char *
resource_state_name(int64_t state);

/* The state of that name, which the API table knows. */
enum object_state
resource_state(const char *name);

/* --- finding --- */

/*
 * resource_ref() - the id of the object that @ref (id or name) refers to
 * ERROR_INVALID with @field when the caller may see none, or more than one. @ret: owned, replaced. Return: 0 or -1.
 */
int
resource_ref(struct call *call, const struct record_class *cls, const char *field, const char *ref, char **ret,
	struct error *err);

/*
 * The same for a reference that is declared: the caller may not see the object, and yet be allowed to use it
 * (access_may_use()). The field is "properties.<@property>".
 */
int
resource_property_ref(struct call *call, const struct record_class *cls, const char *property, const char *ref,
	char **ret, struct error *err);

/* resource_property_ref() for all of a list, in place. @property: its name; the field is "properties.<that>[N]". */
int
resource_refs(struct call *call, const struct record_class *cls, const char *property, struct strlist *refs,
	struct error *err);

/*
 * Finds by {ref}; ERROR_NOT_FOUND that suggests the nearest name; ERROR_INVALID that lists the ids of several with that
 * name. @obj: zeroed struct.
 */
int
resource_find(
	struct call *call, const struct record_class *cls, struct json_object *params, void *obj, struct error *err);

/* The same without secrets (object_peek()). */
int
resource_find_peek(
	struct call *call, const struct record_class *cls, struct json_object *params, void *obj, struct error *err);

/* The caller asked for @obj, which is outside its scope: records a refusal, although the answer does not reveal it. */
void
resource_outside(const struct call *call, const struct record_class *cls, const void *obj);

/* --- declaring: for the method's resource (call->ops) --- */

/*
 * An error of the layers below, which name a property: the caller's parameter is "properties.<that>".
 * @err: or NULL; @property: when they named none; or NULL. Return: -1.
 */
int
resource_refused(struct error *err, const char *property);

/* The new object that the call declares: with id, metadata and all properties, parsed and checked. @obj: zeroed. */
int
resource_declare(struct call *call, void *obj, struct error *err);

/*
 * resource_redeclare() - the object of an update, before and after
 * @old, @obj: zeroed, with secrets afterwards
 * @ret: the effect, already part of the answer; to be cleared by effect_clear()
 * Return: 1; 0 they are the same: the call has its answer, and nothing is to be stored; -1.
 */
int
resource_redeclare(struct call *call, void *old, void *obj, struct effect *ret, struct error *err);

/* metadata of an object that is created with another one. */
void
resource_created(struct call *call, struct object *o);

/* metadata of a changed object. */
void
resource_modified(struct call *call, struct object *o);

/* Emits EVENT_OBJECT_CREATED, ... in the call's change. @o: the head of the object as it is now, or was. */
void
resource_event(struct call *call, enum event_kind kind, const struct object *o);

/*
 * resource_claim_name() - may @o, about to be saved, have a name that another object has?
 * Yes if the parameter allowSameName says so, and if the other one is outside the caller's scope, so that its name is
 * not revealed. Sets .may_share_name; object_save() then decides. Return: 0 or -1.
 */
int
resource_claim_name(struct call *call, const struct record_class *cls, struct object *o, struct error *err);

/* Saves it with its event; it is the call's result. Return: 0 or -1. */
int
resource_save(struct call *call, enum event_kind kind, void *obj, struct error *err);

/* Finds by {ref} and deletes, with its event. @obj: zeroed; afterwards the deleted object. */
int
resource_remove(struct call *call, void *obj, struct error *err);

/* --- methods --- */

/*
 * resource_create(), resource_update(): for resources whose declaration takes effect as soon as it is stored.
 * resource_list(): a page of the matching objects (list.c has the filters), in order of ids, or of expiry when filtered
 * by that; offset and limit apply to the matches. Answers later when it is long.
 */
service_fn resource_create, resource_get, resource_list, resource_update, resource_delete;

extern const struct resource_ops provider_ops;
extern const struct resource_ops autocert_ops;
extern const struct resource_ops certificate_ops;
extern const struct resource_ops dnsprovider_ops;
extern const struct resource_ops consumer_ops;
extern const struct resource_ops token_ops;
extern const struct resource_ops authorization_ops;
extern const struct resource_ops alert_ops;

#endif
