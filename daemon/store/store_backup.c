/*
 * A worker copies the file through LMDB, which pins the pages of that moment only for as long as the copy takes, into a
 * file without a name. Sealing and verifying then take their time without the store.
 */
#include "daemon/store/store_backup.h"

#include "common/crypto/secret.h"
#include "common/error.h"
#include "daemon/store/backup_file.h"
#include "daemon/store/store_check.h"
#include "daemon/store/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { SPARE_OCTETS = 16 << 20 /* that the copy leaves free on the disk, for the store itself */ };

struct store_backup {
	struct lmdb *lmdb;         /* borrowed; lmdb_copy() may be called on a worker */
	struct store_crypt *crypt; /* owned */
	char *dir;                 /* owned */
	int dir_fd;                /* owned */
	int64_t created_at;
	uint64_t used_bytes;
};

struct store_backup *
store_backup_new(struct store *store, int64_t created_at, struct error *err)
{
	struct store_backup *b = xcalloc(1, sizeof(*b));
	struct lmdb_stats stats;

	lmdb_get_stats(store->lmdb, &stats);
	b->lmdb = store->lmdb;
	b->used_bytes = stats.used_bytes;
	b->created_at = created_at;
	b->dir = xstrdup(store->dir.path);
	b->dir_fd = fcntl(store->dir.fd, F_DUPFD_CLOEXEC, 0);
	if (b->dir_fd < 0)
		error_set_errno(err, errno, "store '%s'", b->dir);
	else
		b->crypt = store_crypt_dup(store->crypt, err);
	if (b->crypt)
		return b;
	store_backup_free(b);
	return NULL;
}

void
store_backup_free(struct store_backup *b)
{
	if (!b)
		return;
	if (b->dir_fd >= 0)
		close(b->dir_fd);
	store_crypt_free(b->crypt);
	free(b->dir);
	free(b);
}

/* --- the copy --- */

/* The disk is not filled for it: certd needs it more. */
static int
store_backup_check_room(const struct store_backup *b, struct error *err)
{
	struct statvfs fs;

	if (fstatvfs(b->dir_fd, &fs) < 0)
		return error_set_errno(err, errno, "store '%s'", b->dir);
	if ((uint64_t)fs.f_bavail * fs.f_frsize >= b->used_bytes + SPARE_OCTETS)
		return 0;
	return error_set(err, ERROR_NO_SPACE, "a backup needs %llu MiB in '%s' while it is made",
		(unsigned long long)((b->used_bytes + SPARE_OCTETS) >> 20) + 1, b->dir);
}

/* Return: a descriptor, or -1. */
static int
store_backup_copy(const struct store_backup *b, struct error *err)
{
	int fd;

	if (store_backup_check_room(b, err) < 0)
		return -1;
	fd = openat(b->dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(err, errno, "store '%s': create a copy", b->dir);
	if (lmdb_copy(b->lmdb, fd, err) == 0)
		return fd;
	close(fd);
	return -1;
}

/* --- checking the copy --- */

struct backup_count {
	struct store_crypt *crypt; /* NULL: tags are not checked */
	struct store_backup_info *info;
};

/* store_visit_fn */
static void
store_backup_count(const char *name, size_t name_len, const void *key, size_t key_len, const void *value,
	size_t value_len, void *arg)
{
	struct backup_count *count = arg;

	for (int db = 0; db < STORE_DB_COUNT; db++) {
		const char *db_name = store_db_name((enum store_db)db);

		if (strlen(db_name) != name_len || memcmp(db_name, name, name_len) != 0)
			continue;
		count->info->records[db]++;
		if (db != STORE_SELF && count->crypt &&
			!store_crypt_verifies(count->crypt, (enum store_db)db, key, key_len, value, value_len))
			count->info->damaged++;
	}
}

int
store_backup_look(const char *dir, struct store_crypt *crypt, const void *map, size_t size,
	struct store_backup_info *ret, struct error *err)
{
	struct backup_count count = { crypt, ret };

	ret->octets = size;
	return store_check_octets(dir, map, size, LMDB_VALUE_MAX, store_backup_count, &count, err);
}

/* --- comparing --- */

struct backup_compare {
	const unsigned char *map;
	size_t size, at;
};

static int
store_backup_compare(const unsigned char *data, size_t len, void *arg, struct error *err)
{
	struct backup_compare *c = arg;

	if (len > c->size - c->at || memcmp(c->map + c->at, data, len) != 0)
		return error_set(err, ERROR_CORRUPT, "what was written is not what was read back");
	c->at += len;
	return 0;
}

static int
store_backup_verify(int fd, const struct secret *passphrase, const struct backup_head *head, const void *map,
	size_t size, struct error *err)
{
	struct backup_compare c = { .map = map, .size = size };
	struct backup_head found = { .created_at = 0 };
	int rc = backup_file_read(fd, passphrase, &found, store_backup_compare, &c, err);

	if (rc == 0 && (c.at != size || found.created_at != head->created_at ||
			       !secret_equal(&found.master_key, &head->master_key)))
		rc = error_set(err, ERROR_CORRUPT, "what was written is not what was read back");
	secret_clear(&found.master_key);
	return rc;
}

/* --- all of it --- */

static int
store_backup_seal(struct store_backup *b, int fd, const struct secret *passphrase, bool has_master_key, const void *map,
	size_t size, struct store_backup_info *ret, struct error *err)
{
	struct backup_head head = { .created_at = b->created_at };
	int rc;

	*ret = (struct store_backup_info){ .created_at = b->created_at, .has_master_key = has_master_key };
	if (store_backup_look(b->dir, b->crypt, map, size, ret, err) < 0)
		return error_wrap(err, "the copy of the store");
	if (has_master_key)
		secret_copy(&head.master_key, store_crypt_master(b->crypt));
	rc = backup_file_write(fd, passphrase, &head, map, size, err);
	if (rc == 0)
		rc = store_backup_verify(fd, passphrase, &head, map, size, err);
	secret_clear(&head.master_key);
	return rc;
}

int
store_backup_run(struct store_backup *b, int fd, const struct secret *passphrase, bool has_master_key,
	struct store_backup_info *ret, struct error *err)
{
	int copy = store_backup_copy(b, err);
	struct stat st;
	void *map;
	int rc;

	if (copy < 0)
		return -1;
	rc = fstat(copy, &st);
	map = rc == 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, copy, 0) : MAP_FAILED;
	if (map == MAP_FAILED) {
		rc = error_set_errno(err, errno, "store '%s': map the copy", b->dir);
	} else {
		rc = store_backup_seal(b, fd, passphrase, has_master_key, map, (size_t)st.st_size, ret, err);
		munmap(map, (size_t)st.st_size);
	}
	close(copy);
	return rc;
}
