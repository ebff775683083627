#include "common/error.h"
#include "daemon/base/listen.h"
#include "tests/support/process.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

Test(listen, a_unix_socket_lets_every_proxy_in_and_replaces_a_stale_one)
{
	char dir[] = "/tmp/test-listen-XXXXXX";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_free_ char *text = NULL;
	_cleanup_error_ struct error err = ERROR_INIT;
	struct stat st;
	mode_t mask = umask(0077);
	int fd;

	cr_assert_not_null(mkdtemp(dir));
	text = xasprintf("unix:%s/http.sock", dir);
	memcpy(address.sun_path, text + 5, strlen(text + 5));
	fd = listen_on(text, 0666, &err);
	cr_assert_geq(fd, 0);
	cr_assert_eq(stat(address.sun_path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0666);
	cr_expect_eq(listen_on(text, 0666, &err), -1, "two listeners on one path");
	cr_expect_not_null(strstr(err.message, "another program listens on"));
	close(fd);
	fd = listen_on(text, 0666, &err);
	cr_expect_geq(fd, 0, "a dead one's file stands in the way");
	listen_remove(text);
	cr_expect_eq(access(address.sun_path, F_OK), 0, "the file of a listener");
	close(fd);
	listen_remove(text);
	cr_expect_eq(access(address.sun_path, F_OK), -1);
	rmdir(dir);
	umask(mask);
}

Test(listen, addresses_are_checked)
{
	static const char *const bad[] = { "", "80", ":80", "localhost:80", "127.0.0.1", "127.0.0.1:0",
		"127.0.0.1:65536", "127.0.0.1:80x", "[::1:80", "::1:80", "[127.0.0.1]:80", "unix:", "unix:relative" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(listen_on(bad[i], 0666, &err), -1, "%s", bad[i]);
		cr_expect_eq(err.code, ERROR_CONFIG, "%s", bad[i]);
	}
}

Test(listen, both_families_are_bound_and_ipv6_leaves_ipv4_alone)
{
	static const char *const hosts[] = { "127.0.0.1", "[::1]", "[::]" };

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		int fd = -1;

		for (int n = 0; fd < 0 && n < 20; n++) { /* another program may be quicker */
			_cleanup_free_ char *text = xasprintf("%s:%d", hosts[i], free_port());

			error_clear(&err);
			fd = listen_on(text, 0666, &err);
		}
		cr_assert_geq(fd, 0, "%s: %s", hosts[i], err.message);
		if (*hosts[i] == '[') {
			int is_v6_only = 0;
			socklen_t len = sizeof(is_v6_only);

			cr_assert_eq(getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &is_v6_only, &len), 0);
			cr_expect(is_v6_only);
		}
		close(fd);
	}
}
