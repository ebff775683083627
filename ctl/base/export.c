/*
 * Exports pass through a descriptor, so that no answer contains a key. The descriptor is a memfd when the key is to
 * stay in memory.
 */
#include "ctl/base/export.h"

#include "common/shell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXPORT_MAX = 1024 * 1024 };

int
export_find(struct ctl *ctl, const char *name, struct json_object **ret, struct error *err)
{
	_cleanup_json_ struct json_object *autocert = NULL;
	const char *newest;
	_cleanup_free_ char *word = shell_word(name);

	if (ctl_get(ctl, &api_resources[API_CERTIFICATE], name, ret, err) == 0)
		return 0;
	if (err->code != ERROR_NOT_FOUND ||
		ctl_get(ctl, &api_resources[API_AUTOCERTIFICATE], name, &autocert, NULL) < 0)
		return -1;
	error_clear(err);
	newest = ctl_text_at(autocert, "metadata.lastIssuedCertificate");
	if (!*newest)
		return error_set(err, ERROR_STATE, "'%s' has no certificate yet; to see why, run: certctl explain %s",
			name, word);
	return ctl_get(ctl, &api_resources[API_CERTIFICATE], newest, ret, err);
}

int
export_to(struct ctl *ctl, struct json_object *params, int fd, struct error *err)
{
	_cleanup_json_ struct json_object *result = NULL;
	struct client *client = ctl_client(ctl, err);

	if (!client) {
		json_object_put(params);
		return -1;
	}
	return client_call_passing(client, api_methods[RPC_CERTIFICATE_EXPORT].name, params, fd, &result, err);
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
export_to_secret(struct ctl *ctl, struct json_object *params, struct secret *ret, struct error *err)
{
	int fd = memfd_create("certctl-export", MFD_CLOEXEC);
	int rc;

	if (fd < 0) {
		json_object_put(params);
		return error_set_errno(err, errno, "allocate memory for the export");
	}
	rc = export_to(ctl, params, fd, err);
	if (rc == 0)
		rc = export_read_back(fd, ret, err);
	close(fd);
	return rc;
}
