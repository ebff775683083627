/*
 * Drops. Everything slow is a job on a worker that gets copies and descriptors and gives back an error or none; the
 * loop keeps the directories open and counts the generation. A job is one certificate's files in one or more
 * directories; the manifest is written last and says that the rest is whole.
 */
#include "daemon/rollout/drop.h"

#include "common/json.h"
#include "common/key.h"
#include "common/timefmt.h"
#include "daemon/base/loop.h"
#include "daemon/base/workers.h"
#include "daemon/rollout/drop_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

enum { GENERATION_MS = 1000, MANIFEST_MAX = 64 * 1024, GENERATION_MAX = 32 };

static const char *const drop_names[] = { "privkey.pem", "cert.pem", "chain.pem", "fullchain.pem",
	"bundle.pem", "manifest.json" };

struct drops {
	struct loop *loop;
	struct workers *workers;
	char *root;
	int root_fd;
	int live_fd;
	int pem_fd;
	struct loop_timer timer; /* until the generation is replaced */
	bool writing;            /* the generation, on a worker */
	bool dirty;              /* changed again meanwhile */
	int64_t generation;
	int64_t generation_mtime;
	struct drop_job *jobs; /* in order of asking; of one drop only the first is with a worker */
	bool stopping;
};

/* --- directories --- */

/* Ours, and nobody else may put names into it. */
static int
check_dir(int fd, const char *path, struct stat *st, struct error *err)
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

static int
open_dir_at(int dirfd, const char *name, mode_t mode, struct stat *st, struct error *err)
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
	if (check_dir(fd, name, st, err) < 0) {
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
	d->root_fd = open_dir_at(AT_FDCWD, root, 0711, &st, err);
	if (d->root_fd >= 0)
		d->live_fd = open_dir_at(d->root_fd, "live", 0711, &st, err);
	if (d->live_fd >= 0)
		d->pem_fd = open_dir_at(d->root_fd, "pem", 0711, &st, err);
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

static void
generation_touch(struct drops *d)
{
	if (d->writing)
		d->dirty = true;
	else if (!loop_timer_is_armed(&d->timer))
		loop_timer_set(&d->timer, GENERATION_MS);
}

static void
drop_jobs_end(struct drops *d);

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

/* --- writing --- */

struct drop_job {
	struct drops *drops;
	char *slug;
	struct strlist directories;
	struct secret key_der;
	struct buf leaf;
	struct buf chain;
	struct buf pair;
	struct buf manifest;
	int64_t generation;
	char autocert[STORE_ID_SIZE];
	int64_t not_after_at;
	void (*run)(void *job);
	bool is_removal;
	bool is_given; /* to a worker */
	bool has_run;
	struct error error;
	drop_done_fn *done;
	void *arg;
	struct drop_job *prev, *next;
};

static struct json_object *
manifest_json(const struct certificate *cert, int64_t generation)
{
	struct json_object *m = json_object_new_object();

	json_add_string(m, "certificate", cert->o.id);
	json_add_string(m, "autoCertificate", cert->autocert);
	json_add_string(m, "name", cert->o.name);
	json_add_int(m, "generation", generation);
	json_add_string(m, "serialNumber", cert->serial);
	json_add_string(m, "sha256Fingerprint", cert->sha256);
	json_add_string(m, "commonName", cert->common_name);
	json_add_strlist(m, "names", &cert->names);
	json_add_time(m, "notBefore", cert->not_before_at);
	json_add_time(m, "notAfter", cert->not_after_at);
	return m;
}

/* Everything that is dropped, in order of appearance. */
struct drop_files {
	struct secret key;
	struct secret bundle; /* key, leaf, chain */
	struct buf fullchain;
};

static void
drop_files_clear(struct drop_files *f)
{
	secret_clear(&f->key);
	secret_clear(&f->bundle);
	buf_clear(&f->fullchain);
}

/* What was verified when it was issued, and nothing else, becomes visible: never a broken pair. */
static int
check_pair(const struct drop_job *job, struct error *err)
{
	unsigned char pair[32];

	key_pair_digest(&job->key_der, job->leaf.data, job->leaf.len, pair);
	if (job->pair.len != sizeof(pair) || memcmp(job->pair.data, pair, sizeof(pair)) != 0)
		return error_set(err, ERROR_CORRUPT,
			"the stored key and certificate are not the pair that was verified");
	return 0;
}

static int
make_files(const struct drop_job *job, struct drop_files *f, struct error *err)
{
	if (check_pair(job, err) < 0 || key_der_to_pem(&job->key_der, &f->key, err) < 0)
		return -1;
	buf_add(&f->fullchain, job->leaf.data, job->leaf.len);
	buf_add(&f->fullchain, job->chain.data, job->chain.len);
	secret_alloc(&f->bundle, f->key.len + f->fullchain.len);
	memcpy(f->bundle.data, f->key.data, f->key.len);
	memcpy(f->bundle.data + f->key.len, f->fullchain.data, f->fullchain.len);
	return 0;
}

/* In a directory with a group of its own (setgid, made by root) the group reads; else only we do. */
static mode_t
mode_for(const struct stat *dir)
{
	return dir->st_mode & S_ISGID ? 0640 : 0600;
}

/* What a manifest says. */
struct manifest {
	char certificate[STORE_ID_SIZE];
	char autocert[STORE_ID_SIZE];
	int64_t generation;
	int64_t not_after_at;
};

/* Return: false when there is no manifest that can be read. */
static bool
read_manifest(int dirfd, struct manifest *ret)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_json_ struct json_object *json = NULL;
	const char *id = NULL, *autocert = NULL, *not_after = NULL;

	*ret = (struct manifest){ .generation = 0 };
	if (buf_read_file(&text, dirfd, "manifest.json", MANIFEST_MAX, NULL) < 0)
		return false;
	json = json_parse(text.data, text.len, NULL);
	if (!json || json_get_int(json, "generation", 1, INT64_MAX, &ret->generation, NULL) != 1 ||
		json_get_string(json, "certificate", &id, NULL) != 1 || strlen(id) >= STORE_ID_SIZE)
		return false;
	memcpy(ret->certificate, id, strlen(id) + 1);
	if (json_get_string(json, "autoCertificate", &autocert, NULL) == 1 &&
		strlen(autocert) < STORE_ID_SIZE)
		memcpy(ret->autocert, autocert, strlen(autocert) + 1);
	if (json_get_string(json, "notAfter", &not_after, NULL) == 1)
		time_parse_rfc3339(not_after, &ret->not_after_at);
	return true;
}

