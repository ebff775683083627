/* Declared files in a directory of the test's own. With a virtual clock jobs run on the loop, one after the other. */
#include "daemon/rollout/drop_ledger.h"
#include "daemon/rollout/drop_private.h"
#include "tests/unit/rollout/drop_rig.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A certificate that was issued at that time. */
static void
renew(struct rig *r, int64_t issued_at)
{
	rig_certificate(&r->cert, AUTO_A, issued_at + 90 * DAY);
	r->cert.o.created_at = issued_at;
}

/* With a directory for the files. */
static void
output_init(struct rig *r)
{
	_cleanup_free_ char *out = NULL;

	rig_init(r, clock_new_virtual(NOW));
	out = rig_path(r, "out");
	cr_assert_eq(mkdir(out, 0700), 0);
}

/* @layout and @output: or NULL. */
static void
write_files(struct rig *r, const char *layout, const char *output)
{
	struct consumer c = { .layout = xstrdup_null(layout) };
	struct drop_output_set set = { .directory = rig_path(r, "out") };

	if (output)
		strlist_add(&c.outputs, output);
	cr_assert_eq(output_list_of(&c, &set.list, NULL), 0);
	drop_write(r->drops,
		&(struct drop_request){ .subject_id = AUTO_A,
			.slug = SLUG,
			.cert = &r->cert,
			.generation = ++r->generation,
			.is_partial = true,
			.sets = &set,
			.n_sets = 1 },
		rig_ended, r);
	rig_run(r);
	drop_output_set_clear(&set);
	consumer_clear(&c);
}

/* A deployment of live/<slug>, when no consumer declares files any more. */
static void
detach(struct rig *r)
{
	const struct strlist none = STRLIST_INIT;

	drop_write(r->drops,
		&(struct drop_request){ .subject_id = AUTO_A,
			.slug = SLUG,
			.cert = &r->cert,
			.generation = ++r->generation,
			.declared = &none },
		rig_ended, r);
	rig_run(r);
	cr_expect(!error_is_set(&r->err), "%s", r->err.message);
}

static void
remove_files(struct rig *r, const char *subject)
{
	drop_remove(r->drops, &(struct drop_removal){ .slug = SLUG, .subject_id = subject, .is_whole = true },
		rig_ended, r);
	rig_run(r);
	cr_expect(!error_is_set(&r->err), "%s", r->err.message);
}

/* Contents, or the target of a link; owned by the caller; NULL: not there. */
static char *
read_text(const struct rig *r, const char *name)
{
	_cleanup_free_ char *path = rig_path(r, name);
	struct buf text = BUF_INIT;
	char target[256];
	ssize_t len = readlink(path, target, sizeof(target));

	if (len > 0)
		return xstrndup(target, (size_t)len);
	if (buf_read_file(&text, AT_FDCWD, path, 65536, NULL) == 0)
		return buf_steal(&text);
	buf_clear(&text);
	return NULL;
}

static void
expect_text(const struct rig *r, const char *name, const char *expected)
{
	_cleanup_free_ char *text = read_text(r, name);

	cr_expect_str_eq(text ? text : "(missing)", expected ? expected : "(missing)", "%s", name);
}

static void
put_text(const struct rig *r, const char *name, const char *text)
{
	_cleanup_free_ char *path = rig_path(r, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0, "%s", path);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void
make_directory(const struct rig *r, const char *name, mode_t mode)
{
	_cleanup_free_ char *path = rig_path(r, name);

	cr_assert_eq(mkdir(path, 0700), 0, "%s", path);
	cr_assert_eq(chmod(path, mode), 0);
}

/* "mode path", with the target of a link: a line for each that is below @name, in order. */
static void
list_tree(const struct rig *r, const char *name, struct buf *ret)
{
	_cleanup_free_ char *path = rig_path(r, name);
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);

	cr_assert_geq(n, 0, "%s", path);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *below = xasprintf("%s/%s", name, entries[i]->d_name);
		_cleanup_free_ char *file = rig_path(r, below);
		bool is_dots = strcmp(entries[i]->d_name, ".") == 0 || strcmp(entries[i]->d_name, "..") == 0;
		char target[256] = "";
		struct stat st;

		free(entries[i]);
		if (is_dots)
			continue;
		cr_assert_eq(lstat(file, &st), 0);
		if (S_ISLNK(st.st_mode))
			cr_assert_gt(readlink(file, target, sizeof(target) - 1), 0);
		if (*target)
			buf_printf(ret, "%s -> %s\n", below, target);
		else
			buf_printf(ret, "%o %s%s\n", st.st_mode & 07777U, below, S_ISDIR(st.st_mode) ? "/" : "");
		if (S_ISDIR(st.st_mode))
			list_tree(r, below, ret);
	}
	free(entries);
}

