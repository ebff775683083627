/* Obstacles in place of a drop's directory: the error contains the line that fixes it. As an unprivileged user. */
#include "daemon/rollout/drop_dir.h"

#include "common/error.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANYBODY = 12345, PATH_SIZE = 64 };

static void
become_unprivileged(char root[PATH_SIZE])
{
	cr_assert(getuid() != 0 || seteuid(ANYBODY) == 0);
	snprintf(root, PATH_SIZE, "%s", "/tmp/test-drop-dir-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
}

/* As it began: LeakSanitizer looks into none but its own user's processes. */
static void
become_oneself(void)
{
	cr_assert_eq(seteuid(getuid()), 0);
}

static void
make_dir(const char *path, mode_t mode)
{
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_eq(chmod(path, mode), 0);
}

/* All of them at PATH; missing: nothing is made. */
static void
put(const char *what, const char *path)
{
	if (strcmp(what, "link") == 0)
		cr_assert_eq(symlink("/", path), 0);
	else if (strcmp(what, "dangling link") == 0)
		cr_assert_eq(symlink("/nonexistent", path), 0);
	else if (strcmp(what, "file") == 0)
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	else if (strcmp(what, "open to its group") == 0)
		make_dir(path, 02770);
	else if (strcmp(what, "not to be written") == 0)
		make_dir(path, 0500);
	else if (strcmp(what, "not to be read") == 0)
		make_dir(path, 0300);
	else if (strcmp(what, "fit") == 0)
		make_dir(path, 02750);
}

static const struct {
	const char *what;
	enum error_code code;
	const char *says;
} cases[] = {
	{ "missing", ERROR_NOT_FOUND, "does not exist" },
	{ "link", ERROR_DENIED, "is a symbolic link, which certd does not follow" },
	{ "dangling link", ERROR_DENIED, "is a symbolic link" },
	{ "file", ERROR_DENIED, "is not a directory" },
	{ "open to its group", ERROR_DENIED, "is writable by its group or others (mode 2770)" },
	{ "not to be written", ERROR_DENIED, "is not writable by certd's user" },
	{ "not to be read", ERROR_DENIED, "cannot be entered or read by certd's user" },
	{ "fit", ERROR_NONE, NULL },
};

Test(drop_dir, says_what_is_in_its_place_and_the_line_that_mends_it)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char root[PATH_SIZE];
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_free_ char *path = NULL;
		_cleanup_free_ char *line = NULL;
		struct stat st;
		int fd;

		become_unprivileged(root);
		path = xasprintf("%s/drop", root);
		line = xasprintf("'d %s 2750 %u GROUP -'", path, geteuid());
		put(cases[i].what, path);
		fd = drop_dir_open_prepared(path, AT_FDCWD, &st, &err);
		cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].what, err.message);
		cr_expect_eq(fd >= 0, !cases[i].says, "%s", cases[i].what);
		if (cases[i].says) {
			cr_expect(strstr(err.message, cases[i].says), "%s: %s", cases[i].what, err.message);
			cr_expect(
				strstr(err.message, "systemd-tmpfiles --create"), "%s: %s", cases[i].what, err.message);
			cr_expect(strstr(err.message, line), "%s: %s", cases[i].what, err.message);
		} else {
			close(fd);
		}
		chmod(path, 0700);
		if (unlink(path) < 0)
			rmdir(path);
		rmdir(root);
		become_oneself();
	}
}

Test(drop_dir, one_of_our_own_is_made_when_it_is_missing)
{
	char root[PATH_SIZE];
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *path = NULL;
	struct stat st;
	int fd;

	become_unprivileged(root);
	path = xasprintf("%s/drop", root);
	fd = drop_dir_open(AT_FDCWD, path, path, 0711, &st, &err);
	cr_expect_geq(fd, 0, "%s", err.message);
	cr_expect_eq(st.st_mode, S_IFDIR | 0711);
	close(fd);
	cr_assert_eq(chmod(path, 0500), 0);
	cr_expect_eq(drop_dir_open(AT_FDCWD, path, path, 0711, &st, &err), -1);
	cr_expect(strstr(err.message, "is not writable"), "%s", err.message);
	rmdir(path);
	rmdir(root);
	become_oneself();
}

Test(drop_dir, the_line_that_mends_it_quotes_what_tmpfiles_would_not_take_as_a_word)
{
	static const struct {
		const char *name, *word;
	} names[] = { { "plain-1.2_@=:,~+", "plain-1.2_@=:,~+" }, { "a b", "\"a b\"" }, { "a%b", "\"a%%b\"" },
		{ "a\"b", "\"a\\\"b\"" }, { "a\\b", "\"a\\\\b\"" }, { "\303\244", "\"\303\244\"" } };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_free_ char *path = xasprintf("/does-not-exist/%s", names[i].name), *line = NULL;
		char first = names[i].word[0];
		struct stat st;

		line = first == '"' ? xasprintf("'d \"/does-not-exist/%s 2750 ", names[i].word + 1)
				    : xasprintf("'d /does-not-exist/%s 2750 ", names[i].word);
		cr_expect_eq(drop_dir_open_prepared(path, AT_FDCWD, &st, &err), -1);
		cr_expect_not_null(strstr(err.message, line), "%s is not in: %s", line, err.message);
	}
}

