/*
 * Google Cloud DNS (API: dns.googleapis.com/dns/v1), as a service account: a JWT signed with its key is exchanged for a
 * token (RFC 7523).
 *
 *   record set of the name -> POST a change that replaces the set -> GET the change until it is done
 *
 * A change names the set that it deletes exactly, so that the service refuses it if another program was faster; then
 * everything is read again.
 */
#include "common/crypto/base64url.h"
#include "common/crypto/key.h"
#include "common/error.h"
#include "daemon/dnsprovider/drivers.h"
#include "daemon/dnsprovider/http_api.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum { GOOGLE_TOKEN_LIFETIME_SEC = 3600 };

static int
google_on_token(struct http_api_task *task, struct json_object *answer, struct error *err _unused_)
{
	http_api_keep_token(
		task, http_api_text(answer, "access_token"), strtoll(http_api_text(answer, "expires_in"), NULL, 10));
	return 0;
}

static void
google_add_part(struct buf *jwt, struct json_object *part)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	json_write(part, &text);
	json_object_put(part);
	if (jwt->len)
		buf_add_char(jwt, '.');
	base64url_encode(text.data, text.len, jwt);
}

/* The assertion of @account, whose key is @key. */
static int
google_sign(const struct http_api_task *task, const char *account, const struct key *key, struct buf *ret,
	struct error *err)
{
	struct json_object *header = json_object_new_object();
	struct json_object *claims = json_object_new_object();
	_cleanup_buf_ struct buf signature = BUF_INIT;
	_cleanup_free_ char *server = http_api_url(task, "loginEndpoint");
	_cleanup_free_ char *url = xasprintf("%s/token", server);
	int64_t now = http_api_now(task);

	json_add_string(header, "alg", key_jws_alg(key));
	json_add_string(header, "typ", "JWT");
	json_add_string(claims, "iss", account);
	json_add_string(claims, "scope", "https://www.googleapis.com/auth/ndev.clouddns.readwrite");
	json_add_string(claims, "aud", url);
	json_add_int(claims, "iat", now);
	json_add_int(claims, "exp", now + GOOGLE_TOKEN_LIFETIME_SEC);
	google_add_part(ret, header);
	google_add_part(ret, claims);
	if (key_jws_sign(key, ret->data, ret->len, &signature, err) < 0)
		return -1;
	buf_add_char(ret, '.');
	base64url_encode(signature.data, signature.len, ret);
	return 0;
}

/* The key file that the console of Google Cloud creates. */
static int
google_read_account(const struct secret *file, char **ret_account, struct key **ret_key, struct error *err)
{
	_cleanup_json_ struct json_object *object = json_parse((const char *)file->data, file->len, err);
	_cleanup_secret_ struct secret pem = SECRET_INIT;
	const char *account = http_api_text(object, "client_email");
	const char *text = http_api_text(object, "private_key");
	int rc = -1;

	if (!object)
		return error_wrap(err, "the key file of the service account");
	if (!*account || !*text)
		return error_set_field(err, "serviceAccount", "is not a key file of a service account: it has no %s",
			*account ? "private_key" : "client_email");
	secret_set(&pem, text, strlen(text));
	rc = key_from_text(&pem, ret_key, err);
	OPENSSL_cleanse((char *)(uintptr_t)text, strlen(text));
	if (rc < 0)
		return error_wrap(err, "the key of the service account");
	*ret_account = xstrdup(account);
	return 0;
}

static int
google_login(struct http_api_task *task, struct json_object *answer _unused_, struct error *err)
{
	_cleanup_free_ char *account = NULL;
	_cleanup_key_ struct key *key = NULL;
	_cleanup_buf_ struct buf jwt = BUF_INIT;
	_cleanup_free_ char *server = http_api_url(task, "loginEndpoint");

	if (google_read_account(http_api_secret(task, "serviceAccount"), &account, &key, err) < 0 ||
		google_sign(task, account, key, &jwt, err) < 0)
		return -1;
	http_api_send(task, "POST",
		http_api_form((const char *const[]){ "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer",
			"assertion", buf_str(&jwt), NULL }),
		google_on_token, "%s/token", server);
	return 0;
}

static int
google_check(const struct dnsprovider *d, struct error *err)
{
	const struct setting *file = setting_find(&d->secrets, "serviceAccount");
	_cleanup_free_ char *account = NULL;
	_cleanup_key_ struct key *key = NULL;

	if (file && file->secret.len && google_read_account(&file->secret, &account, &key, err) < 0)
		return -1;
	return http_api_check(d, err);
}

static int
google_on_change(struct http_api_task *task, struct json_object *answer, struct error *err)
{
	const char *id = http_api_id(answer, "id", err);
	_cleanup_free_ char *path = http_api_path(task, "/projects/$project/managedZones/$id/changes");

	if (!id)
		return -1;
	if (strcmp(http_api_text(answer, "status"), "done") != 0 && !task->found.count) {
		strlist_add(&task->found, id);
		http_api_send(task, "GET", HTTP_API_NO_BODY, google_on_change, "%s/%s", path, id);
	} else if (strcmp(http_api_text(answer, "status"), "done") != 0) {
		http_api_poll(task, "the change is not done");
	}
	return 0;
}

static int
google_on_set(struct http_api_task *task, struct json_object *answer, struct error *err _unused_)
{
	struct json_object *set = http_api_member(answer, "rrsets.0");
	_cleanup_json_ struct json_object *changed = http_api_changed_values(
		task, http_api_member(set, "rrdatas"), NULL, "\"\\\"$value\\\"\"");
	_cleanup_free_ char *path = http_api_path(task, "/projects/$project/managedZones/$id/changes");
	struct json_object *body = NULL;
	struct json_object *deletions = NULL;

	if (!changed)
		return 0;
	body = json_object_new_object();
	if (json_object_array_length(changed)) {
		struct http_api_body addition = http_api_json_template(
			task, "[{\"name\":\"$name.\",\"type\":\"TXT\",\"ttl\":$ttl,\"rrdatas\":$values}]", changed);

		json_object_object_add(body, "additions", json_tokener_parse(addition.text));
		free(addition.text);
	}
	if (set) {
		deletions = json_object_new_array();
		json_object_array_add(deletions, json_object_get(set));
		json_object_object_add(body, "deletions", deletions);
	}
	http_api_send(task, "POST", http_api_json(body), google_on_change, "%s", path);
	return 0;
}

static int
google_change(struct http_api_task *task, struct json_object *answer _unused_, struct error *err _unused_)
{
	http_api_find(task, google_on_set, "/projects/$project/managedZones/$id/rrsets?name=$name.&type=TXT");
	return 0;
}

static const struct http_api google_api = {
	.name = "Google Cloud DNS",
	.login = google_login,
	.paging = { HTTP_API_CURSOR, .items = "managedZones", .position = "pageToken", .size_name = "maxResults",
		.size = 100, .cursor = "nextPageToken" },
	.zones = { "/projects/$project/managedZones", .filter = "dnsName", .is_exact = true, .is_absolute = true,
		.name = "dnsName", .id = "name", .hidden = "visibility", .hidden_word = "private" },
	.change = google_change,
	.reason = "error.message|error_description",
	.code = "error.errors.0.reason",
	.passing = " conditionNotMet rateLimitExceeded ",
};

const struct dnsprovider_driver dnsprovider_google = {
	.api = &google_api,
	.check = google_check,
	.change = http_api_change,
	.list_zones = http_api_list_zones,
	.cancel = http_api_cancel,
};
