/* list: the objects of one resource. certd filters them, certctl sorts and formats them. */
#include "ctl/base/pages.h"
#include "ctl/command/cmd.h"
#include "ctl/present/columns.h"
#include "ctl/present/views.h"

struct list {
	struct ctl *ctl;
	struct output output;
	struct columns columns;   /* --columns; empty: the resource's default */
	struct json_object *kept; /* array: sorted before output; NULL: items are shown as they arrive; owned */
};

static void
list_show_item(struct list *list, struct json_object *item)
{
	_cleanup_json_ struct json_object *picked = NULL;

	if (list->columns.count && list->ctl->format != FORMAT_TEXT)
		item = picked = columns_pick(&list->columns, item);
	output_item(&list->output, item);
}

static void
list_take_item(struct json_object *item, void *arg)
{
	struct list *list = arg;

	if (list->kept)
		json_object_array_add(list->kept, json_object_get(item));
	else
		list_show_item(list, item);
}

/* A sorted list is cut to --limit after sorting: the first ten by date differ from the first ten that certd sends. */
static int
list_sorted(struct list *list, struct args *args, enum api_method_id method, const char *sort, struct error *err)
{
	_cleanup_json_ struct json_object *filters = json_object_new_object();
	int64_t offset = pages_number(args->values, "offset", 0);
	int64_t limit = pages_number(args->values, "limit", INT64_MAX);

	json_object_object_foreach(args->values, name, value)
		json_object_object_add(filters, name, json_object_get(value));
	json_object_object_del(filters, "offset");
	json_object_object_del(filters, "limit");
	list->kept = json_object_new_array();
	/* an unknown member is refused before the first request */
	if (columns_sort(list->ctl, args->resource, sort, list->kept, err) < 0 ||
		pages_each(list->ctl, method, filters, list_take_item, list, err) < 0 ||
		columns_sort(list->ctl, args->resource, sort, list->kept, err) < 0)
		return -1;
	for (int64_t i = offset; i < (int64_t)json_object_array_length(list->kept) && i - offset < limit; i++)
		list_show_item(list, json_object_array_get_idx(list->kept, (size_t)i));
	return 0;
}

static int
list_show_all(struct list *list, struct args *args, struct error *err)
{
	enum api_method_id method = RPC_AUTOCERTIFICATE_LIST;
	const char *columns = args_text(args, "columns");
	const char *sort = args_text(args, "sort");
	int rc;

	api_method_of(args->resource, API_LIST_ALL, &method);
	if (columns && columns_read(args->resource, columns, &list->columns, err) < 0)
		return -1;
	output_start(&list->output, list->ctl, &view_table, args->resource);
	list->output.columns = list->columns.count ? &list->columns : NULL;
	list->output.is_by_name = !sort && !json_object_object_get_ex(args->values, "limit", NULL) &&
				  !json_object_object_get_ex(args->values, "offset", NULL);
	rc = sort ? list_sorted(list, args, method, sort, err)
		  : pages_each(list->ctl, method, args->values, list_take_item, list, err);
	output_end(&list->output);
	return rc;
}

int
cmd_list(struct ctl *ctl, struct args *args, struct error *err)
{
	struct list list = { .ctl = ctl };
	int rc;

	if (!args->resource)
		args->resource = &api_resources[API_AUTOCERTIFICATE];
	rc = list_show_all(&list, args, err);
	if (rc == 0 && list.output.count == 0 && ctl->format == FORMAT_TEXT)
		fprintf(ctl->err, "certctl: no %s%s\n", args->resource->cli,
			json_object_object_length(args->values) ? " that matches" : " yet");
	columns_clear(&list.columns);
	json_object_put(list.kept);
	return rc;
}
