/*
 * Runs what is due. One pass looks at the head of each lane that has room, starts what is due there, and arms the one
 * wall timer for the earliest of the rest. A row stays in the store while its work runs; the work itself moves or
 * removes it, so a crash at any point finds it due again.
 *
 * When the end of a job cannot be stored (disk full), its row is due still. Then nothing is started until the store
 * takes a trial record: orders whose outcome is lost would be made again and again.
 *
 * Memory is bounded by what runs, not by what is stored: lanes are providers, and a lane's walk passes over its
 * running rows only.
 */
#include "daemon/renew/scheduler.h"

#include "common/crypto/key.h"
#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/renew/account.h"
#include "daemon/renew/authorize.h"
#include "daemon/renew/clamp.h"
#include "daemon/renew/expiry.h"
#include "daemon/renew/purge.h"
#include "daemon/renew/time_guard.h"
#include "daemon/rollout/withdraw.h"
#include "daemon/schedule/schedule.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
	LANE_COMMON_ROOM = 32, /* deploys, probes, cleanups, registrations at once */
	LANE_MAX_ORDERS = 8,   /* default in flight per provider (Pebble 2.4 stalls above 16) */
	TRIAL_MS = 10 * 1000,  /* costs a page of the store, and nobody else anything */
	LOOK_AGAIN_SEC = 60,   /* the schedule could not be read */
};

/* One row that is being worked on. */
struct job {
	struct scheduler *scheduler;
	struct lane *lane;
	struct schedule_row row;
	struct issue *issue;         /* SCHEDULE_ISSUE */
	struct account *account;     /* SCHEDULE_ACCOUNT */
	struct authorize *authorize; /* SCHEDULE_AUTHORIZE */
	bool is_held; /* its end could not be stored: keeps the row from being run at once again */
	struct job *prev, *next;
};

struct lane {
	char name[STORE_ID_SIZE]; /* provider id; "" for all that is not an issue */
	struct provider provider; /* as loaded; not for "" */
	struct acme_client *client;
	unsigned running;
	bool stale; /* provider changed or gone: no new work; the lane goes when nothing runs in it */
	struct lane *prev, *next;
};

struct scheduler {
	const struct issue_env *env;
	struct scheduler_config config;
	struct lane *lanes; /* those in use */
	struct job *jobs;
	struct time_guard *guard;
	struct clamp *clamp;
	struct loop_timer trial; /* armed or under way while the store fails */
	bool store_fails;
	/* A look is taken in the next turn: work that ends at once must not keep the loop from everybody else. */
	struct loop_timer pass;
	bool closing;
	int64_t next_at;
};

void
scheduler_kick(struct scheduler *s)
{
	if (!s->closing)
		loop_timer_set(&s->pass, 0);
}

/* --- jobs --- */

static struct job *
job_find(const struct scheduler *s, enum schedule_kind kind, const char *object)
{
	struct job *job;

	DL_FOREACH(s->jobs, job) {
		if (job->row.kind == kind && strcmp(job->row.object, object) == 0)
			return job;
	}
	return NULL;
}

/* Is the row running, or one that works on the same record? Deploy and probe both save the rollout. */
static bool
row_is_busy(const struct scheduler *s, const struct schedule_row *row)
{
	if (row->kind == SCHEDULE_DEPLOY || row->kind == SCHEDULE_PROBE)
		return job_find(s, SCHEDULE_DEPLOY, row->object) || job_find(s, SCHEDULE_PROBE, row->object);
	return job_find(s, row->kind, row->object) != NULL;
}

static void
job_free(struct job *job)
{
	job->lane->running--;
	DL_DELETE(job->scheduler->jobs, job);
	free(job);
}

static void
job_over(struct job *job)
{
	struct scheduler *s = job->scheduler;

	job_free(job);
	scheduler_kick(s);
}

/* --- a store that cannot be written --- */

