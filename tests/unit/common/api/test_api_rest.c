#include "common/api/api_rest.h"
#include "common/buf.h"
#include "common/strlist.h"

#include <criterion/criterion.h>
#include <string.h>

static void
path_of(const struct api_rest *rest, struct strlist *ret)
{
	strlist_add(ret, rest->collection + 1);
	if (rest->has_ref)
		strlist_add(ret, "renew"); /* a name like any other */
	if (rest->action)
		strlist_add(ret, rest->action);
}

Test(api_rest, every_method_with_a_path_is_found_by_it_and_no_other)
{
	unsigned n = 0;

	for (size_t i = 0; i < API_METHOD_COUNT; i++) {
		_cleanup_strlist_ struct strlist segments = STRLIST_INIT;
		_cleanup_buf_ struct buf allow = BUF_INIT;
		enum api_method_id found = API_METHOD_COUNT;
		struct api_rest rest;

		if (!api_rest_of((enum api_method_id)i, &rest))
			continue;
		n++;
		path_of(&rest, &segments);
		cr_expect_eq(rest.collection[0], '/', "%s", api_methods[i].name);
		cr_assert_eq(api_rest_find(rest.http, &segments, &found, &allow), 1, "%s", api_methods[i].name);
		cr_expect_eq((size_t)found, i, "%s", api_methods[i].name);
		cr_expect_eq(api_rest_find("BREW", &segments, &found, &allow), 0, "%s", api_methods[i].name);
		cr_expect_not_null(strstr(buf_str(&allow), rest.http), "%s", api_methods[i].name);
		strlist_add(&segments, "more");
		strlist_add(&segments, "and more");
		cr_expect_eq(api_rest_find(rest.http, &segments, &found, &allow), -1, "%s", api_methods[i].name);
	}
	cr_expect_gt(n, 20);
}

Test(api_rest, paths_are_ionos_s_where_it_has_them)
{
	static const struct {
		enum api_method_id method;
		const char *http;
		const char *collection;
		bool has_ref;
		const char *action;
	} cases[] = {
		{ RPC_PROVIDER_CREATE, "POST", "/providers", false, NULL },
		{ RPC_AUTOCERTIFICATE_LIST, "GET", "/auto-certificates", false, NULL },
		{ RPC_CERTIFICATE_GET, "GET", "/certificates", true, NULL },
		{ RPC_AUTOCERTIFICATE_UPDATE, "PATCH", "/auto-certificates", true, NULL },
		{ RPC_PROVIDER_DELETE, "DELETE", "/providers", true, NULL },
		{ RPC_AUTOCERTIFICATE_RENEW, "POST", "/auto-certificates", true, "renew" },
		{ RPC_AUTOCERTIFICATE_EXPLAIN, "GET", "/auto-certificates", true, "explain" },
		{ RPC_SERVER_STATUS, "GET", "/status", false, NULL },
	};
	struct api_rest rest;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *name = api_methods[cases[i].method].name;

		cr_assert_eq(api_rest_of(cases[i].method, &rest), 1, "%s", name);
		cr_expect_str_eq(rest.http, cases[i].http, "%s", name);
		cr_expect_str_eq(rest.collection, cases[i].collection, "%s", name);
		cr_expect_eq(rest.has_ref, cases[i].has_ref, "%s", name);
		cr_expect_str_eq(rest.action ? rest.action : "", cases[i].action ? cases[i].action : "", "%s", name);
	}
	cr_expect_eq(api_rest_of(RPC_EVENT_SUBSCRIBE, &rest), 0);
	cr_expect_eq(api_rest_of(RPC_DISCOVER, &rest), 0);
}

static void
expect_resolved(struct json_object *node, struct json_object *schemas)
{
	struct json_object *ref = NULL;

	if (json_object_is_type(node, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(node); i++)
			expect_resolved(json_object_array_get_idx(node, i), schemas);
		return;
	}
	if (!json_object_is_type(node, json_type_object))
		return;
	if (json_object_object_get_ex(node, "$ref", &ref)) {
		const char *name = strrchr(json_object_get_string(ref), '/') + 1;

		cr_expect(json_object_object_get_ex(schemas, name, NULL), "%s", json_object_get_string(ref));
		return;
	}
	json_object_object_foreach(node, name, value) {
		(void)name;
		expect_resolved(value, schemas);
	}
}

Test(api_rest, defaults_are_values_that_could_be_given)
{
	const struct api_resource *auto_certificate = &api_resources[API_AUTOCERTIFICATE];
	const struct api_field *limit = api_field_find(api_methods[RPC_PROVIDER_LIST].params, "limit");
	static const struct {
		const char *name, *value;
	} cases[] = {
		{ "keyAlgorithm", "secp256r1" },
		{ "challenge", "auto" },
		{ "name", NULL },        /* "from the common name" */
		{ "renewBefore", NULL }, /* "renew-before in certd.conf" */
		{ "provider", NULL },
	};

	cr_expect_str_eq(api_field_default(limit), "100");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *value = api_field_default(api_field_find(auto_certificate->properties, cases[i].name));

		cr_expect_str_eq(value ? value : "none", cases[i].value ? cases[i].value : "none", "%s", cases[i].name);
	}
}

Test(api_rest, every_reference_of_both_documents_resolves)
{
	struct json_object *(*const documents[])(void) = { api_openapi, api_discover };

	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		_cleanup_json_ struct json_object *document = documents[i]();
		struct json_object *components = NULL, *schemas = NULL;

		cr_assert(json_object_object_get_ex(document, "components", &components));
		cr_assert(json_object_object_get_ex(components, "schemas", &schemas));
		expect_resolved(document, schemas);
	}
}
