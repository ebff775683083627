/*
 * A run: the checks of the auto-certificate, then those of its names, a few names at once. Each check starts from the
 * loop, so that a certificate with a hundred names neither holds the loop up nor recurses.
 */
#include "daemon/ready/ready.h"

#include "common/name.h"
#include "common/timefmt.h"
#include "daemon/dnsprovider/dnsprovider.h"
#include "daemon/ready/ready_private.h"
#include "daemon/renew/failover.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* In the order in which they run and are shown. */
const struct ready_check *const ready_checks[] = {
	&ready_check_account,
	&ready_check_fallback,
	&ready_check_profile,
	&ready_check_staple,
	&ready_check_files,
	&ready_check_challenge,
	&ready_check_delegation,
	&ready_check_dnssec,
	&ready_check_caa,
	&ready_check_zone,
	&ready_check_address,
	&ready_check_answer,
};
const size_t ready_n_checks = ARRAY_SIZE(ready_checks);

enum {
	NAMES_AT_ONCE = 4, /* with READY_RUNS_AT_ONCE this bounds the load of the resolver */
	LANE_ROOM = 16,    /* scheduled runs at once: those that somebody asks for have the rest */
	DAY = 24 * 3600,
	TROUBLE_SEC = 3600,    /* the next check of what is in trouble */
	CONFIRM_SEC = 10 * 60, /* and of what is newly so */
	STORE_RETRY_SEC = 3600,
	GATHER_MS = 50, /* results share a commit, for which orders would have to wait */
};

#define READY_LANE "ready"

int64_t
ready_now(const struct ready *ready)
{
	return loop_now(ready->config.env->loop);
}

/* --- what checks use --- */

void
ready_add(struct ready_step *s, enum ready_grade grade, const char *fmt, ...)
{
	struct ready_state *state = &s->run->state;
	_cleanup_free_ char *text = NULL;
	va_list ap;

	if (grade > state->grade)
		state->grade = grade;
	if (state->findings.count >= READY_FINDINGS_MAX)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	ready_list_add(&state->findings, ready_checks[s->check]->word, grade, s->name, text);
}

void
ready_after(struct ready_step *s, int64_t ms, void (*fn)(void *step))
{
	loop_timer_cancel(&s->timer);
	loop_timer_init(&s->timer, s->run->ready->config.env->loop, fn, s);
	loop_timer_set(&s->timer, ms);
}

bool
ready_is_answer(const struct dns_answer *answer)
{
	return answer->rcode == 0 || answer->rcode == READY_NXDOMAIN;
}

int
ready_dnsprovider(struct ready_step *s, const char *name, struct dnsprovider *ret)
{
	return dnsprovider_choose(s->run->ready->store, s->run->a.dns_provider, name, ret, NULL) == 1 &&
	       dnsprovider_match(ret, name) > 0;
}

/* --- a run --- */

static void
ready_step_free(struct ready_step *s)
{
	DL_DELETE(s->run->steps, s);
	loop_timer_cancel(&s->timer);
	question_leave(s);
	if (s->cancel)
		s->cancel(s);
	free(s->zone);
	free(s);
}

static void
ready_begin_some(struct ready *ready);

void
ready_cancel(struct ready_run *run)
{
	struct ready *ready = run->ready;

	DL_DELETE(ready->runs, run);
	loop_timer_cancel(&run->timer);
	while (run->steps)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the analyzer does not follow DL_DELETE() */
		ready_step_free(run->steps);
	record_clear(&ready_class, &run->state);
	autocert_clear(&run->a);
	provider_clear(&run->p);
	strlist_clear(&run->names);
	strlist_clear(&run->identities);
	ready_fallbacks_clear(run);
	error_clear(&run->failure);
	ready->n_begun -= run->has_begun;
	free(run);
	ready_begin_some(ready);
	if (!ready->runs)
		loop_timer_set(&ready->tidy, 0);
}

static void
ready_start_step(struct ready_run *run, const char *name);

static void
ready_finish(struct ready_run *run);

/* Its checks are done: the next name, or the end. */
static void
ready_step_end(struct ready_step *s)
{
	struct ready_run *run = s->run;

	ready_step_free(s);
	for (size_t i = run->next_name == 0 ? 0 : NAMES_AT_ONCE - 1; i < NAMES_AT_ONCE; i++)
		if (run->next_name < run->names.count)
			ready_start_step(run, run->names.items[run->next_name++]);
	if (!run->steps)
		ready_finish(run);
}

static void
ready_run_check(void *arg)
{
	struct ready_step *s = arg;

	while (s->check < ready_n_checks && ready_checks[s->check]->is_of_name != !!s->name)
		s->check++;
	if (s->check == ready_n_checks)
		ready_step_end(s);
	else
		ready_checks[s->check]->start(s);
}

