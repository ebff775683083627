/* dump: all declarations as one file for apply, without anything that certd added. */
#include "ctl/command/cmd.h"
#include "ctl/declare/current.h"
#include "ctl/declare/declaration.h"
#include "ctl/declare/yaml_file.h"

#include <stdlib.h>
#include <string.h>

/* Writes certd's secrets as references that apply reads. */
static size_t
dump_add_references(const struct api_resource *resource, const char *name, struct json_object *object,
	struct json_object *properties)
{
	struct json_object *secrets = ctl_array_at(object, "metadata.secrets");
	size_t count = ctl_count_at(object, "metadata.secrets");

	for (size_t i = 0; i < count; i++) {
		const char *path = json_object_get_string(json_object_array_get_idx(secrets, i));
		_cleanup_free_ char *credential = declaration_credential(resource, name, path);
		struct json_object *reference = json_object_new_object();

		json_add_string(reference, "credential", credential);
		declaration_put(properties, path, reference);
	}
	return count;
}

/* Sorted by name: ids are random, and equal declarations give equal dumps. */
static struct json_object *
dump_collection(struct ctl *ctl, const struct api_resource *resource, struct json_object *objects, size_t *secrets)
{
	struct json_object *ret = json_object_new_object();
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;

	json_object_object_foreach(objects, name, unused) {
		(void)unused;
		strlist_add(&names, name);
	}
	strlist_sort(&names);
	for (size_t i = 0; i < names.count; i++) {
		struct json_object *object = NULL;
		struct json_object *properties;

		json_object_object_get_ex(objects, names.items[i], &object);
		properties = current_properties(ctl, resource, object);
		*secrets += dump_add_references(resource, names.items[i], object, properties);
		json_object_object_add(ret, names.items[i], properties);
	}
	return ret;
}

static int
dump_write(struct ctl *ctl, struct json_object *all, bool is_json, size_t secrets, struct error *err)
{
	if (is_json) {
		fprintf(ctl->out, "%s\n",
			json_object_to_json_string_ext(all,
				JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
		return 0;
	}
	fputs("# certd's declarations; to restore them, run: certctl apply -f FILE\n", ctl->out);
	if (secrets)
		fputs("# Secrets are not included: {credential: NAME} is the file NAME in certctl's "
		      "$CREDENTIALS_DIRECTORY;\n# {file: PATH} is also accepted.\n",
			ctl->out);
	return yaml_write(all, ctl->out, err);
}

int
cmd_dump(struct ctl *ctl, struct args *args, struct error *err)
{
	const struct api_resource *resources[API_RESOURCE_COUNT];
	size_t count = declaration_resources(resources);
	const char *format = args_text(args, "format");
	_cleanup_json_ struct json_object *objects = NULL;
	_cleanup_json_ struct json_object *all = json_object_new_object();
	size_t secrets = 0;

	if (format && strcmp(format, "yaml") != 0 && strcmp(format, "json") != 0)
		return error_set(err, ERROR_USAGE, "--format: '%s' is not one of yaml, json", format);
	if (current_fetch(ctl, &objects, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *key = declaration_key(resources[i]);
		struct json_object *collection = NULL;

		json_object_object_get_ex(objects, key, &collection);
		json_object_object_foreach(collection, name, object) {
			(void)name;
			if (current_check_name(resources[i], object, err) < 0)
				return -1;
		}
		json_object_object_add(all, key, dump_collection(ctl, resources[i], collection, &secrets));
	}
	return dump_write(ctl, all, format ? strcmp(format, "json") == 0 : ctl->format == FORMAT_JSON, secrets, err);
}
