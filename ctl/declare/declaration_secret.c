/* Reading the secrets of declarations from files or from credentials passed by systemd (systemd.exec(5)). */
#include "common/crypto/secret.h"
#include "common/error.h"
#include "ctl/declare/declaration.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECRET_MAX = 16 * 1024, CREDENTIAL_MAX = 200 };

char *
declaration_credential(const struct api_resource *resource, const char *name, const char *path)
{
	char *credential = xasprintf("%s.%s.%s", resource->noun, name, path);

	if (strlen(credential) > CREDENTIAL_MAX)
		credential[CREDENTIAL_MAX] = '\0';
	for (char *p = credential; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '.' && *p != '-')
			*p = '_';
	return credential;
}

/* The path that @reference points to; owned by the caller. NULL: none, and @err says why. */
static char *
declaration_path_of_reference(struct json_object *reference, const char *directory, struct error *err)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	struct json_object *where = NULL;
	const char *name;

	if (json_object_object_get_ex(reference, "file", &where)) {
		name = json_object_get_string(where);
		return *name == '/' ? xstrdup(name) : xasprintf("%s/%s", directory, name);
	}
	json_object_object_get_ex(reference, "credential", &where);
	name = json_object_get_string(where);
	if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		error_set(err, ERROR_INVALID, "'%s' is not a valid credential name", name);
		return NULL;
	}
	if (!credentials || !*credentials) {
		error_set(err, ERROR_NOT_FOUND, "cannot read the credential '%s': CREDENTIALS_DIRECTORY is not set",
			name);
		return NULL;
	}
	return xasprintf("%s/%s", credentials, name);
}

int
declaration_secret(struct json_object *reference, const char *directory, struct json_object **ret, struct error *err)
{
	_cleanup_secret_ struct secret secret = SECRET_INIT;
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_free_ char *path = declaration_path_of_reference(reference, directory, &why);

	if (!path) {
		bool is_absent = why.code == ERROR_NOT_FOUND;

		error_move(err, &why);
		return is_absent ? 0 : -1;
	}
	if (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		error_set(err, ERROR_NOT_FOUND, "'%s' does not exist", path);
		return 0;
	}
	if (secret_read_file(&secret, path, SECRET_MAX, true, err) < 0)
		return -1;
	*ret = json_object_new_string_len((const char *)secret.data, (int)secret.len);
	return 1;
}
