/*
 * Removes files. The declarations at the time of the run decide, not those when the row was put: a directory that the
 * subject has again is not touched, and neither are files that, by their manifest, another subject has written.
 *
 * Record of STORE_REMOVAL, by example (record.h): 01 | 01 "6f1e..-subject-id" | 02 "www.example.com" | 03 true |
 * 04 ("/etc/mail/tls") | 05 2 | 06 "91c4..-id-of-the-former-subject"
 */
#include "daemon/rollout/withdraw.h"

#include "common/timefmt.h"
#include "daemon/rollout/rollout_private.h"
#include "daemon/rollout/subject.h"

#include <stdlib.h>
#include <string.h>

struct withdrawal_record {
	char *subject; /* id of the files' owner */
	char *slug;
	bool is_whole; /* the subject was deleted: also live/<slug> and pem/<slug>.pem */
	struct strlist directories;
	int64_t attempts;
	char *former;       /* id of the subject that may have written them; or NULL */
	struct buf unknown; /* record.h */
};

static const struct record_field fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct withdrawal_record, subject, NULL),
	RECORD_FIELD(RECORD_STRING, 2, struct withdrawal_record, slug, NULL),
	RECORD_FIELD(RECORD_BOOL, 3, struct withdrawal_record, is_whole, NULL),
	RECORD_FIELD(RECORD_STRLIST, 4, struct withdrawal_record, directories, NULL),
	RECORD_FIELD(RECORD_INT, 5, struct withdrawal_record, attempts, NULL),
	RECORD_FIELD(RECORD_STRING, 6, struct withdrawal_record, former, NULL),
};

static const struct record_class withdrawal_class = RECORD_CLASS(
	"removal", STORE_REMOVAL, struct withdrawal_record, fields, unknown);

/* --- the intent --- */

static void
withdraw_save(
	struct rollout *r, struct store_txn *txn, const char *id, const struct withdrawal_record *m, int64_t due_at)
{
	record_save(r->env.store, txn, &withdrawal_class, id, m);
	schedule_set(r->env.store, txn, SCHEDULE_REMOVE, id, "", due_at);
}

/* A subject without a rollout has no files. @directories: taken. */
static void
withdraw_put(struct rollout *r, struct store_txn *txn, const struct withdraw_from *from, bool is_whole,
	struct strlist *directories, int64_t now)
{
	struct withdrawal_record m = { .is_whole = is_whole, .directories = *directories };
	_cleanup_rollout_state_ struct rollout_state state = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	char id[STORE_ID_SIZE];
	int found = rollout_load(r, from->subject_id, &state, &err);

	*directories = (struct strlist)STRLIST_INIT;
	m.subject = xstrdup(from->subject_id);
	m.slug = xstrdup(from->slug);
	m.former = xstrdup_null(from->former_id);
	store_new_id(id);
	/* A rollout that cannot be read may have files. */
	if (found != 0 && (is_whole || m.directories.count))
		withdraw_save(r, txn, id, &m, now);
	record_clear(&withdrawal_class, &m);
}

/* The directories of consumers must be known: otherwise a key would remain there. */
static void
put_consumers(struct rollout *r, struct store_txn *txn, const struct withdraw_from *from, bool is_whole,
	const struct strlist *consumers, int64_t now)
{
	_cleanup_strlist_ struct strlist directories = STRLIST_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	if (rollout_directories(r, consumers, &directories, &err) < 0)
		store_fail(txn, &err);
	withdraw_put(r, txn, from, is_whole, &directories, now);
}

void
withdraw_all(struct rollout *r, struct store_txn *txn, const struct withdraw_from *from,
	const struct strlist *consumers, int64_t now)
{
	put_consumers(r, txn, from, true, consumers, now);
}

void
withdraw_from_consumers(struct rollout *r, struct store_txn *txn, const struct withdraw_from *from,
	const struct strlist *before, const struct strlist *after, int64_t now)
{
	_cleanup_strlist_ struct strlist gone = STRLIST_INIT;

	for (size_t i = 0; i < before->count; i++)
		if (!strlist_has(after, before->items[i]))
			strlist_add(&gone, before->items[i]);
	if (gone.count)
		put_consumers(r, txn, from, false, &gone, now);
}

void
withdraw_from_directory(
	struct rollout *r, struct store_txn *txn, const struct withdraw_from *from, const char *directory, int64_t now)
{
	_cleanup_strlist_ struct strlist directories = STRLIST_INIT;

	strlist_add(&directories, directory);
	withdraw_put(r, txn, from, false, &directories, now);
}

/* --- doing it --- */

struct withdrawal {
	struct rollout *rollout; /* NULL: cancelled while a worker was running */
	char id[STORE_ID_SIZE];
	struct withdrawal_record record;
	bool is_removing; /* a worker is running */
	schedule_done_fn *done;
	void *arg;
};

static void
withdrawal_free(struct withdrawal *w)
{
	record_clear(&withdrawal_class, &w->record);
	free(w);
}

static void
withdraw_end(struct withdrawal *w, bool is_stored)
{
	schedule_done_fn *done = w->done;
	void *arg = w->arg;

	withdrawal_free(w);
	done(is_stored, arg);
}

static void
withdraw_saved(const struct error *err, void *arg)
{
	struct withdrawal *w = arg;

	if (err)
		event_emit_error(w->rollout->env.events, NULL, EVENT_STORE_FAILED, NULL, err, "%s", err->message);
	withdraw_end(w, !err);
}

