#include "tests/unit/ctl/scripted.h"

#include "common/buf.h"
#include "common/error.h"
#include "ctl/present/text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define AUTO_WWW \
	"{\"id\":\"a1\",\"type\":\"autocertificate\",\"href\":\"/auto-certificates/" \
	"a1\",\"metadata\":{\"commonName\":\"www.example.com\",\"state\":" \
	"\"AVAILABLE\",\"message\":\"\",\"notAfter\":\"2027-01-20T10:30:00Z\",\"served\":\"served\"," \
	"\"nextAction\":" \
	"\"renew\",\"nextDate\":\"2026-12-21T10:30:00Z\"},\"properties\":{\"name\":\"www\",\"provider\":" \
	"\"p1\"," \
	"\"commonName\":\"www.example.com\",\"subjectAlternativeNames\":[\"example.com\",\"b.example.com\"]" \
	"," \
	"\"renewBefore\":2592000}}"
#define AUTO_NEW \
	"{\"id\":\"a2\",\"metadata\":{\"commonName\":\"*.example.org\",\"state\":\"PROVISIONING\"}," \
	"\"properties\":{\"name\":\"gr\xc3\xbcn\"," \
	"\"provider\":\"p1\",\"commonName\":\"*.example.org\"}}"

static const struct exchange list_script[] = {
	{ "autoCertificate.list", "{\"items\":[" AUTO_WWW "," AUTO_NEW "]}", { NULL } },
	{ "provider.get", "{\"id\":\"p1\",\"properties\":{\"name\":\"le\"}}", { NULL } },
};

Test(output, a_list_is_a_table_with_relative_dates_and_names_for_people)
{
	_cleanup_outcome_ struct outcome o = run_certctl(list_script, 2, WORDS("list"));

	cr_expect_eq(o.status, 0, "%s", o.err);
	cr_expect_str_eq(o.out, "NAME  COMMON NAME      PROVIDER  STATE         EXPIRES  SERVED  NEXT   WHEN\n"
				"gr\xc3\xbcn  *.example.org    le        PROVISIONING  -        -       -      -\n"
				"www   www.example.com  le        AVAILABLE     in 60d   served  renew  in 30d\n");
	cr_expect_str_eq(
		o.requests, "autoCertificate.list {\"offset\":0,\"limit\":100}\nprovider.get {\"ref\":\"p1\"}\n");
}

Test(output, a_list_is_an_array_in_json)
{
	_cleanup_outcome_ struct outcome o = run_certctl(list_script, 1, WORDS("list", "auto", "-ojson"));

	cr_expect_eq(o.status, 0, "%s", o.err);
	cr_expect_eq(o.out[0], '[');
	cr_expect_not_null(strstr(o.out, "\n},\n{\n"), "%s", o.out);
	cr_expect_not_null(strstr(o.out, "\"provider\": \"p1\""), "ids stay ids: %s", o.out);
	cr_expect_str_eq(o.out + strlen(o.out) - 3, "\n]\n");
}

Test(output, an_empty_list_is_empty_in_every_format)
{
	static const struct exchange script[] = { { "provider.list", "{\"items\":[]}", { NULL } } };
	static const struct {
		const char *format, *out, *err;
	} cases[] = {
		{ "text", "", "certctl: no provider yet\n" },
		{ "json", "[]\n", "" },
		{ "keyvalue", "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_outcome_ struct outcome o = run_certctl(
			script, 1, WORDS("list", "providers", "-o", cases[i].format));

		cr_expect_eq(o.status, 0);
		cr_expect_str_eq(o.out, cases[i].out);
		cr_expect_str_eq(o.err, cases[i].err);
	}
}

