/*
 * A pass: walks over the certificates and auto-certificates in slices, to know which certificates are certd's own and
 * which domains are managed; settles what earlier passes have found; then asks for each domain that is due, page by
 * page. What is found is only stored. It is reported by a later pass, which knows the certificates that certd has
 * stored meanwhile: a log may show a certificate before certd has it.
 *
 * The answers are read by a worker. Requests are seconds apart, because the services are free and limited.
 */
#include "common/hash.h"
#include "common/random.h"
#include "common/retry.h"
#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/http.h"
#include "daemon/base/loop.h"
#include "daemon/base/workers.h"
#include "daemon/renew/ct_private.h"
#include "daemon/schedule/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DAY = 24 * 3600,
	FIRST_SEC = 3600,
	AGAIN_SEC = 3600, /* the store could not be read, an order is in progress, or pages are left */
	SLICE_FOUND = 50, /* findings that are settled in one turn */
	PACE_MS = 10 * 1000,
	MAX_OCTETS = 16 * 1024 * 1024,
	TIMEOUT_MS = 60 * 1000,
	PAGES_MAX = 50,   /* of a domain, in one pass */
	NEW_MAX = 50,     /* findings of one domain in a pass */
	STORED_MAX = 1000 /* findings at all */
};

struct ct_pass {
	const struct issue_env *env;
	schedule_done_fn *done;
	void *arg;
	struct loop_timer timer;
	char *source; /* as it was set when the pass began, like .known */
	struct strlist known;
	struct ct_own own;
	struct ct_group *group;  /* the present one */
	struct buf settled;      /* the last key that was settled */
	struct ct_domain record; /* of the present group */
	struct error fault;      /* of one of its pages */
	unsigned pages, n_new;
	size_t n_stored; /* findings at all */
	bool has_more, was_refused, has_asked;
	char page_id[CT_PAGE_ID_MAX + 1];
	void *request;
	struct ct_check *check; /* at a worker */
	int64_t next_at;        /* of the next pass */
};

static bool
ct_is_on(const struct issue_env *env)
{
	return env->ct_source && *env->ct_source && env->check_ct_every > 0;
}

static void
ct_note_next(struct ct_pass *p, int64_t at)
{
	if (at < p->next_at)
		p->next_at = at;
}

/* Milliseconds between two requests. */
static int64_t
ct_pace(const struct ct_pass *p)
{
	return p->env->check_ct_every * 1000 < PACE_MS ? p->env->check_ct_every * 1000 : PACE_MS;
}

static void
ct_then(struct ct_pass *p, loop_fn *fn, int64_t after_ms)
{
	loop_timer_init(&p->timer, p->env->loop, fn, p);
	loop_timer_set(&p->timer, after_ms);
}

void
ct_start(const struct issue_env *env)
{
	struct store_txn *txn = store_begin(env->store);
	int64_t now = loop_now(env->loop);
	int64_t within = env->check_ct_every < FIRST_SEC ? env->check_ct_every : FIRST_SEC;
	struct schedule_row row;
	uint64_t random = 0;

	if (!ct_is_on(env)) {
		schedule_del(env->store, txn, SCHEDULE_CT, CT_ROW);
		return;
	}
	if (schedule_get(env->store, SCHEDULE_CT, CT_ROW, &row, NULL) == 1 &&
		row.due_at <= time_add(now, env->check_ct_every))
		return;
	if (!clock_is_virtual(loop_clock(env->loop))) /* simulations repeat */
		random_octets(&random, sizeof(random));
	schedule_set(env->store, txn, SCHEDULE_CT, CT_ROW, CT_ROW, time_add(now, (int64_t)(random % (uint64_t)within)));
}

/* --- the end --- */

static void
ct_forget_domain(struct ct_pass *p)
{
	record_clear(&ct_domain_class, &p->record);
	error_clear(&p->fault);
	p->pages = p->n_new = 0;
	p->has_more = false;
	p->page_id[0] = '\0';
}

static void
ct_cancel(void *work)
{
	struct ct_pass *p = work;

	store_forget(p->env->store, p);
	loop_timer_cancel(&p->timer);
	http_cancel(clients_config(p->env->clients)->http, p->request);
	if (p->check) /* the worker has it */
		p->check->pass = NULL;
	ct_own_clear(&p->own);
	ct_forget_domain(p);
	buf_clear(&p->settled);
	strlist_clear(&p->known);
	free(p->source);
	free(p);
}

static void
ct_saved(const struct error *err, void *arg)
{
	struct ct_pass *p = arg;

	job_over(p->env->events, err, p, ct_cancel, p->done, p->arg);
}

