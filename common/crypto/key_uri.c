/*
 * A URI of a PKCS#11 object is attributes, separated by ';', then '?' and a query, separated by '&'. Only known
 * attributes are accepted: a misspelt one would be ignored by libraries, and another key found.
 */
#include "common/crypto/key_uri.h"

#include "common/crypto/key.h"
#include "common/error.h"

#include <string.h>

#define PIN_SOURCE "pin-source=file:"

enum key_uri_part { PART_OTHER, PART_TOKEN, PART_OBJECT };

static const struct {
	const char *name;
	enum key_uri_part part;
} key_uri_attributes[] = {
	{ "token", PART_TOKEN },
	{ "serial", PART_TOKEN },
	{ "slot-id", PART_TOKEN },
	{ "manufacturer", PART_OTHER },
	{ "model", PART_OTHER },
	{ "object", PART_OBJECT },
	{ "id", PART_OBJECT },
	{ "type", PART_OTHER },
};

/* Return: 0, with the part added to @parts, or -1. */
static int
key_uri_check_attribute(const char *text, size_t len, unsigned *parts, struct error *err)
{
	const char *equals = memchr(text, '=', len);
	size_t name_len = equals ? (size_t)(equals - text) : len;

	if (!equals || equals == text + len - 1)
		return error_set(err, ERROR_INVALID, "'%.*s' is not NAME=VALUE", (int)len, text);
	if (strncmp(text, "type=", strlen("type=")) == 0 &&
		(len != strlen("type=private") || strncmp(text, "type=private", len) != 0))
		return error_set(err, ERROR_INVALID, "'%.*s' is not a private key", (int)len, text);
	for (size_t i = 0; i < ARRAY_SIZE(key_uri_attributes); i++) {
		const char *name = key_uri_attributes[i].name;

		if (strlen(name) == name_len && memcmp(name, text, name_len) == 0) {
			*parts |= 1U << key_uri_attributes[i].part;
			return 0;
		}
	}
	if (name_len == strlen("module-path") && memcmp(text, "module-path", name_len) == 0)
		return error_set(err, ERROR_INVALID, "the module is set by pkcs11-module in certd.conf, not in a URI");
	return error_set(err, ERROR_INVALID, "'%.*s' is not an attribute that certd knows", (int)name_len, text);
}

static int
key_uri_check_query(const char *query, struct error *err)
{
	if (strncmp(query, "pin-value=", strlen("pin-value=")) == 0)
		return error_set(err, ERROR_INVALID,
			"the PIN must not be in the URI, which is shown: write it to a file, and use "
			"pin-source=file:/PATH");
	if (strncmp(query, "module-", strlen("module-")) == 0)
		return error_set(err, ERROR_INVALID, "the module is set by pkcs11-module in certd.conf, not in a URI");
	if (strncmp(query, PIN_SOURCE "/", strlen(PIN_SOURCE "/")) != 0 || strpbrk(query, "&%|"))
		return error_set(
			err, ERROR_INVALID, "after '?' only pin-source=file:/PATH is accepted, with an absolute path");
	return 0;
}

/* RFC 7512 s2.3 without what the configuration of servers would not take as it is. */
static bool
key_uri_has_plain_text(const char *uri)
{
	static const char marks[] = "-._~:/?[]@!()*+,=;&%";

	for (const char *c = uri; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
			    strchr(marks, *c)))
			return false;
	return true;
}

int
key_uri_check(const char *uri, struct error *err)
{
	const char *text = uri + strlen(KEY_PLACE_TOKEN);
	const char *query = strchr(uri, '?');
	const char *end = query ? query : uri + strlen(uri);
	unsigned parts = 0;

	if (strncmp(uri, KEY_PLACE_TOKEN, strlen(KEY_PLACE_TOKEN)) != 0)
		return error_set(err, ERROR_INVALID,
			"must begin with 'pkcs11:', such as pkcs11:token=NAME;object=NAME?pin-source=file:/PATH");
	if (strlen(uri) > KEY_URI_MAX)
		return error_set(err, ERROR_INVALID, "has more than %d characters", KEY_URI_MAX);
	if (!key_uri_has_plain_text(uri))
		return error_set(err, ERROR_INVALID,
			"has a character that is not allowed in a URI; write it as %%XX, a blank as %%20");
	while (text <= end) {
		size_t len = strcspn(text, ";?");

		if (key_uri_check_attribute(text, len, &parts, err) < 0)
			return -1;
		text += len + 1;
	}
	if (!(parts & 1U << PART_TOKEN) || !(parts & 1U << PART_OBJECT))
		return error_set(err, ERROR_INVALID, "must name the %s",
			parts & 1U << PART_TOKEN ? "key (object= or id=)" : "token (token=, serial= or slot-id=)");
	return query ? key_uri_check_query(query + 1, err) : 0;
}

void
key_uri_split(const char *uri, char **ret_object, char **ret_pin_file)
{
	const char *query = strchr(uri, '?');

	*ret_object = xasprintf("%.*s", (int)(query ? query - uri : (ptrdiff_t)strlen(uri)), uri);
	*ret_pin_file = query ? xstrdup(query + 1 + strlen(PIN_SOURCE)) : NULL;
}
