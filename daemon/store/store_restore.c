/*
 * A restored store is made and opened in a directory below the one that it is for, which checks all of it, and brought
 * under the master key of this host there. Then its data file replaces the former one by one rename().
 */
#include "common/crypto/secret.h"
#include "common/error.h"
#include "daemon/store/backup_file.h"
#include "daemon/store/store_backup.h"
#include "daemon/store/store_private.h"
#include "daemon/store/store_rekey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA_NAME "data.mdb"
#define KEPT_NAME "data.mdb.replaced"

enum { SLICE = 1000, KEPT_MOST = 1000 };

struct restore {
	struct store_dir dir; /* of the store */
	char *work;           /* the directory below it; owned */
	int fd;               /* work/data.mdb while it is written; -1 */
	struct backup_head head;
	const struct secret *master_key; /* of this host */
	struct store_backup_info *info;
};

/* --- the store that is there --- */

static bool
restore_has_objects(const struct store_backup_info *info)
{
	static const enum store_db objects[] = { STORE_PROVIDER, STORE_AUTOCERT, STORE_CERTIFICATE, STORE_DNSPROVIDER,
		STORE_CONSUMER, STORE_TOKEN, STORE_AUTHZ, STORE_ALERT };

	for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
		if (info->records[objects[i]])
			return true;
	return false;
}

/* Does the present data file have objects? One that cannot be read may have. */
static bool
restore_would_lose(const struct restore *r)
{
	struct store_backup_info info = { .octets = 0 };
	_cleanup_error_ struct error unused = ERROR_INIT;
	int fd = openat(r->dir.fd, DATA_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	void *map;
	bool would_lose = true;

	if (fd < 0)
		return errno != ENOENT;
	if (fstat(fd, &st) == 0 && st.st_size == 0) {
		would_lose = false;
	} else if ((map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0)) != MAP_FAILED) {
		would_lose = store_backup_look(r->dir.path, NULL, map, (size_t)st.st_size, &info, &unused) < 0 ||
			     restore_has_objects(&info);
		munmap(map, (size_t)st.st_size);
	}
	close(fd);
	return would_lose;
}

/* --- the restored one --- */

/* backup_data_fn */
static int
restore_write(const unsigned char *data, size_t len, void *arg, struct error *err)
{
	struct restore *r = arg;

	return write_all(r->fd, data, len) < 0 ? error_set_errno(err, errno, "write '%s/" DATA_NAME "'", r->work) : 0;
}

static int
restore_unpack(struct restore *r, int fd, const struct secret *passphrase, struct error *err)
{
	_cleanup_free_ char *path = xasprintf("%s/" DATA_NAME, r->work);
	int rc;

	store_dir_remove_work(&r->dir);
	if (mkdir(r->work, 0700) < 0)
		return error_set_errno(err, errno, "create '%s'", r->work);
	r->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (r->fd < 0)
		return error_set_errno(err, errno, "create '%s'", path);
	rc = backup_file_read(fd, passphrase, &r->head, restore_write, r, err);
	if (close(r->fd) < 0 && rc == 0)
		rc = error_set_errno(err, errno, "write '%s'", path);
	r->fd = -1;
	return rc;
}

/* A change of the master key, from its beginning or from where the backup found it. */
static int
restore_rekey(struct store *store, struct error *err)
{
	struct store_rekey_walk walk = { .db = 0 };
	int rc = 1;

	store_rekey_installed(store);
	while (rc == 1) {
		struct store_txn *txn = store_begin(store);

		rc = store_rekey_slice(store, txn, &walk, SLICE, err);
		if (store_commit_now(store, txn, rc < 0 ? NULL : err) < 0)
			rc = -1;
	}
	buf_clear(&walk.after);
	return rc < 0 ? -1 : store_rekey_finish(store, err);
}

