/*
 * daemon/renew/account.h: registering a provider's account. The key is committed before newAccount, so that a
 * repetition finds the same account (RFC 8555 s7.3.1). Driven by the SCHEDULE_ACCOUNT row, with its own backoff.
 */
#ifndef DAEMON_RENEW_ACCOUNT_H
#define DAEMON_RENEW_ACCOUNT_H

#include "daemon/schedule/job.h"

struct issue_env;
struct store_txn;

/* Registered with a struct issue_env. When the job ends, the row was moved or deleted. */
extern const struct job_kind account_job;

/* The CA has just issued a certificate: if it had demanded agreement to changed terms, it got it in another way. */
void
account_works(const struct issue_env *env, struct store_txn *txn, const char *provider_id);

#endif
