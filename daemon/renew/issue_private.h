/* daemon/renew/issue_private.h: what the parts of issue.c share: the flow, the key, and what follows from the result. */
#ifndef DAEMON_RENEW_ISSUE_PRIVATE_H
#define DAEMON_RENEW_ISSUE_PRIVATE_H

#include "common/crypto/key.h"
#include "common/error.h"
#include "daemon/acme/acme_order.h"
#include "daemon/renew/issue.h"

#include <stdbool.h>

/* A challenge that the solver was asked for. */
struct issue_solve {
	struct issue *issue;
	size_t index;
	size_t challenge;
	struct solve *solve; /* NULL when down */
};

struct keygen;

struct issue {
	const struct issue_env *env;
	struct ca_client *client;
	struct autocert autocert; /* as it was when the issue began */
	char id[STORE_ID_SIZE];   /* of the auto-certificate */
	char lane[STORE_ID_SIZE]; /* of its row: the provider's id */
	struct issue_record record;
	struct acme_order *order;
	struct key *key;
	struct keygen *keygen; /* under way on a worker; or NULL */
	bool is_key_saved;     /* with the record */
	bool csr_wanted;
	struct issue_solve **solves; /* by authorization index */
	size_t n_solves;
	struct buf refused_pem; /* the CA's chain, when it is not for our key and names */
	char *why;
	schedule_done_fn *done;
	void *arg;
};

/* --- issue.c --- */

int64_t
issue_now(const struct issue_env *env);

struct event_object
issue_object(const struct issue *issue);

/* Beside others that are under way @txn waits a moment, so that one commit is made for several of them. */
void
issue_gather(const struct issue *issue, struct store_txn *txn);

/* Frees it and tells its owner. */
void
issue_end(struct issue *issue, bool stored);

/* The key has come from a worker. */
void
issue_key_ready(struct issue *issue);

/* --- issue_key.c --- */

/* At the begin of an order: its key is made ready if there is room for it. Return: 0 or -1. */
int
issue_get_key(struct issue *issue, struct error *err);

/*
 * issue_wake_key() - have the key: the saved one, the last certificate's, or a new one
 * Return: 0: it is there, or a worker makes it (issue_key_ready()); -1.
 */
int
issue_wake_key(struct issue *issue, struct error *err);

/* The key is in the store and not needed for a while: no memory for secrets holds it. */
void
issue_rest_key(struct issue *issue);

/* What the worker brings is not wanted any more. */
void
issue_forget_key(struct issue *issue);

/* --- issue_result.c: both end at the turn's commit --- */

/* @is_spent: the order is of no more use. The key goes with it: a new order gets a new key. */
void
issue_fail(struct issue *issue, const struct error *err, bool is_spent);

/* Certificate, next renewal, rollout intent and the end of the issue. -1: the chain is not what was asked for. */
int
issue_accept_chain(struct issue *issue, const struct buf *chain, struct error *err);

#endif
