/*
 * Drops. The loop keeps the directories open and counts the generation. All slow work is a job on a worker
 * (drop_queue.c, drop_write.c, drop_remove.c): one certificate's files in one or more directories. The manifest is
 * written last and says that the other files are complete.
 */
#include "daemon/rollout/drop_private.h"

#include "daemon/base/workers.h"
#include "daemon/rollout/drop_dir.h"
#include "daemon/rollout/drop_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GENERATION_MS = 1000, GENERATION_MAX = 32 };

const char *const drop_names[DROP_NAMES] = { "privkey.pem", "cert.pem", "chain.pem", "fullchain.pem", "bundle.pem",
	"nginx.conf", "manifest.json" };

bool
drop_name_has_key(size_t index)
{
	return strcmp(drop_names[index], "privkey.pem") == 0 || strcmp(drop_names[index], "bundle.pem") == 0;
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

int
drop_open_part(const struct drops *d, const char *name, struct error *err)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", d->root, name);
	struct stat st;

	return drop_dir_open(d->root_fd, name, path, 0711, &st, err);
}

int
drop_open_ledgers(const struct drops *d, bool may_create, struct error *err)
{
	_cleanup_free_ char *path = xasprintf("%s/outputs", d->state);
	struct stat st;

	if (!may_create && access(path, F_OK) < 0 && errno == ENOENT)
		return -1;
	return drop_dir_open(AT_FDCWD, path, path, 0700, &st, err);
}

/* Creates it if necessary, and removes what a crash left there. */
static int
prepare_part(const struct drops *d, const char *name, bool has_files, struct error *err)
{
	int fd = drop_open_part(d, name, err);
	int rc;

	if (fd < 0)
		return -1;
	rc = has_files ? drop_file_sweep(fd, err) : 0;
	close(fd);
	return rc;
}

struct drops *
drops_open(struct loop *loop, struct workers *workers, const char *root, const char *state, struct error *err)
{
	struct drops *d = xcalloc(1, sizeof(*d));
	struct stat st;

	d->loop = loop;
	d->workers = workers;
	d->root = xstrdup(root);
	d->state = xstrdup(state);
	loop_timer_init(&d->timer, loop, generation_due, d);
	d->root_fd = drop_dir_open(AT_FDCWD, root, root, 0711, &st, err);
	if (d->root_fd < 0 || drop_file_sweep(d->root_fd, err) < 0 || prepare_part(d, "live", false, err) < 0 ||
		prepare_part(d, "pem", true, err) < 0) {
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

	d->is_writing = false;
	if (d->is_dirty || error_is_set(&job->error))
		loop_timer_set(&d->timer,
			GENERATION_MS); /* retried until it is written, for example when a full disk has room again */
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
	d->is_writing = true;
	d->is_dirty = false;
	workers_run(d->workers, generation_write, generation_written, job);
}

void
drop_generation_touch(struct drops *d)
{
	if (d->is_writing)
		d->is_dirty = true;
	else if (!loop_timer_is_armed(&d->timer))
		loop_timer_set(&d->timer, GENERATION_MS);
}

void
drops_close(struct drops *d)
{
	if (!d)
		return;
	drop_jobs_end(d);
	if (loop_timer_is_armed(&d->timer) || d->is_dirty) {
		struct generation_job last = { .root_fd = d->root_fd, .number = ++d->generation };

		generation_write(&last); /* path units must not miss changes of the last second */
		error_clear(&last.error);
	}
	loop_timer_cancel(&d->timer);
	if (d->root_fd >= 0)
		close(d->root_fd);
	free(d->root);
	free(d->state);
	free(d);
}

/* --- reading --- */

static bool
has_all_files(int dirfd, bool has_key)
{
	for (size_t i = 0; i < ARRAY_SIZE(drop_names); i++)
		if ((has_key || !drop_name_has_key(i)) && faccessat(dirfd, drop_names[i], F_OK, 0) < 0)
			return false;
	return true;
}

int
drop_current(struct drops *drops, const char *slug, char ret_id[STORE_ID_SIZE], struct error *err)
{
	_cleanup_free_ char *flat = xasprintf("pem/%s.pem", slug);
	struct drop_manifest manifest;
	struct stat st;
	_cleanup_free_ char *directory = xasprintf("live/%s", slug);
	int fd = openat(drops->root_fd, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int found;

	if (fd < 0)
		return errno == ENOENT ? 0 : error_set_errno(err, errno, "open '%s/live/%s'", drops->root, slug);
	found = drop_read_manifest(fd, &manifest) && has_all_files(fd, manifest.has_key) &&
		(!manifest.has_key || faccessat(drops->root_fd, flat, F_OK, 0) == 0);
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
