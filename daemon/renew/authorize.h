/*
 * daemon/renew/authorize.h: proving one name by hand, before there is an order that wants it: an order of its own that
 * is taken as far as the TXT record, left alone until the record is said to be published, and then validated. Driven
 * by the SCHEDULE_AUTHORIZE row, which also forgets what has expired.
 */
#ifndef DAEMON_RENEW_AUTHORIZE_H
#define DAEMON_RENEW_AUTHORIZE_H

#include "daemon/renew/issue.h"

/* Registered with a struct issue_env. Its lane is the provider's id. */
extern const struct job_kind authorize_job;

/*
 * authorize_give_order() - let @autocert go on with the order that its only name was authorized by
 * Nothing happens when it has more names, proves them otherwise, or there is no such order.
 */
int
authorize_give_order(
	const struct issue_env *env, struct store_txn *txn, const struct autocert *autocert, struct error *err);

#endif
