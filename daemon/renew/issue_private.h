/* daemon/renew/issue_private.h: shared by the parts of issue.c: the flow, the key, and the result. */
#ifndef DAEMON_RENEW_ISSUE_PRIVATE_H
#define DAEMON_RENEW_ISSUE_PRIVATE_H

#include "common/crypto/csr.h"
#include "common/crypto/key.h"
#include "common/error.h"
#include "daemon/acme/acme_order.h"
#include "daemon/base/signer.h"
#include "daemon/renew/dane.h"
#include "daemon/renew/issue.h"
#include "daemon/renew/ledger.h"

#include <stdbool.h>

/* A challenge passed to the solver. */
struct issue_solve {
	struct issue *issue;
	size_t index;
	size_t challenge;
	const struct acme_authorization *authz; /* of the order; NULL: no challenge was chosen */
	bool has_failed;                        /* to be published */
	struct solve *solve;                    /* NULL when taken down */
};

struct cert_info;
struct keygen;

struct issue {
	const struct issue_env *env;
	bool is_rehearsal;          /* see rehearse.h */
	bool is_before_order;       /* in the row of the order */
	struct ca_client *client;   /* NULL: a rehearsal without an account */
	struct ledger_claim *claim; /* of the provider's rate limits; NULL: there are none */
	struct autocert autocert;   /* as of the start of the issue */
	char id[STORE_ID_SIZE];     /* of the auto-certificate */
	char lane[STORE_ID_SIZE];   /* of its row: the provider's id */
	struct issue_record record;
	struct acme_order *order;
	struct key *key;
	struct keygen *keygen;   /* running on a worker; or NULL */
	struct signing *signing; /* a token looks for the key, or signs the request; or NULL */
	bool is_key_saved;       /* with the record */
	bool is_key_known;       /* by the next two: what remains of a key that rests */
	enum key_algorithm key_algorithm;
	unsigned char spki[32]; /* key_spki_sha256() */
	struct buf csr;         /* made when its key was generated; empty: it is made when the order asks for it */
	bool wants_csr;
	enum dane_choice choice;     /* of the key */
	struct issue_solve **solves; /* by authorization index */
	size_t n_solves;
	struct strlist standing; /* records of dns-persist-01 that were found, see renew/persist.h */
	char *roots_file;        /* trustedRoots of the provider; or NULL */
	struct buf roots;        /* its content; empty: it could not be read */
	struct strlist dropped;  /* names that the order leaves out, see renew/drop_names.h */
	struct buf refused_pem;  /* the CA's chain, when it does not match our key and names */
	char *why;
	schedule_done_fn *done;
	void *arg;
};

/* --- issue.c --- */

/* Of a job_kind. */
void *
issue_start(void *env, const struct schedule_row *row, schedule_done_fn *done, void *arg);
void
issue_cancel(void *work);

int64_t
issue_now(const struct issue_env *env);

struct event_object
issue_object(const struct issue *issue);

/* With other issues running, @txn waits a moment, so that several share one commit. */
void
issue_gather(const struct issue *issue, struct store_txn *txn);

/* Adds to @memory (challenge/choice.h) how the names were validated, or which ones failed. While the order exists. */
void
issue_note_validations(const struct issue *issue, bool has_worked, struct strlist *memory);

/* Reports what it waits for, and keeps it for explain. @until_at: UNIX seconds; 0: not known. */
void
issue_say(struct issue *issue, const char *state, const char *why, int64_t until_at);

/* Frees it and notifies its owner. */
void
issue_end(struct issue *issue, bool is_stored);

/* A worker has finished the key, or the token has it. */
void
issue_key_ready(struct issue *issue);

/* --- issue_key.c --- */

/* Which key will be used? Return: 1 go on, 0 the order waits, the issue has ended; -1 failed. */
int
issue_choose_key(struct issue *issue, struct error *err);

/* At the start of an order: prepares its key if there is room for it. Return: 0 or -1. */
int
issue_get_key(struct issue *issue, struct error *err);

/*
 * issue_wake_key() - obtain the key: the saved one, the last certificate's, or a new one
 * Return: 0: it is available, or a worker generates it (issue_key_ready()); -1.
 */
int
issue_wake_key(struct issue *issue, struct error *err);

/*
 * issue_know_key() - what the certificate is compared with: the public key and its algorithm
 * The record then has the saved key's octets, for the certificate. Decoding the key again would cost a tenth of an
 * order's CPU time. Return: 0 or -1.
 */
int
issue_know_key(struct issue *issue, struct error *err);

/* The key is in the store and not needed for a while: releases its secure memory. */
void
issue_rest_key(struct issue *issue);

/* The result of the worker or token is no longer needed. */
void
issue_forget_key(struct issue *issue);

/* What the request asks for; borrows from @issue. */
struct csr_content
issue_csr_content(const struct issue *issue);

/* For a key in a token, whose signature arrives in @done, with the issue as argument. Return: 0 or -1. */
int
issue_sign_csr(struct issue *issue, signer_done_fn *done, struct error *err);

/* --- issue_result.c: all end at the turn's commit --- */

/* @txn has its outcome. */
void
issue_end_with(struct issue *issue, struct store_txn *txn);

/* The order waits for a rate limit; that is not a failure. */
void
issue_hold(struct issue *issue, struct ledger_hold *hold);

/* It waits for another reason, until @until_at. @why: copied. */
void
issue_wait(struct issue *issue, const char *why, int64_t until_at);

/* It is due outside its windows (window.h): the next order is at @until_at. */
void
issue_wait_window(struct issue *issue, int64_t until_at);

/* @is_spent: the order cannot be continued. Its key is discarded too: a new order gets a new key. */
void
issue_fail(struct issue *issue, const struct error *err, bool is_spent);

/* Stores certificate, next renewal, rollout intent and the end of the issue. -1: the chain does not match the order. */
int
issue_accept_chain(struct issue *issue, const struct buf *chain, struct error *err);

/* --- rehearse.c: of a rehearsal --- */

/* The client of the staging provider, for one that a caller asks for. Return: 0, or -1: it has no account, and why. */
int
rehearse_take_client(struct issue *issue, struct error *err);

/* It is over at the turn's commit, which reports the outcome, and removes its row or lets the order follow. */
void
rehearse_fail(struct issue *issue, const struct error *err);
void
rehearse_pass(struct issue *issue, const struct cert_info *info, const struct strlist *doubts);

/* --- issue_guard.c --- */

/* @file: of the provider; or NULL. One that cannot be read does not stop a renewal. */
void
issue_guard_read_roots(struct issue *issue, const char *file);

/*
 * issue_guard_compare() - compare @cert, which was just issued, with the one in use
 * Sets a->notes, and a->waiting_until_at: 0 unless it waits for approval. One that was revoked is replaced in any case.
 * Return: 0 or -1.
 */
int
issue_guard_compare(const struct issue *issue, struct autocert *a, const struct certificate *cert,
	const struct cert_info *info, struct strlist *ret_differences, struct error *err);

void
issue_guard_report(const struct issue *issue, struct store_txn *txn, const struct autocert *a,
	const struct certificate *cert, const struct strlist *differences);

#endif
