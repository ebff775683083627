/* Drops in a directory of the test's own. With a virtual clock jobs run on the loop, one after the other. */
#include "common/crypto/key.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/base/workers.h"
#include "daemon/rollout/drop.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOW = 1700000000, DAY = 86400 };

#define SLUG "www.example.com"
#define AUTO_A "aaaaaaaa-0000-4000-8000-000000000001"
#define AUTO_B "bbbbbbbb-0000-4000-8000-000000000002"

struct rig {
	char root[64];
	struct clock *clock;
	struct loop *loop;
	struct workers *workers;
	struct drops *drops;
	struct certificate cert;
	unsigned ended;
	struct error err; /* of the last job */
};

static void
rig_open(struct rig *r)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	r->drops = drops_open(r->loop, r->workers, r->root, &err);
	cr_assert_not_null(r->drops, "%s", err.message);
}

/* Any text will do for a leaf: drops compare it with what was verified and look no further. */
static void
fill_certificate(struct certificate *c, const char *autocert, int64_t not_after_at)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	unsigned char pair[32];
	struct key *key = NULL;

	cr_assert_eq(key_generate(KEY_SECP256R1, &key, &err), 0, "%s", err.message);
	cr_assert_eq(key_to_der(key, &c->key, &err), 0, "%s", err.message);
	key_free(key);
	store_new_id(c->o.id);
	c->o.name = xstrdup(SLUG);
	c->autocert = xstrdup(autocert);
	c->common_name = xstrdup(SLUG);
	c->serial = xstrdup("01:02");
	c->sha256 = xstrdup("ab");
	c->not_before_at = NOW;
	c->not_after_at = not_after_at;
	buf_add_str(&c->leaf_pem, "-leaf-\n");
	buf_add_str(&c->chain_pem, "-chain-\n");
	key_pair_digest(&c->key, c->leaf_pem.data, c->leaf_pem.len, pair);
	buf_add(&c->pair, pair, sizeof(pair));
}

