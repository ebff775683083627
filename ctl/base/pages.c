/* Long lists are fetched in pages, so that no answer exceeds a frame; callers see a single list. */
#include "ctl/base/pages.h"

enum { PAGE = 100 };

int64_t
pages_number(struct json_object *values, const char *name, int64_t otherwise)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(values, name, &value) ? json_object_get_int64(value) : otherwise;
}

static struct json_object *
pages_params(struct json_object *values, int64_t offset, int64_t limit)
{
	struct json_object *params = json_object_new_object();

	json_object_object_foreach(values, name, value)
		json_object_object_add(params, name, json_object_get(value));
	json_add_int(params, "offset", offset);
	json_add_int(params, "limit", limit);
	return params;
}

int
pages_each(struct ctl *ctl, enum api_method_id method, struct json_object *values, page_item_fn *fn, void *arg,
	struct error *err)
{
	bool is_limited = json_object_object_get_ex(values, "limit", NULL);
	int64_t left = pages_number(values, "limit", INT64_MAX);
	int64_t offset = pages_number(values, "offset", 0);
	bool is_last = false;

	while (left > 0 && !is_last) {
		_cleanup_json_ struct json_object *result = NULL;
		struct json_object *items = NULL;
		int64_t limit = is_limited ? left : PAGE;
		int64_t count;

		if (ctl_call(ctl, method, pages_params(values, offset, limit), &result, err) < 0 ||
			json_get_array(result, "items", &items, err) < 0)
			return -1;
		count = items ? (int64_t)json_object_array_length(items) : 0;
		for (int64_t i = 0; i < count; i++)
			fn(json_object_array_get_idx(items, (size_t)i), arg);
		offset += count;
		left -= count;
		is_last = !count || offset >= pages_number(result, "total", 0);
	}
	return 0;
}
