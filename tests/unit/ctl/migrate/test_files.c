#include "common/error.h"
#include "ctl/migrate/files.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void
put(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	cr_assert_not_null(f);
	cr_assert_eq(fwrite(text, 1, len, f), len);
	cr_assert_eq(fclose(f), 0);
}

/* A directory in a directory, which is the working directory; @ret: its descriptor. */
static int
begin(void)
{
	char path[] = "/tmp/test-files-XXXXXX";
	int fd;

	cr_assert_not_null(mkdtemp(path));
	cr_assert_eq(chdir(path), 0);
	cr_assert_eq(mkdir("root", 0700), 0);
	cr_assert_eq(mkdir("root/sub", 0700), 0);
	put("outside", "secret", 6);
	fd = files_open_root("root", NULL);
	cr_assert(fd >= 0);
	return fd;
}

Test(files, only_regular_files_of_a_bounded_size_below_the_directory_are_read)
{
	static char large[FILES_TEXT_MAX + 1];
	static const struct {
		const char *path;
		enum error_code code; /* ERROR_NONE: read */
	} cases[] = {
		{ "sub/file", ERROR_NONE },
		{ "sub/link", ERROR_NONE },
		{ "sub/empty", ERROR_NONE },
		{ "sub/out", ERROR_DENIED },
		{ "sub/absolute", ERROR_DENIED },
		{ "../outside", ERROR_DENIED },
		{ "/etc/passwd", ERROR_DENIED },
		{ "sub/fifo", ERROR_INVALID },
		{ "sub", ERROR_INVALID },
		{ "sub/large", ERROR_LIMIT },
		{ "sub/none", ERROR_NOT_FOUND },
	};
	int root = begin();

	put("root/sub/file", "text", 4);
	put("root/sub/empty", "", 0);
	put("root/sub/large", large, sizeof(large));
	cr_assert_eq(symlink("../sub/file", "root/sub/link"), 0);
	cr_assert_eq(symlink("../../outside", "root/sub/out"), 0);
	cr_assert_eq(symlink("/etc/passwd", "root/sub/absolute"), 0);
	cr_assert_eq(mkfifo("root/sub/fifo", 0600), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;
		int rc = files_read_text(root, cases[i].path, &text, &err);

		cr_expect_eq(rc, cases[i].code == ERROR_NONE ? 0 : -1, "%s", cases[i].path);
		cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].path, err.message);
		cr_expect(rc == 0 || text.len == 0);
	}
	close(root);
}

Test(files, a_listing_is_sorted_and_a_missing_directory_is_empty)
{
	int root = begin();
	_cleanup_strlist_ struct strlist names = STRLIST_INIT, none = STRLIST_INIT;
	_cleanup_free_ char *all = NULL;

	put("root/sub/b", "", 0);
	put("root/sub/a", "", 0);
	put("root/sub/.hidden", "", 0);
	files_list(root, "sub", &names);
	all = strlist_join(&names, " ");
	cr_expect_str_eq(all, "a b");
	files_list(root, "..", &none);
	files_list(root, "missing", &none);
	cr_expect_eq(none.count, 0);
	cr_expect(files_is_there(root, "sub/a"));
	cr_expect_not(files_is_there(root, "../outside"));
	close(root);
}
