/*
 * The job: a worker generates the next key, which is stored before anybody is told of it; then the name servers of one
 * name after the other are asked. What cannot be seen at the moment (no answer) changes nothing.
 */
#include "common/crypto/key.h"
#include "common/crypto/x509.h"
#include "common/timefmt.h"
#include "daemon/base/dns.h"
#include "daemon/base/loop.h"
#include "daemon/base/workers.h"
#include "daemon/challenge/dns_target.h"
#include "daemon/challenge/dns_watch.h"
#include "daemon/renew/dane.h"
#include "daemon/schedule/schedule.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_SEC = 3600, LOOK_SEC = 2 };

/* The data of a worker; outlives the job, which may be cancelled meanwhile. */
struct dane_keygen {
	struct dane *dane; /* NULL: cancelled */
	enum key_algorithm algorithm;
	struct secret der;
	unsigned char hash[32];
	struct error error;
};

struct dane {
	const struct issue_env *env;
	char id[STORE_ID_SIZE]; /* of the auto-certificate */
	struct strlist names;
	char *tlsa, *next, *former;
	struct dane_keygen *keygen;
	size_t at; /* index of the name that is looked up */
	struct dane_look look;
	bool lacks_tlsa, has_former; /* of that name */
	struct dns_finder *finder;
	struct dns_watch *watch;
	schedule_done_fn *done;
	void *arg;
};

static void
dane_cancel(void *work)
{
	struct dane *d = work;

	store_forget(d->env->store, d);
	if (d->keygen)
		d->keygen->dane = NULL;
	dns_target_cancel(d->finder);
	dns_watch_cancel(d->watch);
	strlist_clear(&d->names);
	dane_look_clear(&d->look);
	free(d->tlsa);
	free(d->next);
	free(d->former);
	free(d);
}

/* --- the end --- */

static void
dane_saved(const struct error *err, void *arg)
{
	struct dane *d = arg;

	job_over(d->env->events, err, d, dane_cancel, d->done, d->arg);
}

static void
dane_end_failed(struct dane *d, struct store_txn *txn, const struct error *err)
{
	event_emit_error(d->env->events, txn, EVENT_STORE_FAILED, NULL, err, "%s", err->message);
	schedule_set(d->env->store, txn, SCHEDULE_DANE, d->id, "", time_add(loop_now(d->env->loop), RETRY_SEC));
	store_then(txn, dane_saved, d);
}

/* The names or the keys may have changed meanwhile: then all is looked up again. An order that waits goes on. */
static int64_t
dane_take(const struct dane *d, struct autocert *a, int64_t now)
{
	int64_t next_at;

	if (!strlist_equal(&a->tlsa_names, &d->names) || !str_is_same(a->tlsa_next, d->next) ||
		!str_is_same(a->tlsa, d->tlsa))
		return now;
	next_at = dane_note(a, &d->look, now);
	if (a->tlsa_ready_at && a->hold_at && a->next_at == a->hold_at)
		a->next_at = now;
	return next_at;
}

static void
dane_finish(struct dane *d)
{
	struct store *store = d->env->store;
	struct store_txn *txn = store_begin(store);
	int64_t now = loop_now(d->env->loop), next_at;
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	int found = object_load(store, &autocert_class, d->id, &a, &err);

	if (found == 1 && a.tlsa_names.count) {
		next_at = dane_take(d, &a, now);
		if (object_save(store, txn, &autocert_class, &a, &err) < 0)
			found = -1;
		else
			schedule_set(store, txn, SCHEDULE_DANE, d->id, "", next_at);
	} else if (found >= 0) {
		schedule_del(store, txn, SCHEDULE_DANE, d->id);
	}
	if (found < 0)
		dane_end_failed(d, txn, &err);
	else
		store_then(txn, dane_saved, d);
}

/* --- looking --- */

static void
dane_next(struct dane *d);

static void
dane_on_seen(const struct error *err, void *arg)
{
	struct dane *d = arg;
	const char *name = d->names.items[d->at];

	d->watch = NULL;
	if (err)
		strlist_take(err->code == ERROR_STATE ? &d->look.missing : &d->look.unknown,
			xasprintf("%s: %s", name, err->message));
	if (d->lacks_tlsa)
		strlist_add(&d->look.unused, name);
	if (d->has_former)
		strlist_add(&d->look.former, name);
	d->at++;
	dane_next(d);
}

static void
dane_on_progress(const char *why _unused_, void *arg _unused_)
{
}

static bool
dane_has(const struct dns_answer *answer, void *arg)
{
	struct dane *d = arg;

	if (d->tlsa && !strlist_has(&answer->values, d->tlsa))
		d->lacks_tlsa = true;
	if (d->former && strlist_has(&answer->values, d->former))
		d->has_former = true;
	if (answer->ttl > d->look.ttl)
		d->look.ttl = answer->ttl;
	return strlist_has(&answer->values, d->next);
}

static void
dane_on_found(struct dns_target *target, const struct error *err, void *arg)
{
	struct dane *d = arg;

	d->finder = NULL;
	if (err) {
		_cleanup_error_ struct error unknown = ERROR_INIT;

		error_set(&unknown, ERROR_DNS, "%s", err->message);
		dane_on_seen(&unknown, d);
		return;
	}
	target->provider.propagation_timeout = LOOK_SEC;
	d->watch = dns_watch_start(solver_dns_env(d->env->solver),
		&(struct dns_watch_request){
			.provider = &target->provider,
			.zone = target->zone,
			.name = target->name,
			.value = "",
			.has = dane_has,
			.has_arg = d,
			.type = DNS_TLSA,
			.needs_all = true,
		},
		dane_on_seen, dane_on_progress, d);
}