static void
ct_end(struct ct_pass *p, struct store_txn *txn, int64_t at)
{
	if (ct_is_on(p->env))
		schedule_set(p->env->store, txn, SCHEDULE_CT, CT_ROW, CT_ROW, at);
	else
		schedule_del(p->env->store, txn, SCHEDULE_CT, CT_ROW);
	store_then(txn, ct_saved, p);
}

static void
ct_end_unread(struct ct_pass *p, const struct error *err)
{
	struct store_txn *txn = store_begin(p->env->store);

	event_emit_error(p->env->events, txn, EVENT_STORE_FAILED, NULL, err, "%s", err->message);
	ct_end(p, txn, time_add(loop_now(p->env->loop), AGAIN_SEC));
}

/* --- what a domain's answers were --- */

static void
ct_ask(void *arg);

static void
ct_next_group(void *arg);

static void
ct_domain_saved(const struct error *err, void *arg)
{
	struct ct_pass *p = arg;

	if (err) {
		ct_saved(err, p);
		return;
	}
	ct_forget_domain(p);
	p->group = p->group->hh.next;
	ct_then(p, ct_next_group, 0);
}

static void
ct_domain_key(const struct ct_group *g, struct buf *ret)
{
	buf_printf(ret, ".%s", g->domain);
}

static void
ct_domain_end(struct ct_pass *p, struct store_txn *txn)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	ct_domain_key(p->group, &key);
	record_save(p->env->store, txn, &ct_domain_class, key.data, &p->record);
	ct_note_next(p, p->record.next_at);
	store_then(txn, ct_domain_saved, p);
}

/* The first failure is reported, and each other one. */
static void
ct_domain_failed(struct ct_pass *p, const struct error *err, int64_t not_before_at)
{
	struct store_txn *txn = store_begin(p->env->store);
	struct json_object *data;

	p->record.attempts = time_add(p->record.attempts, 1);
	p->record.next_at = retry_at(RETRY_REMOTE, loop_now(p->env->loop), p->record.attempts, p->group->domain);
	if (p->record.next_at < not_before_at)
		p->record.next_at = not_before_at;
	if (!p->record.error.message || strcmp(p->record.error.message, err->message) != 0) {
		data = event_error_data(err);
		json_add_string(data, "domain", p->group->domain);
		event_emit(p->env->events, txn, EVENT_TRANSPARENCY_UNKNOWN, NULL, data,
			"certd does not know which certificates others have for %s: %s", p->group->domain,
			err->message);
	}
	error_copy(&p->record.error, err);
	ct_domain_end(p, txn);
}

/* @is_over: the rest is for tomorrow. */
static void
ct_domain_good(struct ct_pass *p, bool is_over)
{
	p->record.checked_at = loop_now(p->env->loop);
	p->record.next_at = time_add(p->record.checked_at, is_over ? p->env->check_ct_every : AGAIN_SEC);
	p->record.attempts = 0;
	error_clear(&p->record.error);
	ct_domain_end(p, store_begin(p->env->store));
}

/* --- what was found --- */

/* Stores those that are new. */
static void
ct_take_hit(struct ct_pass *p, struct store_txn *txn, struct ct_hit *hit)
{
	struct ct_key key = ct_key_of(hit->entry.serial, hit->entry.not_after_at);
	_cleanup_ct_finding_ struct ct_finding f = { .issuer = NULL };
	char id[CT_ID_SIZE];

	ct_key_id(&key, id);
	if (ct_own_has(&p->own, &key) || record_load(p->env->store, &ct_finding_class, id, &f, NULL) == 1)
		return;
	if (p->n_new == NEW_MAX || p->n_stored >= STORED_MAX) {
		p->has_more = true;
		return;
	}
	p->n_new++;
	p->n_stored++;
	ct_finding_new(&f, &hit->entry, &hit->managed, p->group->domain, loop_now(p->env->loop));
	ct_finding_save(p->env, txn, id, &f);
	ct_note_next(p, f.report_at);
}

static void
ct_page_taken(const struct error *err, void *arg)
{
	struct ct_pass *p = arg;

	if (err)
		ct_saved(err, p);
	else
		ct_then(p, ct_ask, ct_pace(p));
}

