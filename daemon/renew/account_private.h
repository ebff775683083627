/*
 * daemon/renew/account_private.h: shared by account.c (the requests) and account_result.c (what follows from them); not
 * for other files.
 */
#ifndef DAEMON_RENEW_ACCOUNT_PRIVATE_H
#define DAEMON_RENEW_ACCOUNT_PRIVATE_H

#include "daemon/acme/acme_client.h"
#include "daemon/renew/issue.h"
#include "daemon/schedule/job.h"

struct account_keygen;

/* How far the replacement of the account's key has come; see account_rollover.c. */
enum account_roll {
	ROLL_NONE,   /* this job is about something else */
	ROLL_ASKED,  /* the outcome is unknown as long as no answer arrives */
	ROLL_DONE,   /* the CA has the new key */
	ROLL_REFUSED /* the CA has the old key, and keeps it */
};

struct account {
	const struct issue_env *env;
	char id[STORE_ID_SIZE]; /* provider */
	struct acme_client *client;
	struct acme_call *call;
	struct account_keygen *keygen; /* running; or NULL */
	char *former_url;              /* the account that the CA does not know any more; or NULL */
	bool is_known;                 /* the provider has an account */
	bool is_found;                 /* the CA still has the account that the provider has */
	bool was_there;                /* the CA already had an account for the key */
	bool is_over;                  /* it was deactivated, as requested */
	enum account_roll roll;
	struct acme_client *next_client; /* signs with the next key; or NULL */
	struct key *next_key;
	int64_t attempts;     /* failed ones before, to replace the key */
	struct error refusal; /* of the request for another key */
	char *email;          /* the CA has this address; NULL: not known */
	bool is_updated;      /* the CA's account got another address */
	bool needs_eab;
	char *terms_url;
	char *profile_note; /* the CA does not offer the provider's profile */
	schedule_done_fn *done;
	void *arg;
};

/* The job ends here, without a result. */
void
account_cancel(void *work);

/* Stops the worker that generates the key, if it runs. */
void
account_keygen_cancel(struct account *account);

/* @p has both keys, and no order runs. Return: 0, or -1: the job ends with @err. */
int
account_rollover_start(struct account *account, const struct provider *p, struct error *err);

/* A client that signs with @key (taken), which may have the account of @p. */
struct acme_client *
account_client_new(const struct account *account, const struct provider *p, struct key *key);

/* The job has ended: stores what follows, with the event, and ends it. @err: NULL: the account is usable. */
void
account_finish(struct account *account, const struct error *err);

#endif
