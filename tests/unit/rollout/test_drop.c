/* Drops in a directory of the test's own. With a virtual clock jobs run on the loop, one after the other. */
#include "common/crypto/key.h"
#include "common/json.h"
#include "daemon/rollout/drop_private.h"
#include "tests/support/process.h"
#include "tests/unit/rollout/drop_rig.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static void
ask_to_write(struct rig *r, int64_t generation, const struct strlist *directories)
{
	drop_write(r->drops,
		&(struct drop_request){ .subject_id = AUTO_A,
			.slug = SLUG,
			.cert = &r->cert,
			.generation = generation,
			.directories = directories },
		rig_ended, r);
}

static void
ask_to_remove(struct rig *r, const char *autocert, const struct strlist *directories, drop_done_fn *done)
{
	drop_remove(r->drops,
		&(struct drop_removal){
			.slug = SLUG, .subject_id = autocert, .is_whole = true, .directories = directories },
		done, r);
}

/* Writes; ends the test when that fails. */
static void
write_drop(struct rig *r, int64_t generation)
{
	ask_to_write(r, generation, NULL);
	rig_run(r);
	cr_assert(!error_is_set(&r->err), "%s", r->err.message);
}

/* Mode with type bits; 0: not there. */
static mode_t
mode_of(const struct rig *r, const char *name)
{
	_cleanup_free_ char *path = rig_path(r, name);
	struct stat st;

	return lstat(path, &st) == 0 ? st.st_mode : 0;
}

static void
make_file(const struct rig *r, const char *name)
{
	_cleanup_free_ char *path = rig_path(r, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0, "%s", path);
	close(fd);
}

static void
make_dir(const struct rig *r, const char *name, mode_t mode)
{
	_cleanup_free_ char *path = rig_path(r, name);

	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_eq(chmod(path, mode), 0);
}

static char *
read_text(const struct rig *r, const char *name)
{
	_cleanup_free_ char *path = rig_path(r, name);
	struct buf text = BUF_INIT;

	cr_assert_eq(buf_read_file(&text, AT_FDCWD, path, 65536, NULL), 0, "%s", path);
	return buf_steal(&text);
}

static bool
is_on_disk(const struct rig *r, const char *certificate_id)
{
	char id[STORE_ID_SIZE] = "";

	return drop_current(r->drops, SLUG, id, NULL) == 1 && strcmp(id, certificate_id) == 0;
}

Test(drop, keys_are_ours_alone_and_directories_can_be_passed_but_not_read)
{
	static const struct {
		const char *name;
		mode_t mode;
	} cases[] = {
		{ ".", S_IFDIR | 0711 },
		{ "live", S_IFDIR | 0711 },
		{ "pem", S_IFDIR | 0711 },
		{ "generation", S_IFREG | 0644 },
		{ "pem/" SLUG ".pem", S_IFREG | 0600 },
		{ "live/" SLUG, S_IFDIR | 0700 },
		{ "live/" SLUG "/privkey.pem", S_IFREG | 0600 },
		{ "live/" SLUG "/cert.pem", S_IFREG | 0600 },
		{ "live/" SLUG "/chain.pem", S_IFREG | 0600 },
		{ "live/" SLUG "/fullchain.pem", S_IFREG | 0600 },
		{ "live/" SLUG "/bundle.pem", S_IFREG | 0600 },
		{ "live/" SLUG "/manifest.json", S_IFREG | 0600 },
	};
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	chmod(r.root, 0711);
	write_drop(&r, 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(mode_of(&r, cases[i].name), cases[i].mode, "%s is %o", cases[i].name,
			mode_of(&r, cases[i].name));
	rig_clear(&r);
}

Test(drop, the_bundle_is_key_and_full_chain_in_both_places)
{
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	write_drop(&r, 1);
	{
		_cleanup_free_ char *key = read_text(&r, "live/" SLUG "/privkey.pem");
		_cleanup_free_ char *chain = read_text(&r, "live/" SLUG "/fullchain.pem");
		_cleanup_free_ char *bundle = read_text(&r, "live/" SLUG "/bundle.pem");
		_cleanup_free_ char *flat = read_text(&r, "pem/" SLUG ".pem");
		_cleanup_free_ char *both = xasprintf("%s%s", key, chain);

		cr_expect_str_eq(chain, "-leaf-\n-chain-\n");
		cr_expect_str_eq(bundle, both);
		cr_expect_str_eq(flat, both);
	}
	cr_expect(is_on_disk(&r, r.cert.o.id));
	rig_clear(&r);
}

Test(drop, a_prepared_directory_keeps_its_mode_and_its_group_reads)
{
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	make_dir(&r, "live/" SLUG, 02750);
	write_drop(&r, 1);
	cr_expect_eq(mode_of(&r, "live/" SLUG), S_IFDIR | 02750);
	cr_expect_eq(mode_of(&r, "live/" SLUG "/privkey.pem"), S_IFREG | 0640);
	cr_expect_eq(mode_of(&r, "pem/" SLUG ".pem"), S_IFREG | 0600, "a group of another directory");
	rig_clear(&r);
}

Test(drop, directories_where_others_could_put_names_are_refused)
{
	static const mode_t modes[] = { 0777, 0770, 01777, 02770, 0702 };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct rig r;

		rig_init(&r, clock_new_virtual(NOW));
		make_dir(&r, "live/" SLUG, modes[i]);
		ask_to_write(&r, 1, NULL);
		rig_run(&r);
		cr_expect_eq(r.err.code, ERROR_DENIED, "%o", modes[i]);
		cr_expect_eq(mode_of(&r, "live/" SLUG "/privkey.pem"), 0);
		rig_clear(&r);
	}
}

