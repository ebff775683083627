/*
 * The key of a certificate: the one saved with the order, the declared one in a token, the last certificate's if it is
 * to be reused, or a new one, which a worker generates, with its request, while the order starts. Memory for secrets is
 * small and a CA may be slow: a waiting order keeps its key only in the store, and one that starts with little room
 * generates its key later.
 */
#include "daemon/renew/issue_private.h"

#include "common/crypto/csr.h"
#include "common/timefmt.h"
#include "daemon/base/workers.h"
#include "daemon/store/compromised.h"

#include <stdlib.h>
#include <string.h>

enum { DANE_WAIT_SEC = 3600 };

/* The data of a worker; outlives the issue, which may be cancelled meanwhile. */
struct keygen {
	struct issue *issue; /* NULL: cancelled */
	enum key_algorithm algorithm;
	struct strlist names; /* of the request */
	bool must_staple;
	struct key *key; /* NULL when it failed */
	struct secret der;
	struct buf csr;
	unsigned char spki[32]; /* key_spki_sha256() */
	struct error error;
};

static void
issue_key_keygen_free(struct keygen *k)
{
	strlist_clear(&k->names);
	key_free(k->key);
	secret_clear(&k->der);
	buf_clear(&k->csr);
	error_clear(&k->error);
	free(k);
}

void
issue_forget_key(struct issue *issue)
{
	signer_cancel(issue->signing);
	issue->signing = NULL;
	if (issue->keygen)
		issue->keygen->issue = NULL;
	issue->keygen = NULL;
}

static void
issue_key_keygen_run(void *arg)
{
	struct keygen *k = arg;
	const struct csr_content content = { .names = &k->names, .must_staple = k->must_staple };

	if (key_generate(k->algorithm, &k->key, &k->error) == 0 &&
		(key_to_der(k->key, &k->der, &k->error) < 0 || key_spki_sha256(k->key, k->spki, &k->error) < 0 ||
			csr_make(k->key, &content, &k->csr, &k->error) < 0))
		error_wrap(&k->error, "certificate key");
}

static void
issue_key_keygen_done(void *arg)
{
	struct keygen *k = arg;
	struct issue *issue = k->issue;
	struct error err = ERROR_INIT;

	if (!issue) {
		issue_key_keygen_free(k);
		return;
	}
	issue->keygen = NULL;
	issue->key = k->key;
	k->key = NULL;
	secret_move(&issue->record.key, &k->der);
	issue->csr = k->csr;
	k->csr = (struct buf)BUF_INIT;
	memcpy(issue->spki, k->spki, sizeof(issue->spki));
	issue->key_algorithm = k->algorithm;
	issue->is_key_known = true;
	error_move(&err, &k->error);
	issue_key_keygen_free(k);
	if (error_is_set(&err))
		issue_fail(issue, &err, false);
	else
		issue_key_ready(issue);
	error_clear(&err);
}

enum key_algorithm
issue_wanted_algorithm(const struct autocert *a)
{
	enum key_algorithm alg = KEY_SECP256R1;

	key_algorithm_from_name(autocert_key_algorithm(a), &alg);
	return alg;
}

static void
issue_key_keygen_start(struct issue *issue)
{
	struct keygen *k = xcalloc(1, sizeof(*k));

	k->issue = issue;
	k->algorithm = issue_wanted_algorithm(&issue->autocert);
	strlist_copy(&k->names, &issue->record.names);
	k->must_staple = issue->autocert.must_staple;
	issue->keygen = k;
	workers_run(issue->env->workers, issue_key_keygen_run, issue_key_keygen_done, k);
}

/* --- held elsewhere --- */

static int
issue_key_take_held(struct issue *issue, const struct key *key, struct error *err)
{
	int is_compromised = compromised_has(issue->env->store, key, err);

	if (is_compromised > 0)
		return error_set(err, ERROR_STATE,
			key_is_in_token(key) ? "the key %s is compromised: make another one, and declare its URI"
					     : "the key of the declared request (%s) is compromised: declare another",
			key_place(key));
	if (is_compromised < 0 || key_to_der(key, &issue->record.key, err) < 0)
		return -1;
	return key_from_der(&issue->record.key, &issue->key, err);
}

static void
issue_key_found(const struct key *key, const struct buf *signature _unused_, const struct error *why, void *arg)
{
	struct issue *issue = arg;
	_cleanup_error_ struct error err = ERROR_INIT;

	issue->signing = NULL;
	if (why)
		issue_fail(issue, why, false);
	else if (issue_key_take_held(issue, key, &err) < 0)
		issue_fail(issue, &err, false);
	else
		issue_key_ready(issue);
}

static int
issue_key_of_request(struct issue *issue, struct error *err)
{
	_cleanup_csr_ struct csr csr = { .key = NULL };

	if (csr_read(issue->autocert.csr, strlen(issue->autocert.csr), &csr, err) < 0)
		return error_wrap(err, "the declared certificate request");
	return issue_key_take_held(issue, csr.key, err);
}

static struct signer *
issue_key_signer(const struct issue *issue, struct error *err)
{
	struct signer *signer = clients_config(issue->env->clients)->signer;

	if (!signer)
		error_set(err, ERROR_STATE, "keys in PKCS#11 tokens are not available");
	return signer;
}

static int
issue_key_find(struct issue *issue, struct error *err)
{
	struct signer *signer = issue_key_signer(issue, err);

	if (!signer)
		return -1;
	issue->signing = signer_find(signer, issue->autocert.key_uri, issue_key_found, issue);
	return 0;
}

struct csr_content
issue_csr_content(const struct issue *issue)
{
	return (struct csr_content){ .names = &issue->record.names, .must_staple = issue->autocert.must_staple };
}

