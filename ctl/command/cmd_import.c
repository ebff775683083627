/*
 * import: turns files into one call. It parses only enough to find the certificates, the key, and whether a password is
 * needed. certd checks everything else.
 */
#include "common/crypto/base64url.h"
#include "common/crypto/cert_file.h"
#include "common/shell.h"
#include "ctl/base/password.h"
#include "ctl/command/cmd.h"
#include "ctl/command/wait.h"
#include "ctl/present/output.h"
#include "ctl/present/text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { PEM_FILE_MAX = 256 * 1024, PKCS12_FILE_MAX = 48 * 1024, PASSWORD_FILE_MAX = 1024 };

static const struct wait_rule deploy_rules[] = {
	{ EVENT_DEPLOY_DONE, WAIT_DONE },
	{ EVENT_DEPLOY_FAILED, WAIT_FAILED },
};

/* --- files --- */

static void
import_add_secret(struct json_object *obj, const char *member, const void *data, size_t len)
{
	json_object_object_add(obj, member, json_object_new_string_len(data, (int)len));
}

/* Adds the certificates of a file to @properties; @ret_has_key: it also contains a private key. */
static int
import_add_certificates(
	struct json_object *properties, const char *member, const char *path, bool *ret_has_key, struct error *err)
{
	_cleanup_buf_ struct buf octets = BUF_INIT;
	_cleanup_cert_file_ struct cert_file file = { 0 };
	int rc;

	if (buf_read_file(&octets, AT_FDCWD, path, PEM_FILE_MAX, err) < 0)
		return -1;
	rc = cert_file_read(buf_str(&octets), octets.len, &file, err);
	if (octets.len)
		explicit_bzero(octets.data, octets.len);
	if (rc < 0)
		return error_wrap(err, "'%s'", path);
	if (!file.n_certificates)
		return error_set(err, ERROR_INVALID, "'%s' does not contain a certificate", path);
	*ret_has_key = file.n_keys > 0;
	json_add_string(properties, member, buf_str(&file.certificates));
	return 0;
}

/* The only private key of a file. */
static int
import_add_key(struct json_object *properties, const char *path, bool *ret_is_encrypted, struct error *err)
{
	_cleanup_secret_ struct secret octets = SECRET_INIT;
	_cleanup_cert_file_ struct cert_file file = { 0 };

	if (secret_read_file(&octets, path, PEM_FILE_MAX, false, err) < 0)
		return -1;
	if (cert_file_read(octets.data, octets.len, &file, err) < 0)
		return error_wrap(err, "'%s'", path);
	if (file.n_keys != 1)
		return error_set(err, ERROR_INVALID,
			file.n_keys ? "'%s' contains more than one private key" : "'%s' does not contain a private key",
			path);
	*ret_is_encrypted = file.is_key_encrypted;
	import_add_secret(properties, "privateKey", file.keys.data, file.keys.len);
	return 0;
}

static int
import_add_pkcs12(struct json_object *params, const char *path, struct error *err)
{
	_cleanup_secret_ struct secret octets = SECRET_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (secret_read_file(&octets, path, PKCS12_FILE_MAX, false, err) < 0)
		return -1;
	base64url_encode(octets.data, octets.len, &text);
	import_add_secret(params, "pkcs12", text.data, text.len);
	explicit_bzero(text.data, text.len);
	return 0;
}

/* --- the password --- */

/*
 * @is_required: the file cannot be opened without a password. A PKCS#12 file may have none, so without a terminal none
 * is sent.
 */
static int
import_add_password(
	struct json_object *params, const struct args *args, const char *path, bool is_required, struct error *err)
{
	const char *file = args_text(args, "passwordFile");
	_cleanup_free_ char *prompt = xasprintf("Password of %s%s: ", path, is_required ? "" : " (empty: none)");
	_cleanup_secret_ struct secret password = SECRET_INIT;
	int rc;

	if (file && secret_read_file(&password, file, PASSWORD_FILE_MAX, true, err) < 0)
		return -1;
	rc = file ? 1 : password_ask(prompt, &password, err);
	if (rc < 0)
		return -1;
	if (rc == 0 && is_required)
		return error_set(err, ERROR_INVALID,
			"'%s' is encrypted and there is no terminal to ask for its password: use --password-file FILE",
			path);
	if (password.len)
		import_add_secret(params, "password", password.data, password.len);
	return 0;
}

/* --- the call --- */

static int
import_add_pieces(
	struct json_object *params, struct json_object *properties, const struct args *args, struct error *err)
{
	const char *cert = args_text(args, "cert"), *chain = args_text(args, "chain");
	const char *key = args_text(args, "key");
	bool has_key, is_key_encrypted = false;