/* Deletes row and record; or moves the row, and reports why. */
static void
withdraw_finish(struct withdrawal *w, const struct error *err)
{
	struct rollout_env *env = &w->rollout->env;
	struct store_txn *txn = store_begin(env->store);

	if (err) {
		_cleanup_error_ struct error why = ERROR_INIT;
		char when[TIME_RFC3339_SIZE];

		w->record.attempts++;
		error_copy(&why, err);
		why.retry_at = rollout_retry_at(w->rollout, w->id, w->record.attempts);
		time_format_rfc3339(why.retry_at, when);
		event_emit_error(env->events, txn, EVENT_SERVER_WARNING, NULL, &why,
			"files of '%s' were not removed: %s; next attempt %s", w->record.slug, err->message, when);
		withdraw_save(w->rollout, txn, w->id, &w->record, why.retry_at);
	} else {
		store_del(txn, STORE_REMOVAL, w->id, strlen(w->id));
		schedule_del(env->store, txn, SCHEDULE_REMOVE, w->id);
	}
	store_then(txn, withdraw_saved, w);
}

static void
removed(const struct error *err, const char *where _unused_, void *arg)
{
	struct withdrawal *w = arg;

	w->is_removing = false;
	if (w->rollout)
		withdraw_finish(w, err);
	else
		withdrawal_free(w);
}

/* Keeps what the subject is currently declared to have. Return: 0 or -1. */
static int
spare_what_is_declared(struct withdrawal *w, struct error *err)
{
	struct rollout *r = w->rollout;
	_cleanup_subject_ struct subject subject = { .type = NULL };
	_cleanup_strlist_ struct strlist declared = STRLIST_INIT;
	_cleanup_strlist_ struct strlist rest = STRLIST_INIT;
	int found = subject_load(r->env.store, w->record.subject, &subject, err);

	if (found <= 0)
		return found;
	if (rollout_directories(r, &subject.consumers, &declared, err) < 0)
		return -1;
	for (size_t i = 0; i < w->record.directories.count; i++)
		if (!strlist_has(&declared, w->record.directories.items[i]))
			strlist_add(&rest, w->record.directories.items[i]);
	strlist_copy(&w->record.directories, &rest);
	return 0;
}

/* Return: 1 loaded, 0 there is nothing to remove, -1 failed. */
static int
withdraw_load(struct withdrawal *w, struct error *err)
{
	struct store *store = w->rollout->env.store;
	int found = record_load(store, &withdrawal_class, w->id, &w->record, err);

	if (found != 1)
		return found;
	return spare_what_is_declared(w, err) < 0 ? -1 : 1;
}

/* Unreadable: reported, kept, and retried. */
static void
withdraw_give_up(struct withdrawal *w, const struct error *err)
{
	struct rollout_env *env = &w->rollout->env;
	struct store_txn *txn = store_begin(env->store);

	event_emit_error(env->events, txn, EVENT_STORE_FAILED, NULL, err, "%s", err->message);
	schedule_set(env->store, txn, SCHEDULE_REMOVE, w->id, "", rollout_retry_at(w->rollout, w->id, INT64_MAX));
	store_then(txn, withdraw_saved, w);
}

static bool
slug_is_free(struct withdrawal *w)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	_cleanup_buf_ struct buf id = BUF_INIT;

	subject_slug_key(&key, w->record.slug);
	return store_get(w->rollout->env.store, STORE_INDEX, key.data, key.len, &id, NULL) == 0;
}

/* The intent is durable: the row may be of this very turn, by a change whose commit failed. */
static void
withdraw_begin(const struct error *failed, void *arg)
{
	struct withdrawal *w = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	int found;

	if (failed) {
		withdraw_end(w, true); /* then the row never existed */
		return;
	}
	found = withdraw_load(w, &err);
	if (found < 0) {
		withdraw_give_up(w, &err);
	} else if (found == 0) {
		withdraw_finish(w, NULL);
	} else {
		w->is_removing = true;
		drop_remove(w->rollout->env.drops,
			&(struct drop_removal){ .slug = w->record.slug,
				.subject_id = w->record.subject,
				.former_id = w->record.former,
				.is_whole = w->record.is_whole,
				.is_free = slug_is_free(w),
				.directories = &w->record.directories },
			removed, w);
	}
}

static void *
withdraw_start(void *rollout, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	struct rollout *r = rollout;
	struct withdrawal *w = xcalloc(1, sizeof(*w));
	struct store_txn *txn = store_begin(r->env.store);

	w->rollout = r;
	w->done = done;
	w->arg = arg;
	memcpy(w->id, row->object, sizeof(w->id));
	store_rely_on(txn, STORE_REMOVAL, w->id, strlen(w->id));
	store_then(txn, withdraw_begin, w);
	return w;
}

/* A running worker continues, without a report. */
static void
withdraw_cancel(void *work)
{
	struct withdrawal *w = work;

	store_forget(w->rollout->env.store, w);
	w->rollout = NULL;
	if (!w->is_removing)
		withdrawal_free(w);
}

const struct job_kind remove_job = {
	.kind = SCHEDULE_REMOVE,
	.word = "remove",
	.needs_date = true,
	.start = withdraw_start,
	.cancel = withdraw_cancel,
	.longest_sec = ROLLOUT_LONGEST_WAIT_SEC,
};
