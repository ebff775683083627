/*
 * daemon/renew/authorize.h: validating a name manually, before a certificate needs it. A separate order is advanced to
 * the TXT record, waits until the operator says that the record is published, and is then validated. Driven by the
 * SCHEDULE_AUTHORIZE row, which also deletes expired authorizations.
 */
#ifndef DAEMON_RENEW_AUTHORIZE_H
#define DAEMON_RENEW_AUTHORIZE_H

#include "daemon/renew/issue.h"

/* Registered with a struct issue_env. Its lane is the provider's id. */
extern const struct job_kind authorize_job;

/*
 * authorize_give_order() - hand the order that authorized @autocert's only name to @autocert
 * Does nothing when it has more names, another challenge, or there is no such order.
 */
int
authorize_give_order(
	const struct issue_env *env, struct store_txn *txn, const struct autocert *autocert, struct error *err);

#endif