	if (!cert)
		return error_set(err, ERROR_USAGE, "import: a certificate is required: --cert FILE or --pkcs12 FILE");
	if (import_add_certificates(properties, "certificate", cert, &has_key, err) < 0)
		return -1;
	if (!key && !has_key)
		return error_set(err, ERROR_USAGE,
			"import: a private key is required: use --key FILE ('%s' contains none)", cert);
	if (import_add_key(properties, key ? key : cert, &is_key_encrypted, err) < 0)
		return -1;
	if (chain && import_add_certificates(properties, "certificateChain", chain, &has_key, err) < 0)
		return -1;
	return is_key_encrypted ? import_add_password(params, args, key ? key : cert, true, err) : 0;
}

static int
import_add_files(struct json_object *params, struct json_object *properties, const struct args *args, struct error *err)
{
	const char *pkcs12 = args_text(args, "pkcs12"), *chain = args_text(args, "chain");
	bool has_key;

	if (!pkcs12)
		return import_add_pieces(params, properties, args, err);
	if (args_text(args, "cert") || args_text(args, "key"))
		return error_set(err, ERROR_USAGE,
			"import: --pkcs12 contains the certificate and the key: remove --cert and --key");
	if (import_add_pkcs12(params, pkcs12, err) < 0 || import_add_password(params, args, pkcs12, false, err) < 0)
		return -1;
	return chain ? import_add_certificates(properties, "certificateChain", chain, &has_key, err) : 0;
}

static struct json_object *
import_make_params(const struct args *args, struct error *err)
{
	struct json_object *params = json_object_new_object();
	struct json_object *properties = json_object_new_object();
	static const char *const lists[] = { "consumers", "labels" };

	json_object_object_add(params, "properties", properties);
	json_add_string(properties, "name", args_text(args, "name"));
	json_add_string(params, "replace", args_text(args, "replace"));
	args_pass_flag(args, "dryRun", params);
	args_pass_flag(args, "force", params);
	args_pass_flag(args, "allowExpired", params);
	args_pass_flag(args, "allowUnfit", params);
	args_pass_flag(args, "deployAnyway", properties);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct json_object *list = ctl_at(args->own, lists[i]);

		if (list)
			json_object_object_add(properties, lists[i], json_object_get(list));
	}
	if (import_add_files(params, properties, args, err) == 0)
		return params;
	json_object_put(params);
	return NULL;
}

/* Stored only: there will be no files to wait for. */
static bool
import_is_held_back(struct json_object *item)
{
	return json_object_get_boolean(ctl_at(item, "metadata.heldBack"));
}

static void
import_item(struct output *output, struct json_object *item)
{
	_cleanup_buf_ struct buf when = BUF_INIT;
	_cleanup_free_ char *set = shell_certctl("set cert", ctl_text_at(item, "properties.name"), "--deploy-anyway");

	text_relative(&when, ctl_time_at(item, "metadata.notAfter"), ctl_now(output->ctl));
	fprintf(output->ctl->out, "cert '%s' is %s; it expires %s (%s); ", ctl_text_at(item, "properties.name"),
		json_object_get_boolean(ctl_at(item, "dryRun")) ? "valid for import" : "imported",
		ctl_text_at(item, "metadata.notAfter"), buf_str(&when));
	if (import_is_held_back(item))
		fprintf(output->ctl->out, "it is not deployed: %s (to deploy it: %s)\n",
			ctl_text_at(item, "metadata.message"), set);
	else
		fprintf(output->ctl->out, "files in %s\n", ctl_text_at(item, "metadata.dropDirectory"));
}

static const struct view view_imported = { VIEW_OBJECT, import_item, NULL };

static int
import_wait_deployed(struct ctl *ctl, const struct args *args, struct json_object *object, struct error *err)
{
	_cleanup_wait_ struct wait wait;

	if (wait_init(&wait, ctl, args, deploy_rules, ARRAY_SIZE(deploy_rules), err) < 0 ||
		wait_subscribe(&wait, ctl_text_at(object, "id"), 0, err) < 0)
		return -1;
	if (wait_run(&wait, err) == 0)
		return 0;
	free(ctl->hint);
	ctl->hint = xstrdup("the certificate is stored; certd keeps trying to write its files");
	return -1;
}

int
cmd_import(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct json_object *params = import_make_params(args, err);

	if (!params || ctl_call(ctl, args->command->method, params, &object, err) < 0)
		return -1;
	if (!args_has_flag(args, "noWait") && !args_has_flag(args, "dryRun") && !import_is_held_back(object) &&
		import_wait_deployed(ctl, args, object, err) < 0)
		return -1;
	output_object(ctl, &view_imported, args->resource, object);
	return 0;
}