void
ready_next(struct ready_step *s)
{
	s->check++;
	s->tries = 0;
	s->cancel = NULL;
	s->data = NULL;
	ready_after(s, 0, ready_run_check);
}

static void
ready_start_step(struct ready_run *run, const char *name)
{
	struct ready_step *s = xcalloc(1, sizeof(*s));

	s->run = run;
	s->name = name;
	s->base = name ? name_base(name) : NULL;
	DL_APPEND(run->steps, s);
	loop_timer_init(&s->timer, run->ready->config.env->loop, ready_run_check, s);
	loop_timer_set(&s->timer, 0);
}

/* What still waits is named, and has no result. */
static void
ready_out_of_time(void *arg)
{
	struct ready_run *run = arg;
	struct ready_step *s;

	DL_FOREACH(run->steps, s)
		if (s->check < ready_n_checks)
			ready_add(s, READY_NOTE, "no result within %d s", READY_CHECK_SEC);
	ready_finish(run);
}

static void
ready_read(struct ready_run *run, const char *id)
{
	struct store *store = run->ready->store;

	if (object_load(store, &autocert_class, id, &run->a, &run->failure) != 1)
		return;
	if (object_load(store, &provider_class, run->a.provider, &run->p, &run->failure) != 1)
		return;
	name_list(run->a.common_name, &run->a.sans, UINT32_MAX, true, &run->names, NULL);
}

static void
ready_begin(void *arg)
{
	struct ready_run *run = arg;

	if (!run->names.count) {
		ready_finish(run);
		return;
	}
	loop_timer_init(&run->timer, run->ready->config.env->loop, ready_out_of_time, run);
	loop_timer_set(&run->timer, READY_CHECK_SEC * INT64_C(1000));
	ready_start_step(run, NULL);
}

/* The others wait for their turn, without a time limit. */
static void
ready_begin_some(struct ready *ready)
{
	struct ready_run *run;

	DL_FOREACH(ready->runs, run) {
		if (ready->n_begun >= READY_RUNS_AT_ONCE)
			return;
		if (run->has_begun)
			continue;
		run->has_begun = true;
		ready->n_begun++;
		loop_timer_set(&run->timer, 0);
	}
}

static void
ready_tidy(void *arg)
{
	struct ready *ready = arg;

	questions_drop(ready, !ready->runs);
}

struct ready_run *
ready_start(struct ready *ready, const char *autocert_id, ready_done_fn *done, void *arg)
{
	struct ready_run *run = xcalloc(1, sizeof(*run));

	run->ready = ready;
	run->done = done;
	run->arg = arg;
	questions_drop(ready, !ready->runs);
	DL_APPEND(ready->runs, run);
	ready_read(run, autocert_id);
	loop_timer_init(&run->timer, ready->config.env->loop, ready_begin, run);
	ready_begin_some(ready);
	return run;
}

/* --- the result --- */

static void
ready_report(const struct ready_run *run, struct store_txn *txn, bool is_trouble)
{
	struct event_object object = { autocert_class.name, run->a.o.id, run->a.o.name };
	_cleanup_strlist_ struct strlist lines = STRLIST_INIT;
	_cleanup_free_ char *text = NULL;
	struct json_object *data = json_object_new_object();

	ready_lines(&run->state, READY_WARNING, &lines);
	text = strlist_join(&lines, "; ");
	json_add_string(data, "grade", ready_grade_name(run->state.grade));
	json_add_strlist(data, "findings", &lines);
	if (is_trouble)
		event_emit(run->ready->config.env->events, txn, EVENT_RENEWAL_UNREADY, &object, data,
			"the next renewal %s: %s", run->state.grade == READY_BLOCKED ? "will fail" : "may fail", text);
	else
		event_emit(run->ready->config.env->events, txn, EVENT_RENEWAL_READY, &object, data,
			"nothing that prevents the next renewal is found any more");
}

/* What is in trouble, to see whether it is the same as before. Owned by the caller; NULL: nothing is. */
static char *
ready_trouble_text(const struct ready_state *s)
{
	struct buf text = BUF_INIT;

	if (!ready_is_trouble(s))
		return NULL;
	for (size_t i = 0; i < s->findings.count; i++) {
		const struct ready_finding *f = (const struct ready_finding *)s->findings.items + i;

		if (f->grade >= READY_WARNING)
			buf_printf(&text, "%s %s %s\n", f->check, ready_grade_name(f->grade), f->name ? f->name : "");
	}
	return buf_steal(&text);
}

static int64_t
ready_next_sec(const struct ready_state *s)
{
	if (s->grade < READY_WARNING)
		return DAY;
	return s->troubles > 1 ? TROUBLE_SEC : CONFIRM_SEC;
}

