/* daemon/rollout/drop_file.h: replaces one file so that a reader sees either the old or the new one, complete. */
#ifndef DAEMON_ROLLOUT_DROP_FILE_H
#define DAEMON_ROLLOUT_DROP_FILE_H

#include <dirent.h>
#include <stddef.h>
#include <sys/types.h>

struct error;

/* Prefix of temporary names; drop_file_sweep() removes those of an earlier crash. */
#define DROP_TEMP_PREFIX ".certd-"

/*
 * drop_file_replace() - O_TMPFILE, write, fchmod, fsync, linkat to a temporary name, renameat over @name
 * The caller calls fsync on the directory. @name has no '/'. Return: 0, or -1 and @name is unchanged.
 */
int
drop_file_replace(int dirfd, const char *name, const void *data, size_t len, mode_t mode, struct error *err);

/*
 * Its two steps, for files that belong together: all are staged before the first is published, so that a full disk
 * changes nothing. drop_file_sweep() removes staged files that were not published.
 */
int
drop_file_stage(int dirfd, const char *name, const void *data, size_t len, mode_t mode, struct error *err);

/*
 * The same, and the file belongs to @gid ((gid_t)-1: whichever it gets) before it has a name. ERROR_DENIED: certd's
 * user is not a member of that group.
 */
int
drop_file_stage_for(
	int dirfd, const char *name, const void *data, size_t len, mode_t mode, gid_t gid, struct error *err);

/* Stages a symbolic link. */
int
drop_file_stage_symlink(int dirfd, const char *name, const char *target, struct error *err);

/* Removes what was staged for @name, also by an earlier process. */
void
drop_file_unstage(int dirfd, const char *name);

/*
 * drop_file_stage() of a file that is already on the disk under another name: one file with two names.
 * Return: 0, or -1: not possible here, stage the octets.
 */
int
drop_file_stage_link(int dirfd, const char *name, int there_dirfd, const char *there);

/*
 * Publishes staged files as one: when one cannot be renamed, those before it get their old contents back, so that a new
 * key is not left next to an old certificate. (Not where the file system cannot exchange names.) Return: 0, or -1.
 */
int
drop_file_publish_all(int dirfd, const char *const *names, size_t n, struct error *err);

/* fsync of a directory. */
int
drop_file_sync_dir(int dirfd, const char *what, struct error *err);

/* Opens the directory for readdir(); closed by the caller, @dirfd stays open. Return: NULL with @err on failure. */
DIR *
drop_file_list(int dirfd, struct error *err);

/* Removes temporary names of earlier crashes. */
int
drop_file_sweep(int dirfd, struct error *err);

#endif
