/*
 * daemon/rollout/drop.h: the files a certificate is read from (design: drops). Every file of a drop is replaced by
 * rename inside a stable directory; bundle.pem (key + full chain) is the atomic unit; manifest.json is last.
 *
 *   ROOT/live/<slug>/ privkey.pem cert.pem chain.pem fullchain.pem bundle.pem nginx.conf manifest.json
 *   and there         bundle-<pair>.pem: a bundle under a name that no other pair gets; nginx.conf names it
 *   ROOT/pem/<slug>.pem      the same bundle, flat, for haproxy's `crt DIR`
 *   ROOT/generation          a number; replaced last of all, coalesced over one second
 */
#ifndef DAEMON_ROLLOUT_DROP_H
#define DAEMON_ROLLOUT_DROP_H

#include "daemon/store/object.h"

struct drops;
struct loop;
struct workers;

/*
 * drops_open() - open (make, when it may) ROOT, ROOT/live and ROOT/pem; modes 0711; stale temporary names of earlier
 * crashes are removed. ERROR_DENIED when ROOT is writable by others or not ours.
 */
struct drops *
drops_open(struct loop *loop, struct workers *workers, const char *root, struct error *err);

/* No more jobs are given to the workers, which are about to go. NULL is a no-op. */
void
drops_stop(struct drops *drops);

/* After workers_free(). Jobs that have not begun end without having run. NULL is a no-op. */
void
drops_close(struct drops *drops);

/* Once, from the loop. @where: which of the further directories could not be written; NULL: none of them. Borrowed. */
typedef void
drop_done_fn(const struct error *err, const char *where, void *arg);

struct drop_request {
	const char *slug; /* all borrowed for the call */
	const struct certificate *cert;
	int64_t generation;                /* written into the manifest; never goes back */
	const struct strlist *directories; /* further ones that root prepared, by absolute path; or NULL */
};

/*
 * drop_write() - write a drop on a worker: one fsync per file, one per directory; the pair of key and certificate is
 * checked before anything becomes visible. Files are 0600 in a directory that certd made (0700), 0640 in one that root
 * prepared with a group (setgid). A drop of a later generation is never replaced by an earlier one.
 */
void
drop_write(struct drops *drops, const struct drop_request *request, drop_done_fn *done, void *arg);

struct drop_removal {
	const char *slug;       /* all borrowed for the call */
	const char *subject_id; /* whose files they are: what another one has written since stays */
	bool is_whole;          /* live/<slug> and pem/<slug>.pem, too */
	bool is_free;           /* nobody else is declared to have that slug: what lies there, whoever wrote it */
	const struct strlist *directories; /* further ones, by absolute path; or NULL */
};

/*
 * drop_remove() - remove files of a drop on a worker, durably. Directories that root prepared stay, and so does what is
 * not certd's user's. May be repeated: what is gone is no failure.
 */
void
drop_remove(struct drops *drops, const struct drop_removal *removal, drop_done_fn *done, void *arg);

/*
 * drop_current() - what manifest.json on disk says
 * Return: 1 and the certificate's id, 0 there is no whole drop, -1 failed. A manifest that is newer than ROOT/generation
 * (a crash between the two) makes a new generation.
 */
int
drop_current(struct drops *drops, const char *slug, char ret_id[STORE_ID_SIZE], struct error *err);

/* ROOT/live/<slug>; owned by the caller. */
char *
drop_directory(const struct drops *drops, const char *slug);

#endif
