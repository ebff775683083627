/*
 * Templates of paths and bodies: a description of an API contains the texts that its documentation shows, with $words
 * in place of what differs from call to call.
 */
#include "common/buf.h"
#include "daemon/dnsprovider/http_api_private.h"

#include <ctype.h>
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

/* The text of $@word; "" if it has none. Owned by the caller. */
static char *
http_api_word(const struct http_api_task *task, const char *word)
{
	const struct http_api *api = http_api_op(task)->api;
	const char *text = NULL;

	if (strcmp(word, "host") == 0 || strcmp(word, "sub") == 0) {
		char *host = http_api_relative_name(task);

		if (!*host && *word == 'h')
			str_replace(&host, api->apex ? api->apex : "");
		return host;
	}
	if (strcmp(word, "ttl") == 0)
		return xasprintf("%lld", (long long)task->ttl);
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
	else
		text = http_api_setting(task, word);
	return xstrdup(text ? text : "");
}

/* @values: the text of $values, or NULL. */
static char *
http_api_fill(
	const struct http_api_task *task, const char *template, http_api_escape_fn *escape, struct json_object *values)
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
		} else {
			_cleanup_free_ char *plain = http_api_word(task, word);

			escape(&text, plain);
		}
	}
	return buf_steal(&text);
}

char *
http_api_path(const struct http_api_task *task, const char *template)
{
	return http_api_fill(task, template, http_api_add_encoded, NULL);
}

struct http_api_body
http_api_json_template(const struct http_api_task *task, const char *template, struct json_object *values)
{
	return (struct http_api_body){ "application/json", http_api_fill(task, template, http_api_add_json, values) };
}
