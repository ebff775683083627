/*
 * daemon/service/fields.h: between the API's objects and the stored structs: members and fields meet by name (the API
 * table's member path, "externalAccountBinding.keyId", is the record field's name).
 */
#ifndef DAEMON_SERVICE_FIELDS_H
#define DAEMON_SERVICE_FIELDS_H

#include "common/api/api.h"
#include "daemon/store/object.h"

/* Adds the members of @fields that @obj (of @cls) has to @ret; never secrets. @prefix: path of @fields with a '.', or "". */
void
fields_add(const struct record_class *cls, const struct api_field *fields, const char *prefix, const void *obj,
	struct json_object *ret);

/*
 * The properties of @obj, in the API's words: each as it was declared, octet for octet, as clients compare them with what
 * they sent. What certd made of it (canonical names, PEM in order) is in the fields. Owned by the caller.
 */
struct json_object *
fields_properties(const struct record_class *cls, const void *obj);

/*
 * fields_from_json() - set the fields of @obj that @properties (validated) names; null clears one
 * Fields that were declared in another form have that form again: the resource's own code makes all of them canonical.
 * Secrets and references are left to it as well.
 */
void
fields_from_json(const struct record_class *cls, struct json_object *properties, void *obj);

/*
 * fields_keep_declared() - remember which of @properties, as they were sent, are written otherwise than in @obj
 * To be called when the fields of @obj are canonical. Names and references are not kept: objects are found by them.
 */
void
fields_keep_declared(const struct record_class *cls, struct json_object *properties, void *obj);

/* Names of the properties that @old and @new declare in different forms, and only those: appended to @ret. */
void
fields_rewritten(const struct object *old, const struct object *new, struct strlist *ret);

/* Names of the secrets that @o (of @cls) has, of those that can be declared; appended to @ret. */
void
fields_secrets(const struct record_class *cls, const struct object *o, struct strlist *ret);

#endif
