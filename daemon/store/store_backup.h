/*
 * daemon/store/store_backup.h: a copy of the store in one file, sealed with a passphrase (common/crypto/
 * sealed_stream.h). What is sealed:
 *
 *   time (8, UNIX seconds, big endian) | 1 with, 0 without the master key | master key (32; zeros without) | data.mdb
 *
 * data.mdb is a compact copy: only what is in use, as it was at one moment.
 */
#ifndef DAEMON_STORE_STORE_BACKUP_H
#define DAEMON_STORE_STORE_BACKUP_H

#include "daemon/store/store.h"

struct store_backup;

struct store_backup_info {
	int64_t created_at;
	bool has_master_key;
	uint64_t octets; /* of data.mdb */
	uint64_t records[STORE_DB_COUNT];
	uint64_t damaged; /* of these records */
};

/* Prepares a copy, on the loop. @created_at: now. ERROR_STATE: the master key is being changed. */
struct store_backup *
store_backup_new(struct store *store, int64_t created_at, struct error *err);

/*
 * store_backup_run() - write the copy to @fd, on a worker, while the store is in use
 * @fd: borrowed; an empty file, open for reading and writing
 * @has_master_key: false: it can only be restored where the same master key is configured
 * The copy is first made in the store's directory, and checked record by record; what was written to @fd is read back,
 * opened with the passphrase and compared with it. ERROR_NO_SPACE: there is no room for that copy.
 */
int
store_backup_run(struct store_backup *backup, int fd, const struct secret *passphrase, bool has_master_key,
	struct store_backup_info *ret, struct error *err);

/* NULL is a no-op. */
void
store_backup_free(struct store_backup *backup);

/*
 * store_restore() - make the store in @dir from a backup; no certd may use it
 * @fd: the file; @passphrase: what it was sealed with
 * @master_key: of this host: what the restored store is opened with
 * @may_replace: a store with objects is replaced; its data file is kept as ret_kept
 * @ret_kept: path of the former data file, owned by the caller; NULL: there was none
 * The backup is checked before anything is replaced, by one rename(): a kill leaves the former store or the restored
 * one. ERROR_IN_USE: a certd runs; ERROR_EXISTS: there is a store with objects; ERROR_CONFIG: the backup is without its
 * master key, and @master_key is another one.
 */
int
store_restore(const char *dir, int fd, const struct secret *passphrase, const struct secret *master_key,
	bool may_replace, struct store_backup_info *ret, char **ret_kept, struct error *err);

#endif