static void
dane_next(struct dane *d)
{
	d->lacks_tlsa = d->has_former = false;
	if (d->at == d->names.count)
		dane_finish(d);
	else
		d->finder = dns_target_find_zone(
			solver_dns_env(d->env->solver), d->env->store, d->names.items[d->at], dane_on_found, d);
}

static void
dane_look(struct dane *d, const struct autocert *a)
{
	strlist_copy(&d->names, &a->tlsa_names);
	d->tlsa = xstrdup_null(a->tlsa);
	d->next = xstrdup(a->tlsa_next);
	d->former = xstrdup_null(a->tlsa_former);
	dane_next(d);
}

/* --- the next key --- */

static void
dane_on_key_saved(const struct error *err, void *arg)
{
	struct dane *d = arg;
	_cleanup_autocert_ struct autocert a = { 0 };

	if (err)
		dane_saved(err, d);
	else if (object_peek(d->env->store, &autocert_class, d->id, &a, NULL) == 1 && a.tlsa_next)
		dane_look(d, &a);
	else
		dane_finish(d);
}

/* Of the certificate in use, if the names were declared after its issue. */
static void
dane_fill_tlsa(const struct issue_env *env, struct autocert *a)
{
	_cleanup_(cert_info_clear) struct cert_info info = { .serial = NULL };
	_cleanup_certificate_ struct certificate last = { 0 };

	if (!a->tlsa && a->last_certificate &&
		object_peek(env->store, &certificate_class, a->last_certificate, &last, NULL) == 1 &&
		x509_chain_describe(last.leaf_pem.data, last.leaf_pem.len, NULL, &info, NULL) == 0)
		a->tlsa = dane_tlsa(info.spki_sha256);
}

/* @k: of a new key; NULL: the prepared one is kept. */
static void
dane_save_key(struct dane *d, struct dane_keygen *k)
{
	struct store *store = d->env->store;
	struct store_txn *txn = store_begin(store);
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_error_ struct error err = ERROR_INIT;
	int found = object_load(store, &autocert_class, d->id, &a, &err);

	if (found == 1 && a.tlsa_names.count) {
		dane_fill_tlsa(d->env, &a);
		if (k) {
			secret_move(&a.next_key, &k->der);
			free(a.tlsa_next);
			a.tlsa_next = dane_tlsa(k->hash);
			a.tlsa_seen_at = a.tlsa_ready_at = 0;
		}
		if (object_save(store, txn, &autocert_class, &a, &err) < 0)
			found = -1;
	}
	if (found < 0)
		dane_end_failed(d, txn, &err);
	else
		store_then(txn, dane_on_key_saved, d);
}

static void
dane_keygen_run(void *arg)
{
	struct dane_keygen *k = arg;
	_cleanup_key_ struct key *key = NULL;

	if (key_generate(k->algorithm, &key, &k->error) == 0 && key_to_der(key, &k->der, &k->error) == 0)
		key_spki_sha256(key, k->hash, &k->error);
}

static void
dane_keygen_done(void *arg)
{
	struct dane_keygen *k = arg;
	struct dane *d = k->dane;

	if (d) {
		d->keygen = NULL;
		if (error_is_set(&k->error))
			dane_end_failed(d, store_begin(d->env->store), &k->error);
		else
			dane_save_key(d, k);
	}
	secret_clear(&k->der);
	error_clear(&k->error);
	free(k);
}

static void
dane_keygen_start(struct dane *d, enum key_algorithm algorithm)
{
	struct dane_keygen *k = xcalloc(1, sizeof(*k));

	k->dane = d;
	k->algorithm = algorithm;
	d->keygen = k;
	workers_run(d->env->workers, dane_keygen_run, dane_keygen_done, k);
}

static void *
dane_start(void *env, const struct schedule_row *row, schedule_done_fn *done, void *arg)
{
	struct dane *d = xcalloc(1, sizeof(*d));
	_cleanup_autocert_ struct autocert a = { 0 };
	_cleanup_key_ struct key *next = NULL;
	enum key_algorithm wanted;

	d->env = env;
	d->done = done;
	d->arg = arg;
	memcpy(d->id, row->object, sizeof(d->id));
	if (object_load(d->env->store, &autocert_class, d->id, &a, NULL) != 1 || a.tlsa_names.count == 0) {
		dane_finish(d); /* reports an unreadable one */
		return d;
	}
	wanted = issue_wanted_algorithm(&a);
	if (a.next_key.len == 0 || key_from_der(&a.next_key, &next, NULL) < 0 || key_algorithm_of(next) != wanted)
		dane_keygen_start(d, wanted);
	else if (!a.tlsa && a.last_certificate)
		dane_save_key(d, NULL);
	else
		dane_look(d, &a);
	return d;
}

const struct job_kind dane_job = {
	.kind = SCHEDULE_DANE,
	.word = "dane",
	.classes = { &autocert_class },
	.needs_date = true,
	.start = dane_start,
	.cancel = dane_cancel,
	.longest_sec = RETRY_SEC,
};
