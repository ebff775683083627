/* Slugs are kept in STORE_INDEX. */
#include "daemon/service/slug.h"

#include "common/name.h"
#include "daemon/rollout/subject.h"

#include <stdlib.h>
#include <string.h>

int
slug_take(struct call *call, const char *name, const char *common_name, const char *id, char **ret, struct error *err)
{
	_cleanup_free_ char *plain = name_slug(name);
	/* For a caller with a scope the directory does not depend on what others are called. */
	_cleanup_free_ char *base = call->peer->scope && !(common_name && strcmp(name, common_name) == 0)
					    ? xasprintf("%s-%.8s", plain, id)
					    : xstrdup(plain);
	_cleanup_buf_ struct buf key = BUF_INIT;
	int found = 1;

	for (unsigned n = 1; found == 1; n++) {
		_cleanup_buf_ struct buf other = BUF_INIT;

		free(*ret);
		*ret = n == 1 ? xstrdup(base) : xasprintf("%s-%u", base, n);
		subject_slug_key(&key, *ret);
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

	subject_slug_key(&key, slug);
	store_put(call_txn(call), STORE_INDEX, key.data, key.len, to_id, strlen(to_id));
}

void
slug_release(struct call *call, const char *slug)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	subject_slug_key(&key, slug);
	store_del(call_txn(call), STORE_INDEX, key.data, key.len);
}
