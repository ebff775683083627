/*
 * A daemon that may have been taken over answers every command, and fills every field that the API declares with what a
 * terminal would obey and with lines of its own. Nothing of it may come out, in any format.
 */
#include "common/api/api.h"
#include "tests/unit/ctl/scripted.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Escapes, C1 controls, marks that turn the direction of text (U+202A.., U+2066.., U+200E, U+200F, U+061C), other line
 * ends (U+2028, U+2029), and octets that are not UTF-8.
 */
#define EVIL \
	"a\033[2Jb\007\r\x7f\xc2\x9b\xc2\x85" \
	"31m\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad\xe2\x80\xaexyz" \
	"\xe2\x81\xa6\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9" \
	"\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c\xe2\x80\xa8\xe2\x80\xa9" \
	"\nforged: line"
#define EVIL_YAML "\"a\\e[2J\\x7f\\u009b31m\\u202Exyz\\u2066\\u200E\\u061C\\u2028\\nforged: line\""
#define FORGED "\nforged"

static struct json_object *
evil_object(const struct api_field *fields, unsigned depth);

static struct json_object *
evil_value(const struct api_field *field, unsigned depth)
{
	struct json_object *list;

	switch (field->type) {
	case API_BOOL:
		return json_object_new_boolean(true);
	case API_INT:
	case API_SPAN:
		return json_object_new_int64(1);
	case API_OBJECT:
		return evil_object(field->fields, depth + 1);
	case API_LIST:
	case API_STRLIST:
	case API_REFLIST:
		list = json_object_new_array();
		json_object_array_add(list,
			field->type == API_LIST ? evil_object(field->fields, depth + 1) : json_object_new_string(EVIL));
		return list;
	default:
		return json_object_new_string(EVIL);
	}
}

static void
add_fields(struct json_object *obj, const struct api_field *fields, unsigned depth)
{
	for (; fields && fields->name && depth < 6; fields++)
		json_object_object_add(obj, fields->name, evil_value(fields, depth));
}

static struct json_object *
evil_object(const struct api_field *fields, unsigned depth)
{
	struct json_object *obj = json_object_new_object();

	add_fields(obj, fields, depth);
	json_object_object_add(obj, "e\033[31m\nforged: name", json_object_new_string(EVIL));
	return obj;
}

/* One object that has what any method may answer, and is its own list, effect and event. */
static struct json_object *
evil_answer(const struct api_resource *resource)
{
	static const char *const texts[] = { "id", "type", "href", "name", "kind", "level", "time", "message", "token",
		"who", "method", "outcome", "reason", "hash", "action", "old", "new", "field" };
	struct json_object *obj = json_object_new_object();
	struct json_object *items = json_object_new_array();
	struct json_object *metadata;

	for (enum api_method_id m = 0; m < API_METHOD_COUNT; m++)
		add_fields(obj, api_methods[m].result, 0);
	add_fields(obj, api_event_fields, 0);
	add_fields(obj, api_audit_fields, 0);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		json_object_object_add(obj, texts[i], json_object_new_string(EVIL));
	metadata = evil_object(resource->metadata, 0);
	add_fields(metadata, api_common_metadata, 0);
	json_object_object_add(metadata, "secrets", json_object_new_array());
	json_object_object_add(obj, "metadata", metadata);
	json_object_object_add(obj, "properties", evil_object(resource->properties, 0));
	json_object_object_add(obj, "effect", evil_object(api_effect_fields, 0));
	json_object_object_add(obj, "object", json_object_get(json_object_object_get(obj, "properties")));
	json_object_array_add(items, json_tokener_parse(json_object_to_json_string(obj)));
	json_object_object_add(obj, "items", items);
	json_object_object_add(obj, "total", json_object_new_int(1));
	return obj;
}

static void
expect_harmless(const char *text, const char *command, const char *format)
{
	const char *line_start = text;

	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		bool is_control = (*p < ' ' && *p != '\n' && *p != '\t') || *p == 0x7f;
		bool is_c1 = *p == 0xc2 && p[1] < 0xa0;
		bool is_bidi = (*p == 0xd8 && p[1] == 0x9c) ||
			       (*p == 0xe2 && p[1] == 0x80 &&
				       (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae))) ||
			       (*p == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);

		cr_assert(!is_control && !is_c1 && !is_bidi, "%s -o %s: octet %zu: %s", command, format,
			(size_t)((const char *)p - text), line_start);
		if (*p == '\n')
			line_start = (const char *)p + 1;
	}
	if (strcmp(format, "json") != 0)
		cr_assert_null(strstr(text, FORGED), "%s -o %s: %s", command, format, text);
	cr_assert_neq(strncmp(text, &FORGED[1], strlen(&FORGED[1])), 0, "%s -o %s: %s", command, format, text);
}

