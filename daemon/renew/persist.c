/*
 * One look is at one record after the other. What cannot be seen at the moment (no answer) changes nothing: only a
 * server that answers and lacks the record is a reason to warn.
 */
#include "daemon/renew/persist.h"

#include "common/crypto/acme_txt.h"
#include "common/timefmt.h"
#include "daemon/base/loop.h"
#include "daemon/challenge/persist_look.h"
#include "daemon/schedule/schedule.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_EVERY_SEC = 24 * 3600, UNREADABLE_RETRY_SEC = 3600 };

struct persist {
	const struct issue_env *env;
	char id[STORE_ID_SIZE];  /* of the auto-certificate */
	struct strlist standing; /* as it was at the start */
	struct strlist found;
	struct error why; /* of the first record that is missing */
	struct acme_persist want;
	struct persist_look *look;
	schedule_done_fn *done;
	void *arg;
};

/* --- the records of an auto-certificate --- */

static bool
persist_is_used(const struct autocert *a)
{
	return a->challenge && strcmp(a->challenge, "dns-persist-01") == 0;
}

static bool
persist_is_of_name(const char *record, const char *name)
{
	_cleanup_free_ char *owner = acme_txt_persist_owner(name);
	size_t len = strlen(owner);

	return strncmp(record, owner, len) == 0 && record[len] == ' ';
}

static bool
persist_is_declared(const struct autocert *a, const char *record)
{
	if (persist_is_of_name(record, a->common_name))
		return true;
	for (size_t i = 0; i < a->sans.count; i++)
		if (persist_is_of_name(record, a->sans.items[i]))
			return true;
	return false;
}

static bool
persist_has_owner(const struct strlist *records, const char *record)
{
	size_t len = strcspn(record, " ") + 1;

	for (size_t i = 0; i < records->count; i++)
		if (strncmp(records->items[i], record, len) == 0)
			return true;
	return false;
}

/* Those of declared names, one of each owner. */
static void
persist_take(const struct autocert *a, const struct strlist *records, struct strlist *ret)
{
	for (size_t i = 0; i < records->count; i++)
		if (persist_is_declared(a, records->items[i]) && !persist_has_owner(ret, records->items[i]))
			strlist_add(ret, records->items[i]);
}

void
persist_note(struct autocert *a, const struct strlist *found)
{
	struct strlist standing = STRLIST_INIT;

	if (persist_is_used(a)) {
		persist_take(a, found, &standing);
		persist_take(a, &a->standing, &standing);
	}
	if (found->count || !standing.count)
		error_clear(&a->standing_error);
	strlist_clear(&a->standing);
	a->standing = standing;
}

/* NULL: the content is not that of a record. */
static const char *
persist_parse(const char *record, struct acme_persist *ret)
{
	const char *content = strchr(record, ' ');

	return content && acme_persist_parse(content + 1, ret, NULL) == 0 ? content + 1 : NULL;
}

int64_t
persist_until(const struct autocert *a, const char **ret_owner)
{
	int64_t first = 0;

	for (size_t i = 0; persist_is_used(a) && i < a->standing.count; i++) {
		_cleanup_acme_persist_ struct acme_persist p = { .until_at = 0 };

		if (!persist_parse(a->standing.items[i], &p) || !p.until_at || (first && p.until_at >= first))
			continue;
		first = p.until_at;
		*ret_owner = a->standing.items[i];
	}
	return first;
}

void
persist_schedule(struct store *store, struct store_txn *txn, const struct autocert *a, int64_t now)
{
	if (a->standing.count)
		schedule_set(store, txn, SCHEDULE_PERSIST, a->o.id, "", time_add(now, LOOK_EVERY_SEC));
	else
		schedule_del(store, txn, SCHEDULE_PERSIST, a->o.id);
}

/* --- the end of a look --- */

static void
persist_cancel(void *work)
{
	struct persist *p = work;

	store_forget(p->env->store, p);
	persist_look_cancel(p->look);
	acme_persist_clear(&p->want);
	strlist_clear(&p->standing);
	strlist_clear(&p->found);
	error_clear(&p->why);
	free(p);
}

static void
persist_saved(const struct error *err, void *arg)
{
	struct persist *p = arg;

	job_over(p->env->events, err, p, persist_cancel, p->done, p->arg);
}

/* An order may have noted other records meanwhile. */
static void
persist_finish(struct persist *p)
{
	struct store *store = p->env->store;
	struct store_txn *txn = store_begin(store);
	int64_t now = loop_now(p->env->loop);
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	int found = object_load(store, &autocert_class, p->id, &a, &err);

	if (found == 1 && strlist_equal(&a.standing, &p->standing)) {
		persist_note(&a, &p->found);
		if (a.standing.count)
			error_copy(&a.standing_error, &p->why);
		found = object_save(store, txn, &autocert_class, &a, &err) == 0 ? 1 : -1;
	}
	if (found < 0) {
		event_emit_error(p->env->events, txn, EVENT_STORE_FAILED, NULL, &err, "%s", err.message);
		schedule_set(store, txn, SCHEDULE_PERSIST, p->id, "", time_add(now, UNREADABLE_RETRY_SEC));
	} else if (found == 0) {
		schedule_del(store, txn, SCHEDULE_PERSIST, p->id);
	} else {
		persist_schedule(store, txn, &a, now);
	}
	store_then(txn, persist_saved, p);
}

/* --- the look --- */

static void
persist_next(struct persist *p);

static void
persist_on_looked(const char *seen, const struct error *err, void *arg)
{
	struct persist *p = arg;
	const char *record = p->standing.items[p->found.count];
	int len = (int)strcspn(record, " ");

	p->look = NULL;
	if (!seen && err->code == ERROR_STATE && !error_is_set(&p->why)) {
		_cleanup_free_ char *content = acme_persist_text(&p->want);

		error_set(&p->why, ERROR_STATE, "the TXT record %.*s: %s; publish it with content %s", len, record,
			err->message, content);
	}
	strlist_take(&p->found, seen ? xasprintf("%.*s %s", len, record, seen) : xstrdup(record));
	persist_next(p);
}

static void
persist_next(struct persist *p)
{
	while (p->found.count < p->standing.count) {
		const char *record = p->standing.items[p->found.count];
		_cleanup_free_ char *owner = xstrndup(record, strcspn(record, " "));

		acme_persist_clear(&p->want);
		if (persist_parse(record, &p->want)) {
			p->want.until_at = 0;
			p->look = persist_look_start(
				solver_dns_env(p->env->solver), p->env->store, owner, &p->want, persist_on_looked, p);
			return;
		}
		strlist_add(&p->found, record);
	}
	persist_finish(p);
}

static void *
persist_start(void *env, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	struct persist *p = xcalloc(1, sizeof(*p));
	_cleanup_autocert_ struct autocert a = { 0 };

	p->env = env;
	p->done = done;
	p->arg = arg;
	memcpy(p->id, row->object, sizeof(p->id));
	if (object_peek(p->env->store, &autocert_class, p->id, &a, NULL) == 1)
		strlist_copy(&p->standing, &a.standing);
	persist_next(p);
	return p;
}

const struct job_kind persist_job = {
	.kind = SCHEDULE_PERSIST,
	.word = "persist",
	.classes = { &autocert_class },
	.needs_date = true,
	.start = persist_start,
	.cancel = persist_cancel,
	.longest_sec = LOOK_EVERY_SEC,
};
