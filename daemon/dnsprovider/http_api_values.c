/*
 * Single values of the HTTP drivers: members of answers, names and texts that are compared, settings and credentials,
 * and bodies. Nothing here sends.
 */
#include "common/api/dns_kinds.h"
#include "common/crypto/base64url.h"
#include "common/error.h"
#include "common/name.h"
#include "daemon/base/http.h"
#include "daemon/base/http_url.h"
#include "daemon/dnsprovider/http_api_private.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ID = 64, MAX_CREDENTIAL = 256 };

/* --- what answers say --- */

struct json_object *
http_api_member(struct json_object *object, const char *path)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;

	if (path)
		strlist_split(&names, path, '.');
	for (size_t i = 0; i < names.count; i++) {
		struct json_object *inner = NULL;

		if (json_object_is_type(object, json_type_array))
			inner = json_object_array_get_idx(object, strtoul(names.items[i], NULL, 10));
		else if (json_object_is_type(object, json_type_object))
			json_object_object_get_ex(object, names.items[i], &inner);
		object = inner;
	}
	return object;
}

const char *
http_api_text(struct json_object *object, const char *path)
{
	struct json_object *member = http_api_member(object, path);

	return json_object_is_type(member, json_type_string) || json_object_is_type(member, json_type_int)
		       ? json_object_get_string(member)
		       : "";
}

const char *
http_api_id(struct json_object *object, const char *path, struct error *err)
{
	return http_api_check_id(http_api_text(object, path), err);
}

const char *
http_api_check_id(const char *id, struct error *err)
{
	size_t len = strlen(id);

	if (len <= MAX_ID && base64url_is_text(id, len))
		return id;
	error_set(err, ERROR_PROTOCOL, "an item in its answer has no id");
	return NULL;
}

int
http_api_take_found(struct http_api_task *task, struct json_object *item, struct error *err)
{
	const char *id = http_api_id(item, "id", err);

	if (!id)
		return -1;
	strlist_add(&task->found, id);
	return 0;
}

char *
http_api_relative_name(const struct http_api_task *task)
{
	size_t len = strlen(task->name) - strlen(task->zone);

	return xstrndup(task->name, len ? len - 1 : 0);
}

bool
http_api_same_text(const char *content, const char *value)
{
	size_t len = strlen(value);

	if (*content != '"')
		return strcmp(content, value) == 0;
	return strncmp(content + 1, value, len) == 0 && strcmp(content + 1 + len, "\"") == 0;
}

/* @name: of the setting. */
static int
http_api_check_endpoint(const char *name, const char *endpoint, struct error *err)
{
	_cleanup_http_url_ struct http_url url = { .scheme = NULL };

	if (http_url_parse(endpoint, &url, NULL) < 0 || url.has_user || strpbrk(endpoint, "?#"))
		return error_set_field(err, name, "'%s' is not https://HOST[:PORT][/PATH]", endpoint);
	if (strcmp(url.scheme, "http") == 0 && !http_url_is_loopback(&url))
		return error_set_field(err, name,
			"'%s' would send the token unencrypted: plain http is only allowed on loopback", endpoint);
	return 0;
}

/* Is the text safe in a header? */
static bool
http_api_is_token(const void *text, size_t len)
{
	const unsigned char *at = text;

	for (size_t i = 0; i < len; i++)
		if (at[i] <= ' ' || at[i] >= 0x7f)
			return false;
	return true;
}

static int
http_api_check_token(const struct secret *token, struct error *err)
{
	if (http_api_is_token(token->data, token->len))
		return 0;
	return error_set_field(err, "token", "contains a blank or another character that is not allowed in a token");
}

