/* Descriptors between the socket and the handler that uses them: the code that takes one closes it. */
#include "daemon/service/passed_fds.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
wait_for_frame(struct passed_fds_waiting *waiting, int fd, uint64_t at)
{
	if (waiting->count == PASSED_FDS_MAX) {
		close(fd);
		return;
	}
	waiting->items[waiting->count].at = at;
	waiting->items[waiting->count++].fd = fd;
}

void
passed_fds_receive(struct passed_fds_waiting *waiting, struct msghdr *msg, uint64_t at)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			wait_for_frame(waiting, fd, at);
		}
	}
}

void
passed_fds_begin(struct passed_fds *passed, struct passed_fds_waiting *waiting, uint64_t at)
{
	size_t left = 0;

	passed_fds_clear(passed);
	for (size_t i = 0; i < waiting->count; i++) {
		if (waiting->items[i].at == at)
			passed->fds[passed->count++] = waiting->items[i].fd;
		else if (waiting->items[i].at < at)
			close(waiting->items[i].fd);
		else
			waiting->items[left++] = waiting->items[i];
	}
	waiting->count = left;
}

int
passed_fds_take(struct passed_fds *passed)
{
	return passed && passed->next < passed->count ? passed->fds[passed->next++] : -1;
}

void
passed_fds_clear(struct passed_fds *passed)
{
	while (passed->next < passed->count)
		close(passed->fds[passed->next++]);
	passed->count = passed->next = 0;
}
