/* The mapping between API methods and HTTP methods with paths, by the rules of the header. */
#include "common/api/api_rest.h"

#include "common/alloc.h"
#include "common/buf.h"
#include "common/strlist.h"

#include <string.h>

static const char *
http_of_verb(const struct api_method *method)
{
	switch (method->verb) {
	case API_CREATE:
		return "POST";
	case API_LIST_ALL:
	case API_GET:
		return "GET";
	case API_UPDATE:
		return "PATCH";
	case API_DELETE:
		return "DELETE";
	case API_CALL:
		break;
	}
	return method->role == ROLE_VIEWER || (method->flags & API_READS) ? "GET" : "POST";
}

int
api_rest_of(enum api_method_id id, struct api_rest *ret)
{
	const struct api_method *method = &api_methods[id];
	bool has_ref = api_field_find(method->params, "ref") != NULL;

	*ret = (struct api_rest){ .http = http_of_verb(method), .collection = method->path };
	if (method->flags & API_TAKES_FD)
		return 0;
	if (method->resource == API_RESOURCE_COUNT)
		return method->path != NULL;
	ret->collection = api_resources[method->resource].collection;
	ret->has_ref = has_ref;
	if (method->verb != API_CALL)
		return 1;
	ret->action = strrchr(method->name, '.') + 1;
	return has_ref;
}

static bool
is_path_of(const struct api_rest *rest, const struct strlist *segments)
{
	size_t n = (size_t)1 + rest->has_ref + (rest->action != NULL);

	return segments->count == n && strcmp(segments->items[0], rest->collection + 1) == 0 &&
	       (!rest->action || strcmp(segments->items[n - 1], rest->action) == 0);
}

int
api_rest_find(const char *http, const struct strlist *segments, enum api_method_id *ret_method, struct buf *ret_allow)
{
	bool is_known = false;

	for (size_t i = 0; i < API_METHOD_COUNT; i++) {
		struct api_rest rest;

		if (!api_rest_of((enum api_method_id)i, &rest) || !is_path_of(&rest, segments))
			continue;
		if (strcmp(rest.http, http) == 0) {
			*ret_method = (enum api_method_id)i;
			return 1;
		}
		buf_printf(ret_allow, "%s%s", is_known ? ", " : "", rest.http);
		is_known = true;
	}
	return is_known ? 0 : -1;
}

/* Proxies and servers log URLs, so no secret may be in one. The reference is in the path. */
bool
api_rest_query_name(const struct api_method *method, const struct api_field *field, struct buf *ret)
{
	bool is_page = strcmp(field->name, "offset") == 0 || strcmp(field->name, "limit") == 0;

	if (field->type == API_SECRET || (field->flags & API_BY_REST) || strcmp(field->name, "ref") == 0)
		return false;
	buf_printf(ret, "%s%s", method->verb == API_LIST_ALL && !is_page ? "filter." : "", field->name);
	return true;
}

char *
api_rest_view_type(const char *view)
{
	return xasprintf("application/vnd.%s+json", view);
}
