/*
 * Templates of paths and bodies: a description of an API contains the texts that its documentation shows, with $words
 * in place of what differs from call to call.
 */
#include "common/buf.h"
#include "daemon/dnsprovider/http_api_private.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

typedef void
http_api_escape_fn(struct buf *ret, const char *text);

/* @text as within a JSON string. */
static void
http_api_add_json(struct buf *ret, const char *text)
{
	_cleanup_json_ struct json_object *string = json_object_new_string(text);
	const char *quoted = json_object_to_json_string_ext(string, JSON_C_TO_STRING_NOSLASHESCAPE);

	buf_add(ret, quoted + 1, strlen(quoted) - 2);
}

/* A secret, of which only APIs of procedures have words. Owned by the caller. */
static char *
http_api_secret_word(const struct http_api_task *task, const char *word)
{
	const struct secret *secret = strcmp(word, "session") == 0 ? http_api_token(task) : http_api_secret(task, word);

	return xstrndup(secret ? (const char *)secret->data : "", secret ? secret->len : 0);
}

/* The text of $@word; "" if it has none. Owned by the caller. */
static char *
http_api_word(const struct http_api_task *task, const char *word)
{
	const struct dnsprovider_op *op = http_api_op(task);
	const struct http_api *api = op->api;
	const char *text = NULL;

	if (strcmp(word, "host") == 0 || strcmp(word, "sub") == 0) {
		char *host = http_api_relative_name(task);

		if (!*host && *word == 'h')
			str_replace(&host, api->apex ? api->apex : "");
		return host;
	}
	if (strcmp(word, "ttl") == 0)
		return xasprintf("%lld", (long long)task->ttl);
	if (strcmp(word, "page") == 0)
		return xasprintf("%d", op->pages.count);
	if (strcmp(word, "zone") == 0)
		text = task->zone;
	else if (strcmp(word, "id") == 0)
		text = task->zone_id;
	else if (strcmp(word, "name") == 0)
		text = task->name;
	else if (strcmp(word, "value") == 0)
		text = task->value;
	else if (strcmp(word, "domain") == 0)
		text = task->domain;
	else if (strcmp(word, "token") == 0)
		text = task->token;
	else if (strcmp(word, "keyAuth") == 0)
		text = task->key_authorization;
	else if (strcmp(word, "record") == 0)
		text = task->found.count ? task->found.items[task->found.count - 1] : NULL;
	else if (strcmp(word, "call") == 0)
		text = op->call.path;
	else
		text = http_api_setting(task, word);
	return !text && api->procedures.path ? http_api_secret_word(task, word) : xstrdup(text ? text : "");
}

/* @values: the text of $values, or NULL. @params: of $params, or NULL. */
static char *
http_api_fill(const struct http_api_task *task, const char *template, http_api_escape_fn *escape,
	struct json_object *values, const char *params)
{
	struct buf text = BUF_INIT;

	while (*template) {
		size_t len = strcspn(template, "$");
		_cleanup_free_ char *word = NULL;

		buf_add(&text, template, len);
		template += len;
		if (!*template)
			break;
		for (len = 1; isalpha((unsigned char)template[len]);)
			len++;
		word = xstrndup(template + 1, len - 1);
		template += len;
		if (values && strcmp(word, "values") == 0) {
			json_write(values, &text);
		} else if (params && strcmp(word, "params") == 0) {
			buf_add_str(&text, params);
		} else {
			_cleanup_free_ char *plain = http_api_word(task, word);

			escape(&text, plain);
			OPENSSL_cleanse(plain, strlen(plain));
		}
	}
	return buf_steal(&text);
}

char *
http_api_path(const struct http_api_task *task, const char *template)
{
	return http_api_fill(task, template, http_api_add_encoded, NULL, NULL);
}

struct http_api_body
http_api_json_template(const struct http_api_task *task, const char *template, struct json_object *values)
{
	return (struct http_api_body){ "application/json",
		http_api_fill(task, template, http_api_add_json, values, NULL) };
}

/* Envelopes and parameters are JSON or forms. */
static http_api_escape_fn *
http_api_escape_of(const struct http_api_task *task)
{
	return *http_api_op(task)->api->procedures.envelope == '{' ? http_api_add_json : http_api_add_encoded;
}

void
http_api_call_template(struct http_api_task *task, http_api_fn *then, bool is_change, const char *template)
{
	size_t len = strcspn(template, " ");
	_cleanup_free_ char *name = xstrndup(template, len);

	http_api_call(task, then, is_change, name,
		http_api_fill(task, template + len + (template[len] == ' '), http_api_escape_of(task), NULL, NULL));
}

struct http_api_body
http_api_enclose(const struct dnsprovider_op *op)
{
	const char *envelope = op->api->procedures.envelope;

	return (struct http_api_body){ *envelope == '{' ? "application/json" : "application/x-www-form-urlencoded",
		http_api_fill(&op->task, envelope, http_api_escape_of(&op->task), NULL, op->call.body.text) };
}
