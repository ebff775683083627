/*
 * Drops. The loop keeps the directories open and counts the generation. Everything slow is a job on a worker
 * (drop_queue.c, drop_work.c): one certificate's files in one or more directories; the manifest is written last and
 * says that the rest is whole.
 */
#include "daemon/rollout/drop_private.h"

#include "daemon/base/workers.h"
#include "daemon/rollout/drop_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GENERATION_MS = 1000, GENERATION_MAX = 32 };

const char *const drop_names[DROP_NAMES] = { "privkey.pem", "cert.pem", "chain.pem", "fullchain.pem",
	"bundle.pem", "manifest.json" };

/* --- directories --- */

/* Ours, and nobody else may put names into it. */
int
drop_check_dir(int fd, const char *path, struct stat *st, struct error *err)
{
	if (fstat(fd, st) < 0)
		return error_set_errno(err, errno, "look at '%s'", path);
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return error_set(err, ERROR_DENIED, "'%s' belongs to uid %u; it must belong to certd's user",
			path, st->st_uid);
	if (st->st_mode & 022)
		return error_set(err, ERROR_DENIED,
			"'%s' is writable by its group or others (mode %04o): chmod go-w it", path,
			st->st_mode & 07777u);
	return 0;
}

int
drop_open_dir(int dirfd, const char *name, mode_t mode, struct stat *st, struct error *err)
{
	int fd;

	if (mkdirat(dirfd, name, 0700) == 0) {
		/* The umask takes what the readers need; a directory that was there keeps its mode. */
		if (fchmodat(dirfd, name, mode, 0) < 0)
			return error_set_errno(err, errno, "set the mode of '%s'", name);
	} else if (errno != EEXIST) {
		return error_set_errno(err, errno, "make '%s'", name);
	}
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, errno, "open '%s'", name);
	if (drop_check_dir(fd, name, st, err) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int64_t
mtime_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static void
read_generation(struct drops *d)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct stat st;

	if (buf_read_file(&text, d->root_fd, "generation", GENERATION_MAX, NULL) == 0)
		d->generation = strtoll(buf_str(&text), NULL, 10);
	if (fstatat(d->root_fd, "generation", &st, AT_SYMLINK_NOFOLLOW) == 0)
		d->generation_mtime = mtime_ns(&st);
}

static void
generation_due(void *arg);

struct drops *
drops_open(struct loop *loop, struct workers *workers, const char *root, struct error *err)
{
	struct drops *d = xcalloc(1, sizeof(*d));
	struct stat st;

	d->loop = loop;
	d->workers = workers;
	d->root = xstrdup(root);
	d->live_fd = d->pem_fd = -1;
	loop_timer_init(&d->timer, loop, generation_due, d);
	d->root_fd = drop_open_dir(AT_FDCWD, root, 0711, &st, err);
	if (d->root_fd >= 0)
		d->live_fd = drop_open_dir(d->root_fd, "live", 0711, &st, err);
	if (d->live_fd >= 0)
		d->pem_fd = drop_open_dir(d->root_fd, "pem", 0711, &st, err);
	if (d->pem_fd < 0 || drop_file_sweep(d->root_fd, err) < 0 || drop_file_sweep(d->pem_fd, err) < 0) {
		error_wrap(err, "drop directory '%s'", root);
		drops_close(d);
		return NULL;
	}
	read_generation(d);
	return d;
}

/* --- generation: what one path unit per server watches --- */

struct generation_job {
	struct drops *drops;
	int root_fd;
	int64_t number;
	struct error error;
};

static void
generation_write(void *arg)
{
	struct generation_job *job = arg;
	_cleanup_free_ char *text = xasprintf("%lld\n", (long long)job->number);

	if (drop_file_replace(job->root_fd, "generation", text, strlen(text), 0644, &job->error) == 0)
		drop_file_sync_dir(job->root_fd, "generation", &job->error);
}

static void
generation_written(void *arg)
{
	struct generation_job *job = arg;
	struct drops *d = job->drops;

	d->writing = false;
	if (d->dirty || error_is_set(&job->error))
		loop_timer_set(&d->timer, GENERATION_MS); /* a full disk heals: goes on until it is written */
	error_clear(&job->error);
	free(job);
}

static void
generation_due(void *arg)
{
	struct drops *d = arg;
	struct generation_job *job = xcalloc(1, sizeof(*job));

	job->drops = d;
	job->root_fd = d->root_fd;
	job->number = ++d->generation;
	d->writing = true;
	d->dirty = false;
	workers_run(d->workers, generation_write, generation_written, job);
}

void
drop_generation_touch(struct drops *d)
{
	if (d->writing)
		d->dirty = true;
	else if (!loop_timer_is_armed(&d->timer))
		loop_timer_set(&d->timer, GENERATION_MS);
}

void
drops_close(struct drops *d)
{
	if (!d)
		return;
	drop_jobs_end(d);
	if (loop_timer_is_armed(&d->timer) || d->dirty) {
		struct generation_job last = { .root_fd = d->root_fd, .number = ++d->generation };

		generation_write(&last); /* who watches must not miss what the last second brought */
		error_clear(&last.error);
	}
	loop_timer_cancel(&d->timer);
	for (size_t i = 0; i < 3; i++) {
		int fd = (int[]){ d->root_fd, d->live_fd, d->pem_fd }[i];

		if (fd >= 0)
			close(fd);
	}
	free(d->root);
	free(d);
}

/* --- reading --- */

static bool
has_all_files(int dirfd)
{
	for (size_t i = 0; i < ARRAY_SIZE(drop_names); i++)
		if (faccessat(dirfd, drop_names[i], F_OK, 0) < 0)
			return false;
	return true;
}

int
drop_current(struct drops *drops, const char *slug, char ret_id[STORE_ID_SIZE], struct error *err)
{
	_cleanup_free_ char *flat = xasprintf("%s.pem", slug);
	struct drop_manifest manifest;
	struct stat st;
	int fd = openat(drops->live_fd, slug, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int found;

	if (fd < 0)
		return errno == ENOENT ? 0
				       : error_set_errno(err, errno, "open '%s/live/%s'", drops->root, slug);
	found = drop_read_manifest(fd, &manifest) && has_all_files(fd) &&
		faccessat(drops->pem_fd, flat, F_OK, 0) == 0;
	if (found)
		memcpy(ret_id, manifest.certificate, STORE_ID_SIZE);
	if (found && fstatat(fd, "manifest.json", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		mtime_ns(&st) > drops->generation_mtime)
		drop_generation_touch(drops);
	close(fd);
	return found;
}

char *
drop_directory(const struct drops *drops, const char *slug)
{
	return xasprintf("%s/live/%s", drops->root, slug);
}

char *
drop_prepare_hint(const struct drops *drops, const char *slug)
{
	return xasprintf("install -d -o certd -g GROUP -m 2750 %s/live/%s", drops->root, slug);
}
