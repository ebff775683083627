/*
 * A pass: walks over the certificates in slices, and groups them by the list that they name; then, for each list that
 * is due, fetches it, has a worker look for the certificates in it, and saves what was found. The record of a list is
 * saved last, so that an interrupted pass begins with that list again; what was found before is known by then.
 *
 * A server may say that its list has not changed. It is not asked that way when there are certificates that were not
 * looked for in the list before.
 */
#include "daemon/renew/crl_private.h"

#include "common/random.h"
#include "common/retry.h"
#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/base/workers.h"
#include "daemon/schedule/schedule.h"
#include "daemon/store/object_query.h"

#define HASH_FUNCTION HASH_FNV /* the default has switch labels that fall through, which clang refuses */
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum {
	FIRST_SEC = 3600,
	SLICE_CERTIFICATES = 50,
	SLICE_FOUND = 20,
	SHORTEST_SEC = 60,
	LOOK_AGAIN_SEC = 3600, /* after the store could not be read */
	TOGETHER_SHARE = 24,   /* lists that are due within this part of the interval are asked in one pass */
	HEADER_MAX = 256       /* longer ETags are not kept */
};

static const char row_id[] = "crl";

static const struct record_field crl_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct crl_record, url, NULL),
	RECORD_FIELD(RECORD_STRING, 2, struct crl_record, etag, NULL),
	RECORD_FIELD(RECORD_STRING, 3, struct crl_record, last_modified, NULL),
	RECORD_FIELD(RECORD_INT, 4, struct crl_record, this_update_at, NULL),
	RECORD_FIELD(RECORD_INT, 5, struct crl_record, next_update_at, NULL),
	RECORD_FIELD(RECORD_INT, 6, struct crl_record, judged_at, NULL),
	RECORD_FIELD(RECORD_INT, 7, struct crl_record, checked_at, NULL),
	RECORD_FIELD(RECORD_INT, 8, struct crl_record, next_at, NULL),
	RECORD_FIELD(RECORD_INT, 9, struct crl_record, attempts, NULL),
	RECORD_FIELD(RECORD_ERROR, 10, struct crl_record, error, NULL),
};

const struct record_class crl_class = RECORD_CLASS("crl", STORE_CRL, struct crl_record, crl_fields, unknown);

/* One list, and the certificates that name it. */
struct crl_group {
	char id[CRL_ID_SIZE];
	char *url;
	struct buf cert;   /* DER of one of them */
	struct buf issuer; /* of its issuer; may be empty */
	struct crl_watched *watched;
	size_t n_watched, max_watched;
	int64_t newest_at; /* when the last of them was stored */
	UT_hash_handle hh;
};

struct crl_pass;

/* The data of a worker; outlives the pass, which may be cancelled meanwhile. */
struct crl_check {
	struct crl_pass *pass; /* NULL: cancelled */
	char *url;
	struct buf list, cert, issuer;
	struct crl_watched *watched; /* sorted */
	size_t n_watched;
	int64_t now;
	struct crl_found *found;
	size_t n_found;
	struct crl_facts facts;
	struct error error;
};

struct crl_pass {
	const struct issue_env *env;
	schedule_done_fn *done;
	void *arg;
	struct loop_timer timer; /* the next slice */
	struct object_query query;
	struct crl_group *groups; /* hash table */
	struct crl_group *group;  /* the present one */
	struct crl_record record; /* its */
	char *etag, *last_modified;
	struct crl_fetch *fetch;
	struct crl_check *check; /* at a worker; then: what it found */
	size_t n_taken;
	bool has_lost;   /* something that was found could not be taken */
	int64_t next_at; /* of the lists that were visited */
};

static int64_t
crl_now(const struct issue_env *env)
{
	return clock_wall(loop_clock(env->loop));
}

/* --- the row --- */

