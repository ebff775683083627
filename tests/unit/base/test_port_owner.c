#include "daemon/base/port_owner.h"

#include "common/alloc.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Listens on a free port of @family. Return: the port. */
static unsigned
listen_anywhere(int family)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
	socklen_t len = family == AF_INET ? sizeof(v4) : sizeof(v6);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	cr_assert_eq(bind(fd, address, len), 0);
	cr_assert_eq(listen(fd, 1), 0);
	cr_assert_eq(getsockname(fd, address, &len), 0);
	return ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
}

Test(port_owner, a_listener_is_found_with_its_process_and_a_closed_port_is_free)
{
	static const int families[] = { AF_INET, AF_INET6 };

	cr_assert_eq(prctl(PR_SET_NAME, "web\x1b[server"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		_cleanup_free_ char *text = NULL, *expected = xasprintf("web [server (process %ld)", (long)getpid());
		struct port_owner owner;

		cr_assert(port_owner_find(listen_anywhere(families[i]), &owner));
		cr_expect_eq(owner.uid, getuid());
		text = port_owner_text(&owner);
		cr_expect_str_eq(text, expected);
		cr_expect_not(port_owner_find(1, &owner));
	}
}

Test(port_owner, without_its_process_the_user_is_named)
{
	_cleanup_free_ char *root = port_owner_text(&(struct port_owner){ .uid = 0 });
	_cleanup_free_ char *other = port_owner_text(&(struct port_owner){ .uid = 33 });

	cr_expect_str_eq(root, "a program of root");
	cr_expect_str_eq(other, "a program of user 33");
}
