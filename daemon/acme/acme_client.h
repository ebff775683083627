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
struct meters;
struct secret;
struct signer;

struct acme_client_config {
	const char *directory_url; /* all borrowed for the call, copied */
	const char *ca_file;       /* or NULL */
	const char *account_url;   /* or NULL: not registered yet */
	/*
	 * The CA does not know the account, refuses it, or demands agreement to changed terms; @why (borrowed) is its
	 * answer: check the account, register it again if needed, then call acme_client_account_settled(). The
	 * affected requests wait until then. Called from the loop; may be NULL.
	 */
	void (*account_doubted)(const struct error *why, void *arg);
	void *arg;
	bool may_use_other_hosts; /* the directory's URLs may be on another host and port */
	struct meters *meters;    /* borrowed, must outlive the client: counts its requests; or NULL */
	struct signer *signer;    /* borrowed, must outlive the client: for keys in tokens; or NULL: there are none */
};

/* @http: borrowed, must outlive it; @account_key: taken. */
struct acme_client *
acme_client_new(
	struct loop *loop, const struct http *http, const struct acme_client_config *config, struct key *account_key);

/* Cancels all requests; no callback is called. NULL is a no-op. */
void
acme_client_free(struct acme_client *client);

/* NULL before acme_account_register(). Borrowed. */
const char *
acme_client_account_url(const struct acme_client *client);

/* The result of account_doubted(): @account_url (copied) is usable, or @err says why there is no account. */
void
acme_client_account_settled(struct acme_client *client, const char *account_url, const struct error *err);

/* Thumbprint of the account key (RFC 7638). Borrowed. */
const char *
acme_client_thumbprint(const struct acme_client *client);

/* The answer of a successful request (2xx). Borrowed for the callback. */
struct acme_reply {
	int status;
	const char *location;   /* or NULL */
	int64_t retry_after_at; /* UNIX seconds; 0 none */
	const char *body;
	size_t body_len;
	const struct strlist *links; /* Link header values, unparsed; see acme_msg_links() */
};

/*
 * Called once, from the loop. @err: the HTTP client's error, or the CA's problem (ERROR_CA, ERROR_RATE_LIMITED, ...).
 */
typedef void
acme_reply_fn(const struct acme_reply *reply, const struct error *err, void *arg);

struct acme_call; /* a running request; valid until its callback is called */

/* Names of directory entries in place of a URL. */
#define ACME_NEW_ORDER "newOrder"
#define ACME_REVOKE_CERT "revokeCert"
#define ACME_KEY_CHANGE "keyChange"

struct acme_request {
	const char *url;     /* absolute, or ACME_NEW_ORDER etc. */
	const char *payload; /* JSON text; NULL is a POST-as-GET (RFC 8555 s6.3) */
	const char *accept;  /* or NULL */
	size_t max_body;     /* maximum size of the answer; 0: that of http.h */
	/*
	 * This is an authorization. Such a request never overlaps a newOrder of this client, because Pebble 2.4
	 * deadlocks then. Other CAs are not slowed down by it.
	 */
	bool is_authorization;
	const struct key
		*key;        /* signs, and is embedded, instead of the account's; borrowed until the end of the call */
	bool is_best_effort; /* no retries after network errors and 5xx */
	/*
	 * The CA has just returned this URL: "not found" then means replication lag, and is retried for some seconds.
	 */
	bool may_lag;
};

/*
 * acme_client_send() - one signed POST; fetches directory and nonce first when needed
 * Network errors, timeouts and 5xx are retried up to 5 times within some seconds; a longer Retry-After is left to the
 * caller (error.retry_at). The URL must be on the directory's host unless may_use_other_hosts (ERROR_PROTOCOL).
 * @request: borrowed for the call, copied
 * @done: NULL: the answer is ignored
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

/*
 * acme_client_check_profile() - acme_directory_check_profile() of the directory, which is fetched again if the one that
 * is cached does not have @profile (copied)
 * @done: with neither an answer nor an error if the CA offers it
 */
struct acme_call *
acme_client_check_profile(struct acme_client *client, const char *profile, acme_reply_fn *done, void *arg);

/*
 * acme_client_renewal_info() - asks when a certificate should be renewed (RFC 9773 s4), once and unsigned
 * The answer is for acme_msg_renewal_info(); reply->retry_after_at says when to ask again. A failure is not retried.
 * @ari_id: of the certificate (struct cert_info); copied
 * @done: with neither an answer nor an error if the CA does not offer this
 */
struct acme_call *
acme_client_renewal_info(struct acme_client *client, const char *ari_id, acme_reply_fn *done, void *arg);

/* Does the CA offer renewal information, as far as its directory is known? */
bool
acme_client_offers_renewal_info(const struct acme_client *client);

/* How hashes of accounts begin in records of dns-persist-01; NULL: unknown. Borrowed. */
const char *
acme_client_account_hash_prefix(const struct acme_client *client);

/* The directory as it was fetched last; NULL: it was not yet. Borrowed until the next turn. */
const struct acme_directory *
acme_client_known_directory(const struct acme_client *client);

struct acme_account_request {
	const char *email; /* or NULL; "mailto:" is added */
	bool has_agreed_terms;
	const char *eab_key_id; /* or NULL; an account is bound if both are given */
	const struct secret *eab_key;
	bool is_known; /* the account exists: this only agrees to its terms, without a binding */
};

/*
 * acme_account_register() - newAccount (RFC 8555 s7.3); safe to repeat, since a key always has the same account
 * On success acme_client_account_url() is set. @request: copied.
 * ERROR_INVALID, field "termsOfServiceAgreed", with the URL to read: the terms were not accepted. ERROR_INVALID, field
 * "externalAccountBinding": the CA requires one.
 */
struct acme_call *
acme_account_register(
	struct acme_client *client, const struct acme_account_request *request, acme_reply_fn *done, void *arg);

/*
 * acme_account_update() - changes the e-mail address of the account (RFC 8555 s7.3.2)
 * After acme_account_register() or acme_account_find(). @email: "mailto:" is added; copied.
 */
struct acme_call *
acme_account_update(struct acme_client *client, const char *email, acme_reply_fn *done, void *arg);

/* Ends the account for good (RFC 8555 s7.3.6). A repetition is refused as "unauthorized". */
struct acme_call *
acme_account_deactivate(struct acme_client *client, acme_reply_fn *done, void *arg);

/*
 * acme_account_change_key() - replaces the key of the account at the CA (RFC 8555 s7.3.5)
 * The client must have an account URL, and keeps its key. A lost answer is resolved by acme_account_find() with a
 * client of either key.
 * It is not repeated after network errors: the old key may be void by then.
 * @next: borrowed until the callback or acme_call_cancel()
 */
struct acme_call *
acme_account_change_key(struct acme_client *client, const struct key *next, acme_reply_fn *done, void *arg);

/*
 * acme_account_find() - finds this key's account (onlyReturnExisting)
 * If the client has an account URL, "accountDoesNotExist" is taken for replication lag for two seconds. A deactivated
 * or revoked account is an error with the problem "unauthorized", whichever way the CA says so.
 */
struct acme_call *
acme_account_find(struct acme_client *client, acme_reply_fn *done, void *arg);

#endif