static void
expect_tree(const struct rig *r, const char *why, const char *expected)
{
	_cleanup_buf_ struct buf tree = BUF_INIT;

	list_tree(r, "out", &tree);
	cr_expect_str_eq(buf_str(&tree), expected, "%s:\n%s", why, buf_str(&tree));
}

/* The ledger: what certd believes to be there. */
static void
expect_ledger(const struct rig *r, const char *why, const char *files, const char *directories)
{
	_cleanup_ledger_ struct ledger l = { .files = NULL };
	_cleanup_free_ char *ledgers = rig_path(r, "outputs"), *made = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	size_t below = strlen(r->root) + 1;
	int fd = open(ledgers, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	cr_assert_eq(ledger_read(fd, SLUG, &l, NULL), 0);
	close(fd);
	for (size_t i = 0; i < l.count; i++)
		buf_printf(&text, "%s%s%s%s", i ? " " : "", l.files[i].path + below,
			l.files[i].is_foreign ? " (foreign)" : "", l.files[i].is_former ? " (former)" : "");
	cr_expect_str_eq(buf_str(&text), files, "%s: %s", why, buf_str(&text));
	for (size_t i = 0; i < l.directories.count; i++)
		memmove(l.directories.items[i], l.directories.items[i] + below,
			strlen(l.directories.items[i] + below) + 1);
	made = strlist_join(&l.directories, " ");
	cr_expect_str_eq(made ? made : "", directories, "%s: %s", why, made);
	if (l.count) {
		cr_expect_str_eq(l.subject, AUTO_A, "%s", why);
		cr_expect_str_eq(l.certificate, r->cert.o.id, "%s", why);
		cr_expect_eq(l.generation, r->generation, "%s: %d", why, (int)l.generation);
		cr_expect_eq(l.not_after_at, r->cert.not_after_at, "%s", why);
	}
}

/* Everything in the directory, and everything that certd believes to be in it, after each step. */
Test(drop_output, each_layout_leaves_what_it_declares_and_takes_all_of_it_back)
{
#define ARCHIVE "out/archive/" SLUG "/"
#define LIVE "out/live/" SLUG "/"
#define CERTS "out/certs/" SLUG "/"
#define LIVE_LINKS(n) \
	LIVE "cert.pem -> ../../archive/" SLUG "/cert" n ".pem\n" LIVE "chain.pem -> ../../archive/" SLUG "/chain" n \
	     ".pem\n" LIVE "fullchain.pem -> ../../archive/" SLUG "/fullchain" n ".pem\n" LIVE \
	     "privkey.pem -> ../../archive/" SLUG "/privkey" n ".pem\n"
#define LIVE_FILES(n) \
	ARCHIVE "cert" n ".pem " LIVE "cert.pem " ARCHIVE "privkey" n ".pem " LIVE "privkey.pem " ARCHIVE "chain" n \
		".pem " LIVE "chain.pem " ARCHIVE "fullchain" n ".pem " LIVE "fullchain.pem"
#define CERTS_FILES(n) \
	CERTS "privkey" n ".pem " CERTS "privkey.pem " CERTS "cert" n ".pem " CERTS "cert.pem " CERTS "chain" n \
	      ".pem " CERTS "chain.pem " CERTS "fullchain" n ".pem " CERTS "fullchain.pem"
	static const struct {
		const char *layout, *output, *directories;
		const char *first, *first_files, *second, *second_files;
	} cases[] = {
		{ "certbot", NULL, "out/archive out/archive/" SLUG " out/live out/live/" SLUG,
			"755 out/archive/\n755 " ARCHIVE "\n644 " ARCHIVE "cert1.pem\n644 " ARCHIVE
			"chain1.pem\n644 " ARCHIVE "fullchain1.pem\n600 " ARCHIVE
			"privkey1.pem\n755 out/live/\n755 " LIVE "\n" LIVE_LINKS("1"),
			LIVE_FILES("1"),
			"755 out/archive/\n755 " ARCHIVE "\n644 " ARCHIVE "cert1.pem\n644 " ARCHIVE
			"cert2.pem\n644 " ARCHIVE "chain1.pem\n644 " ARCHIVE "chain2.pem\n644 " ARCHIVE
			"fullchain1.pem\n644 " ARCHIVE "fullchain2.pem\n600 " ARCHIVE "privkey1.pem\n600 " ARCHIVE
			"privkey2.pem\n755 out/live/\n755 " LIVE "\n" LIVE_LINKS("2"),
			LIVE_FILES("2") " " ARCHIVE "cert1.pem (former) " ARCHIVE "privkey1.pem (former) " ARCHIVE
					"chain1.pem (former) " ARCHIVE "fullchain1.pem (former)" },
		{ "dehydrated", NULL, "out/certs out/certs/" SLUG,
			"755 out/certs/\n755 " CERTS "\n644 " CERTS "cert-0.pem\n" CERTS
			"cert.pem -> cert-0.pem\n644 " CERTS "chain-0.pem\n" CERTS
			"chain.pem -> chain-0.pem\n644 " CERTS "fullchain-0.pem\n" CERTS
			"fullchain.pem -> fullchain-0.pem\n600 " CERTS "privkey-0.pem\n" CERTS
			"privkey.pem -> privkey-0.pem\n",
			CERTS_FILES("-0"),
			"755 out/certs/\n755 " CERTS "\n644 " CERTS "cert-0.pem\n644 " CERTS
			"cert-1700086400.pem\n" CERTS "cert.pem -> cert-1700086400.pem\n644 " CERTS
			"chain-0.pem\n644 " CERTS "chain-1700086400.pem\n" CERTS
			"chain.pem -> chain-1700086400.pem\n644 " CERTS "fullchain-0.pem\n644 " CERTS
			"fullchain-1700086400.pem\n" CERTS "fullchain.pem -> fullchain-1700086400.pem\n600 " CERTS
			"privkey-0.pem\n600 " CERTS "privkey-1700086400.pem\n" CERTS
			"privkey.pem -> privkey-1700086400.pem\n",
			CERTS_FILES("-1700086400") " " CERTS "privkey-0.pem (former) " CERTS
						   "cert-0.pem (former) " CERTS "chain-0.pem (former) " CERTS
						   "fullchain-0.pem (former)" },
		{ "haproxy", "key:a/b/{name}.key:0640", "out/a out/a/b",
			"755 out/a/\n755 out/a/b/\n640 out/a/b/" SLUG ".key\n600 out/" SLUG ".pem\n",
			"out/" SLUG ".pem out/a/b/" SLUG ".key",
			"755 out/a/\n755 out/a/b/\n640 out/a/b/" SLUG ".key\n600 out/" SLUG ".pem\n",
			"out/" SLUG ".pem out/a/b/" SLUG ".key" },
		{ NULL, "chain:x/{type}.pem", "out/x", "755 out/x/\n644 out/x/ecdsa.pem\n", "out/x/ecdsa.pem",
			"755 out/x/\n644 out/x/ecdsa.pem\n", "out/x/ecdsa.pem" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *why = cases[i].layout ? cases[i].layout : "files alone";
		struct rig r;

		output_init(&r);
		write_files(&r, cases[i].layout, cases[i].output);
		cr_assert(!error_is_set(&r.err), "%s", r.err.message);
		expect_tree(&r, why, cases[i].first);
		expect_ledger(&r, why, cases[i].first_files, cases[i].directories);
		renew(&r, NOW + DAY);
		write_files(&r, cases[i].layout, cases[i].output);
		expect_tree(&r, why, cases[i].second);
		expect_ledger(&r, why, cases[i].second_files, cases[i].directories);
		remove_files(&r, AUTO_A);
		expect_tree(&r, why, "");
		expect_text(&r, "outputs/" SLUG ".json", NULL);
		rig_clear(&r);
	}
}

/* Each declaration replaces the one before: nothing of that stays, but what others have put beside it. */
Test(drop_output, another_declaration_leaves_nothing_of_the_one_before)
{
	struct rig r;

	output_init(&r);
	write_files(&r, "dehydrated", "key:a/b/{name}.key");
	put_text(&r, "out/a/mine", "x");
	write_files(&r, "haproxy", NULL);
	cr_assert(!error_is_set(&r.err), "%s", r.err.message);
	expect_tree(&r, "haproxy", "755 out/a/\n600 out/a/mine\n600 out/" SLUG ".pem\n");
	expect_ledger(&r, "haproxy", "out/" SLUG ".pem", "out/a");
	write_files(&r, NULL, "key:c/{name}.key");
	expect_tree(&r, "a key", "755 out/a/\n600 out/a/mine\n755 out/c/\n600 out/c/" SLUG ".key\n");
	expect_ledger(&r, "a key", "out/c/" SLUG ".key", "out/c out/a");
	detach(&r);
	expect_tree(&r, "nothing", "755 out/a/\n600 out/a/mine\n");
	rig_clear(&r);
}

Test(drop_output, what_certd_wrote_is_removed_with_its_subject_and_nothing_else)
{
	struct rig r;

	output_init(&r);
	write_files(&r, "certbot", NULL);
	cr_assert(!error_is_set(&r.err), "%s", r.err.message);
	expect_text(&r, "out/live/" SLUG "/cert.pem", "../../archive/" SLUG "/cert1.pem");
	put_text(&r, "out/live/" SLUG "/README", "mine");
	put_text(&r, "out/archive/" SLUG "/chain1.pem", "changed");
	remove_files(&r, AUTO_B); /* the files are another's */
	expect_text(&r, "out/live/" SLUG "/cert.pem", "../../archive/" SLUG "/cert1.pem");
	remove_files(&r, AUTO_A);
	expect_text(&r, "out/live/" SLUG "/cert.pem", NULL);
	expect_text(&r, "out/archive/" SLUG "/privkey1.pem", NULL);
	expect_text(&r, "out/archive/" SLUG "/chain1.pem", "changed");
	expect_text(&r, "out/live/" SLUG "/README", "mine");
	expect_text(&r, "outputs/" SLUG ".json", NULL);
	rig_clear(&r);
}

Test(drop_output, what_no_consumer_declares_any_more_is_removed_and_what_cannot_be_holds_up_nothing)
{
	struct rig r;

	output_init(&r);
	write_files(&r, "haproxy", "key:sub/{name}.key");
	cr_assert(!error_is_set(&r.err), "%s", r.err.message);
	put_text(&r, "out/sub/mine", "x");
	detach(&r);
	expect_text(&r, "out/" SLUG ".pem", NULL);
	expect_text(&r, "out/sub/" SLUG ".key", NULL);
	expect_text(&r, "out/sub/mine", "x");
	write_files(&r, "haproxy", NULL);
	make_directory(&r, "out/x", 0755);
	{
		_cleanup_free_ char *out = rig_path(&r, "out");

		cr_assert_eq(chmod(out, 0777), 0); /* certd does not go there any more */
		detach(&r);
		cr_assert_eq(chmod(out, 0755), 0);
	}
	detach(&r);
	expect_text(&r, "out/" SLUG ".pem", NULL);
	rig_clear(&r);
}

Test(drop_output, files_that_are_right_already_are_left_to_the_program_that_wrote_them)
{
	_cleanup_free_ char *key = NULL;
	struct rig r;

	output_init(&r);
	write_files(&r, NULL, "key:a.key");
	key = read_text(&r, "out/a.key");
	put_text(&r, "out/" SLUG ".key", key);
	write_files(&r, NULL, "key:{name}.key");
	cr_expect(!error_is_set(&r.err), "%s", r.err.message);
	expect_text(&r, "out/a.key", NULL);
	remove_files(&r, AUTO_A);
	expect_text(&r, "out/" SLUG ".key", key);
	rig_clear(&r);
}

Test(drop_output, a_renewal_takes_the_next_number_and_a_repetition_keeps_it)
{
	struct rig r;

	output_init(&r);
	make_directory(&r, "out/archive", 0755);
	make_directory(&r, "out/archive/" SLUG, 0755);
	put_text(&r, "out/archive/" SLUG "/cert41.pem", "certbot's");
	put_text(&r, "out/archive/" SLUG "/cert99999999999.pem", "not a number");
	for (unsigned i = 0; i < 2; i++) {
		write_files(&r, "certbot", NULL);
		cr_assert(!error_is_set(&r.err), "%s", r.err.message);
		expect_text(&r, "out/live/" SLUG "/privkey.pem", "../../archive/" SLUG "/privkey42.pem");
	}
	renew(&r, NOW + DAY);
	write_files(&r, "certbot", NULL);
	expect_text(&r, "out/live/" SLUG "/privkey.pem", "../../archive/" SLUG "/privkey43.pem");
	renew(&r, NOW + 2 * DAY);
	write_files(&r, "certbot", NULL);
	expect_text(&r, "out/archive/" SLUG "/privkey42.pem", NULL); /* only the last one is kept */
	expect_text(&r, "out/archive/" SLUG "/cert41.pem", "certbot's");
	rig_clear(&r);
}

/* A crash between the two writes of the ledger: it lists a key that has no other trace. */
Test(drop_output, what_a_crash_has_left_is_removed)
{
	_cleanup_free_ char *ledgers = NULL, *orphan = NULL;
	_cleanup_ledger_ struct ledger l = { .files = NULL };
	struct ledger_file *file;
	struct rig r;
	int fd;

	output_init(&r);
	write_files(&r, "haproxy", NULL);
	ledgers = rig_path(&r, "outputs");
	fd = open(ledgers, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_eq(ledger_read(fd, SLUG, &l, NULL), 0);
	cr_assert_eq(l.count, 1);
	orphan = rig_path(&r, "out/orphan.pem");
	file = ledger_add(&l, orphan);
	file->base = strlen(r.root) + strlen("/out");
	digest_sha256("key", 3, file->sha256);
	cr_assert_eq(ledger_write(fd, SLUG, &l, NULL), 0);
	close(fd);
	put_text(&r, "out/orphan.pem", "key");
	put_text(&r, "out/.certd-" SLUG ".pem", "half a key");
	put_text(&r, "out/.certd-orphan.pem", "half a key");
	renew(&r, NOW + DAY);
	write_files(&r, "haproxy", NULL);
	cr_expect(!error_is_set(&r.err), "%s", r.err.message);
	expect_text(&r, "out/orphan.pem", NULL);
	expect_text(&r, "out/.certd-orphan.pem", NULL);
	expect_text(&r, "out/.certd-" SLUG ".pem", NULL);
	rig_clear(&r);
}

Test(drop_output, a_directory_that_cannot_be_written_changes_nothing_elsewhere)
{
	_cleanup_free_ char *before = NULL;
	struct rig r;

	output_init(&r);
	write_files(&r, "dehydrated", NULL);
	before = read_text(&r, "out/certs/" SLUG "/privkey.pem");
	cr_assert_not_null(before);
	renew(&r, NOW + DAY);
	make_directory(&r, "out/certs/" SLUG "/cert.pem.d", 0777);
	write_files(&r, NULL, "key:certs/" SLUG "/cert.pem.d/x");
	cr_expect_eq(r.err.code, ERROR_DENIED);
	expect_text(&r, "out/certs/" SLUG "/privkey.pem", before);
	rig_clear(&r);
}

Test(drop_output, an_earlier_deployment_does_not_replace_a_later_one)
{
	_cleanup_free_ char *later = NULL;
	struct rig r;

	output_init(&r);
	renew(&r, NOW + 10 * DAY);
	r.generation = 5;
	write_files(&r, "haproxy", NULL);
	later = read_text(&r, "out/" SLUG ".pem");
	renew(&r, NOW);
	r.generation = 2;
	write_files(&r, "haproxy", NULL);
	cr_expect_eq(r.err.code, ERROR_STATE);
	expect_text(&r, "out/" SLUG ".pem", later);
	rig_clear(&r);
}

Test(drop_output, a_damaged_ledger_is_named)
{
	struct rig r;

	output_init(&r);
	write_files(&r, "haproxy", NULL);
	put_text(&r, "outputs/" SLUG ".json", "{\"subject\":\"x\"}");
	write_files(&r, "haproxy", NULL);
	cr_expect_eq(r.err.code, ERROR_CORRUPT);
	cr_expect(r.err.message && strstr(r.err.message, "outputs/" SLUG ".json"), "%s", r.err.message);
	rig_clear(&r);
}

Test(drop_output, a_group_that_does_not_exist_is_named)
{
	struct rig r;

	output_init(&r);
	write_files(&r, NULL, "key:x:0640:no-such-group");
	cr_expect_eq(r.err.code, ERROR_NOT_FOUND);
	cr_expect(r.err.message && strstr(r.err.message, "no-such-group"), "%s", r.err.message);
	rig_clear(&r);
}

/* --- comparing --- */

struct result {
	struct strlist changed, gone;
};

static void
compared(const struct strlist *changed, const struct strlist *gone, const struct error *err, void *arg)
{
	struct result *result = arg;

	cr_expect_null(err);
	strlist_copy(&result->changed, changed);
	strlist_copy(&result->gone, gone);
}

/* The lines about live/, pem/, the consumer's own directory, and the declared files, joined; owned by the caller. */
static char *
compare(struct rig *r)
{
	_cleanup_strlist_ struct strlist declared = STRLIST_INIT;
	struct result result = { .changed = STRLIST_INIT, .gone = STRLIST_INIT };
	char *ret;

	strlist_take(&declared, rig_path(r, "out"));
	drop_check(r->drops,
		&(struct drop_request){ .subject_id = AUTO_A,
			.slug = SLUG,
			.cert = &r->cert,
			.generation = r->generation,
			.declared = &declared },
		compared, &result);
	rig_run(r);
	for (size_t i = 0; i < result.gone.count; i++)
		strlist_add(&result.changed, result.gone.items[i]);
	ret = strlist_join(&result.changed, "; ");
	strlist_clear(&result.changed);
	strlist_clear(&result.gone);
	return ret;
}

static void
expect_found(struct rig *r, const char *expected)
{
	_cleanup_free_ char *found = compare(r);

	if (*expected)
		cr_expect(strstr(found, expected), "'%s' not in '%s'", expected, found);
	else
		cr_expect_str_empty(found, "%s", found);
}

static void
write_live(struct rig *r)
{
	drop_write(r->drops,
		&(struct drop_request){
			.subject_id = AUTO_A, .slug = SLUG, .cert = &r->cert, .generation = ++r->generation },
		rig_ended, r);
	rig_run(r);
	cr_expect(!error_is_set(&r->err), "%s", r->err.message);
}

Test(drop_check, unchanged_files_are_the_same_and_each_change_is_named)
{
	static const struct {
		const char *file, *text, *expected;
	} cases[] = {
		{ "live/" SLUG "/privkey.pem", "x", "privkey.pem has other contents" },
		{ "live/" SLUG "/nginx.conf", "x", "nginx.conf has other contents" },
		{ "live/" SLUG "/manifest.json", "{}", "manifest.json has other contents" },
		{ "pem/" SLUG ".pem", "x", "pem/" SLUG ".pem has other contents" },
		{ "out/live/" SLUG "/cert.pem", "x", "cert1.pem has other contents" },
		{ "live/" SLUG "/chain.pem", NULL, "chain.pem is missing" },
		{ "pem/" SLUG ".pem", NULL, "pem/" SLUG ".pem is missing" },
		{ "out/live/" SLUG "/cert.pem", NULL, "live/" SLUG "/cert.pem is missing" },
	};
	struct rig r;

	output_init(&r);
	expect_found(&r, "all files in ");
	write_live(&r);
	write_files(&r, "certbot", NULL);
	expect_found(&r, "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *path = rig_path(&r, cases[i].file);

		if (cases[i].text)
			put_text(&r, cases[i].file, cases[i].text);
		else
			cr_assert_eq(unlink(path), 0);
		expect_found(&r, cases[i].expected);
		write_live(&r);
		write_files(&r, "certbot", NULL);
		expect_found(&r, "");
	}
	rig_clear(&r);
}

Test(drop_check, a_mode_that_was_changed_is_named)
{
	_cleanup_free_ char *path = NULL;
	struct rig r;

	output_init(&r);
	write_live(&r);
	write_files(&r, "haproxy", NULL);
	path = rig_path(&r, "out/" SLUG ".pem");
	cr_assert_eq(chmod(path, 0644), 0);
	expect_found(&r, SLUG ".pem has another mode or group");
	rig_clear(&r);
}

Test(drop_check, a_file_of_another_kind_is_not_read)
{
	_cleanup_free_ char *path = NULL;
	struct rig r;

	output_init(&r);
	write_live(&r);
	write_files(&r, "haproxy", NULL);
	path = rig_path(&r, "out/" SLUG ".pem");
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkfifo(path, 0600), 0);
	expect_found(&r, SLUG ".pem is another file");
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(symlink("/dev/zero", path), 0);
	expect_found(&r, SLUG ".pem is another file");
	write_files(&r, "haproxy", NULL);
	expect_found(&r, "");
	rig_clear(&r);
}

Test(drop_output, a_deployment_to_directories_alone_does_not_touch_the_own_files)
{
	struct rig r;

	output_init(&r);
	write_files(&r, "certbot", NULL);
	cr_assert(!error_is_set(&r.err), "%s", r.err.message);
	expect_text(&r, "live/" SLUG "/cert.pem", NULL);
	expect_text(&r, "live/" SLUG "/manifest.json", NULL);
	expect_text(&r, "pem/" SLUG ".pem", NULL);
	detach(&r); /* one to the own files */
	cr_expect_not_null(r.drops);
	rig_clear(&r);
}