/* Another user's uid and group. */
enum { ALICE = 54321 };

static void
make_dir_of(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_eq(chown(path, uid, gid), 0);
	cr_assert_eq(chmod(path, mode), 0);
}

/* ROOT/above/drop is certd's own; who can replace it? */
static const struct {
	const char *what;
	uid_t uid;
	gid_t gid;
	mode_t mode;
	const char *says; /* NULL: only root and certd's user */
} aboves[] = {
	{ "root's", 0, 0, 0755, NULL },
	{ "certd's", ANYBODY, ANYBODY, 0750, NULL },
	{ "root's, and its group writes", 0, 0, 0775, NULL },
	{ "sticky", 0, 0, 01777, NULL },
	{ "another user's", ALICE, 0, 0755, "whose owner (uid 54321)" },
	{ "another user's, sticky", ALICE, 0, 01777, "whose owner (uid 54321)" },
	{ "writable by all", 0, 0, 0777, "which is writable by others (mode 0777)" },
	{ "writable by a group", 0, ALICE, 0775, "which is writable by others (mode 0775)" },
	{ "certd's, writable by a group", ANYBODY, ALICE, 0770, "which is writable by others (mode 0770)" },
};

Test(drop_dir, nobody_else_can_swap_what_is_on_the_way)
{
	if (getuid() != 0)
		cr_skip_test("directories of several users need root");
	for (size_t i = 0; i < ARRAY_SIZE(aboves); i++) {
		char root[PATH_SIZE] = "/tmp/test-drop-dir-XXXXXX";
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_free_ char *above = NULL;
		_cleanup_free_ char *path = NULL;
		struct stat st;
		int fd;

		cr_assert_not_null(mkdtemp(root));
		cr_assert_eq(chmod(root, 0755), 0);
		above = xasprintf("%s/above", root);
		path = xasprintf("%s/drop", above);
		make_dir_of(above, aboves[i].uid, aboves[i].gid, aboves[i].mode);
		make_dir_of(path, ANYBODY, ANYBODY, 02750);
		cr_assert_eq(setegid(ANYBODY) || seteuid(ANYBODY), 0);
		fd = drop_dir_open_prepared(path, AT_FDCWD, &st, &err);
		become_oneself();
		cr_assert_eq(setegid(getgid()), 0);
		cr_expect_eq(fd >= 0, !aboves[i].says, "%s: %s", aboves[i].what, err.message);
		if (aboves[i].says)
			cr_expect(strstr(err.message, aboves[i].says) && strstr(err.message, above), "%s: %s",
				aboves[i].what, err.message);
		if (fd >= 0)
			close(fd);
		rmdir(path);
		rmdir(above);
		rmdir(root);
	}
}

Test(drop_dir, the_way_has_no_links_and_does_not_lead_to_certds_own_files)
{
	static const struct {
		const char *path, *says;
	} ways[] = {
		{ "real/drop", NULL },
		{ "real//drop/", NULL },
		{ "link/drop", "link' is a symbolic link" },
		{ "real/../real/drop", "is not a plain absolute path" },
		{ "live/www", "is inside certd's own directories" },
		{ "gone/drop", "does not exist" },
		{ "file/drop", "Not a directory" },
	};
	char root[PATH_SIZE] = "/tmp/test-drop-dir-XXXXXX";
	static const char *const made[] = { "real", "real/drop", "live", "live/www" };
	int own;

	cr_assert_not_null(mkdtemp(root));
	own = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(made); i++)
		cr_assert_eq(mkdirat(own, made[i], 0755), 0);
	cr_assert_eq(symlinkat("real", own, "link"), 0);
	close(openat(own, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_free_ char *path = xasprintf("%s/%s", root, ways[i].path);
		struct stat st;
		int fd = drop_dir_open_prepared(path, own, &st, &err);

		cr_expect_eq(fd >= 0, !ways[i].says, "%s: %s", path, err.message);
		if (ways[i].says)
			cr_expect_not_null(strstr(err.message, ways[i].says), "%s: %s", path, err.message);
		if (fd >= 0)
			close(fd);
	}
	unlinkat(own, "link", 0);
	unlinkat(own, "file", 0);
	for (size_t i = ARRAY_SIZE(made); i-- > 0;)
		unlinkat(own, made[i], AT_REMOVEDIR);
	close(own);
	rmdir(root);
}
