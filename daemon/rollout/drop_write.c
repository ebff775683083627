/* Writes a drop, on a worker: the same files into every directory, the manifest last. */
#include "daemon/rollout/drop_private.h"

#include "common/crypto/key.h"
#include "daemon/rollout/drop_dir.h"
#include "daemon/rollout/drop_file.h"
#include "daemon/rollout/drop_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A drop never returns to an earlier certificate. But the store counts generations: files of a deleted declaration, or
 * from before a restored backup, must not block a certificate that expires later.
 */
static bool
is_later(const struct drop_manifest *there, const struct drop_job *job)
{
	return strcmp(there->autocert, job->autocert) == 0 && there->generation > job->generation &&
	       there->not_after_at > job->not_after_at;
}

/* pem/<slug>.pem, with the same octets as bundle.pem. */
struct flat {
	int dirfd; /* -1: not open */
	char *name;
	struct stat st; /* of the directory */
};

static void
flat_clear(struct flat *flat)
{
	if (flat->dirfd >= 0)
		close(flat->dirfd);
	free(flat->name);
}

/* Saves one write and sync, where both names have the same readers. */
static bool
link_bundle(const struct flat *flat, int dirfd, const struct stat *st)
{
	return flat && drop_mode_for(st) == drop_mode_for(&flat->st) &&
	       (drop_mode_for(st) == 0600 || st->st_gid == flat->st.st_gid) &&
	       drop_file_stage_link(dirfd, "bundle.pem", flat->dirfd, flat->name) == 0;
}

/* A directory that is written to. */
struct place {
	const char *path;
	const char *variant; /* see drop_nginx_conf() */
	int fd;
	struct stat st;
};

/* The bundle again, under the name of its pair. */
static int
stage_version(const struct drop_files *f, const struct place *to, const char *version, struct error *err)
{
	if (drop_file_stage_link(to->fd, version, to->fd, DROP_TEMP_PREFIX "bundle.pem") == 0)
		return 0;
	return drop_file_stage(to->fd, version, f->bundle.data, f->bundle.len, drop_mode_for(&to->st), err);
}

void
drop_set_contents(
	const struct drop_job *job, const struct drop_files *f, const char *nginx, struct drop_content ret[DROP_NAMES])
{
	const struct drop_content contents[] = {
		{ .data = f->key.data, .len = f->key.len },
		{ .data = job->leaf.data, .len = job->leaf.len },
		{ .data = buf_str(&job->chain), .len = job->chain.len },
		{ .data = f->fullchain.data, .len = f->fullchain.len },
		{ .data = f->key.len ? f->bundle.data : NULL, .len = f->bundle.len },
		{ .data = nginx, .len = strlen(nginx) },
		{ .data = job->manifest.data, .len = job->manifest.len },
	};
	_Static_assert(ARRAY_SIZE(contents) == DROP_NAMES, "one content per name");

	memcpy(ret, contents, sizeof(contents));
}

static int
stage_set(const struct drop_job *job, const struct drop_files *f, const struct place *to, const char *version,
	const struct flat *flat, struct error *err)
{
	_cleanup_free_ char *nginx = drop_nginx_conf(to->path, version, key_der_place(&job->key_der), to->variant);
	struct drop_content files[DROP_NAMES];

	drop_set_contents(job, f, nginx, files);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (!files[i].data)
			continue;
		if (files[i].data == f->bundle.data && link_bundle(flat, to->fd, &to->st))
			continue;
		if (drop_file_stage(to->fd, drop_names[i], files[i].data, files[i].len, drop_mode_for(&to->st), err) <
			0)
			return -1;
	}
	return stage_version(f, to, version, err);
}

/* The new bundle before nginx.conf names it. */
static int
publish_set(const struct drop_files *f, const struct place *to, const char *version, struct error *err)
{
	const char *names[1 + DROP_NAMES] = { version };
	size_t n = 1;

	for (size_t i = 0; i < DROP_NAMES; i++)
		if (f->key.len || !drop_name_has_key(i))
			names[n++] = drop_names[i];
	return drop_file_publish_all(to->fd, names, n, err);
}

