/*
 * daemon/renew/approval.h: a renewed certificate that waits for approval, because the guard of its auto-certificate
 * holds it (guard.h). Until then the auto-certificate's last certificate is the one in use, so nothing is deployed; the
 * next renewal is planned for the one that waits. It is deployed when it is approved, when a later order replaces it
 * with a certificate that is not held, or when its SCHEDULE_APPROVAL row is due.
 */
#ifndef DAEMON_RENEW_APPROVAL_H
#define DAEMON_RENEW_APPROVAL_H

#include "daemon/renew/issue.h"

/*
 * approval_give() - the certificate that waits becomes the one in use; the caller saves the record, which deploys it
 * Return: 1, 0 (it has expired, was revoked or deleted: @a is unchanged), or -1.
 */
int
approval_give(const struct issue_env *env, struct autocert *a, struct error *err);

/* Puts or deletes the row. */
void
approval_schedule(struct store *store, struct store_txn *txn, const struct autocert *a);

/* Registered with a struct issue_env. */
extern const struct job_kind approval_job;

#endif
