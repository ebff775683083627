/*
 * The generic HTTP protocol of the ACME client lego, which many small bridges speak: POST to /present and /cleanup. The
 * service finds the zone itself. Both calls may be repeated. In raw mode (lego's HTTPREQ_MODE=RAW) the service makes
 * owner name and value from what the challenge has.
 */
#include "common/error.h"
#include "daemon/base/http.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

#include <string.h>

static int
httpreq_auth(const struct http_api_task *task, struct http_request *req, struct error *err _unused_)
{
	const char *user = http_api_setting(task, "username");
	const struct secret *password = http_api_secret(task, "token");

	if (password)
		http_api_add_basic(req, user ? user : "", password);
	return 0;
}

static bool
httpreq_is_raw(const struct dnsprovider *d)
{
	const char *mode = setting_text(&d->settings, "mode");

	return mode && strcmp(mode, "raw") == 0;
}

static int
httpreq_change(struct http_api_task *task, struct json_object *answer _unused_, struct error *err)
{
	const char *mode = http_api_setting(task, "mode");
	bool is_raw = mode && strcmp(mode, "raw") == 0;
	const char *body = is_raw ? "{\"domain\":\"$domain\",\"token\":\"$token\",\"keyAuth\":\"$keyAuth\"}"
				  : "{\"fqdn\":\"$name.\",\"value\":\"$value\"}";

	if (is_raw && (!task->domain || !task->token))
		return error_set(
			err, ERROR_STATE, "the challenge of the record at '%s' is not known any more", task->name);
	http_api_send(task, "POST", http_api_json_template(task, body, NULL), http_api_end, "%s",
		task->is_removal ? "/cleanup" : "/present");
	return 0;
}

static const struct http_api httpreq_api = {
	.name = "httpreq",
	.auth = httpreq_auth,
	.has_no_zones = true,
	.change = httpreq_change,
	.reason = "error",
};

const struct dnsprovider_driver dnsprovider_httpreq = {
	.api = &httpreq_api,
	.is_dns01_only = httpreq_is_raw,
	.check = http_api_check,
	.change = http_api_change,
	.cancel = http_api_cancel,
};