/* The key is held elsewhere: files of an earlier one, which would not fit the certificate. */
static int
remove_former_keys(const struct drop_files *f, const struct place *to, struct error *err)
{
	for (size_t i = 0; i < DROP_NAMES && !f->key.len; i++)
		if (drop_name_has_key(i) && drop_remove_file(to->fd, drop_names[i], err) < 0)
			return -1;
	return 0;
}

/* @flat: or NULL. */
static int
write_set(const struct drop_job *job, const struct drop_files *f, const struct place *to, const struct flat *flat,
	struct error *err)
{
	_cleanup_free_ char *version = drop_version_name(job);
	struct drop_manifest there;

	if (drop_read_manifest(to->fd, &there) && is_later(&there, job))
		return error_set(err, ERROR_STATE, "a later certificate is deployed already");
	if (drop_file_sweep(to->fd, err) < 0)
		return -1;
	if (stage_set(job, f, to, version, flat, err) < 0 || publish_set(f, to, version, err) < 0) {
		drop_file_sweep(to->fd, NULL);
		return -1;
	}
	if (remove_former_keys(f, to, err) < 0)
		return -1;
	drop_versions_prune(to->fd, version);
	return drop_file_sync_dir(to->fd, job->slug, err);
}

static int
write_live(const struct drop_job *job, const struct drop_files *f, const struct flat *flat, struct error *err)
{
	_cleanup_free_ char *path = drop_directory(job->drops, job->slug);
	struct place to = { .path = path, .variant = job->variant };
	int live = drop_open_part(job->drops, "live", err);
	int rc;

	if (live < 0)
		return -1;
	to.fd = drop_dir_open(live, job->slug, path, 0700, &to.st, err);
	close(live);
	if (to.fd < 0)
		return -1;
	rc = write_set(job, f, &to, flat, err);
	close(to.fd);
	return rc < 0 ? error_wrap(err, "'%s'", path) : 0;
}

static int
write_prepared(const struct drop_job *job, const struct drop_files *f, const char *path, struct error *err)
{
	struct place to = { .path = path };
	int rc;

	to.fd = drop_dir_open_prepared(path, job->drops->root_fd, &to.st, err);
	if (to.fd < 0)
		return error_wrap(err, "drop directory");
	rc = write_set(job, f, &to, NULL, err);
	close(to.fd);
	return rc < 0 ? error_wrap(err, "drop directory '%s'", path) : 0;
}

static int
write_flat(const struct drop_job *job, const struct drop_files *f, struct flat *flat, struct error *err)
{
	int rc;

	flat->dirfd = drop_open_part(job->drops, "pem", err);
	if (flat->dirfd < 0)
		return -1;
	flat->name = xasprintf("%s.pem", job->slug);
	rc = fstat(flat->dirfd, &flat->st) < 0 ? error_set_errno(err, errno, "examine it") : 0;
	if (rc == 0 && !f->key.len)
		rc = drop_remove_file(flat->dirfd, flat->name, err);
	else if (rc == 0)
		rc = drop_file_replace(
			flat->dirfd, flat->name, f->bundle.data, f->bundle.len, drop_mode_for(&flat->st), err);
	if (rc == 0)
		rc = drop_file_sync_dir(flat->dirfd, "pem", err);
	return rc < 0 ? error_wrap(err, "'%s/pem'", job->drops->root) : 0;
}

void
drop_write_run(void *arg)
{
	struct drop_job *job = arg;
	struct drop_files f = { 0 };
	struct flat flat = { .dirfd = -1 };
	int rc = drop_make_files(job, &f, &job->error);

	/* The flat bundle before the manifest, which says that the drop is complete. */
	if (rc == 0 && !job->is_partial)
		rc = write_flat(job, &f, &flat, &job->error);
	if (rc == 0 && !job->is_partial)
		rc = write_live(job, &f, f.key.len ? &flat : NULL, &job->error);
	for (size_t i = 0; rc == 0 && i < job->directories.count; i++) {
		rc = write_prepared(job, &f, job->directories.items[i], &job->error);
		if (rc < 0)
			job->failed_in = job->directories.items[i];
	}
	if (rc == 0 && job->n_sets)
		drop_outputs_write(job, &f, &job->failed_in, &job->error);
	/* What cannot be removed stays listed, and must not hold up the new files. */
	if (rc == 0 && job->is_pruning)
		drop_outputs_prune(job);
	flat_clear(&flat);
	drop_files_clear(&f);
}