Test(drop, a_link_in_the_place_of_the_directory_leads_nowhere)
{
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	make_dir(&r, "elsewhere", 0700);
	{
		_cleanup_free_ char *target = rig_path(&r, "elsewhere");
		_cleanup_free_ char *link = rig_path(&r, "live/" SLUG);

		cr_assert_eq(symlink(target, link), 0);
	}
	ask_to_write(&r, 1, NULL);
	rig_run(&r);
	cr_expect(error_is_set(&r.err));
	cr_expect_eq(mode_of(&r, "elsewhere/privkey.pem"), 0);
	make_file(&r, "elsewhere/privkey.pem");
	ask_to_remove(&r, AUTO_A, NULL, rig_ended);
	rig_run(&r);
	cr_expect_neq(mode_of(&r, "elsewhere/privkey.pem"), 0, "not ours to remove");
	rig_clear(&r);
}

Test(drop, what_was_removed_while_certd_runs_is_made_again)
{
	static const char *const names[] = { "live", "pem" };
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	write_drop(&r, 1);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = rig_path(&r, names[i]);

		scratch_remove(&path);
		cr_assert_eq(mode_of(&r, names[i]), 0);
	}
	write_drop(&r, 2);
	cr_expect(is_on_disk(&r, r.cert.o.id));
	cr_expect_eq(mode_of(&r, "live"), S_IFDIR | 0711);
	ask_to_remove(&r, AUTO_A, NULL, rig_ended);
	rig_run(&r);
	cr_expect_eq(mode_of(&r, "live/" SLUG), 0, "no key is left behind");
	cr_expect_eq(mode_of(&r, "pem/" SLUG ".pem"), 0);
	rig_clear(&r);
}

Test(drop, a_link_in_the_place_of_a_file_is_replaced_not_followed)
{
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	make_dir(&r, "live/" SLUG, 0700);
	make_file(&r, "victim");
	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *target = rig_path(&r, "victim");
		_cleanup_free_ char *link = rig_path(
			&r, i ? "live/" SLUG "/.certd-privkey.pem" : "live/" SLUG "/privkey.pem");

		cr_assert_eq(symlink(target, link), 0);
	}
	write_drop(&r, 1);
	{
		_cleanup_free_ char *victim = read_text(&r, "victim");

		cr_expect_str_empty(victim);
	}
	cr_expect_eq(mode_of(&r, "live/" SLUG "/privkey.pem"), S_IFREG | 0600);
	cr_expect_eq(mode_of(&r, "live/" SLUG "/.certd-privkey.pem"), 0);
	rig_clear(&r);
}

