#include "ctl/declare/plan.h"

#include "common/buf.h"
#include "common/error.h"
#include "ctl/declare/declaration.h"

#include <criterion/criterion.h>
#include <string.h>

static struct json_object *
parsed(const char *text)
{
	struct json_object *value = json_parse(text, strlen(text), NULL);

	cr_assert_not_null(value, "%s", text);
	return value;
}

/* "create provider le {..};" for each step that is one. */
static int
planned(const char *wanted_text, const char *present_text, bool prune, struct buf *ret, struct error *err)
{
	static const char *const words[] = {
		[PLAN_NOTHING] = "keep", [PLAN_CREATE] = "create", [PLAN_UPDATE] = "update", [PLAN_DELETE] = "delete"
	};
	_cleanup_json_ struct json_object *wanted = parsed(wanted_text);
	_cleanup_json_ struct json_object *present = parsed(present_text);
	_cleanup_plan_ struct plan plan = { .count = 0 };
	int rc = plan_make(wanted, present, prune, &plan, err);

	for (size_t i = 0; rc == 0 && i < plan.count; i++)
		buf_printf(ret, "%s %s %s%s%s%s;", words[plan.steps[i].action], plan.steps[i].resource->cli,
			plan.steps[i].name, plan.steps[i].send ? " " : "",
			plan.steps[i].send && plan.steps[i].action != PLAN_NOTHING
				? json_object_to_json_string_ext(plan.steps[i].send, JSON_C_TO_STRING_PLAIN)
				: "",
			plan.steps[i].waiting ? " waits" : "");
	if (rc == 0 && plan.others)
		buf_printf(ret, " %zu others", plan.others);
	return rc;
}

#define AUTO_WWW "\"www\":{\"provider\":\"le\",\"commonName\":\"www.example.com\"}"
#define WANT(properties) "{\"properties\":{" properties "},\"secrets\":{}}"

Test(plan, objects_come_behind_what_they_refer_to_and_go_before_it)
{
	const struct api_resource *resources[API_RESOURCE_COUNT];
	size_t count = declaration_resources(resources);
	_cleanup_buf_ struct buf steps = BUF_INIT;

	cr_assert_gt(count, 3);
	cr_expect_str_eq(resources[count - 1]->noun, "autoCertificate");
	cr_expect_eq(
		planned("{\"autoCertificates\":{\"www\":" WANT(
				"\"provider\":\"le\",\"consumers\":[\"web\"]") "},"
									       "\"consumers\":{"
									       "\"web\":" WANT("") "},"
												   "\"providers"
												   "\":{"
												   "\"le\""
												   ":" WANT("") "}}",
			"{\"autoCertificates\":{\"old\":{}},\"consumers\":{\"oldweb\":{}},"
			"\"providers\":{\"oldca\":{}},\"dnsProviders\":{\"ns\":{}}}",
			true, &steps, NULL),
		0);
	cr_expect_str_eq(buf_str(&steps), "create provider le {};create consumer web {};"
					  "create auto www {\"provider\":\"le\",\"consumers\":[\"web\"]} waits;"
					  "delete auto old;delete consumer oldweb;delete provider oldca; 1 others");
}

Test(plan, only_what_differs_is_sent)
{
	static const struct {
		const char *why, *wanted, *present, *steps;
	} cases[] = {
		{ "the same", "\"provider\":\"le\",\"commonName\":\"www.example.com\"", AUTO_WWW, "keep auto www ;" },
		{ "off is the same as not there",
			"\"provider\":\"le\",\"commonName\":\"www.example.com\",\"reuseKey\":false,"
			"\"consumers\":[]",
			AUTO_WWW, "keep auto www ;" },
		{ "another value", "\"provider\":\"le\",\"commonName\":\"x.example.com\"", AUTO_WWW,
			"update auto www {\"commonName\":\"x.example.com\"};" },
		{ "what the file lacks goes back to its default",
			"\"provider\":\"le\",\"commonName\":\"www.example.com\"",
			"\"www\":{\"provider\":\"le\",\"commonName\":\"www.example.com\",\"renewBefore\":60,"
			"\"consumers\":[\"c\"]}",
			"update auto www {\"consumers\":null,\"renewBefore\":null};" },
		{ "the order of a list is part of it", "\"provider\":\"le\",\"subjectAlternativeNames\":[\"b\",\"a\"]",
			"\"www\":{\"provider\":\"le\",\"subjectAlternativeNames\":[\"a\",\"b\"]}",
			"update auto www {\"subjectAlternativeNames\":[\"b\",\"a\"]};" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *wanted = xasprintf(
			"{\"autoCertificates\":{\"www\":{\"properties\":{%s},\"secrets\":{}}}}", cases[i].wanted);
		_cleanup_free_ char *present = xasprintf(
			"{\"providers\":{\"le\":{}},\"autoCertificates\":{%s}}", cases[i].present);
		_cleanup_buf_ struct buf steps = BUF_INIT;

		cr_expect_eq(planned(wanted, present, false, &steps, NULL), 0, "%s", cases[i].why);
		cr_expect_eq(strncmp(buf_str(&steps), cases[i].steps, strlen(cases[i].steps)), 0, "%s: %s",
			cases[i].why, buf_str(&steps));
	}
}

Test(plan, a_secret_that_the_file_lacks_stays_and_one_that_it_has_is_for_certd_to_compare)
{
	_cleanup_buf_ struct buf steps = BUF_INIT;

	cr_expect_eq(planned("{\"dnsProviders\":{\"a\":" WANT("\"kind\":\"rfc2136\"") ",\"b\":" WANT(
				     "\"kind\":\"rfc2136\",\"tsigKey\":\"new\"") "}}",
			     "{\"dnsProviders\":{\"a\":{\"kind\":\"rfc2136\"},\"b\":{\"kind\":\"rfc2136\"}}}", false,
			     &steps, NULL),
		0);
	cr_expect_str_eq(buf_str(&steps), "keep dns a ;update dns b {\"tsigKey\":\"new\"};");
}

Test(plan, what_can_never_change_is_refused_before_anything_is_done)
{
	_cleanup_buf_ struct buf steps = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_expect_eq(planned("{\"dnsProviders\":{\"a\":" WANT("\"kind\":\"exec\"") "}}",
			     "{\"dnsProviders\":{\"a\":{\"kind\":\"rfc2136\"}}}", false, &steps, &err),
		-1);
	cr_expect_str_eq(err.message, "DNS provider 'a': kind cannot be changed from 'rfc2136' to 'exec': use "
				      "another name, or remove the object first");
}

Test(plan, a_difference_never_shows_a_secret)
{
	_cleanup_json_ struct json_object *before = parsed(
		"{\"email\":\"a\",\"externalAccountBinding\":{\"keyId\":\"k\"}}");
	_cleanup_json_ struct json_object *after = parsed(
		"{\"profile\":\"p\",\"externalAccountBinding\":{\"keyId\":\"l\",\"keySecret\":\"SECRET\"}}");
	_cleanup_json_ struct json_object *changes = plan_changes(&api_resources[API_PROVIDER], before, after);

	cr_expect_str_eq(json_object_to_json_string_ext(changes, JSON_C_TO_STRING_PLAIN),
		"[{\"property\":\"email\",\"old\":\"a\"},"
		"{\"property\":\"externalAccountBinding.keyId\",\"old\":\"k\",\"new\":\"l\"},"
		"{\"property\":\"externalAccountBinding.keySecret\",\"new\":\"(secret)\"},"
		"{\"property\":\"profile\",\"new\":\"p\"}]");
}
