/*
 * daemon/rollout/drop_ledger.h: what certd has written into the directories of a certificate's consumers: one file for
 * each certificate, STATE/outputs/<slug>.json. It is written before the files that it lists, so that after a crash
 * certd knows all that may be there.
 */
#ifndef DAEMON_ROLLOUT_DROP_LEDGER_H
#define DAEMON_ROLLOUT_DROP_LEDGER_H

#include "common/crypto/digest.h"
#include "common/strlist.h"
#include "daemon/store/store.h"

#include <stdbool.h>
#include <sys/types.h>

struct ledger_file {
	char *path;                    /* absolute; owned, like the others */
	char *target;                  /* of a symbolic link; or NULL */
	char sha256[DIGEST_TEXT_SIZE]; /* of a file's octets */
	mode_t mode;
	gid_t gid;       /* (gid_t)-1: any */
	size_t base;     /* the length of the consumer's directory in @path */
	bool is_foreign; /* was there already, with the same content: certd did not write it */
	bool is_former;  /* a server may still load it; the next deployment removes it */
};

struct ledger {
	char subject[STORE_ID_SIZE]; /* the owner; "": nothing was written */
	char certificate[STORE_ID_SIZE];
	int64_t generation;
	int64_t not_after_at;
	struct ledger_file *files;
	size_t count;
	struct strlist directories; /* that certd has created, each before those below it */
};

#define _cleanup_ledger_ _cleanup_(ledger_clear)

void
ledger_clear(struct ledger *ledger);

/* Owned by the ledger, until the next one is added. @path: copied. */
struct ledger_file *
ledger_add(struct ledger *ledger, const char *path);

/* Adds a copy of @file of another ledger. */
struct ledger_file *
ledger_copy(struct ledger *ledger, const struct ledger_file *file);

/* NULL: none. */
struct ledger_file *
ledger_find(const struct ledger *ledger, const char *path);

/* @dirfd: of STATE/outputs. A missing one is empty; so is an unreadable one (ERROR_CORRUPT). Return: 0 or -1. */
int
ledger_read(int dirfd, const char *slug, struct ledger *ret, struct error *err);

/* The slug whose ledger lists @path, other than @slug; owned by the caller; NULL: none. Reads all ledgers. */
char *
ledger_owner_of(int dirfd, const char *path, const char *slug);

/* Durable when it returns. Return: 0 or -1. */
int
ledger_write(int dirfd, const char *slug, const struct ledger *ledger, struct error *err);

/* Return: 0 or -1. */
int
ledger_remove(int dirfd, const char *slug, struct error *err);

#endif
