/* Descriptors on their way from the socket to the handler that asks for them: whoever takes one closes it. */
#include "daemon/control/passed.h"

#include <unistd.h>

int
passed_add(struct passed *passed, int fd)
{
	if (passed->count == PASSED_MAX) {
		close(fd);
		return -1;
	}
	passed->fds[passed->count++] = fd;
	return 0;
}

int
passed_take(struct passed *passed)
{
	return passed && passed->next < passed->count ? passed->fds[passed->next++] : -1;
}

void
passed_clear(struct passed *passed)
{
	while (passed->next < passed->count)
		close(passed->fds[passed->next++]);
	passed->count = passed->next = 0;
}
