/*
 * daemon/acme/acme_client_private.h: shared by acme_client.c (the object, its directory and nonces), acme_call.c (the
 * requests) and acme_account.c; not for other files.
 */
#ifndef DAEMON_ACME_ACME_CLIENT_PRIVATE_H
#define DAEMON_ACME_ACME_CLIENT_PRIVATE_H

#include "common/crypto/key.h"
#include "daemon/acme/acme_client.h"
#include "daemon/acme/acme_nonce.h"
#include "daemon/base/loop.h"
#include "daemon/base/meter.h"
#include "daemon/base/signer.h"

enum {
	ACME_NONCE_TRIES = 10,   /* reliable at 30 % rejection needs about that many */
	ACME_NONCES_ROUND = 8,   /* nonces in use: concurrent requests of one client */
	ACME_TRANSIENT_TRIES = 5 /* after network errors and 5xx, all within some seconds */
};

#define ACME_NEW_ACCOUNT "newAccount"

/* An unsigned request of the client's own; calls wait for it. */
struct acme_fetch {
	struct acme_client *client;
	void (*done)(struct acme_fetch *fetch, struct http_response *res);
	const char *what;
	void *http;      /* in flight; or NULL */
	int64_t sent_us; /* boot time */
	struct loop_timer again;
	unsigned tries;
	bool is_active;
};

struct acme_client {
	struct loop *loop;
	const struct http *http;
	char *directory_url;
	size_t origin_len;      /* of "https://host/" in it */
	char *directory_target; /* where the directory redirects to; NULL: it does not */
	unsigned redirects;
	bool is_nonce_by_get; /* this CA refuses HEAD */
	char *ca_file;
	bool may_use_other_hosts;
	struct meter *meter; /* of the CA; NULL: nothing is counted */
	struct signer *signer;
	struct key *key;
	char *thumbprint;
	char *account_url;
	void (*account_doubted)(const struct error *why, void *arg);
	void *arg;

	struct acme_directory directory;
	int64_t directory_until_ms; /* boot time; 0: there is none, or it is no longer trusted */
	struct acme_nonces nonces;
	struct acme_fetch directory_fetch;
	struct acme_fetch nonce_fetches[ACME_NONCES_ROUND];

	struct acme_call *calls;   /* oldest first */
	struct acme_order *orders; /* those that hold or wait for a URL; used by acme_order_states.c */
	struct loop_timer pump;
};

enum acme_call_state {
	ACME_CALL_WAITING, /* for directory, gate or nonce */
	ACME_CALL_SENT,
	ACME_CALL_PAUSED,  /* until the next attempt */
	ACME_CALL_ACCOUNT, /* until the account is settled */
	ACME_CALL_ENDING   /* its callback runs in the next turn */
};

struct acme_call {
	struct acme_call *prev, *next;
	struct acme_client *client;
	enum acme_call_state state;
	acme_directory_fn *directory_done; /* set: only the directory is requested */
	char *profile;                     /* set: the only question is whether the directory has it */
	char *ari_id;                      /* set: an unsigned GET of this certificate's renewal information */
	bool is_directory_new;             /* it was fetched for this call */
	acme_reply_fn *done;
	void *arg;
	/* Makes the payload when the directory is available; NULL: the payload is known. */
	int (*build)(const struct acme_directory *directory, struct buf *ret, struct error *err, void *arg);
	void (*release)(void *arg); /* called when the call is released, for any reason; or NULL */

	char *url; /* or the name of a directory entry */
	char *target;
	char *payload; /* NULL: POST-as-GET */
	char *accept;
	size_t max_body;
	bool is_authorization;
	bool is_best_effort;
	bool may_lag;
	bool is_account_settled; /* checked once already: the CA's answer is now final */
	const struct key *key;   /* of the signature; NULL: the account's */
	bool has_jwk;            /* signed with the embedded key; there is no account URL yet */

	struct signing *signing; /* of SENT: the key's token is signing it; or NULL */
	struct buf input;        /* of SENT: what is signed */
	void *http;              /* in flight; or NULL */
	int64_t sent_us;         /* boot time */
	struct loop_timer timer;
	unsigned nonce_tries, transient_tries, lag_tries;
	struct error error; /* of ENDING: none: the directory is available; of ACCOUNT: the CA's answer */
};

struct acme_call *
acme_call_new(struct acme_client *client, const struct acme_request *request);

/* Queues the call and starts whatever can start. Calls no callback. */
void
acme_call_start(struct acme_call *call);

void
acme_call_free(struct acme_call *call);

/* Starts every call that can continue, and fetches what the others wait for. */
void
acme_client_pump(struct acme_client *client);

/* All calls that wait for directory or nonce end with @err. */
void
acme_client_fail_waiting(struct acme_client *client, const struct error *err);

bool
acme_client_has_directory(const struct acme_client *client);

void
acme_client_fetch_directory(struct acme_client *client);

/* Makes sure that at least @count nonces are available or requested. */
void
acme_client_fetch_nonces(struct acme_client *client, size_t count);

/* The next use of the directory fetches it again. */
void
acme_client_distrust_directory(struct acme_client *client);

/* acme_url_check(), and the same host as the directory. */
int
acme_client_check_url(const struct acme_client *client, const char *url, struct error *err);

/*
 * May the request be retried now? @status: HTTP status, 0 without an answer.
 * Return: milliseconds to wait, or -1: no.
 */
int64_t
acme_client_retry_delay_ms(const struct acme_client *client, const struct error *err, int status, unsigned tries);

/* Parses an answer that is not 2xx: a problem or a redirect; @ret's retry_at is bounded. */
void
acme_client_read_refusal(const struct acme_client *client, const struct http_response *res, struct error *ret);

/* A request was sent: returns the time for acme_client_count(). */
int64_t
acme_client_clock_us(const struct acme_client *client);

/* It was answered or has failed: counts it, and if @err the reason. */
void
acme_client_count(struct acme_client *client, int64_t sent_us, const struct error *err);

/* Retry-After of @res as UNIX seconds, 0 if absent or unreadable. */
int64_t
acme_client_retry_after(const struct acme_client *client, const struct http_response *res);

#endif
