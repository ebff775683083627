/* The DNS services of the harness, from their documentation and the recorded answers of other clients' tests. */
#include "tests/unit/dnsprovider/services.h"

#include "common/alloc.h"

/* One row per line is easier to compare with the documentation. */
/* clang-format off */
const struct service services[] = {
	{
		.kind = "cloudflare",
		.endpoint = "https://api.cloudflare.com/client/v4",
		.settings = { { "token", "tok" } },
		.zones_call = "GET /zones?name=example.com&page=1&per_page=50",
		.zones = "{\"success\":true,\"errors\":[],\"messages\":[],\"result\":[$items],\"result_info\":{"
			"\"page\":1,\"per_page\":50}}",
		.zone = "{\"id\":\"z$id\",\"name\":\"$zone\",\"status\":\"active\",\"paused\":false}",
		.page_size = 50,
		.next_call = "GET /zones?name=example.com&page=2&per_page=50",
		.list_call = "GET /zones/z51/dns_records?type=TXT&name=_acme-challenge.example.com&page=1&per_page=50",
		.list = "{\"success\":true,\"errors\":[],\"result\":[$items]}",
		.item = "{\"id\":\"$id\",\"type\":\"TXT\",\"name\":\"_acme-challenge.example.com\","
			"\"content\":\"\\\"$value\\\"\",\"ttl\":120}",
		.add = { .call = "POST /zones/z51/dns_records", 200, "{\"success\":true,\"result\":{\"id\":\"r1\"}}",
			.sent = "{\"type\":\"TXT\",\"name\":\"_acme-challenge.example.com\","
			"\"content\":\"\\\"v1\\\"\",\"ttl\":60}" },
		.remove = { .call = "DELETE /zones/z51/dns_records/$record", 200, "{\"result\":{\"id\":\"r1\"}}" },
		.refusal = "{\"success\":false,\"errors\":[{\"code\":9109,\"message\":\"Invalid access token\"}"
			"],\"messages\":[],\"result\":null}",
		.words = "Invalid access token",
	},
	{
		.kind = "digitalocean",
		.endpoint = "https://api.digitalocean.com/v2",
		.settings = { { "token", "tok" } },
		.zones_call = "GET /domains?page=1&per_page=200",
		.zones = "{\"domains\":[$items],\"links\":{},\"meta\":{\"total\":6}}",
		.zone = "{\"name\":\"$zone\",\"ttl\":1800,\"zone_file\":\"\"}",
		.page_size = 200,
		.next_call = "GET /domains?page=2&per_page=200",
		.list_call = "GET /domains/example.com/records?type=TXT&name=_acme-challenge.example.com&page=1&"
			"per_page=200",
		.list = "{\"domain_records\":[$items],\"links\":{},\"meta\":{\"total\":2}}",
		.item = "{\"id\":$id,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"$value\","
			"\"priority\":null,\"ttl\":30}",
		.add = { .call = "POST /domains/example.com/records", 201, "{\"domain_record\":{\"id\":1234567,"
			"\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"v1\"}}", .sent = "{"
			"\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"v1\",\"ttl\":60}" },
		.remove = { .call = "DELETE /domains/example.com/records/$record", 204, "" },
		.refusal = "{\"id\":\"unauthorized\",\"message\":\"Unable to authenticate you\"}",
		.words = "Unable to authenticate you",
	},
	{
		.kind = "linode",
		.endpoint = "https://api.linode.com/v4",
		.settings = { { "token", "tok" } },
		.zones_call = "GET /domains?page=1&page_size=500",
		.zones = "{\"data\":[$items],\"page\":1,\"pages\":1,\"results\":6}",
		.zone = "{\"id\":$id,\"domain\":\"$zone\",\"type\":\"master\",\"status\":\"active\"}",
		.page_size = 500,
		.next_call = "GET /domains?page=2&page_size=500",
		.list_call = "GET /domains/51/records?page=1&page_size=500",
		.list = "{\"data\":[$items],\"page\":1,\"pages\":1,\"results\":2}",
		.item = "{\"id\":$id,\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"target\":\"$value\","
			"\"ttl_sec\":300}",
		.add = { .call = "POST /domains/51/records", 200, "{\"id\":9,\"type\":\"TXT\"}", .sent = "{"
			"\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"target\":\"v1\",\"ttl_sec\":300}" },
		.remove = { .call = "DELETE /domains/51/records/$record", 200, "{}" },
		.refusal = "{\"errors\":[{\"reason\":\"Invalid Token\"}]}",
		.words = "Invalid Token",
	},
	{
		.kind = "vultr",
		.endpoint = "https://api.vultr.com/v2",
		.settings = { { "token", "tok" } },
		.zones_call = "GET /domains?per_page=500",
		.zones = "{\"domains\":[$items],\"meta\":{\"total\":6,\"links\":{\"next\":\"\",\"prev\":\"\"}}}",
		.zone = "{\"domain\":\"$zone\",\"date_created\":\"2020-01-01T00:00:00+00:00\","
			"\"dns_sec\":\"disabled\"}",
		.zones_more = "{\"domains\":[$items],\"meta\":{\"total\":7,\"links\":{\"next\":\"bmV4dA==\","
			"\"prev\":\"\"}}}",
		.next_call = "GET /domains?cursor=bmV4dA%3D%3D&per_page=500",
		.list_call = "GET /domains/example.com/records?per_page=500",
		.list = "{\"records\":[$items],\"meta\":{\"total\":1,\"links\":{\"next\":\"\",\"prev\":\"\"}}}",
		.item = "{\"id\":\"$id\",\"type\":\"TXT\",\"name\":\"_acme-challenge\","
			"\"data\":\"\\\"$value\\\"\",\"priority\":0,\"ttl\":300}",
		.add = { .call = "POST /domains/example.com/records", 201, "{\"record\":{\"id\":\"r1\"}}", .sent = "{"
			"\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"\\\"v1\\\"\",\"ttl\":120}" },
		.remove = { .call = "DELETE /domains/example.com/records/$record", 204, "" },
		.refusal = "{\"error\":\"Invalid API token.\",\"status\":401}",
		.words = "Invalid API token.",
	},
	{
		.kind = "dnsimple",
		.endpoint = "https://api.dnsimple.com/v2",
		.settings = { { "token", "tok" }, { "account", "1010" } },
		.zones_call = "GET /1010/zones?name_like=example.com&page=1&per_page=100",
		.zones = "{\"data\":[$items],\"pagination\":{\"current_page\":1,\"per_page\":100,"
			"\"total_entries\":6,\"total_pages\":1}}",
		.zone = "{\"id\":$id,\"account_id\":1010,\"name\":\"$zone\",\"reverse\":false}",
		.page_size = 100,
		.next_call = "GET /1010/zones?name_like=example.com&page=2&per_page=100",
		.list_call = "GET /1010/zones/example.com/records?name=_acme-challenge&type=TXT&page=1&per_page=100",
		.list = "{\"data\":[$items],\"pagination\":{\"current_page\":1,\"per_page\":100}}",
		.item = "{\"id\":$id,\"zone_id\":\"example.com\",\"parent_id\":null,"
			"\"name\":\"_acme-challenge\",\"content\":\"\\\"$value\\\"\",\"ttl\":60,\"type\":\"TXT\"}",
		.add = { .call = "POST /1010/zones/example.com/records", 201, "{\"data\":{\"id\":5}}", .sent = "{"
			"\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"content\":\"v1\",\"ttl\":60}" },
		.remove = { .call = "DELETE /1010/zones/example.com/records/$record", 204, "" },
		.refusal = "{\"message\":\"Authentication failed\"}",
		.words = "Authentication failed",
	},
	{
		.kind = "bunny",
		.endpoint = "https://api.bunny.net",
		.header = "AccessKey: tok",
		.settings = { { "token", "tok" } },
		.zones_call = "GET /dnszone?search=example.com&page=1&perPage=1000",
		.zones = "{\"Items\":[$items],\"CurrentPage\":1,\"TotalItems\":6,\"HasMoreItems\":false}",
		.zone = "{\"Id\":$id,\"Domain\":\"$zone\",\"Records\":[]}",
		.page_size = 1000,
		.next_call = "GET /dnszone?search=example.com&page=2&perPage=1000",
		.list_call = "GET /dnszone/51",
		.list = "{\"Id\":51,\"Domain\":\"example.com\",\"Records\":[$items]}",
		.item = "{\"Id\":$id,\"Type\":3,\"Ttl\":120,\"Value\":\"$value\",\"Name\":\"_acme-challenge\"}",
		.add = { .call = "PUT /dnszone/51/records", 201, "{\"Id\":9}", .sent = "{\"Type\":3,"
			"\"Name\":\"_acme-challenge\",\"Value\":\"v1\",\"Ttl\":60}" },
		.remove = { .call = "DELETE /dnszone/51/records/$record", 204, "" },
		.refusal = "{\"ErrorKey\":\"unauthorized\",\"Field\":\"\",\"Message\":\"Wrong access key\"}",
		.words = "Wrong access key",
	},
	{
		.kind = "ionos",
		.endpoint = "https://api.hosting.ionos.com/dns/v1",
		.header = "X-API-Key: pre.fix",
		.settings = { { "token", "pre.fix" } },
		.zones_call = "GET /zones",
		.zones = "[$items]",
		.zone = "{\"id\":\"11af3414-$id\",\"name\":\"$zone\",\"type\":\"NATIVE\"}",
		.list_call = "GET /zones/11af3414-51?recordName=_acme-challenge.example.com&recordType=TXT",
		.list = "{\"id\":\"11af3414-51\",\"name\":\"example.com\",\"type\":\"NATIVE\",\"records\":[$items]}",
		.item = "{\"id\":\"$id\",\"name\":\"_acme-challenge.example.com\",\"rootName\":\"example.com\","
			"\"type\":\"TXT\",\"content\":\"\\\"$value\\\"\",\"ttl\":60,\"prio\":0,\"disabled\":false}",
		.add = { .call = "POST /zones/11af3414-51/records", 201, "[{\"id\":\"r1\"}]", .sent = "[{"
			"\"name\":\"_acme-challenge.example.com\",\"type\":\"TXT\",\"content\":\"v1\","
			"\"ttl\":60,\"prio\":0,\"disabled\":false}]" },
		.remove = { .call = "DELETE /zones/11af3414-51/records/$record", 200, "" },
		.refusal = "[{\"code\":\"UNAUTHORIZED\","
			"\"message\":\"The customer is not authorized to do this operation.\"}]",
		.words = "The customer is not authorized to do this operation.",
	},
	{
		.kind = "ionoscloud",
		.endpoint = "https://dns.de-fra.ionos.com",
		.settings = { { "token", "tok" } },
		.zones_call = "GET /zones?filter.zoneName=example.com&offset=0&limit=100",
		.zones = "{\"id\":\"zones\",\"type\":\"collection\",\"offset\":0,\"limit\":100,\"items\":[$items]}",
		.zone = "{\"id\":\"z$id\",\"properties\":{\"zoneName\":\"$zone\",\"enabled\":true}}",
		.page_size = 100,
		.next_call = "GET /zones?filter.zoneName=example.com&offset=100&limit=100",
		.list_call = "GET /records?filter.zoneId=z51&filter.type=TXT&filter.name=_acme-challenge&"
			"offset=0&limit=100",
		.list = "{\"items\":[$items]}",
		.item = "{\"id\":\"$id\",\"metadata\":{\"state\":\"AVAILABLE\"},\"properties\":{"
			"\"name\":\"_acme-challenge\",\"type\":\"TXT\",\"content\":\"$value\"}}",
		.add = { .call = "POST /zones/z51/records", 202, "{\"id\":\"71\",\"metadata\":{"
			"\"state\":\"PROVISIONING\"}}", .sent = "{\"properties\":{\"name\":\"_acme-challenge\","
			"\"type\":\"TXT\",\"content\":\"v1\",\"ttl\":60,\"enabled\":true}}" },
		.remove = { .call = "DELETE /zones/z51/records/$record", 202, "{}" },
		.after_add = { .call = "GET /zones/z51/records/71", 200, "{\"id\":\"71\",\"metadata\":{"
			"\"state\":\"AVAILABLE\"}}" },
		.refusal = "{\"httpStatus\":401,\"messages\":[{\"errorCode\":\"paas-auth-1\","
			"\"message\":\"Unauthorized, wrong or no api key\"}]}",
		.words = "Unauthorized, wrong or no api key",
	},
	{
		.kind = "scaleway",
		.endpoint = "https://api.scaleway.com/domain/v2beta1",
		.header = "X-Auth-Token: tok",
		.settings = { { "token", "tok" } },
		.zones_call = "GET /dns-zones?page=1&page_size=100",
		.zones = "{\"total_count\":6,\"dns_zones\":[{\"domain\":\"example.com\",\"subdomain\":\"not\"},"
			"$items]}",
		.zone = "{\"domain\":\"$zone\",\"subdomain\":\"\",\"status\":\"active\"}",
		.page_size = 99,
		.next_call = "GET /dns-zones?page=2&page_size=100",
		.list_call = "GET /dns-zones/example.com/records?name=_acme-challenge&type=TXT&page=1&page_size=100",
		.list = "{\"total_count\":1,\"records\":[$items]}",
		.item = "{\"id\":\"$id\",\"data\":\"\\\"$value\\\"\",\"name\":\"_acme-challenge\","
			"\"priority\":0,\"ttl\":60,\"type\":\"TXT\"}",
		.add = { .call = "PATCH /dns-zones/example.com/records", 200, "{\"records\":[]}", .sent = "{"
			"\"return_all_records\":false,\"changes\":[{\"add\":{\"records\":[{"
			"\"name\":\"_acme-challenge\",\"type\":\"TXT\",\"data\":\"\\\"v1\\\"\",\"ttl\":60}]}}]}" },
		.remove = { .call = "PATCH /dns-zones/example.com/records", 200, "{\"records\":[]}", .sent = "{"
			"\"return_all_records\":false,\"changes\":[{\"delete\":{\"id\":\"$record\"}}]}" },
		.refusal = "{\"message\":\"authentication is denied\",\"method\":\"api_key\","
			"\"reason\":\"invalid_argument\",\"type\":\"denied_authentication\"}",
		.words = "authentication is denied",
	},
	{
		.kind = "hetznerdns",
		.endpoint = "https://dns.hetzner.com/api/v1",
		.header = "Auth-API-Token: tok",
		.settings = { { "token", "tok" } },
		.zones_call = "GET /zones?name=example.com&page=1&per_page=100",
		.zones = "{\"zones\":[$items],\"meta\":{\"pagination\":{\"page\":1,\"per_page\":100}}}",
		.zone = "{\"id\":\"z$id\",\"name\":\"$zone\",\"ttl\":86400}",
		.page_size = 100,
		.next_call = "GET /zones?name=example.com&page=2&per_page=100",
		.list_call = "GET /records?zone_id=z51&page=1&per_page=100",
		.list = "{\"records\":[$items]}",
		.item = "{\"id\":\"$id\",\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"value\":\"$value\","
			"\"zone_id\":\"z51\",\"ttl\":600}",
		.add = { .call = "POST /records", 200, "{\"record\":{\"id\":\"r1\"}}", .sent = "{"
			"\"name\":\"_acme-challenge\",\"type\":\"TXT\",\"value\":\"v1\",\"ttl\":60,"
			"\"zone_id\":\"z51\"}" },
		.remove = { .call = "DELETE /records/$record", 200, "{}" },
		.refusal = "{\"error\":{\"message\":\"Invalid authentication credentials\",\"code\":401}}",
		.words = "Invalid authentication credentials",
	},
	{
		.kind = "hetzner",
		.endpoint = "https://api.hetzner.cloud/v1",
		.settings = { { "token", "tok" } },
		.zones_call = "GET /zones?name=example.com&page=1&per_page=50",
		.zones = "{\"zones\":[$items],\"meta\":{\"pagination\":{\"page\":1,\"per_page\":50,"
			"\"next_page\":null}}}",
		.zone = "{\"id\":$id,\"name\":\"$zone\",\"mode\":\"primary\"}",
		.page_size = 50,
		.next_call = "GET /zones?name=example.com&page=2&per_page=50",
		.list_call = "GET /zones/51/rrsets/_acme-challenge/TXT",
		.list = "{\"rrset\":{\"id\":\"_acme-challenge/TXT\",\"name\":\"_acme-challenge\","
			"\"type\":\"TXT\",\"ttl\":120,\"records\":[$items]}}",
		.item = "{\"value\":\"\\\"$value\\\"\",\"comment\":\"\"}",
		.absent = "{\"error\":{\"code\":\"not_found\",\"message\":\"RRSet not found\"}}",
		.add = { .call = "POST /zones/51/rrsets/_acme-challenge/TXT/actions/add_records", 201, "{\"action\":{"
			"\"id\":1,\"command\":\"add_rrset_records\",\"status\":\"running\",\"progress\":50,"
			"\"error\":null}}", .sent = "{\"ttl\":60,\"records\":[{\"value\":\"\\\"v1\\\"\"}]}" },
		.remove = { .call = "POST /zones/51/rrsets/_acme-challenge/TXT/actions/remove_records", 201, "{"
			"\"action\":{\"id\":1,\"status\":\"running\",\"error\":null}}", .sent = "{\"records\":[{"
			"\"value\":\"\\\"v1\\\"\"}]}" },
		.after = { { .call = "GET /actions/1", 200, "{\"action\":{\"id\":1,\"status\":\"running\","
			"\"progress\":50,\"error\":null}}" }, { .call = "GET /actions/1", 200, "{\"action\":{\"id\":1,"
			"\"status\":\"success\",\"progress\":100,\"error\":null}}" } },
		.refusal = "{\"error\":{\"code\":\"unauthorized\",\"message\":\"unable to authenticate\","
			"\"details\":null}}",
		.words = "unable to authenticate",
	},
	{
		.kind = "gandi",
		.endpoint = "https://api.gandi.net/v5/livedns",
		.settings = { { "token", "tok" } },
		.zones_call = "GET /domains?page=1&per_page=100",
		.zones = "[$items]",
		.zone = "{\"fqdn\":\"$zone\",\"domain_href\":\"https://api.gandi.net/v5/livedns/domains/$zone\"}",
		.page_size = 100,
		.next_call = "GET /domains?page=2&per_page=100",
		.list_call = "GET /domains/example.com/records/_acme-challenge/TXT",
		.list = "{\"rrset_name\":\"_acme-challenge\",\"rrset_type\":\"TXT\",\"rrset_ttl\":900,"
			"\"rrset_values\":[$items]}",
		.item = "\"\\\"$value\\\"\"",
		.absent = "{\"code\":404,\"message\":\"Can't find the DNS record\",\"object\":\"dns-record\"}",
		.add = { .call = "PUT /domains/example.com/records/_acme-challenge/TXT", 201, "{"
			"\"message\":\"DNS Record Created\"}", .sent = "{\"rrset_ttl\":900,"
			"\"rrset_values\":[\"\\\"v2\\\"\",\"\\\"v1\\\"\"]}" },
		.add_first = { .call = "PUT /domains/example.com/records/_acme-challenge/TXT", 201, "{"
			"\"message\":\"DNS Record Created\"}", .sent = "{\"rrset_ttl\":300,"
			"\"rrset_values\":[\"\\\"v1\\\"\"]}" },
		.remove = { .call = "PUT /domains/example.com/records/_acme-challenge/TXT", 201, "{"
			"\"message\":\"DNS Record Created\"}", .sent = "{\"rrset_ttl\":900,"
			"\"rrset_values\":[\"\\\"v2\\\"\"]}" },
		.remove_last = { .call = "DELETE /domains/example.com/records/_acme-challenge/TXT", 204, "" },
		.refusal = "{\"object\":\"HTTPForbidden\",\"cause\":\"Forbidden\",\"code\":403,"
			"\"message\":\"Access was denied to this resource.\"}",
		.refused = 403,
		.words = "Access was denied to this resource.",
	},
	{
		.kind = "desec",
		.endpoint = "https://desec.io/api/v1",
		.header = "Authorization: Token tok",
		.settings = { { "token", "tok" } },
		.zones_call = "GET /domains/?cursor=&owns_qname=_acme-challenge.example.com",
		.zones = "[$items]",
		.zone = "{\"created\":\"2024-05-04T16:24:28Z\",\"minimum_ttl\":3600,\"name\":\"$zone\"}",
		.link = "<https://desec.io/api/v1/domains/?cursor=>; rel=\"first\", <https://desec.io/api/v1/"
			"domains/?cursor=abc>; rel=\"next\"",
		.next_call = "GET /domains/?cursor=abc",
		.list_call = "GET /domains/example.com/rrsets/_acme-challenge/TXT/",
		.list = "{\"domain\":\"example.com\",\"subname\":\"_acme-challenge\","
			"\"name\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"records\":[$items],\"ttl\":7200}",
		.item = "\"\\\"$value\\\"\"",
		.absent = "{\"detail\":\"Not found.\"}",
		.add = { .call = "PATCH /domains/example.com/rrsets/_acme-challenge/TXT/", 200, "{}", .sent = "{"
			"\"records\":[\"\\\"v2\\\"\",\"\\\"v1\\\"\"]}" },
		.add_first = { .call = "POST /domains/example.com/rrsets/", 201, "{}", .sent = "{"
			"\"subname\":\"_acme-challenge\",\"type\":\"TXT\",\"ttl\":3600,\"records\":[\"\\\"v1\\\"\"]}" },
		.remove = { .call = "PATCH /domains/example.com/rrsets/_acme-challenge/TXT/", 200, "{}", .sent = "{"
			"\"records\":[\"\\\"v2\\\"\"]}" },
		.remove_last = { .call = "PATCH /domains/example.com/rrsets/_acme-challenge/TXT/", 204, "", .sent = "{"
			"\"records\":[]}" },
		.refusal = "{\"detail\":\"Invalid token.\"}",
		.words = "Invalid token.",
	},
	{
		.kind = "godaddy",
		.endpoint = "https://api.godaddy.com/v1",
		.header = "Authorization: sso-key k:s",
		.settings = { { "token", "k:s" } },
		.needs_zone = true,
		.list_call = "GET /domains/example.com/records/TXT/_acme-challenge",
		.list = "[$items]",
		.item = "{\"data\":\"$value\",\"name\":\"_acme-challenge\",\"ttl\":3600,\"type\":\"TXT\"}",
		.add = { .call = "PUT /domains/example.com/records/TXT/_acme-challenge", 200, "", .sent = "[{"
			"\"data\":\"v2\",\"name\":\"_acme-challenge\",\"ttl\":3600,\"type\":\"TXT\"},{"
			"\"data\":\"v1\",\"ttl\":600}]" },
		.add_first = { .call = "PUT /domains/example.com/records/TXT/_acme-challenge", 200, "", .sent = "[{"
			"\"data\":\"v1\",\"ttl\":600}]" },
		.remove = { .call = "PUT /domains/example.com/records/TXT/_acme-challenge", 200, "", .sent = "[{"
			"\"data\":\"v2\",\"name\":\"_acme-challenge\",\"ttl\":3600,\"type\":\"TXT\"}]" },
		.remove_last = { .call = "DELETE /domains/example.com/records/TXT/_acme-challenge", 204, "" },
		.refusal = "{\"code\":\"UNABLE_TO_AUTHENTICATE\","
			"\"message\":\"Unauthorized : Could not authenticate API key/secret\"}",
		.words = "Unauthorized : Could not authenticate API key/secret",
	},
	{
		.kind = "powerdns",
		.endpoint = "http://127.0.0.1:8081",
		.header = "X-API-Key: tok",
		.settings = { { "token", "tok" } },
		.zones_call = "GET /api/v1/servers/localhost/zones?zone=example.com.",
		.zones = "[$items]",
		.zone = "{\"id\":\"$zone.\",\"name\":\"$zone.\",\"kind\":\"Native\",\"serial\":1}",
		.list_call = "GET /api/v1/servers/localhost/zones/"
			"example.com.?rrset_name=_acme-challenge.example.com.&rrset_type=TXT",
		.list = "{\"id\":\"example.com.\",\"name\":\"example.com.\",\"kind\":\"Native\",\"rrsets\":[{"
			"\"name\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"ttl\":300,"
			"\"records\":[$items],\"comments\":[]}]}",
		.item = "{\"content\":\"\\\"$value\\\"\",\"disabled\":false}",
		.add = { .call = "PATCH /api/v1/servers/localhost/zones/example.com.", 204, "", .sent = "{\"rrsets\":[{"
			"\"name\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"ttl\":300,"
			"\"changetype\":\"REPLACE\",\"records\":[{\"content\":\"\\\"v2\\\"\",\"disabled\":false}"
			",{\"content\":\"\\\"v1\\\"\",\"disabled\":false}]}]}" },
		.add_first = { .call = "PATCH /api/v1/servers/localhost/zones/example.com.", 204, "", .sent = "{"
			"\"rrsets\":[{\"name\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"ttl\":300,"
			"\"changetype\":\"REPLACE\",\"records\":[{\"content\":\"\\\"v1\\\"\",\"disabled\":false}]}]}" },
		.remove = { .call = "PATCH /api/v1/servers/localhost/zones/example.com.", 204, "", .sent = "{"
			"\"rrsets\":[{\"name\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"ttl\":300,"
			"\"changetype\":\"REPLACE\",\"records\":[{\"content\":\"\\\"v2\\\"\",\"disabled\":false}]}]}" },
		.remove_last = { .call = "PATCH /api/v1/servers/localhost/zones/example.com.", 204, "", .sent = "{"
			"\"rrsets\":[{\"name\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"ttl\":300,"
			"\"changetype\":\"DELETE\",\"records\":[]}]}" },
		.refusal = "{\"error\":\"Unauthorized\"}",
		.words = "Unauthorized",
	},
	{
		.kind = "acmedns",
		.endpoint = "https://auth.example.org",
		.header = "X-Api-User: c36f",
		.settings = { { "token", "htB9" }, { "username", "c36f" }, { "subdomain", "_acme-challenge" },
			{ "endpoint", "https://auth.example.org" } },
		.add = { .call = "POST /update", 200, "{\"txt\":\"v1\"}", .sent = "{\"subdomain\":\"_acme-challenge\","
			"\"txt\":\"v1\"}" },
		.refusal = "{\"error\":\"forbidden\"}",
		.words = "forbidden",
	},
	{
		.kind = "httpreq",
		.endpoint = "https://bridge.example.org",
		.header = "Authorization: Basic b3BzOnRvaw==",
		.settings = { { "token", "tok" }, { "username", "ops" }, { "endpoint", "https://"
			"bridge.example.org/" } },
		.add = { .call = "POST /present", 200, "", .sent = "{\"fqdn\":\"_acme-challenge.example.com.\","
			"\"value\":\"v1\"}" },
		.remove = { .call = "POST /cleanup", 200, "", .sent = "{\"fqdn\":\"_acme-challenge.example.com.\","
			"\"value\":\"v1\"}" },
		.refusal = "{\"error\":\"who are you?\"}",
		.words = "who are you?",
	},
	{
		.kind = "httpreq",
		.endpoint = "https://bridge.example.org",
		.header = "Authorization: Basic b3BzOnRvaw==",
		.settings = { { "token", "tok" }, { "username", "ops" }, { "endpoint", "https://"
			"bridge.example.org/" }, { "mode", "raw" } },
		.add = { .call = "POST /present", 200, "", .sent = "{\"domain\":\"example.com\","
			"\"token\":\"tok-1\",\"keyAuth\":\"tok-1.thumb\"}" },
		.remove = { .call = "POST /cleanup", 200, "", .sent = "{\"domain\":\"example.com\","
			"\"token\":\"tok-1\",\"keyAuth\":\"tok-1.thumb\"}" },
		.refusal = "{\"error\":\"who are you?\"}",
		.words = "who are you?",
	},
	{
		.kind = "ovh",
		.endpoint = "https://eu.api.ovh.com/1.0",
		.header = "X-Ovh-Application: ak",
		.settings = { { "applicationKey", "ak" }, { "applicationSecret", "as" }, { "consumerKey", "ck" } },
		.login = { .call = "GET /auth/time", 200, "1800000005", .header = "" },
		.zones_call = "GET /domain/zone",
		.zones = "[$items]",
		.zone = "\"$zone\"",
		.list_call = "GET /domain/zone/example.com/record?fieldType=TXT&subDomain=_acme-challenge",
		.list = "[$items]",
		.item = "$id",
		.get_call = "GET /domain/zone/example.com/record/$record",
		.record = "{\"id\":$id,\"zone\":\"example.com\",\"fieldType\":\"TXT\","
			"\"subDomain\":\"_acme-challenge\",\"target\":\"\\\"$value\\\"\",\"ttl\":60}",
		.add = { .call = "POST /domain/zone/example.com/record", 200, "{\"id\":9}", .sent = "{"
			"\"fieldType\":\"TXT\",\"subDomain\":\"_acme-challenge\",\"target\":\"v1\",\"ttl\":60}" },
		.remove = { .call = "DELETE /domain/zone/example.com/record/$record", 200, "null" },
		.after = { { .call = "POST /domain/zone/example.com/refresh", 200, "null" } },
		.refusal = "{\"class\":\"Client::Forbidden\",\"message\":\"This credential is not valid\"}",
		.refused = 403,
		.words = "This credential is not valid",
	},
	{
		.kind = "azure",
		.endpoint = "https://dns.example.org",
		.settings = { { "tenant", "ten" }, { "clientId", "cid" }, { "clientSecret", "s&t" },
			{ "subscription", "sub" }, { "resourceGroup", "rg" }, { "endpoint", "https://"
			"dns.example.org" }, { "loginEndpoint", "https://dns.example.org/" } },
		.login = { .call = "POST /ten/oauth2/v2.0/token", 200, "{\"token_type\":\"Bearer\",\"expires_in\":3599,"
			"\"access_token\":\"tok\"}", .sent = "grant_type=client_credentials&client_id=cid&"
			"client_secret=s%26t&scope=https%3A%2F%2Fmanagement.azure.com%2F.default", .header = "" },
		.zones_call = "GET /subscriptions/sub/resourceGroups/rg/providers/Microsoft.Network/"
			"dnsZones?api-version=2018-05-01",
		.zones = "{\"value\":[{\"name\":\"example.com\",\"properties\":{\"zoneType\":\"Private\"}},$items]}",
		.zone = "{\"id\":\"/subscriptions/sub/$zone\",\"name\":\"$zone\",\"properties\":{"
			"\"zoneType\":\"Public\"}}",
		.zones_more = "{\"value\":[$items],\"nextLink\":\"https://dns.example.org/subscriptions/sub/"
			"resourceGroups/rg/providers/Microsoft.Network/dnsZones?api-version=2018-05-01&"
			"%24skipToken=abc\"}",
		.next_call = "GET /subscriptions/sub/resourceGroups/rg/providers/Microsoft.Network/"
			"dnsZones?api-version=2018-05-01&%24skipToken=abc",
		.list_call = "GET /subscriptions/sub/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
			"example.com/TXT/_acme-challenge?api-version=2018-05-01",
		.list = "{\"name\":\"_acme-challenge\",\"properties\":{\"TTL\":900,\"TXTRecords\":[$items]}}",
		.item = "{\"value\":[\"$value\"]}",
		.absent = "{\"error\":{\"code\":\"NotFound\",\"message\":\"The resource record was not found.\"}}",
		.add = { .call = "PUT /subscriptions/sub/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
			"example.com/TXT/_acme-challenge?api-version=2018-05-01", 200, "{}", .sent = "{"
			"\"properties\":{\"TTL\":900,\"TXTRecords\":[{\"value\":[\"v2\"]},{\"value\":[\"v1\"]}]}}" },
		.add_first = { .call = "PUT /subscriptions/sub/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
			"example.com/TXT/_acme-challenge?api-version=2018-05-01", 201, "{}", .sent = "{"
			"\"properties\":{\"TTL\":60,\"TXTRecords\":[{\"value\":[\"v1\"]}]}}" },
		.remove = { .call = "PUT /subscriptions/sub/resourceGroups/rg/providers/Microsoft.Network/dnsZones/"
			"example.com/TXT/_acme-challenge?api-version=2018-05-01", 200, "{}", .sent = "{"
			"\"properties\":{\"TTL\":900,\"TXTRecords\":[{\"value\":[\"v2\"]}]}}" },
		.remove_last = { .call = "DELETE /subscriptions/sub/resourceGroups/rg/providers/Microsoft.Network/"
			"dnsZones/example.com/TXT/_acme-challenge?api-version=2018-05-01", 200, "" },
		.refusal = "{\"error\":\"invalid_client\","
			"\"error_description\":\"AADSTS7000215: Invalid client secret provided.\"}",
		.words = "AADSTS7000215: Invalid client secret provided.",
	},
	{
		.kind = "google",
		.endpoint = "https://dns.example.org",
		.settings = { { "project", "p1" }, { "serviceAccount", "{\"type\": \"service_account\","
			" \"project_id\": \"p1\", \"private_key\": \"-----BEGIN PRIVATE KEY-----\\nMIIEvwIBADAN"
			"BgkqhkiG9w0BAQEFAASCBKkwggSlAgEAAoIBAQDOCkMIucS3n9f3\\nD5JgDuwpzf8E6Rq0xO2q9"
			"05mbByl+nSTJZFG5Brl4bkkffxjWnoYKumFmzgUTEO/"
			"\\nZrE41vjVef8GiQNINdcS+2VBweAgnmiwUlW+jPcMUBeQfFNfgweCReQAfY2HnLpt\\nlK3YqK"
			"DeEM4MKdySdzC57NShLlaF53ph6o/GqO7kC9Lojf7gRvTtUOlGBnLSpChk\\nmA/"
			"uJjGtpDz+Nlm8ltDez3TDXUXCQc0c2Ly0pPTZShhYDB8G35XLgOIrxUl9fRPH\\n/"
			"08Xivr4OcGS8orU4+NJc+DK0UXGJNfvJHGEOibcaE6wc3zp1zOgIQZ65inp2civ\\nfN/"
			"nhNiJAgMBAAECggEAA5UEM6sFziAgIT7AOjoUoj4YNBh8R4sOC2i2uw7KdAx+\\nt8sVIcjirGLNo0XyH6Uu/"
			"QEhisTwICf+KqU1sFY8ALRY/aYKRUosj5CIxoW5+k5P\\nnqGWCtE3Iv9jBtNRoGtqetZjAVWfPwMM7uoBGGgj"
			"5Eh22CegKQcNkYl9s0/lbRWD\\n21jmOkwCmSqcwcbuXgAsYeCjWDMcL0vaiAvqvjger/"
			"4i5lExpyFdZHOwGkka+1nj\\ng030zicyC7+DsYEFEtAiKujBjrJy2Ph3urI92+j3cUafjbhjFJl3Y/"
			"JK0zH5cZYG\\nN3oqlx8KnLOTUD9TExoq0t+ld3t48Ltg3hGB/QmMEwKBgQD+/"
			"DDlSGjvRwHTstkS\\nsYpq6XfWASLbvlVrmh9zj3fa3JKv5FeKwt6CdixuPkwSDsKlLA3j9jSo71"
			"eYsirC\\nOhEYB7JZdRDKUs0ygqy4W45vwzduKlbntcz2e+EOS6phy0/NCDekbNusdqpQ4/"
			"YZ\\nZhjfKnbU5nd+H8NfoSjPdUF8PwKBgQDO3DMqIXpTtGIzpd47TGKnvItZDonn2ThY\\nbjNu"
			"Xem2qwl8n1Kjg5iCOgKAw+GliYkFy6OwnRXxNHpoJu/mRJpYLvjhr40kdp7/"
			"\\nFEYLTDJQNgfE27IjPjjxDdqY1/imV0vE03D/"
			"rhBC6Kog8FujmlUCGsNE4tKPO94B\\nYJPWDm8ZNwKBgQDiLKjieDw8ImwIcBgEcN8qvjTB6vgUm"
			"twCOg+z3Yqe5BBpXM4a\\nE4hziIcYssGfMuCMymr3zigfwU2d8EvlRMRs4Ebe+uwNyyygpTC3xt"
			"6tXCgK3BuC\\nJMzNxkx29b8IR+NdJvDUNIsWi5u/bLWbCej96xjE+Dj98wbGCJm+i2+u2QKBgQDL\\nb3tR/"
			"8KR92Bscr9vidusIpzYZJfzT4k+ToJ+FBX485RM31MiRBUEXZCAmiOb7Pq4\\nnGDLHHGr2XRYYZ"
			"Kk3ur7tpZFPaSNK6uKKKIKElGY2MojK/"
			"yw9EyDpKBKmHuM+2Uk\\nmN0UVlbftnk6E6fL6ceYXkGTyY5SFwpqSFSbu24/"
			"WQKBgQDJDPe4tZvIk793sWpS\\nAMKH5GJqjGvidzlG462yRgR5iO/TNcYH/"
			"Lci37Ah8usdKygIqDM5vuqzgmrHXkGH\\nX9rLdujeW1zLEziw6KFNVeC1dR6XfKsBBh4Q/9ZM/"
			"7tSsUajOwFcOWhmFumv/aE3\\niT/"
			"B9X8gASL5AvNEZTC30DmVnA==\\n-----END PRIVATE KEY-----\\n\","
			" \"client_email\": \"certd@p1.iam.gserviceaccount.com\"}" }, { "endpoint", "https://"
			"dns.example.org" }, { "loginEndpoint", "https://dns.example.org" } },
		.login = { .call = "POST /token", 200, "{\"access_token\":\"tok\",\"expires_in\":3599,"
			"\"token_type\":\"Bearer\"}", .header = "" },
		.zones_call = "GET /projects/p1/managedZones?dnsName=example.com.&maxResults=100",
		.zones = "{\"kind\":\"dns#managedZonesListResponse\",\"managedZones\":[{\"name\":\"inner\","
			"\"dnsName\":\"example.com.\",\"visibility\":\"private\"},$items]}",
		.zone = "{\"id\":\"123\",\"name\":\"z-$id\",\"dnsName\":\"$zone.\",\"visibility\":\"public\"}",
		.zones_more = "{\"managedZones\":[$items],\"nextPageToken\":\"Cg==\"}",
		.next_call = "GET /projects/p1/managedZones?dnsName=example.com.&pageToken=Cg%3D%3D&maxResults=100",
		.list_call = "GET /projects/p1/managedZones/z-51/rrsets?name=_acme-challenge.example.com.&type=TXT",
		.list = "{\"rrsets\":[{\"name\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"ttl\":300,"
			"\"rrdatas\":[$items]}]}",
		.item = "\"\\\"$value\\\"\"",
		.absent = "{\"error\":{\"code\":404,\"message\":\"not found\"}}",
		.add = { .call = "POST /projects/p1/managedZones/z-51/changes", 200, "{\"id\":\"7\","
			"\"status\":\"pending\"}", .sent = "{\"additions\":[{"
			"\"name\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"ttl\":60,"
			"\"rrdatas\":[\"\\\"v2\\\"\",\"\\\"v1\\\"\"]}],\"deletions\":[{"
			"\"name\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"ttl\":300,"
			"\"rrdatas\":[\"\\\"v2\\\"\"]}]}" },
		.add_first = { .call = "POST /projects/p1/managedZones/z-51/changes", 200, "{\"id\":\"7\","
			"\"status\":\"pending\"}", .sent = "{\"additions\":[{"
			"\"name\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"ttl\":60,"
			"\"rrdatas\":[\"\\\"v1\\\"\"]}]}" },
		.remove = { .call = "POST /projects/p1/managedZones/z-51/changes", 200, "{\"id\":\"7\","
			"\"status\":\"pending\"}", .sent = "{\"additions\":[{"
			"\"name\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"ttl\":60,"
			"\"rrdatas\":[\"\\\"v2\\\"\"]}],\"deletions\":[{"
			"\"name\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"ttl\":300,"
			"\"rrdatas\":[\"\\\"v2\\\"\",\"\\\"v1\\\"\"]}]}" },
		.remove_last = { .call = "POST /projects/p1/managedZones/z-51/changes", 200, "{\"id\":\"7\","
			"\"status\":\"pending\"}", .sent = "{\"deletions\":[{"
			"\"name\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"ttl\":300,"
			"\"rrdatas\":[\"\\\"v1\\\"\"]}]}" },
		.after = { { .call = "GET /projects/p1/managedZones/z-51/changes/7", 200, "{\"id\":\"7\","
			"\"status\":\"pending\"}" }, { .call = "GET /projects/p1/managedZones/z-51/changes/7", 200, "{"
			"\"id\":\"7\",\"status\":\"done\"}" } },
		.refusal = "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT Signature.\"}",
		.words = "Invalid JWT Signature.",
	},
	{
		.kind = "route53",
		.endpoint = "https://route53.amazonaws.com",
		.header = "X-Amz-Security-Token: st",
		.settings = { { "accessKeyId", "AKID" }, { "secretAccessKey", "sk/+" }, { "sessionToken", "st" } },
		.separator = "",
		.zones_call = "GET /2013-04-01/hostedzone?maxitems=100",
		.zones = "<?xml version=\"1.0\"?>\n<ListHostedZonesResponse><HostedZones><HostedZone><Id>/"
			"hostedzone/ZPRIVATE</Id><Name>example.com.</Name><Config><PrivateZone>true</"
			"PrivateZone></Config></HostedZone>$items</HostedZones><IsTruncated>false</"
			"IsTruncated><MaxItems>100</MaxItems></ListHostedZonesResponse>",
		.zone = "<HostedZone><Id>/hostedzone/Z$id</Id><Name>$zone.</Name><Config><PrivateZone>false</"
			"PrivateZone></Config></HostedZone>",
		.zones_more = "<?xml version=\"1.0\"?>\n<ListHostedZonesResponse><HostedZones><HostedZone><Id>/"
			"hostedzone/ZPRIVATE</Id><Name>example.com.</Name><Config><PrivateZone>true</"
			"PrivateZone></Config></HostedZone>$items</HostedZones><IsTruncated>true</"
			"IsTruncated><NextMarker>Z2</NextMarker><MaxItems>100</MaxItems></ListHostedZonesResponse>",
		.next_call = "GET /2013-04-01/hostedzone?marker=Z2&maxitems=100",
		.list_call = "GET /2013-04-01/hostedzone/Z51/rrset?maxitems=1&name=_acme-challenge.example.com.&"
			"type=TXT",
		.list = "<?xml version=\"1.0\"?>\n<ListResourceRecordSetsResponse><ResourceRecordSets"
			"><ResourceRecordSet><Name>_acme-challenge.example.com.</Name><Type>TXT</Type><TTL>300</"
			"TTL><ResourceRecords>$items</ResourceRecords></ResourceRecordSet></"
			"ResourceRecordSets></ListResourceRecordSetsResponse>",
		.item = "<ResourceRecord><Value>\"$value\"</Value></ResourceRecord>",
		.absent = "<ErrorResponse/>",
		.add = { .call = "POST /2013-04-01/hostedzone/Z51/rrset/", 200,
			"<?xml version=\"1.0\"?>\n<ChangeResourceRecordSetsResponse xmlns=\"https://"
			"route53.amazonaws.com/doc/2013-04-01/\"><ChangeInfo><Id>/change/C123</"
			"Id><Status>PENDING</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></"
			"ChangeInfo></ChangeResourceRecordSetsResponse>",
			.sent = "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/"
			"2013-04-01/\"><ChangeBatch><Changes><Change><Action>UPSERT</"
			"Action><ResourceRecordSet><Name>_acme-challenge.example.com.</Name><Type>TXT</"
			"Type><TTL>300</TTL><ResourceRecords><ResourceRecord><Value>\"v2\"</Value></"
			"ResourceRecord><ResourceRecord><Value>\"v1\"</Value></ResourceRecord></"
			"ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch></"
			"ChangeResourceRecordSetsRequest>" },
		.add_first = { .call = "POST /2013-04-01/hostedzone/Z51/rrset/", 200,
			"<?xml version=\"1.0\"?>\n<ChangeResourceRecordSetsResponse xmlns=\"https://"
			"route53.amazonaws.com/doc/2013-04-01/\"><ChangeInfo><Id>/change/C123</"
			"Id><Status>PENDING</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></"
			"ChangeInfo></ChangeResourceRecordSetsResponse>",
			.sent = "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/"
			"2013-04-01/\"><ChangeBatch><Changes><Change><Action>UPSERT</"
			"Action><ResourceRecordSet><Name>_acme-challenge.example.com.</Name><Type>TXT</"
			"Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>\"v1\"</Value></"
			"ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></"
			"ChangeBatch></ChangeResourceRecordSetsRequest>" },
		.remove = { .call = "POST /2013-04-01/hostedzone/Z51/rrset/", 200,
			"<?xml version=\"1.0\"?>\n<ChangeResourceRecordSetsResponse xmlns=\"https://"
			"route53.amazonaws.com/doc/2013-04-01/\"><ChangeInfo><Id>/change/C123</"
			"Id><Status>PENDING</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></"
			"ChangeInfo></ChangeResourceRecordSetsResponse>",
			.sent = "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/"
			"2013-04-01/\"><ChangeBatch><Changes><Change><Action>UPSERT</"
			"Action><ResourceRecordSet><Name>_acme-challenge.example.com.</Name><Type>TXT</"
			"Type><TTL>300</TTL><ResourceRecords><ResourceRecord><Value>\"v2\"</Value></"
			"ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></"
			"ChangeBatch></ChangeResourceRecordSetsRequest>" },
		.remove_last = { .call = "POST /2013-04-01/hostedzone/Z51/rrset/", 200,
			"<?xml version=\"1.0\"?>\n<ChangeResourceRecordSetsResponse xmlns=\"https://"
			"route53.amazonaws.com/doc/2013-04-01/\"><ChangeInfo><Id>/change/C123</"
			"Id><Status>PENDING</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></"
			"ChangeInfo></ChangeResourceRecordSetsResponse>",
			.sent = "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/"
			"2013-04-01/\"><ChangeBatch><Changes><Change><Action>DELETE</"
			"Action><ResourceRecordSet><Name>_acme-challenge.example.com.</Name><Type>TXT</"
			"Type><TTL>300</TTL><ResourceRecords><ResourceRecord><Value>\"v1\"</Value></"
			"ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></"
			"ChangeBatch></ChangeResourceRecordSetsRequest>" },
		.after = { { .call = "GET /2013-04-01/change/C123", 200,
			"<?xml version=\"1.0\"?>\n<GetChangeResponse><ChangeInfo><Id>/change/C123</"
			"Id><Status>PENDING</Status></ChangeInfo></GetChangeResponse>" }, { .call = "GET /2013-04-01/"
			"change/C123", 200, "<?xml version=\"1.0\"?>\n<GetChangeResponse><ChangeInfo><Id>/"
			"change/C123</Id><Status>INSYNC</Status></ChangeInfo></GetChangeResponse>" } },
		.refusal = "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/"
			"2013-04-01/\"><Error><Type>Sender</Type><Code>InvalidClientTokenId</"
			"Code><Message>The security token included in the request is invalid.</Message></"
			"Error><RequestId>1</RequestId></ErrorResponse>",
		.refused = 403,
		.words = "The security token included in the request is invalid.",
	},
	{
		.kind = "inwx",
		.endpoint = "https://api.domrobot.com",
		.header = "Cookie: domrobot=tok",
		.procedures = "POST /jsonrpc/",
		.settings = { { "username", "me" }, { "password", "p\"w" } },
		.login = { .call =
			"{\"method\":\"account.login\",\"params\":{\"user\":\"me\",\"pass\":\"p\\\"w\"}}",
			200,
			"{\"code\":1000,\"msg\":\"Command completed successfully\",\"resData\":{\"customerId\":1,\""
			"accountId\":1,\"tfa\":\"0\"},\"svTRID\":\"1\",\"runtime\":0.1}",
			.header = "none", .cookie = "domrobot=tok" },
		.spares_list = true,
		.zones_call = "{\"method\":\"nameserver.list\",\"params\":{\"page\":1,\"pagelimit\":100}}",
		.zones_name = "nameserver.list: ",
		.zones = 
			"{\"code\":1000,\"msg\":\"Command completed successfully\",\"resData\":{\"count\":6,\"domai"
			"ns\":[$items]},\"svTRID\":\"1\",\"runtime\":0.1}",
		.zone = "{\"roId\":$id,\"domain\":\"$zone\",\"type\":\"MASTER\",\"mail\":\"NONE\"}",
		.page_size = 100,
		.next_call = "{\"method\":\"nameserver.list\",\"params\":{\"page\":2,\"pagelimit\":100}}",
		.list_call = 
			"{\"method\":\"nameserver.info\",\"params\":{\"domain\":\"example.com\",\"name\":\"_acme-ch"
			"allenge.example.com\",\"type\":\"TXT\"}}",
		.list = 
			"{\"code\":1000,\"msg\":\"Command completed successfully\",\"resData\":{\"roId\":51,\"domai"
			"n\":\"example.com\",\"type\":\"MASTER\",\"count\":2,\"record\":[$items]},\"svTRID\":\"1\","
			"\"runtime\":0.1}",
		.item = 
			"{\"id\":$id,\"name\":\"_acme-challenge.example.com\",\"type\":\"TXT\",\"content\":\"$value"
			"\",\"ttl\":300,\"prio\":0}",
		.add = { .call =
			"{\"method\":\"nameserver.createRecord\",\"params\":{\"domain\":\"example.com\",\"name\":\""
			"_acme-challenge.example.com\",\"type\":\"TXT\",\"content\":\"v1\",\"ttl\":300}}",
			200,
			"{\"code\":1000,\"msg\":\"Command completed successfully\",\"resData\":{\"id\":9},\"svTRID"
			"\":\"1\",\"runtime\":0.1}" },
		.remove = { .call =
			"{\"method\":\"nameserver.deleteRecord\",\"params\":{\"id\":$record}}",
			200,
			"{\"code\":1000,\"msg\":\"Command completed successfully\",\"svTRID\":\"1\",\"runtime\":0.1"
			"}" },
		.refusal = "{\"code\":2200,\"msg\":\"Authentication error\",\"svTRID\":\"1\",\"runtime\":0.1}",
		.refused = 200,
		.words = "Authentication error",
		.told = "error 2200",
		.expired = "{\"code\":2002,\"msg\":\"Command use error\",\"svTRID\":\"1\",\"runtime\":0.1}",
	},
	{
		.kind = "namecheap",
		.endpoint = "https://api.namecheap.com",
		.header = "none",
		.procedures = "POST /xml.response",
		.settings = { { "apiUser", "me" }, { "apiKey", "k&y" }, { "clientIp", "192.0.2.1" } },
		.spares_list = true,
		.separator = "",
		.zones_call = 
			"ApiUser=me&ApiKey=k%26y&UserName=me&ClientIp=192.0.2.1&Command=namecheap.domains.getList"
			"&Page=1&PageSize=100",
		.zones_name = "namecheap.domains.getList: ",
		.zones = 
			"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ApiResponse Status=\"OK\" xmlns=\"http://api."
			"namecheap.com/xml.response\">\n<Errors /><Warnings /><CommandResponse><DomainGetListResult"
			"><Domain ID=\"9\" Name=\"example.com\" IsOurDNS=\"false\"/>$items</DomainGetListResult><Pa"
			"ging><TotalItems>6</TotalItems><CurrentPage>1</CurrentPage></Paging></CommandResponse><S"
			"erver>PHX01</Server></ApiResponse>\n",
		.zone = "<Domain ID=\"$id\" Name=\"$zone\" User=\"me\" IsExpired=\"false\" IsOurDNS=\"true\"/>",
		.page_size = 100,
		.next_call = 
			"ApiUser=me&ApiKey=k%26y&UserName=me&ClientIp=192.0.2.1&Command=namecheap.domains.getList"
			"&Page=2&PageSize=100",
		.list_call = 
			"ApiUser=me&ApiKey=k%26y&UserName=me&ClientIp=192.0.2.1&Command=namecheap.domains.dns.get"
			"Hosts&SLD=example&TLD=com",
		.list = 
			"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ApiResponse Status=\"OK\" xmlns=\"http://api."
			"namecheap.com/xml.response\">\n<Errors /><Warnings /><CommandResponse><DomainDNSGetHostsRe"
			"sult Domain=\"example.com\" EmailType=\"MXE\" IsUsingOurDNS=\"true\"><host HostId=\"1\" Na"
			"me=\"www\" Type=\"A\" Address=\"10.0.0.2\" MXPref=\"10\" TTL=\"1200\" FriendlyName=\"\" Is"
			"Active=\"true\" /><host HostId=\"2\" Name=\"@\" Type=\"MX\" Address=\"mail.example.com.\" "
			"MXPref=\"5\" TTL=\"1799\" FriendlyName=\"\" IsActive=\"true\" /><host HostId=\"3\" Name=\""
			"_bcme-challenge\" Type=\"TXT\" Address=\"v1\" MXPref=\"10\" TTL=\"300\" FriendlyName=\"\" "
			"IsActive=\"true\" /><host HostId=\"4\" Name=\"mail\" Type=\"TXT\" Address=\"a=&amp;&quot; "
			"b\" MXPref=\"10\" TTL=\"300\" FriendlyName=\"\" IsActive=\"true\" />$items</DomainDNSGetHo"
			"stsResult></CommandResponse><Server>PHX01</Server></ApiResponse>\n",
		.item = 
			"<host HostId=\"$id\" Name=\"_acme-challenge\" Type=\"TXT\" Address=\"$value\" MXPref=\"10"
			"\" TTL=\"300\" FriendlyName=\"\" IsActive=\"true\" />",
		.add = { .call =
			"ApiUser=me&ApiKey=k%26y&UserName=me&ClientIp=192.0.2.1&Command=namecheap.domains.dns.set"
			"Hosts&SLD=example&TLD=com&EmailType=MXE&HostName1=www&RecordType1=A&Address1=10.0.0.2&MX"
			"Pref1=10&TTL1=1200&HostName2=%40&RecordType2=MX&Address2=mail.example.com.&MXPref2=5&TTL"
			"2=1799&HostName3=_bcme-challenge&RecordType3=TXT&Address3=v1&MXPref3=10&TTL3=300&HostNam"
			"e4=mail&RecordType4=TXT&Address4=a%3D%26%22%20b&MXPref4=10&TTL4=300&HostName5=_acme-chal"
			"lenge&RecordType5=TXT&Address5=v2&MXPref5=10&TTL5=300&HostName6=_acme-challenge&RecordTy"
			"pe6=TXT&Address6=v1&MXPref6=10&TTL6=60",
			200,
			"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ApiResponse Status=\"OK\" xmlns=\"http://api."
			"namecheap.com/xml.response\">\n<Errors /><Warnings /><CommandResponse><DomainDNSSetHostsRe"
			"sult Domain=\"example.com\" IsSuccess=\"true\" /></CommandResponse><Server>PHX01</Server><"
			"/ApiResponse>\n" },
		.add_first = { .call =
			"ApiUser=me&ApiKey=k%26y&UserName=me&ClientIp=192.0.2.1&Command=namecheap.domains.dns.set"
			"Hosts&SLD=example&TLD=com&EmailType=MXE&HostName1=www&RecordType1=A&Address1=10.0.0.2&MX"
			"Pref1=10&TTL1=1200&HostName2=%40&RecordType2=MX&Address2=mail.example.com.&MXPref2=5&TTL"
			"2=1799&HostName3=_bcme-challenge&RecordType3=TXT&Address3=v1&MXPref3=10&TTL3=300&HostNam"
			"e4=mail&RecordType4=TXT&Address4=a%3D%26%22%20b&MXPref4=10&TTL4=300&HostName5=_acme-chal"
			"lenge&RecordType5=TXT&Address5=v1&MXPref5=10&TTL5=60",
			200,
			"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ApiResponse Status=\"OK\" xmlns=\"http://api."
			"namecheap.com/xml.response\">\n<Errors /><Warnings /><CommandResponse><DomainDNSSetHostsRe"
			"sult Domain=\"example.com\" IsSuccess=\"true\" /></CommandResponse><Server>PHX01</Server><"
			"/ApiResponse>\n" },
		.remove = { .call =
			"ApiUser=me&ApiKey=k%26y&UserName=me&ClientIp=192.0.2.1&Command=namecheap.domains.dns.set"
			"Hosts&SLD=example&TLD=com&EmailType=MXE&HostName1=www&RecordType1=A&Address1=10.0.0.2&MX"
			"Pref1=10&TTL1=1200&HostName2=%40&RecordType2=MX&Address2=mail.example.com.&MXPref2=5&TTL"
			"2=1799&HostName3=_bcme-challenge&RecordType3=TXT&Address3=v1&MXPref3=10&TTL3=300&HostNam"
			"e4=mail&RecordType4=TXT&Address4=a%3D%26%22%20b&MXPref4=10&TTL4=300&HostName5=_acme-chal"
			"lenge&RecordType5=TXT&Address5=v2&MXPref5=10&TTL5=300",
			200,
			"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ApiResponse Status=\"OK\" xmlns=\"http://api."
			"namecheap.com/xml.response\">\n<Errors /><Warnings /><CommandResponse><DomainDNSSetHostsRe"
			"sult Domain=\"example.com\" IsSuccess=\"true\" /></CommandResponse><Server>PHX01</Server><"
			"/ApiResponse>\n" },
		.remove_last = { .call =
			"ApiUser=me&ApiKey=k%26y&UserName=me&ClientIp=192.0.2.1&Command=namecheap.domains.dns.set"
			"Hosts&SLD=example&TLD=com&EmailType=MXE&HostName1=www&RecordType1=A&Address1=10.0.0.2&MX"
			"Pref1=10&TTL1=1200&HostName2=%40&RecordType2=MX&Address2=mail.example.com.&MXPref2=5&TTL"
			"2=1799&HostName3=_bcme-challenge&RecordType3=TXT&Address3=v1&MXPref3=10&TTL3=300&HostNam"
			"e4=mail&RecordType4=TXT&Address4=a%3D%26%22%20b&MXPref4=10&TTL4=300",
			200,
			"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ApiResponse Status=\"OK\" xmlns=\"http://api."
			"namecheap.com/xml.response\">\n<Errors /><Warnings /><CommandResponse><DomainDNSSetHostsRe"
			"sult Domain=\"example.com\" IsSuccess=\"true\" /></CommandResponse><Server>PHX01</Server><"
			"/ApiResponse>\n" },
		.refusal = 
			"<?xml version=\"1.0\" encoding=\"utf-8\"?><ApiResponse Status=\"ERROR\" xmlns=\"http://api"
			".namecheap.com/xml.response\"><Errors><Error Number=\"1011102\">API Key is invalid or API "
			"access has not been enabled</Error></Errors><Warnings /><RequestedCommand /></ApiRespons"
			"e>",
		.refused = 200,
		.words = "API Key is invalid or API access has not been enabled",
		.told = "error 1011102",
	},
	{
		.kind = "netcup",
		.endpoint = "https://ccp.netcup.net",
		.header = "none",
		.procedures = "POST /run/webservice/servers/endpoint.php?JSON",
		.settings = { { "customerNumber", "12345" }, { "apiKey", "k\"y" }, { "apiPassword", "p\\w" } },
		.login = { .call =
			"{\"action\":\"login\",\"param\":{\"customernumber\":\"12345\",\"apikey\":\"k\\\"y\",\"apis"
			"essionid\":\"\",\"apipassword\":\"p\\\\w\"}}",
			200,
			"{\"serverrequestid\":\"x\",\"clientrequestid\":\"\",\"action\":\"login\",\"status\":\"succ"
			"ess\",\"statuscode\":2000,\"shortmessage\":\"ok\",\"longmessage\":\"done\",\"responsedata"
			"\":{\"apisessionid\":\"tok\"}}" },
		.needs_zone = true,
		.list_call = 
			"{\"action\":\"infoDnsRecords\",\"param\":{\"customernumber\":\"12345\",\"apikey\":\"k\\\"y"
			"\",\"apisessionid\":\"tok\",\"domainname\":\"example.com\"}}",
		.list = 
			"{\"serverrequestid\":\"x\",\"clientrequestid\":\"\",\"action\":\"infoDnsRecords\",\"status"
			"\":\"success\",\"statuscode\":2000,\"shortmessage\":\"ok\",\"longmessage\":\"done\",\"resp"
			"onsedata\":{\"dnsrecords\":[$items]}}",
		.item = 
			"{\"id\":\"$id\",\"hostname\":\"_acme-challenge\",\"type\":\"TXT\",\"priority\":\"0\",\"des"
			"tination\":\"$value\",\"deleterecord\":false,\"state\":\"yes\"}",
		.add = { .call =
			"{\"action\":\"updateDnsRecords\",\"param\":{\"customernumber\":\"12345\",\"apikey\":\"k\\"
			"\"y\",\"apisessionid\":\"tok\",\"domainname\":\"example.com\",\"dnsrecordset\":{\"dnsrecor"
			"ds\":[{\"hostname\":\"_acme-challenge\",\"type\":\"TXT\",\"destination\":\"v1\"}]}}}",
			200,
			"{\"serverrequestid\":\"x\",\"clientrequestid\":\"\",\"action\":\"updateDnsRecords\",\"stat"
			"us\":\"success\",\"statuscode\":2000,\"shortmessage\":\"ok\",\"longmessage\":\"done\",\"re"
			"sponsedata\":{\"dnsrecords\":[]}}" },
		.remove = { .call =
			"{\"action\":\"updateDnsRecords\",\"param\":{\"customernumber\":\"12345\",\"apikey\":\"k\\"
			"\"y\",\"apisessionid\":\"tok\",\"domainname\":\"example.com\",\"dnsrecordset\":{\"dnsrecor"
			"ds\":[{\"id\":\"$record\",\"hostname\":\"_acme-challenge\",\"type\":\"TXT\",\"destination"
			"\":\"v1\",\"deleterecord\":true}]}}}",
			200,
			"{\"serverrequestid\":\"x\",\"clientrequestid\":\"\",\"action\":\"updateDnsRecords\",\"stat"
			"us\":\"success\",\"statuscode\":2000,\"shortmessage\":\"ok\",\"longmessage\":\"done\",\"re"
			"sponsedata\":{\"dnsrecords\":[]}}" },
		.refusal = 
			"{\"serverrequestid\":\"x\",\"clientrequestid\":\"\",\"action\":\"login\",\"status\":\"erro"
			"r\",\"statuscode\":4013,\"shortmessage\":\"Validation Error.\",\"longmessage\":\"The API p"
			"assword is wrong.\",\"responsedata\":\"\"}",
		.refused = 200,
		.words = "The API password is wrong.",
		.told = "error 4013",
		.expired = 
			"{\"serverrequestid\":\"x\",\"clientrequestid\":\"\",\"action\":\"infoDnsRecords\",\"status"
			"\":\"error\",\"statuscode\":4001,\"shortmessage\":\"Api session id in invalid format\",\"l"
			"ongmessage\":\"The session id is not in a valid format.\",\"responsedata\":\"\"}",
	},
};
/* clang-format on */

const size_t services_count = ARRAY_SIZE(services);