Test(drop, an_earlier_certificate_never_replaces_a_later_one_of_the_same_declaration)
{
	static const struct {
		const char *why;
		const char *autocert;
		int64_t generation;
		int64_t days;
		bool is_written;
	} cases[] = {
		{ "an old job comes late", AUTO_A, 4, 30, false },
		{ "the next one", AUTO_A, 6, 120, true },
		{ "a shorter one, but asked for later", AUTO_A, 6, 30, true },
		{ "the same again", AUTO_A, 5, 90, true },
		{ "a restored backup counts anew, its renewal is a later one", AUTO_A, 2, 150, true },
		{ "a new declaration of the name counts from one", AUTO_B, 1, 90, true },
		{ "and may have a shorter life", AUTO_B, 1, 7, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig r;

		rig_init(&r, clock_new_virtual(NOW));
		write_drop(&r, 5);
		rig_certificate(&r.cert, cases[i].autocert, NOW + cases[i].days * DAY);
		ask_to_write(&r, cases[i].generation, NULL);
		rig_run(&r);
		cr_expect_eq(error_is_set(&r.err), !cases[i].is_written, "%s: %s", cases[i].why,
			r.err.message ? r.err.message : "");
		cr_expect_eq(is_on_disk(&r, r.cert.o.id), cases[i].is_written, "%s", cases[i].why);
		rig_clear(&r);
	}
}

Test(drop, a_pair_that_was_not_verified_never_becomes_visible)
{
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	buf_add_str(&r.cert.leaf_pem, "-another-\n");
	ask_to_write(&r, 1, NULL);
	rig_run(&r);
	cr_expect_eq(r.err.code, ERROR_CORRUPT);
	cr_expect_eq(mode_of(&r, "live/" SLUG), 0);
	cr_expect_eq(mode_of(&r, "pem/" SLUG ".pem"), 0);
	rig_clear(&r);
}

Test(drop, what_a_crash_left_half_written_is_swept_and_nothing_else)
{
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	make_dir(&r, "live/" SLUG, 0700);
	make_file(&r, ".certd-generation");
	make_file(&r, "pem/.certd-other.pem");
	make_file(&r, "pem/foreign.pem");
	make_file(&r, "live/" SLUG "/.certd-bundle.pem");
	make_file(&r, "live/" SLUG "/dhparam.pem");
	drops_close(r.drops);
	rig_open(&r);
	write_drop(&r, 1);
	cr_expect_eq(mode_of(&r, ".certd-generation"), 0);
	cr_expect_eq(mode_of(&r, "pem/.certd-other.pem"), 0);
	cr_expect_eq(mode_of(&r, "live/" SLUG "/.certd-bundle.pem"), 0);
	cr_expect_neq(mode_of(&r, "pem/foreign.pem"), 0);
	cr_expect_neq(mode_of(&r, "live/" SLUG "/dhparam.pem"), 0);
	rig_clear(&r);
}

static void
remove_drop(struct rig *r)
{
	ask_to_remove(r, AUTO_A, NULL, rig_ended);
	rig_run(r);
	cr_expect(!error_is_set(&r->err), "%s", r->err.message);
	cr_expect_eq(mode_of(r, "live/" SLUG "/privkey.pem"), 0);
	cr_expect_eq(mode_of(r, "live/" SLUG "/manifest.json"), 0);
	cr_expect_eq(mode_of(r, "pem/" SLUG ".pem"), 0);
}

Test(drop, removal_takes_what_was_written_and_may_be_repeated)
{
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	write_drop(&r, 1);
	make_file(&r, "live/" SLUG "/.certd-privkey.pem");
	remove_drop(&r);
	cr_expect_eq(mode_of(&r, "live/" SLUG), 0);
	remove_drop(&r);
	rig_clear(&r);
}

Test(drop, removal_keeps_foreign_files_and_directories_that_root_prepared)
{
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	write_drop(&r, 1);
	make_file(&r, "live/" SLUG "/dhparam.pem");
	remove_drop(&r);
	cr_expect_neq(mode_of(&r, "live/" SLUG "/dhparam.pem"), 0);
	rig_clear(&r);
	rig_init(&r, clock_new_virtual(NOW));
	make_dir(&r, "live/" SLUG, 02750);
	write_drop(&r, 1);
	remove_drop(&r);
	cr_expect_eq(mode_of(&r, "live/" SLUG), S_IFDIR | 02750, "the next drop of that name finds it");
	rig_clear(&r);
}

static void
stop_after(const struct error *err, const char *where, void *arg)
{
	struct rig *r = arg;

	rig_ended(err, where, arg);
	loop_stop(r->loop);
}

Test(drop, what_is_removed_while_it_is_being_written_stays_removed)
{
	for (int i = 0; i < 20; i++) {
		struct rig r;

		rig_init(&r, clock_new_real());
		ask_to_write(&r, 1, NULL);
		ask_to_write(&r, 2, NULL);
		ask_to_remove(&r, AUTO_A, NULL, stop_after);
		cr_assert_eq(loop_run(r.loop, NULL), 0);
		cr_expect_eq(r.ended, 3);
		cr_expect_eq(mode_of(&r, "live/" SLUG), 0);
		cr_expect_eq(mode_of(&r, "pem/" SLUG ".pem"), 0);
		rig_clear(&r);
	}
}

Test(drop, what_another_declaration_has_written_since_is_not_removed)
{
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	write_drop(&r, 1);
	rig_certificate(&r.cert, AUTO_B, NOW + 90 * DAY);
	ask_to_write(&r, 1, NULL);
	ask_to_remove(&r, AUTO_A, NULL, rig_ended);
	rig_run(&r);
	cr_expect_eq(r.ended, 3);
	cr_expect(is_on_disk(&r, r.cert.o.id));
	ask_to_remove(&r, AUTO_B, NULL, rig_ended);
	rig_run(&r);
	cr_expect_eq(mode_of(&r, "live/" SLUG), 0);
	rig_clear(&r);
}

Test(drop, removal_from_a_directory_elsewhere_leaves_the_directory_and_what_is_not_ours)
{
	_cleanup_strlist_ struct strlist directories = STRLIST_INIT;
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	make_dir(&r, "mail", 02750);
	make_file(&r, "mail/dhparam.pem");
	strlist_take(&directories, rig_path(&r, "mail"));
	strlist_take(&directories, rig_path(&r, "gone"));
	ask_to_remove(&r, AUTO_A, &directories, rig_ended);
	rig_run(&r);
	cr_expect(!error_is_set(&r.err), "nothing to remove is no failure: %s", r.err.message);
	make_dir(&r, "gone", 02750);
	ask_to_write(&r, 1, &directories);
	rig_run(&r);
	cr_expect_neq(mode_of(&r, "mail/privkey.pem"), 0);
	ask_to_remove(&r, AUTO_A, &directories, rig_ended);
	rig_run(&r);
	cr_expect(!error_is_set(&r.err), "%s", r.err.message);
	cr_expect_eq(mode_of(&r, "mail/privkey.pem"), 0);
	cr_expect_eq(mode_of(&r, "gone/bundle.pem"), 0);
	cr_expect_neq(mode_of(&r, "mail/dhparam.pem"), 0);
	cr_expect_eq(mode_of(&r, "gone"), S_IFDIR | 02750);
	rig_clear(&r);
}

/* Alice owns a directory above a consumer's, and puts a link to another certificate's drop in its place. */
Test(drop, who_owns_a_directory_above_cannot_lead_to_the_files_of_another)
{
	enum { ALICE = 54321 };
	_cleanup_strlist_ struct strlist directories = STRLIST_INIT;
	_cleanup_free_ char *alice = NULL, *swapped = NULL, *victim = NULL, *target = NULL, *before = NULL,
			    *after = NULL;
	struct rig r;
	struct stat led_to, wanted;

	if (getuid() != 0)
		cr_skip_test("needs root");
	rig_init(&r, clock_new_virtual(NOW));
	make_dir(&r, "alice", 0755);
	alice = rig_path(&r, "alice");
	swapped = rig_path(&r, "alice/tls");
	victim = rig_path(&r, "live");
	target = rig_path(&r, "live/" SLUG);
	strlist_take(&directories, rig_path(&r, "alice/tls/" SLUG));
	write_drop(&r, 1);
	before = read_text(&r, "live/" SLUG "/privkey.pem");
	cr_assert_eq(chown(alice, ALICE, ALICE), 0);
	cr_assert_eq(symlink(victim, swapped), 0);
	/* The control: to open the path as it is leads to the victim. */
	cr_assert_eq(stat(directories.items[0], &led_to), 0);
	cr_assert_eq(fstatat(AT_FDCWD, target, &wanted, 0), 0);
	cr_assert_eq(led_to.st_ino, wanted.st_ino);

	rig_certificate(&r.cert, AUTO_B, NOW + 90 * DAY);
	drop_write(r.drops,
		&(struct drop_request){ .subject_id = AUTO_A,
			.slug = "other",
			.cert = &r.cert,
			.generation = 1,
			.directories = &directories },
		stop_after, &r);
	cr_assert_eq(loop_run(r.loop, NULL), 0);
	cr_expect_eq(r.err.code, ERROR_DENIED);
	cr_expect(r.err.message && strstr(r.err.message, "whose owner (uid 54321)"), "%s", r.err.message);
	drop_remove(r.drops,
		&(struct drop_removal){ .slug = "other", .subject_id = AUTO_A, .directories = &directories },
		stop_after, &r);
	cr_assert_eq(loop_run(r.loop, NULL), 0);
	cr_expect_eq(r.err.code, ERROR_DENIED);
	after = read_text(&r, "live/" SLUG "/privkey.pem");
	cr_expect_str_eq(after, before);
	rig_clear(&r);
}

/* Each of two auto-certificates in turn is given the same directory, by different drops. */
Test(drop, jobs_in_the_same_directory_follow_one_another)
{
	_cleanup_strlist_ struct strlist directories = STRLIST_INIT;
	struct rig r;

	rig_init(&r, clock_new_real());
	make_dir(&r, "mail", 02750);
	strlist_take(&directories, rig_path(&r, "mail"));
	for (unsigned i = 0; i < 10; i++) {
		unsigned had = r.ended;

		rig_certificate(&r.cert, AUTO_A, NOW + 90 * DAY);
		ask_to_write(&r, 1, &directories);
		ask_to_remove(&r, AUTO_A, &directories, rig_ended);
		rig_certificate(&r.cert, AUTO_B, NOW + 90 * DAY);
		drop_write(r.drops,
			&(struct drop_request){ .subject_id = AUTO_A,
				.slug = "other",
				.cert = &r.cert,
				.generation = 1,
				.directories = &directories },
			stop_after, &r);
		cr_assert_eq(loop_run(r.loop, NULL), 0);
		cr_expect_eq(r.ended, had + 3);
		cr_expect(!error_is_set(&r.err), "%s", r.err.message);
		cr_expect_neq(mode_of(&r, "mail/privkey.pem"), 0);
		cr_expect_neq(mode_of(&r, "mail/manifest.json"), 0);
	}
	rig_clear(&r);
}

Test(drop, prepared_directories_elsewhere_get_the_same_files_and_are_never_made)
{
	_cleanup_strlist_ struct strlist directories = STRLIST_INIT;
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	strlist_take(&directories, rig_path(&r, "mail"));
	ask_to_write(&r, 1, &directories);
	rig_run(&r);
	cr_expect_eq(r.err.code, ERROR_NOT_FOUND);
	cr_expect_eq(mode_of(&r, "mail"), 0);
	make_dir(&r, "mail", 02750);
	ask_to_write(&r, 1, &directories);
	rig_run(&r);
	cr_expect(!error_is_set(&r.err), "%s", r.err.message);
	cr_expect_eq(mode_of(&r, "mail/bundle.pem"), S_IFREG | 0640);
	rig_clear(&r);
}

Test(drop, the_generation_counts_many_drops_once_and_goes_on_after_a_restart)
{
	_cleanup_free_ char *path = NULL;
	struct rig r;
	int fd;

	rig_init(&r, clock_new_virtual(NOW));
	ask_to_write(&r, 1, NULL);
	ask_to_write(&r, 2, NULL);
	ask_to_write(&r, 3, NULL);
	rig_run(&r);
	{
		_cleanup_free_ char *text = read_text(&r, "generation");

		cr_expect_str_eq(text, "1\n");
	}
	drops_close(r.drops);
	rig_open(&r);
	write_drop(&r, 4);
	{
		_cleanup_free_ char *text = read_text(&r, "generation");

		cr_expect_str_eq(text, "2\n");
	}
	drops_close(r.drops);
	path = rig_path(&r, "generation");
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	cr_assert_eq(write(fd, "12\n", 3), 3);
	close(fd);
	rig_open(&r);
	write_drop(&r, 5);
	{
		_cleanup_free_ char *text = read_text(&r, "generation");

		cr_expect_str_eq(text, "13\n");
	}
	rig_clear(&r);
}

/* --- a set of files is published as one --- */

static const char *const set[] = { "privkey.pem", "cert.pem", "chain.pem", "fullchain.pem", "bundle.pem", "nginx.conf",
	"manifest.json" };

/* All files of live/SLUG in one text; owned by the caller. */
static char *
read_set(const struct rig *r)
{
	struct buf all = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(set); i++) {
		_cleanup_free_ char *name = xasprintf("live/" SLUG "/%s", set[i]);
		_cleanup_free_ char *text = read_text(r, name);

		buf_printf(&all, "%s:%s", set[i], text);
	}
	return buf_steal(&all);
}

