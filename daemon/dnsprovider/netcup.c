/*
 * netcup, the API of the Customer Control Panel (API: ccp.netcup.net/run/webservice/servers/endpoint.php?JSON). A
 * session is opened with the API password. Refusals are HTTP 200 with "status": "error". There is no list of zones.
 * An update changes only the records that it names.
 */
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

enum { NETCUP_SESSION_SEC = 15 * 60 };

static int
netcup_on_session(struct http_api_task *task, struct json_object *answer, struct error *err _unused_)
{
	http_api_keep_token(task, http_api_text(answer, "responsedata.apisessionid"), NETCUP_SESSION_SEC);
	return 0;
}

static int
netcup_login(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	http_api_call_template(task, netcup_on_session, false, "login \"apipassword\":\"$apiPassword\"");
	return 0;
}

static const struct http_api_records netcup_records = {
	.list = "infoDnsRecords \"domainname\":\"$zone\"",
	.items = "responsedata.dnsrecords",
	.name = "hostname",
	.type = "type",
	.content = "destination",
	.add = "updateDnsRecords \"domainname\":\"$zone\",\"dnsrecordset\":{\"dnsrecords\":[{"
	       "\"hostname\":\"$host\",\"type\":\"TXT\",\"destination\":\"$value\"}]}",
	.remove = "updateDnsRecords \"domainname\":\"$zone\",\"dnsrecordset\":{\"dnsrecords\":[{\"id\":\"$record\","
		  "\"hostname\":\"$host\",\"type\":\"TXT\",\"destination\":\"$value\",\"deleterecord\":true}]}",
};

static const struct http_api netcup_api = {
	.name = "netcup",
	.login = netcup_login,
	.procedures = { "/run/webservice/servers/endpoint.php?JSON",
		"{\"action\":\"$call\",\"param\":{\"customernumber\":\"$customerNumber\",\"apikey\":\"$apiKey\","
		"\"apisessionid\":\"$session\",$params}}" },
	.verdict = { "status", " success " },
	.apex = "@",
	.records = &netcup_records,
	.reason = "longmessage|shortmessage",
	.code = "statuscode",
	.throttled = "retry later", /* its code 4013 means any invalid call */
	.denied = " 4001 ",
};

const struct dnsprovider_driver dnsprovider_netcup = HTTP_API_DRIVER_WITHOUT_ZONES(&netcup_api);
