/*
 * daemon/rollout/drop_dir.h: opening the directories that drops lie in. What is wrong with one is said together with the
 * `install -d` line that mends it. On a worker: asks for the name of certd's user.
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

/* The same for one that root prepared, by absolute path. It must be there: certd makes none outside its own. */
int
drop_dir_open_prepared(const char *path, struct stat *st, struct error *err);

#endif
