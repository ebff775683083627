/*
 * common/api/api_schema.h: the API's tables as JSON Schema, for rpc.discover and the OpenAPI document. All functions
 * return objects owned by the caller; schemas passed as arguments are taken.
 */
#ifndef COMMON_API_API_SCHEMA_H
#define COMMON_API_API_SCHEMA_H

#include "common/api/api.h"

/* Of "limit" in the answer of a list. */
#define API_PAGE_HELP \
	"maximum number of items, from the request; a page ends early at about 8 MiB, and the next one " \
	"begins " \
	"at offset " \
	"+ the number of items"

/* {"type": @type} */
struct json_object *
api_schema_type(const char *type);

struct json_object *
api_schema_array(struct json_object *items);

/* {"$ref": "#/components/schemas/<noun><kind>"} */
struct json_object *
api_schema_ref(const char *noun, const char *kind);

/* @is_input: as in requests (a span as text, with required members); else as in answers (without secrets). */
struct json_object *
api_schema_field(const struct api_field *field, bool is_input);

/* Of an object with these fields; NULL: with any. */
struct json_object *
api_schema_fields(const struct api_field *fields, bool is_input);

/* {id, type, href, metadata, properties} as in answers. @has_defaults: REST's answers, which include defaults. */
struct json_object *
api_schema_object(const struct api_resource *resource, bool has_defaults);

/* The properties of an update. */
struct json_object *
api_schema_changes(const struct api_resource *resource);

#endif
