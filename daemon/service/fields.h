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

/* The properties of @obj, in the API's words. Owned by the caller. */
struct json_object *
fields_properties(const struct record_class *cls, const void *obj);

/*
 * fields_from_json() - set the fields of @obj that @properties (validated) names; null clears one
 * Secrets and references are left to the resource's own code.
 */
void
fields_from_json(const struct record_class *cls, struct json_object *properties, void *obj);

/* Names of the secrets that @o (of @cls) has, of those that can be declared; appended to @ret. */
void
fields_secrets(const struct record_class *cls, const struct object *o, struct strlist *ret);

#endif