/* Return: false where the file system or the user cannot. */
static bool
set_immutable(const struct rig *r, const char *name, bool is_immutable)
{
	_cleanup_free_ char *path = rig_path(r, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int flags = 0;
	bool done;

	cr_assert_geq(fd, 0, "%s", path);
	done = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
	flags = is_immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
	done = done && ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
	close(fd);
	return done;
}

static size_t
count_entries(const struct rig *r, const char *prefix)
{
	_cleanup_free_ char *path = rig_path(r, "live/" SLUG);
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t n = 0;

	cr_assert_not_null(dir);
	while ((entry = readdir(dir)))
		n += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	closedir(dir);
	return n;
}

Test(drop, a_file_that_cannot_be_replaced_leaves_all_others_as_they_were)
{
	for (size_t i = 0; i < ARRAY_SIZE(set); i++) {
		_cleanup_free_ char *name = xasprintf("live/" SLUG "/%s", set[i]);
		_cleanup_free_ char *before = NULL, *after = NULL, *last = NULL;
		struct rig r;

		rig_init(&r, clock_new_virtual(NOW));
		write_drop(&r, 1);
		before = read_set(&r);
		if (!set_immutable(&r, name, true)) {
			rig_clear(&r);
			cr_skip_test("no immutable files here");
		}
		rig_certificate(&r.cert, AUTO_A, NOW + 90 * DAY);
		ask_to_write(&r, 2, NULL);
		rig_run(&r);
		cr_expect_eq(r.err.code, ERROR_DENIED, "%s: %s", set[i], r.err.message);
		cr_expect(r.err.message && strstr(r.err.message, "rename to"), "%s", r.err.message);
		after = read_set(&r);
		cr_expect_str_eq(after, before, "%s", set[i]);
		cr_expect_eq(count_entries(&r, ".certd-"), 0, "%s", set[i]);
		cr_assert(set_immutable(&r, name, false));
		write_drop(&r, 2);
		last = read_set(&r);
		cr_expect_str_neq(last, before, "%s", set[i]);
		cr_expect_eq(count_entries(&r, ".certd-"), 0, "%s", set[i]);
		rig_clear(&r);
	}
}

Test(drop, a_directory_in_the_place_of_a_file_is_not_moved_and_nothing_is_published)
{
	for (size_t i = 0; i < ARRAY_SIZE(set); i++) {
		_cleanup_free_ char *name = xasprintf("live/" SLUG "/%s", set[i]);
		struct rig r;

		rig_init(&r, clock_new_virtual(NOW));
		make_dir(&r, "live/" SLUG, 0700);
		make_dir(&r, name, 0700);
		ask_to_write(&r, 1, NULL);
		rig_run(&r);
		cr_expect(r.err.message && strstr(r.err.message, set[i]), "%s: %s", set[i], r.err.message);
		for (size_t j = 0; j < ARRAY_SIZE(set); j++) {
			_cleanup_free_ char *other = xasprintf("live/" SLUG "/%s", set[j]);

			cr_expect_eq(mode_of(&r, other), j == i ? S_IFDIR | 0700 : 0, "%s: %s", set[i], set[j]);
		}
		cr_expect_eq(count_entries(&r, ".certd-") + count_entries(&r, "bundle-"), 0, "%s", set[i]);
		rig_clear(&r);
	}
}

/* --- what is read once --- */

/* Of the bundle that nginx.conf names, for the key as for the certificate; owned by the caller. */
static char *
named_bundle(const struct rig *r)
{
	_cleanup_free_ char *text = read_text(r, "live/" SLUG "/nginx.conf");
	_cleanup_free_ char *want = NULL;
	const char *name = strstr(text, "/bundle-");
	char *version;

	cr_assert_not_null(name, "%s", text);
	version = xasprintf("%.*s", (int)strcspn(name + 1, "\""), name + 1);
	want = xasprintf("ssl_certificate \"%s/live/" SLUG "/%s\";\nssl_certificate_key \"%s/live/" SLUG "/%s\";\n",
		r->root, version, r->root, version);
	cr_expect_not_null(strstr(text, want), "%s", text);
	return version;
}

static void
expect_version(const struct rig *r, const char *version, const char *key, bool is_there)
{
	_cleanup_free_ char *path = xasprintf("live/" SLUG "/%s", version);
	_cleanup_free_ char *text = NULL;

	cr_expect_eq(mode_of(r, path) != 0, is_there, "%s", version);
	if (mode_of(r, path) == 0 || !key)
		return;
	text = read_text(r, path);
	cr_expect_eq(strncmp(text, key, strlen(key)), 0, "%s has another key", version);
}

static void
age(const struct rig *r, const char *version, time_t sec)
{
	_cleanup_free_ char *name = xasprintf("live/" SLUG "/%s", version);
	_cleanup_free_ char *path = rig_path(r, name);
	struct stat st;

	cr_assert_eq(stat(path, &st), 0);
	st.st_mtim.tv_sec -= sec;
	cr_assert_eq(utimensat(AT_FDCWD, path, (struct timespec[]){ st.st_mtim, st.st_mtim }, 0), 0);
}

Test(drop, nginx_conf_names_a_bundle_that_stays_when_it_is_replaced)
{
	_cleanup_free_ char *first = NULL, *second = NULL, *third = NULL, *again = NULL, *key = NULL;
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	write_drop(&r, 1);
	first = named_bundle(&r);
	key = read_text(&r, "live/" SLUG "/privkey.pem");
	expect_version(&r, first, key, true);
	write_drop(&r, 2);
	again = named_bundle(&r);
	cr_expect_str_eq(again, first, "the same pair");
	cr_expect_eq(count_entries(&r, "bundle-"), 1);

	rig_certificate(&r.cert, AUTO_A, NOW + 90 * DAY);
	write_drop(&r, 3);
	second = named_bundle(&r);
	cr_expect_str_neq(second, first);
	expect_version(&r, first, key, true);

	/* Replaced a moment ago, or as the last: it stays however old it is. */
	age(&r, first, 50 * DAY);
	age(&r, second, DAY / 48);
	rig_certificate(&r.cert, AUTO_A, NOW + 90 * DAY);
	write_drop(&r, 4);
	third = named_bundle(&r);
	expect_version(&r, first, key, true);
	expect_version(&r, second, NULL, true);

	age(&r, second, DAY);
	write_drop(&r, 5);
	expect_version(&r, first, key, false);
	expect_version(&r, second, NULL, true);
	expect_version(&r, third, NULL, true);
	rig_clear(&r);
}

Test(drop, removal_takes_every_bundle_and_nothing_else)
{
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	for (int i = 0; i < 3; i++) {
		rig_certificate(&r.cert, AUTO_A, NOW + 90 * DAY);
		write_drop(&r, i + 1);
	}
	cr_assert_eq(count_entries(&r, "bundle-"), 3);
	make_file(&r, "live/" SLUG "/bundle-of-mine.pem");
	make_file(&r, "live/" SLUG "/bundle-0123456789abcdef.pem.bak");
	ask_to_remove(&r, AUTO_A, NULL, rig_ended);
	rig_run(&r);
	cr_expect(!error_is_set(&r.err), "%s", r.err.message);
	cr_expect_eq(count_entries(&r, "bundle-"), 2);
	cr_expect_eq(count_entries(&r, "nginx.conf"), 0);
	rig_clear(&r);
}

/* An operator may declare any directory; root's nginx reads what is written for it. */
Test(drop, the_path_in_nginx_conf_is_one_word)
{
	static const struct {
		const char *directory, *line;
	} cases[] = {
		{ "tls", "ssl_certificate \"%s/tls/bundle-" },
		{ "two words", "ssl_certificate \"%s/two words/bundle-" },
		{ "a;b{c}", "ssl_certificate \"%s/a;b{c}/bundle-" },
		{ "q\"; include x; \"", "ssl_certificate \"%s/q\\\"; include x; \\\"/bundle-" },
		{ "back\\slash", "ssl_certificate \"%s/back\\\\slash/bundle-" },
		{ "a$b", "# nginx reads $ in a path as a variable" },
	};
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strlist_ struct strlist directories = STRLIST_INIT;
		_cleanup_free_ char *name = xasprintf("%s/nginx.conf", cases[i].directory);
		const char *percent = strstr(cases[i].line, "%s");
		_cleanup_free_ char *line = percent ? xasprintf("ssl_certificate \"%s%s", r.root, percent + 2)
						    : xstrdup(cases[i].line);
		_cleanup_free_ char *text = NULL;

		make_dir(&r, cases[i].directory, 0700);
		strlist_take(&directories, rig_path(&r, cases[i].directory));
		ask_to_write(&r, 1, &directories);
		rig_run(&r);
		cr_assert(!error_is_set(&r.err), "%s", r.err.message);
		text = read_text(&r, name);
		cr_expect_not_null(strstr(text, line), "%s", text);
	}
	rig_clear(&r);
}