static void
ct_checked(void *arg)
{
	struct ct_check *c = arg;
	struct ct_pass *p = c->pass;
	struct store_txn *txn;
	bool is_last;

	if (!p) {
		ct_check_free(c);
		return;
	}
	p->check = NULL;
	p->group->names = c->names;
	c->names = (struct strlist)STRLIST_INIT;
	txn = store_begin(p->env->store);
	for (size_t i = 0; i < c->n_hits; i++)
		ct_take_hit(p, txn, &c->hits[i]);
	p->has_more = p->has_more || c->has_more;
	if (error_is_set(&c->error) && !error_is_set(&p->fault))
		error_copy(&p->fault, &c->error);
	is_last = c->page.last[0] == '\0' || strcmp(c->page.last, p->page_id) == 0;
	if (!is_last)
		memcpy(p->page_id, c->page.last, sizeof(p->page_id));
	ct_check_free(c);
	if (!p->has_more && !error_is_set(&p->fault))
		str_replace(&p->record.after, p->page_id[0] ? p->page_id : NULL);
	if (!is_last && ++p->pages < PAGES_MAX && !p->has_more)
		store_then(txn, ct_page_taken, p);
	else if (error_is_set(&p->fault))
		ct_domain_failed(p, &p->fault, 0);
	else
		ct_domain_good(p, is_last || p->has_more);
}

/* --- asking --- */

static void
ct_refused(struct ct_pass *p, const struct http_response *res)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	bool is_busy = res->status == 429 || res->status == 503;

	if (res->location)
		error_set(&err, ERROR_PROTOCOL, "the source redirects to %.200s: set ct-source to where it is now",
			res->location);
	else
		error_set(&err, ERROR_PROTOCOL, "the source answers with status %d%s", res->status,
			is_busy ? ": it limits requests" : "");
	p->was_refused = is_busy; /* the next domain would be, too */
	ct_domain_failed(p, &err, retry_after(res->retry_after_sec, loop_now(p->env->loop)));
}

static void
ct_answered(struct http_response *res, const struct error *err, void *arg)
{
	struct ct_pass *p = arg;
	struct ct_check *c;

	p->request = NULL;
	if (!res) {
		ct_domain_failed(p, err, 0);
		return;
	}
	if (res->status != 200) {
		ct_refused(p, res);
		return;
	}
	p->check = c = xcalloc(1, sizeof(*c));
	c->pass = p;
	c->now = loop_now(p->env->loop);
	c->body = res->body;
	res->body = (struct buf)BUF_INIT;
	c->names = p->group->names;
	p->group->names = (struct strlist)STRLIST_INIT;
	strlist_copy(&c->known, &p->known);
	workers_run(p->env->workers, ct_check_run, ct_checked, c);
}

static void
ct_ask(void *arg)
{
	struct ct_pass *p = arg;
	_cleanup_buf_ struct buf url = BUF_INIT;
	struct http_request request = { .method = "GET",
		.accept = "application/json",
		.max_body = MAX_OCTETS,
		.timeout_ms = TIMEOUT_MS,
		.may_use_http = true }; /* on loopback: ct_check_conf() */

	ct_url(p->source, p->group->domain, &url);
	if (p->page_id[0])
		buf_printf(&url, "%cafter=%s", strchr(p->source, '?') ? '&' : '?', p->page_id);
	request.url = buf_str(&url);
	p->has_asked = true;
	p->request = http_send(clients_config(p->env->clients)->http, &request, ct_answered, p);
}

/* What the pages up to .after were looked through for. */
static char *
ct_asked_for(const struct ct_pass *p, const struct ct_group *g)
{
	uint64_t names = 0, how = hash_fnv1a(HASH_FNV1A_BASIS, p->source);

	for (size_t i = 0; i < g->names.count; i++) /* in any order */
		names += hash_fnv1a(HASH_FNV1A_BASIS, g->names.items[i]);
	for (size_t i = 0; i < p->known.count; i++)
		how = hash_fnv1a(how, p->known.items[i]);
	return xasprintf("%016llx%016llx", (unsigned long long)names, (unsigned long long)how);
}

static void
ct_begin_domain(void *arg)
{
	struct ct_pass *p = arg;
	_cleanup_free_ char *asked = ct_asked_for(p, p->group);

	if (!p->record.asked || strcmp(p->record.asked, asked) != 0) {
		str_replace(&p->record.asked, asked);
		str_replace(&p->record.after, NULL);
	}
	if (p->record.after)
		snprintf(p->page_id, sizeof(p->page_id), "%s", p->record.after);
	ct_ask(p);
}

static void
ct_end_pass(struct ct_pass *p)
{
	int64_t now = loop_now(p->env->loop), latest = time_add(now, p->env->check_ct_every);
	int64_t at = p->next_at < latest ? p->next_at : latest;

	ct_end(p, store_begin(p->env->store), at > now ? at : now);
}

/* Is the domain due? Also if a clock was wrong when its record was saved. */
static bool
ct_is_due(const struct ct_pass *p, int64_t now)
{
	return p->record.next_at <= now || p->record.next_at > time_add(now, p->env->check_ct_every + RETRY_WINDOW_SEC);
}

