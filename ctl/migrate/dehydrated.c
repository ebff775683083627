/*
 * dehydrated: `config` (shell; only plain assignments are read, with $BASEDIR), certs/NAME/, and accounts/ID/ where ID
 * is the directory URL of the CA with a final newline, in base64url. The certificates do not say which CA issued them.
 */
#include "common/crypto/base64url.h"
#include "common/error.h"
#include "ctl/migrate/clients.h"
#include "ctl/migrate/files.h"
#include "ctl/migrate/hooks.h"
#include "ctl/migrate/settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* config, and *.sh in conf.d, where Debian's package keeps it. */
static struct json_object *
dehydrated_settings(const struct found *found)
{
	_cleanup_strlist_ struct strlist more = STRLIST_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;

	files_read_text(found->root, "config", &text, NULL);
	files_list(found->root, "conf.d", &more);
	for (size_t i = 0; i < more.count; i++) {
		_cleanup_free_ char *path = xasprintf("conf.d/%s", more.items[i]);

		buf_add_char(&text, '\n');
		if (strlen(path) > strlen(".sh") && strcmp(path + strlen(path) - strlen(".sh"), ".sh") == 0)
			files_read_text(found->root, path, &text, NULL);
	}
	return settings_of_shell(buf_str(&text));
}

/* BASEDIR may be elsewhere: then all paths are below that directory. */
static int
dehydrated_go_to_base(struct found *found, struct json_object *settings, struct error *err)
{
	const char *base = settings_get(settings, "BASEDIR");
	int fd;

	if (!base || *base != '/')
		return 0;
	fd = files_open_root(base, err);
	if (fd < 0)
		return -1;
	close(found->root);
	found->root = fd;
	str_replace(&found->directory, base);
	return 0;
}

/* A path with or without $BASEDIR, relative to it. Owned by the caller; NULL: elsewhere, or made by the shell. */
static char *
dehydrated_below_base(const struct found *found, const char *value, const char *fallback)
{
	static const char *const variables[] = { "${BASEDIR}/", "$BASEDIR/" };
	_cleanup_free_ char *base = xasprintf("%s/", found->directory);

	if (!value)
		return xstrdup(fallback);
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		if (strncmp(value, variables[i], strlen(variables[i])) == 0)
			return xstrdup(value + strlen(variables[i]));
	if (strncmp(value, base, strlen(base)) == 0)
		return xstrdup(value + strlen(base));
	return *value == '/' || strchr(value, '$') ? NULL : xstrdup(value);
}

static void
dehydrated_take_accounts(struct found *found, const char *directory, const char *email)
{
	_cleanup_strlist_ struct strlist ids = STRLIST_INIT;

	files_list(found->root, directory, &ids);
	for (size_t i = 0; i < ids.count; i++) {
		struct found_account *a = found_add_account(found, ids.items[i]);
		_cleanup_free_ char *info = xasprintf("%s/%s/registration_info.json", directory, ids.items[i]);
		_cleanup_json_ struct json_object *json = files_read_json(found->root, info);
		struct json_object *contact = json ? json_path(json, "contact") : NULL;
		const char *first = json_object_is_type(contact, json_type_array)
					    ? json_object_get_string(json_object_array_get_idx(contact, 0))
					    : NULL;
		_cleanup_buf_ struct buf url = BUF_INIT;

		a->key = xasprintf("%s/%s/account_key.pem", directory, ids.items[i]);
		a->email = first && strncmp(first, "mailto:", strlen("mailto:")) == 0
				   ? xstrdup(first + strlen("mailto:"))
				   : xstrdup_null(email);
		if (base64url_decode(ids.items[i], strlen(ids.items[i]), &url, NULL) < 0)
			continue;
		a->server = xstrndup(buf_str(&url), strcspn(buf_str(&url), "\n"));
	}
}

/* "letsencrypt" is the default, and an alias as in certctl. */
static const char *
dehydrated_account(const struct found *found, const char *ca)
{
	const char *only = NULL;
	size_t n = 0;

	for (size_t i = 0; i < found->n_accounts; i++) {
		const struct found_account *a = &found->accounts[i];

		if (ca && a->server && strcmp(a->server, ca) == 0)
			return a->id;
		n++;
		only = a->id;
	}
	return n == 1 ? only : NULL;
}

/*
 * @common with what the certificate's own file sets: DOMAINS_D/NAME, or certs/NAME/config. As in dehydrated, such a
 * file can set only these.
 */