/* A pattern, so that nginx takes the file while the other key has none. */
Test(drop, nginx_conf_of_live_includes_that_of_the_other_key)
{
	_cleanup_strlist_ struct strlist directories = STRLIST_INIT;
	_cleanup_free_ char *live = NULL, *own = NULL, *line = NULL, *elsewhere = NULL;
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	make_dir(&r, "tls", 0700);
	strlist_take(&directories, rig_path(&r, "tls"));
	drop_write(r.drops,
		&(struct drop_request){ .subject_id = AUTO_A,
			.slug = SLUG,
			.variant = SLUG "-rsa",
			.cert = &r.cert,
			.generation = 1,
			.directories = &directories },
		rig_ended, &r);
	rig_run(&r);
	cr_assert(!error_is_set(&r.err), "%s", r.err.message);
	line = xasprintf("include \"%s/live/" SLUG "-rsa/nginx.con[f]\";\n", r.root);
	live = read_text(&r, "live/" SLUG "/nginx.conf");
	cr_expect_not_null(strstr(live, line), "%s", live);
	own = named_bundle(&r);
	elsewhere = read_text(&r, "tls/nginx.conf"); /* has room for one certificate */
	cr_expect_null(strstr(elsewhere, "include \""), "%s", elsewhere);
	rig_clear(&r);
}

