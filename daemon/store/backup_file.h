/* daemon/store/backup_file.h: the sealed file of a backup; its form is in store_backup.h. Private to the store. */
#ifndef DAEMON_STORE_BACKUP_FILE_H
#define DAEMON_STORE_BACKUP_FILE_H

#include "common/crypto/secret.h"

#include <stdint.h>

struct error;

struct backup_head {
	int64_t created_at;
	struct secret master_key; /* owned; empty: the file is without it */
};

/* Seals @head and the @size octets of @data into @fd, from its start. */
int
backup_file_write(int fd, const struct secret *passphrase, const struct backup_head *head, const unsigned char *data,
	uint64_t size, struct error *err);

/* The next @len octets of data.mdb, in order; borrowed for the call. Return: 0, or -1 to end. */
typedef int
backup_data_fn(const unsigned char *data, size_t len, void *arg, struct error *err);

/*
 * backup_file_read() - open what backup_file_write() sealed
 * @ret: zeroed by the caller; filled before the first call of @fn
 * ERROR_INVALID: it is not a backup; with the field "passphrase": the passphrase is wrong, or the file was altered.
 * What @fn got until then counts for nothing.
 */
int
backup_file_read(int fd, const struct secret *passphrase, struct backup_head *ret, backup_data_fn *fn, void *arg,
	struct error *err);

#endif
