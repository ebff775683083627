/* What is written into a ledger comes back, and nothing that a damaged one says is believed. */
#include "daemon/rollout/drop_ledger.h"

#include "common/error.h"
#include "daemon/rollout/drop_look.h"
#include "tests/support/process.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHA_OF_TEXT "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1" /* of "text" */
#define SHA_ZERO "0000000000000000000000000000000000000000000000000000000000000000"

struct bed {
	char *dir;
	int fd;
};

static void
bed_init(struct bed *b)
{
	b->dir = scratch_new();
	b->fd = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(b->fd, 0);
}

static void
bed_clear(struct bed *b)
{
	close(b->fd);
	scratch_remove(&b->dir);
}

Test(drop_ledger, what_was_written_is_read_back)
{
	static const struct ledger_file files[] = {
		{ .path = (char *)"/srv/a/cert.pem", .sha256 = SHA_OF_TEXT, .mode = 0640, .gid = 12, .base = 6 },
		{ .path = (char *)"/srv/a/key.pem",
			.sha256 = SHA_ZERO,
			.gid = (gid_t)-1,
			.base = 6,
			.is_foreign = true },
		{ .path = (char *)"/srv/a/link",
			.target = (char *)"cert.pem",
			.gid = (gid_t)-1,
			.base = 4,
			.is_former = true },
	};
	_cleanup_ledger_ struct ledger l = {
		.subject = "s", .certificate = "c", .generation = 7, .not_after_at = 1700000000
	};
	_cleanup_ledger_ struct ledger got = { .files = NULL };
	_cleanup_ledger_ struct ledger none = { .files = NULL };
	_cleanup_error_ struct error err = ERROR_INIT;
	struct bed b;

	bed_init(&b);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		ledger_copy(&l, &files[i]);
	strlist_add(&l.directories, "/srv/a");
	strlist_add(&l.directories, "/srv/a/b");
	cr_assert_eq(ledger_write(b.fd, "www", &l, &err), 0, "%s", err.message);
	cr_assert_eq(ledger_read(b.fd, "www", &got, &err), 0, "%s", err.message);
	cr_expect_str_eq(got.subject, "s");
	cr_expect_str_eq(got.certificate, "c");
	cr_expect_eq(got.generation, 7);
	cr_expect_eq(got.not_after_at, 1700000000);
	cr_expect(strlist_equal(&got.directories, &l.directories));
	cr_assert_eq(got.count, ARRAY_SIZE(files));
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const struct ledger_file *file = ledger_find(&got, files[i].path);

		cr_assert_not_null(file, "%s", files[i].path);
		cr_expect_str_eq(file->target ? file->target : "", files[i].target ? files[i].target : "");
		cr_expect_str_eq(file->sha256, files[i].sha256);
		cr_expect_eq(file->mode, files[i].mode);
		cr_expect_eq(file->gid, files[i].gid);
		cr_expect_eq(file->base, files[i].base);
		cr_expect_eq(file->is_foreign, files[i].is_foreign);
		cr_expect_eq(file->is_former, files[i].is_former);
	}
	cr_expect_null(ledger_find(&got, "/srv/a"));
	cr_expect_eq(ledger_remove(b.fd, "www", &err), 0);
	cr_expect_eq(ledger_remove(b.fd, "www", &err), 0, "again: %s", err.message);
	cr_expect_eq(ledger_read(b.fd, "www", &none, &err), 0);
	cr_expect_eq(none.count, 0);
	cr_expect_str_eq(none.subject, "");
	bed_clear(&b);
}

