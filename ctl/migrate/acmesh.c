/*
 * acme.sh: NAME/ or NAME_ecc/ with NAME.conf (shell assignments), fullchain.cer and NAME.key; ca/HOST/PATH/ with
 * account.key, account.json and ca.conf for each CA; account.conf with the credentials of its DNS scripts.
 */
#include "common/crypto/base64url.h"
#include "common/error.h"
#include "ctl/declare/tsig_file.h"
#include "ctl/migrate/clients.h"
#include "ctl/migrate/files.h"
#include "ctl/migrate/hooks.h"
#include "ctl/migrate/settings.h"

#include <stdlib.h>
#include <string.h>

static struct json_object *
acmesh_settings(const struct found *found, const char *path)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	files_read_text(found->root, path, &text, NULL);
	return settings_of_shell(buf_str(&text));
}

/* Commands are stored in base64 between two marks. Owned by the caller; NULL: none. */
static char *
acmesh_decoded(const char *value)
{
	static const char begin[] = "__ACME_BASE64__START_", end[] = "__ACME_BASE64__END_";
	_cleanup_secret_ struct secret text = SECRET_INIT;
	const char *to = value ? strstr(value, end) : NULL;

	if (!value || strncmp(value, begin, strlen(begin)) != 0 || !to)
		return xstrdup_null(value);
	value += strlen(begin);
	if (base64_decode_any(value, (size_t)(to - value), &text, NULL) < 0)
		return NULL;
	return xstrndup((const char *)text.data, text.len);
}

/* --- accounts --- */

/* The directory of the CA: acme.sh leaves out the port; older versions also the path. Owned by the caller; or NULL. */
static char *
acmesh_ca_directory(const struct found *found, const char *server)
{
	const char *host = strstr(server, "://");
	const char *path, *port;
	_cleanup_strlist_ struct strlist candidates = STRLIST_INIT;

	host = host ? host + strlen("://") : server;
	path = strchr(host, '/');
	if (!path)
		return NULL;
	port = memchr(host, ':', (size_t)(path - host));
	strlist_take(&candidates, xasprintf("ca/%.*s%s", (int)((port ? port : path) - host), host, path));
	strlist_take(&candidates, xasprintf("ca/%.*s%s", (int)(path - host), host, path));
	strlist_take(&candidates, xasprintf("ca/%.*s", (int)((port ? port : path) - host), host));
	for (size_t i = 0; i < candidates.count; i++) {
		_cleanup_free_ char *key = xasprintf("%s/account.key", candidates.items[i]);

		if (files_is_there(found->root, key))
			return xstrdup(candidates.items[i]);
	}
	return xstrdup(candidates.items[0]);
}

static void
acmesh_take_account(struct found *found, struct found_certificate *c, const char *server, const char *email)
{
	char *directory = server ? acmesh_ca_directory(found, server) : NULL;
	_cleanup_free_ char *conf = xasprintf("%s/ca.conf", directory ? directory : "ca");
	_cleanup_json_ struct json_object *settings = acmesh_settings(found, conf);
	const char *own = settings_get(settings, "CA_EMAIL");
	struct found_account *a;

	c->account = directory;
	if (!directory)
		return;
	for (size_t i = 0; i < found->n_accounts; i++)
		if (strcmp(found->accounts[i].id, directory) == 0)
			return;
	a = found_add_account(found, directory);
	a->server = xstrdup(server);
	a->email = xstrdup_null(own ? own : email);
	a->key = xasprintf("%s/account.key", directory);
}

/* --- challenges --- */

/* The value that acme.sh has saved for the variable @name of a DNS script. */
static const char *
acmesh_saved(struct json_object *account, const char *name)
{
	_cleanup_free_ char *saved = xasprintf("SAVED_%s", name);
	const char *value = settings_get(account, saved);

	return value ? value : settings_get(account, name);
}

static void
acmesh_take_token(struct found_certificate *c, struct json_object *account, const char *kind, const char *variable)
{
	const char *token = acmesh_saved(account, variable);

	if (!token) {
		found_cannot(c, "account.conf has no %s", variable);
		return;
	}
	c->dns = json_object_new_object();
	json_add_string(c->dns, "kind", kind);
	json_add_string(c->dns, "token", token);
}

static void
acmesh_take_nsupdate(struct found_certificate *c, struct json_object *account)
{
	const char *server = acmesh_saved(account, "NSUPDATE_SERVER");
	const char *port = acmesh_saved(account, "NSUPDATE_SERVER_PORT");
	const char *path = acmesh_saved(account, "NSUPDATE_KEY");
	_cleanup_secret_ struct secret key = SECRET_INIT;
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_free_ char *address = server ? xasprintf("%s%s%s", server, port ? ":" : "", port ? port : "") : NULL;

	if (!server || !path) {
		found_cannot(c, "account.conf has no NSUPDATE_SERVER and NSUPDATE_KEY");
		return;
	}
	if (secret_read_file(&key, path, FILES_TEXT_MAX, true, &why) < 0) {
		found_cannot(c, "%s", why.message);
		return;
	}
	c->dns = json_object_new_object();
	json_add_string(c->dns, "kind", "rfc2136");
	json_add_string(c->dns, "server", address);
	json_object_object_add(c->dns, "tsigKey", json_object_new_string_len((const char *)key.data, (int)key.len));
	if (tsig_file_apply(c->dns, &why) < 0)
		found_cannot(c, "'%s': %s", path, why.message);
}

