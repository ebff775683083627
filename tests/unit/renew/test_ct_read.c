/* Answers of crt.sh and Cert Spotter, good and hostile. */
#include "common/buf.h"
#include "common/error.h"
#include "daemon/renew/ct_read.h"
#include "tests/unit/common/crypto/mini_ca.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define GOOD \
	"{\"issuer_ca_id\":1,\"issuer_name\":\"C=US, O=Let's Encrypt, CN=R3\",\"common_name\":\"www.example.com\"," \
	"\"name_value\":\"www.example.com\\n*.example.com\",\"id\":7,\"entry_timestamp\":\"2026-11-01T10:00:00.123\"," \
	"\"not_before\":\"2026-11-01T09:00:00\",\"not_after\":\"2027-01-30T09:00:00\",\"serial_number\":\"00a1B2\"}"

struct seen {
	size_t count;
	struct ct_entry last;
};

static void
take(struct ct_entry *entry, void *arg)
{
	struct seen *seen = arg;

	seen->count++;
	ct_entry_clear(&seen->last);
	seen->last = *entry;
	*entry = (struct ct_entry){ .issuer = NULL };
}

/* Return: that of ct_read(). @text: with ' for ". */
static int
read_text(const char *text, struct seen *seen, struct ct_page *page, struct error *err)
{
	return ct_read(text, strlen(text), take, seen, page, err);
}

/* Replaces @from, which is there, in GOOD, and wraps it into a list. Owned by the caller. */
static char *
changed(const char *from, const char *to)
{
	const char *place = strstr(GOOD, from);

	cr_assert(place, "%s", from);
	return xasprintf("[%.*s%s%s]", (int)(place - GOOD), GOOD, to, place + strlen(from));
}

Test(ct_read, an_answer_of_crt_sh)
{
	struct seen seen = { .count = 0 };
	struct ct_page page;

	cr_assert_eq(read_text(" [" GOOD ",\n" GOOD "]\n", &seen, &page, NULL), 0);
	cr_expect_eq(seen.count, 2);
	cr_expect_eq(page.entries, 2);
	cr_expect_str_eq(page.last, "");
	cr_expect_str_eq(seen.last.issuer, "C=US, O=Let's Encrypt, CN=R3");
	cr_expect_str_eq(seen.last.serial, "a1b2");
	cr_expect_eq(seen.last.names.count, 2);
	cr_expect_str_eq(seen.last.names.items[0], "www.example.com");
	cr_expect_str_eq(seen.last.names.items[1], "*.example.com");
	cr_expect_eq(seen.last.not_before_at, 1793523600);
	cr_expect_eq(seen.last.not_after_at, 1793523600 + 90 * MINI_DAY);
	ct_entry_clear(&seen.last);
	seen.count = 0;
	cr_expect_eq(read_text("[]", &seen, &page, NULL), 0);
	cr_expect_eq(seen.count, 0);
}

Test(ct_read, a_page_of_cert_spotter)
{
	struct mini_cert cert = { 0 };
	_cleanup_buf_ struct buf pem = BUF_INIT;
	_cleanup_free_ char *text = NULL, *old = NULL, *der = xcalloc(1, 8192);
	struct seen seen = { .count = 0 };
	struct ct_page page;
	size_t n = 0;

	mini_make(&cert, &(struct mini_spec){ .cn = "Mini", .san = "DNS:www.example.com", .serial = "0A0B0C" }, NULL);
	mini_pem(&cert, &pem);
	for (const char *p = strchr(pem.data, '\n'); strncmp(p, "\n-", 2) != 0; p++)
		if (*p != '\n')
			der[n++] = *p;
	text = xasprintf(
		"[{\"id\":\"48\",\"tbs_sha256\":\"00\",\"cert_der\":\"%s\",\"problem_reporting\":\"mail\\u001b ca@x\","
		"\"issuer\":{\"name\":\"C=US, O=Some CA\"}}]",
		der);
	cr_assert_eq(read_text(text, &seen, &page, NULL), 0);
	cr_assert_eq(seen.count, 1);
	cr_expect_str_eq(page.last, "48");
	cr_expect_str_eq(seen.last.serial, "a0b0c");
	cr_expect_str_eq(seen.last.issuer, "C=US, O=Some CA");
	cr_expect_str_eq(seen.last.report_to, "mail  ca@x");
	cr_expect_str_eq(seen.last.names.items[0], "www.example.com");
	cr_expect_eq(seen.last.not_after_at, MINI_NOW + 90 * MINI_DAY);
	/* As before 2023: "cert", and without the issuer. */
	old = xasprintf(
		"[{\"id\":\"../49\",\"tbs_sha256\":\"00\",\"cert\":{\"type\":\"precert\",\"data\":\"%s\"}}]", der);
	cr_assert_eq(read_text(old, &seen, &page, NULL), 0);
	cr_expect_str_eq(page.last, "", "an id that is no part of a URL");
	cr_expect_str_eq(seen.last.issuer, "O=?, CN=Mini");
	ct_entry_clear(&seen.last);
	mini_clear(&cert);
}

