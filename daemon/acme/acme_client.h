/*
 * daemon/acme/acme_client.h: signed requests to one CA with one account: directory (cached a day, fetched again after
 * failures), nonce pool, JWS, badNonce retries (up to 10), problem documents to struct error (RFC 8555 s6).
 */
#ifndef DAEMON_ACME_ACME_CLIENT_H
#define DAEMON_ACME_ACME_CLIENT_H

#include "daemon/acme/acme_msg.h"
#include "daemon/base/http.h"

struct acme_client;
struct key;
struct loop;
struct secret;

struct acme_client_config {
	const char *directory_url; /* all borrowed for the call, copied */
	const char *ca_file;       /* or NULL */
	const char *account_url;   /* or NULL: not registered yet */
	/*
	 * The CA does not know the account, or refuses it: look whether it is there, register it again, and then call
	 * acme_client_account_settled(). The requests concerned wait for that. Called from the loop; may be NULL.
	 */
	void (*account_doubted)(void *arg);
	void *arg;
	bool allow_other_hosts; /* URLs of the directory may name another host and port than the directory's */
};

/* @http: borrowed, must outlive it; @account_key: taken. */
struct acme_client *
acme_client_new(
	struct loop *loop, const struct http *http, const struct acme_client_config *config, struct key *account_key);

/* Cancels everything in flight; no callback is called. NULL is a no-op. */
void
acme_client_free(struct acme_client *client);

/* NULL before acme_account_register(). Borrowed. */
const char *
acme_client_account_url(const struct acme_client *client);

/* Answer to account_doubted(): @account_url (copied) can be used, or @err says why there is no account any more. */
void
acme_client_account_settled(struct acme_client *client, const char *account_url, const struct error *err);

/* Thumbprint of the account key (RFC 7638). Borrowed. */
const char *
acme_client_thumbprint(const struct acme_client *client);

/* The answer of a request that succeeded (2xx). Borrowed for the callback. */
struct acme_reply {
	int status;
	const char *location;   /* or NULL */
	int64_t retry_after_at; /* UNIX seconds; 0 none */
	const char *body;
	size_t body_len;
	const struct strlist *links; /* Link header values as they came, see acme_msg_links() */
};

/* Once, from the loop. @err: what http gave, or the CA's problem (ERROR_CA, ERROR_RATE_LIMITED, ...). */
typedef void
acme_reply_fn(const struct acme_reply *reply, const struct error *err, void *arg);

struct acme_call; /* a request under way; valid until its callback is called */

/* Names of directory entries in place of a URL. */
#define ACME_NEW_ORDER "newOrder"
#define ACME_REVOKE_CERT "revokeCert"

struct acme_request {
	const char *url;     /* absolute, or ACME_NEW_ORDER etc. */
	const char *payload; /* JSON text; NULL is a POST-as-GET (RFC 8555 s6.3) */
	const char *accept;  /* or NULL */
	size_t max_body;     /* cap of the answer; 0: that of http.h */
	/*
	 * This is an authorization. Such a request never overlaps a newOrder of this client: Pebble 2.4 deadlocks
	 * then, and nothing is lost by it.
	 */
	bool authorization;
	bool best_effort; /* no tries after network errors and 5xx */
	/* The CA has just named this URL: "not found" is a replica that lags, and asked again for some seconds. */
	bool may_lag;
};

/*
 * acme_client_send() - one signed POST; fetches directory and nonce first when needed
 * @request: borrowed for the call, copied
 * @done: NULL: nobody is interested in the answer
 * Network errors, timeouts and 5xx are tried again up to 5 times within some seconds; a longer Retry-After is left to
 * the caller (error.retry_at). The host must be the directory's unless allow_other_hosts (ERROR_PROTOCOL).
 */
struct acme_call *
acme_client_send(struct acme_client *client, const struct acme_request *request, acme_reply_fn *done, void *arg);

/* NULL is a no-op. */
void
acme_call_cancel(struct acme_call *call);

/* The directory, fetched if needed. @directory borrowed for the callback. */
typedef void
acme_directory_fn(const struct acme_directory *directory, const struct error *err, void *arg);

struct acme_call *
acme_client_directory(struct acme_client *client, acme_directory_fn *done, void *arg);

struct acme_account_request {
	const char *email; /* or NULL; "mailto:" is added */
	bool terms_agreed;
	const char *eab_key_id; /* or NULL; an account is bound if both are given */
	const struct secret *eab_key;
};

/*
 * acme_account_register() - newAccount (RFC 8555 s7.3); @request is copied; safe to repeat, the same key gives the same account.
 * Terms that were not agreed to: ERROR_INVALID, field "termsOfServiceAgreed", with the URL to read. EAB needed and
 * not given: ERROR_INVALID, field "externalAccountBinding". After success acme_client_account_url() is set.
 */
struct acme_call *
acme_account_register(
	struct acme_client *client, const struct acme_account_request *request, acme_reply_fn *done, void *arg);

/* Asks which account this key has (onlyReturnExisting). */
struct acme_call *
acme_account_find(struct acme_client *client, acme_reply_fn *done, void *arg);

#endif