static void
trial_done(const struct error *err, void *arg)
{
	struct scheduler *s = arg;
	struct job *job, *tmp;

	if (err) {
		loop_timer_set(&s->trial, TRIAL_MS);
		return;
	}
	s->store_fails = false;
	DL_FOREACH_SAFE(s->jobs, job, tmp)
	{
		if (job->is_held)
			job_free(job);
	}
	scheduler_kick(s);
}

static void
trial_start(void *arg)
{
	static const char key[] = "trial";
	struct scheduler *s = arg;
	struct store_txn *txn = store_begin(s->env->store);

	store_put(txn, STORE_META, key, strlen(key), NULL, 0);
	store_then(txn, trial_done, s);
}

static void
job_end(bool stored, void *arg)
{
	struct job *job = arg;

	job->issue = NULL;
	job->account = NULL;
	job->authorize = NULL;
	if (stored) {
		job_over(job);
		return;
	}
	job->is_held = true;
	if (!job->scheduler->store_fails)
		loop_timer_set(&job->scheduler->trial, TRIAL_MS);
	job->scheduler->store_fails = true;
}

static void
job_cleanup_done(const struct error *err, void *arg)
{
	(void)err; /* the solver has moved the row to its next try, and said so */
	job_end(true, arg);
}

static void
lane_forget(struct scheduler *s, const char *name);

static void
account_done(bool stored, void *arg)
{
	struct job *job = arg;

	lane_forget(job->scheduler, job->row.object);
	job_end(stored, job);
}

static void
job_run(struct scheduler *s, struct job *job)
{
	const char *object = job->row.object;

	switch (job->row.kind) {
	case SCHEDULE_ISSUE:
		job->issue = issue_start(
			s->env, job->lane->client, &job->lane->provider, object, job_end, job);
		return;
	case SCHEDULE_DEPLOY:
	case SCHEDULE_PROBE:
		rollout_run(s->env->rollout, job->row.kind, object, job_end, job);
		return;
	case SCHEDULE_CLEANUP:
		solver_cleanup(s->env->solver, object, job_cleanup_done, job);
		return;
	case SCHEDULE_ACCOUNT:
		job->account = account_start(
			s->env, s->config.http, s->config.allow_other_hosts, object, account_done, job);
		return;
	case SCHEDULE_AUTHORIZE:
		job->authorize = authorize_start(
			s->env, job->lane->client, &job->lane->provider, object, job_end, job);
		return;
	case SCHEDULE_REMOVE:
		withdraw_run(s->env->rollout, object, job_end, job);
		return;
	case SCHEDULE_PURGE:
		purge_run(s->env, object, job_end, job);
		return;
	case SCHEDULE_EXPIRY:
		expiry_run(s->env, object, job_end, job);
		return;
	}
}

static void
job_start(struct scheduler *s, struct lane *lane, const struct schedule_row *row)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->scheduler = s;
	job->lane = lane;
	job->row = *row;
	lane->running++;
	DL_APPEND(s->jobs, job);
	job_run(s, job);
}

/* --- lanes --- */

static struct lane *
lane_find(const struct scheduler *s, const char *name)
{
	struct lane *lane;

	DL_FOREACH(s->lanes, lane) {
		if (strcmp(lane->name, name) == 0)
			return lane;
	}
	return NULL;
}

static void
lane_free(struct scheduler *s, struct lane *lane)
{
	DL_DELETE(s->lanes, lane);
	acme_client_free(lane->client);
	provider_clear(&lane->provider);
	free(lane);
}

static void
lane_forget(struct scheduler *s, const char *name)
{
	struct lane *lane = lane_find(s, name);

	if (lane)
		lane->stale = true;
}

/* Clients of providers that were changed or deleted hold keys and connections. */
static void
lanes_sweep(struct scheduler *s)
{
	struct lane *lane, *tmp;

	DL_FOREACH_SAFE(s->lanes, lane, tmp)
	{
		if (lane->stale && lane->running == 0)
			lane_free(s, lane);
	}
}

