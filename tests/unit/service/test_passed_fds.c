#include "daemon/service/passed_fds.h"

#include "common/alloc.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MANY = PASSED_FDS_MAX + 3 };

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* A message of type @type with @n descriptors, for the frame at @at; they are in @fds. */
static void
receive(struct passed_fds_waiting *waiting, int type, int *fds, size_t n, uint64_t at)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(MANY * sizeof(int))];
	} control = { .space = "" };
	struct msghdr msg = { .msg_control = control.space, .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	for (size_t i = 0; i < n; i++)
		cr_assert_geq(fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	passed_fds_receive(waiting, &msg, at);
}

Test(passed_fds, belong_to_the_frame_that_they_came_with)
{
	struct passed_fds_waiting waiting = { .count = 0 };
	struct passed_fds passed = { .count = 0 };
	int early[1], own[2], later[1];

	receive(&waiting, SCM_RIGHTS, early, 1, 10);
	receive(&waiting, SCM_RIGHTS, own, 2, 20);
	receive(&waiting, SCM_RIGHTS, later, 1, 30);
	passed_fds_begin(&passed, &waiting, 20);
	cr_expect_not(is_open(early[0]), "its frame has passed without it");
	cr_expect_eq(passed_fds_take(&passed), own[0]);
	cr_expect_eq(passed_fds_take(&passed), own[1]);
	cr_expect_eq(passed_fds_take(&passed), -1);
	cr_expect(is_open(own[0]) && is_open(own[1]) && is_open(later[0]));
	passed_fds_begin(&passed, &waiting, 30);
	cr_expect(is_open(own[0]) && is_open(own[1]), "they belong to who took them");
	cr_expect_eq(waiting.count, 0);
	cr_expect_eq(passed_fds_take(&passed), later[0]);
	close(own[0]);
	close(own[1]);
	close(later[0]);
}

Test(passed_fds, that_nobody_takes_are_closed)
{
	struct passed_fds_waiting waiting = { .count = 0 };
	struct passed_fds passed = { .count = 0 };
	int first[3], second[2], not_passed = open("/dev/null", O_RDONLY | O_CLOEXEC);

	passed.fds[2] = not_passed; /* of an earlier message, say */
	receive(&waiting, SCM_RIGHTS, first, 3, 0);
	receive(&waiting, SCM_RIGHTS, second, 2, 9);
	passed_fds_begin(&passed, &waiting, 0);
	cr_expect_eq(passed_fds_take(&passed), first[0]);
	passed_fds_begin(&passed, &waiting, 9);
	cr_expect(is_open(first[0]));
	cr_expect_not(is_open(first[1]) || is_open(first[2]));
	cr_expect_eq(passed.count, 2);
	passed_fds_clear(&passed);
	cr_expect_not(is_open(second[0]) || is_open(second[1]));
	cr_expect_eq(passed_fds_take(&passed), -1);
	cr_expect_eq(passed_fds_take(NULL), -1);
	cr_expect(is_open(not_passed));
	close(not_passed);
	close(first[0]);
}

Test(passed_fds, of_a_peer_that_leaves_are_closed)
{
	struct passed_fds_waiting waiting = { .count = 0 };
	struct passed_fds passed = { .count = 0 };
	int fds[2];

	receive(&waiting, SCM_RIGHTS, fds, 2, UINT64_MAX - 1);
	passed_fds_begin(&passed, &waiting, UINT64_MAX);
	cr_expect_not(is_open(fds[0]) || is_open(fds[1]));
	cr_expect_eq(waiting.count, 0);
	cr_expect_eq(passed.count, 0);
}

Test(passed_fds, are_limited_in_number)
{
	struct passed_fds_waiting waiting = { .count = 0 };
	struct passed_fds passed = { .count = 0 };
	int fds[MANY];

	receive(&waiting, SCM_RIGHTS, fds, MANY, 0);
	cr_expect_eq(waiting.count, PASSED_FDS_MAX);
	for (size_t i = 0; i < MANY; i++)
		cr_expect_eq(is_open(fds[i]), i < PASSED_FDS_MAX, "number %zu", i);
	passed_fds_begin(&passed, &waiting, 0);
	cr_expect_eq(passed.count, PASSED_FDS_MAX);
	passed_fds_clear(&passed);
	cr_expect_not(is_open(fds[PASSED_FDS_MAX - 1]));
}

Test(passed_fds, no_other_control_message_is_one_of_descriptors)
{
	struct passed_fds_waiting waiting = { .count = 0 };
	int fds[1];

	receive(&waiting, SCM_CREDENTIALS, fds, 1, 0);
	cr_expect_eq(waiting.count, 0);
	close(fds[0]);
}
