/* daemon/service/passed.h: descriptors that a peer sent along with a message (SCM_RIGHTS, unix(7)). */
#ifndef DAEMON_SERVICE_PASSED_H
#define DAEMON_SERVICE_PASSED_H

#include <stddef.h>
#include <stdint.h>

struct msghdr;

enum { PASSED_MAX = 16 };

/* Those of frames that are not begun yet. */
struct passed_waiting {
	struct {
		uint64_t at; /* place of its frame's first octet in all that the peer has sent */
		int fd;      /* owned */
	} items[PASSED_MAX];
	size_t count;
};

struct passed {
	int fds[PASSED_MAX]; /* owned; from @next on */
	size_t count;
	size_t next;
};

/* Those in the control messages of @msg belong to the frame at @at. More than a frame may have are closed at once. */
void
passed_receive(struct passed_waiting *waiting, struct msghdr *msg, uint64_t at);

/* The frame at @at begins: its own are moved to @passed, which is cleared first; of frames before it they are closed. */
void
passed_begin(struct passed *passed, struct passed_waiting *waiting, uint64_t at);

/* The next one, which is the caller's from then on; -1: none is left. @passed may be NULL. */
int
passed_take(struct passed *passed);

/* Closes what nobody took; it can be used again. */
void
passed_clear(struct passed *passed);

#endif