Test(drop, the_manifest_says_what_is_there)
{
	struct certificate c = { .o.id = "11111111-1111-4111-8111-111111111111",
		.o.name = (char *)"www 2026",
		.autocert = (char *)"22222222-2222-4222-8222-222222222222",
		.serial = (char *)"01:02",
		.sha256 = (char *)"ab",
		.common_name = (char *)"www.example.com",
		.not_before_at = 1767225600,
		.not_after_at = 1767312000 };
	_cleanup_json_ struct json_object *m = NULL;

	strlist_add(&c.names, "www.example.com");
	strlist_add(&c.names, "example.com");
	m = drop_manifest_json(&c, 7);
	cr_expect_str_eq(json_object_to_json_string_ext(m, JSON_C_TO_STRING_PLAIN),
		"{\"certificate\":\"11111111-1111-4111-8111-111111111111\","
		"\"autoCertificate\":\"22222222-2222-4222-8222-222222222222\",\"name\":\"www 2026\",\"generation\":7,"
		"\"serialNumber\":\"01:02\",\"sha256Fingerprint\":\"ab\",\"commonName\":\"www.example.com\","
		"\"names\":[\"www.example.com\",\"example.com\"],\"notBefore\":\"2026-01-01T00:00:00Z\","
		"\"notAfter\":\"2026-01-02T00:00:00Z\"}");
	strlist_clear(&c.names);
}

