/*
 * daemon/service/fields.h: converts between the API's objects and the stored structs. Members and fields correspond by
 * name (the API table's member path, "externalAccountBinding.keyId", is the record field's name).
 */
#ifndef DAEMON_SERVICE_FIELDS_H
#define DAEMON_SERVICE_FIELDS_H

#include "common/api/api.h"
#include "daemon/store/object.h"

/* Adds the members of @fields that @obj (of @cls) has to @ret; never secrets. */
void
fields_add(const struct record_class *cls, const struct api_field *fields, const void *obj, struct json_object *ret);

/*
 * The properties of @obj with the API's names: each exactly as declared, because clients compare them with what they
 * sent. The fields have certd's form (canonical names, PEM in order). Owned by the caller.
 */
struct json_object *
fields_properties(const struct record_class *cls, const void *obj);

/*
 * fields_from_json() - set the fields of @obj that @properties (validated) contains; null clears one
 * Fields that were declared in another spelling have that spelling again: the resource's own code makes all of them
 * canonical. It also handles secrets and references.
 */
void
fields_from_json(const struct record_class *cls, struct json_object *properties, void *obj);

/*
 * fields_keep_declared() - remember which of @properties, as sent, differ in spelling from @obj
 * Call when the fields of @obj are canonical. Names and references are not kept: objects are found by them.
 */
void
fields_keep_declared(const struct record_class *cls, struct json_object *properties, void *obj);

/* Appends the names of the properties of @old and @new that differ only in spelling to @ret. */
void
fields_rewritten(const struct object *old, const struct object *new, struct strlist *ret);

/* Appends the names of the declared secrets that @o (of @cls) has to @ret. */
void
fields_secrets(const struct record_class *cls, const struct object *o, struct strlist *ret);

#endif
