/*
 * Amazon Route 53 (API: route53.amazonaws.com, version 2013-04-01). Requests are signed (SigV4), answers are XML.
 *
 *   record set of the name -> POST a change: UPSERT of the set with the value added or removed, or DELETE of the last
 *                          -> GET the change until it is INSYNC
 *
 * Lists begin at the name that is asked for, so the first set may be another one. DELETE must name the set exactly.
 */
#include "common/error.h"
#include "common/xml.h"
#include "daemon/base/http.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

#include <string.h>

#define ROUTE53_VERSION "/2013-04-01"
#define ROUTE53_SET "ListResourceRecordSetsResponse.0.ResourceRecordSets.0.ResourceRecordSet.0"
#define ROUTE53_CHANGE_ID "/change/"

static int
route53_auth(const struct http_api_task *task, struct http_request *req, struct error *err _unused_)
{
	const struct secret *session = http_api_secret(task, "sessionToken");

	http_api_sign_aws(task, req, "aws:amz:us-east-1:route53", http_api_setting(task, "accessKeyId"),
		http_api_secret(task, "secretAccessKey"));
	if (session)
		http_api_add_header(req, "X-Amz-Security-Token: ", session);
	return 0;
}

static int
route53_on_status(struct http_api_task *task, struct json_object *answer, struct error *err _unused_)
{
	if (strcmp(http_api_text(answer, "GetChangeResponse.0.ChangeInfo.0.Status.0"), "INSYNC") != 0)
		http_api_poll(task, "the change is not on all servers of the service");
	return 0;
}

static int
route53_on_changed(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	const char *path = http_api_text(answer, "ChangeResourceRecordSetsResponse.0.ChangeInfo.0.Id.0");
	size_t len = strlen(ROUTE53_CHANGE_ID);

	if (strncmp(path, ROUTE53_CHANGE_ID, len) != 0 || strpbrk(path + len, "/?#%") || !path[len])
		return error_set(err, ERROR_PROTOCOL, "the change has no id");
	http_api_send(task, "GET", HTTP_API_NO_BODY, route53_on_status, ROUTE53_VERSION "%s", path);
	return 0;
}

/* The set as a document; @values: its records. Owned by the caller. */
static char *
route53_document(const struct http_api_task *task, const char *action, const char *ttl, struct json_object *values)
{
	struct buf text = BUF_INIT;

	buf_printf(&text,
		"<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>"
		"<Changes><Change><Action>%s</Action><ResourceRecordSet><Name>%s.</Name><Type>TXT</Type><TTL>",
		action, task->name);
	xml_add_text(&text, ttl);
	buf_add_str(&text, "</TTL><ResourceRecords>");
	for (size_t i = 0; i < json_object_array_length(values); i++) {
		buf_add_str(&text, "<ResourceRecord><Value>");
		xml_add_text(&text, http_api_text(json_object_array_get_idx(values, i), "Value.0"));
		buf_add_str(&text, "</Value></ResourceRecord>");
	}
	buf_add_str(&text, "</ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch>"
			   "</ChangeResourceRecordSetsRequest>");
	return buf_steal(&text);
}

static int
route53_on_set(struct http_api_task *task, struct json_object *answer, struct error *err _unused_)
{
	struct json_object *set = http_api_member(answer, ROUTE53_SET);
	_cleanup_free_ char *owner = xasprintf("%s.", task->name);
	bool is_there = strcasecmp(http_api_text(set, "Name.0"), owner) == 0 &&
			strcmp(http_api_text(set, "Type.0"), "TXT") == 0;
	struct json_object *values = is_there ? http_api_member(set, "ResourceRecords.0.ResourceRecord") : NULL;
	_cleanup_json_ struct json_object *changed = http_api_changed_values(
		task, values, "Value.0", "{\"Value\":[\"\\\"$value\\\"\"]}");
	_cleanup_free_ char *ttl = is_there ? xstrdup(http_api_text(set, "TTL.0"))
					    : xasprintf("%lld", (long long)task->ttl);
	bool is_last = changed && !json_object_array_length(changed);

	if (!changed)
		return 0;
	http_api_send(task, "POST",
		http_api_xml(route53_document(task, is_last ? "DELETE" : "UPSERT", ttl, is_last ? values : changed)),
		route53_on_changed, ROUTE53_VERSION "/hostedzone/%s/rrset/", task->zone_id);
	return 0;
}

/* The parameters are in alphabetical order, as the signature requires. */
static int
route53_change(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	http_api_find(task, route53_on_set, ROUTE53_VERSION "/hostedzone/$id/rrset?maxitems=1&name=$name.&type=TXT");
	return 0;
}

static const struct http_api route53_api = {
	.name = "Route 53",
	.auth = route53_auth,
	.is_xml = true,
	.paging = { HTTP_API_CURSOR, .items = "ListHostedZonesResponse.0.HostedZones.0.HostedZone",
		.position = "marker", .size_name = "maxitems", .size = 100,
		.cursor = "ListHostedZonesResponse.0.NextMarker.0" },
	.zones = { ROUTE53_VERSION "/hostedzone", .name = "Name.0", .id = "Id.0", .id_prefix = "/hostedzone/",
		.hidden = "Config.0.PrivateZone.0", .hidden_word = "true" },
	.change = route53_change,
	.reason = "ErrorResponse.0.Error.0.Message.0",
	.code = "ErrorResponse.0.Error.0.Code.0",
	.passing = " Throttling PriorRequestNotComplete ",
};

const struct dnsprovider_driver dnsprovider_route53 = HTTP_API_DRIVER(&route53_api);
