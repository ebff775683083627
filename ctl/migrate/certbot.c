/*
 * certbot: renewal/NAME.conf (ConfigObj) for each certificate, live/NAME/ with links into archive/, and an account for
 * each CA in accounts/HOST/PATH/ID/ with its key as JWK. It does not store the address of an account.
 */
#include "common/error.h"
#include "ctl/migrate/clients.h"
#include "ctl/migrate/files.h"
#include "ctl/migrate/hooks.h"
#include "ctl/migrate/settings.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char suffix[] = ".conf";

/* --- accounts --- */

/* Without its id: the only one of the server. Return: owned by the caller; NULL: none or several. */
static char *
certbot_account_directory(const struct found *found, const char *server, const char *id)
{
	const char *at = strstr(server, "://");
	_cleanup_free_ char *parent = xasprintf("accounts/%s", at ? at + strlen("://") : server);
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;

	if (id)
		return xasprintf("%s/%s", parent, id);
	files_list(found->root, parent, &ids);
	return ids.count == 1 ? xasprintf("%s/%s", parent, ids.items[0]) : NULL;
}

static bool
certbot_has_account(const struct found *found, const char *id)
{
	for (size_t i = 0; i < found->n_accounts; i++)
		if (strcmp(found->accounts[i].id, id) == 0)
			return true;
	return false;
}

static void
certbot_take_account(struct found *found, struct found_certificate *c, struct json_object *settings, const char *email)
{
	const char *server = settings_get(settings, "server");
	struct found_account *a;

	c->account = certbot_account_directory(
		found, server ? server : "acme-v02.api.letsencrypt.org/directory", settings_get(settings, "account"));
	if (!c->account || certbot_has_account(found, c->account))
		return;
	a = found_add_account(found, c->account);
	a->server = xstrdup(server ? server : "https://acme-v02.api.letsencrypt.org/directory");
	a->email = xstrdup_null(email);
	a->key = xasprintf("%s/private_key.json", c->account);
}

/* --- challenges --- */

/* The credentials of a plugin; owned by the caller; NULL: they are not usable, and @c says why. */
static struct json_object *
certbot_credentials(struct found_certificate *c, struct json_object *settings, const char *option)
{
	_cleanup_secret_ struct secret text = SECRET_INIT;
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_buf_ struct buf copy = BUF_INIT;
	const char *path = settings_get(settings, option);
	struct json_object *ret;

	if (!path) {
		found_cannot(c, "%s is not set", option);
		return NULL;
	}
	if (secret_read_file(&text, path, FILES_TEXT_MAX, true, &why) < 0) {
		found_cannot(c, "%s", why.message);
		return NULL;
	}
	buf_add(&copy, text.data, text.len);
	ret = settings_of_ini(buf_str(&copy));
	explicit_bzero(copy.data, copy.len);
	return ret;
}

static void
certbot_take_cloudflare(struct found_certificate *c, struct json_object *settings)
{
	_cleanup_json_ struct json_object *keys = certbot_credentials(c, settings, "dns_cloudflare_credentials");
	const char *token = settings_get(keys, "dns_cloudflare_api_token");

	if (!token) {
		found_cannot(c, "its credentials have no dns_cloudflare_api_token: certd does not use global API keys");
		return;
	}
	c->dns = json_object_new_object();
	json_add_string(c->dns, "kind", "cloudflare");
	json_add_string(c->dns, "token", token);
}