int
issue_sign_csr(struct issue *issue, signer_done_fn *done, struct error *err)
{
	const struct csr_content content = issue_csr_content(issue);
	struct signer *signer = issue_key_signer(issue, err);
	_cleanup_buf_ struct buf input = BUF_INIT;

	if (!signer || csr_to_sign(issue->key, &content, &input, err) < 0)
		return -1;
	issue->signing = signer_sign(signer, issue->key, input.data, input.len, done, issue);
	return 0;
}

/* The key of the last certificate, if its algorithm still matches and it is not compromised. Return: 1, 0 no, -1. */
static int
issue_key_last(const struct issue *issue, struct certificate *ret_last, struct key **ret_key, struct error *err)
{
	const struct autocert *a = &issue->autocert;
	const char *wanted = key_algorithm_name(issue_wanted_algorithm(a));
	int found, is_compromised;

	if (!a->last_certificate)
		return 0;
	found = object_load(issue->env->store, &certificate_class, a->last_certificate, ret_last, err);
	if (found <= 0)
		return found;
	if (key_der_place(&ret_last->key) || strcmp(ret_last->key_algorithm, wanted) != 0)
		return 0;
	if (key_from_der(&ret_last->key, ret_key, err) < 0)
		return -1;
	is_compromised = compromised_has(issue->env->store, *ret_key, err);
	return is_compromised < 0 ? -1 : !is_compromised;
}

/* reuseKey, or DANE: takes that key. Return: 1 taken, 0 no, -1. */
static int
reuse_last_key(struct issue *issue, struct error *err)
{
	_cleanup_certificate_ struct certificate last = { 0 };
	_cleanup_key_ struct key *key = NULL;
	int rc;

	if (issue->is_rehearsal ||
		(issue->choice != DANE_OLD && (!issue->autocert.reuses_key || issue->autocert.wants_new_key)))
		return 0;
	rc = issue_key_last(issue, &last, &key, err);
	if (rc <= 0)
		return rc;
	secret_copy(&issue->record.key, &last.key);
	issue->key = key;
	key = NULL;
	return 1;
}

static bool
issue_key_has_next(const struct autocert *a)
{
	_cleanup_key_ struct key *next = NULL;

	return a->next_key.len > 0 && key_from_der(&a->next_key, &next, NULL) == 0 &&
	       key_algorithm_of(next) == issue_wanted_algorithm(a);
}

int
issue_choose_key(struct issue *issue, struct error *err)
{
	struct autocert *a = &issue->autocert;
	_cleanup_certificate_ struct certificate last = { 0 };
	_cleanup_key_ struct key *key = NULL;
	struct dane_in in = { .a = a, .now = issue_now(issue->env) };
	_cleanup_free_ char *why = NULL;
	int64_t latest = time_add(in.now, DANE_WAIT_SEC);
	int rc;

	if (a->tlsa_names.count == 0 || issue->is_rehearsal || issue->record.key.len || issue->record.order_url)
		return 1;
	rc = issue_key_last(issue, &last, &key, err);
	if (rc < 0)
		return -1;
	in.may_reuse = rc;
	in.has_next = issue_key_has_next(a);
	issue->choice = dane_choose(&in);
	if (issue->choice != DANE_WAIT)
		return 1;
	why = dane_wait_text(a);
	issue_wait(issue, why, latest < dane_emergency_at(a) ? latest : dane_emergency_at(a));
	return 0;
}

void
issue_rest_key(struct issue *issue)
{
	if (issue->is_rehearsal) /* it is nowhere else */
		return;
	key_free(issue->key);
	issue->key = NULL;
	secret_clear(&issue->record.key);
}

static int
issue_key_load(struct issue *issue, struct error *err)
{
	struct issue_record saved = { .provider = NULL };
	int found = record_load(issue->env->store, &issue_class, issue->id, &saved, err);

	if (found == 1 && saved.key.len)
		secret_move(&issue->record.key, &saved.key);
	else if (found >= 0)
		found = error_set(err, ERROR_NOT_FOUND, "the key of the order is not in the store");
	record_clear(&issue_class, &saved);
	return found < 0 ? -1 : 0;
}

int
issue_wake_key(struct issue *issue, struct error *err)
{
	int reused;

	if (issue->key || issue->keygen || issue->signing)
		return 0;
	if (issue->is_key_saved)
		return issue_key_load(issue, err) < 0 ? -1 : key_from_der(&issue->record.key, &issue->key, err);
	if (issue->autocert.csr)
		return issue_key_of_request(issue, err);
	if (issue->autocert.key_uri)
		return issue_key_find(issue, err);
	if (issue->choice == DANE_NEXT) {
		secret_copy(&issue->record.key, &issue->autocert.next_key);
		return key_from_der(&issue->record.key, &issue->key, err);
	}
	reused = reuse_last_key(issue, err);
	if (reused == 0)
		issue_key_keygen_start(issue);
	return reused < 0 ? -1 : 0;
}

int
issue_know_key(struct issue *issue, struct error *err)
{
	if (issue->is_key_known)
		return issue->is_key_saved && !issue->record.key.len ? issue_key_load(issue, err) : 0;
	if (issue_wake_key(issue, err) < 0 || key_spki_sha256(issue->key, issue->spki, err) < 0)
		return -1;
	issue->key_algorithm = key_algorithm_of(issue->key);
	issue->is_key_known = true;
	return 0;
}

int
issue_get_key(struct issue *issue, struct error *err)
{
	issue->is_key_saved = issue->record.key.len > 0;
	if (issue->is_key_saved) {
		issue_rest_key(issue);
		return 0;
	}
	return secret_has_room() ? issue_wake_key(issue, err) : 0;
}
