/*
 * env, exec: a certificate and its key as variables, named as in Kontena's vault. Kontena replaced only the first '.'
 * of the domain (www_example.com), which is not a valid shell name. Here '_' replaces every character that shells do
 * not accept; exec, which needs no shell, sets Kontena's own name too.
 */
#include "common/crypto/cert_file.h"
#include "common/crypto/pem.h"
#include "common/name.h"
#include "common/shell.h"
#include "ctl/base/export.h"
#include "ctl/command/cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct variables {
	char *domain; /* owned; the common name */
	struct secret key;
	struct secret certificate; /* including its chain */
	struct secret chosen;      /* what --cert-type says of it */
	struct secret bundle;
};

static void
env_variables_clear(struct variables *v)
{
	free(v->domain);
	secret_clear(&v->key);
	secret_clear(&v->certificate);
	secret_clear(&v->chosen);
	secret_clear(&v->bundle);
}

/* The NUL after the text makes it a string. */
static void
env_set_text(struct secret *ret, const void *text, size_t len)
{
	secret_alloc(ret, len + 1);
	memcpy(ret->data, text, len);
}

/*
 * certd's answer becomes shell words and variables of a program, and certd may be compromised: only PEM blocks pass,
 * and they are written anew, so that only their labels and base64 remain.
 */
static int
env_fetch(struct ctl *ctl, const char *id, bool is_key, struct secret *ret, struct error *err)
{
	_cleanup_secret_ struct secret octets = SECRET_INIT;
	_cleanup_cert_file_ struct cert_file file = { 0 };
	struct json_object *params = json_object_new_object();

	json_add_string(params, "ref", id);
	json_add_bool(params, "key", is_key);
	if (export_to_secret(ctl, RPC_CERTIFICATE_EXPORT, params, &octets, err) < 0)
		return -1;
	if (cert_file_read(octets.data, octets.len, &file, err) < 0)
		return error_wrap(err, "certd's answer");
	if (is_key ? file.n_keys != 1 : !file.n_certificates)
		return error_set(err, ERROR_PROTOCOL, "certd's answer is not %s in PEM",
			is_key ? "a private key" : "a certificate");
	if (is_key)
		env_set_text(ret, file.keys.data, file.keys.len);
	else
		env_set_text(ret, file.certificates.data, file.certificates.len);
	return 0;
}

/* The first block is the certificate, the others are its chain. */
static void
env_choose(struct variables *v, const char *type)
{
	const char *begin = (const char *)v->certificate.data, *end = begin + v->certificate.len - 1;
	const char *p = begin;
	struct pem_block leaf;

	if (!type || strcmp(type, "fullchain") == 0 || pem_next(&p, end, &leaf) != 1) {
		secret_copy(&v->chosen, &v->certificate);
		return;
	}
	while (p < end && *p == '\n')
		p++;
	if (strcmp(type, "cert") == 0)
		env_set_text(&v->chosen, begin, (size_t)(p - begin));
	else
		env_set_text(&v->chosen, p, (size_t)(end - p));
}

static int
env_fetch_all(struct ctl *ctl, const struct args *args, struct variables *v, struct error *err)
{
	const char *name = args->words.items[0];
	_cleanup_json_ struct json_object *cert = NULL;
	const char *id;

	if (export_find(ctl, name, &cert, err) < 0)
		return -1;
	id = ctl_text_at(cert, "id");
	v->domain = xstrdup(ctl_text_at(cert, "metadata.commonName"));
	if (env_fetch(ctl, id, true, &v->key, err) < 0 || env_fetch(ctl, id, false, &v->certificate, err) < 0)
		return -1;
	secret_alloc(&v->bundle, v->key.len - 1 + v->certificate.len);
	memcpy(v->bundle.data, v->certificate.data, v->certificate.len - 1);
	memcpy(v->bundle.data + v->certificate.len - 1, v->key.data, v->key.len);
	env_choose(v, args_text(args, "certType"));
	return 0;
}

