/* A removal has three steps: the DNS change, making its outcome durable, the answer. */
#include "daemon/challenge/txt_removal.h"

#include "common/error.h"
#include "common/retry.h"
#include "daemon/challenge/cleanup.h"
#include "daemon/challenge/solver_private.h"
#include "daemon/challenge/txt_queue.h"
#include "daemon/schedule/schedule.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { NEEDED_SEC = 3600, UNREAD_SEC = 86400 };

struct txt_removal {
	struct txt_removal *prev, *next;
	struct txt_removals *all;
	char id[STORE_ID_SIZE];
	struct cleanup cleanup;
	struct dnsprovider provider;
	struct txt_change *change;
	struct loop_timer timer; /* starts the work */
	struct error failure;
	schedule_done_fn *done;
	void *arg;
};

struct txt_removals {
	struct solver *solver;
	struct txt_queue *queue;
	txt_removal_needed_fn *is_needed;
	void *arg;
	struct txt_removal *list;
};

static void
make_due(struct solver *solver)
{
	struct store_txn *txn = store_begin(solver->store);
	int64_t now = loop_now(solver->env.loop);
	_cleanup_buf_ struct buf id = BUF_INIT;

	while (store_next(solver->store, STORE_CLEANUP, buf_str(&id), id.len, id.len > 0, &id, NULL, NULL) == 1)
		schedule_set(solver->store, txn, SCHEDULE_CLEANUP, buf_str(&id), "", now);
}

struct txt_removals *
txt_removals_new(struct solver *solver, struct txt_queue *queue, txt_removal_needed_fn *is_needed, void *arg)
{
	struct txt_removals *all = xcalloc(1, sizeof(*all));

	all->solver = solver;
	all->queue = queue;
	all->is_needed = is_needed;
	all->arg = arg;
	make_due(solver);
	return all;
}

static void
txt_removal_free(struct txt_removal *r)
{
	DL_DELETE(r->all->list, r);
	store_forget(r->all->solver->store, r);
	txt_change_leave(r->change);
	loop_timer_cancel(&r->timer);
	cleanup_clear(&r->cleanup);
	dnsprovider_clear(&r->provider);
	error_clear(&r->failure);
	free(r);
}

void
txt_removals_free(struct txt_removals *all)
{
	if (!all)
		return;
	while (all->list)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the analyzer does not follow DL_DELETE() */
		txt_removal_free(all->list);
	free(all);
}

static void
txt_removal_answer(struct txt_removal *r, bool is_stored)
{
	if (r->done)
		r->done(is_stored, r->arg);
	txt_removal_free(r);
}

static void
on_stored(const struct error *err, void *arg)
{
	txt_removal_answer(arg, !err);
}

/* The value was removed, or cannot be removed any more. */
static void
settle(struct txt_removal *r)
{
	struct store_txn *txn = store_begin(r->all->solver->store);

	cleanup_forget(r->all->solver->store, txn, r->id);
	store_then(txn, on_stored, r);
}

static void
put_off(struct txt_removal *r, int64_t due_at)
{
	struct solver *solver = r->all->solver;
	struct store_txn *txn = store_begin(solver->store);

	cleanup_save(solver->store, txn, &r->cleanup, due_at);
	store_then(txn, on_stored, r);
}

/* A record that cannot be read cannot be handled: retry tomorrow, after a possible upgrade or restore. */
static void
put_off_unread(struct txt_removal *r)
{
	struct solver *solver = r->all->solver;
	struct store_txn *txn = store_begin(solver->store);

	solver_cleanup_failed(solver, NULL, &r->failure);
	schedule_set(solver->store, txn, SCHEDULE_CLEANUP, r->id, "", loop_now(r->all->solver->env.loop) + UNREAD_SEC);
	store_then(txn, on_stored, r);
}

static void
on_removed(const struct error *err, void *arg)
{
	struct txt_removal *r = arg;

	r->change = NULL;
	/* A challenge that adds the value again waits behind us in the queue, and has renewed the cleanup record. */
	if (r->all->is_needed(r->id, r->all->arg)) {
		txt_removal_answer(r, true);
		return;
	}
	if (!err) {
		settle(r);
		return;
	}
	error_copy(&r->failure, err);
	error_wrap(&r->failure, "cannot remove the TXT record at %s", r->cleanup.name);
	r->cleanup.attempts++;
	solver_cleanup_failed(r->all->solver, &r->provider, &r->failure);
	put_off(r, retry_at(RETRY_REMOTE, loop_now(r->all->solver->env.loop), r->cleanup.attempts, r->id));
}

static void
txt_removal_give_up(struct txt_removal *r)
{
	error_set(&r->failure, ERROR_NOT_FOUND,
		"the TXT record '%s' at %s was not removed, because its DNS provider was deleted; remove it manually",
		r->cleanup.value, r->cleanup.name);
	solver_cleanup_failed(r->all->solver, NULL, &r->failure);
	settle(r);
}

/* Return: 1 everything was found, 0 there is no record, or -1. */
static int
txt_removal_load(struct txt_removal *r, int *ret_has_provider, struct error *err)
{
	struct store *store = r->all->solver->store;
	int found = record_load(store, &cleanup_class, r->id, &r->cleanup, err);

	if (found != 1)
		return found;
	*ret_has_provider = object_peek(store, &dnsprovider_class, r->cleanup.dns_provider, &r->provider, err);
	return *ret_has_provider < 0 ? -1 : 1;
}

static void
on_begin(void *arg)
{
	struct txt_removal *r = arg;
	struct dnsprovider_record record;
	int has_provider = 0;
	int found = txt_removal_load(r, &has_provider, &r->failure);

	if (found < 0) {
		put_off_unread(r);
		return;
	}
	if (!found) {
		settle(r);
		return;
	}
	if (r->all->is_needed(r->id, r->all->arg)) {
		put_off(r, loop_now(r->all->solver->env.loop) + NEEDED_SEC);
		return;
	}
	if (!has_provider) {
		txt_removal_give_up(r);
		return;
	}
	record = (struct dnsprovider_record){
		.zone = r->cleanup.zone,
		.name = r->cleanup.name,
		.value = r->cleanup.value,
		.domain = r->cleanup.domain,
		.key_authorization = r->cleanup.key_authorization,
	};
	r->change = txt_change_start(r->all->queue, &r->provider, true, &record, on_removed, r);
}

struct txt_removal *
txt_removal_start(struct txt_removals *all, const char *id, schedule_done_fn *done, void *arg)
{
	struct txt_removal *r = xcalloc(1, sizeof(*r));

	r->all = all;
	memccpy(r->id, id, '\0', sizeof(r->id) - 1);
	r->done = done;
	r->arg = arg;
	DL_PREPEND(all->list, r);
	loop_timer_init(&r->timer, all->solver->env.loop, on_begin, r);
	loop_timer_set(&r->timer, 0);
	return r;
}

void
txt_removal_disown(void *removal)
{
	((struct txt_removal *)removal)->done = NULL;
}