/* Answers @result to whatever is called. */
static void
drive(const char *result, const char *const *words, const char *format)
{
	struct exchange script[12];
	const char *all[16] = { NULL };
	_cleanup_free_ char *error = xasprintf(
		"!{\"code\":-32000,\"message\":%s,\"data\":{\"code\":\"state\",\"field\":%s,"
		"\"problem\":%s,\"message\":%s}}",
		"\"\\u001b[2J\\u009b\\u202e\\u2069\\u200f\\nforged: x\"", "\"\\u001b[2J\\u202e\\nforged\"",
		"\"\\u001b[2J\\nforged\"", "\"\\u001b\\nforged\"");
	size_t n = 0;

	while (words[n] && n < 12) {
		all[n] = words[n];
		n++;
	}
	all[n] = "-o";
	all[n + 1] = format;
	for (size_t failing = 0; failing < 3; failing++) { /* which call is refused; 2: none */
		for (size_t i = 0; i < ARRAY_SIZE(script); i++)
			script[i] = (struct exchange){ NULL, i == failing && failing < 2 ? error : result, { NULL } };
		_cleanup_outcome_ struct outcome o = run_certctl(script, ARRAY_SIZE(script), all);

		expect_harmless(o.out, words[0], format);
		expect_harmless(o.err, words[0], "text");
	}
}

static void
write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	cr_assert_not_null(file);
	cr_assert_geq(fputs(text, file), 0);
	fclose(file);
}

/* Files may come from strangers too. */
static void
write_files(void)
{
	static char directory[] = "/tmp/certd-test-XXXXXX";

	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(chdir(directory), 0);
	write_text("evil.yaml",
		"providers: {" EVIL_YAML ": {server: " EVIL_YAML ", email: " EVIL_YAML "}}\n"
		"consumers: {x: {activate: " EVIL_YAML ", " EVIL_YAML ": " EVIL_YAML "}}\n"
		"auto-certificates: {x: {provider: " EVIL_YAML ", alternative-names: [" EVIL_YAML "]}}\n");
	write_text("good.yaml", "consumers: {x: {activate: none}}\n"
				"auto-certificates: {a.example: {provider: x, consumers: [x]}}\n");
	write_text("certificate.pem", "-----BEGIN CERTIFICATE-----\n" EVIL "\n-----END CERTIFICATE-----\n");
}

static void
remove_files(void)
{
	_cleanup_free_ char *here = getcwd(NULL, 0);

	unlink("evil.yaml");
	unlink("good.yaml");
	unlink("certificate.pem");
	cr_assert_eq(rmdir(here), 0);
}

Test(hostile, no_field_of_any_answer_drives_the_terminal, .timeout = 300)
{
	static const char *const formats[] = { "text", "json", "keyvalue" };
	static const char *const commands[][10] = {
		{ "status" },
		{ "schedule" },
		{ "explain", "x" },
		{ "events" },
		{ "audit" },
		{ "audit", "--verify" },
		{ "dump" },
		{ "call", "rpc.discover" },
		{ "renew", "x", "--no-wait" },
		{ "pause", "x" },
		{ "resume", "x" },
		{ "deploy", "x", "--no-wait" },
		{ "probe", "x", "--no-wait" },
		{ "add-auto", "--provider", "x", "--cn", "a.example", "--no-wait" },
		{ "add-auto", "--provider", "x", "--cn", "a.example", "--dry-run" },
		{ "add-consumer", "--name", "x" },
		{ "add-token", "--name", "x", "--role", "viewer" },
		{ "authorize", "a.example", "--timeout", "1s" },
		{ "export", "x" },
		{ "env", "x" },
		{ "complete", "renew", "" },
		{ "complete", "show", "auto", "" },
		{ "set", "auto", "x", "--paused", "true" },
		{ "set", "consumer", "x", "--activate", "none", "--dry-run" },
		{ "add-provider", "--name", "x", "--server", "https://x.example/", "--email", "a@b.example",
			"--no-wait" },
		{ "add-dns", "--name", "x", "--kind", "exec", "--command", "/bin/x" },
		{ "register", "a@b.example", "--no-wait" },
		{ "get", "a.example", "--timeout", "1s" },
		{ "import", "--cert", "certificate.pem", "--name", "x" },
		{ "exec", "x", "--", "true" },
		{ "export", "x", "--key" },
		{ "events", "auto", "x" },
		{ "list", "--filter", "x" },
		{ "apply", "-f", "evil.yaml" },
		{ "apply", "-f", "evil.yaml", "--dry-run" },
		{ "apply", "-f", "good.yaml" },
		{ "apply", "-f", "good.yaml", "--dry-run" },
		{ "apply", "-f", "good.yaml", "--prune" },
		{ "call", "server.status", EVIL },
		{ "show", "auto", EVIL },
		{ "list", "--common-name", EVIL },
		{ EVIL },
		{ "status", "--" EVIL },
	};
	_cleanup_json_ struct json_object *answer = evil_answer(&api_resources[API_AUTOCERTIFICATE]);

	write_files();
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		for (size_t f = 0; f < ARRAY_SIZE(formats); f++)
			drive(json_object_to_json_string(answer), commands[i], formats[f]);
	remove_files();
}

Test(hostile, no_field_of_any_object_drives_the_terminal)
{
	static const char *const formats[] = { "text", "json", "keyvalue" };

	for (size_t r = 0; r < API_RESOURCE_COUNT; r++) {
		_cleanup_json_ struct json_object *answer = evil_answer(&api_resources[r]);
		const char *json = json_object_to_json_string(answer);

		for (size_t f = 0; f < ARRAY_SIZE(formats); f++) {
			drive(json, WORDS("list", api_resources[r].cli), formats[f]);
			drive(json, WORDS("show", api_resources[r].cli, "x"), formats[f]);
			drive(json, WORDS("rm", api_resources[r].cli, "x"), formats[f]);
		}
	}
}
