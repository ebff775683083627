/*
 * IONOS stores certificates without checking them. certd stores them too, reports the fault, and does not deploy them.
 */
#include "daemon/service/held_back.h"

#include "common/shell.h"

#include <string.h>

enum { COUNTED = 1000 };

static void
held_back_key(struct buf *ret, const char *id)
{
	buf_reset(ret);
	buf_printf(ret, "h%s", id);
}

void
held_back_note(struct store_txn *txn, const struct certificate *old, const struct certificate *new)
{
	bool was_held = old && old->is_held_back;
	bool is_held = new &&new->is_held_back;
	_cleanup_buf_ struct buf key = BUF_INIT;

	held_back_key(&key, new ? new->o.id : old->o.id);
	if (is_held && !was_held)
		store_put(txn, STORE_INDEX, key.data, key.len, NULL, 0);
	else if (was_held && !is_held)
		store_del(txn, STORE_INDEX, key.data, key.len);
}

static void
held_back_add_warning(struct store *store, const char *id, struct strlist *ret)
{
	_cleanup_certificate_ struct certificate c = { 0 };

	_cleanup_free_ char *set = NULL;

	if (object_peek(store, &certificate_class, id, &c, NULL) != 1)
		return;
	set = shell_certctl("set cert", c.o.name, "--deploy-anyway");
	strlist_take(ret, xasprintf("certificate '%s' is not deployed: %s (to deploy it: %s)", c.o.name,
				  c.o.failure.message ? c.o.failure.message : "", set));
}

size_t
held_back_warnings(struct store *store, size_t max, struct strlist *ret)
{
	_cleanup_buf_ struct buf prefix = BUF_INIT;
	_cleanup_buf_ struct buf key = BUF_INIT;
	size_t count = 0;

	buf_add_char(&prefix, 'h');
	buf_add(&key, prefix.data, prefix.len);
	while (count < COUNTED && store_next_with(store, STORE_INDEX, &prefix, &key, NULL, NULL) == 1)
		if (count++ < max)
			held_back_add_warning(store, key.data + 1, ret);
	return count;
}