/* The next pass is within an hour, at random. */
static void
crl_plan(const struct issue_env *env, struct store_txn *txn)
{
	int64_t within = env->check_revocation_every < FIRST_SEC ? env->check_revocation_every : FIRST_SEC;
	uint64_t random = 0;

	if (!clock_is_virtual(loop_clock(env->loop))) /* simulations repeat */
		random_octets(&random, sizeof(random));
	schedule_set(env->store, txn, SCHEDULE_CRL, row_id, row_id,
		time_add(crl_now(env), (int64_t)(random % (uint64_t)within)));
}

void
crl_start(const struct issue_env *env)
{
	struct store_txn *txn = store_begin(env->store);
	struct schedule_row row;

	if (env->check_revocation_every <= 0) {
		schedule_del(env->store, txn, SCHEDULE_CRL, row_id);
		return;
	}
	if (store_count(env->store, STORE_CERTIFICATE) == 0 ||
		(schedule_get(env->store, SCHEDULE_CRL, row_id, &row, NULL) == 1 &&
			row.due_at <= time_add(crl_now(env), env->check_revocation_every)))
		return;
	crl_plan(env, txn);
}

void
crl_note_certificate(const struct issue_env *env, struct store_txn *txn, const struct certificate *cert)
{
	_cleanup_(crl_points_clear) struct crl_points points = { .count = 0 };
	struct schedule_row row;

	if (env->check_revocation_every <= 0 ||
		(schedule_get(env->store, SCHEDULE_CRL, row_id, &row, NULL) == 1 && row.due_at > crl_now(env)))
		return;
	if (crl_points_of(&cert->leaf_pem, &cert->chain_pem, env->seen, &points, NULL) == 0 && points.count > 0)
		crl_plan(env, txn);
}

/* --- the end --- */

static void
crl_check_free(struct crl_check *c)
{
	if (!c)
		return;
	free(c->url);
	buf_clear(&c->list);
	buf_clear(&c->cert);
	buf_clear(&c->issuer);
	free(c->watched);
	free(c->found);
	error_clear(&c->error);
	free(c);
}

static void
crl_group_free(struct crl_pass *p, struct crl_group *g)
{
	HASH_DEL(p->groups, g);
	free(g->url);
	buf_clear(&g->cert);
	buf_clear(&g->issuer);
	free(g->watched);
	free(g);
}

/* A list is over: what is kept of it is small. */
static void
crl_forget_list(struct crl_pass *p)
{
	crl_check_free(p->check);
	p->check = NULL;
	p->n_taken = 0;
	p->has_lost = false;
	record_clear(&crl_class, &p->record);
	str_replace(&p->etag, NULL);
	str_replace(&p->last_modified, NULL);
}

static void
crl_cancel(void *work)
{
	struct crl_pass *p = work;

	store_forget(p->env->store, p);
	loop_timer_cancel(&p->timer);
	crl_fetch_cancel(p->fetch);
	if (p->check && p->check->pass) { /* the worker still has it */
		p->check->pass = NULL;
		p->check = NULL;
	}
	crl_forget_list(p);
	while (p->groups)
		crl_group_free(p, p->groups);
	object_query_clear(&p->query);
	free(p);
}

static void
crl_saved(const struct error *err, void *arg)
{
	struct crl_pass *p = arg;
	schedule_done_fn *done = p->done;
	void *done_arg = p->arg;

	if (err)
		event_emit_error(p->env->events, NULL, EVENT_STORE_FAILED, NULL, err, "%s", err->message);
	crl_cancel(p);
	done(!err, done_arg);
}

/* The pass is over; the next one at @at. */
static void
crl_end(struct crl_pass *p, struct store_txn *txn, int64_t at)
{
	if (p->env->check_revocation_every > 0)
		schedule_set(p->env->store, txn, SCHEDULE_CRL, row_id, row_id, at);
	else
		schedule_del(p->env->store, txn, SCHEDULE_CRL, row_id);
	store_then(txn, crl_saved, p);
}

static void
crl_end_unread(struct crl_pass *p, const struct error *err)
{
	struct store_txn *txn = store_begin(p->env->store);

	event_emit_error(p->env->events, txn, EVENT_STORE_FAILED, NULL, err, "%s", err->message);
	crl_end(p, txn, time_add(crl_now(p->env), LOOK_AGAIN_SEC));
}

