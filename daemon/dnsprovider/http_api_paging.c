/*
 * Lists of the HTTP drivers, page by page, and the zone of a change, which is found in the list of zones. Paging is
 * data (struct http_api_paging): a driver reads items and never sees a page.
 */
#include "common/error.h"
#include "common/name.h"
#include "daemon/dnsprovider/http_api_private.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_PAGES = 200 };

/* --- lists --- */

static int
http_api_on_page(struct http_api_task *task, struct json_object *answer, struct error *err);

/* The position of the next page as text; NULL: the API needs none. Owned by the caller. */
static char *
http_api_page_position(const struct dnsprovider_op *op)
{
	const struct http_api_paging *paging = &op->api->paging;
	struct buf cursor = BUF_INIT;

	if (op->pages.is_one_page)
		return NULL;
	if (paging->kind == HTTP_API_OFFSET)
		return xasprintf("%d", op->pages.count * paging->size);
	if (paging->kind == HTTP_API_NUMBER)
		return xasprintf("%d", op->pages.count + 1);
	if (paging->kind != HTTP_API_CURSOR || !op->pages.position)
		return NULL;
	http_api_add_encoded(&cursor, op->pages.position);
	return buf_steal(&cursor);
}

static void
http_api_ask_page(struct dnsprovider_op *op)
{
	const struct http_api_paging *paging = &op->api->paging;
	_cleanup_free_ char *position = http_api_page_position(op);
	_cleanup_buf_ struct buf path = BUF_INIT;
	bool is_linked = (paging->kind == HTTP_API_LINK || paging->kind == HTTP_API_URL) && op->pages.position;

	if (op->api->procedures.path) {
		op->pages.count++;
		http_api_call_template(&op->task, http_api_on_page, false, op->pages.path);
		return;
	}
	buf_add_str(&path, is_linked ? op->pages.position : op->pages.path);
	if (position)
		buf_printf(&path, "%c%s=%s", strchr(buf_str(&path), '?') ? '&' : '?', paging->position, position);
	if (paging->size_name && !is_linked && !op->pages.is_one_page)
		buf_printf(&path, "%c%s=%d", strchr(buf_str(&path), '?') ? '&' : '?', paging->size_name, paging->size);
	op->pages.count++;
	str_replace(&op->pages.position, NULL);
	http_api_send(&op->task, "GET", HTTP_API_NO_BODY, http_api_on_page, "%s", buf_str(&path));
}

/* The path of @url if it is within the same API; NULL otherwise. Owned by the caller. */
static char *
http_api_own_path(const struct dnsprovider_op *op, const char *url, size_t url_len)
{
	size_t len = strlen(op->endpoint);

	return url_len > len && strncmp(url, op->endpoint, len) == 0 && url[len] == '/'
		       ? xstrndup(url + len, url_len - len)
		       : NULL;
}

/* The path of the next page if @links name one within the same API; otherwise NULL. Owned by the caller. */
static char *
http_api_linked_page(const struct dnsprovider_op *op, const struct strlist *links)
{
	for (size_t i = 0; i < links->count; i++) {
		for (const char *at = links->items[i]; (at = strchr(at, '<'));) {
			const char *url = at + 1;
			const char *end = strchr(url, '>');
			size_t rest = end ? strcspn(end, ",<") : 0;
			_cleanup_free_ char *params = xstrndup(end ? end : "", rest);

			if (!end)
				break;
			at = end + rest;
			if (strstr(params, "rel=\"next\""))
				return http_api_own_path(op, url, (size_t)(end - url));
		}
	}
	return NULL;
}

void
http_api_note_links(struct dnsprovider_op *op, const struct strlist *links)
{
	if (op->api->paging.kind != HTTP_API_LINK)
		return;
	free(op->pages.position);
	op->pages.position = http_api_linked_page(op, links);
}