/* Any other script can be run as it is. */
static void
acmesh_take_script(struct found *found, struct found_certificate *c)
{
	_cleanup_free_ char *path = xasprintf("dnsapi/%s.sh", c->how);
	_cleanup_free_ char *full = xasprintf("%s/%s", found->directory, path);

	if (strchr(c->how, '/') || !files_is_there(found->root, path))
		return;
	c->dns = json_object_new_object();
	json_add_string(c->dns, "kind", "exec");
	json_add_string(c->dns, "command", full);
	json_add_string(c->dns, "convention", "acme.sh");
	found_advise(found, "certd runs %s as its own user, who must be able to read %s", full, found->directory);
}

static void
acmesh_take_dns(struct found *found, struct found_certificate *c, struct json_object *account)
{
	static const struct {
		const char *script, *kind, *token;
	} rows[] = {
		{ "dns_cf", "cloudflare", "CF_Token" },
		{ "dns_ionos_cloud", "ionoscloud", "IONOS_TOKEN" },
		{ "dns_pdns", "powerdns", "PDNS_Token" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(c->how, rows[i].script) == 0)
			acmesh_take_token(c, account, rows[i].kind, rows[i].token);
	if (c->dns && strcmp(c->how, "dns_pdns") == 0)
		json_add_string(c->dns, "endpoint", acmesh_saved(account, "PDNS_Url"));
	if (strcmp(c->how, "dns_nsupdate") == 0)
		acmesh_take_nsupdate(c, account);
	if (!c->dns && !c->problem)
		acmesh_take_script(found, c);
}

/* "no": standalone; "nginx:", "apache", a directory, or a DNS script; one for each name, or for all. */
static void
acmesh_take_method(
	struct found *found, struct found_certificate *c, struct json_object *settings, struct json_object *account)
{
	const char *all = settings_get(settings, "Le_Webroot");
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;

	if (all)
		strlist_split(&list, all, ',');
	c->how = xstrdup(list.count ? list.items[0] : "no");
	c->method = strncmp(c->how, "dns", strlen("dns")) == 0 || strcmp(c->how, "alpn") == 0 ? FOUND_DNS : FOUND_HTTP;
	for (size_t i = 1; i < list.count; i++)
		if ((strncmp(list.items[i], "dns", strlen("dns")) == 0) != (c->method == FOUND_DNS))
			found_cannot(c, "its names use different challenges ('%s' and '%s')", c->how, list.items[i]);
	for (size_t i = 0; i < list.count; i++)
		if (*list.items[i] == '/')
			found_advise(found, "add to certd.conf: webroot = %s", list.items[i]);
	if (c->method == FOUND_DNS)
		acmesh_take_dns(found, c, account);
}

/* --- hooks --- */

/* With the variables that acme.sh exports for them. */
static void
acmesh_take_hooks(struct found_certificate *c, struct json_object *settings)
{
	static const char call[] = "export Le_Domain=\"$CERTD_NAME\" CERT_PATH=\"$CERTD_DIRECTORY/cert.pem\" "
				   "CERT_KEY_PATH=\"$CERTD_DIRECTORY/privkey.pem\" "
				   "CA_CERT_PATH=\"$CERTD_DIRECTORY/chain.pem\" "
				   "CERT_FULLCHAIN_PATH=\"$CERTD_DIRECTORY/fullchain.pem\"; eval \"$0\"";
	static const char *const keys[] = { "Le_ReloadCmd", "Le_RenewHook", "Le_PostHook" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		_cleanup_free_ char *hook = acmesh_decoded(settings_get(settings, keys[i]));

		if (hook)
			hook_add(c, hook, call);
	}
}

/* --- certificates --- */

static bool
acmesh_has(const struct found *found, const char *name)
{
	for (size_t i = 0; i < found->n_certificates; i++)
		if (strcmp(found->certificates[i].name, name) == 0)
			return true;
	return false;
}

static void
acmesh_take(struct found *found, const char *directory, const char *base, struct json_object *account)
{
	static const char *const copies[] = { "Le_RealFullChainPath", "Le_RealCertPath", "Le_RealKeyPath" };
	_cleanup_free_ char *path = xasprintf("%s/%s.conf", directory, base);
	_cleanup_json_ struct json_object *settings = acmesh_settings(found, path);
	struct found_certificate *c = found_add_certificate(found, acmesh_has(found, base) ? directory : base);

	c->file = xasprintf("%s/fullchain.cer", directory);
	c->key = xasprintf("%s/%s.key", directory, base);
	acmesh_take_hooks(c, settings);
	acmesh_take_account(found, c, settings_get(settings, "Le_API"), settings_get(account, "ACCOUNT_EMAIL"));
	acmesh_take_method(found, c, settings, account);
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++)
		if (settings_get(settings, copies[i]))
			found_advise(found, "acme.sh copied a file of '%s' to %s: let the server read certd's", c->name,
				settings_get(settings, copies[i]));
}

int
acmesh_read(struct found *found, struct error *err)
{
	static const char ecc[] = "_ecc";
	_cleanup_json_ struct json_object *account = acmesh_settings(found, "account.conf");
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;

	if (!files_is_there(found->root, "ca") && !files_is_there(found->root, "account.conf"))
		return error_set(err, ERROR_NOT_FOUND, "it has neither a directory 'ca' nor a file 'account.conf'");
	files_list(found->root, ".", &names);
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.items[i];
		size_t len = strlen(name);
		bool is_ecc = len > strlen(ecc) && strcmp(name + len - strlen(ecc), ecc) == 0;
		_cleanup_free_ char *base = xstrndup(name, is_ecc ? len - strlen(ecc) : len);
		_cleanup_free_ char *conf = xasprintf("%s/%s.conf", name, base);

		if (files_is_there(found->root, conf))
			acmesh_take(found, name, base, account);
	}
	return 0;
}
