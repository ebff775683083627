/*
 * A program that changes records, called like the hooks of another ACME client, so that existing scripts work:
 *
 *   lego        COMMAND present|cleanup "_acme-challenge.example.com." VALUE
 *   lego-raw    COMMAND present|cleanup -- example.com TOKEN KEY-AUTHORIZATION             (EXEC_MODE=RAW)
 *   certbot     COMMAND, then cleanupCommand, with CERTBOT_DOMAIN and CERTBOT_VALIDATION   (--manual-auth-hook)
 *   dehydrated  COMMAND deploy_challenge|clean_challenge example.com TOKEN VALUE
 *   uacme       COMMAND begin|done dns-01 example.com TOKEN VALUE, and the same as UACME_METHOD, UACME_TYPE ...
 *   acme.sh     COMMAND is dnsapi/dns_NAME.sh of an installed acme.sh: its function dns_NAME_add or dns_NAME_rm
 *
 * Only lego and acme.sh receive the owner name, with its aliases followed. Exit status 0 is success. The program may be
 * called again for a change that is already made, and to remove a missing value. Only one instance runs at a time,
 * without a shell except for acme.sh. It must end within propagationTimeout: such scripts often wait until the record
 * is published.
 */
#include "common/error.h"
#include "common/name.h"
#include "daemon/base/hook.h"
#include "daemon/dnsprovider/drivers.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TIMEOUT_SEC = 120 };

static const char challenge_label[] = NAME_CHALLENGE_LABEL ".";

struct dnsprovider_op {
	struct hook *hook;
	dnsprovider_done_fn *done;
	void *arg;
};

/* One call in the form of a convention. */
struct exec_call {
	const char *command;
	const char *cleanup_command; /* or NULL */
	bool is_removal;
	const char *name;   /* owner */
	const char *domain; /* the name being validated */
	const char *value;
	const char *token;
	const char *key_authorization;
	struct strlist argv; /* filled by the convention */
	struct strlist env;  /* likewise */
};

static void
call_lego(struct exec_call *c)
{
	strlist_add(&c->argv, c->command);
	strlist_add(&c->argv, c->is_removal ? "cleanup" : "present");
	strlist_take(&c->argv, xasprintf("%s.", c->name));
	strlist_add(&c->argv, c->value);
}

static void
call_lego_raw(struct exec_call *c)
{
	strlist_add(&c->argv, c->command);
	strlist_add(&c->argv, c->is_removal ? "cleanup" : "present");
	strlist_add(&c->argv, "--");
	strlist_add(&c->argv, c->domain);
	strlist_add(&c->argv, c->token);
	strlist_add(&c->argv, c->key_authorization);
}

static void
call_certbot(struct exec_call *c)
{
	strlist_add(&c->argv, c->is_removal ? c->cleanup_command : c->command);
	strlist_take(&c->env, xasprintf("CERTBOT_DOMAIN=%s", c->domain));
	strlist_take(&c->env, xasprintf("CERTBOT_IDENTIFIER=%s", c->domain));
	strlist_take(&c->env, xasprintf("CERTBOT_ALL_DOMAINS=%s", c->domain));
	strlist_take(&c->env, xasprintf("CERTBOT_ALL_IDENTIFIERS=%s", c->domain));
	strlist_take(&c->env, xasprintf("CERTBOT_VALIDATION=%s", c->value));
	strlist_add(&c->env, "CERTBOT_REMAINING_CHALLENGES=0");
	if (c->is_removal)
		strlist_add(&c->env, "CERTBOT_AUTH_OUTPUT="); /* certd does not keep the output of the other hook */
}

static void
call_dehydrated(struct exec_call *c)
{
	strlist_add(&c->argv, c->command);
	strlist_add(&c->argv, c->is_removal ? "clean_challenge" : "deploy_challenge");
	strlist_add(&c->argv, c->domain);
	strlist_add(&c->argv, c->token);
	strlist_add(&c->argv, c->value);
}

/* A script may read its arguments or its environment. It is never called with "failed". */
static void
call_uacme(struct exec_call *c)
{
	static const char *const names[] = { "METHOD", "TYPE", "IDENT", "TOKEN", "AUTH" };
	const char *const values[] = { c->is_removal ? "done" : "begin", "dns-01", c->domain, c->token, c->value };

	strlist_add(&c->argv, c->command);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		strlist_add(&c->argv, values[i]);
		strlist_take(&c->env, xasprintf("UACME_%s=%s", names[i], values[i]));
	}
	strlist_add(&c->env, "UACME_VERBOSE=0");
}

/* The directory that @path is in; owned by the caller. */
static char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return xstrndup(path, slash ? (size_t)(slash - path) : 0);
}

/*
 * acme.sh ends with `main "$@"`, which runs its arguments: `true` lets it define its functions without doing anything.
 */