static void
ready_store(struct ready_run *run, struct store_txn *txn)
{
	struct ready *ready = run->ready;
	const char *id = run->a.o.id;
	_cleanup_ready_state_ struct ready_state before = { 0 };
	_cleanup_free_ char *was = NULL, *is = NULL;

	record_load(ready->store, &ready_class, id, &before, NULL);
	run->state.checked_at = ready_now(ready);
	run->state.troubles = run->state.grade >= READY_WARNING ? time_add(before.troubles, 1) : 0;
	was = ready_trouble_text(&before);
	is = ready_trouble_text(&run->state);
	if (is && (!was || strcmp(was, is) != 0))
		ready_report(run, txn, true);
	else if (was && !is)
		ready_report(run, txn, false);
	record_save(ready->store, txn, &ready_class, id, &run->state);
	store_changed(ready->store, txn, STORE_READY, id, id);
	schedule_set(ready->store, txn, SCHEDULE_READY, id, READY_LANE,
		time_add(ready_now(ready), ready_next_sec(&run->state)));
	failover_look_at(ready->config.env, txn, id); /* it may have become urgent while it waits for its CA */
}

static void
ready_finish(struct ready_run *run)
{
	struct store_txn *txn = store_begin(run->ready->store);
	_cleanup_autocert_ struct autocert a = { 0 };
	bool is_there = run->names.count && object_peek(run->ready->store, &autocert_class, run->a.o.id, &a, NULL) == 1;

	store_relax(txn, GATHER_MS);
	if (is_there)
		ready_store(run, txn);
	run->done(is_there ? &run->state : NULL, txn, error_is_set(&run->failure) ? &run->failure : NULL, run->arg);
	ready_cancel(run);
}

/* --- the job --- */

struct ready_work {
	struct ready *ready;
	struct ready_run *run; /* NULL: its result is being stored */
	char id[STORE_ID_SIZE];
	schedule_done_fn *done;
	void *arg;
};

static void
ready_work_cancel(void *arg)
{
	struct ready_work *work = arg;

	store_forget(work->ready->store, work);
	if (work->run)
		ready_cancel(work->run);
	free(work);
}

static void
ready_stored(const struct error *err, void *arg)
{
	struct ready_work *work = arg;
	schedule_done_fn *done = work->done;
	void *done_arg = work->arg;

	ready_work_cancel(work);
	done(!err, done_arg);
}

static void
ready_ended(const struct ready_state *state, struct store_txn *txn, const struct error *err, void *arg)
{
	struct ready_work *work = arg;

	work->run = NULL;
	if (!state && err)
		schedule_set(work->ready->store, txn, SCHEDULE_READY, work->id, READY_LANE,
			time_add(ready_now(work->ready), STORE_RETRY_SEC));
	else if (!state)
		ready_forget(work->ready->store, txn, work->id);
	store_then(txn, ready_stored, work);
}

static void *
ready_work_start(void *env, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	struct ready_work *work = xcalloc(1, sizeof(*work));

	*work = (struct ready_work){ .ready = env, .done = done, .arg = arg };
	memcpy(work->id, row->object, sizeof(work->id));
	work->run = ready_start(env, work->id, ready_ended, work);
	return work;
}

static int64_t
ready_lane_room(void *env _unused_, const char *lane _unused_, struct error *err _unused_)
{
	return LANE_ROOM;
}

const struct job_kind ready_job = {
	.kind = SCHEDULE_READY,
	.word = "readiness",
	.classes = { &autocert_class },
	.start = ready_work_start,
	.cancel = ready_work_cancel,
	.lane_room = ready_lane_room,
	.longest_sec = DAY,
};

void
ready_schedule(struct store *store, struct store_txn *txn, const char *autocert_id, int64_t now)
{
	schedule_set(store, txn, SCHEDULE_READY, autocert_id, READY_LANE,
		time_add(now, (int64_t)(schedule_seed(autocert_id) % DAY)));
}

void
ready_forget(struct store *store, struct store_txn *txn, const char *autocert_id)
{
	schedule_del(store, txn, SCHEDULE_READY, autocert_id);
	store_del(txn, STORE_READY, autocert_id, strlen(autocert_id));
}

/* --- all --- */

struct ready *
ready_new(const struct ready_config *config)
{
	struct ready *ready = xcalloc(1, sizeof(*ready));

	ready->config = *config;
	ready->store = config->env->store;
	ready->dns = solver_dns_env(config->env->solver);
	loop_timer_init(&ready->tidy, config->env->loop, ready_tidy, ready);
	return ready;
}

void
ready_free(struct ready *ready)
{
	if (!ready)
		return;
	while (ready->runs)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the analyzer does not follow DL_DELETE() */
		ready_cancel(ready->runs);
	loop_timer_cancel(&ready->tidy);
	questions_drop(ready, true);
	free(ready);
}
