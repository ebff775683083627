/* The input of apply: the file, the objects that certd has, and the secrets that the file refers to. */
#include "common/buf.h"
#include "common/error.h"
#include "ctl/declare/apply.h"
#include "ctl/declare/current.h"
#include "ctl/declare/declaration.h"
#include "ctl/declare/tsig_file.h"
#include "ctl/declare/yaml_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* --- the file --- */

static int
apply_read_input(const char *path, struct buf *ret, struct error *err)
{
	char block[64 * 1024];
	ssize_t n;

	if (strcmp(path, "-") != 0)
		return buf_read_file(ret, AT_FDCWD, path, YAML_MAX_SIZE, err);
	while ((n = read(STDIN_FILENO, block, sizeof(block))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(err, errno, "read the standard input");
		buf_add(ret, block, (size_t)n);
		if (ret->len > YAML_MAX_SIZE)
			return error_set(
				err, ERROR_LIMIT, "the standard input is larger than %d octets", YAML_MAX_SIZE);
	}
	return 0;
}

int
apply_read(struct apply *a, const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_yaml_ struct yaml_file file = { .root = NULL };

	a->name = strcmp(path, "-") == 0 ? "standard input" : path;
	a->directory = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
	if (apply_read_input(path, &text, err) < 0)
		return -1;
	if (yaml_read(text.len ? text.data : "", text.len, &file, err) < 0 ||
		declaration_check(&file, &a->wanted, err) < 0)
		return error_wrap(err, "%s", a->name);
	return 0;
}

/* --- what there is --- */

int
apply_fetch(struct apply *a, struct error *err)
{
	const struct api_resource *resources[API_RESOURCE_COUNT];
	size_t count = declaration_resources(resources);

	if (current_fetch(a->ctl, &a->objects, err) < 0)
		return -1;
	a->present = json_object_new_object();
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *key = declaration_key(resources[i]);
		struct json_object *properties = json_object_new_object();
		struct json_object *objects = NULL;

		json_object_object_add(a->present, key, properties);
		json_object_object_get_ex(a->objects, key, &objects);
		json_object_object_foreach(objects, name, object)
			json_object_object_add(properties, name, current_properties(a->ctl, resources[i], object));
	}
	return 0;
}

/* --- secrets --- */

static struct json_object *
apply_at(struct json_object *all, const char *key, const char *name)
{
	struct json_object *objects = NULL;
	struct json_object *object = NULL;

	if (!json_object_object_get_ex(all, key, &objects) || !json_object_object_get_ex(objects, name, &object))
		return NULL;
	return object;
}

static bool
apply_input_has_secret(struct json_object *object, const char *path)
{
	struct json_object *list = object ? ctl_array_at(object, "metadata.secrets") : NULL;

	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(list, i)), path) == 0)
			return true;
	return false;
}

/* Unless the file changes them, the key keeps its previous name and algorithm. */
static void
apply_keep_tsig_labels(struct json_object *properties, struct json_object *before)
{
	static const char *const names[] = { "tsigName", "tsigAlgorithm" };

	for (size_t i = 0; before && i < ARRAY_SIZE(names); i++) {
		struct json_object *value = NULL;

		if (!json_object_object_get_ex(properties, names[i], NULL) &&
			json_object_object_get_ex(before, names[i], &value))
			json_object_object_add(properties, names[i], json_object_get(value));
	}
}

/* Adds the secrets of one object to its properties. Reports a secret that is missing and that certd does not have. */
static int
apply_input_resolve_object(struct apply *a, const struct api_resource *resource, const char *key, const char *name,
	struct json_object *wanted, size_t *missing, struct error *err)
{
	struct json_object *properties = ctl_at(wanted, "properties");
	struct json_object *secrets = ctl_at(wanted, "secrets");
	struct json_object *object = apply_at(a->objects, key, name);

	json_object_object_foreach(secrets, path, reference) {
		_cleanup_error_ struct error why = ERROR_INIT;
		struct json_object *secret = NULL;
		int found = declaration_secret(reference, a->directory, &secret, &why);

		if (found == 1) {
			declaration_put(properties, path, secret);
		} else if (found < 0) {
			error_move(err, &why);
			return error_wrap(err, "%s '%s': %s", resource->title, name, path);
		} else if (!apply_input_has_secret(object, path)) {
			fprintf(a->ctl->err, "certctl: %s '%s': %s is missing: %s\n", resource->title, name, path,
				why.message);
			++*missing;
		}
	}
	if (resource != &api_resources[API_DNSPROVIDER])
		return 0;
	if (tsig_file_apply(properties, err) < 0)
		return error_wrap(err, "%s '%s'", resource->title, name);
	apply_keep_tsig_labels(properties, apply_at(a->present, key, name));
	return 0;
}

int
apply_secrets(struct apply *a, struct error *err)
{
	const struct api_resource *resources[API_RESOURCE_COUNT];
	size_t count = declaration_resources(resources);
	size_t missing = 0;

	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *key = declaration_key(resources[i]);
		struct json_object *objects = NULL;

		if (!json_object_object_get_ex(a->wanted, key, &objects))
			continue;
		json_object_object_foreach(objects, name, wanted) {
			if (apply_input_resolve_object(a, resources[i], key, name, wanted, &missing, err) < 0)
				return -1;
		}
	}
	if (missing)
		return error_set(err, ERROR_INVALID, "%s: %zu secret%s missing (listed above); nothing was changed",
			a->name, missing, missing == 1 ? " is" : "s are");
	return 0;
}