static void
call_acme_sh(struct exec_call *c)
{
	static const char script[] =
		"script=$1 function=$2 name=$3 value=$4; set -- true; . \"$LE_WORKING_DIR/acme.sh\"; "
		"_initpath; . \"$script\"; \"$function\" \"$name\" \"$value\"";
	_cleanup_free_ char *dnsapi = directory_of(c->command);
	_cleanup_free_ char *home = directory_of(dnsapi);
	const char *base = c->command + strlen(dnsapi) + 1;

	strlist_add(&c->argv, "/bin/sh");
	strlist_add(&c->argv, "-c");
	strlist_add(&c->argv, script);
	strlist_add(&c->argv, "acme.sh");
	strlist_add(&c->argv, c->command);
	strlist_take(&c->argv,
		xasprintf("%.*s%s", (int)(strlen(base) - strlen(".sh")), base, c->is_removal ? "_rm" : "_add"));
	strlist_add(&c->argv, c->name);
	strlist_add(&c->argv, c->value);
	strlist_take(&c->env, xasprintf("LE_WORKING_DIR=%s", home));
	strlist_take(&c->env, xasprintf("HOME=%s", home));
}

/* In the order of dns_exec_conventions (common/api/dns_kinds.h). */
static void (*const conventions[])(
	struct exec_call *c) = { call_lego, call_lego_raw, call_certbot, call_dehydrated, call_acme_sh, call_uacme };

/* Index of @d's convention. */
static size_t
convention_of(const struct dnsprovider *d)
{
	const char *name = setting_text(&d->settings, "convention");
	size_t i = 0;

	while (name && dns_exec_conventions[i] && strcmp(dns_exec_conventions[i], name) != 0)
		i++;
	return i;
}

static bool
is_acme_sh_script(const char *command)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	const char *base = strrchr(command, '/') + 1;
	size_t len = strspn(base, alphabet);

	return len > 0 && strcmp(base + len, ".sh") == 0 && base - command > (ptrdiff_t)strlen("/dnsapi/") &&
	       strncmp(base - strlen("/dnsapi/"), "/dnsapi/", strlen("/dnsapi/")) == 0;
}

static int
exec_check_program(const struct dnsprovider *d, const char *setting, struct error *err)
{
	if (hook_check(setting_text(&d->settings, setting), err) == 0)
		return 0;
	if (err)
		str_replace(&err->field, setting);
	return -1;
}

static int
exec_check(const struct dnsprovider *d, struct error *err)
{
	void (*convention)(struct exec_call *) = conventions[convention_of(d)];
	const char *command = setting_text(&d->settings, "command");
	bool has_cleanup = setting_text(&d->settings, "cleanupCommand");

	if (convention == call_certbot && !has_cleanup)
		return error_set_field(err, "cleanupCommand",
			"is missing: certbot's convention uses a separate program to remove the record");
	if (convention != call_certbot && has_cleanup)
		return error_set_field(err, "cleanupCommand", "is only for certbot's convention");
	if (convention == call_acme_sh && !is_acme_sh_script(command))
		return error_set_field(
			err, "command", "'%s' is not a script dnsapi/dns_NAME.sh of an installed acme.sh", command);
	if (convention != call_acme_sh && exec_check_program(d, "command", err) < 0)
		return -1;
	return has_cleanup ? exec_check_program(d, "cleanupCommand", err) : 0;
}

static bool
exec_is_dns01_only(const struct dnsprovider *d)
{
	void (*convention)(struct exec_call *) = conventions[convention_of(d)];

	return convention != call_lego && convention != call_acme_sh;
}

static void
exec_op_free(struct dnsprovider_op *op)
{
	free(op);
}

static void
on_hook(const struct hook_result *result _unused_, const struct error *err, void *arg)
{
	struct dnsprovider_op *op = arg;

	op->done(err, op->arg);
	exec_op_free(op);
}

static struct dnsprovider_op *
exec_change(const struct dnsprovider_env *env, const struct dnsprovider *d, bool is_removal,
	const struct dnsprovider_record *record, dnsprovider_done_fn *done, void *arg)
{
	struct dnsprovider_op *op = xcalloc(1, sizeof(*op));
	int64_t timeout = d->propagation_timeout > 0 ? d->propagation_timeout : DEFAULT_TIMEOUT_SEC;
	const char *key_authorization = record->key_authorization ? record->key_authorization : "";
	_cleanup_free_ char *token = xstrndup(key_authorization, strcspn(key_authorization, "."));
	bool is_usual = strncmp(record->name, challenge_label, strlen(challenge_label)) == 0;
	struct exec_call call = {
		.command = setting_text(&d->settings, "command"),
		.cleanup_command = setting_text(&d->settings, "cleanupCommand"),
		.is_removal = is_removal,
		.name = record->name,
		.domain = record->domain ? record->domain : record->name + (is_usual ? strlen(challenge_label) : 0),
		.value = record->value,
		.token = token,
		.key_authorization = key_authorization,
		.argv = STRLIST_INIT,
		.env = STRLIST_INIT,
	};

	conventions[convention_of(d)](&call);
	op->done = done;
	op->arg = arg;
	op->hook = hook_start(env->loop, &call.argv, &call.env, timeout * 1000, on_hook, op);
	strlist_clear(&call.argv);
	strlist_clear(&call.env);
	return op;
}

static void
exec_cancel(struct dnsprovider_op *op)
{
	hook_cancel(op->hook);
	exec_op_free(op);
}

const struct dnsprovider_driver dnsprovider_exec = {
	.is_serial = true,
	.check = exec_check,
	.is_dns01_only = exec_is_dns01_only,
	.change = exec_change,
	.cancel = exec_cancel,
};
