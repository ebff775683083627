/* export-provider and import-provider: a provider with the key of its account, in a file that a passphrase opens. */
#include "common/api/provider_file.h"
#include "common/crypto/sealed.h"
#include "ctl/base/export.h"
#include "ctl/base/password.h"
#include "ctl/command/cmd.h"
#include "ctl/command/declare.h"

#include <stdio.h>
#include <string.h>

int
cmd_export_provider(struct ctl *ctl, struct args *args, struct error *err)
{
	const char *out = args_text(args, "out");
	struct json_object *params = json_object_get(args->values);
	_cleanup_secret_ struct secret octets = SECRET_INIT;

	if (out)
		return export_to_file(ctl, RPC_PROVIDER_EXPORT, out, params, NULL, err);
	if (export_to_secret(ctl, RPC_PROVIDER_EXPORT, params, &octets, err) < 0)
		return -1;
	if (fwrite(octets.data, 1, octets.len, ctl->out) != octets.len || fflush(ctl->out) != 0)
		return error_set(err, ERROR_IO, "write to standard output");
	return 0;
}

static int
provider_file_passphrase(const struct args *args, struct secret *ret, struct error *err)
{
	const char *file = args_text(args, "passphraseFile");
	int rc = file ? 1 : password_ask("Passphrase of the file: ", ret, err);

	if (file && secret_read_file(ret, file, SEALED_PASSPHRASE_MAX, true, err) < 0)
		return -1;
	if (rc == 0)
		return error_set(err, ERROR_USAGE, "import-provider: a passphrase is required: --passphrase-file FILE");
	return rc < 0 ? -1 : 0;
}

/* The next line of @p, without its end; moved past it. Return: its length, -1: there is none. */
static ssize_t
provider_file_line(const char **p, const char *end)
{
	const char *stop = memchr(*p, '\n', (size_t)(end - *p));
	ssize_t len = stop ? stop - *p : -1;

	if (stop)
		*p = stop + 1;
	return len;
}

static struct json_object *
provider_file_secret(const char *text, size_t len)
{
	return json_object_new_string_len(text, (int)len);
}

/* @ret: what provider.create gets, and what the account was; owned by the caller. */
static int
provider_file_parse(const struct secret *plain, struct json_object **ret_properties, struct json_object **ret_head,
	struct error *err)
{
	const char *p = (const char *)plain->data, *end = p + plain->len, *line = p;
	ssize_t len = provider_file_line(&p, end);
	struct json_object *properties, *eab;

	*ret_head = len < 0 ? NULL : json_parse(line, (size_t)len, err);
	properties = *ret_head ? json_path(*ret_head, "properties") : NULL;
	if (!properties || json_object_get_int(json_path(*ret_head, "version")) != PROVIDER_FILE_VERSION) {
		error_clear(err);
		return error_set(err, ERROR_INVALID, "its content was written by another certd");
	}
	line = p;
	if ((size_t)(end - p) > strlen(PROVIDER_FILE_EAB) &&
		memcmp(p, PROVIDER_FILE_EAB, strlen(PROVIDER_FILE_EAB)) == 0 &&
		(len = provider_file_line(&p, end)) >= 0) {
		eab = json_path(properties, "externalAccountBinding");
		if (eab)
			json_object_object_add(eab, "keySecret",
				provider_file_secret(
					line + strlen(PROVIDER_FILE_EAB), (size_t)len - strlen(PROVIDER_FILE_EAB)));
	}
	json_object_object_add(properties, "accountKey", provider_file_secret(p, (size_t)(end - p)));
	*ret_properties = json_object_get(properties);
	return 0;
}

static int
provider_file_read(
	const struct args *args, struct json_object **ret_properties, struct json_object **ret_head, struct error *err)
{
	const char *path = args->words.items[0];
	_cleanup_secret_ struct secret text = SECRET_INIT;
	_cleanup_secret_ struct secret passphrase = SECRET_INIT;
	_cleanup_secret_ struct secret plain = SECRET_INIT;

	if (secret_read_file(&text, path, SEALED_MAX, true, err) < 0 ||
		provider_file_passphrase(args, &passphrase, err) < 0)
		return -1;
	if (sealed_read(PROVIDER_FILE_LABEL, &text, &passphrase, &plain, err) < 0 ||
		provider_file_parse(&plain, ret_properties, ret_head, err) < 0)
		return error_wrap(err, "'%s'", path);
	return 0;
}

/* Is the CA's account the one that was exported? It is not if the CA has forgotten it. */
static void
provider_file_compare(struct ctl *ctl, const struct args *args, struct json_object *object, struct json_object *head)
{
	_cleanup_json_ struct json_object *now = NULL;
	const char *then = ctl_text_at(head, "accountUrl");

	if (ctl_get(ctl, args->resource, ctl_text_at(object, "id"), &now, NULL) == 0 &&
		strcmp(ctl_text_at(now, "metadata.accountUrl"), then) != 0)
		fprintf(ctl->err,
			"certctl: warning: the CA did not know the account %s; its key was registered again\n", then);
}

int
cmd_import_provider(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *head = NULL;
	_cleanup_json_ struct json_object *object = NULL;
	struct json_object *properties = NULL;
	struct json_object *params;

	if (provider_file_read(args, &properties, &head, err) < 0)
		return -1;
	if (args_text(args, "name"))
		json_add_string(properties, "name", args_text(args, "name"));
	params = json_object_new_object();
	json_object_object_add(params, "properties", properties);
	if (ctl_call(ctl, args->command->method, params, &object, err) < 0 ||
		declare_wait_new(ctl, args, object, err) < 0)
		return -1;
	provider_file_compare(ctl, args, object, head);
	return 0;
}
