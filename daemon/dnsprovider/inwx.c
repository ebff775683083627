/*
 * INWX, the JSON-RPC of DomRobot (API: api.domrobot.com/jsonrpc). A session is opened with the password of the account
 * and named by a cookie. Refusals are HTTP 200 with a code as in EPP (RFC 5730 s3): from 2000 on.
 */
#include "common/error.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

#include <string.h>

enum { INWX_SESSION_SEC = 15 * 60 };

static int
inwx_on_session(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	const char *cookie = http_api_cookie(task, "domrobot");
	const char *second = http_api_text(answer, "resData.tfa");

	if (*second && strcmp(second, "0") != 0)
		return error_set(err, ERROR_DENIED,
			"the account '%s' demands a second factor; give certd a subaccount that may only change DNS",
			http_api_setting(task, "username"));
	if (cookie)
		http_api_keep_token(task, cookie, INWX_SESSION_SEC);
	return 0;
}

static int
inwx_login(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	http_api_call_template(
		task, inwx_on_session, false, "account.login \"user\":\"$username\",\"pass\":\"$password\"");
	return 0;
}

static const struct http_api_records inwx_records = {
	.list = "nameserver.info \"domain\":\"$zone\",\"name\":\"$name\",\"type\":\"TXT\"",
	.items = "resData.record",
	.is_one_page = true,
	.has_full_names = true,
	.name = "name",
	.type = "type",
	.content = "content",
	.add = "nameserver.createRecord \"domain\":\"$zone\",\"name\":\"$name\",\"type\":\"TXT\","
	       "\"content\":\"$value\",\"ttl\":$ttl",
	.remove = "nameserver.deleteRecord \"id\":$record",
};

static const struct http_api inwx_api = {
	.name = "INWX",
	.header = "Cookie: ",
	.login = inwx_login,
	.procedures = { "/jsonrpc/", "{\"method\":\"$call\",\"params\":{$params}}" },
	.verdict = { "code", " 1000 1001 1300 1301 1500 " },
	.paging = { HTTP_API_NUMBER, .items = "resData.domains", .size = 100 },
	.zones = { "nameserver.list \"page\":$page,\"pagelimit\":100", .name = "domain", .is_spared = true },
	.min_ttl = 300,
	.records = &inwx_records,
	.reason = "reason|msg",
	.code = "code",
	.passing = " 2400 2500 2502 ",
	.denied = " 2002 2200 2501 ",
};

const struct dnsprovider_driver dnsprovider_inwx = HTTP_API_DRIVER(&inwx_api);
