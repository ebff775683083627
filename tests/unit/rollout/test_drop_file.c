#include "daemon/rollout/drop_file.h"

#include "common/buf.h"
#include "common/error.h"
#include "tests/support/process.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
expect_content(int dirfd, const char *name, const char *content)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int rc = buf_read_file(&text, dirfd, name, 100, NULL);

	if (content)
		cr_expect_str_eq(buf_str(&text), content, "%s", name);
	else
		cr_expect_lt(rc, 0, "%s: %s", name, buf_str(&text));
}

static unsigned
count_names(int dirfd)
{
	DIR *dir = drop_file_list(dirfd, NULL);
	unsigned n = 0;

	cr_assert_not_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

Test(drop_file, files_that_belong_together_are_published_all_or_none)
{
	static const char *const names[] = { "a", "b", "c" };
	static const struct {
		const char *blocked; /* a directory has this name; NULL: none */
		bool had_old;        /* "a" */
		int rc;
		const char *a, *c;
	} cases[] = {
		{ NULL, true, 0, "new", "new" },
		{ NULL, false, 0, "new", "new" },
		{ "b", true, -1, "old", NULL },
		{ "b", false, -1, NULL, NULL },
		{ "c", true, -1, "old", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(scratch_remove) char *path = scratch_new();
		_cleanup_error_ struct error err = ERROR_INIT;
		int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (cases[i].had_old)
			cr_assert_eq(drop_file_replace(dirfd, "a", "old", 3, 0600, &err), 0, "%s", err.message);
		if (cases[i].blocked)
			cr_assert_eq(mkdirat(dirfd, cases[i].blocked, 0700), 0);
		for (size_t k = 0; k < ARRAY_SIZE(names); k++)
			cr_assert_eq(drop_file_stage(dirfd, names[k], "new", 3, 0640, &err), 0, "%s", err.message);
		cr_expect_eq(drop_file_publish_all(dirfd, names, ARRAY_SIZE(names), &err), cases[i].rc, "case %zu", i);
		cr_expect_eq(error_is_set(&err), cases[i].rc < 0, "case %zu: %s", i, err.message);
		expect_content(dirfd, "a", cases[i].a);
		if (!cases[i].blocked || strcmp(cases[i].blocked, "c") != 0)
			expect_content(dirfd, "c", cases[i].c);
		cr_expect_eq(count_names(dirfd),
			cases[i].rc == 0 ? 3u : (cases[i].had_old ? 1u : 0u) + (cases[i].blocked ? 1u : 0u),
			"case %zu: temporary files are left", i);
		close(dirfd);
	}
}

Test(drop_file, a_file_that_is_replaced_has_its_mode_and_leaves_nothing)
{
	_cleanup_(scratch_remove) char *path = scratch_new();
	_cleanup_error_ struct error err = ERROR_INIT;
	int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	cr_assert_eq(drop_file_replace(dirfd, "key", "one", 3, 0600, &err), 0, "%s", err.message);
	cr_assert_eq(drop_file_replace(dirfd, "key", "second", 6, 0640, &err), 0, "%s", err.message);
	expect_content(dirfd, "key", "second");
	cr_assert_eq(fstatat(dirfd, "key", &st, 0), 0);
	cr_expect_eq(st.st_mode & 07777, 0640);
	cr_expect_eq(count_names(dirfd), 1);
	close(dirfd);
}

Test(drop_file, only_temporary_names_are_swept)
{
	static const char *const left[] = { DROP_TEMP_PREFIX "x", DROP_TEMP_PREFIX "key.pem" };
	static const char *const kept[] = { "key.pem", ".certd", ".hidden", "x" DROP_TEMP_PREFIX "y" };
	_cleanup_(scratch_remove) char *path = scratch_new();
	int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		close(openat(dirfd, left[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		close(openat(dirfd, kept[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	cr_expect_eq(drop_file_sweep(dirfd, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		cr_expect_lt(faccessat(dirfd, left[i], F_OK, 0), 0, "%s", left[i]);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		cr_expect_eq(faccessat(dirfd, kept[i], F_OK, 0), 0, "%s", kept[i]);
	close(dirfd);
}

Test(drop_file, a_second_name_is_published_without_a_copy)
{
	static const char *const names[] = { "b" };
	_cleanup_(scratch_remove) char *path = scratch_new();
	_cleanup_error_ struct error err = ERROR_INIT;
	int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat a, b;

	cr_assert_eq(drop_file_replace(dirfd, "a", "x", 1, 0600, &err), 0, "%s", err.message);
	cr_expect_lt(drop_file_stage_link(dirfd, "b", dirfd, "nothing"), 0);
	cr_assert_eq(drop_file_stage_link(dirfd, "b", dirfd, "a"), 0);
	cr_assert_eq(drop_file_stage_link(dirfd, "b", dirfd, "a"), 0, "it may be repeated");
	cr_assert_eq(drop_file_publish_all(dirfd, names, 1, &err), 0, "%s", err.message);
	cr_assert_eq(fstatat(dirfd, "a", &a, 0), 0);
	cr_assert_eq(fstatat(dirfd, "b", &b, 0), 0);
	cr_expect_eq(a.st_ino, b.st_ino);
	close(dirfd);
}
