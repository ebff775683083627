/* Long lists come in pages, so that no answer is larger than a frame; whoever reads them sees none of it. */
#include "ctl/pages.h"

enum { PAGE = 100 };

static struct json_object *
page_params(struct json_object *values, int64_t from)
{
	struct json_object *params = json_object_new_object();

	json_object_object_foreach(values, name, value)
		json_object_object_add(params, name, json_object_get(value));
	if (json_object_object_get_ex(values, "limit", NULL))
		return params;
	json_add_int(params, "offset", from + json_object_get_int64(ctl_at(values, "offset")));
	json_add_int(params, "limit", PAGE);
	return params;
}

int
pages_each(struct ctl *ctl, enum api_method_id method, struct json_object *values, page_item_fn *fn,
	void *arg, struct error *err)
{
	bool one_page = json_object_object_get_ex(values, "limit", NULL);
	size_t count = PAGE;

	for (int64_t from = 0; count == PAGE; from += PAGE) {
		_cleanup_json_ struct json_object *result = NULL;
		struct json_object *items = NULL;

		if (ctl_call(ctl, method, page_params(values, from), &result, err) < 0 ||
			json_get_array(result, "items", &items, err) < 0)
			return -1;
		count = items ? json_object_array_length(items) : 0;
		for (size_t i = 0; i < count; i++)
			fn(json_object_array_get_idx(items, i), arg);
		if (one_page)
			break;
	}
	return 0;
}