static int
restore_take_over(struct restore *r, struct store *store, struct error *err)
{
	struct store_stats stats;

	if (store_rekey_state(store) != STORE_REKEY_NONE && restore_rekey(store, err) < 0)
		return -1;
	if (!secret_equal(store_master_key(store), r->master_key) &&
		(store_rekey_begin(store, r->master_key, err) < 0 || restore_rekey(store, err) < 0))
		return -1;
	store_get_stats(store, &stats);
	r->info->damaged = stats.damaged_records;
	r->info->octets = stats.used_bytes;
	for (int db = 0; db < STORE_DB_COUNT; db++)
		r->info->records[db] = store_count(store, (enum store_db)db);
	return 0;
}

static int
restore_open(struct restore *r, struct error *err)
{
	bool has_key = r->head.master_key.len;
	struct store *store = store_open(r->work, has_key ? &r->head.master_key : r->master_key, err);
	int rc;

	if (!store && !has_key && err->code == ERROR_CONFIG)
		return error_set(err, ERROR_CONFIG,
			"the backup is without its master key, and the one that is configured here is another one");
	if (!store)
		return -1;
	r->info->has_master_key = has_key;
	r->info->created_at = r->head.created_at;
	rc = restore_take_over(r, store, err);
	store_close(store);
	return rc;
}

/* --- replacing --- */

/* The former file gets a second name, which no later restore takes. */
static int
restore_keep(struct restore *r, char **ret, struct error *err)
{
	for (int i = 1; i <= KEPT_MOST; i++) {
		_cleanup_free_ char *name = xasprintf(KEPT_NAME ".%d", i);

		if (linkat(r->dir.fd, DATA_NAME, r->dir.fd, name, 0) == 0) {
			*ret = xasprintf("%s/%s", r->dir.path, name);
			return 0;
		}
		if (errno == ENOENT)
			return 0;
		if (errno != EEXIST)
			return error_set_errno(err, errno, "keep '%s/" DATA_NAME "'", r->dir.path);
	}
	return error_set(err, ERROR_LIMIT, "too many files " KEPT_NAME ".* in '%s': remove some", r->dir.path);
}

static int
restore_replace(struct restore *r, char **ret_kept, struct error *err)
{
	_cleanup_free_ char *path = xasprintf("%s/" DATA_NAME, r->work);

	if (restore_keep(r, ret_kept, err) < 0)
		return -1;
	if (fsync(r->dir.fd) < 0 || renameat(AT_FDCWD, path, r->dir.fd, DATA_NAME) < 0)
		return error_set_errno(err, errno, "replace '%s/" DATA_NAME "'", r->dir.path);
	return store_dir_mark_made(&r->dir, err) < 0 || fsync(r->dir.fd) < 0
		       ? error_set_errno(err, errno, "store '%s': sync", r->dir.path)
		       : 0;
}

static int
restore_all(struct restore *r, int fd, const struct secret *passphrase, bool may_replace, char **ret_kept,
	struct error *err)
{
	if (!may_replace && restore_would_lose(r))
		return error_set(err, ERROR_EXISTS,
			"there is a store with objects in '%s': --force replaces it, and keeps its data file",
			r->dir.path);
	if (restore_unpack(r, fd, passphrase, err) < 0 || restore_open(r, err) < 0)
		return -1;
	return restore_replace(r, ret_kept, err);
}

int
store_restore(const char *dir, int fd, const struct secret *passphrase, const struct secret *master_key,
	bool may_replace, struct store_backup_info *ret, char **ret_kept, struct error *err)
{
	struct restore r = { .fd = -1, .master_key = master_key, .info = ret };
	int rc = store_dir_open(&r.dir, dir, err);

	*ret = (struct store_backup_info){ .octets = 0 };
	*ret_kept = NULL;
	if (rc == 0) {
		r.work = xasprintf("%s/" STORE_DIR_WORK, dir);
		rc = restore_all(&r, fd, passphrase, may_replace, ret_kept, err);
		store_dir_remove_work(&r.dir);
	}
	free(r.work);
	secret_clear(&r.head.master_key);
	store_dir_close(&r.dir);
	return rc;
}
