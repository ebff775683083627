/*
 * daemon/rollout/drop.h: the files a certificate is read from (design: drops). Every file of a drop is replaced by
 * rename inside a stable directory; bundle.pem (key + full chain) is the atomic unit; manifest.json is last.
 *
 *   ROOT/live/<slug>/ privkey.pem cert.pem chain.pem fullchain.pem bundle.pem manifest.json
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

void
drops_close(struct drops *drops);

/* Once, from the loop. */
typedef void
drop_done_fn(const struct error *err, void *arg);

/*
 * drop_write() - write the drop of @cert under @slug, on a worker: one fsync per file, one per directory; parse back
 * and check the pair before it becomes visible. Files are 0600 in a directory that certd made (0700), 0640 in one
 * that root prepared with a group (2750). Replaces only by a certificate that is not older.
 * @generation: written into the manifest
 */
void
drop_write(struct drops *drops, const char *slug, const struct certificate *cert, int64_t generation,
	drop_done_fn *done, void *arg);

/* Removes the drop's files (auto-certificate deleted). On a worker. */
void
drop_remove(struct drops *drops, const char *slug, drop_done_fn *done, void *arg);

/* What manifest.json on disk says. Return: 1 and the certificate id, 0 no (whole) drop, -1 failed. */
int
drop_current(struct drops *drops, const char *slug, char ret_id[STORE_ID_SIZE], struct error *err);

/* The `install -d` line that makes a group-readable drop directory; owned by the caller. */
char *
drop_prepare_hint(const struct drops *drops, const char *slug);

#endif