static void
ct_next_group(void *arg)
{
	struct ct_pass *p = arg;

	for (; p->group && !p->was_refused; p->group = p->group->hh.next) {
		_cleanup_buf_ struct buf key = BUF_INIT;

		ct_domain_key(p->group, &key);
		record_load(
			p->env->store, &ct_domain_class, key.data, &p->record, NULL); /* a damaged one is replaced */
		if (ct_is_due(p, loop_now(p->env->loop))) {
			ct_then(p, ct_begin_domain, p->has_asked ? ct_pace(p) : 0);
			return;
		}
		ct_note_next(p, p->record.next_at);
		ct_forget_domain(p);
	}
	ct_end_pass(p);
}

/* --- settling what was found before --- */

static void
ct_settle_finding(struct ct_pass *p, struct store_txn *txn, const char *id)
{
	_cleanup_ct_finding_ struct ct_finding f = { .issuer = NULL };
	int64_t now = loop_now(p->env->loop);
	struct ct_group *g;
	struct ct_key key;

	if (record_load(p->env->store, &ct_finding_class, id, &f, NULL) != 1 || f.not_after_at <= now) {
		ct_finding_delete(p->env, txn, id);
		return;
	}
	if (f.is_own)
		return;
	key = ct_key_of(f.serial, f.not_after_at);
	g = ct_own_group(&p->own, f.domain);
	if (!g || ct_own_has(&p->own, &key) || ct_is_known_issuer(&p->known, f.issuer)) {
		ct_finding_delete(p->env, txn, id);
		return;
	}
	p->n_stored++;
	if (f.reported_at)
		return;
	if (f.report_at <= now && g->is_busy && now < time_add(f.not_before_at, DAY)) {
		f.report_at = time_add(now, AGAIN_SEC);
		ct_finding_save(p->env, txn, id, &f);
	}
	if (f.report_at <= now)
		ct_finding_report(p->env, txn, id, &f, now);
	else
		ct_note_next(p, f.report_at);
}

static void
ct_settle(void *arg);

static void
ct_settled(const struct error *err, void *arg)
{
	struct ct_pass *p = arg;

	if (err)
		ct_saved(err, p);
	else
		ct_then(p, ct_settle, 0);
}

static void
ct_settle(void *arg)
{
	struct ct_pass *p = arg;
	struct store_txn *txn = store_begin(p->env->store);
	_cleanup_error_ struct error err = ERROR_INIT;
	int found = 1;

	for (int i = 0; i < SLICE_FOUND && found == 1; i++) {
		const char *key;

		found = store_next(p->env->store, STORE_CT, p->settled.data, p->settled.len, p->settled.len > 0,
			&p->settled, NULL, &err);
		key = buf_str(&p->settled);
		if (found == 1 && *key != '.')
			ct_settle_finding(p, txn, key);
		else if (found == 1 && !ct_own_group(&p->own, key + 1))
			store_del(txn, STORE_CT, key, p->settled.len);
	}
	if (found < 0) {
		ct_end_unread(p, &err);
	} else if (found == 1) {
		store_then(txn, ct_settled, p);
	} else {
		p->group = p->own.groups;
		ct_then(p, ct_next_group, 0);
	}
}

static void
ct_collect(void *arg)
{
	struct ct_pass *p = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	int more = ct_own_collect(&p->own, &err);

	if (more < 0)
		ct_end_unread(p, &err);
	else
		ct_then(p, more ? ct_collect : ct_settle, 0);
}

static void *
ct_begin(void *env, const struct schedule_row *row _unused_, schedule_done_fn *done, void *arg)
{
	struct ct_pass *p = xcalloc(1, sizeof(*p));

	p->env = env;
	p->done = done;
	p->arg = arg;
	p->next_at = INT64_MAX;
	ct_own_init(&p->own, env);
	loop_timer_init(&p->timer, p->env->loop, ct_collect, p);
	if (ct_is_on(p->env)) {
		p->source = xstrdup(p->env->ct_source);
		strlist_copy(&p->known, p->env->ct_known_issuers);
		loop_timer_set(&p->timer, 0);
	} else {
		ct_end(p, store_begin(p->env->store), 0);
	}
	return p;
}

static int64_t
ct_after_clock_change(void *arg_env, const struct schedule_row *row, int64_t now)
{
	const struct issue_env *env = arg_env;

	return job_due_within(row, now, env->check_ct_every > 0 ? env->check_ct_every : DAY);
}

const struct job_kind ct_job = {
	.kind = SCHEDULE_CT,
	.word = "transparency",
	.subject = "all domains",
	.needs_date = true,
	.start = ct_begin,
	.cancel = ct_cancel,
	.after_clock_change = ct_after_clock_change,
};
