/*
 * The master key is 32 random octets, raw or in base64. A generated one is durable before the store is sealed with it;
 * a store without its key is refused rather than given a new one.
 */
#include "daemon/master_key.h"

#include "common/conf.h"
#include "common/crypto/base64url.h"
#include "common/crypto/secret.h"
#include "common/error.h"
#include "daemon/base/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MASTER_KEY_FILE_MAX = 256 };

int
master_key_parse(const struct secret *text, struct secret *ret, struct error *err)
{
	if (text->len == MASTER_KEY_SIZE) {
		secret_copy(ret, text);
		return 0;
	}
	if (text->len && base64_decode_any((const char *)text->data, text->len, ret, NULL) == 0 &&
		ret->len == MASTER_KEY_SIZE)
		return 0;
	return error_set_field(err, "masterKey", "the master key is not %d octets, raw or in base64", MASTER_KEY_SIZE);
}

static int
master_key_read_key(const char *path, struct secret *ret, struct error *err)
{
	_cleanup_secret_ struct secret text = SECRET_INIT;

	if (secret_read_file(&text, path, MASTER_KEY_FILE_MAX, false, err) < 0)
		return error_wrap(err, "master key");
	if (master_key_parse(&text, ret, err) == 0)
		return 0;
	error_clear(err);
	return error_set(
		err, ERROR_CONFIG, "master key '%s': is not %d octets, raw or in base64", path, MASTER_KEY_SIZE);
}

/*
 * The file gets its name when it is complete and on the disk, and never replaces one: if two daemons start on an empty
 * state at the same moment, both use the key of the first.
 */
static int
master_key_write_key(int dirfd, const char *name, const struct secret *key, struct error *err)
{
	char path[64];
	int fd = openat(dirfd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0400);
	int rc = 0;

	if (fd < 0)
		return error_set_errno(err, errno, "create 'master-key'");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, key->data, key->len) != (ssize_t)key->len || fsync(fd) < 0 ||
		(linkat(AT_FDCWD, path, dirfd, name, AT_SYMLINK_FOLLOW) < 0 && errno != EEXIST) || fsync(dirfd) < 0)
		rc = error_set_errno(err, errno, "write 'master-key'");
	close(fd);
	return rc;
}

static int
master_key_make_key(const struct conf *conf, struct error *err)
{
	_cleanup_secret_ struct secret key = SECRET_INIT;
	int dirfd = open(conf->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (dirfd < 0)
		return error_set_errno(err, errno, "open '%s'", conf->state_dir);
	if (faccessat(dirfd, "store", F_OK, 0) == 0) {
		close(dirfd);
		return error_set(err, ERROR_CONFIG,
			"there is a store in '%s' but no master key: pass it as the credential master-key or by "
			"master-key-file",
			conf->state_dir);
	}
	rc = secret_random(&key, MASTER_KEY_SIZE, err);
	if (rc == 0)
		rc = master_key_write_key(dirfd, "master-key", &key, err);
	close(dirfd);
	return rc;
}

int
master_key_replace(const struct conf *conf, const struct secret *key, struct error *err)
{
	static const char new_name[] = "master-key.new";
	int dirfd = open(conf->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (dirfd < 0)
		return error_set_errno(err, errno, "open '%s'", conf->state_dir);
	unlinkat(dirfd, new_name, 0); /* of a replacement that was interrupted */
	rc = master_key_write_key(dirfd, new_name, key, err);
	if (rc == 0 && (renameat(dirfd, new_name, dirfd, "master-key") < 0 || fsync(dirfd) < 0))
		rc = error_set_errno(err, errno, "replace 'master-key'");
	close(dirfd);
	return rc;
}

int
master_key_get(const struct conf *conf, struct secret *ret, bool *ret_is_beside_store, struct error *err)
{
	_cleanup_free_ char *credential = notify_credential_path("master-key");
	_cleanup_free_ char *beside = xasprintf("%s/master-key", conf->state_dir);

	*ret_is_beside_store = false;
	if (conf->master_key_file)
		return master_key_read_key(conf->master_key_file, ret, err);
	if (credential)
		return master_key_read_key(credential, ret, err);
	*ret_is_beside_store = true;
	if (access(beside, F_OK) < 0 && master_key_make_key(conf, err) < 0)
		return -1;
	return master_key_read_key(beside, ret, err);
}
