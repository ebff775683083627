/*
 * daemon/rollout/drop.h: the deployed files of certificates. Every file of a drop is replaced by rename inside a stable
 * directory; bundle.pem (key + full chain) is the atomic unit; manifest.json is last.
 *
 *   ROOT/live/<slug>/ privkey.pem cert.pem chain.pem fullchain.pem bundle.pem nginx.conf manifest.json
 *   and there         bundle-<pair>.pem: a bundle whose name is unique to its pair; nginx.conf refers to it
 *   ROOT/pem/<slug>.pem      the same bundle, flat, for haproxy's `crt DIR`
 *   ROOT/generation          a number; replaced last of all, at most once per second
 */
#ifndef DAEMON_ROLLOUT_DROP_H
#define DAEMON_ROLLOUT_DROP_H

#include "daemon/rollout/output.h"
#include "daemon/store/object.h"

struct drops;
struct loop;
struct workers;

/*
 * drops_open() - open ROOT, ROOT/live and ROOT/pem, or create them if permitted; modes 0711
 * @state: the directory for the ledgers of declared files (drop_ledger.h), which outlive a ROOT on tmpfs
 * Temporary names of earlier crashes are removed. ERROR_DENIED when ROOT is writable by others or not certd's.
 */
struct drops *
drops_open(struct loop *loop, struct workers *workers, const char *root, const char *state, struct error *err);

/* No more jobs are given to the workers, which will be freed. NULL is a no-op. */
void
drops_stop(struct drops *drops);

/* Call after workers_free(). Jobs that have not started end without running. NULL is a no-op. */
void
drops_close(struct drops *drops);

/* Once, from the loop. @where: which of the further directories could not be written; NULL: none of them. Borrowed. */
typedef void
drop_done_fn(const struct error *err, const char *where, void *arg);

/* The files that one consumer declares. */
struct drop_output_set {
	char *directory; /* prepared by root; owned, like all below */
	struct output_list list;
	struct secret password; /* of those that are encrypted */
};

void
drop_output_set_clear(struct drop_output_set *set);

struct drop_request {
	const char *subject_id;
	const char *slug;    /* all borrowed for the call */
	const char *variant; /* slug whose nginx.conf that of live/<slug> includes, once it exists; or NULL */
	const struct certificate *cert;
	int64_t generation;                /* written into the manifest; never decreases */
	const struct strlist *directories; /* further directories prepared by root, by absolute path; or NULL */
	bool is_partial;                   /* only those, not live/<slug> and pem/<slug>.pem */
	struct drop_output_set *sets;      /* declared files of one directory; the array is borrowed, sets are moved */
	size_t n_sets;
	const struct strlist *declared; /* the directories with declared files: elsewhere they are removed; or NULL */
};

/*
 * drop_write() - write a drop on a worker: one fsync per file, one per directory
 * The pair of key and certificate is checked before any file becomes visible. Files are 0600 in a directory that certd
 * created (0700), 0640 in one that root prepared with a group (setgid). A drop of a later generation is never replaced
 * by an earlier one.
 */
void
drop_write(struct drops *drops, const struct drop_request *request, drop_done_fn *done, void *arg);

/*
 * @changed: one line for each file that differs; @gone: one for each place that has none of its files. Borrowed.
 * @err: it could not be compared; or NULL.
 */
typedef void
drop_checked_fn(const struct strlist *changed, const struct strlist *gone, const struct error *err, void *arg);

/*
 * drop_check() - compare a drop on a worker; nothing is changed
 * @request: what was written: live/<slug>, request->directories, and the ledger's files in request->declared
 */
void
drop_check(struct drops *drops, const struct drop_request *request, drop_checked_fn *done, void *arg);

struct drop_removal {
	const char *slug;       /* all borrowed for the call */
	const char *subject_id; /* the owner of the files: those that another subject has written since are kept */
	const char *former_id;  /* their former owner, if it may have written them; or NULL */
	bool is_whole;          /* also live/<slug> and pem/<slug>.pem */
	bool is_free;           /* no other subject has that slug: remove the files, whichever subject wrote them */
	const struct strlist *directories; /* further ones, by absolute path; or NULL */
};

/*
 * drop_remove() - remove files of a drop on a worker, durably
 * Directories prepared by root are kept, and so are files that do not belong to certd's user. May be repeated: a
 * missing file is not a failure.
 */
void
drop_remove(struct drops *drops, const struct drop_removal *removal, drop_done_fn *done, void *arg);

/*
 * drop_current() - read manifest.json
 * Return: 1 and the certificate's id, 0 there is no complete drop, -1 failed. A manifest that is newer than
 * ROOT/generation (a crash between the two) leads to a new generation.
 */
int
drop_current(struct drops *drops, const char *slug, char ret_id[STORE_ID_SIZE], struct error *err);

/* Files have changed, or a server has not loaded them: ROOT/generation is replaced within about a second. */
void
drop_generation_touch(struct drops *drops);

/* ROOT/live/<slug>; owned by the caller. */
char *
drop_directory(const struct drops *drops, const char *slug);

#endif
