#include "daemon/service/diff.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct api_field inner[] = {
	{ .name = "keyId", .type = API_STRING },
	{ .name = "keySecret", .type = API_SECRET },
	{ .name = NULL },
};
static const struct api_field probe[] = {
	{ .name = "host", .type = API_STRING },
	{ .name = NULL },
};
static const struct api_field fields[] = {
	{ .name = "name", .type = API_STRING },
	{ .name = "reuseKey", .type = API_BOOL },
	{ .name = "maxOrders", .type = API_INT },
	{ .name = "names", .type = API_STRLIST },
	{ .name = "binding", .type = API_OBJECT, .fields = inner },
	{ .name = "probes", .type = API_LIST, .fields = probe },
	{ .name = "token", .type = API_SECRET },
	{ .name = NULL },
};

static struct json_object *
parse(const char *text)
{
	return text ? json_parse(text, strlen(text), NULL) : NULL;
}

Test(diff, each_member_that_differs_is_told_with_both_values_and_secrets_with_none)
{
	static const struct {
		const char *why, *old, *new, *changes;
	} cases[] = {
		{ "nothing", "{\"name\":\"a\",\"maxOrders\":3}", "{\"maxOrders\":3,\"name\":\"a\"}", "[]" },
		{ "created", NULL, "{\"name\":\"a\",\"reuseKey\":false,\"names\":[]}",
			"[{\"field\":\"name\",\"new\":\"a\"}]" },
		{ "deleted", "{\"name\":\"a\",\"reuseKey\":true}", NULL,
			"[{\"field\":\"name\",\"old\":\"a\"},{\"field\":\"reuseKey\",\"old\":true}]" },
		{ "absent, null, false and [] are the same", "{\"reuseKey\":false,\"names\":[]}", "{\"name\":null}",
			"[]" },
		{ "changed, in the order of the table", "{\"maxOrders\":3,\"name\":\"a\"}",
			"{\"maxOrders\":4,\"name\":\"b\"}",
			"[{\"field\":\"name\",\"old\":\"a\",\"new\":\"b\"},"
			"{\"field\":\"maxOrders\",\"old\":3,\"new\":4}]" },
		{ "the order in a list counts", "{\"names\":[\"a\",\"b\"]}", "{\"names\":[\"b\",\"a\"]}",
			"[{\"field\":\"names\",\"old\":[\"a\",\"b\"],\"new\":[\"b\",\"a\"]}]" },
		{ "inside an object", "{\"binding\":{\"keyId\":\"1\"}}",
			"{\"binding\":{\"keyId\":\"2\",\"keySecret\":\"hush\"}}",
			"[{\"field\":\"binding.keyId\",\"old\":\"1\",\"new\":\"2\"},"
			"{\"field\":\"binding.keySecret\",\"changed\":true}]" },
		{ "a list of objects", "{\"probes\":[{\"host\":\"a\"}]}", "{\"probes\":[{\"host\":\"b\"}]}",
			"[{\"field\":\"probes\",\"old\":[{\"host\":\"a\"}],\"new\":[{\"host\":\"b\"}]}]" },
		{ "a secret that is set", "{}", "{\"token\":\"hush\"}", "[{\"field\":\"token\",\"changed\":true}]" },
		{ "what the table does not have", "{\"x\":1}", "{\"x\":2}", "[]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_object *old = parse(cases[i].old);
		_cleanup_json_ struct json_object *new = parse(cases[i].new);
		_cleanup_json_ struct json_object *changes = diff_properties(fields, old, new);

		cr_expect_str_eq(json_object_to_json_string_ext(changes, JSON_C_TO_STRING_PLAIN), cases[i].changes,
			"%s", cases[i].why);
	}
}

Test(diff, a_long_value_is_told_by_its_beginning_and_no_character_is_cut)
{
	_cleanup_json_ struct json_object *new = json_object_new_object();
	_cleanup_json_ struct json_object *changes = NULL;
	_cleanup_free_ char *text = xcalloc(1, 2 * DIFF_VALUE_MAX + 2);
	const char *shown;

	text[0] = 'x';
	for (size_t i = 1; i < 2 * DIFF_VALUE_MAX; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	json_add_string(new, "name", text);
	changes = diff_properties(fields, NULL, new);
	shown = json_object_get_string(json_object_object_get(json_object_array_get_idx(changes, 0), "new"));
	cr_expect_eq(strncmp(shown, text, 63), 0);
	cr_expect_str_eq(shown + 63, "... (1025 octets)");
}
