/*
 * Each slice is a list of changes of its own, and the next one begins when it is durable, so that requests are answered
 * in between. A slice that cannot be stored is tried again later.
 */
#include "daemon/rekey.h"

#include "common/conf.h"
#include "common/crypto/secret.h"
#include "common/error.h"
#include "daemon/base/loop.h"
#include "daemon/master_key.h"
#include "daemon/report/events.h"
#include "daemon/store/store_rekey.h"

#include <stdlib.h>

enum { SLICE = 200, SLICE_MS = 2, RETRY_MS = 60 * 1000 };

struct rekey {
	struct rekey_env env;
	struct loop_timer timer;
	struct store_rekey_walk walk;
	bool is_rewritten; /* all of the store: the former key is needed only to open it */
};

/* The file in the state directory is certd's own. */
static int
rekey_install(struct rekey *r, struct error *err)
{
	if (!r->env.is_key_beside_store || store_rekey_state(r->env.store) != STORE_REKEY_FORMER)
		return 0;
	if (master_key_replace(r->env.conf, store_master_key(r->env.store), err) < 0)
		return -1;
	store_rekey_installed(r->env.store);
	return 0;
}

static void
rekey_report(struct rekey *r, const struct error *err)
{
	event_emit_error(r->env.events, NULL, EVENT_SERVER_WARNING, NULL, err,
		"the change of the master key is tried again in a minute: %s", err->message);
	loop_timer_set(&r->timer, RETRY_MS);
}

/* Everything is under the new key. */
static void
rekey_end(struct rekey *r)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	r->is_rewritten = true;
	if (rekey_install(r, &err) < 0) {
		rekey_report(r, &err);
		return;
	}
	if (store_rekey_state(r->env.store) == STORE_REKEY_FORMER)
		return;
	if (store_rekey_finish(r->env.store, &err) < 0) {
		rekey_report(r, &err);
		return;
	}
	r->is_rewritten = false;
	event_emit(r->env.events, NULL, EVENT_SERVER_REKEYED, NULL, NULL,
		"the master key was changed; the former one does not open the store any more");
}

static void
rekey_stored(const struct error *err, void *arg)
{
	struct rekey *r = arg;

	if (err)
		rekey_report(r, err);
	else
		loop_timer_set(&r->timer, SLICE_MS);
}

static void
rekey_slice(void *arg)
{
	struct rekey *r = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct store_txn *txn = store_begin(r->env.store);
	int rc = store_rekey_slice(r->env.store, txn, &r->walk, SLICE, &err);

	if (rc == 0)
		rekey_end(r);
	else if (rc < 0)
		rekey_report(r, &err);
	else
		store_then(txn, rekey_stored, r);
}

static void
rekey_start(struct rekey *r)
{
	buf_clear(&r->walk.after);
	r->walk = (struct store_rekey_walk){ .db = 0 };
	r->is_rewritten = false;
	loop_timer_set(&r->timer, 0);
}

struct rekey *
rekey_new(const struct rekey_env *env)
{
	struct rekey *r = xcalloc(1, sizeof(*r));

	r->env = *env;
	loop_timer_init(&r->timer, env->loop, rekey_slice, r);
	if (store_rekey_state(env->store) != STORE_REKEY_NONE)
		rekey_start(r);
	return r;
}

void
rekey_free(struct rekey *r)
{
	if (!r)
		return;
	loop_timer_cancel(&r->timer);
	store_forget(r->env.store, r);
	buf_clear(&r->walk.after);
	free(r);
}

int
rekey_begin(struct rekey *r, const struct secret *given, struct error *err)
{
	_cleanup_secret_ struct secret key = SECRET_INIT;

	if (!given->len && !r->env.is_key_beside_store)
		return error_set_field(err, "masterKey",
			"the master key of this certd is not in its state directory: make a new one, and pass it with "
			"--master-key-file FILE");
	if (given->len ? master_key_parse(given, &key, err) < 0 : secret_random(&key, MASTER_KEY_SIZE, err) < 0)
		return -1;
	if (store_rekey_begin(r->env.store, &key, err) < 0)
		return -1;
	/* If it fails, it is done at the end, or at the next start: until then the former key opens the store. */
	if (rekey_install(r, err) < 0)
		error_clear(err);
	rekey_start(r);
	return 0;
}

const char *
rekey_warning(const struct rekey *r)
{
	if (!r->is_rewritten || store_rekey_state(r->env.store) != STORE_REKEY_FORMER)
		return NULL;
	return "the store is under the new master key, and the former one still opens it: install the new one, and "
	       "restart certd (KEYS in certd(8))";
}