/* --- which lists there are --- */

static struct crl_group *
crl_group_of(struct crl_pass *p, struct crl_point *point)
{
	struct crl_group *g;

	HASH_FIND_STR(p->groups, point->id, g);
	if (!g) {
		g = xcalloc(1, sizeof(*g));
		memcpy(g->id, point->id, sizeof(g->id));
		g->url = xstrdup(point->url);
		buf_add(&g->cert, point->cert.data, point->cert.len);
		HASH_ADD_STR(p->groups, id, g);
	}
	if (!g->issuer.len && point->issuer.len) { /* of this very certificate */
		buf_reset(&g->cert);
		buf_add(&g->cert, point->cert.data, point->cert.len);
		buf_add(&g->issuer, point->issuer.data, point->issuer.len);
	}
	return g;
}

static void
crl_watch(struct crl_pass *p, const struct certificate *cert, struct crl_point *point)
{
	struct crl_group *g = crl_group_of(p, point);
	struct crl_watched *w;

	if (g->n_watched == g->max_watched) {
		g->max_watched = g->max_watched ? 2 * g->max_watched : 1;
		g->watched = xreallocarray(g->watched, g->max_watched, sizeof(*g->watched));
	}
	w = &g->watched[g->n_watched++];
	*w = (struct crl_watched){ .serial_len = (unsigned char)point->serial_len, .is_leaf = point->is_leaf };
	memcpy(w->serial, point->serial, point->serial_len);
	memcpy(w->id, cert->o.id, sizeof(w->id));
	if (cert->o.created_at > g->newest_at)
		g->newest_at = cert->o.created_at;
}

/* One that cannot be read is reported where it is used. */
static bool
crl_visit(const char *id, void *arg)
{
	struct crl_pass *p = arg;
	_cleanup_(crl_points_clear) struct crl_points points = { .count = 0 };
	_cleanup_certificate_ struct certificate cert = { 0 };

	if (object_peek(p->env->store, &certificate_class, id, &cert, NULL) != 1 || cert.is_revoked ||
		cert.not_after_at <= crl_now(p->env) ||
		crl_points_of(&cert.leaf_pem, &cert.chain_pem, p->env->seen, &points, NULL) < 0)
		return true;
	for (size_t i = 0; i < points.count; i++)
		crl_watch(p, &cert, &points.items[i]);
	return true;
}

/* --- one list --- */

static void
crl_next(void *arg);

static void
crl_list_saved(const struct error *err, void *arg)
{
	struct crl_pass *p = arg;

	if (err) {
		crl_saved(err, p);
		return;
	}
	crl_forget_list(p);
	p->group = p->group->hh.next;
	loop_timer_init(&p->timer, p->env->loop, crl_next, p);
	loop_timer_set(&p->timer, 0);
}

static void
crl_note_next(struct crl_pass *p)
{
	if (p->record.next_at < p->next_at)
		p->next_at = p->record.next_at;
}

static void
crl_list_end(struct crl_pass *p, struct store_txn *txn)
{
	str_replace(&p->record.url, p->group->url);
	record_save(p->env->store, txn, &crl_class, p->group->id, &p->record);
	crl_note_next(p);
	store_then(txn, crl_list_saved, p);
}

/* The first failure is reported; nothing is known of the certificates until the list can be used again. */
static void
crl_list_failed(struct crl_pass *p, const struct error *err)
{
	struct store_txn *txn = store_begin(p->env->store);
	struct json_object *data;
	int64_t now = crl_now(p->env);

	p->record.attempts = time_add(p->record.attempts, 1);
	p->record.next_at = retry_at(RETRY_REMOTE, now, p->record.attempts, p->group->id);
	if (p->record.attempts == 1 || !p->record.error.message || strcmp(p->record.error.message, err->message) != 0) {
		data = event_error_data(err);
		json_add_string(data, "list", p->group->url);
		json_add_int(data, "certificates", (int64_t)p->group->n_watched);
		event_emit(p->env->events, txn, EVENT_REVOCATION_UNKNOWN, NULL, data,
			"certd does not know if %zu %s revoked: %s: %s", p->group->n_watched,
			p->group->n_watched == 1 ? "certificate is" : "certificates are", p->group->url, err->message);
	}
	error_copy(&p->record.error, err);
	crl_list_end(p, txn);
}