/* Return: true when orders can be made: the provider has an account. */
static bool
lane_load(struct scheduler *s, struct lane *lane, struct error *err)
{
	struct acme_client_config config;
	struct key *key = NULL;

	if (lane->client || lane->stale)
		return !lane->stale;
	if (object_load(s->env->store, &provider_class, lane->name, &lane->provider, err) != 1)
		return false;
	if (!lane->provider.account_url || key_from_der(&lane->provider.account_key, &key, err) < 0) {
		provider_clear(&lane->provider);
		return false;
	}
	config = (struct acme_client_config){
		.directory_url = lane->provider.server,
		.ca_file = lane->provider.ca_file,
		.account_url = lane->provider.account_url,
		.allow_other_hosts = s->config.allow_other_hosts,
	};
	lane->client = acme_client_new(s->env->loop, s->config.http, &config, key);
	return true;
}

static struct lane *
lane_get(struct scheduler *s, const char *name)
{
	struct lane *lane = lane_find(s, name);

	if (lane)
		return lane;
	lane = xcalloc(1, sizeof(*lane));
	memcpy(lane->name, name, strlen(name) + 1);
	DL_APPEND(s->lanes, lane);
	return lane;
}

static unsigned
lane_room(const struct scheduler *s, const struct lane *lane)
{
	int64_t room = LANE_COMMON_ROOM;

	if (lane->name[0]) {
		room = s->config.max_orders > 0 ? s->config.max_orders : LANE_MAX_ORDERS;
		if (lane->provider.max_orders > 0)
			room = lane->provider.max_orders;
	}
	return room > lane->running ? (unsigned)(room - lane->running) : 0;
}

/* No wrong date can spoil it: files that are not there yet, and whether they are served. */
static bool
is_timeless(enum schedule_kind kind)
{
	return kind == SCHEDULE_DEPLOY || kind == SCHEDULE_PROBE;
}

/*
 * Starts what is due in one lane, while the date is doubted (@is_dated false) only what needs none. Return: due time of the first row that was not started for being in the future;
 * INT64_MAX when there is none, or when the lane is full (the end of a job looks again).
 */
static int64_t
lane_run(struct scheduler *s, struct lane *lane, int64_t now, bool is_dated, struct error *err)
{
	struct schedule_row row, at;
	bool first = true;

	if (lane->name[0] && !lane_load(s, lane, err))
		return INT64_MAX;
	while (lane_room(s, lane) > 0) {
		if (schedule_next_in_lane(s->env->store, lane->name, first ? NULL : &at, &row, err) != 1)
			return INT64_MAX;
		first = false;
		at = row;
		if (row_is_busy(s, &row))
			continue;
		if (row.due_at > now)
			return row.due_at;
		if (!is_dated && !is_timeless(row.kind))
			continue;
		if (s->store_fails)
			return INT64_MAX;
		job_start(s, lane, &row);
	}
	return INT64_MAX;
}

static void
scheduler_pass(void *arg)
{
	struct scheduler *s = arg;
	int64_t now = clock_wall(loop_clock(s->env->loop));
	char name[STORE_ID_SIZE] = "";
	_cleanup_error_ struct error err = ERROR_INIT;
	bool is_dated = time_guard_allows(s->guard, now);
	bool after = false;

	lanes_sweep(s);
	s->next_at = INT64_MAX;
	while (schedule_next_lane(s->env->store, name, after, name, &err) == 1) {
		int64_t due;

		if (!is_dated && name[0])
			break; /* orders; setting the clock wakes us */
		due = lane_run(s, lane_get(s, name), now, is_dated, &err);
		if (due < s->next_at)
			s->next_at = due;
		after = true;
	}
	if (error_is_set(&err)) {
		event_emit_error(
			s->env->events, NULL, EVENT_STORE_FAILED, NULL, &err, "schedule: %s", err.message);
		if (s->next_at > time_add(now, LOOK_AGAIN_SEC))
			s->next_at = time_add(now, LOOK_AGAIN_SEC);
	}
	loop_wall_set(s->env->loop, s->next_at);
}

