/*
 * daemon/rollout/drop_dir.h: opening the directories of drops. The error for a wrong one contains the line of
 * tmpfiles.d(5) that fixes it. Call on a worker, because it looks up the name of certd's user.
 */
#ifndef DAEMON_ROLLOUT_DROP_DIR_H
#define DAEMON_ROLLOUT_DROP_DIR_H

#include <sys/stat.h>
#include <sys/types.h>

struct error;
struct strlist;

/*
 * drop_dir_open() - open @name in @dirfd, or create it with @mode
 * @path: for messages
 * ERROR_DENIED names the obstacle: a link, a file, another user's directory, writable by others, or not writable by
 * certd. Otherwise the system's error.
 * Return: a descriptor owned by the caller, @st filled; or -1.
 */
int
drop_dir_open(int dirfd, const char *name, const char *path, mode_t mode, struct stat *st, struct error *err);

/*
 * The same for a directory prepared by root, by absolute path. It must exist: certd creates none outside its own. Each
 * directory of the path must belong to root or certd, not be a link, and not be writable by others (unless sticky);
 * otherwise its owner could redirect certd. @own_fd: the directory with live/ and pem/, in which no consumer's
 * directory may be. Also ERROR_NOT_FOUND.
 */
int
drop_dir_open_prepared(const char *path, int own_fd, struct stat *st, struct error *err);

/*
 * drop_dir_open_below() - the same for @path, at or below a directory prepared by root
 * @base: the length of that directory in @path. The directories below it are created with mode 0755, or, where a group
 * reads (setgid), 0750; @ret_made: their paths are appended; NULL: nothing is created (ERROR_NOT_FOUND).
 */
int
drop_dir_open_below(
	const char *path, size_t base, int own_fd, struct strlist *ret_made, struct stat *st, struct error *err);

#endif
