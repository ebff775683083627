/*
 * daemon/service/used_files.h: files are not taken from a consumer unless the caller insists. A server whose files
 * vanish fails at its next restart. Every change that withdraws files (daemon/rollout/withdraw.h) asks here first.
 */
#ifndef DAEMON_SERVICE_USED_FILES_H
#define DAEMON_SERVICE_USED_FILES_H

#include "daemon/service/call.h"

/*
 * used_files_check() - may the call change @old to @new, although a consumer loses files by that?
 * @cls: class of both: auto-certificates, certificates, consumers; all others may be changed
 * @new: NULL: @old is deleted
 * @effect: of a dry run, which is not refused: gets the reason for which the call would be; or NULL
 *
 * Yes, if none loses files; or if the parameter "force" is set and the caller is an admin, or an operator where
 * certd.conf allows it. A consumer has files as soon as it has a certificate: whether they have been written, and what
 * the server presents at the moment, changes too quickly to rely on.
 *
 * Return: 0; -1: ERROR_IN_USE, ERROR_DENIED, or the store failed.
 */
int
used_files_check(struct call *call, const struct record_class *cls, const void *old, const void *new,
	struct effect *effect, struct error *err);

/* The same for the files of the imported certificate @old, which pass to another object with consumers @after (ids). */
int
used_files_check_heir(struct call *call, const struct certificate *old, const struct strlist *after, struct error *err);

#endif
