/*
 * daemon/service/consequences.h: what follows from the step of a record to its next state: rows of the schedule, rollouts,
 * files that are withdrawn. Handlers and machines only save the record. effect.h says the same step in words.
 *
 * Three things are asked for although no record changes, so no pair could say them: consumer.deploy and consumer.probe,
 * by which an operator has done again what is done already; and what startup.c finds missing on disk. Jobs move their
 * own row while they run (job.h).
 */
#ifndef DAEMON_SERVICE_CONSEQUENCES_H
#define DAEMON_SERVICE_CONSEQUENCES_H

#include "daemon/renew/issue.h"

/*
 * consequences_of() - add what follows to @txn, which has the new record; fails it when something cannot be read
 * @env:  for its loop, store, rollout and settings
 * @db:   of the record: a database of object_save()
 * @old:  its struct before, secrets may be missing; NULL: it is made
 * @new:  its struct now; NULL: it is deleted
 */
void
consequences_of(const struct issue_env *env, struct store_txn *txn, enum store_db db, const void *old, const void *new);

/* From now on every object_save() and object_delete() has its consequences. @env: borrowed. */
void
consequences_watch(struct issue_env *env);

#endif
