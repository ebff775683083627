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
		.add = { "POST /zones/z51/dns_records", 200, "{\"success\":true,\"result\":{\"id\":\"r1\"}}",
			.sent = "{\"type\":\"TXT\",\"name\":\"_acme-challenge.example.com\","
			"\"content\":\"\\\"v1\\\"\",\"ttl\":60}" },
		.remove = { "DELETE /zones/z51/dns_records/$record", 200, "{\"result\":{\"id\":\"r1\"}}" },
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
		.add = { "POST /domains/example.com/records", 201, "{\"domain_record\":{\"id\":1234567,"
			"\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"v1\"}}", .sent = "{"
			"\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"v1\",\"ttl\":60}" },
		.remove = { "DELETE /domains/example.com/records/$record", 204, "" },
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
		.add = { "POST /domains/51/records", 200, "{\"id\":9,\"type\":\"TXT\"}", .sent = "{"
			"\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"target\":\"v1\",\"ttl_sec\":300}" },
		.remove = { "DELETE /domains/51/records/$record", 200, "{}" },
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
		.add = { "POST /domains/example.com/records", 201, "{\"record\":{\"id\":\"r1\"}}", .sent = "{"
			"\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"data\":\"\\\"v1\\\"\",\"ttl\":120}" },
		.remove = { "DELETE /domains/example.com/records/$record", 204, "" },
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
		.add = { "POST /1010/zones/example.com/records", 201, "{\"data\":{\"id\":5}}", .sent = "{"
			"\"type\":\"TXT\",\"name\":\"_acme-challenge\",\"content\":\"v1\",\"ttl\":60}" },
		.remove = { "DELETE /1010/zones/example.com/records/$record", 204, "" },
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
		.add = { "PUT /dnszone/51/records", 201, "{\"Id\":9}", .sent = "{\"Type\":3,"
			"\"Name\":\"_acme-challenge\",\"Value\":\"v1\",\"Ttl\":60}" },
		.remove = { "DELETE /dnszone/51/records/$record", 204, "" },
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
		.add = { "POST /zones/11af3414-51/records", 201, "[{\"id\":\"r1\"}]", .sent = "[{"
			"\"name\":\"_acme-challenge.example.com\",\"type\":\"TXT\",\"content\":\"v1\","
			"\"ttl\":60,\"prio\":0,\"disabled\":false}]" },
		.remove = { "DELETE /zones/11af3414-51/records/$record", 200, "" },
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
		.add = { "POST /zones/z51/records", 202, "{\"id\":\"71\",\"metadata\":{"
			"\"state\":\"PROVISIONING\"}}", .sent = "{\"properties\":{\"name\":\"_acme-challenge\","
			"\"type\":\"TXT\",\"content\":\"v1\",\"ttl\":60,\"enabled\":true}}" },
		.remove = { "DELETE /zones/z51/records/$record", 202, "{}" },
		.after_add = { "GET /zones/z51/records/71", 200, "{\"id\":\"71\",\"metadata\":{"
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
		.add = { "PATCH /dns-zones/example.com/records", 200, "{\"records\":[]}", .sent = "{"
			"\"return_all_records\":false,\"changes\":[{\"add\":{\"records\":[{"
			"\"name\":\"_acme-challenge\",\"type\":\"TXT\",\"data\":\"\\\"v1\\\"\",\"ttl\":60}]}}]}" },
		.remove = { "PATCH /dns-zones/example.com/records", 200, "{\"records\":[]}", .sent = "{"
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
		.add = { "POST /records", 200, "{\"record\":{\"id\":\"r1\"}}", .sent = "{"
			"\"name\":\"_acme-challenge\",\"type\":\"TXT\",\"value\":\"v1\",\"ttl\":60,"
			"\"zone_id\":\"z51\"}" },
		.remove = { "DELETE /records/$record", 200, "{}" },
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
		.add = { "POST /zones/51/rrsets/_acme-challenge/TXT/actions/add_records", 201, "{\"action\":{"
			"\"id\":1,\"command\":\"add_rrset_records\",\"status\":\"running\",\"progress\":50,"
			"\"error\":null}}", .sent = "{\"ttl\":60,\"records\":[{\"value\":\"\\\"v1\\\"\"}]}" },
		.remove = { "POST /zones/51/rrsets/_acme-challenge/TXT/actions/remove_records", 201, "{"
			"\"action\":{\"id\":1,\"status\":\"running\",\"error\":null}}", .sent = "{\"records\":[{"
			"\"value\":\"\\\"v1\\\"\"}]}" },
		.after = { { "GET /actions/1", 200, "{\"action\":{\"id\":1,\"status\":\"running\","
			"\"progress\":50,\"error\":null}}" }, { "GET /actions/1", 200, "{\"action\":{\"id\":1,"
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
		.add = { "PUT /domains/example.com/records/_acme-challenge/TXT", 201, "{"
			"\"message\":\"DNS Record Created\"}", .sent = "{\"rrset_ttl\":900,"
			"\"rrset_values\":[\"\\\"v2\\\"\",\"\\\"v1\\\"\"]}" },
		.add_first = { "PUT /domains/example.com/records/_acme-challenge/TXT", 201, "{"
			"\"message\":\"DNS Record Created\"}", .sent = "{\"rrset_ttl\":300,"
			"\"rrset_values\":[\"\\\"v1\\\"\"]}" },
		.remove = { "PUT /domains/example.com/records/_acme-challenge/TXT", 201, "{"
			"\"message\":\"DNS Record Created\"}", .sent = "{\"rrset_ttl\":900,"
			"\"rrset_values\":[\"\\\"v2\\\"\"]}" },
		.remove_last = { "DELETE /domains/example.com/records/_acme-challenge/TXT", 204, "" },
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
		.add = { "PATCH /domains/example.com/rrsets/_acme-challenge/TXT/", 200, "{}", .sent = "{"
			"\"records\":[\"\\\"v2\\\"\",\"\\\"v1\\\"\"]}" },
		.add_first = { "POST /domains/example.com/rrsets/", 201, "{}", .sent = "{"
			"\"subname\":\"_acme-challenge\",\"type\":\"TXT\",\"ttl\":3600,\"records\":[\"\\\"v1\\\"\"]}" },
		.remove = { "PATCH /domains/example.com/rrsets/_acme-challenge/TXT/", 200, "{}", .sent = "{"
			"\"records\":[\"\\\"v2\\\"\"]}" },
		.remove_last = { "PATCH /domains/example.com/rrsets/_acme-challenge/TXT/", 204, "", .sent = "{"
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
		.add = { "PUT /domains/example.com/records/TXT/_acme-challenge", 200, "", .sent = "[{"
			"\"data\":\"v2\",\"name\":\"_acme-challenge\",\"ttl\":3600,\"type\":\"TXT\"},{"
			"\"data\":\"v1\",\"ttl\":600}]" },
		.add_first = { "PUT /domains/example.com/records/TXT/_acme-challenge", 200, "", .sent = "[{"
			"\"data\":\"v1\",\"ttl\":600}]" },
		.remove = { "PUT /domains/example.com/records/TXT/_acme-challenge", 200, "", .sent = "[{"
			"\"data\":\"v2\",\"name\":\"_acme-challenge\",\"ttl\":3600,\"type\":\"TXT\"}]" },
		.remove_last = { "DELETE /domains/example.com/records/TXT/_acme-challenge", 204, "" },
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
		.add = { "PATCH /api/v1/servers/localhost/zones/example.com.", 204, "", .sent = "{\"rrsets\":[{"
			"\"name\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"ttl\":300,"
			"\"changetype\":\"REPLACE\",\"records\":[{\"content\":\"\\\"v2\\\"\",\"disabled\":false}"
			",{\"content\":\"\\\"v1\\\"\",\"disabled\":false}]}]}" },
		.add_first = { "PATCH /api/v1/servers/localhost/zones/example.com.", 204, "", .sent = "{"
			"\"rrsets\":[{\"name\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"ttl\":300,"
			"\"changetype\":\"REPLACE\",\"records\":[{\"content\":\"\\\"v1\\\"\",\"disabled\":false}]}]}" },
		.remove = { "PATCH /api/v1/servers/localhost/zones/example.com.", 204, "", .sent = "{"
			"\"rrsets\":[{\"name\":\"_acme-challenge.example.com.\",\"type\":\"TXT\",\"ttl\":300,"
			"\"changetype\":\"REPLACE\",\"records\":[{\"content\":\"\\\"v2\\\"\",\"disabled\":false}]}]}" },
		.remove_last = { "PATCH /api/v1/servers/localhost/zones/example.com.", 204, "", .sent = "{"
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
		.add = { "POST /update", 200, "{\"txt\":\"v1\"}", .sent = "{\"subdomain\":\"_acme-challenge\","
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
		.add = { "POST /present", 200, "", .sent = "{\"fqdn\":\"_acme-challenge.example.com.\","
			"\"value\":\"v1\"}" },
		.remove = { "POST /cleanup", 200, "", .sent = "{\"fqdn\":\"_acme-challenge.example.com.\","
			"\"value\":\"v1\"}" },
		.refusal = "{\"error\":\"who are you?\"}",
		.words = "who are you?",
	},
};
/* clang-format on */

const size_t services_count = ARRAY_SIZE(services);
