#include "common/api/api.h"
#include "common/buf.h"
#include "common/ca.h"
#include "common/error.h"
#include "common/nearest.h"

#include <criterion/criterion.h>
#include <string.h>

static int
validate(enum api_method_id method, const char *text, struct json_object **ret, struct error *err)
{
	*ret = json_parse(text, strlen(text), NULL);
	cr_assert_not_null(*ret, "%s", text);
	return api_validate(method, *ret, err);
}

struct refusal {
	enum api_method_id method;
	const char *params;
	const char *field;
	const char *message;
};

static void
expect_refusals(const struct refusal *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_json_ struct json_object *params = NULL;

		cr_expect_eq(validate(cases[i].method, cases[i].params, &params, &err), -1, "%s", cases[i].params);
		cr_expect_eq(err.code, ERROR_INVALID, "%s", cases[i].params);
		cr_expect_str_eq(err.field ? err.field : "", cases[i].field, "%s", cases[i].params);
		cr_expect_str_eq(err.message, cases[i].message, "%s", cases[i].params);
	}
}

#define AUTO(rest) "{\"properties\":{\"provider\":\"le\",\"commonName\":\"a.example\"" rest "}}"

Test(api, good_declarations_pass)
{
	static const struct {
		enum api_method_id method;
		const char *params;
	} cases[] = {
		{ RPC_AUTOCERTIFICATE_CREATE, AUTO("") },
		{ RPC_AUTOCERTIFICATE_CREATE,
			AUTO(",\"subjectAlternativeNames\":[\"b.example\"],\"keyAlgorithm\":\"rsa2048\","
			     "\"challenge\":\"dns-01\",\"dnsProvider\":\"ns1\",\"reuseKey\":true,"
			     "\"renewBefore\":\"20d\","
			     "\"consumers\":[\"web\"]") },
		{ RPC_AUTOCERTIFICATE_CREATE, AUTO(",\"renewBefore\":86400,\"dnsProvider\":null") },
		{ RPC_PROVIDER_CREATE,
			"{\"properties\":{\"name\":\"le\",\"email\":\"a@b.c\",\"server\":\"letsencrypt\","
			"\"termsOfServiceAgreed\":true,\"externalAccountBinding\":{\"keyId\":\"k\","
			"\"keySecret\":\"s\"}}}" },
		{ RPC_CONSUMER_CREATE, "{\"properties\":{\"name\":\"web\",\"probes\":[{\"host\":\"::1\","
				       "\"port\":443,\"sni\":\"x\"}]}}" },
		{ RPC_AUTOCERTIFICATE_UPDATE, "{\"ref\":\"www\",\"properties\":{\"dnsProvider\":null}}" },
		{ RPC_AUTOCERTIFICATE_UPDATE, "{\"ref\":\"www\",\"properties\":{}}" },
		{ RPC_CERTIFICATE_LIST, "{\"limit\":1000,\"autoCertificate\":\"www\"}" },
		{ RPC_SERVER_STATUS, "{}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_json_ struct json_object *params = NULL;

		cr_expect_eq(validate(cases[i].method, cases[i].params, &params, &err), 0, "%s: %s", cases[i].params,
			err.message ? err.message : "");
	}
	cr_expect_eq(api_validate(RPC_SERVER_STATUS, NULL, NULL), 0);
}

Test(api, what_is_refused_is_named_with_its_path)
{
	static const struct refusal cases[] = {
		{ RPC_AUTOCERTIFICATE_CREATE, "{}", "properties", "properties: is required" },
		{ RPC_AUTOCERTIFICATE_CREATE, "{\"properties\":5}", "properties", "properties: must be an object" },
		{ RPC_AUTOCERTIFICATE_CREATE, "{\"properties\":{\"provider\":\"le\"}}", "properties.commonName",
			"commonName: is required" },
		{ RPC_AUTOCERTIFICATE_CREATE, AUTO(",\"subjectAlternativeNames\":[\"b\",3]"),
			"properties.subjectAlternativeNames[1]", "subjectAlternativeNames: must be a string" },
		{ RPC_AUTOCERTIFICATE_CREATE, AUTO(",\"subjectAlternativeNames\":\"b\""),
			"properties.subjectAlternativeNames", "subjectAlternativeNames: must be an array of strings" },
		{ RPC_AUTOCERTIFICATE_CREATE, AUTO(",\"name\":\"\""), "properties.name", "name: must not be empty" },
		{ RPC_AUTOCERTIFICATE_CREATE, AUTO(",\"name\":\"a\\nb\""), "properties.name",
			"name: must not contain control characters" },
		{ RPC_AUTOCERTIFICATE_CREATE, AUTO(",\"reuseKey\":1"), "properties.reuseKey",
			"reuseKey: must be true or false" },
		{ RPC_AUTOCERTIFICATE_CREATE, AUTO(",\"renewBefore\":\"soon\""), "properties.renewBefore",
			"renewBefore: must be a time span such as 30d or 12h, or a number of seconds" },
		{ RPC_CERTIFICATE_LIST, "{\"limit\":0}", "limit", "limit: must be from 1 to 1000" },
		{ RPC_CERTIFICATE_LIST, "{\"limit\":1.5}", "limit", "limit: must be a whole number" },
		{ RPC_CONSUMER_CREATE, "{\"properties\":{\"name\":\"w\",\"probes\":[{\"host\":\"h\",\"port\":65536}]}}",
			"properties.probes[0].port", "port: must be from 1 to 65535" },
		{ RPC_CONSUMER_CREATE, "{\"properties\":{\"name\":\"w\",\"probes\":[{\"host\":\"h\"}]}}",
			"properties.probes[0].port", "port: is required" },
		{ RPC_CONSUMER_CREATE, "{\"properties\":{\"name\":\"w\",\"directory\":\"certs\"}}",
			"properties.directory", "directory: must be an absolute path" },
		{ RPC_SERVER_STATUS, "{\"x\":1}", "x", "x: unknown member" },
		{ RPC_AUTOCERTIFICATE_GET, "{}", "ref", "ref: is required" },
		{ RPC_AUTOCERTIFICATE_UPDATE, "{\"properties\":{}}", "ref", "ref: is required" },
		{ RPC_DNSPROVIDER_UPDATE, "{\"ref\":\"w\",\"properties\":{\"kind\":\"exec\"}}", "properties.kind",
			"kind: cannot be changed after creation" },
		{ RPC_AUTOCERTIFICATE_UPDATE, "{\"ref\":\"w\",\"properties\":{\"provider\":null}}",
			"properties.provider", "provider: is required" },
	};

	expect_refusals(cases, ARRAY_SIZE(cases));
}

Test(api, the_nearest_word_is_suggested)
{
	static const struct refusal cases[] = {
		{ RPC_AUTOCERTIFICATE_CREATE, AUTO(",\"commonNmae\":\"b\""), "properties.commonNmae",
			"commonNmae: unknown member; did you mean 'commonName'?" },
		{ RPC_AUTOCERTIFICATE_CREATE, AUTO(",\"keyAlgorithm\":\"rsa2084\""), "properties.keyAlgorithm",
			"keyAlgorithm: 'rsa2084' is not one of secp256r1, secp384r1, secp521r1, ed25519, "
			"rsa2048, rsa3072, rsa4096, rsa8192; "
			"did you mean "
			"'rsa2048'?" },
		{ RPC_AUTOCERTIFICATE_CREATE, AUTO(",\"zzz\":\"b\""), "properties.zzz", "zzz: unknown member" },
	};

	expect_refusals(cases, ARRAY_SIZE(cases));
}

Test(api, spans_become_seconds_and_null_is_dropped_on_create)
{
	_cleanup_json_ struct json_object *params = NULL;
	struct json_object *properties = NULL;
	int64_t sec = 0;

	cr_assert_eq(
		validate(RPC_AUTOCERTIFICATE_CREATE, AUTO(",\"renewBefore\":\"20d\",\"profile\":null"), &params, NULL),
		0);
	cr_assert_eq(json_get_object(params, "properties", &properties, NULL), 1);
	cr_expect_eq(json_get_int(properties, "renewBefore", 0, INT64_MAX, &sec, NULL), 1);
	cr_expect_eq(sec, 20 * 86400);
	cr_expect_not(json_object_object_get_ex(properties, "profile", NULL));
}

Test(api, null_stays_in_an_update)
{
	_cleanup_json_ struct json_object *params = NULL;
	struct json_object *properties = NULL;

	cr_assert_eq(validate(RPC_AUTOCERTIFICATE_UPDATE, "{\"ref\":\"w\",\"properties\":{\"dnsProvider\":null}}",
			     &params, NULL),
		0);
	cr_assert_eq(json_get_object(params, "properties", &properties, NULL), 1);
	cr_expect(json_object_object_get_ex(properties, "dnsProvider", NULL));
}

static void
check_fields(const struct api_field *fields, const char *where)
{
	for (const struct api_field *f = fields; f && f->name; f++) {
		cr_expect_not_null(f->help, "%s.%s", where, f->name);
		if (f->type == API_ENUM)
			cr_expect_not_null(f->values, "%s.%s", where, f->name);
		if (f->type == API_REF || f->type == API_REFLIST)
			cr_expect_not_null(api_resource_find(f->resource), "%s.%s", where, f->name);
		if (f->type == API_OBJECT || f->type == API_LIST) {
			cr_assert_not_null(f->fields, "%s.%s", where, f->name);
			check_fields(f->fields, f->name);
		}
		cr_expect_eq(api_field_find(fields, f->name), f, "%s.%s is there twice", where, f->name);
	}
}

Test(api, every_row_of_the_tables_is_whole)
{
	check_fields(api_common_metadata, "metadata");
	check_fields(api_event_fields, "event");
	for (size_t i = 0; i < API_RESOURCE_COUNT; i++) {
		const struct api_resource *r = &api_resources[i];

		check_fields(r->properties, r->noun);
		check_fields(r->metadata, r->noun);
		for (const struct api_column *c = r->columns; c->title; c++)
			cr_expect_not_null(api_field_at(r, c->path), "%s: %s", r->noun, c->path);
		cr_expect_eq(api_resource_find(r->noun), r);
		cr_expect_eq(api_resource_find(r->cli), r);
		cr_expect_eq(api_resource_find(r->type), r);
	}
	for (int i = 0; i < API_METHOD_COUNT; i++) {
		const struct api_method *m = &api_methods[i];
		enum api_method_id found = API_METHOD_COUNT;

		cr_assert_not_null(m->name, "method %d", i);
		cr_expect_neq(m->role, ROLE_NONE, "%s", m->name);
		cr_expect_not_null(m->help, "%s", m->name);
		check_fields(m->params, m->name);
		check_fields(m->result, m->name);
		cr_expect_eq(api_method_find(m->name, &found), 1);
		cr_expect_eq(found, (enum api_method_id)i, "%s", m->name);
		if (m->verb != API_CALL)
			cr_expect(api_method_of(&api_resources[m->resource], m->verb, &found) == 1 &&
					  found == (enum api_method_id)i,
				"%s", m->name);
	}
}

Test(api, nearest_forgives_a_third)
{
	static const char *const words[] = { "list", "show", "renew", "resume", "status" };
	static const struct {
		const char *word, *nearest;
	} cases[] = {
		{ "lst", "list" },
		{ "LIST", "list" },
		{ "rewen", "renew" },
		{ "reusme", "resume" },
		{ "stauts", "status" },
		{ "x", NULL },
		{ "", NULL },
		{ "frobnicate", NULL },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *nearest = nearest_word(cases[i].word, words, ARRAY_SIZE(words));

		cr_expect_str_eq(
			nearest ? nearest : "-", cases[i].nearest ? cases[i].nearest : "-", "%s", cases[i].word);
	}
}

Test(api, discovery_describes_every_method_and_resolves)
{
	_cleanup_json_ struct json_object *document = api_discover();
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_object *methods = NULL;
	struct json_object *components = NULL;
	struct json_object *schemas = NULL;
	const char *at;

	cr_assert_eq(json_get_array(document, "methods", &methods, NULL), 1);
	cr_expect_eq(json_object_array_length(methods), API_METHOD_COUNT);
	cr_assert_eq(json_get_object(document, "components", &components, NULL), 1);
	cr_assert_eq(json_get_object(components, "schemas", &schemas, NULL), 1);
	json_write(document, &text);
	for (at = buf_str(&text); (at = strstr(at, "\"$ref\":\"")); at++) {
		const char *name = strstr(at, "schemas");
		_cleanup_free_ char *key = NULL;

		cr_assert_not_null(name);
		name += strcspn(name, "/") + 1;
		key = xstrndup(name, strcspn(name, "\""));
		cr_expect(json_object_object_get_ex(schemas, key, NULL), "%s", key);
	}
}

Test(ca, aliases_are_unique_https_and_suggested)
{
	for (size_t i = 0; ca_at(i); i++) {
		cr_expect_eq(ca_find(ca_at(i)->alias), ca_at(i));
		cr_expect_eq(strncmp(ca_at(i)->url, "https://", 8), 0, "%s", ca_at(i)->alias);
	}
	cr_expect_null(ca_find("letsencrpt"));
	cr_expect_str_eq(ca_nearest("letsencrpt"), "letsencrypt");
}
