/*
 * Another key for the account (RFC 8555 s7.3.5). The new key is stored before the CA gets it, and the old one is kept
 * until the CA has confirmed: at any moment one of the stored keys is the account's. After a lost answer or a crash the
 * CA is asked which one, because it knows an account by its key. Meanwhile no order starts.
 */
#include "common/crypto/key.h"
#include "daemon/renew/account_private.h"

#include <string.h>

/* The CA has answered so often without replacing the key: it cannot. Unanswered attempts do not count as many. */
enum { ROLL_TRIES = 5 };

static bool
rollover_has_problem(const struct error *err, const char *problem)
{
	return err && err->problem && strcmp(err->problem, problem) == 0;
}

/* Only now the new key may be forgotten: the CA knows the old one, or none of them for long. */
static void
rollover_old_judged(const struct acme_reply *reply _unused_, const struct error *err, void *arg)
{
	struct account *account = arg;
	bool is_unknown = rollover_has_problem(err, "accountDoesNotExist");

	account->call = NULL;
	if (!err || rollover_has_problem(err, "unauthorized") || (is_unknown && account->attempts >= ROLL_TRIES))
		account->roll = ROLL_REFUSED;
	account_finish(account, account->roll == ROLL_REFUSED ? &account->refusal : err);
}

/* The CA does not know the new key, and will not take it, because of @why. */
static void
rollover_give_up(struct account *account, const struct error *why)
{
	if (why != &account->refusal)
		error_copy(&account->refusal, why);
	account->call = acme_account_find(account->client, rollover_old_judged, account);
}

/* The request was not accepted, or its answer was lost. Does the CA know the new key? */
static void
rollover_judged(const struct acme_reply *reply _unused_, const struct error *err, void *arg)
{
	struct account *account = arg;
	bool is_final = account->refusal.code == ERROR_CA && !account->refusal.may_retry;

	account->call = NULL;
	if (!err)
		account->roll = ROLL_DONE;
	else if (rollover_has_problem(err, "accountDoesNotExist"))
		err = &account->refusal;
	if (err == &account->refusal && is_final)
		rollover_give_up(account, err);
	else
		account_finish(account, err);
}

/* A refusal alone proves nothing: a repeated request is refused because the first one was carried out. */
static void
rollover_sent(const struct acme_reply *reply _unused_, const struct error *err, void *arg)
{
	struct account *account = arg;

	account->call = NULL;
	if (!err) {
		account->roll = ROLL_DONE;
		account_finish(account, NULL);
		return;
	}
	error_copy(&account->refusal, err);
	account->call = acme_account_find(account->next_client, rollover_judged, account);
}

/* Is the new key the account's already? */
static void
rollover_looked(const struct acme_reply *reply _unused_, const struct error *err, void *arg)
{
	struct account *account = arg;

	account->call = NULL;
	if (!rollover_has_problem(err, "accountDoesNotExist")) {
		if (!err)
			account->roll = ROLL_DONE;
		account_finish(account, err);
	} else if (account->attempts >= ROLL_TRIES) {
		rollover_give_up(account, error_is_set(&account->refusal) ? &account->refusal : err);
	} else {
		account->call = acme_account_change_key(account->client, account->next_key, rollover_sent, account);
	}
}

int
account_rollover_start(struct account *account, const struct provider *p, struct error *err)
{
	struct key *key = NULL;
	_cleanup_provider_ struct provider stranger = { 0 };

	if (key_from_der(&p->next_key, &account->next_key, err) < 0 || key_from_der(&p->next_key, &key, err) < 0)
		return error_wrap(err, "next account key");
	account->roll = ROLL_ASKED;
	account->attempts = p->attempts;
	error_copy(&account->refusal, &p->o.failure); /* of the attempt before */
	/* Without the account's URL, an unknown key is an answer, not replication lag. */
	stranger.server = xstrdup(p->server);
	stranger.ca_file = xstrdup_null(p->ca_file);
	account->next_client = account_client_new(account, &stranger, key);
	account->call = acme_account_find(account->next_client, rollover_looked, account);
	return 0;
}