Test(drop, a_manifest_is_read_back_or_not_believed)
{
	static const struct {
		const char *text;
		bool is_read, has_autocert;
		int64_t not_after_at;
	} cases[] = {
		{ "{\"generation\":7,\"certificate\":\"11111111-1111-4111-8111-111111111111\",\"autoCertificate\":"
		  "\"22222222-2222-4222-8222-222222222222\",\"notAfter\":\"2026-01-02T00:00:00Z\"}",
			true, true, 1767312000 },
		{ "{\"generation\":7,\"certificate\":\"11111111-1111-4111-8111-111111111111\"}", true, false, 0 },
		{ "{\"generation\":7,\"certificate\":\"11111111-1111-4111-8111-111111111111\",\"autoCertificate\":"
		  "\"22222222-2222-4222-8222-2222222222223\",\"notAfter\":\"soon\"}",
			true, false, 0 },
		{ "{\"generation\":7,\"certificate\":\"11111111-1111-4111-8111-1111111111112\"}", false, false, 0 },
		{ "{\"generation\":0,\"certificate\":\"11111111-1111-4111-8111-111111111111\"}", false, false, 0 },
		{ "{\"generation\":7}", false, false, 0 },
		{ "{\"certificate\":\"11111111-1111-4111-8111-111111111111\"}", false, false, 0 },
		{ "[", false, false, 0 },
		{ "", false, false, 0 },
	};
	char dir[] = "/tmp/certd-test-XXXXXX";
	int dirfd;

	cr_assert_not_null(mkdtemp(dir));
	dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct drop_manifest m;
		int fd = openat(dirfd, "manifest.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		cr_assert_eq(write(fd, cases[i].text, strlen(cases[i].text)), (ssize_t)strlen(cases[i].text));
		close(fd);
		cr_assert_eq(drop_read_manifest(dirfd, &m), cases[i].is_read, "%s", cases[i].text);
		if (!cases[i].is_read)
			continue;
		cr_expect_eq(m.generation, 7);
		cr_expect_str_eq(m.certificate, "11111111-1111-4111-8111-111111111111");
		cr_expect_str_eq(m.autocert, cases[i].has_autocert ? "22222222-2222-4222-8222-222222222222" : "");
		cr_expect_eq(m.not_after_at, cases[i].not_after_at);
	}
	unlinkat(dirfd, "manifest.json", 0);
	cr_expect_not(drop_read_manifest(dirfd, &(struct drop_manifest){ .generation = 0 }), "none");
	close(dirfd);
	rmdir(dir);
}