static void
rig_init(struct rig *r, struct clock *clock)
{
	*r = (struct rig){ .clock = clock };
	umask(0077);
	CRYPTO_secure_malloc_init(1 << 20, 64);
	snprintf(r->root, sizeof(r->root), "/tmp/certd-test-XXXXXX");
	cr_assert_not_null(mkdtemp(r->root));
	r->loop = loop_new(r->clock);
	r->workers = workers_new(r->loop, 4);
	rig_open(r);
	fill_certificate(&r->cert, AUTO_A, NOW + 90 * DAY);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
rig_clear(struct rig *r)
{
	drops_stop(r->drops);
	workers_free(r->workers);
	drops_close(r->drops);
	loop_free(r->loop);
	clock_free(r->clock);
	certificate_clear(&r->cert);
	error_clear(&r->err);
	nftw(r->root, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void
ended(const struct error *err, void *arg)
{
	struct rig *r = arg;

	r->ended++;
	error_clear(&r->err);
	if (err)
		error_copy(&r->err, err);
}

static void
run(struct rig *r)
{
	cr_assert_eq(loop_run_until(r->loop, clock_wall(r->clock) + 3, NULL), 0);
}

static void
ask_to_write(struct rig *r, int64_t generation, const struct strlist *directories)
{
	drop_write(r->drops,
		&(struct drop_request){
			.slug = SLUG, .cert = &r->cert, .generation = generation, .directories = directories },
		ended, r);
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
	run(r);
	cr_assert(!error_is_set(&r->err), "%s", r->err.message);
}

static char *
path_of(const struct rig *r, const char *name)
{
	return xasprintf("%s/%s", r->root, name);
}

/* Mode with type bits; 0: not there. */
static mode_t
mode_of(const struct rig *r, const char *name)
{
	_cleanup_free_ char *path = path_of(r, name);
	struct stat st;

	return lstat(path, &st) == 0 ? st.st_mode : 0;
}

static void
make_file(const struct rig *r, const char *name)
{
	_cleanup_free_ char *path = path_of(r, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0, "%s", path);
	close(fd);
}

static void
make_dir(const struct rig *r, const char *name, mode_t mode)
{
	_cleanup_free_ char *path = path_of(r, name);

	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_eq(chmod(path, mode), 0);
}

static char *
read_text(const struct rig *r, const char *name)
{
	_cleanup_free_ char *path = path_of(r, name);
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
		run(&r);
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
		_cleanup_free_ char *target = path_of(&r, "elsewhere");
		_cleanup_free_ char *link = path_of(&r, "live/" SLUG);

		cr_assert_eq(symlink(target, link), 0);
	}
	ask_to_write(&r, 1, NULL);
	run(&r);
	cr_expect(error_is_set(&r.err));
	cr_expect_eq(mode_of(&r, "elsewhere/privkey.pem"), 0);
	make_file(&r, "elsewhere/privkey.pem");
	ask_to_remove(&r, AUTO_A, NULL, ended);
	run(&r);
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
		_cleanup_free_ char *path = path_of(&r, names[i]);

		nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
		cr_assert_eq(mode_of(&r, names[i]), 0);
	}
	write_drop(&r, 2);
	cr_expect(is_on_disk(&r, r.cert.o.id));
	cr_expect_eq(mode_of(&r, "live"), S_IFDIR | 0711);
	ask_to_remove(&r, AUTO_A, NULL, ended);
	run(&r);
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
		_cleanup_free_ char *target = path_of(&r, "victim");
		_cleanup_free_ char *link = path_of(
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
		certificate_clear(&r.cert);
		fill_certificate(&r.cert, cases[i].autocert, NOW + cases[i].days * DAY);
		ask_to_write(&r, cases[i].generation, NULL);
		run(&r);
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
	run(&r);
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
	ask_to_remove(r, AUTO_A, NULL, ended);
	run(r);
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
stop_after(const struct error *err, void *arg)
{
	struct rig *r = arg;

	ended(err, arg);
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
	certificate_clear(&r.cert);
	fill_certificate(&r.cert, AUTO_B, NOW + 90 * DAY);
	ask_to_write(&r, 1, NULL);
	ask_to_remove(&r, AUTO_A, NULL, ended);
	run(&r);
	cr_expect_eq(r.ended, 3);
	cr_expect(is_on_disk(&r, r.cert.o.id));
	ask_to_remove(&r, AUTO_B, NULL, ended);
	run(&r);
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
	strlist_take(&directories, path_of(&r, "mail"));
	strlist_take(&directories, path_of(&r, "gone"));
	ask_to_remove(&r, AUTO_A, &directories, ended);
	run(&r);
	cr_expect(!error_is_set(&r.err), "nothing to remove is no failure: %s", r.err.message);
	make_dir(&r, "gone", 02750);
	ask_to_write(&r, 1, &directories);
	run(&r);
	cr_expect_neq(mode_of(&r, "mail/privkey.pem"), 0);
	ask_to_remove(&r, AUTO_A, &directories, ended);
	run(&r);
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
	alice = path_of(&r, "alice");
	swapped = path_of(&r, "alice/tls");
	victim = path_of(&r, "live");
	target = path_of(&r, "live/" SLUG);
	strlist_take(&directories, path_of(&r, "alice/tls/" SLUG));
	write_drop(&r, 1);
	before = read_text(&r, "live/" SLUG "/privkey.pem");
	cr_assert_eq(chown(alice, ALICE, ALICE), 0);
	cr_assert_eq(symlink(victim, swapped), 0);
	/* The control: to open the path as it is leads to the victim. */
	cr_assert_eq(stat(directories.items[0], &led_to), 0);
	cr_assert_eq(fstatat(AT_FDCWD, target, &wanted, 0), 0);
	cr_assert_eq(led_to.st_ino, wanted.st_ino);

	certificate_clear(&r.cert);
	fill_certificate(&r.cert, AUTO_B, NOW + 90 * DAY);
	drop_write(r.drops,
		&(struct drop_request){
			.slug = "other", .cert = &r.cert, .generation = 1, .directories = &directories },
		stop_after, &r);
	cr_assert_eq(loop_run(r.loop, NULL), 0);
	cr_expect_eq(r.err.code, ERROR_DENIED);
	cr_expect(r.err.message && strstr(r.err.message, "belongs to uid 54321"), "%s", r.err.message);
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
	strlist_take(&directories, path_of(&r, "mail"));
	for (unsigned i = 0; i < 10; i++) {
		unsigned had = r.ended;

		certificate_clear(&r.cert);
		fill_certificate(&r.cert, AUTO_A, NOW + 90 * DAY);
		ask_to_write(&r, 1, &directories);
		ask_to_remove(&r, AUTO_A, &directories, ended);
		certificate_clear(&r.cert);
		fill_certificate(&r.cert, AUTO_B, NOW + 90 * DAY);
		drop_write(r.drops,
			&(struct drop_request){
				.slug = "other", .cert = &r.cert, .generation = 1, .directories = &directories },
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
	strlist_take(&directories, path_of(&r, "mail"));
	ask_to_write(&r, 1, &directories);
	run(&r);
	cr_expect_eq(r.err.code, ERROR_NOT_FOUND);
	cr_expect_eq(mode_of(&r, "mail"), 0);
	make_dir(&r, "mail", 02750);
	ask_to_write(&r, 1, &directories);
	run(&r);
	cr_expect(!error_is_set(&r.err), "%s", r.err.message);
	cr_expect_eq(mode_of(&r, "mail/bundle.pem"), S_IFREG | 0640);
	rig_clear(&r);
}

Test(drop, the_generation_counts_many_drops_once_and_goes_on_after_a_restart)
{
	struct rig r;

	rig_init(&r, clock_new_virtual(NOW));
	ask_to_write(&r, 1, NULL);
	ask_to_write(&r, 2, NULL);
	ask_to_write(&r, 3, NULL);
	run(&r);
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
	rig_clear(&r);
}
