/*
 * Removes a drop, on a worker: all its files, in every directory, the manifest first. Missing files are not a failure,
 * so it can be repeated; files of other users are kept.
 */
#include "daemon/rollout/drop_private.h"

#include "daemon/rollout/drop_dir.h"
#include "daemon/rollout/drop_file.h"
#include "daemon/rollout/drop_output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Return: true when another subject owns the files by now. */
static bool
is_taken_over(const struct drop_job *job, int dirfd)
{
	struct drop_manifest there;
	const char *owner;

	if (!drop_read_manifest(dirfd, &there))
		return false;
	owner = there.autocert[0] ? there.autocert : there.certificate; /* an imported one is its own subject */
	return strcmp(owner, job->subject_id) != 0 && strcmp(owner, job->former_id) != 0;
}

int
drop_remove_file(int dirfd, const char *name, struct error *err)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_set_errno(err, errno, "examine '%s'", name);
	if (st.st_uid != geteuid() || S_ISDIR(st.st_mode))
		return 0;
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return error_set_errno(err, errno, "remove '%s'", name);
	return 0;
}

/* The manifest first: without it the drop is incomplete. Durable when it returns. */
static int
remove_set(int dirfd, const char *what, struct error *err)
{
	for (size_t i = DROP_NAMES; i-- > 0;)
		if (drop_remove_file(dirfd, drop_names[i], err) < 0)
			return -1;
	if (drop_versions_remove(dirfd, err) < 0)
		return -1;
	return drop_file_sweep(dirfd, err) < 0 ? -1 : drop_file_sync_dir(dirfd, what, err);
}

static int
remove_flat(const struct drop_job *job, struct error *err)
{
	_cleanup_free_ char *name = xasprintf("%s.pem", job->slug);
	int pem = drop_open_part(job->drops, "pem", err);
	int rc;

	if (pem < 0)
		return -1;
	rc = drop_remove_file(pem, name, err);
	if (rc == 0)
		rc = drop_file_sync_dir(pem, "pem", err);
	close(pem);
	return rc < 0 ? error_wrap(err, "'%s/pem'", job->drops->root) : 0;
}

/* A directory prepared by root is kept for the next drop, and so is one that contains other files. */
static int
remove_directory(const struct drop_job *job, int live, const struct stat *st, struct error *err)
{
	if (st->st_mode & S_ISGID)
		return 0;
	if (unlinkat(live, job->slug, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT)
		return error_set_errno(err, errno, "remove the directory");
	return drop_file_sync_dir(live, "live", err);
}

/* live/<slug> and the flat bundle: the manifest says which subject owns them. */
static int
remove_from(const struct drop_job *job, int live, struct error *err)
{
	int fd = openat(live, job->slug, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st = { .st_mode = S_ISGID };
	int rc;

	if (fd < 0)
		return remove_flat(job, err); /* never written, or not certd's */
	if (!job->is_free && is_taken_over(job, fd)) {
		close(fd);
		return 0;
	}
	rc = remove_flat(job, err);
	if (rc == 0)
		rc = remove_set(fd, job->slug, err);
	if (rc == 0 && fstat(fd, &st) == 0)
		rc = remove_directory(job, live, &st, err);
	close(fd);
	return rc;
}

static void
remove_whole(const struct drop_job *job, struct error *err)
{
	int live = drop_open_part(job->drops, "live", err);

	if (live < 0)
		return;
	if (remove_from(job, live, err) < 0)
		error_wrap(err, "'%s/live/%s'", job->drops->root, job->slug);
	close(live);
}

/* Checks the path as for writing, so that it cannot lead to other files. A missing directory is not a failure. */
static void
remove_elsewhere(const struct drop_job *job, const char *path, struct error *err)
{
	_cleanup_error_ struct error why = ERROR_INIT;
	struct stat st;
	int fd = drop_dir_open_prepared(path, job->drops->root_fd, &st, &why);

	if (fd < 0 && why.code == ERROR_NOT_FOUND)
		return;
	if (fd < 0 || (!is_taken_over(job, fd) && remove_set(fd, path, &why) < 0)) {
		error_wrap(&why, "drop directory");
		if (err)
			error_move(err, &why);
	}
	if (fd >= 0)
		close(fd);
}

/* A place that cannot be cleared does not prevent removing the keys elsewhere. The first error is reported. */
void
drop_remove_run(void *arg)
{
	struct drop_job *job = arg;

	if (job->is_whole)
		remove_whole(job, &job->error);
	if (job->is_whole)
		drop_outputs_remove(job, error_is_set(&job->error) ? NULL : &job->error);
	for (size_t i = 0; i < job->directories.count; i++)
		remove_elsewhere(job, job->directories.items[i], error_is_set(&job->error) ? NULL : &job->error);
}
