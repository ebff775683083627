/* daemon/control/passed.h: descriptors that a peer sent along with a message (SCM_RIGHTS, unix(7)). */
#ifndef DAEMON_CONTROL_PASSED_H
#define DAEMON_CONTROL_PASSED_H

#include <stddef.h>

enum { PASSED_MAX = 16 };

struct passed {
	int fds[PASSED_MAX]; /* owned; from @next on */
	size_t count;
	size_t next;
};

/* @fd: taken. Return: 0, or -1 when there are too many: it is closed. */
int
passed_add(struct passed *passed, int fd);

/* The next one, which is the caller's from then on; -1: none is left. @passed may be NULL. */
int
passed_take(struct passed *passed);

/* Closes what nobody took; it can be used again. */
void
passed_clear(struct passed *passed);

#endif
