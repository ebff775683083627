#include "common/crypto/base64url.h"
#include "common/crypto/secret.h"
#include "common/error.h"

#include <criterion/criterion.h>
#include <string.h>

Test(base64url, encodes_without_padding_and_reads_back)
{
	/* RFC 4648 s10, and the two characters that differ from plain base64. */
	static const struct {
		const char *octets, *text;
	} cases[] = { { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xfe", "-__-" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		_cleanup_buf_ struct buf back = BUF_INIT;

		base64url_encode(cases[i].octets, strlen(cases[i].octets), &text);
		cr_expect_str_eq(buf_str(&text), cases[i].text);
		cr_assert_eq(base64url_decode(cases[i].text, strlen(cases[i].text), &back, NULL), 0);
		cr_expect_str_eq(buf_str(&back), cases[i].octets);
	}
}

Test(base64url, strict_reading_refuses_what_another_encoder_would_not_write)
{
	static const struct {
		const char *why, *text;
	} cases[] = { { "padding", "Zg==" }, { "plain alphabet", "+//+" }, { "white space", "Zm 9v" },
		{ "trailing newline", "Zm9v\n" }, { "invalid length", "Zm9vY" }, { "unused bits set", "Zh" },
		{ "unused bits set, 2 octets", "Zm9" }, { "not ASCII", "Zm9\xc3" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;

		buf_add_str(&out, "kept");
		cr_expect_eq(
			base64url_decode(cases[i].text, strlen(cases[i].text), &out, &err), -1, "%s", cases[i].why);
		cr_expect_eq(err.code, ERROR_INVALID, "%s", cases[i].why);
		cr_expect_str_eq(buf_str(&out), "kept", "%s", cases[i].why);
	}
}

Test(base64url, what_people_paste_is_read_in_every_usual_form)
{
	static const char *const cases[] = { "-__-Zg", "+//+Zg==", "-__-Zg==", "  +//+Zg==\r\n", "-//+Zg",
		"+//+\nZg==\n", "-__\r\n-Zg\r\n", "-_ \n _-\r Zg", "\"+//+Zg==\"\n", "'-__-Zg'",
		"\xef\xbb\xbf-__-Zg\r\n", "\xef\xbb\xbf\"+//+\nZg==\"" };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_secret_ struct secret out = SECRET_INIT;

		cr_assert_eq(base64_decode_any(cases[i], strlen(cases[i]), &out, NULL), 0, "%s", cases[i]);
		cr_assert_eq(out.len, 4, "%s", cases[i]);
		cr_expect_eq(memcmp(out.data, "\xfb\xff\xfe\x66", 4), 0, "%s", cases[i]);
	}
}

Test(base64url, what_people_paste_wrongly_is_refused_without_being_repeated)
{
	static const char *const cases[] = { "", " \n", "====", "Zg=", "Zm9v=", "Zm9vY", "Sec ret0", "\"\"",
		"\"Secret0", "\n\xef\xbb\xbf-__-Zg", "S\xc3\xa9" };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_secret_ struct secret out = SECRET_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(base64_decode_any(cases[i], strlen(cases[i]), &out, &err), -1, "%s", cases[i]);
		cr_expect_eq(out.len, 0, "%s", cases[i]);
		cr_assert_not_null(err.message);
		cr_expect_null(strstr(err.message, "Sec"), "%s", err.message);
	}
}

Test(base64url, its_alphabet_is_the_one_of_rfc_4648_section_5)
{
	for (int c = 0; c < 256; c++) {
		char text = (char)c;
		bool is_in = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
			     c == '_';

		cr_expect_eq(base64url_is_text(&text, 1), is_in, "octet %d", c);
	}
	cr_expect(base64url_is_text("abc", 3));
	cr_expect_not(base64url_is_text("a=c", 3));
	cr_expect_not(base64url_is_text("", 0));
}
