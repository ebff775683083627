/*
 * acme-dns, a small DNS server for challenges only (github.com/joohoi/acme-dns). The names to be validated are CNAMEs
 * to the one name of its account, at which it serves the last two values. It has no removal: later values replace them.
 * The account is declared, or registered by certd when the DNS provider is declared without one.
 */
#include "common/error.h"
#include "daemon/base/http.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

#include <string.h>

static int
acmedns_auth(const struct http_api_task *task, struct http_request *req, struct error *err _unused_)
{
	const struct dnsprovider *d = http_api_provider(task);
	const char *name = http_api_setting(task, "username");

	if (!name && !d->account_name)
		return 0; /* the registration */
	strlist_take(&req->headers, xasprintf("X-Api-User: %s", name ? name : d->account_name));
	http_api_add_header(req, "X-Api-Key: ", name ? http_api_secret(task, "token") : &d->account_password);
	return 0;
}

static int
acmedns_on_account(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	return http_api_keep_account(task, http_api_text(answer, "username"), http_api_text(answer, "fulldomain"),
		http_api_text(answer, "password"), err);
}

static int
acmedns_sign_up(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	http_api_send(task, "POST", HTTP_API_NO_BODY, acmedns_on_account, "/register");
	return 0;
}

/* The account's label, if the name is the account's; "": it is another name. Owned by the caller. */
static char *
acmedns_label(const struct http_api_task *task)
{
	const char *domain = http_api_provider(task)->account_domain;
	const char *declared = http_api_setting(task, "subdomain");
	size_t len = declared ? strlen(declared) : strcspn(domain ? domain : "", ".");
	bool is_it = declared ? strncasecmp(task->name, declared, len) == 0 && task->name[len] == '.'
			      : domain && strcasecmp(task->name, domain) == 0;

	return xstrndup(task->name, is_it ? len : 0);
}

static int
acmedns_change(struct http_api_task *task, struct json_object *answer _unused_, struct error *err)
{
	const char *declared = http_api_setting(task, "subdomain");
	const char *domain = http_api_provider(task)->account_domain;
	_cleanup_free_ char *label = acmedns_label(task);
	struct json_object *body;

	if (!*label && declared)
		return error_set(err, ERROR_DNS,
			"'%s' is not the name of this account; make it a CNAME to '%s.' and the domain of the acme-dns "
			"server",
			task->name, declared);
	if (!*label)
		return error_set(err, ERROR_DNS,
			"'%s' is not a CNAME to the name of this account; publish: %s. CNAME %s.", task->name,
			task->name, domain ? domain : "");
	if (task->is_removal)
		return 0;
	body = json_object_new_object();
	json_add_string(body, "subdomain", label);
	json_add_string(body, "txt", task->value);
	http_api_send(task, "POST", http_api_json(body), http_api_end, "/update");
	return 0;
}

/* The credentials of an account, or none of them. */
static int
acmedns_check(const struct dnsprovider *d, struct error *err)
{
	const struct setting *token = setting_find(&d->secrets, "token");
	const struct {
		const char *name;
		bool is_given;
	} parts[] = {
		{ "username", setting_text(&d->settings, "username") != NULL },
		{ "subdomain", setting_text(&d->settings, "subdomain") != NULL },
		{ "token", token && token->secret.len },
	};
	size_t given = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		given += parts[i].is_given;
	for (size_t i = 0; i < ARRAY_SIZE(parts) && given; i++)
		if (!parts[i].is_given)
			return error_set_field(err, parts[i].name,
				"is missing: an account has token, username and subdomain; without all of them certd "
				"registers one");
	return http_api_check(d, err);
}

static const struct http_api acmedns_api = {
	.name = "acme-dns",
	.auth = acmedns_auth,
	.sign_up = acmedns_sign_up,
	.has_no_zones = true,
	.change = acmedns_change,
	.reason = "error",
};

const struct dnsprovider_driver dnsprovider_acmedns = {
	.api = &acmedns_api,
	.check = acmedns_check,
	.change = http_api_change,
	.sign_up = http_api_sign_up,
	.cancel = http_api_cancel,
};
