/* daemon/service/passed_fds.h: descriptors that a peer sent along with a message (SCM_RIGHTS, unix(7)). */
#ifndef DAEMON_SERVICE_PASSED_FDS_H
#define DAEMON_SERVICE_PASSED_FDS_H

#include <stddef.h>
#include <stdint.h>

struct msghdr;

enum { PASSED_FDS_MAX = 16 };

/* Those of frames that are not begun yet. */
struct passed_fds_waiting {
	struct {
		uint64_t at; /* place of its frame's first octet in all that the peer has sent */
		int fd;      /* owned */
	} items[PASSED_FDS_MAX];
	size_t count;
};

struct passed_fds {
	int fds[PASSED_FDS_MAX]; /* owned; from @next on */
	size_t count;
	size_t next;
};

/* Those in the control messages of @msg belong to the frame at @at. More than a frame may have are closed at once. */
void
passed_fds_receive(struct passed_fds_waiting *waiting, struct msghdr *msg, uint64_t at);

/* The frame at @at begins: its own are moved to @passed, which is cleared first; of frames before it they are closed. */
void
passed_fds_begin(struct passed_fds *passed, struct passed_fds_waiting *waiting, uint64_t at);

/* The next one, which is the caller's from then on; -1: none is left. @passed may be NULL. */
int
passed_fds_take(struct passed_fds *passed);

/* Closes what nobody took; it can be used again. */
void
passed_fds_clear(struct passed_fds *passed);

#endif
