/* export: writes a complete file or none, or standard output unless that would show a key. */
#include "common/crypto/cert_file.h"
#include "ctl/base/export.h"
#include "ctl/base/password.h"
#include "ctl/command/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *
export_format_of(const struct args *args)
{
	const char *format = ctl_text_at(args->values, "format");

	return *format ? format : "pem";
}

static bool
export_has_key(const struct args *args)
{
	return json_object_get_boolean(ctl_at(args->values, "key")) || strcmp(export_format_of(args), "bundle") == 0;
}

/* It is not echoed, so it is asked for twice. */
static int
export_ask_new_password(struct json_object *params, struct error *err)
{
	_cleanup_secret_ struct secret first = SECRET_INIT;
	_cleanup_secret_ struct secret second = SECRET_INIT;
	int rc = password_ask("Password of the new PKCS#12 file: ", &first, err);

	if (rc == 1)
		rc = password_ask("Repeat the password: ", &second, err);
	if (rc < 0)
		return -1;
	if (rc == 0 || !first.len)
		return error_set(err, ERROR_USAGE, "export: a PKCS#12 file needs a password: --password-file FILE");
	if (!secret_equal(&first, &second))
		return error_set(err, ERROR_USAGE, "export: the passwords differ");
	json_object_object_add(
		params, "password", json_object_new_string_len((const char *)first.data, (int)first.len));
	return 0;
}

static int
export_write(struct ctl *ctl, const void *data, size_t len, struct error *err)
{
	if ((len && fwrite(data, 1, len, ctl->out) != len) || fflush(ctl->out) != 0)
		return error_set_errno(err, errno, "write to standard output");
	return 0;
}

/* A terminal obeys escape sequences outside PEM: only the certificates are shown. */
static int
export_show(struct ctl *ctl, const struct secret *octets, struct error *err)
{
	_cleanup_cert_file_ struct cert_file file = { 0 };

	if (cert_file_read(octets->data, octets->len, &file, err) < 0)
		return error_wrap(err, "certd's answer");
	return export_write(ctl, buf_str(&file.certificates), file.certificates.len, err);
}

static int
export_to_stdout(struct ctl *ctl, const struct args *args, struct json_object *params, struct error *err)
{
	_cleanup_secret_ struct secret octets = SECRET_INIT;
	bool is_text = strcmp(export_format_of(args), "pem") == 0 || strcmp(export_format_of(args), "bundle") == 0;

	if (isatty(fileno(ctl->out)) && (export_has_key(args) || !is_text)) {
		json_object_put(params);
		return error_set(err, ERROR_USAGE, "export: %s is not written to a terminal: use --out FILE",
			export_has_key(args) ? "a private key" : "this format");
	}
	if (export_to_secret(ctl, RPC_CERTIFICATE_EXPORT, params, &octets, err) < 0)
		return -1;
	return isatty(fileno(ctl->out)) ? export_show(ctl, &octets, err)
					: export_write(ctl, octets.data, octets.len, err);
}

int
cmd_export(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_json_ struct json_object *cert = NULL;
	const char *out = args_text(args, "out");
	struct json_object *params;

	if (export_find(ctl, args->words.items[0], &cert, err) < 0)
		return -1;
	json_object_object_del(args->values, "ref");
	json_add_string(args->values, "ref", ctl_text_at(cert, "id"));
	params = json_object_get(args->values);
	if (strcmp(export_format_of(args), "pkcs12") == 0 && !ctl_at(params, "password") &&
		export_ask_new_password(params, err) < 0) {
		json_object_put(params);
		return -1;
	}
	return out ? export_to_file(ctl, RPC_CERTIFICATE_EXPORT, out, params, NULL, err)
		   : export_to_stdout(ctl, args, params, err);
}
