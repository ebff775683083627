#include "common/buf.h"
#include "common/error.h"
#include "daemon/challenge/webroot.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#define FILE_OF_TOKEN ".well-known/acme-challenge/" TOKEN

struct fixture {
	char root[32];
	int dirfd;
	mode_t mask;
};

static void
setup(struct fixture *f)
{
	memcpy(f->root, "/tmp/test-webroot-XXXXXX", sizeof("/tmp/test-webroot-XXXXXX"));
	cr_assert_not_null(mkdtemp(f->root));
	f->dirfd = open(f->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	f->mask = umask(0077);
}

static void
teardown(struct fixture *f)
{
	static const char *const files[] = { FILE_OF_TOKEN, ("elsewhere/acme-challenge/" TOKEN), "precious",
		".well-known" };
	static const char *const dirs[] = { ".well-known/acme-challenge", ".well-known", "elsewhere/acme-challenge",
		"elsewhere" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlinkat(f->dirfd, files[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		unlinkat(f->dirfd, dirs[i], 0);
		unlinkat(f->dirfd, dirs[i], AT_REMOVEDIR);
	}
	cr_expect_eq(rmdir(f->root), 0, "something is left in %s", f->root);
	close(f->dirfd);
	umask(f->mask);
}

static mode_t
mode_of(const struct fixture *f, const char *path)
{
	struct stat st;

	cr_assert_eq(fstatat(f->dirfd, path, &st, AT_SYMLINK_NOFOLLOW), 0, "%s", path);
	return st.st_mode & 07777;
}

Test(webroot, the_web_server_can_read_what_certd_wrote)
{
	struct fixture f;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;

	setup(&f);
	cr_assert_eq(webroot_put(f.root, TOKEN, "first", &err), 0, "%s", err.message);
	cr_assert_eq(webroot_put(f.root, TOKEN, "second", &err), 0, "a file of an earlier try: %s", err.message);
	cr_assert_eq(buf_read_file(&text, f.dirfd, FILE_OF_TOKEN, 100, &err), 0);
	cr_expect_str_eq(buf_str(&text), "second");
	cr_expect_eq(mode_of(&f, FILE_OF_TOKEN), 0644);
	cr_expect_eq(mode_of(&f, ".well-known"), 0755);
	cr_expect_eq(mode_of(&f, ".well-known/acme-challenge"), 0755);
	cr_expect_eq(webroot_remove(f.root, TOKEN, &err), 0);
	cr_expect_eq(faccessat(f.dirfd, FILE_OF_TOKEN, F_OK, 0), -1);
	cr_expect_eq(webroot_remove(f.root, TOKEN, &err), 0, "removing twice");
	teardown(&f);
}

Test(webroot, links_below_the_root_are_never_followed)
{
	static const struct {
		const char *target;
		const char *link;
		const char *dir; /* to make first */
	} cases[] = {
		{ "elsewhere", ".well-known", NULL },
		{ "../elsewhere/acme-challenge", ".well-known/acme-challenge", ".well-known" },
		{ "/tmp", ".well-known", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;
		_cleanup_error_ struct error err = ERROR_INIT;

		setup(&f);
		mkdirat(f.dirfd, "elsewhere", 0755);
		mkdirat(f.dirfd, "elsewhere/acme-challenge", 0755);
		if (cases[i].dir)
			mkdirat(f.dirfd, cases[i].dir, 0755);
		cr_assert_eq(symlinkat(cases[i].target, f.dirfd, cases[i].link), 0);
		cr_expect_eq(webroot_put(f.root, TOKEN, "x", &err), -1, "%s", cases[i].link);
		cr_expect_eq(err.code, ERROR_DENIED);
		cr_expect_not_null(strstr(err.message, "symbolic link"), "%s", err.message);
		cr_expect_eq(faccessat(f.dirfd, "elsewhere/acme-challenge/" TOKEN, F_OK, 0), -1);
		cr_expect_eq(webroot_remove(f.root, TOKEN, &err), -1);
		teardown(&f);
	}
}

Test(webroot, a_link_in_the_place_of_the_file_is_replaced_not_written_through)
{
	struct fixture f;
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	int fd;

	setup(&f);
	fd = openat(f.dirfd, "precious", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	cr_assert_eq(write(fd, "keep", 4), 4);
	close(fd);
	mkdirat(f.dirfd, ".well-known", 0755);
	mkdirat(f.dirfd, ".well-known/acme-challenge", 0755);
	cr_assert_eq(symlinkat("../../precious", f.dirfd, FILE_OF_TOKEN), 0);
	cr_expect_eq(webroot_put(f.root, TOKEN, "x", &err), 0, "%s", err.message);
	cr_assert_eq(buf_read_file(&text, f.dirfd, "precious", 100, &err), 0);
	cr_expect_str_eq(buf_str(&text), "keep");
	teardown(&f);
}

Test(webroot, a_token_that_is_a_path_and_a_missing_root_are_refused)
{
	struct fixture f;
	_cleanup_error_ struct error err = ERROR_INIT;

	setup(&f);
	cr_expect_eq(webroot_put(f.root, "../../../precious", "x", &err), -1);
	cr_expect_eq(err.code, ERROR_PROTOCOL);
	cr_expect_eq(webroot_put(f.root, "", "x", &err), -1);
	cr_expect_eq(webroot_put("/nonexistent/root", TOKEN, "x", &err), -1);
	cr_expect_not_null(strstr(err.message, "/nonexistent/root"));
	teardown(&f);
}

/* As on a full disk: nothing may be written to any file. */
Test(webroot, a_file_that_cannot_be_written_is_removed)
{
	const struct rlimit none = { .rlim_cur = 0, .rlim_max = RLIM_INFINITY };
	_cleanup_error_ struct error err = ERROR_INIT;
	struct rlimit before;
	struct stat st;
	struct fixture f;

	setup(&f);
	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	cr_expect_eq(webroot_put(f.root, TOKEN, "x", &err), -1);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	cr_expect_eq(strncmp(err.message, "webroot '", 9), 0, "%s", err.message);
	cr_expect_not_null(strstr(err.message, "File too large"), "%s", err.message);
	cr_expect_eq(fstatat(f.dirfd, FILE_OF_TOKEN, &st, 0), -1, "an empty file is left");
	teardown(&f);
}