static void
crl_list_good(struct crl_pass *p)
{
	p->record.checked_at = crl_now(p->env);
	p->record.next_at = time_add(p->record.checked_at, p->env->check_revocation_every);
	p->record.attempts = 0;
	error_clear(&p->record.error);
	crl_list_end(p, store_begin(p->env->store));
}

/* 304. The list that it confirms may have expired meanwhile. */
static void
crl_list_unchanged(struct crl_pass *p)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	char when[TIME_RFC3339_SIZE];

	if (p->record.next_update_at && p->record.next_update_at <= crl_now(p->env)) {
		time_format_rfc3339(p->record.next_update_at, when);
		error_set(&err, ERROR_STATE, "the list expired at %s, and the CA has not replaced it", when);
		crl_list_failed(p, &err);
	} else {
		crl_list_good(p);
	}
}

/* --- what a list says --- */

int
crl_watched_compare(const void *a, const void *b)
{
	const struct crl_watched *x = a, *y = b;

	if (x->serial_len != y->serial_len)
		return x->serial_len < y->serial_len ? -1 : 1;
	return memcmp(x->serial, y->serial, x->serial_len);
}

/* The first of those with that serial number, or NULL. */
static const struct crl_watched *
crl_find(const struct crl_check *c, const unsigned char *serial, size_t len)
{
	struct crl_watched wanted = { .serial_len = (unsigned char)len };
	const struct crl_watched *w;

	if (len > CRL_SERIAL_MAX)
		return NULL;
	memcpy(wanted.serial, serial, len);
	w = bsearch(&wanted, c->watched, c->n_watched, sizeof(*c->watched), crl_watched_compare);
	while (w && w > c->watched && crl_watched_compare(w - 1, &wanted) == 0)
		w--;
	return w;
}

static bool
crl_check_wants(const unsigned char *serial, size_t len, void *arg)
{
	return crl_find(arg, serial, len) != NULL;
}

static void
crl_check_entry(const struct crl_entry *entry, void *arg)
{
	struct crl_check *c = arg;
	const struct crl_watched *first = crl_find(c, entry->serial, entry->serial_len);

	for (const struct crl_watched *w = first; w < c->watched + c->n_watched && crl_watched_compare(w, first) == 0;
		w++) {
		if (c->n_found == c->n_watched) /* the list repeats itself */
			return;
		c->found[c->n_found++] = (struct crl_found){ *w, entry->reason, entry->revoked_at };
	}
}

static void
crl_check_run(void *arg)
{
	struct crl_check *c = arg;
	const struct crl_asked asked = { .url = c->url, .cert = &c->cert, .issuer = &c->issuer, .now = c->now };

	qsort(c->watched, c->n_watched, sizeof(*c->watched), crl_watched_compare);
	c->found = xcalloc(c->n_watched, sizeof(*c->found));
	crl_read(c->list.data, c->list.len, &asked, crl_check_wants, crl_check_entry, c, &c->facts, &c->error);
	buf_clear(&c->list); /* it may be large */
}

static void
crl_keep_header(char **place, const char *value)
{
	str_replace(place, value && strlen(value) <= HEADER_MAX ? value : NULL);
}