Test(output, keyvalue_has_a_line_for_each_leaf)
{
	static const struct exchange script[] = {
		{ "consumer.get",
			"{\"id\":\"c1\",\"metadata\":{\"state\":\"FAILED\",\"message\":\"line "
			"1\\nback\\\\slash\"},"
			"\"properties\":{\"name\":\"web\",\"none\":null,\"probes\":[{\"host\":\"::1\","
			"\"port\":443}]}}",
			{ NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 1, WORDS("-o", "keyvalue", "show", "consumer", "web"));

	cr_expect_str_eq(o.out,
		"id=c1\nmetadata.state=FAILED\nmetadata.message=line 1\\nback\\\\slash\nproperties.name=web\n"
		"properties.probes[0].host=::1\nproperties.probes[0].port=443\n");
}

Test(output, show_has_sections_with_dates_in_both_forms)
{
	static const struct exchange script[] = {
		{ "autoCertificate.get", AUTO_WWW, { NULL } },
		{ "provider.get", "{\"id\":\"p1\",\"properties\":{\"name\":\"le\"}}", { NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 2, WORDS("show", "auto", "www"));

	cr_expect_eq(o.status, 0, "%s", o.err);
	cr_expect_str_eq(o.out, "auto www\n"
				"  id                          a1\n"
				"\n"
				"declared\n"
				"  name                        www\n"
				"  provider                    le\n"
				"  common name                 www.example.com\n"
				"  subject alternative names   example.com\n"
				"                              b.example.com\n"
				"  renew before                30d\n"
				"\n"
				"state\n"
				"  common name                 www.example.com\n"
				"  not after                   2027-01-20T10:30:00Z (in 60d)\n"
				"  next action                 renew\n"
				"  next date                   2026-12-21T10:30:00Z (in 30d)\n"
				"  served                      served\n"
				"  state                       AVAILABLE\n");
}

Test(output, a_long_list_is_fetched_page_by_page)
{
	struct buf_page {
		char text[8192];
	} page = { "{\"items\":[" };
	struct exchange script[] = {
		{ "dnsProvider.list", page.text, { NULL } },
		{ "dnsProvider.list", "{\"items\":[{\"properties\":{\"name\":\"last\"}}],\"total\":91}", { NULL } },
	};
	size_t len = strlen(page.text);

	for (int i = 0; i < 90; i++) /* certd ended the page early */
		len += (size_t)snprintf(page.text + len, sizeof(page.text) - len,
			"%s{\"properties\":{\"name\":\"n%d\"}}", i ? "," : "", i);
	snprintf(page.text + len, sizeof(page.text) - len, "],\"total\":91}");
	_cleanup_outcome_ struct outcome o = run_certctl(script, 2, WORDS("list", "dns"));

	cr_expect_eq(o.status, 0, "%s", o.err);
	cr_expect_str_eq(o.requests, "dnsProvider.list {\"offset\":0,\"limit\":100}\ndnsProvider.list "
				     "{\"offset\":90,\"limit\":100}\n");
	cr_expect_not_null(strstr(o.out, "\nlast"));
}

Test(output, status_is_one_screen)
{
	static const struct exchange script[] = {
		{ "server.status",
			"{\"version\":\"1.2\",\"pid\":7,\"startedDate\":\"2026-11-20T10:30:00Z\",\"state\":"
			"\"running\","
			"\"role\":\"admin\",\"stateDirectory\":\"/s\",\"dropDirectory\":\"/"
			"d\",\"providers\":1,"
			"\"dnsProviders\":0,\"consumers\":2,\"certificates\":5,\"autoCertificates\":{"
			"\"total\":3,"
			"\"available\":2,\"provisioning\":0,\"failed\":1},\"inFlight\":0,\"nextAction\":"
			"\"issue\","
			"\"nextObject\":{\"type\":\"autocertificate\",\"id\":\"a1\",\"name\":\"www\"},"
			"\"nextDate\":"
			"\"2026-11-21T11:30:00Z\",\"failing\":[{\"object\":{\"type\":\"autocertificate\","
			"\"id\":\"a1\","
			"\"name\":\"www\"},\"action\":\"issue\",\"message\":\"ns1 is silent\",\"date\":"
			"\"2026-11-21T11:30:00Z\"}],\"warnings\":[\"port 80 is taken\"]}",
			{ NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 1, WORDS("status"));

	cr_expect_eq(o.status, 0, "%s", o.err);
	cr_expect_str_eq(o.out, "certd 1.2 is running, started 1d ago, process 7; your role is admin\n"
				"state in /s, files in /d\n"
				"\n"
				"auto-certificates   3: 2 available, 1 failed\n"
				"certificates        5 in the store\n"
				"declared            providers 1, DNS providers 0, consumers 2\n"
				"orders in progress  0\n"
				"next                issue auto www, in 1h\n"
				"\n"
				"failing\n"
				"  auto www, issue: ns1 is silent; retry in 1h\n"
				"  to see why: certctl explain www\n"
				"\n"
				"warnings\n"
				"  port 80 is taken\n");
}

Test(output, the_next_work_of_no_object_is_said_in_words)
{
	static const struct exchange script[] = {
		{ "server.status",
			"{\"nextAction\":\"reissue\",\"nextObject\":{\"type\":\"reissue\",\"id\":\"all\",\"name\":"
			"\"selected certificates\"},\"nextDate\":\"2026-11-21T11:30:00Z\"}",
			{ NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 1, WORDS("status"));

	cr_expect(strstr(o.out, "next                reissue (selected certificates), in 1h\n"), "%s", o.out);
}

Test(output, explain_says_why_what_failed_and_what_to_do)
{
	static const struct exchange script[] = {
		{ "autoCertificate.explain",
			"{\"summary\":\"retry at "
			"2026-11-21T11:30:00Z\",\"nextAction\":\"retry\",\"nextDate\":"
			"\"2026-11-21T11:30:00Z\",\"reasons\":[\"2 attempts "
			"failed\"],\"attempts\":2,\"lastError\":{"
			"\"code\":\"ca\",\"message\":\"no\",\"problem\":\"rejectedIdentifier\"},\"advice\":["
			"\"wait\"]}",
			{ NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 1, WORDS("explain", "www"));

	cr_expect_str_eq(o.out, "www: retry at 2026-11-21T11:30:00Z (in 1h)\n"
				"why\n"
				"  2 attempts failed\n"
				"last error\n"
				"  no (ca, rejectedIdentifier)\n"
				"what you can do\n"
				"  wait\n");
}

Test(output, the_schedule_names_objects_as_one_types_them)
{
	static const struct exchange script[] = {
		{ "schedule.list",
			"{\"items\":[{\"date\":\"2026-11-21T10:29:00Z\",\"kind\":\"issue\",\"object\":{"
			"\"type\":"
			"\"autocertificate\",\"id\":\"a1\",\"name\":\"www\"}},{\"date\":\"2026-11-23T10:30:"
			"00Z\",\"kind\":"
			"\"cleanup\",\"object\":{\"type\":\"cleanup\",\"id\":\"x9\"}},{\"date\":"
			"\"2026-11-24T10:30:00Z\","
			"\"kind\":\"revocation\",\"object\":{\"type\":\"revocation\",\"id\":\"crl\","
			"\"name\":\"all certificates\"}}]}",
			{ NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 1, WORDS("schedule"));

	cr_expect_str_eq(o.out, "WHEN    DATE                  WHAT        OBJECT\n"
				"1m ago  2026-11-21T10:29:00Z  issue       auto www\n"
				"in 2d   2026-11-23T10:30:00Z  cleanup     x9\n"
				"in 3d   2026-11-24T10:30:00Z  revocation  all certificates\n");
}

Test(output, removing_tells_each_and_stops_at_the_first_failure)
{
	static const struct exchange script[] = {
		{ "consumer.delete", "{}", { NULL } },
		{ "consumer.delete",
			"!{\"code\":-32000,\"message\":\"consumer 'b' is in "
			"use\",\"data\":{\"code\":\"in-use\"}}",
			{ NULL } },
	};
	_cleanup_outcome_ struct outcome o = run_certctl(script, 2, WORDS("rm", "consumer", "a", "b", "c"));

	cr_expect_eq(o.status, error_exit_status(ERROR_IN_USE));
	cr_expect_str_eq(o.out, "consumer 'a' is removed\n");
	cr_expect_str_eq(o.err, "certctl: consumer 'b' is in use\n");
}

Test(text, a_run_of_capitals_is_one_word)
{
	static const struct {
		const char *name, *words;
	} cases[] = {
		{ "resourceURN", "resource urn" },
		{ "URNOfObject", "urn of object" },
		{ "sha256Fingerprint", "sha256 fingerprint" },
		{ "subjectAlternativeNames", "subject alternative names" },
		{ "ttl", "ttl" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf words = BUF_INIT;

		text_split_camel(cases[i].name, ' ', &words);
		cr_expect_str_eq(buf_str(&words), cases[i].words);
	}
}
