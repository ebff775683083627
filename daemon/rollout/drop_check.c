/*
 * Compares what is on the disk with what certd would write now, on a worker. Declared files are compared with the
 * ledger: some formats are different each time they are made.
 */
#include "daemon/rollout/drop_private.h"

#include "common/crypto/key.h"
#include "daemon/rollout/drop_dir.h"
#include "daemon/rollout/drop_ledger.h"
#include "daemon/rollout/drop_look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One place: a directory of files that are written together. */
struct tally {
	struct drop_job *job;
	const char *path;
	const char *variant; /* see drop_nginx_conf() */
	size_t seen, missing;
	struct strlist lines;
};

static void
tally_add(struct tally *t, const char *name, enum drop_seen seen)
{
	t->seen++;
	t->missing += seen == DROP_MISSING;
	if (seen != DROP_SAME)
		strlist_take(&t->lines, xasprintf("%s/%s %s", t->path, name, drop_seen_text(seen)));
}

static void
all_missing(struct drop_job *job, const char *path)
{
	strlist_take(&job->gone, xasprintf("all files in %s are missing", path));
}

/* A place without any of its files is new, such as a tmpfs after a boot. */
static void
tally_end(struct tally *t)
{
	if (t->seen > 1 && t->missing == t->seen)
		all_missing(t->job, t->path);
	else if (t->seen == 1 && t->missing)
		strlist_add(&t->job->gone, t->lines.items[0]);
	else
		for (size_t i = 0; i < t->lines.count; i++)
			strlist_add(&t->job->changed, t->lines.items[i]);
	strlist_clear(&t->lines);
}

static void
describe(struct ledger_file *file, const struct stat *dir, const void *data, size_t len)
{
	*file = (struct ledger_file){ .mode = drop_mode_for(dir),
		.gid = dir->st_mode & S_ISGID ? dir->st_gid : (gid_t)-1 };
	digest_sha256(data, len, file->sha256);
}

static bool
is_manifest_of(const struct drop_job *job, int dirfd)
{
	struct drop_manifest there;

	return drop_read_manifest(dirfd, &there) && strcmp(there.certificate, job->certificate) == 0;
}

/* certd's own files; @fd is closed. */
static void
check_set(struct tally *t, const struct drop_files *f, int fd, const struct stat *st)
{
	_cleanup_free_ char *version = drop_version_name(t->job);
	_cleanup_free_ char *nginx = drop_nginx_conf(t->path, version, key_der_place(&t->job->key_der), t->variant);
	struct drop_content contents[DROP_NAMES];
	struct ledger_file file;

	drop_set_contents(t->job, f, nginx, contents);
	for (size_t i = 0; i < DROP_NAMES; i++) {
		enum drop_seen seen;

		if (!contents[i].data)
			continue;
		describe(&file, st, contents[i].data, contents[i].len);
		seen = drop_look(fd, drop_names[i], &file);
		/* Its name of the certificate may have been changed since. */
		if (seen == DROP_CONTENT && i == DROP_NAMES - 1 && is_manifest_of(t->job, fd))
			seen = DROP_SAME;
		tally_add(t, drop_names[i], seen);
	}
	describe(&file, st, f->bundle.data, f->bundle.len);
	tally_add(t, version, drop_look(fd, version, &file));
	close(fd);
}

static void
check_live(struct drop_job *job, const struct drop_files *f)
{
	_cleanup_free_ char *path = drop_directory(job->drops, job->slug);
	_cleanup_free_ char *name = xasprintf("live/%s", job->slug);
	struct tally t = { .job = job, .path = path, .variant = job->variant };
	struct stat st;
	int fd = openat(job->drops->root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, &st) == 0)
		check_set(&t, f, fd, &st);
	else
		all_missing(job, path);
	tally_end(&t);
}

static void
check_flat(struct drop_job *job, const struct drop_files *f)
{
	_cleanup_free_ char *path = xasprintf("%s/pem", job->drops->root);
	_cleanup_free_ char *name = xasprintf("%s.pem", job->slug);
	struct tally t = { .job = job, .path = path };
	struct ledger_file file;
	struct stat st;
	int fd;

	if (!f->key.len)
		return; /* it would have the key */
	fd = openat(job->drops->root_fd, "pem", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		all_missing(job, path);
		return;
	}
	describe(&file, &st, f->bundle.data, f->bundle.len);
	tally_add(&t, name, drop_look(fd, name, &file));
	close(fd);
	tally_end(&t);
}

static void
check_prepared(struct drop_job *job, const struct drop_files *f, const char *path)
{
	_cleanup_error_ struct error why = ERROR_INIT;
	struct tally t = { .job = job, .path = path };
	struct stat st;
	int fd = drop_dir_open_prepared(path, job->drops->root_fd, &st, &why);

	if (fd >= 0)
		check_set(&t, f, fd, &st);
	else if (why.code == ERROR_NOT_FOUND)
		all_missing(job, path);
	else
		strlist_add(&job->changed, why.message);
	tally_end(&t);
}

/* --- declared files --- */

static void
check_listed(struct tally *t, const struct ledger_file *file)
{
	_cleanup_free_ char *parent = xstrndup(file->path, (size_t)(strrchr(file->path, '/') - file->path));
	_cleanup_error_ struct error why = ERROR_INIT;
	struct stat st;
	int fd = drop_dir_open_below(parent, file->base, t->job->drops->root_fd, NULL, &st, &why);

	if (fd >= 0) {
		tally_add(t, file->path + file->base + 1, drop_look(fd, strrchr(file->path, '/') + 1, file));
		close(fd);
	} else if (why.code == ERROR_NOT_FOUND) {
		tally_add(t, file->path + file->base + 1, DROP_MISSING);
	} else {
		strlist_add(&t->job->changed, why.message);
	}
}

static void
check_declared(struct drop_job *job, const struct ledger *l, const char *directory)
{
	struct tally t = { .job = job, .path = directory };

	for (size_t i = 0; i < l->count; i++) {
		const struct ledger_file *file = &l->files[i];

		if (!file->is_former && strlen(directory) == file->base &&
			strncmp(file->path, directory, file->base) == 0)
			check_listed(&t, file);
	}
	if (!t.seen && !job->changed.count)
		all_missing(job, directory); /* never written */
	tally_end(&t);
}

static void
check_ledger(struct drop_job *job)
{
	_cleanup_ledger_ struct ledger l = { .files = NULL };
	_cleanup_error_ struct error why = ERROR_INIT;
	int fd = job->declared.count ? drop_open_ledgers(job->drops, false, NULL) : -1;

	if (fd >= 0 && ledger_read(fd, job->slug, &l, &why) < 0)
		strlist_add(&job->changed, why.message);
	for (size_t i = 0; i < job->declared.count; i++)
		check_declared(job, &l, job->declared.items[i]);
	if (fd >= 0)
		close(fd);
}

void
drop_check_run(void *arg)
{
	struct drop_job *job = arg;
	struct drop_files f = { 0 };

	if (drop_make_files(job, &f, &job->error) == 0) {
		if (!job->is_partial) {
			check_live(job, &f);
			check_flat(job, &f);
		}
		for (size_t i = 0; i < job->directories.count; i++)
			check_prepared(job, &f, job->directories.items[i]);
		check_ledger(job);
	}
	drop_files_clear(&f);
}