/* A slice of what was found: replacing many certificates takes time. */
static void
crl_take_some(void *arg)
{
	struct crl_pass *p = arg;
	struct crl_check *c = p->check;
	struct store_txn *txn;
	_cleanup_error_ struct error err = ERROR_INIT;

	if (p->n_taken == c->n_found) {
		p->record.this_update_at = c->facts.this_update_at;
		p->record.next_update_at = c->facts.next_update_at;
		p->record.judged_at = p->has_lost ? 0 : c->now; /* 0: the whole list is fetched again */
		crl_keep_header(&p->record.etag, p->etag);
		crl_keep_header(&p->record.last_modified, p->last_modified);
		crl_list_good(p);
		return;
	}
	for (size_t n = 0; n < SLICE_FOUND && p->n_taken < c->n_found; n++) {
		txn = store_begin(p->env->store);
		if (crl_take(p->env, txn, p->group->url, &c->found[p->n_taken++], &err) < 0) {
			store_fail(txn, &err);
			event_emit_error(p->env->events, NULL, EVENT_STORE_FAILED, NULL, &err, "%s", err.message);
			error_clear(&err);
			p->has_lost = true;
		}
	}
	loop_timer_set(&p->timer, 0);
}

static void
crl_checked(void *arg)
{
	struct crl_check *c = arg;
	struct crl_pass *p = c->pass;

	if (!p) {
		crl_check_free(c);
		return;
	}
	c->pass = NULL;
	if (error_is_set(&c->error)) {
		crl_list_failed(p, &c->error);
		return;
	}
	loop_timer_init(&p->timer, p->env->loop, crl_take_some, p);
	loop_timer_set(&p->timer, 0);
}

static void
crl_fetched(struct http_response *res, const struct error *err, void *arg)
{
	struct crl_pass *p = arg;
	struct crl_group *g = p->group;
	struct crl_check *c;

	p->fetch = NULL;
	if (!res) {
		crl_list_failed(p, err);
		return;
	}
	if (res->status == 304) {
		crl_list_unchanged(p);
		return;
	}
	str_replace(&p->etag, res->etag);
	str_replace(&p->last_modified, res->last_modified);
	p->check = c = xcalloc(1, sizeof(*c));
	c->pass = p;
	c->url = xstrdup(g->url);
	c->now = crl_now(p->env);
	c->list = res->body;
	res->body = (struct buf)BUF_INIT;
	buf_add(&c->cert, g->cert.data, g->cert.len);
	buf_add(&c->issuer, g->issuer.data, g->issuer.len);
	c->watched = g->watched;
	c->n_watched = g->n_watched;
	g->watched = NULL;
	workers_run(p->env->workers, crl_check_run, crl_checked, c);
}

/* --- the pass --- */

/* Lists that no certificate names any more. */
static void
crl_forget_unused(struct crl_pass *p, struct store_txn *txn)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	struct crl_group *g;

	while (store_next(p->env->store, STORE_CRL, key.data, key.len, key.len > 0, &key, NULL, NULL) == 1) {
		HASH_FIND_STR(p->groups, buf_str(&key), g);
		if (!g)
			store_del(txn, STORE_CRL, key.data, key.len);
	}
}

static void
crl_end_pass(struct crl_pass *p)
{
	struct store_txn *txn = store_begin(p->env->store);
	int64_t now = crl_now(p->env), every = p->env->check_revocation_every;
	int64_t at = p->next_at < time_add(now, every) ? p->next_at : time_add(now, every);
	int64_t least = time_add(now, every < SHORTEST_SEC ? every : SHORTEST_SEC);
	struct schedule_row row;

	crl_forget_unused(p, txn);
	if (p->groups) {
		crl_end(p, txn, at > least ? at : least);
		return;
	}
	/* Nothing to ask, unless a certificate came meanwhile. */
	if (schedule_get(p->env->store, SCHEDULE_CRL, row_id, &row, NULL) == 1 && row.due_at <= now)
		schedule_del(p->env->store, txn, SCHEDULE_CRL, row_id);
	store_then(txn, crl_saved, p);
}

/* Is the list due, at @now or soon? Not either if a clock was wrong when its record was saved. */
static bool
crl_is_due(const struct crl_pass *p, int64_t now)
{
	int64_t every = p->env->check_revocation_every;

	return p->record.next_at <= time_add(now, p->record.attempts ? 0 : every / TOGETHER_SHARE) ||
	       p->record.next_at > time_add(now, 2 * every + LOOK_AGAIN_SEC);
}

