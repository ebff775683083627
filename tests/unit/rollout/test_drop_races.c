/*
 * Files that are replaced while others read them, watch their modes, and exchange them and their directories for links.
 * The short form runs with the other unit tests; `make check-rotations` is the long one: ROTATIONS, LOADS and
 * RACE_SECONDS are its sizes.
 */
#include "common/crypto/digest.h"
#include "common/crypto/key.h"
#include "tests/support/key_pem.h"
#include "tests/support/process.h"
#include "tests/unit/rollout/drop_rig.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KEYS = 8, READERS = 2, FILE_MAX = 16 * 1024 };

struct race {
	struct rig rig;
	struct certificate certs[KEYS];
	unsigned failures;
	atomic_bool is_over;
	atomic_long loads;
	atomic_long faults;
	char fault[2 * NAME_MAX]; /* the first */
};

static long
size_of(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text ? strtol(text, NULL, 10) : otherwise;
}

/* The text of the leaf is the digest of the key that belongs to it, so that each bundle can be checked. */
static void
make_pair(struct certificate *c)
{
	_cleanup_secret_ struct secret pem = SECRET_INIT;
	_cleanup_free_ char *leaf = NULL;
	char text[DIGEST_TEXT_SIZE];
	struct key *key = NULL;

	rig_certificate(c, AUTO_A, NOW + 90 * DAY);
	c->o.created_at = NOW;
	cr_assert_eq(key_from_der(&c->key, &key, NULL), 0);
	cr_assert_eq(key_to_pem(key, &pem, NULL), 0);
	key_free(key);
	digest_sha256(pem.data, pem.len, text);
	leaf = xasprintf("%s\n", text);
	rig_set_leaf(c, leaf);
}

static void
race_init(struct race *r)
{
	_cleanup_free_ char *out = NULL;

	*r = (struct race){ .failures = 0 };
	rig_init(&r->rig, clock_new_real());
	umask(0); /* no mode may depend on it */
	out = rig_path(&r->rig, "out");
	cr_assert_eq(mkdir(out, 0755), 0);
	for (size_t i = 0; i < KEYS; i++)
		make_pair(&r->certs[i]);
}

static void
race_clear(struct race *r)
{
	for (size_t i = 0; i < KEYS; i++)
		certificate_clear(&r->certs[i]);
	rig_clear(&r->rig);
}

static void
note_fault(struct race *r, const char *what, const char *name)
{
	if (atomic_fetch_add(&r->faults, 1) == 0)
		snprintf(r->fault, sizeof(r->fault), "%s: %s", name, what);
}

static void
stop_after(const struct error *err, const char *where _unused_, void *arg)
{
	struct race *r = arg;

	if (err) {
		r->failures++;
		error_clear(&r->rig.err);
		error_copy(&r->rig.err, err);
	}
	loop_stop(r->rig.loop);
}

/* One deployment of the next pair: live/<slug>, or the declared files. */
static void
rotate(struct race *r, const char *layout)
{
	struct consumer c = { .layout = xstrdup_null(layout) };
	struct drop_output_set set = { .directory = rig_path(&r->rig, "out") };

	cr_assert_eq(output_list_of(&c, &set.list, NULL), 0);
	drop_write(r->rig.drops,
		&(struct drop_request){ .subject_id = AUTO_A,
			.slug = SLUG,
			.cert = &r->certs[r->rig.generation % KEYS],
			.generation = r->rig.generation,
			.is_partial = layout,
			.sets = &set,
			.n_sets = layout ? 1 : 0 },
		stop_after, r);
	cr_assert_eq(loop_run(r->rig.loop, NULL), 0);
	r->rig.generation++;
	drop_output_set_clear(&set);
	consumer_clear(&c);
}

/* --- readers --- */

static const char *
bundle_fault(const char *data, size_t len)
{
	static const char end[] = "-----END PRIVATE KEY-----\n", chain[] = "-chain-\n";
	const char *leaf = memmem(data, len, end, strlen(end));
	char text[DIGEST_TEXT_SIZE];

	if (!leaf)
		return "no key";
	leaf += strlen(end);
	if ((size_t)(data + len - leaf) != DIGEST_TEXT_SIZE + strlen(chain))
		return "partial";
	digest_sha256(data, (size_t)(leaf - data), text);
	if (memcmp(leaf, text, DIGEST_TEXT_SIZE - 1) != 0)
		return "key and certificate of different pairs";
	return memcmp(leaf + DIGEST_TEXT_SIZE, chain, strlen(chain)) == 0 ? NULL : "no chain";
}

/* As a server does: one open, one read to the end; and no other user may read it at that instant. */
static void
load(struct race *r, const char *path)
{
	char data[FILE_MAX];
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *fault = strerror(errno);

	if (fd >= 0) {
		ssize_t len = read(fd, data, sizeof(data));

		fault = len < 0 ? "unreadable" : bundle_fault(data, (size_t)len);
		if (!fault && (fstat(fd, &st) < 0 || (st.st_mode & 07777) != 0600))
			fault = "another mode";
		close(fd);
	}
	if (fault)
		note_fault(r, fault, path);
	atomic_fetch_add(&r->loads, 1);
}

static void *
read_bundles(void *arg)
{
	static const char *const names[] = { "live/" SLUG "/bundle.pem", "pem/" SLUG ".pem", "out/" SLUG ".pem" };
	struct race *r = arg;

	for (size_t i = 0; !atomic_load(&r->is_over); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", r->rig.root, names[i % ARRAY_SIZE(names)]);

		load(r, path);
	}
	return NULL;
}

