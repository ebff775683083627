/* "smtp://mail.example.com:25,mx.example.com@192.0.2.1,2001:db8::1": text to an endpoint, and back. */
#include "common/api/endpoint.h"

#include "common/error.h"
#include "common/nearest.h"
#include "common/strlist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What may precede "://". Those after the protocols are TLS at another port, or other names. */
#define ENDPOINT_SCHEME(name, port) { #name, #name, port },
static const struct {
	const char *scheme;
	const char *protocol;
	int port;
} schemes[] = { ENDPOINT_PROTOCOLS(ENDPOINT_SCHEME){ "https", "tls", 443 }, { "smtps", "tls", 465 },
	{ "imaps", "tls", 993 }, { "pop3s", "tls", 995 }, { "ldaps", "tls", 636 }, { "ftps", "tls", 990 },
	{ "submission", "smtp", 587 }, { "postgresql", "postgres", 5432 }, { "managesieve", "sieve", 4190 } };

static const char endpoint_default[] = "tls";

char *
endpoint_text(const char *protocol, const char *host, int64_t port)
{
	bool has_brackets = strchr(host, ':') != NULL, has_scheme = protocol && strcmp(protocol, endpoint_default) != 0;

	return xasprintf("%s%s%s%s%s:%lld", has_scheme ? protocol : "", has_scheme ? "://" : "",
		has_brackets ? "[" : "", host, has_brackets ? "]" : "", (long long)port);
}

static void
endpoint_add(struct json_object *ret, const char *member, const char *text, size_t len)
{
	json_object_object_add(ret, member, json_object_new_string_len(text, (int)len));
}

/* Reads "smtp://", if there is one. @ret_port: its default, or 0. Return: the text after it, or NULL. */
static const char *
endpoint_parse_scheme(const char *text, struct json_object *ret, int *ret_port, struct error *err)
{
	const char *words[ARRAY_SIZE(schemes)];
	const char *mark = strstr(text, "://");
	const char *nearest;
	_cleanup_free_ char *scheme = NULL;

	*ret_port = 0;
	if (!mark)
		return text;
	scheme = xstrndup(text, (size_t)(mark - text));
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		words[i] = schemes[i].scheme;
		if (strcmp(schemes[i].scheme, scheme) != 0)
			continue;
		if (strcmp(schemes[i].protocol, endpoint_default) != 0)
			json_object_object_add(ret, "protocol", json_object_new_string(schemes[i].protocol));
		*ret_port = schemes[i].port;
		return mark + strlen("://");
	}
	nearest = nearest_word(scheme, words, ARRAY_SIZE(words));
	error_set(err, ERROR_USAGE, "'%s': unknown protocol '%s'%s%s%s", text, scheme, nearest ? "; did you mean " : "",
		nearest ? nearest : "", nearest ? "?" : "");
	return NULL;
}

static int
endpoint_add_port(struct json_object *ret, const char *from, size_t len, struct error *err)
{
	_cleanup_free_ char *text = xstrndup(from, len);
	char *end = NULL;
	long long port;

	errno = 0;
	port = strtoll(text, &end, 10);
	if (errno || end == text || *end)
		return error_set(err, ERROR_USAGE, "'%s' is not a whole number", text);
	json_object_object_add(ret, "port", json_object_new_int64(port));
	return 0;
}

/* "[::1]:443": the colon before the port is the last one; brackets are not part of the address. */
static int
endpoint_parse_host(const char *all, const char *text, size_t len, int port, struct json_object *ret, struct error *err)
{
	const char *colon = memrchr(text, ':', len);
	bool has_brackets = len && *text == '[', is_closed = has_brackets && text[len - 1] == ']';
	size_t host_len = colon && !is_closed ? (size_t)(colon - text) : len;

	if (has_brackets && (host_len < 3 || text[host_len - 1] != ']'))
		return error_set(err, ERROR_USAGE, "'%s' is not %s", all, ENDPOINT_METAVAR);
	if (host_len == 0 || host_len + 1 == len || (host_len == len && port == 0))
		return error_set(err, ERROR_USAGE, "'%s' is not %s", all, ENDPOINT_METAVAR);
	endpoint_add(ret, "host", text + has_brackets, host_len - (has_brackets ? 2 : 0));
	if (host_len < len)
		return endpoint_add_port(ret, text + host_len + 1, len - host_len - 1, err);
	json_object_object_add(ret, "port", json_object_new_int(port));
	return 0;
}

static int
endpoint_parse_addresses(const char *all, const char *text, struct json_object *ret, struct error *err)
{
	_cleanup_strlist_ struct strlist items = STRLIST_INIT;
	struct json_object *list;

	strlist_split(&items, text, ',');
	if (items.count == 0)
		return error_set(err, ERROR_USAGE, "'%s': an address is required after '@'", all);
	list = json_object_new_array();
	json_object_object_add(ret, "addresses", list);
	for (size_t i = 0; i < items.count; i++) {
		const char *item = items.items[i];
		size_t len = strlen(item);
		bool has_brackets = len > 2 && item[0] == '[' && item[len - 1] == ']';

		json_object_array_add(
			list, json_object_new_string_len(item + has_brackets, (int)(len - (has_brackets ? 2 : 0))));
	}
	return 0;
}

int
endpoint_parse(const char *text, struct json_object *ret, struct error *err)
{
	int port;
	const char *host = endpoint_parse_scheme(text, ret, &port, err);
	const char *at, *end, *comma;

	if (!host)
		return -1;
	at = strchrnul(host, '@');
	comma = memchr(host, ',', (size_t)(at - host));
	end = comma ? comma : at;
	if (endpoint_parse_host(text, host, (size_t)(end - host), port, ret, err) < 0)
		return -1;
	if (comma && memchr(comma + 1, ',', (size_t)(at - comma) - 1))
		return error_set(
			err, ERROR_USAGE, "'%s': too many values after the last ','; addresses follow '@'", text);
	if (comma)
		endpoint_add(ret, "sni", comma + 1, (size_t)(at - comma) - 1);
	return *at ? endpoint_parse_addresses(text, at + 1, ret, err) : 0;
}

static void
endpoint_describe_list(struct json_object *probe, const char *member, const char *before, struct buf *ret)
{
	struct json_object *list = json_path(probe, member);

	if (!json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		buf_printf(ret, "%s%s", i ? "," : before, json_object_get_string(json_object_array_get_idx(list, i)));
}

void
endpoint_describe(struct json_object *probe, struct buf *ret)
{
	const char *protocol = json_object_get_string(json_path(probe, "protocol"));
	const char *host = json_object_get_string(json_path(probe, "host"));
	const char *sni = json_object_get_string(json_path(probe, "sni"));
	_cleanup_free_ char *text = endpoint_text(
		protocol, host ? host : "", json_object_get_int64(json_path(probe, "port")));
	size_t alpn_at;

	buf_add_str(ret, text);
	if (sni && *sni)
		buf_printf(ret, ",%s", sni);
	endpoint_describe_list(probe, "addresses", "@", ret);
	alpn_at = ret->len;
	endpoint_describe_list(probe, "alpn", " (ALPN ", ret);
	if (ret->len > alpn_at)
		buf_add_char(ret, ')');
}