static void
crl_next(void *arg)
{
	struct crl_pass *p = arg;
	bool is_new;

	for (; p->group; p->group = p->group->hh.next) {
		record_clear(&crl_class, &p->record);
		record_load(p->env->store, &crl_class, p->group->id, &p->record, NULL); /* a damaged one is replaced */
		if (crl_is_due(p, crl_now(p->env)))
			break;
		crl_note_next(p);
	}
	if (!p->group) {
		crl_end_pass(p);
		return;
	}
	is_new = !p->record.judged_at || p->group->newest_at >= p->record.judged_at;
	p->fetch = crl_fetch(
		clients_config(p->env->clients)->http, p->group->url, is_new ? NULL : &p->record, crl_fetched, p);
}

static void
crl_collect(void *arg)
{
	struct crl_pass *p = arg;
	_cleanup_error_ struct error err = ERROR_INIT;
	int more = object_query_run(&p->query, p->env->store, SLICE_CERTIFICATES, crl_visit, p, &err);

	if (more < 0) {
		crl_end_unread(p, &err);
		return;
	}
	if (more == 0) {
		p->group = p->groups;
		loop_timer_init(&p->timer, p->env->loop, crl_next, p);
	}
	loop_timer_set(&p->timer, 0);
}

static void *
crl_begin(void *env, const struct schedule_row *row _unused_, schedule_done_fn *done, void *arg)
{
	struct crl_pass *p = xcalloc(1, sizeof(*p));

	p->env = env;
	p->done = done;
	p->arg = arg;
	p->next_at = INT64_MAX;
	object_query_init(&p->query, &certificate_class);
	loop_timer_init(&p->timer, p->env->loop, crl_collect, p);
	if (p->env->check_revocation_every > 0)
		loop_timer_set(&p->timer, 0);
	else
		crl_end(p, store_begin(p->env->store), 0);
	return p;
}

static int64_t
crl_after_clock_change(void *arg_env, const struct schedule_row *row, int64_t now)
{
	const struct issue_env *env = arg_env;

	return job_due_within(row, now, env->check_revocation_every);
}

const struct job_kind crl_job = {
	.kind = SCHEDULE_CRL,
	.word = "revocation-lists",
	.needs_date = true,
	.start = crl_begin,
	.cancel = crl_cancel,
	.after_clock_change = crl_after_clock_change,
};

/* --- for people --- */

static void
crl_explain_point(const struct issue_env *env, const struct crl_point *point, struct strlist *ret)
{
	const char *whose = point->is_leaf ? "" : " of its issuer";
	struct crl_record record = { .url = NULL };
	char when[TIME_RFC3339_SIZE], next[TIME_RFC3339_SIZE];

	if (record_load(env->store, &crl_class, point->id, &record, NULL) != 1) {
		strlist_take(ret, xasprintf("its revocation list%s was not asked for yet: %s", whose, point->url));
		return;
	}
	time_format_rfc3339(record.checked_at, when);
	time_format_rfc3339(record.next_at, next);
	if (error_is_set(&record.error))
		strlist_take(ret, xasprintf("the revocation list%s cannot be used: %s: %s; next attempt %s", whose,
					  point->url, record.error.message, next));
	else
		strlist_take(
			ret, xasprintf("the revocation list%s did not have it at %s: %s", whose, when, point->url));
	record_clear(&crl_class, &record);
}

void
crl_explain(const struct issue_env *env, const struct certificate *cert, struct strlist *ret)
{
	_cleanup_(crl_points_clear) struct crl_points points = { .count = 0 };

	if (env->check_revocation_every <= 0 || cert->is_revoked || cert->not_after_at <= crl_now(env) ||
		crl_points_of(&cert->leaf_pem, &cert->chain_pem, env->seen, &points, NULL) < 0)
		return;
	for (size_t i = 0; i < points.count; i++)
		crl_explain_point(env, &points.items[i], ret);
}
