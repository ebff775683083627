/*
 * OVHcloud (API: eu.api.ovh.com/1.0, ca.api.ovh.com/1.0, api.us.ovhcloud.com/1.0). Requests are signed with the time of
 * the server, so the "login" asks for that, and the difference to our clock is the token.
 *
 *   ids of the records of the name -> GET each -> add:    POST, unless one has the value
 *                                              -> remove: DELETE each that has the value
 *   refresh of the zone, without which nothing is published
 */
#include "common/error.h"
#include "daemon/base/http.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { OVH_CLOCK_LIFETIME_SEC = 3600 };

static int
ovh_on_time(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	int64_t now = strtoll(http_api_text(answer, NULL), NULL, 10);
	_cleanup_free_ char *offset = NULL;

	if (now <= 0)
		return error_set(err, ERROR_PROTOCOL, "its time is not a number");
	offset = xasprintf("%lld", (long long)(now - http_api_now(task)));
	http_api_keep_token(task, offset, OVH_CLOCK_LIFETIME_SEC);
	return 0;
}

static int
ovh_ask_time(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	http_api_send(task, "GET", HTTP_API_NO_BODY, ovh_on_time, "/auth/time");
	return 0;
}

/* "$1$" and the hexadecimal SHA-1 of "SECRET+CONSUMER+METHOD+URL+BODY+TIME". */
static void
ovh_sign(const struct http_api_task *task, struct http_request *req, long long now)
{
	const struct secret *parts[] = { http_api_secret(task, "applicationSecret"),
		http_api_secret(task, "consumerKey") };
	_cleanup_free_ char *time = xasprintf("+%lld", now);
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[2 * EVP_MAX_MD_SIZE + 1];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned len = 0;

	EVP_DigestInit_ex(md, EVP_sha1(), NULL);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		EVP_DigestUpdate(md, parts[i]->data, parts[i]->len);
		EVP_DigestUpdate(md, "+", 1);
	}
	EVP_DigestUpdate(md, req->method, strlen(req->method));
	EVP_DigestUpdate(md, "+", 1);
	EVP_DigestUpdate(md, req->url, strlen(req->url));
	EVP_DigestUpdate(md, "+", 1);
	EVP_DigestUpdate(md, req->body, req->body_len);
	EVP_DigestUpdate(md, time, strlen(time));
	EVP_DigestFinal_ex(md, digest, &len);
	EVP_MD_CTX_free(md);
	for (unsigned i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	strlist_take(&req->headers, xasprintf("X-Ovh-Timestamp: %lld", now));
	strlist_take(&req->headers, xasprintf("X-Ovh-Signature: $1$%s", text));
}

static int
ovh_auth(const struct http_api_task *task, struct http_request *req, struct error *err _unused_)
{
	const struct secret *offset = http_api_token(task);
	_cleanup_free_ char *text = offset ? xstrndup((const char *)offset->data, offset->len) : NULL;

	if (!text)
		return 0; /* the time is public */
	strlist_take(&req->headers, xasprintf("X-Ovh-Application: %s", http_api_setting(task, "applicationKey")));
	http_api_add_header(req, "X-Ovh-Consumer: ", http_api_secret(task, "consumerKey"));
	ovh_sign(task, req, (long long)http_api_now(task) + strtoll(text, NULL, 10));
	return 0;
}

static int
ovh_publish(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	http_api_send(task, "POST", HTTP_API_NO_BODY, http_api_end, "/domain/zone/%s/refresh", task->zone);
	return 0;
}

static int
ovh_next(struct http_api_task *task, struct json_object *answer, struct error *err);

static int
ovh_on_record(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	_cleanup_free_ char *id = task->found.items[--task->found.count];

	if (!http_api_same_text(http_api_text(answer, "target"), task->value))
		return ovh_next(task, NULL, err);
	if (!task->is_removal)
		return ovh_publish(task, NULL, err);
	http_api_send(task, "DELETE", HTTP_API_NO_BODY, ovh_next, "/domain/zone/%s/record/%s", task->zone, id);
	return 0;
}

/* Reads the last of the records that are left. */
static int
ovh_next(struct http_api_task *task, struct json_object *answer _unused_, struct error *err)
{
	_cleanup_free_ char *path = http_api_path(task, "/domain/zone/$zone/record");

	if (task->found.count)
		http_api_find(task, ovh_on_record, "/domain/zone/$zone/record/$record");
	else if (task->is_removal)
		return ovh_publish(task, NULL, err);
	else
		http_api_send(task, "POST",
			http_api_json_template(task,
				"{\"fieldType\":\"TXT\",\"subDomain\":\"$host\",\"target\":\"$value\",\"ttl\":$ttl}",
				NULL),
			ovh_publish, "%s", path);
	return 0;
}

static int
ovh_take_id(struct http_api_task *task, struct json_object *item, struct error *err)
{
	const char *id = http_api_id(item, NULL, err);

	if (!id)
		return -1;
	strlist_add(&task->found, id);
	return 0;
}

static int
ovh_change(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	_cleanup_free_ char *path = http_api_path(task, "/domain/zone/$zone/record?fieldType=TXT&subDomain=$host");

	http_api_list(task, ovh_take_id, ovh_next, "%s", path);
	return 0;
}

static const struct http_api ovh_api = {
	.name = "OVHcloud",
	.auth = ovh_auth,
	.login = ovh_ask_time,
	.zones = { .path = "/domain/zone" },
	.min_ttl = 60,
	.change = ovh_change,
	.reason = "message",
};

const struct dnsprovider_driver dnsprovider_ovh = HTTP_API_DRIVER(&ovh_api);
