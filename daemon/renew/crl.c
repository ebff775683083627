/*
 * A pass: walks over the certificates in slices, and groups them by the list or responder that they name; then asks
 * those that are due, one after the other (crl_ask.c). An interrupted pass begins with its source again.
 *
 * Each certificate may have a source of its own, its responder's answer: so groups are small, and walked in slices.
 */
#include "daemon/renew/crl_private.h"

#include "common/crypto/x509.h"
#include "common/random.h"
#include "common/strlist.h"
#include "common/timefmt.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/schedule/schedule.h"
#include "daemon/store/object_query.h"

#define HASH_FUNCTION HASH_FNV /* the default has switch labels that fall through, which clang refuses */
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum {
	FIRST_SEC = 3600,
	SLICE_CERTIFICATES = 50,
	SLICE_SOURCES = 200,
	SHORTEST_SEC = 60,
	TOGETHER_SHARE = 24 /* what is due within this part of the interval is asked in one pass */
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

/* A source, and room for the certificates that name it. */
struct crl_group {
	struct crl_source source;
	size_t max_watched;
	size_t example; /* the index of one whose chain has the issuer, if there is one */
	bool has_issuer;
	UT_hash_handle hh;
};

struct crl_pass {
	const struct issue_env *env;
	schedule_done_fn *done;
	void *arg;
	struct loop_timer timer; /* the next slice */
	struct object_query query;
	struct crl_group *groups; /* hash table */
	struct crl_group *group;  /* the present one */
	struct crl_ask *ask;
	struct strlist down; /* URLs of servers that did not answer in this pass */
	struct buf record;   /* id of the last one that was looked at for crl_forget_unused() */
	int64_t next_at;     /* of the sources that were visited */
};

int64_t
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
crl_note_certificate(const struct issue_env *env, struct store_txn *txn, const struct cert_info *info)
{
	struct schedule_row row;

	if (info->is_watchable && env->check_revocation_every > 0 &&
		!(schedule_get(env->store, SCHEDULE_CRL, row_id, &row, NULL) == 1 && row.due_at > crl_now(env)))
		crl_plan(env, txn);
}

/* --- the end --- */

static void
crl_group_free(struct crl_pass *p, struct crl_group *g)
{
	HASH_DEL(p->groups, g);
	free(g->source.url);
	buf_clear(&g->source.cert);
	buf_clear(&g->source.issuer);
	free(g->source.watched);
	free(g);
}

static void
crl_cancel(void *work)
{
	struct crl_pass *p = work;

	store_forget(p->env->store, p);
	loop_timer_cancel(&p->timer);
	crl_ask_cancel(p->ask);
	while (p->groups)
		crl_group_free(p, p->groups);
	object_query_clear(&p->query);
	strlist_clear(&p->down);
	buf_clear(&p->record);
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
	crl_end(p, txn, time_add(crl_now(p->env), CRL_LOOK_AGAIN_SEC));
}

/* --- which lists there are --- */

static struct crl_group *
crl_group_of(struct crl_pass *p, const struct crl_point *point)
{
	struct crl_group *g;

	HASH_FIND_STR(p->groups, point->id, g);
	if (!g) {
		g = xcalloc(1, sizeof(*g));
		memcpy(g->source.id, point->id, sizeof(g->source.id));
		g->source.is_ocsp = point->is_ocsp;
		g->source.url = xstrdup(point->url);
		HASH_ADD_STR(p->groups, source.id, g);
	}
	return g;
}

static void
crl_watch(struct crl_pass *p, const struct certificate *cert, const struct crl_point *point)
{
	struct crl_group *g = crl_group_of(p, point);
	struct crl_source *source = &g->source;
	struct crl_watched *w;

	if (source->n_watched == g->max_watched) {
		g->max_watched = g->max_watched ? 2 * g->max_watched : 1;
		source->watched = xreallocarray(source->watched, g->max_watched, sizeof(*source->watched));
	}
	if (!g->has_issuer && point->issuer.len) {
		g->has_issuer = true;
		g->example = source->n_watched;
	}
	w = &source->watched[source->n_watched++];
	*w = (struct crl_watched){ .serial_len = (unsigned char)point->serial_len, .is_leaf = point->is_leaf };
	memcpy(w->serial, point->serial, point->serial_len);
	memcpy(w->id, cert->o.id, sizeof(w->id));
	if (cert->o.created_at > source->newest_at)
		source->newest_at = cert->o.created_at;
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

/* --- the pass --- */

/* What no certificate names any more. Return: is there more to look at? */
static bool
crl_forget_unused(struct crl_pass *p, struct store_txn *txn)
{
	struct buf *id = &p->record;
	struct crl_group *g;

	for (unsigned n = 0; n < SLICE_SOURCES; n++) {
		if (store_next(p->env->store, STORE_CRL, id->data, id->len, id->len > 0, id, NULL, NULL) != 1)
			return false;
		HASH_FIND_STR(p->groups, buf_str(id), g);
		if (!g)
			store_del(txn, STORE_CRL, id->data, id->len);
	}
	return true;
}

static void
crl_end_pass(void *arg)
{
	struct crl_pass *p = arg;
	struct store_txn *txn = store_begin(p->env->store);
	int64_t now = crl_now(p->env), every = p->env->check_revocation_every;
	int64_t at = p->next_at < time_add(now, every) ? p->next_at : time_add(now, every);
	int64_t least = time_add(now, every < SHORTEST_SEC ? every : SHORTEST_SEC);
	struct schedule_row row;

	if (crl_forget_unused(p, txn)) {
		loop_timer_init(&p->timer, p->env->loop, crl_end_pass, p);
		loop_timer_set(&p->timer, 0);
		return;
	}
	if (p->groups) {
		crl_end(p, txn, at > least ? at : least);
		return;
	}
	/* Nothing to ask, unless a certificate came meanwhile. */
	if (schedule_get(p->env->store, SCHEDULE_CRL, row_id, &row, NULL) == 1 && row.due_at <= now)
		schedule_del(p->env->store, txn, SCHEDULE_CRL, row_id);
	store_then(txn, crl_saved, p);
}

/* Is the source due, at @now or soon? Not either if a clock was wrong when its record was saved. */
static bool
crl_is_due(const struct crl_pass *p, const struct crl_record *record, int64_t now)
{
	int64_t every = p->env->check_revocation_every;

	return record->next_at <= time_add(now, record->attempts ? 0 : every / TOGETHER_SHARE) ||
	       record->next_at > time_add(now, 2 * every + CRL_LOOK_AGAIN_SEC);
}

static void
crl_note_next(struct crl_pass *p, int64_t at)
{
	if (at < p->next_at)
		p->next_at = at;
}

static void
crl_next(void *arg);

static void
crl_asked(int64_t next_at, bool is_down, const struct error *err, void *arg)
{
	struct crl_pass *p = arg;

	p->ask = NULL;
	if (err) {
		crl_saved(err, p);
		return;
	}
	crl_note_next(p, next_at);
	if (is_down)
		strlist_add(&p->down, p->group->source.url);
	buf_clear(&p->group->source.cert);
	buf_clear(&p->group->source.issuer);
	p->group = p->group->hh.next;
	loop_timer_init(&p->timer, p->env->loop, crl_next, p);
	loop_timer_set(&p->timer, 0);
}

/* The certificates that the present source is asked about. Return: are they still there? */
static bool
crl_fill_source(struct crl_pass *p)
{
	struct crl_source *source = &p->group->source;
	_cleanup_(crl_points_clear) struct crl_points points = { .count = 0 };
	_cleanup_certificate_ struct certificate cert = { 0 };

	if (object_peek(p->env->store, &certificate_class, source->watched[p->group->example].id, &cert, NULL) != 1 ||
		crl_points_of(&cert.leaf_pem, &cert.chain_pem, p->env->seen, &points, NULL) < 0)
		return false;
	for (size_t i = 0; i < points.count; i++) {
		struct crl_point *point = &points.items[i];

		if (strcmp(point->id, source->id) != 0)
			continue;
		source->cert = point->cert;
		source->issuer = point->issuer;
		point->cert = point->issuer = (struct buf)BUF_INIT;
		return true;
	}
	return false;
}

/* Asks the present source if it is due. Return: has it begun to? */
static bool
crl_ask_group(struct crl_pass *p)
{
	struct crl_source *source = &p->group->source;
	struct crl_record record = { .url = NULL };
	int64_t now = crl_now(p->env);

	record_load(p->env->store, &crl_class, source->id, &record, NULL); /* a damaged one is replaced */
	if (!crl_is_due(p, &record, now)) {
		crl_note_next(p, record.next_at);
	} else if (strlist_has(&p->down, source->url)) {
		/* Not only when the one that failed is due, so that it does not stand in the way of others. */
		crl_note_next(p, time_add(now, CRL_LOOK_AGAIN_SEC));
	} else if (crl_fill_source(p)) {
		p->ask = crl_ask(p->env, source, &record, crl_asked, p);
		return true;
	} else {
		crl_note_next(p, now); /* the certificate was deleted meanwhile; there may be others */
	}
	record_clear(&crl_class, &record);
	return false;
}

static void
crl_next(void *arg)
{
	struct crl_pass *p = arg;

	for (unsigned n = 0; p->group; p->group = p->group->hh.next) {
		if (n++ == SLICE_SOURCES) {
			loop_timer_set(&p->timer, 0);
			return;
		}
		if (crl_ask_group(p))
			return;
	}
	crl_end_pass(p);
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
	.word = "revocation",
	.subject = "all certificates",
	.needs_date = true,
	.start = crl_begin,
	.cancel = crl_cancel,
	.after_clock_change = crl_after_clock_change,
};

/* --- for people --- */

static char *
crl_explained(const struct crl_point *point, const struct crl_record *record)
{
	const char *whose = point->is_leaf ? "" : " of its issuer";
	char when[TIME_RFC3339_SIZE], next[TIME_RFC3339_SIZE];

	time_format_rfc3339(record->checked_at, when);
	time_format_rfc3339(record->next_at, next);
	if (error_is_set(&record->error))
		return xasprintf("the %s%s cannot be used: %s: %s; next attempt %s",
			point->is_ocsp ? "OCSP responder" : "revocation list", whose, point->url, record->error.message,
			next);
	if (point->is_ocsp)
		return xasprintf("the OCSP responder said at %s that %s is not revoked: %s", when,
			point->is_leaf ? "it" : "its issuer", point->url);
	return xasprintf("the revocation list%s did not have it at %s: %s", whose, when, point->url);
}

static void
crl_explain_point(const struct issue_env *env, const struct crl_point *point, struct strlist *ret)
{
	struct crl_record record = { .url = NULL };

	if (record_load(env->store, &crl_class, point->id, &record, NULL) == 1)
		strlist_take(ret, crl_explained(point, &record));
	else
		strlist_take(ret, xasprintf("its %s%s has not been consulted yet: %s",
					  point->is_ocsp ? "OCSP responder" : "revocation list",
					  point->is_leaf ? "" : " of its issuer", point->url));
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