int
http_api_check(const struct dnsprovider *d, struct error *err)
{
	const struct setting *token = setting_find(&d->secrets, "token");
	const char *const urls[] = { "endpoint", "loginEndpoint" };

	if (token && http_api_check_token(&token->secret, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		const char *url = setting_text(&d->settings, urls[i]);

		if (url && http_api_check_endpoint(urls[i], url, err) < 0)
			return -1;
	}
	return 0;
}

int
http_api_keep_account(
	struct http_api_task *task, const char *name, const char *domain, const char *password, struct error *err)
{
	struct dnsprovider_account *account = &http_api_op(task)->account;
	size_t name_len = strlen(name), password_len = strlen(password);

	if (!name_len || !password_len || name_len > MAX_CREDENTIAL || password_len > MAX_CREDENTIAL ||
		!http_api_is_token(name, name_len) || !http_api_is_token(password, password_len))
		return error_set(err, ERROR_PROTOCOL, "the account that it returned has no usable name or password");
	dnsprovider_account_clear(account);
	if (name_canonical(domain, false, &account->domain, err) < 0)
		return error_wrap(err, "the account that it returned");
	account->name = xstrdup(name);
	secret_set(&account->password, password, password_len);
	return 0;
}

/* --- credentials --- */

const struct dnsprovider *
http_api_provider(const struct http_api_task *task)
{
	return &http_api_op(task)->provider;
}

const char *
http_api_setting(const struct http_api_task *task, const char *name)
{
	return setting_text(&http_api_op(task)->provider.settings, name);
}

char *
http_api_url(const struct http_api_task *task, const char *name)
{
	const char *own = http_api_setting(task, name);
	const struct api_kind *kind = api_kind_find(&dns_kinds, http_api_op(task)->provider.kind);
	const char *url = own ? own : api_kind_setting(&dns_kinds, kind, name)->fallback;
	size_t len = strlen(url);

	return xstrndup(url, url[len - 1] == '/' ? len - 1 : len);
}

const struct secret *
http_api_secret(const struct http_api_task *task, const char *name)
{
	const struct setting *setting = setting_find(&http_api_op(task)->provider.secrets, name);

	return setting ? &setting->secret : NULL;
}

const struct secret *
http_api_token(const struct http_api_task *task)
{
	return http_api_op(task)->token.len ? &http_api_op(task)->token : NULL;
}

int64_t
http_api_now(const struct http_api_task *task)
{
	return loop_now(http_api_op(task)->env.loop);
}

void
http_api_add_header(struct http_request *req, const char *prefix, const struct secret *secret)
{
	strlist_take(&req->headers,
		xasprintf("%s%.*s", prefix, secret ? (int)secret->len : 0, secret ? (const char *)secret->data : ""));
}

void
http_api_sign_aws(const struct http_api_task *task, struct http_request *req, const char *scope, const char *key_id,
	const struct secret *key)
{
	struct secret *signer = &http_api_op(task)->signer;
	size_t id_len = strlen(key_id);

	secret_alloc(signer, id_len + 1 + key->len + 1); /* the last octet stays NUL */
	memcpy(signer->data, key_id, id_len);
	signer->data[id_len] = ':';
	memcpy(signer->data + id_len + 1, key->data, key->len);
	req->userpwd = (const char *)signer->data;
	req->aws_sigv4 = scope;
}

void
http_api_add_basic(struct http_request *req, const char *user, const struct secret *password)
{
	_cleanup_secret_ struct secret plain = SECRET_INIT;
	_cleanup_secret_ struct secret encoded = SECRET_INIT;
	size_t user_len = strlen(user);

	secret_alloc(&plain, user_len + 1 + password->len);
	memcpy(plain.data, user, user_len);
	plain.data[user_len] = ':';
	memcpy(plain.data + user_len + 1, password->data, password->len);
	secret_alloc(&encoded, (plain.len + 2) / 3 * 4 + 1);
	EVP_EncodeBlock(encoded.data, plain.data, (int)plain.len);
	encoded.len--; /* without NUL */
	http_api_add_header(req, "Authorization: Basic ", &encoded);
	encoded.len++;
}

int
http_api_add_token(const struct http_api_task *task, struct http_request *req, struct error *err _unused_)
{
	const struct secret *token = http_api_token(task) ? http_api_token(task) : http_api_secret(task, "token");
	const char *header = http_api_op(task)->api->header;

	/* The envelope of procedures has the credentials, unless the session is named by a header. */
	if (!http_api_op(task)->api->procedures.path)
		http_api_add_header(req, header ? header : "Authorization: Bearer ", token);
	else if (header && http_api_token(task))
		http_api_add_header(req, header, token);
	return 0;
}

void
http_api_keep_token(struct http_api_task *task, const char *token, int64_t lifetime_sec)
{
	struct dnsprovider_op *op = http_api_op(task);

	secret_set(&op->token, token, strlen(token));
	op->token_until = http_api_now(task) + lifetime_sec;
}

const char *
http_api_cookie(const struct http_api_task *task, const char *name)
{
	const struct strlist *cookies = &http_api_op(task)->cookies;
	size_t len = strlen(name);

	for (size_t i = 0; i < cookies->count; i++)
		if (strncmp(cookies->items[i], name, len) == 0 && cookies->items[i][len] == '=')
			return cookies->items[i];
	return NULL;
}

/* --- bodies --- */

struct http_api_body
http_api_json(struct json_object *object)
{
	struct buf text = BUF_INIT;

	json_write(object, &text);
	json_object_put(object);
	return (struct http_api_body){ "application/json", buf_steal(&text) };
}

void
http_api_add_encoded(struct buf *ret, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *text; text++)
		buf_printf(ret, strchr(plain, *text) ? "%c" : "%%%02X", (unsigned char)*text);
}

struct http_api_body
http_api_form(const char *const *pairs)
{
	struct buf text = BUF_INIT;

	for (; *pairs; pairs += 2) {
		buf_add_str(&text, text.len ? "&" : "");
		http_api_add_encoded(&text, pairs[0]);
		buf_add_char(&text, '=');
		http_api_add_encoded(&text, pairs[1]);
	}
	return (struct http_api_body){ "application/x-www-form-urlencoded", buf_steal(&text) };
}

struct http_api_body
http_api_xml(char *document)
{
	return (struct http_api_body){ "application/xml", document };
}
