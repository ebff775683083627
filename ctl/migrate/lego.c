/*
 * lego: certificates/NAME.{crt,key,json} and accounts/HOST/EMAIL/account.json with keys/EMAIL.key. Only its command
 * line says how it validates, so http-01 is assumed. HOST is that of the CA, with '_' for ':'; the path is not stored.
 */
#include "common/error.h"
#include "ctl/migrate/clients.h"
#include "ctl/migrate/files.h"
#include "ctl/migrate/settings.h"

#include <stdlib.h>
#include <string.h>

static const char suffix[] = ".json";

static void
lego_take_account(struct found *found, const char *host, const char *email)
{
	_cleanup_free_ char *id = xasprintf("%s/%s", host, email);
	struct found_account *a = found_add_account(found, id);

	a->server = xstrdup_null(client_server_at(host));
	a->email = strchr(email, '@') ? xstrdup(email) : NULL;
	a->key = xasprintf("accounts/%s/keys/%s.key", id, email);
}

static void
lego_take_accounts(struct found *found)
{
	_cleanup_strlist_ struct strlist hosts = STRLIST_INIT;

	files_list(found->root, "accounts", &hosts);
	for (size_t i = 0; i < hosts.count; i++) {
		_cleanup_free_ char *path = xasprintf("accounts/%s", hosts.items[i]);
		_cleanup_strlist_ struct strlist emails = STRLIST_INIT;

		files_list(found->root, path, &emails);
		for (size_t k = 0; k < emails.count; k++)
			lego_take_account(found, hosts.items[i], emails.items[k]);
	}
}

/* The only account at the host that has issued it. */
static char *
lego_account_of(const struct found *found, const char *url)
{
	const char *host = url ? strstr(url, "://") : NULL;
	const char *only = NULL;
	size_t n = 0;

	for (size_t i = 0; host && i < found->n_accounts; i++) {
		const char *id = found->accounts[i].id;
		const char *at = host + strlen("://");

		while (*id && *id != '/' && (*id == *at || (*id == '_' && *at == ':'))) {
			id++;
			at++;
		}
		if (*id != '/' || *at != '/')
			continue;
		n++;
		only = found->accounts[i].id;
	}
	return n == 1 ? xstrdup(only) : NULL;
}

static void
lego_take(struct found *found, const char *file)
{
	_cleanup_free_ char *base = xstrndup(file, strlen(file) - strlen(suffix));
	_cleanup_free_ char *path = xasprintf("certificates/%s", file);
	_cleanup_json_ struct json_object *json = files_read_json(found->root, path);
	const char *domain = settings_get(json, "domain");
	struct found_certificate *c = found_add_certificate(found, domain ? domain : base);

	c->file = xasprintf("certificates/%s.crt", base);
	c->key = xasprintf("certificates/%s.key", base);
	c->account = lego_account_of(found, settings_get(json, "certUrl"));
	c->method = FOUND_HTTP;
	c->how = xstrdup("a challenge that lego does not store");
}

int
lego_read(struct found *found, struct error *err)
{
	_cleanup_strlist_ struct strlist files = STRLIST_INIT;

	if (!files_is_there(found->root, "certificates"))
		return error_set(err, ERROR_NOT_FOUND, "it has no directory 'certificates'");
	lego_take_accounts(found);
	files_list(found->root, "certificates", &files);
	for (size_t i = 0; i < files.count; i++) {
		size_t len = strlen(files.items[i]);

		if (len > strlen(suffix) && strcmp(files.items[i] + len - strlen(suffix), suffix) == 0)
			lego_take(found, files.items[i]);
	}
	if (!found->n_certificates)
		return 0;
	found_advise(found, "lego does not store its challenge: http-01 is declared unless --dns is given");
	found_advise(found, "lego does not store its hooks (--run-hook and --renew-hook): declare them with certctl "
			    "add-consumer --activate exec");
	return 0;
}
