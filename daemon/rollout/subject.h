/*
 * daemon/rollout/subject.h: what is rolled out: an auto-certificate with its newest certificate, or an imported
 * certificate.
 * Rollout records and the DEPLOY and PROBE rows are stored under its id.
 */
#ifndef DAEMON_ROLLOUT_SUBJECT_H
#define DAEMON_ROLLOUT_SUBJECT_H

#include "daemon/store/object.h"

struct subject {
	const char *type; /* "autocertificate" or "certificate"; static */
	char id[STORE_ID_SIZE];
	char *name;               /* owned */
	char *slug;               /* owned */
	char *variant;            /* owned; slug of the auto-certificate with its other key; or NULL */
	char *certificate;        /* owned; id of the certificate to be served; NULL: none yet */
	struct strlist consumers; /* ids */
};

#define _cleanup_subject_ _cleanup_(subject_clear)

void
subject_clear(struct subject *s);

/* Return: 1 found, 0 there is none with that id (or it has no files), -1 failed. Unseals nothing. */
int
subject_load(struct store *store, const char *id, struct subject *ret, struct error *err);

/* The key in STORE_INDEX, "s" slug, of the id of the drop's owner; replaces @key. */
void
subject_slug_key(struct buf *key, const char *slug);

/* Ids of the subjects that have the consumer, at most @max of either kind; appended to @ret. Return: 0 or -1. */
int
subjects_of_consumer(struct store *store, const char *consumer_id, size_t max, struct strlist *ret, struct error *err);

#endif