static bool
http_api_is_last_page(struct dnsprovider_op *op, struct json_object *answer, size_t count)
{
	const struct http_api_paging *paging = &op->api->paging;

	switch (op->pages.is_one_page ? HTTP_API_ONE_PAGE : paging->kind) {
	case HTTP_API_ONE_PAGE:
		return true;
	case HTTP_API_OFFSET:
	case HTTP_API_NUMBER:
		return count < (size_t)paging->size;
	case HTTP_API_CURSOR:
		str_replace(&op->pages.position, http_api_text(answer, paging->cursor));
		return !*op->pages.position;
	case HTTP_API_URL: {
		const char *url = http_api_text(answer, paging->cursor);

		free(op->pages.position);
		op->pages.position = http_api_own_path(op, url, strlen(url));
		return !op->pages.position;
	}
	case HTTP_API_LINK:
		return !op->pages.position; /* http_api_note_links() */
	}
	return true;
}

static int
http_api_on_page(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	struct dnsprovider_op *op = http_api_op(task);
	struct json_object *items = http_api_member(answer, op->pages.items);
	/* An answer that its verdict calls good has no list if the list is empty. */
	bool is_empty = !items && op->api->verdict.member;
	size_t count = 0;

	if (!is_empty && !json_object_is_type(items, json_type_array))
		return error_set(err, ERROR_PROTOCOL, "its answer is not a list");
	count = is_empty ? 0 : json_object_array_length(items);
	for (size_t i = 0; i < count; i++)
		if (op->pages.item(task, json_object_array_get_idx(items, i), err) < 0)
			return -1;
	if (http_api_is_last_page(op, answer, count))
		return op->pages.end(task, NULL, err);
	if (op->pages.count >= MAX_PAGES)
		return error_set(err, ERROR_LIMIT, "its list has more than %d pages", MAX_PAGES);
	http_api_ask_page(op);
	return 0;
}

/* @pages: taken. */
static void
http_api_list_pages(struct dnsprovider_op *op, const struct http_api_pages *pages)
{
	free(op->pages.path);
	free(op->pages.position);
	op->pages = *pages;
	if (!op->pages.items)
		op->pages.items = op->api->paging.items;
	http_api_ask_page(op);
}

void
http_api_list(struct http_api_task *task, http_api_item_fn *item, http_api_fn *end, const char *path, ...)
{
	struct http_api_pages pages = { .item = item, .end = end };
	va_list ap;

	va_start(ap, path);
	pages.path = xvasprintf(path, ap);
	va_end(ap);
	http_api_list_pages(http_api_op(task), &pages);
}

void
http_api_list_items(struct http_api_task *task, http_api_item_fn *item, http_api_fn *end, const char *items,
	bool is_one_page, const char *path)
{
	struct http_api_pages pages = { .item = item, .end = end, .items = items, .is_one_page = is_one_page };

	pages.path = http_api_op(task)->api->procedures.path ? xstrdup(path) : http_api_path(task, path);
	http_api_list_pages(http_api_op(task), &pages);
}

/* --- the zone --- */

/* Without its final dot; owned by the caller. */
static char *
http_api_zone_name(const struct dnsprovider_op *op, struct json_object *item)
{
	const char *name = http_api_text(item, op->api->zones.name);
	const char *host = op->api->zones.host ? http_api_text(item, op->api->zones.host) : "";
	size_t len = strlen(name);

	return xasprintf("%s%s%.*s", host, *host ? "." : "", (int)(len && name[len - 1] == '.' ? len - 1 : len), name);
}

static bool
http_api_is_hidden(const struct dnsprovider_op *op, struct json_object *item)
{
	const struct http_api_zones *zones = &op->api->zones;

	return zones->hidden && strcmp(http_api_text(item, zones->hidden), zones->hidden_word) == 0;
}

/* NULL: error. Borrowed. */
static const char *
http_api_zone_id(const struct dnsprovider_op *op, struct json_object *item, struct error *err)
{
	const struct http_api_zones *zones = &op->api->zones;
	const char *id = http_api_text(item, zones->id);
	size_t len = zones->id_prefix ? strlen(zones->id_prefix) : 0;

	return http_api_check_id(strncmp(id, zones->id_prefix ? zones->id_prefix : "", len) == 0 ? id + len : id, err);
}

