/* daemon/rollout/drop_look.h: is a file on the disk the one that certd wrote? */
#ifndef DAEMON_ROLLOUT_DROP_LOOK_H
#define DAEMON_ROLLOUT_DROP_LOOK_H

#include "daemon/rollout/drop_ledger.h"

enum drop_seen {
	DROP_SAME,
	DROP_MISSING,
	DROP_OTHER,   /* another kind of file, another target, or another user's */
	DROP_CONTENT, /* its octets differ */
	DROP_MODE,    /* its mode or group differs */
};

/* "is missing", ...; static. */
const char *
drop_seen_text(enum drop_seen seen);

/* Compares @name with @file. Nothing is followed; what cannot be read differs. */
enum drop_seen
drop_look(int dirfd, const char *name, const struct ledger_file *file);

/* Whatever its mode. */
bool
drop_look_is_ours(int dirfd, const char *name, const struct ledger_file *file);

/* The target of the symbolic link @name; owned by the caller; NULL: it is not one. */
char *
drop_look_target(int dirfd, const char *name);

#endif
