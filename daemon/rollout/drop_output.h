/*
 * daemon/rollout/drop_output.h: the files that consumers declare (output.h), on a worker: written, compared and removed
 * according to the certificate's ledger (drop_ledger.h).
 */
#ifndef DAEMON_ROLLOUT_DROP_OUTPUT_H
#define DAEMON_ROLLOUT_DROP_OUTPUT_H

#include "daemon/rollout/drop_private.h"

/*
 * drop_outputs_write() - make what is on disk what the sets of @job declare
 * Files that are right already are not touched. Nothing becomes visible before all is on the disk; files of one
 * directory are then published as one, links last. Files of earlier deployments that are not declared any more are
 * removed, but the ones that links pointed to are kept for one more deployment.
 * The sets of @job are of one directory; files elsewhere are not touched.
 * @ret_failed_in: the directory of the set that cannot be written; borrowed from @job
 * Return: 0 or -1.
 */
int
drop_outputs_write(
	const struct drop_job *job, const struct drop_files *files, const char **ret_failed_in, struct error *err);

/* Removes the declared files in directories other than job->declared. What cannot be removed stays listed. */
void
drop_outputs_prune(const struct drop_job *job);

/* Removes what certd wrote, unless something else has changed it since. Missing files are not a failure. */
int
drop_outputs_remove(const struct drop_job *job, struct error *err);

#endif