static int
http_api_note_zone(struct http_api_task *task, struct json_object *item, struct error *err _unused_)
{
	struct dnsprovider_op *op = http_api_op(task);
	_cleanup_free_ char *zone = http_api_zone_name(op, item);
	char *name = NULL;

	if (!http_api_is_hidden(op, item) && name_canonical(zone, false, &name, NULL) == 0)
		strlist_take(&op->zones, name);
	return 0;
}

/*
 * The zone found by DNS, if any: resolvers do not query a longer one that is not delegated. Otherwise the longest zone
 * that contains the name.
 */
static int
http_api_take_zone(struct http_api_task *task, struct json_object *item, struct error *err)
{
	struct dnsprovider_op *op = http_api_op(task);
	_cleanup_free_ char *zone = http_api_zone_name(op, item);
	const char *id = NULL;

	if (http_api_is_hidden(op, item))
		return 0;
	if (op->known_zone ? strcasecmp(zone, op->known_zone) != 0 : !*zone || !name_in_zone(task->name, zone))
		return 0;
	if (task->zone && strlen(zone) <= strlen(task->zone))
		return 0;
	if (op->api->zones.id && !(id = http_api_zone_id(op, item, err)))
		return -1;
	str_replace(&task->zone, zone);
	str_replace(&task->zone_id, id);
	return 0;
}

static int
http_api_on_zones(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	struct dnsprovider_op *op = http_api_op(task);

	if (task->zone)
		return http_api_begin_change(task, answer, err);
	return error_set(err, ERROR_DNS, "the account has no zone '%s'", op->known_zone ? op->known_zone : task->name);
}

/* The text that all candidate zones contain: the zone itself, or the last two labels. "": any. */
static const char *
http_api_zone_filter(const struct dnsprovider_op *op)
{
	const char *name = op->task.name;
	const char *start = name + strlen(name);

	if (op->api->zones.is_owner)
		return name;
	if (op->known_zone || op->api->zones.is_exact)
		return op->known_zone ? op->known_zone : "";
	for (int dots = 0; start > name; start--) {
		dots += start[-1] == '.';
		if (dots == 2)
			break;
	}
	return start;
}

/* The API has no list of zones. */
static int
http_api_know_zone(struct dnsprovider_op *op, struct error *err)
{
	const struct strlist *zones = &op->provider.zones;

	str_replace(&op->task.zone, op->known_zone);
	for (size_t i = 0; i < zones->count && !op->known_zone; i++)
		if (name_in_zone(op->task.name, zones->items[i]) &&
			(!op->task.zone || strlen(zones->items[i]) > strlen(op->task.zone)))
			str_replace(&op->task.zone, zones->items[i]);
	if (!op->task.zone && !op->api->has_no_zones)
		return error_set(err, ERROR_DNS, "the zone of '%s' is unknown; declare it with --zone", op->task.name);
	return http_api_begin_change(&op->task, NULL, err);
}

int
http_api_find_zone(struct http_api_task *task, struct json_object *answer _unused_, struct error *err)
{
	struct dnsprovider_op *op = http_api_op(task);
	const struct http_api_zones *zones = &op->api->zones;
	const char *filter = zones->filter && !op->zones_done ? http_api_zone_filter(op) : "";
	_cleanup_free_ char *path = NULL;

	if (!zones->path || (zones->is_spared && op->known_zone))
		return http_api_know_zone(op, err);
	path = *filter ? xasprintf("%s%c%s=%s%s", zones->path, strchr(zones->path, '?') ? '&' : '?', zones->filter,
				 filter, zones->is_absolute ? "." : "")
		       : xstrdup(zones->path);
	http_api_list_items(task, op->zones_done ? http_api_note_zone : http_api_take_zone,
		op->zones_done ? http_api_end : http_api_on_zones, zones->items, false, path);
	return 0;
}