static void
certbot_take_rfc2136(struct found_certificate *c, struct json_object *settings)
{
	_cleanup_json_ struct json_object *keys = certbot_credentials(c, settings, "dns_rfc2136_credentials");
	const char *server = settings_get(keys, "dns_rfc2136_server");
	const char *port = settings_get(keys, "dns_rfc2136_port");
	const char *algorithm = settings_get(keys, "dns_rfc2136_algorithm");
	_cleanup_free_ char *lower = xstrdup(algorithm ? algorithm : "hmac-md5"); /* certbot's default */
	_cleanup_free_ char *address = NULL;

	if (!server) {
		found_cannot(c, "its credentials have no dns_rfc2136_server");
		return;
	}
	for (char *p = lower; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	address = port ? xasprintf(strchr(server, ':') ? "[%s]:%s" : "%s:%s", server, port) : xstrdup(server);
	c->dns = json_object_new_object();
	json_add_string(c->dns, "kind", "rfc2136");
	json_add_string(c->dns, "server", address);
	json_add_string(c->dns, "tsigName", settings_get(keys, "dns_rfc2136_name"));
	json_add_string(c->dns, "tsigAlgorithm", lower);
	json_add_string(c->dns, "tsigKey", settings_get(keys, "dns_rfc2136_secret"));
}

static void
certbot_take_manual(struct found_certificate *c, struct json_object *settings)
{
	const char *challenges = settings_get(settings, "pref_challs");
	const char *hook = settings_get(settings, "manual_auth_hook");
	const char *cleanup = settings_get(settings, "manual_cleanup_hook");

	if (!hook || !challenges || !strstr(challenges, "dns-01"))
		return;
	if (*hook != '/' || strpbrk(hook, " \t;&|<>$`'\"")) {
		found_cannot(c, "its hook '%s' is a shell command: put it into a script", hook);
		return;
	}
	c->dns = json_object_new_object();
	json_add_string(c->dns, "kind", "exec");
	json_add_string(c->dns, "command", hook);
	json_add_string(c->dns, "convention", "certbot");
	json_add_string(c->dns, "cleanupCommand", cleanup);
}

/* Each directory that it has ever used for the certificate, separated by commas. */
static void
certbot_advise_webroots(struct found *found, struct json_object *settings)
{
	const char *paths = settings_get(settings, "webroot_path");
	struct json_object *map = NULL;
	_cleanup_strlist_ struct strlist list = STRLIST_INIT;

	if (paths)
		strlist_split(&list, paths, ',');
	if (json_object_object_get_ex(settings, "webroot_map", &map) && json_object_is_type(map, json_type_object)) {
		json_object_object_foreach(map, domain, path) {
			(void)domain;
			strlist_add(&list, json_object_get_string(path));
		}
	}
	for (size_t i = 0; i < list.count; i++)
		found_advise(found, "add to certd.conf: webroot = %s", list.items[i]);
}

static void
certbot_take_method(struct found *found, struct found_certificate *c, struct json_object *settings)
{
	static const char *const http[] = { "webroot", "standalone", "nginx", "apache" };
	const char *authenticator = settings_get(settings, "authenticator");

	c->how = xstrdup(authenticator ? authenticator : "none");
	c->method = FOUND_DNS;
	for (size_t i = 0; i < ARRAY_SIZE(http); i++)
		if (strcmp(c->how, http[i]) == 0)
			c->method = FOUND_HTTP;
	if (strcmp(c->how, "webroot") == 0)
		certbot_advise_webroots(found, settings);
	else if (strcmp(c->how, "dns-cloudflare") == 0)
		certbot_take_cloudflare(c, settings);
	else if (strcmp(c->how, "dns-rfc2136") == 0)
		certbot_take_rfc2136(c, settings);
	else if (strcmp(c->how, "manual") == 0)
		certbot_take_manual(c, settings);
}

/* --- hooks --- */

/* RENEWED_LINEAGE and RENEWED_DOMAINS are the same in certd. An installer reloads its server without a hook. */
static void
certbot_take_hooks(struct found_certificate *c, struct json_object *settings)
{
	static const char *const keys[] = { "renew_hook", "post_hook" };
	const char *installer = settings_get(settings, "installer");

	if (installer && strcmp(installer, "nginx") == 0)
		hook_add(c, "systemctl reload nginx", NULL);
	if (installer && strcmp(installer, "apache") == 0)
		hook_add(c, "systemctl reload apache2", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (settings_get(settings, keys[i]))
			hook_add(c, settings_get(settings, keys[i]), NULL);
}

/* certbot runs those that are executable, for every certificate, and no copies that editors leave. */
static void
certbot_take_common_hooks(struct found *found)
{
	static const char *const directories[] = { "renewal-hooks/deploy", "renewal-hooks/post" };

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		_cleanup_strlist_ struct strlist names = STRLIST_INIT;

		files_list(found->root, directories[i], &names);
		for (size_t k = 0; k < names.count; k++) {
			_cleanup_free_ char *path = xasprintf("%s/%s", directories[i], names.items[k]);
			_cleanup_free_ char *full = xasprintf("%s/%s", found->directory, path);

			if (faccessat(found->root, path, X_OK, 0) < 0 || path[strlen(path) - 1] == '~')
				continue;
			for (size_t n = 0; n < found->n_certificates; n++)
				hook_add(&found->certificates[n], full, NULL);
		}
	}
}

/* --- certificates --- */

static int64_t
certbot_days(const char *text)
{
	enum { DAY = 86400, DAYS_MAX = 400 };
	char *end = NULL;
	long days = text ? strtol(text, &end, 10) : 0;

	return days > 0 && days <= DAYS_MAX && strcmp(end, " days") == 0 ? (int64_t)days * DAY : 0;
}

static void
certbot_take(struct found *found, const char *file, const char *email)
{
	_cleanup_free_ char *path = xasprintf("renewal/%s", file);
	_cleanup_free_ char *name = xstrndup(file, strlen(file) - strlen(suffix));
	struct found_certificate *c = found_add_certificate(found, name);
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_json_ struct json_object *settings = NULL;
	const char *reuse;

	if (files_read_text(found->root, path, &text, &why) < 0)
		found_cannot(c, "%s", why.message);
	settings = settings_of_ini(buf_str(&text));
	c->file = xasprintf("live/%s/fullchain.pem", name);
	c->key = xasprintf("live/%s/privkey.pem", name);
	reuse = settings_get(settings, "reuse_key");
	c->reuses_key = reuse && strcmp(reuse, "True") == 0;
	c->renew_before = certbot_days(settings_get(settings, "renew_before_expiry"));
	certbot_take_hooks(c, settings);
	certbot_take_account(found, c, settings, email);
	certbot_take_method(found, c, settings);
}

int
certbot_read(struct found *found, struct error *err)
{
	_cleanup_strlist_ struct strlist files = STRLIST_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_json_ struct json_object *own = NULL;

	if (!files_is_there(found->root, "renewal"))
		return error_set(err, ERROR_NOT_FOUND, "it has no directory 'renewal'");
	files_read_text(found->root, "cli.ini", &text, NULL);
	own = settings_of_ini(buf_str(&text));
	files_list(found->root, "renewal", &files);
	for (size_t i = 0; i < files.count; i++) {
		size_t len = strlen(files.items[i]);

		if (len > strlen(suffix) && strcmp(files.items[i] + len - strlen(suffix), suffix) == 0)
			certbot_take(found, files.items[i], settings_get(own, "email"));
	}
	certbot_take_common_hooks(found);
	return 0;
}
