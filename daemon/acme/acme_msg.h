/*
 * daemon/acme/acme_msg.h: ACME objects as structs (RFC 8555 s7.1). Pure: octets in, structs out. Every string is
 * bounded and checked here once (tokens, URLs, identifiers). A member that the CA omitted, or sent as null, is NULL or
 * 0 in the struct: the order keeps the value of an earlier answer.
 */
#ifndef DAEMON_ACME_ACME_MSG_H
#define DAEMON_ACME_ACME_MSG_H

#include "common/error.h"
#include "common/strlist.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ACME_URL_MAX = 2048, ACME_NONCE_MAX = 128, ACME_TOKEN_MIN = 22, ACME_TOKEN_MAX = 128 };

/* RFC 8555 s7.1.1; RFC 9773 s4.1 */
struct acme_directory {
	char *new_nonce; /* all owned; these three are always set */
	char *new_account;
	char *new_order;
	char *revoke_cert; /* this and the next: or NULL */
	char *key_change;
	char *renewal_info;
	char *terms_of_service;
	bool needs_eab;
	struct strlist caa_identities;
	char *account_hash_prefix;   /* of accounturi in dns-persist-01 from draft -02 on; or NULL */
	struct strlist profiles;     /* names */
	struct strlist profile_help; /* of each: its description or URL, "" if it has none; as the CA sent it */
};

/* RFC 8555 s7.1.6, all objects; the parser checks that a status fits its object. */
enum acme_status {
	ACME_PENDING,
	ACME_READY,
	ACME_PROCESSING,
	ACME_VALID,
	ACME_INVALID,
	ACME_DEACTIVATED,
	ACME_EXPIRED,
	ACME_REVOKED
};

struct acme_order_msg {
	enum acme_status status;
	int64_t expires_at;            /* UNIX seconds; 0: unknown */
	struct strlist names;          /* identifiers, canonical; may be empty, like all members below */
	struct strlist authorizations; /* URLs */
	char *finalize;
	char *certificate;
	char *profile;      /* as the CA says it; may be of any kind */
	struct error error; /* of the order, if the CA gave one */
};

struct acme_challenge {
	char *type; /* "http-01", ... ; unknown types are kept by name */
	char *url;
	char *token;            /* [A-Za-z0-9_-]{22,128}; NULL for types without one */
	struct strlist issuers; /* of dns-persist-01: A-labels that its record may name; else empty */
	bool is_account_hashed; /* dns-persist-01 of draft -02: the record has a hash instead of the account URL */
	enum acme_status status;
	struct error error; /* why it failed, or why a server that retries has not validated it yet */
};

struct acme_authorization {
	char *url;  /* set by the code that fetched it */
	char *name; /* identifier without "*."; NULL: the CA omitted it */
	bool is_wildcard;
	enum acme_status status;
	int64_t expires_at;                /* UNIX seconds; 0: unknown */
	struct acme_challenge *challenges; /* owned; those with a type and a URL */
	size_t n_challenges;
};

/* RFC 9773 s4.2 */
struct acme_renewal_info {
	int64_t start_at; /* of the suggested window; UNIX seconds */
	int64_t end_at;   /* > start_at */
	char *url;        /* owned; the CA's explanation, printable, to be shown and never fetched; or NULL */
};

/* All: 0, or -1 with ERROR_PROTOCOL that names the member. @text is an untrusted response body. */
int
acme_msg_directory(const char *text, size_t len, struct acme_directory *ret, struct error *err);

int
acme_msg_order(const char *text, size_t len, struct acme_order_msg *ret, struct error *err);

int
acme_msg_authorization(const char *text, size_t len, struct acme_authorization *ret, struct error *err);

/*
 * acme_directory_check_profile() - does the CA offer the profile? (draft-ietf-acme-profiles: no other may be requested)
 * Return: 0, or -1 with ERROR_CA, field "profile" and the names that it offers.
 */
int
acme_directory_check_profile(const struct acme_directory *directory, const char *profile, struct error *err);

/* The answer to a challenge's POST: only status and error; type, url and token stay NULL. */
int
acme_msg_challenge(const char *text, size_t len, struct acme_challenge *ret, struct error *err);

int
acme_msg_renewal_info(const char *text, size_t len, struct acme_renewal_info *ret, struct error *err);

/* The status of an account object (RFC 8555 s7.1.2): valid, deactivated or revoked. */
int
acme_msg_account(const char *text, size_t len, enum acme_status *ret, struct error *err);

/*
 * acme_msg_problem() - an error answer as struct error, by the problem table (acme_problem.c)
 * The body may be a problem document, HTML, or empty. Subproblems are added to the message with their identifiers;
 * control characters are removed; the message has at most 1,000 characters.
 * @status: HTTP status
 * @retry_after_at: 0 or from the header; for a rate limit also parsed from the detail text ("retry after 2026-01-02
 * 03:04:05 UTC")
 */
void
acme_msg_problem(int status, const char *text, size_t len, int64_t retry_after_at, struct error *ret);

/*
 * acme_url_check() - may this URL of a CA be requested?
 * It must be https, with a host and a valid port, in printable ASCII, without user or fragment, and have at most
 * ACME_URL_MAX octets. Return: 0, or -1 with ERROR_PROTOCOL.
 */
int
acme_url_check(const char *url, struct error *err);

/* Both have the same host and port (443 by default). Both have passed acme_url_check(). */
bool
acme_url_same_host(const char *a, const char *b);

/* A valid nonce of RFC 8555 s6.5.1: base64url, at most ACME_NONCE_MAX octets. */
bool
acme_nonce_is_valid(const char *nonce);

/* Appends to @ret the targets, unchanged, of the Link header values in @links whose relation is @rel (RFC 8288). */
void
acme_msg_links(const struct strlist *links, const char *rel, struct strlist *ret);

void
acme_directory_clear(struct acme_directory *d);

void
acme_order_msg_clear(struct acme_order_msg *o);

void
acme_authorization_clear(struct acme_authorization *a);

void
acme_challenge_clear(struct acme_challenge *c);

void
acme_renewal_info_clear(struct acme_renewal_info *r);

#endif
