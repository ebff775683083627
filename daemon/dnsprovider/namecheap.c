/*
 * Namecheap (API: api.namecheap.com/xml.response). Answers are XML, refusals HTTP 200 with Status="ERROR", and HTTP 405
 * means too many calls.
 *
 *   getHosts -> setHosts with the value added or removed, unless it is done
 *
 * setHosts replaces the whole zone, its e-mail setting included: all that getHosts returned is sent back. Changes of a
 * zone run one after the other (daemon/challenge/txt_queue.h); the API cannot prevent another program's change between
 * the two calls.
 */
#include "common/buf.h"
#include "common/error.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

#include <string.h>

#define NAMECHEAP_ANSWER "ApiResponse.0.CommandResponse.0."
#define NAMECHEAP_HOSTS NAMECHEAP_ANSWER "DomainDNSGetHostsResult.0"

/* "SLD=example&TLD=co.uk": the API splits the zone. */
static void
namecheap_add_zone(const struct http_api_task *task, struct buf *params)
{
	size_t len = strcspn(task->zone, ".");

	buf_printf(params, "SLD=%.*s&TLD=%s", (int)len, task->zone, task->zone + len + (task->zone[len] == '.'));
}

/* @n: number of the host, from 1; 0: no number. */
static void
namecheap_add(struct buf *params, const char *name, size_t n, const char *value)
{
	_cleanup_free_ char *numbered = n ? xasprintf("%s%zu", name, n) : xstrdup(name);
	struct http_api_body pair = http_api_form((const char *const[]){ numbered, value, NULL });

	buf_printf(params, "&%s", pair.text);
	free(pair.text);
}

static void
namecheap_add_host(struct buf *params, size_t n, const char *name, const char *type, const char *address,
	const char *preference, const char *ttl)
{
	namecheap_add(params, "HostName", n, name);
	namecheap_add(params, "RecordType", n, type);
	namecheap_add(params, "Address", n, address);
	namecheap_add(params, "MXPref", n, preference);
	namecheap_add(params, "TTL", n, ttl);
}

static int
namecheap_on_set(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	if (strcasecmp(http_api_text(answer, NAMECHEAP_ANSWER "DomainDNSSetHostsResult.0.@IsSuccess"), "true") == 0)
		return 0;
	return error_set(err, ERROR_DNS, "the zone '%s' was not changed, and no reason is given", task->zone);
}

static int
namecheap_on_hosts(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	struct json_object *result = http_api_member(answer, NAMECHEAP_HOSTS);
	struct json_object *hosts = http_api_member(result, "host");
	size_t count = json_object_is_type(hosts, json_type_array) ? json_object_array_length(hosts) : 0;
	_cleanup_free_ char *relative = http_api_relative_name(task);
	const char *owner = *relative ? relative : "@";
	_cleanup_free_ char *ttl = xasprintf("%lld", (long long)task->ttl);
	const char *mail = http_api_text(result, "@EmailType");
	_cleanup_buf_ struct buf params = BUF_INIT;
	bool was_there = false;
	size_t n = 0;

	/* An answer that is not understood must not become an empty zone. */
	if (strcasecmp(http_api_text(result, "@Domain"), task->zone) != 0)
		return error_set(err, ERROR_PROTOCOL, "its answer is not the zone '%s'", task->zone);
	if (strcasecmp(http_api_text(result, "@IsUsingOurDNS"), "true") != 0)
		return error_set(err, ERROR_DNS, "the zone '%s' is not on Namecheap's name servers", task->zone);
	namecheap_add_zone(task, &params);
	if (*mail)
		namecheap_add(&params, "EmailType", 0, mail);
	for (size_t i = 0; i < count; i++) {
		struct json_object *host = json_object_array_get_idx(hosts, i);
		const char *name = http_api_text(host, "@Name");
		const char *type = http_api_text(host, "@Type");
		const char *address = http_api_text(host, "@Address");

		if (!*name || !*type)
			return error_set(err, ERROR_PROTOCOL, "its answer has a record without a name or type");
		if (strcasecmp(name, owner) == 0 && strcmp(type, "TXT") == 0 &&
			http_api_same_text(address, task->value))
			was_there = true;
		else
			namecheap_add_host(&params, ++n, name, type, address, http_api_text(host, "@MXPref"),
				http_api_text(host, "@TTL"));
	}
	if (was_there != task->is_removal)
		return 0;
	if (!task->is_removal)
		namecheap_add_host(&params, ++n, owner, "TXT", task->value, "10", ttl);
	http_api_call(task, namecheap_on_set, true, "namecheap.domains.dns.setHosts", buf_steal(&params));
	return 0;
}

static int
namecheap_change(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	struct buf params = BUF_INIT;

	namecheap_add_zone(task, &params);
	http_api_call(task, namecheap_on_hosts, false, "namecheap.domains.dns.getHosts", buf_steal(&params));
	return 0;
}

static const struct http_api namecheap_api = {
	.name = "Namecheap",
	.is_xml = true,
	.procedures = { "/xml.response",
		"ApiUser=$apiUser&ApiKey=$apiKey&UserName=$apiUser&ClientIp=$clientIp&Command=$call&$params" },
	.verdict = { "ApiResponse.0.@Status", " OK " },
	.paging = { HTTP_API_NUMBER, .items = NAMECHEAP_ANSWER "DomainGetListResult.0.Domain", .size = 100 },
	.zones = { "namecheap.domains.getList Page=$page&PageSize=100", .name = "@Name", .hidden = "@IsOurDNS",
		.hidden_word = "false", .is_spared = true },
	.min_ttl = 60,
	.change = namecheap_change,
	.reason = "ApiResponse.0.Errors.0.Error.0.#text",
	.code = "ApiResponse.0.Errors.0.Error.0.@Number",
	.passing = " 405 500000 3050900 5050900 ",
	.denied = " 1011101 1011102 1011105 1011150 1016103 1017101 1017105 1017150 1019103 ",
};

const struct dnsprovider_driver dnsprovider_namecheap = {
	.api = &namecheap_api,
	.needs_zone = true,
	.has_whole_zones = true,
	.check = http_api_check,
	.change = http_api_change,
	.list_zones = http_api_list_zones,
	.cancel = http_api_cancel,
};
