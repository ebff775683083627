/* Slugs: "s" slug -> id in STORE_INDEX. Files go when the declaration is gone for good, not before. */
#include "daemon/control/slug.h"

#include "common/name.h"

#include <stdlib.h>
#include <string.h>

static void
slug_key(struct buf *key, const char *slug)
{
	buf_reset(key);
	buf_printf(key, "s%s", slug);
}

int
slug_take(struct call *call, const char *name, const char *id, char **ret, struct error *err)
{
	_cleanup_free_ char *base = name_slug(name);
	_cleanup_buf_ struct buf key = BUF_INIT;
	int found = 1;

	for (unsigned n = 1; found == 1; n++) {
		_cleanup_buf_ struct buf other = BUF_INIT;

		free(*ret);
		*ret = n == 1 ? xstrdup(base) : xasprintf("%s-%u", base, n);
		slug_key(&key, *ret);
		found = store_get(call->service->store, STORE_INDEX, key.data, key.len, &other, err);
	}
	if (found == 0)
		store_put(call_txn(call), STORE_INDEX, key.data, key.len, id, strlen(id));
	return found;
}

void
slug_hand_over(struct call *call, const char *slug, const char *to_id)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	slug_key(&key, slug);
	store_put(call_txn(call), STORE_INDEX, key.data, key.len, to_id, strlen(to_id));
}

static void
drop_removed(const struct error *err, void *arg)
{
	struct service *service = arg;

	if (err)
		event_emit_error(service->events, NULL, EVENT_SERVER_WARNING, NULL, err, "%s", err->message);
}

struct removal {
	struct service *service;
	char *slug;
};

static void
remove_drop(const struct error *err, void *arg)
{
	struct removal *r = arg;

	if (!err)
		drop_remove(r->service->drops, r->slug, drop_removed, r->service);
	free(r->slug);
	free(r);
}

void
slug_release(struct call *call, const char *slug)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	struct removal *removal = xcalloc(1, sizeof(*removal));

	slug_key(&key, slug);
	store_del(call_txn(call), STORE_INDEX, key.data, key.len);
	removal->service = call->service;
	removal->slug = xstrdup(slug);
	store_then(call_txn(call), remove_drop, removal);
}
