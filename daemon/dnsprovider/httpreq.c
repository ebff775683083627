/*
 * The generic HTTP protocol of the ACME client lego, which many small bridges speak: POST to /present and /cleanup. The
 * service finds the zone itself. Both calls may be repeated.
 */
#include "daemon/base/http.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

static int
httpreq_auth(const struct http_api_task *task, struct http_request *req, struct error *err _unused_)
{
	const char *user = http_api_setting(task, "username");
	const struct secret *password = http_api_secret(task, "token");

	if (password)
		http_api_add_basic(req, user ? user : "", password);
	return 0;
}

static int
httpreq_change(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	http_api_send(task, "POST", http_api_json_template(task, "{\"fqdn\":\"$name.\",\"value\":\"$value\"}", NULL),
		http_api_end, "%s", task->is_removal ? "/cleanup" : "/present");
	return 0;
}

static const struct http_api httpreq_api = {
	.name = "httpreq",
	.auth = httpreq_auth,
	.has_no_zones = true,
	.change = httpreq_change,
	.reason = "error",
};

const struct dnsprovider_driver dnsprovider_httpreq = HTTP_API_DRIVER_WITHOUT_ZONES(&httpreq_api);