Test(drop_ledger, the_owner_of_a_path_is_another_certificate_that_lists_it)
{
	static const struct {
		const char *path, *slug, *owner;
	} cases[] = { { "/srv/one", "two", "one.test" }, { "/srv/one", "one.test", NULL },
		{ "/srv/two", "one.test", "two" }, { "/srv/three", "two", NULL } };
	static const char *const slugs[] = { "one.test", "two" };
	static const char *const paths[] = { "/srv/one", "/srv/two" };
	struct bed b;

	bed_init(&b);
	scratch_write(b.dir, "README", "not a ledger\n");
	scratch_write(b.dir, "damaged.json", "{\n");
	for (size_t i = 0; i < ARRAY_SIZE(slugs); i++) {
		_cleanup_ledger_ struct ledger l = { .subject = "s", .certificate = "c" };
		struct ledger_file *file = ledger_add(&l, paths[i]);

		file->base = 4;
		memcpy(file->sha256, SHA_ZERO, sizeof(SHA_ZERO));
		cr_assert_eq(ledger_write(b.fd, slugs[i], &l, NULL), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *owner = ledger_owner_of(b.fd, cases[i].path, cases[i].slug);

		cr_expect_str_eq(
			owner ? owner : "nobody", cases[i].owner ? cases[i].owner : "nobody", "%s", cases[i].path);
	}
	bed_clear(&b);
}

#define HEAD "\"subject\":\"s\",\"certificate\":\"c\",\"generation\":1,\"notAfter\":2,\"directories\":[],"
#define ONE_FILE(members) "{" HEAD "\"files\":[{" members "}]}"
#define CONTENT "\"sha256\":\"" SHA_ZERO "\",\"mode\":420"

Test(drop_ledger, a_damaged_one_is_refused_by_its_name)
{
	static const struct {
		const char *text;
		bool is_good;
	} cases[] = {
		{ "{" HEAD "\"files\":[]}", true },
		{ ONE_FILE("\"path\":\"/a/b\",\"base\":2," CONTENT), true },
		{ ONE_FILE("\"path\":\"/a/b\",\"base\":2,\"target\":\"x\""), true },
		{ "", false },
		{ "{}", false },
		{ "{" HEAD "\"file\":[]}", false },
		{ "{\"subject\":\"s\",\"generation\":1,\"notAfter\":2,\"directories\":[],\"files\":[]}", false },
		{ "{\"subject\":\"s\",\"certificate\":\"c\",\"generation\":-1,\"notAfter\":2,\"directories\":[],"
		  "\"files\":[]}",
			false },
		{ "{\"subject\":\"s\",\"certificate\":\"c\",\"generation\":1,\"directories\":[],\"files\":[]}", false },
		{ "{\"subject\":\"s\",\"certificate\":\"c\",\"generation\":1,\"notAfter\":2,\"files\":[]}", false },
		{ "{\"subject\":\"0123456789012345678901234567890123456789\",\"certificate\":\"c\",\"generation\":1,"
		  "\"notAfter\":2,\"directories\":[],\"files\":[]}",
			false },
		{ ONE_FILE("\"base\":2," CONTENT), false },
		{ ONE_FILE("\"path\":\"a/b\",\"base\":1," CONTENT), false },
		{ ONE_FILE("\"path\":\"/a/b\"," CONTENT), false },
		{ ONE_FILE("\"path\":\"/a/b\",\"base\":1," CONTENT), false },
		{ ONE_FILE("\"path\":\"/a/b\",\"base\":0," CONTENT), false },
		{ ONE_FILE("\"path\":\"/a/b/\",\"base\":4," CONTENT), true },
		{ ONE_FILE("\"path\":\"/a/b\",\"base\":4," CONTENT), false },
		{ ONE_FILE("\"path\":\"/a/b\",\"base\":2,\"mode\":420"), false },
		{ ONE_FILE("\"path\":\"/a/b\",\"base\":2,\"sha256\":\"00\",\"mode\":420"), false },
		{ ONE_FILE("\"path\":\"/a/b\",\"base\":2,\"sha256\":\"" SHA_ZERO "\""), false },
		{ ONE_FILE("\"path\":\"/a/b\",\"base\":2,\"sha256\":\"" SHA_ZERO "\",\"mode\":511"), true },
		{ ONE_FILE("\"path\":\"/a/b\",\"base\":2,\"sha256\":\"" SHA_ZERO "\",\"mode\":512"), false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_ledger_ struct ledger l = { .files = NULL };
		_cleanup_error_ struct error err = ERROR_INIT;
		struct bed b;

		bed_init(&b);
		scratch_write(b.dir, "www.json", "%s", cases[i].text);
		cr_expect_eq(ledger_read(b.fd, "www", &l, &err), cases[i].is_good ? 0 : -1, "%s", cases[i].text);
		if (!cases[i].is_good) {
			cr_expect_eq(err.code, ERROR_CORRUPT, "%s", cases[i].text);
			cr_expect_not_null(
				strstr(err.message ? err.message : "", "outputs/www.json"), "%s", cases[i].text);
			cr_expect_eq(l.count, 0);
			cr_expect_str_eq(l.subject, "");
		}
		bed_clear(&b);
	}
}

Test(drop_look, each_difference_is_found_and_has_words)
{
	static const struct ledger_file file = { .sha256 = SHA_OF_TEXT, .mode = 0640, .gid = (gid_t)-1 };
	static const struct ledger_file link = { .target = (char *)"file" };
	static const struct {
		const char *name;
		const struct ledger_file *expected;
		enum drop_seen seen;
		const char *words;
	} cases[] = {
		{ "file", &file, DROP_SAME, "is unchanged" },
		{ "absent", &file, DROP_MISSING, "is missing" },
		{ "directory", &file, DROP_OTHER, "is another file" },
		{ "fifo", &file, DROP_OTHER, "is another file" },
		{ "link", &file, DROP_OTHER, "is another file" },
		{ "other", &file, DROP_CONTENT, "has other contents" },
		{ "longer", &file, DROP_CONTENT, "has other contents" },
		{ "open", &file, DROP_MODE, "has another mode or group" },
		{ "link", &link, DROP_SAME, "is unchanged" },
		{ "elsewhere", &link, DROP_OTHER, "is another file" },
		{ "file", &link, DROP_OTHER, "is another file" },
		{ "absent", &link, DROP_MISSING, "is missing" },
	};
	struct bed b;
	struct stat st;
	struct ledger_file of_group = file;

	bed_init(&b);
	scratch_write(b.dir, "file", "text");
	scratch_write(b.dir, "open", "text");
	scratch_write(b.dir, "other", "texT");
	scratch_write(b.dir, "longer", "text and more");
	cr_assert_eq(fchmodat(b.fd, "file", 0640, 0), 0);
	cr_assert_eq(fchmodat(b.fd, "other", 0640, 0), 0);
	cr_assert_eq(fchmodat(b.fd, "longer", 0640, 0), 0);
	cr_assert_eq(fchmodat(b.fd, "open", 0644, 0), 0);
	cr_assert_eq(mkdirat(b.fd, "directory", 0700), 0);
	cr_assert_eq(mkfifoat(b.fd, "fifo", 0640), 0);
	cr_assert_eq(symlinkat("file", b.fd, "link"), 0);
	cr_assert_eq(symlinkat("absent", b.fd, "elsewhere"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum drop_seen seen = drop_look(b.fd, cases[i].name, cases[i].expected);

		cr_expect_eq(seen, cases[i].seen, "%s: it %s", cases[i].name, drop_seen_text(seen));
		cr_expect_str_eq(drop_seen_text(cases[i].seen), cases[i].words);
		cr_expect_eq(drop_look_is_ours(b.fd, cases[i].name, cases[i].expected),
			cases[i].seen == DROP_SAME || cases[i].seen == DROP_MODE, "%s", cases[i].name);
	}
	cr_assert_eq(fstatat(b.fd, "file", &st, 0), 0);
	of_group.gid = st.st_gid;
	cr_expect_eq(drop_look(b.fd, "file", &of_group), DROP_SAME);
	of_group.gid = st.st_gid + 1;
	cr_expect_eq(drop_look(b.fd, "file", &of_group), DROP_MODE);
	bed_clear(&b);
}
