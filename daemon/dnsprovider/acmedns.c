/*
 * acme-dns, a small DNS server for challenges only (github.com/joohoi/acme-dns). The names to be validated are CNAMEs
 * to the one name of its account, at which it serves the last two values. It has no removal: later values replace them.
 */
#include "common/error.h"
#include "daemon/base/http.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

#include <string.h>

static int
acmedns_auth(const struct http_api_task *task, struct http_request *req, struct error *err _unused_)
{
	strlist_take(&req->headers, xasprintf("X-Api-User: %s", http_api_setting(task, "username")));
	http_api_add_header(req, "X-Api-Key: ", http_api_secret(task, "token"));
	return 0;
}

static int
acmedns_change(struct http_api_task *task, struct json_object *answer _unused_, struct error *err)
{
	const char *subdomain = http_api_setting(task, "subdomain");
	size_t len = strlen(subdomain);

	if (strncasecmp(task->name, subdomain, len) != 0 || task->name[len] != '.')
		return error_set(err, ERROR_DNS,
			"'%s' is not the name of this account; make it a CNAME to '%s.' and the "
			"domain of the acme-dns server",
			task->name, subdomain);
	if (!task->is_removal)
		http_api_send(task, "POST",
			http_api_json_template(task, "{\"subdomain\":\"$subdomain\",\"txt\":\"$value\"}", NULL),
			http_api_end, "/update");
	return 0;
}

static const struct http_api acmedns_api = {
	.name = "acme-dns",
	.auth = acmedns_auth,
	.has_no_zones = true,
	.change = acmedns_change,
	.reason = "error",
};

const struct dnsprovider_driver dnsprovider_acmedns = HTTP_API_DRIVER_WITHOUT_ZONES(&acmedns_api);