/* Every name at any instant, temporary ones too: nobody but the owner may read a key. */
static void
watch_directory(struct race *r, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", r->rig.root, name);
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		bool is_public = strstr(entry->d_name, "cert") || strstr(entry->d_name, "chain");
		struct stat st;

		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
			(st.st_mode & (is_public ? 022 : 077)) && strcmp(entry->d_name, "generation") != 0)
			note_fault(r, "readable by others", entry->d_name);
	}
	if (dir)
		closedir(dir);
}

static void *
watch_modes(void *arg)
{
	struct race *r = arg;

	while (!atomic_load(&r->is_over)) {
		watch_directory(r, "live/" SLUG);
		watch_directory(r, "pem");
		watch_directory(r, "out");
		watch_directory(r, "outputs");
	}
	return NULL;
}

Test(drop_races, every_load_of_a_bundle_gets_a_whole_pair_while_it_is_replaced, .timeout = 3600)
{
	long rotations = size_of("ROTATIONS", 150), loads = size_of("LOADS", 5000);
	pthread_t threads[READERS + 1];
	struct race r;

	race_init(&r);
	rotate(&r, NULL);
	rotate(&r, "haproxy");
	for (size_t i = 0; i < READERS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, read_bundles, &r), 0);
	cr_assert_eq(pthread_create(&threads[READERS], NULL, watch_modes, &r), 0);
	for (long i = 0; i < rotations || atomic_load(&r.loads) < loads; i++)
		rotate(&r, i % 2 ? "haproxy" : NULL);
	atomic_store(&r.is_over, true);
	for (size_t i = 0; i <= READERS; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(r.failures, 0, "%s", r.rig.err.message);
	cr_expect_eq(atomic_load(&r.faults), 0, "%ld of %ld loads: %s", atomic_load(&r.faults), atomic_load(&r.loads),
		r.fault);
	race_clear(&r);
}

/* --- attackers --- */

/* Exchanges @name and a link to the victim, as often as it can. */
static void
attack(struct race *r, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", r->rig.root, name);
	_cleanup_free_ char *away = xasprintf("%s.away", path);
	_cleanup_free_ char *base = xasprintf("%s/victim", r->rig.root);
	const char *last = strrchr(name, '.') ? strrchr(name, '/') : NULL;
	_cleanup_free_ char *target = xasprintf("%s%s", base, last ? last : "");

	if (rename(path, away) < 0)
		return;
	if (symlink(target, path) == 0) {
		sched_yield();
		unlink(path);
	}
	/* certd may have made another one meanwhile. */
	if (rename(away, path) < 0)
		scratch_remove(&away);
}

static void *
attack_all(void *arg)
{
	static const char *const names[] = { "live", "live/" SLUG, "live/" SLUG "/privkey.pem", "pem", "out/live",
		"out/live/" SLUG, "out/archive/" SLUG, "out/archive", "out/live/" SLUG "/privkey.pem",
		"live/" SLUG "/.certd-privkey.pem", "pem/" SLUG ".pem", "outputs" };
	struct race *r = arg;

	for (size_t i = 0; !atomic_load(&r->is_over); i++)
		attack(r, names[i % ARRAY_SIZE(names)]);
	return NULL;
}

static const char *const victims[] = { "privkey.pem", "cert.pem", SLUG ".pem", ".certd-privkey.pem" };

static void
make_victims(const struct race *r)
{
	_cleanup_free_ char *victim = xasprintf("%s/victim", r->rig.root);

	cr_assert_eq(mkdir(victim, 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(victims); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", victim, victims[i]);
		int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

		cr_assert_geq(fd, 0);
		cr_assert_eq(write(fd, "root's", 6), 6);
		close(fd);
	}
}

static void
expect_victims_untouched(const struct race *r)
{
	_cleanup_free_ char *victim = xasprintf("%s/victim", r->rig.root);
	DIR *dir = opendir(victim);
	struct dirent *entry;
	size_t n = 0;

	cr_assert_not_null(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
	closedir(dir);
	cr_expect_eq(n, ARRAY_SIZE(victims), "%zu names", n);
	for (size_t i = 0; i < ARRAY_SIZE(victims); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", victim, victims[i]);
		struct buf text = BUF_INIT;
		struct stat st;

		cr_assert_eq(buf_read_file(&text, AT_FDCWD, path, FILE_MAX, NULL), 0, "%s", path);
		cr_expect_str_eq(buf_str(&text), "root's", "%s", victims[i]);
		cr_assert_eq(stat(path, &st), 0);
		cr_expect_eq(st.st_mode & 07777, 0644, "%s", victims[i]);
		buf_clear(&text);
	}
}

Test(drop_races, links_and_renames_in_the_directories_lead_to_no_other_file, .timeout = 3600)
{
	time_t end = time(NULL) + size_of("RACE_SECONDS", 2);
	pthread_t attacker;
	unsigned done = 0;
	struct race r;

	race_init(&r);
	make_victims(&r);
	rotate(&r, NULL);
	rotate(&r, "certbot");
	cr_assert_eq(pthread_create(&attacker, NULL, attack_all, &r), 0);
	for (long i = 0; time(NULL) < end; i++) {
		unsigned before = r.failures;

		rotate(&r, i % 2 ? "certbot" : NULL);
		done += r.failures == before;
	}
	atomic_store(&r.is_over, true);
	pthread_join(attacker, NULL);
	/* Both happened: attacks that were refused, and deployments that were not hit. */
	cr_expect_gt(done, 0, "%s", r.rig.err.message);
	cr_expect_gt(r.failures, 0);
	expect_victims_untouched(&r);
	/* When it is over, all is well again. */
	r.failures = 0;
	rotate(&r, NULL);
	rotate(&r, "certbot");
	cr_expect_eq(r.failures, 0, "%s", r.rig.err.message);
	race_clear(&r);
}
