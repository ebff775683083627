/*
 * One list, or one question to a responder: fetches it, has a worker look for the certificates in it, and saves what
 * was found. The source's record is saved last, so that what is interrupted is asked again; what was found before is
 * known by then.
 *
 * A server may say that its answer has not changed. It is not asked that way when there are certificates that were not
 * looked for in it before.
 */
#include "daemon/renew/crl_private.h"

#include "common/crypto/ocsp.h"
#include "common/retry.h"
#include "common/timefmt.h"
#include "daemon/base/loop.h"
#include "daemon/base/workers.h"

#include <stdlib.h>
#include <string.h>

enum {
	SLICE_FOUND = 20,
	HEADER_MAX = 256 /* longer ETags are not kept */
};

/* The data of a worker; outlives the question, which may be cancelled meanwhile. */
struct crl_check {
	struct crl_ask *ask; /* NULL: cancelled */
	char *url;
	bool is_ocsp;
	struct buf answer, cert, issuer;
	struct crl_watched *watched; /* sorted */
	size_t n_watched;
	int64_t now;
	struct crl_found *found;
	size_t n_found;
	struct crl_facts facts;
	struct error error;
};

struct crl_ask {
	const struct issue_env *env;
	struct crl_source *source; /* borrowed */
	crl_asked_fn *done;
	void *arg;
	struct crl_record record;
	char *etag, *last_modified;
	struct crl_fetch *fetch;
	struct crl_check *check; /* at a worker; then: what it found */
	struct loop_timer timer; /* the next slice of it */
	size_t n_taken;
	bool is_down;  /* the server, for all that ask it */
	bool has_lost; /* something that was found could not be taken */
};

/* --- the end --- */

static void
crl_check_free(struct crl_check *c)
{
	if (!c)
		return;
	free(c->url);
	buf_clear(&c->answer);
	buf_clear(&c->cert);
	buf_clear(&c->issuer);
	free(c->watched);
	free(c->found);
	error_clear(&c->error);
	free(c);
}

void
crl_ask_cancel(struct crl_ask *a)
{
	if (!a)
		return;
	store_forget(a->env->store, a);
	loop_timer_cancel(&a->timer);
	crl_fetch_cancel(a->fetch);
	if (a->check && a->check->ask) /* the worker still has it */
		a->check->ask = NULL;
	else
		crl_check_free(a->check);
	record_clear(&crl_class, &a->record);
	free(a->etag);
	free(a->last_modified);
	free(a);
}

static void
crl_ask_saved(const struct error *err, void *arg)
{
	struct crl_ask *a = arg;
	crl_asked_fn *done = a->done;
	void *done_arg = a->arg;
	int64_t next_at = a->record.next_at;
	bool is_down = a->is_down;

	crl_ask_cancel(a);
	done(next_at, is_down, err, done_arg);
}

static void
crl_ask_end(struct crl_ask *a, struct store_txn *txn)
{
	str_replace(&a->record.url, a->source->url);
	record_save(a->env->store, txn, &crl_class, a->source->id, &a->record);
	store_then(txn, crl_ask_saved, a);
}

/* RFC 5019 s6.1: what a responder has said counts until it expires, for the certificates that it was asked about. */
static bool
crl_is_cached(const struct crl_ask *a)
{
	return a->source->is_ocsp && a->source->newest_at < a->record.judged_at &&
	       a->record.next_update_at > crl_now(a->env);
}

static void
crl_report_unknown(struct crl_ask *a, struct store_txn *txn, const struct error *err)
{
	struct json_object *data = event_error_data(err);

	json_add_string(data, "list", a->source->url);
	json_add_int(data, "certificates", (int64_t)a->source->n_watched);
	event_emit(a->env->events, txn, EVENT_REVOCATION_UNKNOWN, NULL, data,
		"certd does not know if %zu %s revoked: %s: %s", a->source->n_watched,
		a->source->n_watched == 1 ? "certificate is" : "certificates are", a->source->url, err->message);
}

/* The first failure is reported; nothing is known of the certificates until the source can be used again. */
static void
crl_ask_failed(struct crl_ask *a, const struct error *err)
{
	struct store_txn *txn = store_begin(a->env->store);
	const char *last = a->record.error.message;

	a->is_down = err->code == ERROR_UNAVAILABLE || err->code == ERROR_TIMEOUT || err->code == ERROR_NETWORK ||
		     err->code == ERROR_DNS;
	a->record.attempts = time_add(a->record.attempts, 1);
	a->record.next_at = retry_at(RETRY_REMOTE, crl_now(a->env), a->record.attempts, a->source->id);
	if (!crl_is_cached(a)) {
		if (!last || strcmp(last, err->message) != 0)
			crl_report_unknown(a, txn, err);
		error_copy(&a->record.error, err);
	}
	crl_ask_end(a, txn);
}

static void
crl_ask_good(struct crl_ask *a)
{
	a->record.checked_at = crl_now(a->env);
	a->record.next_at = time_add(a->record.checked_at, a->env->check_revocation_every);
	a->record.attempts = 0;
	error_clear(&a->record.error);
	crl_ask_end(a, store_begin(a->env->store));
}