/*
 * A drop never goes back to an earlier certificate. But generations are counted by the store: what lies there from a
 * declaration that is gone, or from before a backup was restored, must not keep a certificate away that lasts longer.
 */
static bool
is_later(const struct manifest *there, const struct drop_job *job)
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
	struct manifest there;

	if (read_manifest(dirfd, &there) && is_later(&there, job))
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
	int fd = open_dir_at(job->drops->live_fd, job->slug, 0700, &st, err);
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
	rc = check_dir(fd, path, &st, err);
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

static void
drop_job_run(void *arg)
{
	struct drop_job *job = arg;
	struct drop_files f = { 0 };
	int rc = make_files(job, &f, &job->error);

	/* The flat bundle before the manifest, which says that all is there. */
	if (rc == 0)
		rc = write_flat(job, &f, &job->error);
	if (rc == 0)
		rc = write_live(job, &f, &job->error);
	for (size_t i = 0; rc == 0 && i < job->directories.count; i++)
		rc = write_prepared(job, &f, job->directories.items[i], &job->error);
	drop_files_clear(&f);
}

static void
drop_job_free(struct drop_job *job)
{
	free(job->slug);
	strlist_clear(&job->directories);
	secret_clear(&job->key_der);
	buf_clear(&job->leaf);
	buf_clear(&job->chain);
	buf_clear(&job->pair);
	buf_clear(&job->manifest);
	error_clear(&job->error);
	free(job);
}

static void
drop_job_done(void *arg);

static void
drop_job_work(void *arg)
{
	struct drop_job *job = arg;

	job->run(job);
	job->has_run = true;
}

static void
drop_job_give(struct drop_job *job)
{
	job->is_given = true;
	workers_run(job->drops->workers, drop_job_work, drop_job_done, job);
}

