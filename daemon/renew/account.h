/*
 * daemon/renew/account.h: registering a provider's account: key committed before newAccount, so that a repeat finds
 * the same account (RFC 8555 s7.3.1). Driven by the SCHEDULE_ACCOUNT row, with its own backoff.
 */
#ifndef DAEMON_RENEW_ACCOUNT_H
#define DAEMON_RENEW_ACCOUNT_H

#include "daemon/renew/issue.h"

struct account;
struct http;

/* @done: registered, or failed with its retry row set; the account is free then. */
struct account *
account_start(const struct issue_env *env, const struct http *http, bool allow_other_hosts,
	const char *provider_id, schedule_done_fn *done, void *arg);

/* NULL is a no-op. */
void
account_cancel(struct account *account);

#endif