/* Rows moved, or the date is believed after all. */
static void
look_again(void *arg)
{
	scheduler_kick(arg);
}

/* Due times are wall times, so a look at the heads is what a clock that was set needs, and at what was put meanwhile. */
static void
scheduler_wall(bool clock_was_set, void *arg)
{
	struct scheduler *s = arg;

	if (clock_was_set) {
		time_guard_forget(s->guard);
		clamp_start(s->clamp);
	}
	scheduler_kick(s);
}

/* --- life --- */

struct scheduler *
scheduler_new(const struct scheduler_config *config)
{
	struct scheduler *s = xcalloc(1, sizeof(*s));

	s->config = *config;
	s->env = config->issue_env;
	s->next_at = INT64_MAX;
	loop_timer_init(&s->pass, s->env->loop, scheduler_pass, s);
	s->guard = time_guard_new(s->env, config->build_at, look_again, s);
	s->clamp = clamp_new(s->env, look_again, s);
	if (time_guard_was_ahead(s->guard, clock_wall(loop_clock(s->env->loop))))
		clamp_start(s->clamp);
	loop_timer_init(&s->trial, s->env->loop, trial_start, s);
	loop_wall_init(s->env->loop, scheduler_wall, s);
	return s;
}

void
scheduler_free(struct scheduler *s)
{
	struct job *job, *job_tmp;
	struct lane *lane, *lane_tmp;

	if (!s)
		return;
	s->closing = true;
	loop_wall_init(s->env->loop, NULL, NULL);
	loop_wall_set(s->env->loop, INT64_MAX);
	loop_timer_cancel(&s->trial);
	store_forget(s->env->store, s);
	DL_FOREACH_SAFE(s->jobs, job, job_tmp)
	{
		issue_cancel(job->issue);
		account_cancel(job->account);
		authorize_cancel(job->authorize);
		job_free(job);
	}
	DL_FOREACH_SAFE(s->lanes, lane, lane_tmp)
	{
		lane_free(s, lane);
	}
	loop_timer_cancel(&s->pass);
	clamp_free(s->clamp);
	time_guard_free(s->guard);
	free(s);
}

void
scheduler_forget_provider(struct scheduler *s, const char *provider_id)
{
	struct job *job = job_find(s, SCHEDULE_ACCOUNT, provider_id);

	lane_forget(s, provider_id);
	/* What it is told now counts, not how an attempt with the old settings ends. */
	if (job) {
		account_cancel(job->account);
		job_free(job);
	}
	scheduler_kick(s);
}

const struct issue *
scheduler_issue_of(const struct scheduler *s, const char *autocert_id)
{
	const struct job *job = job_find(s, SCHEDULE_ISSUE, autocert_id);

	return job ? job->issue : NULL;
}

void
scheduler_cancel(struct scheduler *s, const char *autocert_id)
{
	struct job *job = job_find(s, SCHEDULE_ISSUE, autocert_id);

	if (!job)
		return;
	issue_cancel(job->issue);
	job_over(job);
}

void
scheduler_cancel_authorization(struct scheduler *s, const char *authorization_id)
{
	struct job *job = job_find(s, SCHEDULE_AUTHORIZE, authorization_id);

	if (!job)
		return;
	authorize_cancel(job->authorize);
	job_over(job);
}

void
scheduler_get_stats(const struct scheduler *s, struct scheduler_stats *ret)
{
	const struct job *job;

	*ret = (struct scheduler_stats){
		.next_at = s->next_at,
		.store_fails = s->store_fails,
		.is_waiting_for_date = time_guard_is_waiting(s->guard),
	};
	DL_FOREACH(s->jobs, job) {
		if (job->row.kind == SCHEDULE_ISSUE)
			ret->issues_running++;
		else
			ret->others_running++;
	}
}
