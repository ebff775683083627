/* daemon/rollout/drop_file.h: one file replaced so that a reader sees the old or the new one, whole, at any moment. */
#ifndef DAEMON_ROLLOUT_DROP_FILE_H
#define DAEMON_ROLLOUT_DROP_FILE_H

#include <stddef.h>
#include <sys/types.h>

struct error;

/* Temporary names begin with this; what is left of a crash is removed by drop_file_sweep(). */
#define DROP_TEMP_PREFIX ".certd-"

/*
 * drop_file_replace() - O_TMPFILE, write, fchmod, fsync, linkat to a temporary name, renameat over @name
 * The directory's own fsync is the caller's. @name has no '/'. Return: 0, or -1 and @name is as it was.
 */
int
drop_file_replace(int dirfd, const char *name, const void *data, size_t len, mode_t mode, struct error *err);

/*
 * The two halves of it, for files that belong together: all are staged before the first is published, so that a full disk
 * leaves what was there. What is staged and not published is drop_file_sweep()'s.
 */
int
drop_file_stage(int dirfd, const char *name, const void *data, size_t len, mode_t mode, struct error *err);

/*
 * drop_file_stage() of a file that is on the disk already under another name: one file with two names.
 * Return: 0, or -1: not possible here, stage the octets.
 */
int
drop_file_stage_link(int dirfd, const char *name, int there_dirfd, const char *there);

/*
 * Publishes staged files as one: when one cannot be renamed, those before it get their old contents back, so that a new
 * key is not left beside an old certificate. (Where the file system cannot exchange names, they stay.) Return: 0, or -1.
 */
int
drop_file_publish_all(int dirfd, const char *const *names, size_t n, struct error *err);

/* fsync of a directory. */
int
drop_file_sync_dir(int dirfd, const char *what, struct error *err);

/* Removes temporary names of earlier crashes. */
int
drop_file_sweep(int dirfd, struct error *err);

#endif