Test(ct_read, what_is_not_a_list_is_refused)
{
	static const char *const cases[] = { "", " ", "null", "{}", "\"x\"", "[", "[1]", "[null]", "[" GOOD,
		"[" GOOD "]x", "[" GOOD ",", "[[" GOOD "]]", "<html>busy</html>", "[{\"a\":\"}\"]",
		"{\"code\":\"rate_limited\"}" };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		struct seen seen = { .count = 0 };
		struct ct_page page;

		cr_expect_eq(read_text(cases[i], &seen, &page, &err), -1, "%s", cases[i]);
		cr_expect_str_eq(err.message, "the answer is not a list in JSON", "%s", cases[i]);
		ct_entry_clear(&seen.last);
	}
}

Test(ct_read, an_entry_that_cannot_be_read_is_named_and_hides_no_other)
{
	static const struct {
		const char *from, *to, *why;
	} cases[] = {
		{ "\"issuer_name\":", "\"x\":", "issuer_name" },
		{ "\"C=US, O=Let's Encrypt, CN=R3\"", "5", "issuer_name" },
		{ "00a1B2", "0", "serial_number" },
		{ "00a1B2", "xyz", "serial_number" },
		{ "00a1B2", "11111111111111111111111111111111111111111111111111111111111111111", "serial_number" },
		{ "2027-01-30T09:00:00", "soon", "not_after" },
		{ "2027-01-30T09:00:00", "2026-01-30T09:00:00", "not_after" },
		{ "\"not_before\":\"2026-11-01T09:00:00\"", "\"not_before\":null", "not_before" },
		{ "\"www.example.com\\n*.example.com\"", "[]", "name_value" },
		{ "\"id\":7", "\"tbs_sha256\":\"0\"", "expand=cert_der" },
		{ "\"id\":7", "\"tbs_sha256\":\"0\",\"cert_der\":\"AAAA\"", "" },
		{ "\"id\":7", "\"id\":[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]", "JSON" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *bad = changed(cases[i].from, cases[i].to);
		_cleanup_free_ char *text = xasprintf("[" GOOD ",%.*s," GOOD "]", (int)strlen(bad) - 2, bad + 1);
		_cleanup_error_ struct error err = ERROR_INIT;
		struct seen seen = { .count = 0 };
		struct ct_page page;

		cr_expect_eq(read_text(text, &seen, &page, &err), -1, "%s", bad);
		cr_expect(strncmp(err.message, "entry 2 of the answer: ", 23) == 0 && strstr(err.message, cases[i].why),
			"%s: %s", bad, err.message);
		cr_expect_eq(seen.count, 2, "%s", bad);
		ct_entry_clear(&seen.last);
	}
}

Test(ct_read, only_host_names_count_and_all_text_is_printable)
{
	static const struct {
		const char *from, *to, *names;
	} cases[] = {
		{ "www.example.com\\n*.example.com", "a@example.com\\nWWW.Example.COM\\n10.0.0.1\\nb c.example.com",
			"www.example.com" },
		{ "www.example.com\\n*.example.com", "_x.example.com", "www.example.com" },
		{ "\"common_name\":\"www.example.com\"", "\"common_name\":null", "www.example.com *.example.com" },
	};
	_cleanup_free_ char *hostile = changed("Let's Encrypt", "\\u001b[2J\\u202eX");
	struct seen seen = { .count = 0 };
	struct ct_page page;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = changed(cases[i].from, cases[i].to), *names = NULL;

		cr_assert_eq(read_text(text, &seen, &page, NULL), 0, "%s", text);
		names = strlist_join(&seen.last.names, " ");
		cr_expect_str_eq(names, cases[i].names);
	}
	cr_assert_eq(read_text(hostile, &seen, &page, NULL), 0);
	cr_expect_str_eq(seen.last.issuer, "C=US, O= [2J?X, CN=R3");
	ct_entry_clear(&seen.last);
	seen.count = 0;
	{
		static const char none[] =
			"[{\"issuer_name\":\"C=US\",\"name_value\":\"a@example.com\",\"serial_number\":"
			"\"1\",\"not_before\":\"2026-11-01T09:00:00\",\"not_after\":"
			"\"2027-11-01T09:00:00Z\"}]";

		cr_expect_eq(read_text(none, &seen, &page, NULL), 0);
		cr_expect_eq(seen.count, 0, "an e-mail certificate");
	}
}

Test(ct_read, serial_numbers_are_compared_in_one_form)
{
	static const char *const cases[][2] = { { "33:00:04", "330004" }, { "00:0A", "a" }, { "aB", "ab" },
		{ "", NULL }, { "0", NULL }, { "0x1", NULL }, { "-1", NULL } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *serial = ct_serial(cases[i][0]);

		cr_expect_str_eq(serial ? serial : "none", cases[i][1] ? cases[i][1] : "none", "%s", cases[i][0]);
	}
}

Test(ct_read, a_certificate_that_ends_as_it_begins_is_read)
{
	_cleanup_free_ char *short_lived = changed("2027-01-30T09:00:00", "2026-11-01T09:00:00");
	_cleanup_error_ struct error err = ERROR_INIT;
	struct seen seen = { .count = 0 };
	struct ct_page page;

	cr_expect_eq(read_text(short_lived, &seen, &page, &err), 0, "%s", err.message);
	cr_expect_eq(seen.count, 1);
	cr_expect_eq(seen.last.not_before_at, seen.last.not_after_at);
	ct_entry_clear(&seen.last);
}
