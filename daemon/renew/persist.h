/*
 * daemon/renew/persist.h: the standing records of dns-persist-01. The operator published them, and each renewal needs
 * them, so certd looks for them once a day. The record of the auto-certificate has what the last look has found:
 *
 *   standing  "owner content" of each record; standing_error  what is wrong with one of them
 */
#ifndef DAEMON_RENEW_PERSIST_H
#define DAEMON_RENEW_PERSIST_H

#include "daemon/renew/issue.h"

/* Registered with a struct issue_env. */
extern const struct job_kind persist_job;

/* The row of an auto-certificate whose list of records has changed. */
void
persist_schedule(struct store *store, struct store_txn *txn, const struct autocert *a, int64_t now);

/* An order has found these records; those of other names of @a stay: the CA has not asked for them again. */
void
persist_note(struct autocert *a, const struct strlist *found);

/* The first of the records that has an end: its persistUntil and its owner name (borrowed). Return: 0: none has. */
int64_t
persist_until(const struct autocert *a, const char **ret_owner);

#endif