/* The first job for the same drop; NULL: none. */
static struct drop_job *
first_job_of(struct drops *drops, const char *slug)
{
	struct drop_job *job;

	DL_FOREACH(drops->jobs, job) {
		if (strcmp(job->slug, slug) == 0)
			return job;
	}
	return NULL;
}

/* Jobs of one drop follow one another: what is removed must not be written again by a job that is still at it. */
static void
drop_job_start(struct drop_job *job)
{
	bool is_first = !first_job_of(job->drops, job->slug);

	DL_APPEND(job->drops->jobs, job);
	if (is_first)
		drop_job_give(job);
}

/* Takes the job out, tells its owner and frees it. */
static void
drop_job_end(struct drop_job *job)
{
	struct drops *d = job->drops;

	DL_DELETE(d->jobs, job);
	/* The declaration is gone for good: nobody would remove its key at the next start. */
	if (!job->has_run && job->is_removal)
		drop_job_work(job);
	/* Also after a failure: some of the files may have been replaced. */
	if (job->has_run)
		generation_touch(d);
	job->done(error_is_set(&job->error) ? &job->error : NULL, job->arg);
	drop_job_free(job);
}

static void
drop_job_done(void *arg)
{
	struct drop_job *job = arg;
	struct drops *d = job->drops;
	_cleanup_free_ char *slug = xstrdup(job->slug);
	struct drop_job *next;

	drop_job_end(job);
	next = d->stopping ? NULL : first_job_of(d, slug);
	if (next && !next->is_given)
		drop_job_give(next);
}

void
drops_stop(struct drops *d)
{
	if (d)
		d->stopping = true;
}

static void
drop_jobs_end(struct drops *d)
{
	struct drop_job *job, *tmp;

	DL_FOREACH_SAFE(d->jobs, job, tmp)
	{
		drop_job_end(job);
	}
}

static struct drop_job *
drop_job_new(struct drops *drops, const char *slug, void (*run_fn)(void *job), drop_done_fn *done, void *arg)
{
	struct drop_job *job = xcalloc(1, sizeof(*job));

	job->drops = drops;
	job->slug = xstrdup(slug);
	job->run = run_fn;
	job->done = done;
	job->arg = arg;
	return job;
}

void
drop_write(struct drops *drops, const struct drop_request *request, drop_done_fn *done, void *arg)
{
	struct drop_job *job = drop_job_new(drops, request->slug, drop_job_run, done, arg);
	_cleanup_json_ struct json_object *manifest = manifest_json(request->cert, request->generation);

	if (request->directories)
		strlist_copy(&job->directories, request->directories);
	secret_copy(&job->key_der, &request->cert->key);
	buf_add(&job->leaf, request->cert->leaf_pem.data, request->cert->leaf_pem.len);
	buf_add(&job->chain, request->cert->chain_pem.data, request->cert->chain_pem.len);
	buf_add(&job->pair, request->cert->pair.data, request->cert->pair.len);
	json_write(manifest, &job->manifest);
	buf_add_char(&job->manifest, '\n');
	job->generation = request->generation;
	job->not_after_at = request->cert->not_after_at;
	if (request->cert->autocert)
		memccpy(job->autocert, request->cert->autocert, '\0', sizeof(job->autocert) - 1);
	drop_job_start(job);
}

/* --- removing --- */

/* Return: true when root prepared the directory: it stays for the next drop of that name. */
static bool
is_prepared(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_ISGID);
}

static void
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

void
drop_remove(struct drops *drops, const char *slug, drop_done_fn *done, void *arg)
{
	struct drop_job *job = drop_job_new(drops, slug, drop_remove_run, done, arg);

	job->is_removal = true;
	drop_job_start(job);
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
	struct manifest manifest;
	struct stat st;
	int fd = openat(drops->live_fd, slug, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int found;

	if (fd < 0)
		return errno == ENOENT ? 0
				       : error_set_errno(err, errno, "open '%s/live/%s'", drops->root, slug);
	found = read_manifest(fd, &manifest) && has_all_files(fd) &&
		faccessat(drops->pem_fd, flat, F_OK, 0) == 0;
	if (found)
		memcpy(ret_id, manifest.certificate, STORE_ID_SIZE);
	if (found && fstatat(fd, "manifest.json", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		mtime_ns(&st) > drops->generation_mtime)
		generation_touch(drops);
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