/* --- names --- */

/* ASCII, independent of the locale. */
static bool
env_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static char *
env_shell_name(const char *domain)
{
	char *name = xstrdup(domain);

	for (char *p = name; *p; p++)
		if (!env_is_word(*p))
			*p = '_';
	return name;
}

/* Kontena's name: the domain with only its first '.' replaced; NULL: it does not differ. */
static char *
env_kontena_name(const char *domain)
{
	char *name = NULL;
	char *dot;

	if (name_canonical(domain, true, &name, NULL) < 0)
		return NULL;
	dot = strchr(name, '.');
	if (dot)
		*dot = '_';
	return name;
}

typedef int
variable_fn(const char *name, const struct secret *value, void *arg);

static int
env_each(const struct variables *v, const char *name, variable_fn *fn, void *arg)
{
	const struct {
		const char *suffix;
		const struct secret *value;
	} all[] = { { "PRIVATE_KEY", &v->key }, { "CERTIFICATE", &v->chosen }, { "BUNDLE", &v->bundle } };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(all); i++) {
		_cleanup_free_ char *variable = xasprintf("LE_CERTIFICATE_%s_%s", name, all[i].suffix);

		rc = fn(variable, all[i].value, arg);
	}
	return rc;
}

/* --- env --- */

/* The output of env_fetch() contains no single quote. */
static int
env_print(const char *name, const struct secret *value, void *arg)
{
	return fprintf(arg, "export %s='%s'\n", name, (const char *)value->data) < 0 ? -1 : 0;
}

int
cmd_env(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_(env_variables_clear) struct variables v = { .domain = NULL };
	_cleanup_free_ char *name = NULL;
	_cleanup_free_ char *again = NULL;

	if (args->words.count != 1)
		return error_set(err, ERROR_USAGE, "env: a name is required; write: certctl env NAME");
	again = shell_certctl("env", args->words.items[0], NULL);
	if (isatty(fileno(ctl->out)))
		return error_set(err, ERROR_USAGE,
			"env: a private key is not written to a terminal; write: eval \"$(%s)\"", again);
	if (env_fetch_all(ctl, args, &v, err) < 0)
		return -1;
	name = env_shell_name(v.domain);
	if (env_each(&v, name, env_print, ctl->out) < 0)
		return error_set_errno(err, errno, "write to standard output");
	return 0;
}

/* --- exec --- */

static int
env_set(const char *name, const struct secret *value, void *arg _unused_)
{
	return setenv(name, (const char *)value->data, 1);
}

static int
env_set_all(struct ctl *ctl, const struct args *args, struct error *err)
{
	_cleanup_(env_variables_clear) struct variables v = { .domain = NULL };
	_cleanup_free_ char *shell = NULL;
	_cleanup_free_ char *kontena = NULL;

	if (env_fetch_all(ctl, args, &v, err) < 0)
		return -1;
	shell = env_shell_name(v.domain);
	kontena = env_kontena_name(v.domain);
	if (env_each(&v, shell, env_set, NULL) < 0 || (kontena && env_each(&v, kontena, env_set, NULL) < 0))
		return error_set_errno(err, errno, "set a variable");
	return 0;
}

int
cmd_exec(struct ctl *ctl, struct args *args, struct error *err)
{
	_cleanup_free_ char **argv = NULL;
	size_t count = args->words.count;

	if (count < 2)
		return error_set(err, ERROR_USAGE,
			"exec: a name and a command are required; write: certctl exec NAME -- COMMAND [ARGUMENT...]");
	if (env_set_all(ctl, args, err) < 0)
		return -1;
	argv = xcalloc(count, sizeof(*argv));
	memcpy(argv, args->words.items + 1, (count - 1) * sizeof(*argv));
	execvp(argv[0], argv);
	return error_set_errno(err, errno, "run '%s'", argv[0]);
}
