/*
 * common/api/api_rest.h: the methods of the API as HTTP methods and paths. Derived from the tables, so that the REST
 * server and its OpenAPI document support a new method as soon as it has its row:
 *
 *   X.create POST /xs     X.get GET /xs/{ref}       X.delete DELETE /xs/{ref}
 *   X.list   GET /xs      X.update PATCH /xs/{ref}  X.verb   GET (viewers') or POST /xs/{ref}/verb
 */
#ifndef COMMON_API_API_REST_H
#define COMMON_API_API_REST_H

#include "common/api/api.h"

struct buf;
struct strlist;

struct api_rest {
	const char *http;       /* "GET", "POST", "PATCH", "DELETE" */
	const char *collection; /* "/auto-certificates", or the whole path: "/status" */
	bool has_ref;           /* followed by the id or name of an object */
	const char *action;     /* followed by an action on it, "renew"; or NULL */
};

/* Return: 1, or 0 the method is not available over REST. */
int
api_rest_of(enum api_method_id method, struct api_rest *ret);

/*
 * api_rest_find() - find the API method of a request
 * @segments: of the path, decoded; a reference is segments->items[1]
 * @ret_allow: the HTTP methods of that path, "GET, POST", appended when it returns 0
 * Return: 1 and the method, 0 the path takes other HTTP methods, -1 unknown path
 */
int
api_rest_find(const char *http, const struct strlist *segments, enum api_method_id *ret_method, struct buf *ret_allow);

/*
 * "filter.commonName" for the parameter commonName of a list; paging parameters keep their names. Appended.
 * Return: false: it is not accepted in a query.
 */
bool
api_rest_query_name(const struct api_method *method, const struct api_field *field, struct buf *ret);

/* The media type of @view of an object, such as application/vnd.cloud66+json. Owned by the caller. */
char *
api_rest_view_type(const char *view);

/* The OpenAPI 3.0 document of GET /openapi.json. Owned by the caller. */
struct json_object *
api_openapi(void);

#endif
