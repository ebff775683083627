/* daemon/rollout/drop_private.h: shared by the parts of drop.c: the directories, a job, and the content of a drop. */
#ifndef DAEMON_ROLLOUT_DROP_PRIVATE_H
#define DAEMON_ROLLOUT_DROP_PRIVATE_H

#include "common/crypto/secret.h"
#include "common/error.h"
#include "common/strlist.h"
#include "daemon/base/loop.h"
#include "daemon/rollout/drop.h"

#include <stdbool.h>
#include <sys/stat.h>

/* Of a drop, in order of appearance; the manifest is last. */
enum { DROP_NAMES = 7 };

extern const char *const drop_names[DROP_NAMES];

/* Does the file have the key? */
bool
drop_name_has_key(size_t index);

struct drops {
	struct loop *loop;
	struct workers *workers;
	char *root;
	int root_fd;
	char *state;             /* path of the directory with outputs/ (drop_ledger.h) */
	struct loop_timer timer; /* until the generation is replaced */
	bool is_writing;         /* a worker writes the generation */
	bool is_dirty;           /* changed again meanwhile */
	int64_t generation;
	int64_t generation_mtime;
	struct drop_job *jobs; /* in order of request; for one drop only the first is running */
	bool is_stopping;
};

struct drop_job {
	struct drops *drops;
	char *slug;
	char *variant; /* path of live/<slug> with the other key; or NULL */
	struct strlist directories;
	struct secret key_der;
	struct buf leaf;
	struct buf chain;
	struct buf pair;
	struct buf manifest;
	int64_t generation;
	char autocert[STORE_ID_SIZE];
	int64_t not_after_at;
	char certificate[STORE_ID_SIZE];
	char *common_name;
	char *algorithm;
	int64_t issued_at;
	struct drop_output_set *sets; /* declared files, all of one directory */
	size_t n_sets;
	bool is_pruning; /* declared files that are not in @declared are removed */
	struct strlist declared;
	void (*run)(void *job);
	char subject_id[STORE_ID_SIZE]; /* removal */
	char former_id[STORE_ID_SIZE];  /* removal; "": none */
	bool is_partial;                /* only @directories */
	bool is_whole;                  /* removal: also live/<slug> and the flat bundle */
	bool is_free;                   /* removal: no other subject has them */
	drop_checked_fn *checked;       /* check: instead of @done */
	struct strlist changed, gone;   /* check */
	bool is_given;                  /* to a worker */
	bool has_run;
	struct error error;
	const char *failed_in; /* of @directories */
	drop_done_fn *done;
	void *arg;
	struct drop_job *prev, *next;
};

/* Everything that is dropped, in order of appearance. */
struct drop_files {
	struct secret key;    /* empty: it is held elsewhere, and no file has it */
	struct secret bundle; /* key, leaf, chain */
	struct buf fullchain;
};

/* The octets of a declared file. */
struct drop_content {
	const void *data;
	size_t len;
	struct secret own; /* if they are not part of drop_files */
};

/* The content of a manifest. */
struct drop_manifest {
	char certificate[STORE_ID_SIZE];
	char autocert[STORE_ID_SIZE];
	int64_t generation;
	int64_t not_after_at;
	bool has_key; /* there are files with the key */
};

/* --- drop.c, on the loop but for the first --- */

/*
 * Opens "live" or "pem" for a job; recreates it when it was removed. Return: a descriptor owned by the caller, or -1.
 */
int
drop_open_part(const struct drops *drops, const char *name, struct error *err);

/*
 * Opens the directory of the ledgers; @may_create: or creates it. Return: a descriptor owned by the caller; -1: failed,
 * or it is missing and @err is not set.
 */
int
drop_open_ledgers(const struct drops *drops, bool may_create, struct error *err);

/* --- drop_queue.c --- */

/* At the end, without workers. */
void
drop_jobs_end(struct drops *drops);

/* --- drop_format.c --- */

struct json_object *
drop_manifest_json(const struct certificate *cert, int64_t generation);

/* Return: false when there is no readable manifest. */
bool
drop_read_manifest(int dirfd, struct drop_manifest *ret);

/* Only the pair that was verified at issue becomes visible, never a mixture. */
int
drop_make_files(const struct drop_job *job, struct drop_files *ret, struct error *err);

void
drop_files_clear(struct drop_files *files);

/* --- drop_content.c --- */

/* @ret: empty; borrows from @job and @files. Return: 0 or -1. */
int
drop_content_make(const struct drop_job *job, const struct drop_files *files, enum output_format format,
	const struct secret *password, struct drop_content *ret, struct error *err);

void
drop_content_clear(struct drop_content *content);

/* --- drop_versions.c --- */

/* The name of the bundle of that pair; owned by the caller. */
char *
drop_version_name(const struct drop_job *job);

/*
 * The contents of nginx.conf for the bundle @version in @directory (its path); owned by the caller. @place: of the key
 * (key_place()), or NULL: the bundle has it. @variant: directory whose nginx.conf is included if it exists; or NULL.
 */
char *
drop_nginx_conf(const char *directory, const char *version, const char *place, const char *variant);

/* Removes bundles that no server can be loading any more. */
void
drop_versions_prune(int dirfd, const char *current);

/* Removes all bundles that are certd's. Return: 0 or -1. */
int
drop_versions_remove(int dirfd, struct error *err);

/* The mode of files in a directory: its group may read, if root prepared it for one (setgid). */
static inline mode_t
drop_mode_for(const struct stat *dir)
{
	return dir->st_mode & S_ISGID ? 0640 : 0600;
}

/*
 * The contents of the files drop_names; they borrow from the others. @nginx: that of nginx.conf. Data is NULL where
 * there is no such file.
 */
void
drop_set_contents(const struct drop_job *job, const struct drop_files *files, const char *nginx,
	struct drop_content ret[DROP_NAMES]);

/* --- drop_remove.c --- */

/* Another user's file under one of our names is kept, and a missing one is not a failure. */
int
drop_remove_file(int dirfd, const char *name, struct error *err);

/* --- drop_write.c, drop_remove.c and drop_check.c, on a worker: @job is a struct drop_job, whose error they set --- */

void
drop_write_run(void *job);

void
drop_remove_run(void *job);

void
drop_check_run(void *job);

#endif
