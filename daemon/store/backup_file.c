/* Chunk by chunk. The plain octets of a chunk are in the secure heap, because the first one has the master key. */
#include "daemon/store/backup_file.h"

#include "common/crypto/sealed_stream.h"
#include "common/error.h"
#include "daemon/store/store_crypt.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TIME_LEN = 8, KEY_AT = TIME_LEN + 1, HEAD_LEN = KEY_AT + STORE_KEY_LEN };

static int
backup_put(int fd, const unsigned char *p, size_t len, struct error *err)
{
	return write_all(fd, p, len) < 0 ? error_set_errno(err, errno, "write the backup") : 0;
}

static int
backup_take(int fd, unsigned char *ret, size_t len, struct error *err)
{
	while (len) {
		ssize_t n = read(fd, ret, len);

		if (n == 0)
			return error_set(err, ERROR_INVALID, "the backup is cut off");
		if (n < 0 && errno != EINTR)
			return error_set_errno(err, errno, "read the backup");
		if (n > 0) {
			ret += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static void
backup_head_write(const struct backup_head *head, unsigned char ret[HEAD_LEN])
{
	uint64_t time = htobe64((uint64_t)head->created_at);

	memset(ret, 0, HEAD_LEN);
	memcpy(ret, &time, sizeof(time));
	ret[TIME_LEN] = head->master_key.len == STORE_KEY_LEN;
	if (ret[TIME_LEN])
		memcpy(ret + KEY_AT, head->master_key.data, STORE_KEY_LEN);
}

static void
backup_head_read(const unsigned char octets[HEAD_LEN], struct backup_head *ret)
{
	uint64_t time;

	memcpy(&time, octets, sizeof(time));
	ret->created_at = (int64_t)be64toh(time);
	if (octets[TIME_LEN])
		secret_set(&ret->master_key, octets + KEY_AT, STORE_KEY_LEN);
}

/* @plain: room for a chunk, of which the first @len octets are used. */
static int
backup_seal_rest(int fd, struct sealed_stream *stream, struct secret *plain, size_t len, const unsigned char *data,
	uint64_t size, struct error *err)
{
	unsigned char sealed[SEALED_CHUNK + SEALED_CHUNK_TAG];
	uint64_t done = 0;

	do {
		size_t room = SEALED_CHUNK - len;
		size_t n = size - done < room ? (size_t)(size - done) : room;

		memcpy(plain->data + len, data + done, n);
		len += n;
		done += n;
		if (sealed_stream_seal(stream, plain->data, len, done == size, sealed, err) < 0 ||
			backup_put(fd, sealed, len + SEALED_CHUNK_TAG, err) < 0)
			return -1;
		len = 0;
	} while (done < size);
	return 0;
}

int
backup_file_write(int fd, const struct secret *passphrase, const struct backup_head *head, const unsigned char *data,
	uint64_t size, struct error *err)
{
	_cleanup_secret_ struct secret plain = SECRET_INIT;
	unsigned char stream_head[SEALED_STREAM_HEAD];
	struct sealed_stream *stream = sealed_stream_write(passphrase, stream_head, err);
	int rc;

	if (!stream)
		return -1;
	secret_alloc(&plain, SEALED_CHUNK);
	backup_head_write(head, plain.data);
	rc = backup_put(fd, stream_head, sizeof(stream_head), err);
	if (rc == 0)
		rc = backup_seal_rest(fd, stream, &plain, HEAD_LEN, data, size, err);
	sealed_stream_free(stream);
	return rc;
}

/* @left: of the file, after its head. */
static int
backup_open_rest(int fd, struct sealed_stream *stream, uint64_t left, struct backup_head *ret, backup_data_fn *fn,
	void *arg, struct error *err)
{
	_cleanup_secret_ struct secret plain = SECRET_INIT;
	unsigned char sealed[SEALED_CHUNK + SEALED_CHUNK_TAG];
	size_t from = HEAD_LEN;

	secret_alloc(&plain, SEALED_CHUNK);
	do {
		size_t n = left < sizeof(sealed) ? (size_t)left : sizeof(sealed);

		left -= n;
		if (backup_take(fd, sealed, n, err) < 0 ||
			sealed_stream_open(stream, sealed, n, left == 0, plain.data, err) < 0)
			return -1;
		n -= SEALED_CHUNK_TAG;
		if (n < from)
			return error_set(err, ERROR_INVALID, "has no content");
		if (from)
			backup_head_read(plain.data, ret);
		if (fn(plain.data + from, n - from, arg, err) < 0)
			return -1;
		from = 0;
	} while (left);
	return 0;
}

int
backup_file_read(int fd, const struct secret *passphrase, struct backup_head *ret, backup_data_fn *fn, void *arg,
	struct error *err)
{
	unsigned char head[SEALED_STREAM_HEAD];
	struct sealed_stream *stream;
	struct stat st;
	int rc;

	if (lseek(fd, 0, SEEK_SET) < 0 || fstat(fd, &st) < 0)
		return error_set_errno(err, errno, "read the backup");
	if (!S_ISREG(st.st_mode) || st.st_size <= (off_t)sizeof(head))
		return error_set(err, ERROR_INVALID, "is not a backup of certd");
	if (backup_take(fd, head, sizeof(head), err) < 0)
		return -1;
	stream = sealed_stream_read(passphrase, head, err);
	if (!stream)
		return -1;
	rc = backup_open_rest(fd, stream, (uint64_t)st.st_size - sizeof(head), ret, fn, arg, err);
	sealed_stream_free(stream);
	return rc;
}
