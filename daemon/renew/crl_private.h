/*
 * daemon/renew/crl_private.h: shared by crl.c, the pass over all certificates, crl_ask.c, one source, crl_fetch.c, one
 * request, and crl_found.c, what follows. A source is a list, or what a responder says about one certificate.
 */
#ifndef DAEMON_RENEW_CRL_PRIVATE_H
#define DAEMON_RENEW_CRL_PRIVATE_H

#include "common/crypto/crl.h"
#include "daemon/base/http.h"
#include "daemon/renew/crl.h"

/* The record of STORE_CRL: what is known of a source. Its id: struct crl_point. */
struct crl_record {
	char *url;
	char *etag;          /* of the last good answer; or NULL */
	char *last_modified; /* the same */
	int64_t this_update_at;
	int64_t next_update_at; /* 0: the list does not say */
	int64_t judged_at;      /* when the certificates were last looked for in it; 0: never */
	int64_t checked_at;     /* when it was last asked for with success */
	int64_t next_at;        /* not asked for before */
	int64_t attempts;       /* consecutive failures */
	struct error error;     /* of the last of them */
	struct buf unknown;
};

extern const struct record_class crl_class;

/* A certificate that names the source. */
struct crl_watched {
	unsigned char serial[CRL_SERIAL_MAX];
	unsigned char serial_len;
	bool is_leaf; /* the certificate itself, not an issuer in its chain */
	char id[STORE_ID_SIZE];
};

/* A source, and the certificates that name it. There may be many: its own certificates are there while it is asked. */
struct crl_source {
	char id[CRL_ID_SIZE];
	bool is_ocsp;
	char *url;         /* owned */
	struct buf cert;   /* DER of one of them */
	struct buf issuer; /* of its issuer; may be empty */
	struct crl_watched *watched;
	size_t n_watched;
	int64_t newest_at; /* when the last of them was stored */
};

/* The pause after the store could not be read; also the tolerance for clocks that were wrong. */
enum { CRL_LOOK_AGAIN_SEC = 3600 };

int64_t
crl_now(const struct issue_env *env);

/* --- crl_ask.c --- */

struct crl_ask;

/*
 * Once, from the loop; what was learned is durable. @err: the store failed. @next_at: of the source. @is_down: its
 * server does not answer anybody.
 */
typedef void
crl_asked_fn(int64_t next_at, bool is_down, const struct error *err, void *arg);

/*
 * crl_ask() - fetch a source, look for the certificates in it, and save what was found, then the source's record
 * @source: borrowed until @done or crl_ask_cancel(); what it has but id and URL is taken
 * @record: moved from
 */
struct crl_ask *
crl_ask(const struct issue_env *env, struct crl_source *source, struct crl_record *record, crl_asked_fn *done,
	void *arg);

/* NULL is a no-op. */
void
crl_ask_cancel(struct crl_ask *ask);

/* A revoked one. */
struct crl_found {
	struct crl_watched watched;
	const char *reason; /* static */
	int64_t revoked_at;
};

/* --- crl_fetch.c --- */

struct crl_fetch;

/*
 * Once, from the loop. @res: NULL: @err says why; otherwise its status is 200, or 304 if @record was passed on. Both
 * borrowed; the callee may steal the body.
 */
typedef void
crl_fetched_fn(struct http_response *res, const struct error *err, void *arg);

/*
 * ERROR_UNAVAILABLE: the server is overloaded or out of order. @url: of a list, or the question to a responder.
 * @record: NULL: the whole answer is wanted; otherwise only one that has changed since. Both borrowed for the call.
 */
struct crl_fetch *
crl_fetch(const struct http *http, const char *url, bool is_ocsp, const struct crl_record *record, crl_fetched_fn *done,
	void *arg);

/* NULL is a no-op. */
void
crl_fetch_cancel(struct crl_fetch *fetch);

/* --- crl_found.c --- */

/* Makes @found's certificate revoked, and orders its replacement; nothing if it is known. Return: 0 or -1. */
int
crl_take(const struct issue_env *env, struct store_txn *txn, const char *url, const struct crl_found *found,
	struct error *err);

#endif
