/*
 * Exports pass through a descriptor, so that no answer contains a key. The descriptor is a memfd when the key is to
 * stay in memory.
 */
#include "ctl/base/export.h"

#include "common/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXPORT_MAX = 1024 * 1024, BACKUP_MS = 60 * 60 * 1000 /* of a large store, on a slow disk */ };

/* The newest certificate with that common name; NULL: there is none. Owned by the caller. */
static char *
export_newest_of(struct ctl *ctl, const char *common_name)
{
	struct json_object *params = json_object_new_object();
	_cleanup_json_ struct json_object *list = NULL;
	const char *newest = NULL;
	int64_t newest_at = INT64_MIN;

	json_add_string(params, "commonName", common_name);
	if (ctl_call(ctl, RPC_CERTIFICATE_LIST, params, &list, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < ctl_count_at(list, "items"); i++) {
		struct json_object *item = json_object_array_get_idx(ctl_array_at(list, "items"), i);

		if (ctl_time_at(item, "metadata.notBefore") > newest_at) {
			newest_at = ctl_time_at(item, "metadata.notBefore");
			newest = ctl_text_at(item, "metadata.lastIssuedCertificate");
			newest = *newest ? newest : ctl_text_at(item, "id");
		}
	}
	return xstrdup_null(newest);
}

int
export_find(struct ctl *ctl, const char *name, struct json_object **ret, struct error *err)
{
	_cleanup_json_ struct json_object *autocert = NULL;
	_cleanup_free_ char *newest = NULL;
	_cleanup_free_ char *explain = NULL;

	if (ctl_get(ctl, &api_resources[API_CERTIFICATE], name, ret, err) == 0)
		return 0;
	if (err->code != ERROR_NOT_FOUND)
		return -1;
	if (ctl_get(ctl, &api_resources[API_AUTOCERTIFICATE], name, &autocert, NULL) == 0)
		newest = xstrdup(ctl_text_at(autocert, "metadata.lastIssuedCertificate"));
	else
		newest = export_newest_of(ctl, name);
	if (!newest)
		return -1;
	error_clear(err);
	explain = shell_certctl("explain", name, NULL);
	if (!*newest)
		return error_set(err, ERROR_STATE, "'%s' has no certificate yet; to see why: %s", name, explain);
	return ctl_get(ctl, &api_resources[API_CERTIFICATE], newest, ret, err);
}

int
export_to(struct ctl *ctl, enum api_method_id method, struct json_object *params, int fd, struct json_object **ret,
	struct error *err)
{
	_cleanup_json_ struct json_object *result = NULL;
	struct client *client = ctl_client(ctl, err);

	if (!client) {
		json_object_put(params);
		return -1;
	}
	return client_call_passing(client, api_methods[method].name, params, fd,
		method == RPC_SERVER_BACKUP ? BACKUP_MS : 0, ret ? ret : &result, err);
}

static int
export_read_back(int fd, struct secret *ret, struct error *err)
{
	struct stat st;
	size_t done = 0;

	if (fstat(fd, &st) < 0)
		return error_set_errno(err, errno, "allocate memory for the export");
	if (st.st_size > EXPORT_MAX)
		return error_set(err, ERROR_PROTOCOL, "certd wrote more than the largest possible certificate");
	secret_alloc(ret, (size_t)st.st_size);
	while (done < ret->len) {
		ssize_t n = pread(fd, ret->data + done, ret->len - done, (off_t)done);

		if (n <= 0 && !(n < 0 && errno == EINTR))
			return error_set_errno(err, n ? errno : EIO, "allocate memory for the export");
		if (n > 0)
			done += (size_t)n;
	}
	return 0;
}

int
export_to_secret(
	struct ctl *ctl, enum api_method_id method, struct json_object *params, struct secret *ret, struct error *err)
{
	int fd = memfd_create("certctl-export", MFD_CLOEXEC);
	int rc;

	if (fd < 0) {
		json_object_put(params);
		return error_set_errno(err, errno, "allocate memory for the export");
	}
	rc = export_to(ctl, method, params, fd, NULL, err);
	if (rc == 0)
		rc = export_read_back(fd, ret, err);
	close(fd);
	return rc;
}

static int
export_sync_directory(const char *path)
{
	_cleanup_free_ char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);

	if (fd >= 0)
		close(fd);
	return rc;
}

int
export_to_file(struct ctl *ctl, enum api_method_id method, const char *path, struct json_object *params,
	struct json_object **ret, struct error *err)
{
	_cleanup_free_ char *temporary = xasprintf("%s.XXXXXX", path);
	struct stat st;
	int fd, rc;

	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		json_object_put(params);
		return error_set(err, ERROR_USAGE, "export: '%s' exists and is not a regular file", path);
	}
	fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
	if (fd < 0) {
		json_object_put(params);
		return error_set_errno(err, errno, "create '%s'", temporary);
	}
	rc = export_to(ctl, method, params, fd, ret, err);
	if (rc == 0 && (fsync(fd) < 0 || rename(temporary, path) < 0 || export_sync_directory(path) < 0))
		rc = error_set_errno(err, errno, "write '%s'", path);
	if (rc < 0)
		unlink(temporary);
	close(fd);
	return rc;
}