static struct json_object *
dehydrated_settings_of(const struct found *found, struct json_object *common, const char *certs, const char *name)
{
	static const char *const keys[] = { "CHALLENGETYPE", "HOOK", "PRIVATE_KEY_RENEW", "RENEW_DAYS" };
	const char *domains = settings_get(common, "DOMAINS_D");
	_cleanup_free_ char *directory = domains ? dehydrated_below_base(found, domains, NULL) : NULL;
	_cleanup_free_ char *path = domains ? xasprintf("%s/%s", directory ? directory : "", name)
					    : xasprintf("%s/%s/config", certs, name);
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_json_ struct json_object *own = NULL;
	struct json_object *ret = json_object_new_object();

	files_read_text(found->root, path, &text, NULL);
	own = settings_of_shell(buf_str(&text));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *value = settings_get(own, keys[i]);

		json_add_string(ret, keys[i], value ? value : settings_get(common, keys[i]));
	}
	return ret;
}

/* As dehydrated calls it, but for the time of the certificate, which is that of the call. */
static void
dehydrated_take_hook(struct found *found, struct found_certificate *c, const char *hook)
{
	static const char call[] = "exec \"$0\" deploy_cert \"$CERTD_NAME\" \"$CERTD_DIRECTORY/privkey.pem\" "
				   "\"$CERTD_DIRECTORY/cert.pem\" \"$CERTD_DIRECTORY/fullchain.pem\" "
				   "\"$CERTD_DIRECTORY/chain.pem\" \"$(date +%s)\"";

	if (*hook == '/' && !strchr(hook, '$'))
		hook_add(c, hook, call);
	else
		found_advise(found,
			"certd does not run dehydrated's HOOK '%s', which is not an absolute path: declare it with "
			"certctl add-consumer --activate exec",
			hook);
}

static int64_t
dehydrated_days(const char *text)
{
	enum { DAY = 86400, DAYS_MAX = 400 };
	char *end = NULL;
	long days = text ? strtol(text, &end, 10) : 0;

	return days > 0 && days <= DAYS_MAX && !*end ? (int64_t)days * DAY : 0;
}

static void
dehydrated_take(struct found *found, struct json_object *common, const char *certs, const char *name)
{
	struct found_certificate *c = found_add_certificate(found, name);
	_cleanup_json_ struct json_object *settings = dehydrated_settings_of(found, common, certs, name);
	const char *challenge = settings_get(settings, "CHALLENGETYPE");
	const char *hook = settings_get(settings, "HOOK");
	const char *renew = settings_get(settings, "PRIVATE_KEY_RENEW");

	c->file = xasprintf("%s/%s/fullchain.pem", certs, name);
	c->key = xasprintf("%s/%s/privkey.pem", certs, name);
	c->account = xstrdup_null(dehydrated_account(found, settings_get(common, "CA")));
	c->how = xstrdup(challenge ? challenge : "http-01");
	c->method = strcmp(c->how, "http-01") == 0 ? FOUND_HTTP : FOUND_DNS;
	c->reuses_key = renew && strcmp(renew, "no") == 0;
	c->renew_before = dehydrated_days(settings_get(settings, "RENEW_DAYS"));
	if (hook)
		dehydrated_take_hook(found, c, hook);
	if (strcmp(c->how, "dns-01") != 0)
		return;
	if (!hook || *hook != '/' || strchr(hook, '$')) {
		found_cannot(c, "HOOK in its configuration is not the absolute path of a program");
		return;
	}
	c->dns = json_object_new_object();
	json_add_string(c->dns, "kind", "exec");
	json_add_string(c->dns, "command", hook);
	json_add_string(c->dns, "convention", "dehydrated");
}

int
dehydrated_read(struct found *found, struct error *err)
{
	_cleanup_json_ struct json_object *settings = dehydrated_settings(found);
	_cleanup_free_ char *certs = NULL, *accounts = NULL;
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	const char *wellknown = settings_get(settings, "WELLKNOWN");

	if (dehydrated_go_to_base(found, settings, err) < 0)
		return -1;
	certs = dehydrated_below_base(found, settings_get(settings, "CERTDIR"), "certs");
	accounts = dehydrated_below_base(found, settings_get(settings, "ACCOUNTDIR"), "accounts");
	if (!certs || !accounts)
		return error_set(
			err, ERROR_INVALID, "CERTDIR and ACCOUNTDIR are not below its BASEDIR '%s'", found->directory);
	if (!files_is_there(found->root, certs))
		return error_set(err, ERROR_NOT_FOUND, "'%s' has no directory '%s'", found->directory, certs);
	dehydrated_take_accounts(found, accounts, settings_get(settings, "CONTACT_EMAIL"));
	files_list(found->root, certs, &names);
	for (size_t i = 0; i < names.count; i++)
		dehydrated_take(found, settings, certs, names.items[i]);
	if (wellknown && found->n_certificates)
		found_advise(found,
			"certd writes http-01 answers to DIR/.well-known/acme-challenge of each webroot = DIR in "
			"certd.conf; dehydrated wrote them to %s",
			wellknown);
	return 0;
}
