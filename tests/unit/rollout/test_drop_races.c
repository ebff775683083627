/*
 * Files that are replaced while others read them, watch their modes, and exchange them and their directories for links.
 * The short form runs with the other unit tests; `make check-rotations` is the long one: ROTATIONS, LOADS and
 * RACE_SECONDS are its sizes.
 */
#include "common/crypto/digest.h"
#include "common/crypto/key.h"
#include "daemon/base/clock.h"
#include "daemon/base/loop.h"
#include "daemon/base/workers.h"
#include "daemon/rollout/drop.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SLUG "www.example.com"
#define AUTO "aaaaaaaa-0000-4000-8000-000000000001"

enum { KEYS = 8, READERS = 2, FILE_MAX = 16 * 1024, NOW = 1700000000, DAY = 86400 };

struct rig {
	char root[64];
	struct clock *clock;
	struct loop *loop;
	struct workers *workers;
	struct drops *drops;
	struct certificate certs[KEYS];
	int64_t generation;
	unsigned failures;
	struct error err; /* of the last one */
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
	char text[DIGEST_TEXT_SIZE];
	unsigned char pair[32];
	struct key *key = NULL;

	cr_assert_eq(key_generate(KEY_SECP256R1, &key, NULL), 0);
	cr_assert_eq(key_to_der(key, &c->key, NULL), 0);
	cr_assert_eq(key_to_pem(key, &pem, NULL), 0);
	key_free(key);
	digest_sha256(pem.data, pem.len, text);
	store_new_id(c->o.id);
	c->o.name = xstrdup(SLUG);
	c->o.created_at = NOW;
	c->autocert = xstrdup(AUTO);
	c->common_name = xstrdup(SLUG);
	c->key_algorithm = xstrdup("secp256r1");
	c->not_before_at = NOW;
	c->not_after_at = NOW + 90 * DAY;
	buf_printf(&c->leaf_pem, "%s\n", text);
	buf_add_str(&c->chain_pem, "-chain-\n");
	key_pair_digest(&c->key, c->leaf_pem.data, c->leaf_pem.len, pair);
	buf_add(&c->pair, pair, sizeof(pair));
}

static void
rig_init(struct rig *r)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *out = NULL;

	*r = (struct rig){ .clock = clock_new_real() };
	CRYPTO_secure_malloc_init(1 << 20, 64);
	umask(0); /* no mode may depend on it */
	snprintf(r->root, sizeof(r->root), "/tmp/certd-test-XXXXXX");
	cr_assert_not_null(mkdtemp(r->root));
	out = xasprintf("%s/out", r->root);
	cr_assert_eq(mkdir(out, 0755), 0);
	r->loop = loop_new(r->clock);
	r->workers = workers_new(r->loop, 1);
	r->drops = drops_open(r->loop, r->workers, r->root, r->root, &err);
	cr_assert_not_null(r->drops, "%s", err.message);
	for (size_t i = 0; i < KEYS; i++)
		make_pair(&r->certs[i]);
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
	for (size_t i = 0; i < KEYS; i++)
		certificate_clear(&r->certs[i]);
	error_clear(&r->err);
	nftw(r->root, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void
note_fault(struct rig *r, const char *what, const char *name)
{
	if (atomic_fetch_add(&r->faults, 1) == 0)
		snprintf(r->fault, sizeof(r->fault), "%s: %s", name, what);
}

static void
stop_after(const struct error *err, const char *where _unused_, void *arg)
{
	struct rig *r = arg;

	if (err) {
		r->failures++;
		error_clear(&r->err);
		error_copy(&r->err, err);
	}
	loop_stop(r->loop);
}

/* One deployment of the next pair: live/<slug>, or the declared files. */
static void
rotate(struct rig *r, const char *layout)
{
	struct consumer c = { .layout = xstrdup_null(layout) };
	struct drop_output_set set = { .directory = xasprintf("%s/out", r->root) };

	cr_assert_eq(output_list_of(&c, &set.list, NULL), 0);
	drop_write(r->drops,
		&(struct drop_request){ .subject_id = AUTO,
			.slug = SLUG,
			.cert = &r->certs[r->generation % KEYS],
			.generation = r->generation,
			.is_partial = layout,
			.sets = &set,
			.n_sets = layout ? 1 : 0 },
		stop_after, r);
	cr_assert_eq(loop_run(r->loop, NULL), 0);
	r->generation++;
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
load(struct rig *r, const char *path)
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
	struct rig *r = arg;

	for (size_t i = 0; !atomic_load(&r->is_over); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", r->root, names[i % ARRAY_SIZE(names)]);

		load(r, path);
	}
	return NULL;
}

/* Every name at any instant, temporary ones too: nobody but the owner may read a key. */
static void
watch_directory(struct rig *r, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", r->root, name);
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
	struct rig *r = arg;

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
	struct rig r;

	rig_init(&r);
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
	cr_expect_eq(r.failures, 0, "%s", r.err.message);
	cr_expect_eq(atomic_load(&r.faults), 0, "%ld of %ld loads: %s", atomic_load(&r.faults), atomic_load(&r.loads),
		r.fault);
	rig_clear(&r);
}

/* --- attackers --- */

/* Exchanges @name and a link to the victim, as often as it can. */
static void
attack(struct rig *r, const char *name)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", r->root, name);
	_cleanup_free_ char *away = xasprintf("%s.away", path);
	_cleanup_free_ char *base = xasprintf("%s/victim", r->root);
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
		nftw(away, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void *
attack_all(void *arg)
{
	static const char *const names[] = { "live", "live/" SLUG, "live/" SLUG "/privkey.pem", "pem", "out/live",
		"out/live/" SLUG, "out/archive/" SLUG, "out/archive", "out/live/" SLUG "/privkey.pem",
		"live/" SLUG "/.certd-privkey.pem", "pem/" SLUG ".pem", "outputs" };
	struct rig *r = arg;

	for (size_t i = 0; !atomic_load(&r->is_over); i++)
		attack(r, names[i % ARRAY_SIZE(names)]);
	return NULL;
}

static const char *const victims[] = { "privkey.pem", "cert.pem", SLUG ".pem", ".certd-privkey.pem" };

static void
make_victims(const struct rig *r)
{
	_cleanup_free_ char *victim = xasprintf("%s/victim", r->root);

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
expect_victims_untouched(const struct rig *r)
{
	_cleanup_free_ char *victim = xasprintf("%s/victim", r->root);
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
	struct rig r;

	rig_init(&r);
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
	cr_expect_gt(done, 0, "%s", r.err.message);
	cr_expect_gt(r.failures, 0);
	expect_victims_untouched(&r);
	/* When it is over, all is well again. */
	r.failures = 0;
	rotate(&r, NULL);
	rotate(&r, "certbot");
	cr_expect_eq(r.failures, 0, "%s", r.err.message);
	rig_clear(&r);
}