/* 304. What it confirms may have expired meanwhile. */
static void
crl_ask_unchanged(struct crl_ask *a)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	char when[TIME_RFC3339_SIZE];

	if (a->record.next_update_at && a->record.next_update_at <= crl_now(a->env)) {
		time_format_rfc3339(a->record.next_update_at, when);
		error_set(&err, ERROR_STATE, "the %s expired at %s, and the CA has not replaced it",
			a->source->is_ocsp ? "answer" : "list", when);
		crl_ask_failed(a, &err);
	} else {
		crl_ask_good(a);
	}
}

/* --- what the answer says --- */

/* Sorts by serial number. */
static int
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

/* An answer is about one certificate, which several chains may have. */
static void
crl_check_answer(struct crl_check *c, const struct crl_asked *asked)
{
	struct crl_entry entry;

	if (ocsp_read(c->answer.data, c->answer.len, asked, &entry, &c->facts, &c->error) != 1)
		return;
	entry.serial = c->watched[0].serial;
	entry.serial_len = c->watched[0].serial_len;
	crl_check_entry(&entry, c);
}

static void
crl_check_run(void *arg)
{
	struct crl_check *c = arg;
	const struct crl_asked asked = { .url = c->url, .cert = &c->cert, .issuer = &c->issuer, .now = c->now };

	qsort(c->watched, c->n_watched, sizeof(*c->watched), crl_watched_compare);
	c->found = xcalloc(c->n_watched, sizeof(*c->found));
	if (c->is_ocsp)
		crl_check_answer(c, &asked);
	else
		crl_read(c->answer.data, c->answer.len, &asked, crl_check_wants, crl_check_entry, c, &c->facts,
			&c->error);
	buf_clear(&c->answer); /* a list may be large */
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
	struct crl_ask *a = arg;
	struct crl_check *c = a->check;
	struct store_txn *txn;
	_cleanup_error_ struct error err = ERROR_INIT;

	if (a->n_taken == c->n_found) {
		a->record.this_update_at = c->facts.this_update_at;
		a->record.next_update_at = c->facts.next_update_at;
		a->record.judged_at = a->has_lost ? 0 : c->now; /* 0: the whole answer is fetched again */
		crl_keep_header(&a->record.etag, a->etag);
		crl_keep_header(&a->record.last_modified, a->last_modified);
		crl_ask_good(a);
		return;
	}
	for (size_t n = 0; n < SLICE_FOUND && a->n_taken < c->n_found; n++) {
		txn = store_begin(a->env->store);
		if (crl_take(a->env, txn, a->source->url, &c->found[a->n_taken++], &err) < 0) {
			store_fail(txn, &err);
			event_emit_error(a->env->events, NULL, EVENT_STORE_FAILED, NULL, &err, "%s", err.message);
			error_clear(&err);
			a->has_lost = true;
		}
	}
	loop_timer_set(&a->timer, 0);
}

static void
crl_checked(void *arg)
{
	struct crl_check *c = arg;
	struct crl_ask *a = c->ask;

	if (!a) {
		crl_check_free(c);
		return;
	}
	c->ask = NULL;
	if (error_is_set(&c->error)) {
		crl_ask_failed(a, &c->error);
		return;
	}
	loop_timer_set(&a->timer, 0);
}

static void
crl_fetched(struct http_response *res, const struct error *err, void *arg)
{
	struct crl_ask *a = arg;
	struct crl_source *source = a->source;
	struct crl_check *c;

	a->fetch = NULL;
	if (!res) {
		crl_ask_failed(a, err);
		return;
	}
	if (res->status == 304) {
		crl_ask_unchanged(a);
		return;
	}
	str_replace(&a->etag, res->etag);
	str_replace(&a->last_modified, res->last_modified);
	a->check = c = xcalloc(1, sizeof(*c));
	c->ask = a;
	c->url = xstrdup(source->url);
	c->now = crl_now(a->env);
	c->is_ocsp = source->is_ocsp;
	c->answer = res->body;
	res->body = (struct buf)BUF_INIT;
	c->cert = source->cert;
	c->issuer = source->issuer;
	source->cert = source->issuer = (struct buf)BUF_INIT;
	c->watched = source->watched;
	c->n_watched = source->n_watched;
	source->watched = NULL;
	workers_run(a->env->workers, crl_check_run, crl_checked, c);
}

struct crl_ask *
crl_ask(const struct issue_env *env, struct crl_source *source, struct crl_record *record, crl_asked_fn *done,
	void *arg)
{
	struct crl_ask *a = xcalloc(1, sizeof(*a));
	bool is_new = !record->judged_at || source->newest_at >= record->judged_at;
	_cleanup_free_ char *question = source->is_ocsp ? ocsp_question(source->url, &source->cert, &source->issuer)
							: xstrdup(source->url);
	_cleanup_error_ struct error err = ERROR_INIT;

	a->env = env;
	a->source = source;
	a->done = done;
	a->arg = arg;
	a->record = *record;
	*record = (struct crl_record){ .url = NULL };
	loop_timer_init(&a->timer, env->loop, crl_take_some, a);
	if (question) {
		a->fetch = crl_fetch(clients_config(env->clients)->http, question, source->is_ocsp,
			is_new ? NULL : &a->record, crl_fetched, a);
	} else {
		error_set(&err, ERROR_PROTOCOL, "the certificate or its issuer cannot be read");
		crl_ask_failed(a, &err);
	}
	return a;
}