/* --- the key is held elsewhere --- */

#define PLACE "pkcs11:token=tls;object=www?pin-source=file:/etc/pin"

/* The certificate is now for a key in a token. */
static void
hold_key(struct certificate *c)
{
	_cleanup_key_ struct key *key = NULL, *held = NULL;
	_cleanup_buf_ struct buf spki = BUF_INIT;

	cr_assert_eq(key_from_der(&c->key, &key, NULL), 0);
	cr_assert_eq(key_spki(key, &spki, NULL), 0);
	cr_assert_eq(key_new_held(PLACE, spki.data, spki.len, &held, NULL), 0);
	secret_clear(&c->key);
	cr_assert_eq(key_to_der(held, &c->key, NULL), 0);
	store_new_id(c->o.id);
	rig_set_leaf(c, "-leaf of the token-\n");
}

Test(drop, a_key_that_is_held_elsewhere_is_in_no_file_and_former_ones_go)
{
	static const char *const with_key[] = { "live/" SLUG "/privkey.pem", "live/" SLUG "/bundle.pem",
		"pem/" SLUG ".pem" };
	_cleanup_free_ char *nginx = NULL, *fullchain = NULL, *manifest = NULL;
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	write_drop(&r, 1);
	hold_key(&r.cert);
	write_drop(&r, 2);
	for (size_t i = 0; i < ARRAY_SIZE(with_key); i++)
		cr_expect_eq(mode_of(&r, with_key[i]), 0, "%s", with_key[i]);
	fullchain = read_text(&r, "live/" SLUG "/fullchain.pem");
	cr_expect_str_eq(fullchain, "-leaf of the token-\n-chain-\n");
	nginx = read_text(&r, "live/" SLUG "/nginx.conf");
	cr_expect(strstr(nginx, "ssl_certificate_key \"engine:pkcs11:" PLACE "\";\n"), "%s", nginx);
	manifest = read_text(&r, "live/" SLUG "/manifest.json");
	cr_expect(strstr(manifest, PLACE), "%s", manifest);
	cr_expect(is_on_disk(&r, r.cert.o.id), "the drop is complete without them");

	/* and back */
	rig_certificate(&r.cert, AUTO_A, NOW + 91 * DAY);
	cr_expect_not(is_on_disk(&r, r.cert.o.id));
	write_drop(&r, 3);
	for (size_t i = 0; i < ARRAY_SIZE(with_key); i++)
		cr_expect_neq(mode_of(&r, with_key[i]), 0, "%s", with_key[i]);
	cr_expect(is_on_disk(&r, r.cert.o.id));
	rig_clear(&r);
}
