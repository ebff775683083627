/* Functions shared by the kinds of jobs. */
#include "daemon/schedule/job.h"

#include "common/timefmt.h"
#include "daemon/report/events.h"

#include <stdlib.h>

enum { SPREAD_SEC = 600 }; /* moved rows must not all start in the same second */

void
job_trouble_set(struct job_trouble *t, const char *type, const char *name, const struct error *why)
{
	t->type = type;
	t->name = xstrdup(name);
	error_copy(&t->why, why);
}

void
job_trouble_clear(struct job_trouble *t)
{
	free(t->name);
	error_clear(&t->why);
	*t = (struct job_trouble){ .type = NULL };
}

int64_t
job_due_within(const struct schedule_row *row, int64_t now, int64_t longest_sec)
{
	int64_t spread = longest_sec < SPREAD_SEC ? longest_sec : SPREAD_SEC;

	if (row->due_at <= time_add(now, longest_sec))
		return row->due_at;
	return spread > 0 ? time_add(now, (int64_t)(schedule_seed(row->object) % (uint64_t)spread))
			  : time_add(now, longest_sec);
}

int64_t
job_due_after_clock_change(const struct job_kind *kind, void *env, const struct schedule_row *row, int64_t now)
{
	if (kind->longest_sec)
		return job_due_within(row, now, kind->longest_sec);
	return kind->after_clock_change ? kind->after_clock_change(env, row, now) : row->due_at;
}

void
job_over(struct events *events, const struct error *err, void *work, void (*cancel)(void *work), schedule_done_fn *done,
	void *arg)
{
	if (err)
		event_emit_error(events, NULL, EVENT_STORE_FAILED, NULL, err, "%s", err->message);
	cancel(work);
	done(!err, arg);
}

struct job_commit {
	struct store *store;
	schedule_done_fn *done;
	void *arg;
};

static void
job_committed(const struct error *err, void *arg)
{
	struct job_commit commit = *(struct job_commit *)arg;

	free(arg);
	commit.done(!err, commit.arg);
}

struct job_commit *
job_end_with(struct store *store, struct store_txn *txn, schedule_done_fn *done, void *arg)
{
	struct job_commit *commit = xmalloc(sizeof(*commit));

	*commit = (struct job_commit){ .store = store, .done = done, .arg = arg };
	store_then(txn, job_committed, commit);
	return commit;
}

void
job_commit_cancel(void *work)
{
	struct job_commit *commit = work;

	store_forget(commit->store, commit);
	free(commit);
}
