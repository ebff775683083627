/*
 * daemon/renew/revoke.h: the revocation of a certificate (RFC 8555 s7.6). What is wanted is in its record, with a row
 * of SCHEDULE_REVOKE, before anything is sent; the request may be repeated, because a certificate that is revoked
 * already is a success. By default the replacement is deployed first.
 */
#ifndef DAEMON_RENEW_REVOKE_H
#define DAEMON_RENEW_REVOKE_H

#include "daemon/renew/issue.h"

enum revoke_step {
	REVOKE_SEND,
	REVOKE_AFTER_ISSUE,   /* there is no replacement yet */
	REVOKE_AFTER_ROLLOUT, /* the replacement is not deployed yet */
};

struct revoke_in {
	bool is_at_once;
	bool is_newest;      /* of its auto-certificate */
	bool is_deployed;    /* or its replacement is not, completely */
	int64_t replaced_at; /* when the newest was issued; UNIX seconds */
	int64_t now;
};

/* Pure. A server that cannot be reached delays the revocation for an hour after the replacement was issued. */
enum revoke_step
revoke_next_step(const struct revoke_in *in);

/* The state of a revocation that was requested, in words; owned by the caller. NULL: none was. */
char *
revoke_text(const struct issue_env *env, const struct certificate *cert);

/* The number of a reason (common/api/revoke_reasons.h); -1 unknown. */
int
revoke_reason_number(const char *reason);

/* A certificate was saved: puts the row of its revocation, or removes it. */
void
revoke_schedule(struct store *store, struct store_txn *txn, const struct certificate *cert);

/* Registered with a struct issue_env. */
extern const struct job_kind revoke_job;

#endif
