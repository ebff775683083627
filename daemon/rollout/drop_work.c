/*
 * What a job does on a worker: the same files into every directory of a drop, the manifest last; or all of them away
 * again, the manifest first.
 */
#include "daemon/rollout/drop_private.h"

#include "daemon/rollout/drop_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- writing --- */

/* In a directory with a group of its own (setgid, made by root) the group reads; else only we do. */
static mode_t
mode_for(const struct stat *dir)
{
	return dir->st_mode & S_ISGID ? 0640 : 0600;
}

/*
 * A drop never goes back to an earlier certificate. But generations are counted by the store: what lies there from a
 * declaration that is gone, or from before a backup was restored, must not keep a certificate away that lasts longer.
 */
static bool
is_later(const struct drop_manifest *there, const struct drop_job *job)
{
	return strcmp(there->autocert, job->autocert) == 0 && there->generation > job->generation &&
	       there->not_after_at > job->not_after_at;
}

static int
write_set(const struct drop_job *job, const struct drop_files *f, int dirfd, const struct stat *st,
	struct error *err)
{
	const struct {
		const void *data;
		size_t len;
	} files[] = {
		{ f->key.data, f->key.len },
		{ job->leaf.data, job->leaf.len },
		{ buf_str(&job->chain), job->chain.len },
		{ f->fullchain.data, f->fullchain.len },
		{ f->bundle.data, f->bundle.len },
		{ job->manifest.data, job->manifest.len },
	};
	_Static_assert(ARRAY_SIZE(files) == ARRAY_SIZE(drop_names), "one content per name");
	struct drop_manifest there;

	if (drop_read_manifest(dirfd, &there) && is_later(&there, job))
		return error_set(err, ERROR_STATE, "a later certificate is there already");
	if (drop_file_sweep(dirfd, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (drop_file_replace(dirfd, drop_names[i], files[i].data, files[i].len, mode_for(st), err) <
			0)
			return -1;
	return drop_file_sync_dir(dirfd, job->slug, err);
}

static int
write_live(const struct drop_job *job, const struct drop_files *f, struct error *err)
{
	struct stat st;
	int fd = drop_open_dir(job->drops->live_fd, job->slug, 0700, &st, err);
	int rc;

	if (fd < 0)
		return error_wrap(err, "'%s/live/%s'", job->drops->root, job->slug);
	rc = write_set(job, f, fd, &st, err);
	close(fd);
	return rc < 0 ? error_wrap(err, "'%s/live/%s'", job->drops->root, job->slug) : 0;
}

/* One that root prepared must be there: certd makes no directories outside its own. */
static int
write_prepared(const struct drop_job *job, const struct drop_files *f, const char *path, struct error *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return error_set_errno(err, errno, "drop directory '%s'", path);
	rc = drop_check_dir(fd, path, &st, err);
	if (rc == 0)
		rc = write_set(job, f, fd, &st, err);
	close(fd);
	if (rc == 0)
		return 0;
	if (access(path, W_OK) < 0 && errno == EROFS)
		error_wrap(
			err, "certd may not write here (systemd: ReadWritePaths=%s for certd.service)", path);
	return error_wrap(err, "drop directory '%s'", path);
}

static int
write_flat(const struct drop_job *job, const struct drop_files *f, struct error *err)
{
	_cleanup_free_ char *name = xasprintf("%s.pem", job->slug);
	struct stat st;

	if (fstat(job->drops->pem_fd, &st) < 0)
		return error_set_errno(err, errno, "look at '%s/pem'", job->drops->root);
	if (drop_file_replace(job->drops->pem_fd, name, f->bundle.data, f->bundle.len, mode_for(&st), err) <
			0 ||
		drop_file_sync_dir(job->drops->pem_fd, "pem", err) < 0)
		return error_wrap(err, "'%s/pem'", job->drops->root);
	return 0;
}

void
drop_write_run(void *arg)
{
	struct drop_job *job = arg;
	struct drop_files f = { 0 };
	int rc = drop_make_files(job, &f, &job->error);

	/* The flat bundle before the manifest, which says that all is there. */
	if (rc == 0)
		rc = write_flat(job, &f, &job->error);
	if (rc == 0)
		rc = write_live(job, &f, &job->error);
	for (size_t i = 0; rc == 0 && i < job->directories.count; i++)
		rc = write_prepared(job, &f, job->directories.items[i], &job->error);
	drop_files_clear(&f);
}

/* --- removing --- */

/* Return: true when root prepared the directory: it stays for the next drop of that name. */
static bool
is_prepared(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_ISGID);
}

void
drop_remove_run(void *arg)
{
	struct drop_job *job = arg;
	_cleanup_free_ char *flat = xasprintf("%s.pem", job->slug);
	int fd = openat(job->drops->live_fd, job->slug, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool stays;

	if (unlinkat(job->drops->pem_fd, flat, 0) < 0 && errno != ENOENT)
		error_set_errno(&job->error, errno, "remove '%s'", flat);
	if (fd < 0)
		return; /* never written */
	/* The manifest first: without it nothing counts as whole. */
	for (size_t i = ARRAY_SIZE(drop_names); i-- > 0;)
		if (unlinkat(fd, drop_names[i], 0) < 0 && errno != ENOENT)
			error_set_errno(&job->error, errno, "remove '%s/%s'", job->slug, drop_names[i]);
	drop_file_sweep(fd, &job->error);
	stays = is_prepared(fd);
	close(fd);
	/* One that holds other people's files stays, too. */
	if (!stays && unlinkat(job->drops->live_fd, job->slug, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY &&
		errno != EEXIST && errno != ENOENT)
		error_set_errno(&job->error, errno, "remove '%s'", job->slug);
}
