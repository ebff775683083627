/* daemon/service/passed_fds.h: descriptors that a peer passed with a message (SCM_RIGHTS, unix(7)). */
#ifndef DAEMON_SERVICE_PASSED_FDS_H
#define DAEMON_SERVICE_PASSED_FDS_H

#include <stddef.h>
#include <stdint.h>

struct msghdr;

enum { PASSED_FDS_MAX = 16 };

/* Those of frames that have not been started. */
struct passed_fds_waiting {
	struct {
		uint64_t at; /* position of its frame's first octet in the peer's stream */
		int fd;      /* owned */
	} items[PASSED_FDS_MAX];
	size_t count;
};

struct passed_fds {
	int fds[PASSED_FDS_MAX]; /* owned; from @next on */
	size_t count;
	size_t next;
};

/* The descriptors in the control messages of @msg belong to the frame at @at. Excess ones are closed at once. */
void
passed_fds_receive(struct passed_fds_waiting *waiting, struct msghdr *msg, uint64_t at);

/*
 * The frame at @at starts: its descriptors are moved to @passed, which is cleared first; those of earlier frames are
 * closed.
 */
void
passed_fds_begin(struct passed_fds *passed, struct passed_fds_waiting *waiting, uint64_t at);

/* The next one, owned by the caller; -1: none is left. @passed may be NULL. */
int
passed_fds_take(struct passed_fds *passed);

/* Closes the remaining ones; the struct can be used again. */
void
passed_fds_clear(struct passed_fds *passed);

#endif
