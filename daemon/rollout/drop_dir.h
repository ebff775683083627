/*
 * daemon/rollout/drop_dir.h: opening the directories that drops are in. What is wrong with one is said together with the
 * line of tmpfiles.d(5) that mends it. On a worker: asks for the name of certd's user.
 */
#ifndef DAEMON_ROLLOUT_DROP_DIR_H
#define DAEMON_ROLLOUT_DROP_DIR_H

#include <sys/stat.h>
#include <sys/types.h>

struct error;

/*
 * drop_dir_open() - open @name in @dirfd; make it with @mode if it is not there
 * @path: for messages
 * Errors: ERROR_DENIED that names what is in its place or who owns it (a link, a file, another user's, writable by
 * others, not writable by us); else the system's.
 * Return: a descriptor owned by the caller, @st filled; or -1.
 */
int
drop_dir_open(int dirfd, const char *name, const char *path, mode_t mode, struct stat *st, struct error *err);

/*
 * The same for one that root prepared, by absolute path. It must be there: certd makes none outside its own. Each
 * directory on the way must be root's or ours, not a link, and not writable by others (unless sticky); else whoever owns
 * it could lead certd to another directory. @own_fd: of the directory with live/ and pem/, where no consumer's directory
 * may be. Errors also: ERROR_NOT_FOUND.
 */
int
drop_dir_open_prepared(const char *path, int own_fd, struct stat *st, struct error *err);

#endif
