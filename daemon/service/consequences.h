/*
 * daemon/service/consequences.h: the consequences of a changed record: rows of the schedule, rollouts, removal of
 * files.
 * Handlers and machines only save the record. effect.h describes the same change in words.
 *
 * Three kinds of work do not follow from a change of a record: consumer.deploy and consumer.probe, with which an
 * operator repeats finished work; and the missing files that startup.c finds. Jobs move their own row while they run
 * (job.h).
 */
#ifndef DAEMON_SERVICE_CONSEQUENCES_H
#define DAEMON_SERVICE_CONSEQUENCES_H

#include "daemon/renew/issue.h"

/*
 * consequences_of() - add the consequences to @txn, which contains the new record; fails it when something cannot be
 * read
 * @env:  for its loop, store, rollout and settings
 * @db:   of the record: a database of object_save(), or STORE_ROLLOUT, whose structs are ids
 * @old:  its struct before, secrets may be missing; NULL: it was created
 * @new:  its struct now; NULL: it was deleted
 */
void
consequences_of(const struct issue_env *env, struct store_txn *txn, enum store_db db, const void *old, const void *new);

/* From now on every object_save() and object_delete() has its consequences. @env: borrowed. */
void
consequences_watch(struct issue_env *env);

#endif
