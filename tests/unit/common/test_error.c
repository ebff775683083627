#include "common/buf.h"
#include "common/error.h"
#include "common/strlist.h"

#include <criterion/criterion.h>
#include <errno.h>

Test(error, each_layer_adds_what_it_knows_in_front)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_expect_eq(error_set_errno(&err, ENOSPC, "write '%s'", "/x"), -1);
	cr_expect_eq(error_wrap(&err, "certificate '%s'", "www"), -1);
	cr_expect_eq(err.code, ERROR_NO_SPACE);
	cr_expect_str_eq(err.message, "certificate 'www': write '/x': No space left on device");
}

Test(error, nothing_is_put_in_front_twice)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_HOOK, "no");
	error_wrap(&err, "consumer '%s'", "app");
	error_wrap(&err, "consumer '%s'", "app");
	cr_expect_str_eq(err.message, "consumer 'app': no");
	error_wrap(&err, "consumer '%s'", "ap");
	cr_expect_str_eq(err.message, "consumer 'ap': consumer 'app': no");

	cr_expect_str_eq(error_text_below("www: no", "www"), "no");
	cr_expect_str_eq(error_text_below("www.a: no", "www"), "www.a: no");
	cr_expect_str_eq(error_text_below("www:no", "www"), "www:no");
	cr_expect_str_eq(error_text_below("www", "www"), "www");
	cr_expect_str_eq(error_text_below(": no", ""), ": no");
}

Test(error, code_names_are_unique_and_map_back)
{
	for (int i = 0; i < ERROR_CODE_COUNT; i++) {
		const char *name = error_code_name((enum error_code)i);

		cr_assert_not_null(name);
		cr_expect_eq(error_code_from_name(name), (enum error_code)i, "%s", name);
	}
}

Test(error, a_field_is_named_and_survives_move_and_copy)
{
	_cleanup_error_ struct error a = ERROR_INIT;
	_cleanup_error_ struct error b = ERROR_INIT;
	_cleanup_error_ struct error c = ERROR_INIT;

	error_set_field(&a, "commonName", "is empty");
	error_copy(&b, &a);
	error_move(&c, &a);
	cr_expect_not(error_is_set(&a));
	cr_expect_str_eq(b.field, "commonName");
	cr_expect_str_eq(c.field, "commonName");
}

Test(strlist, splits_joins_and_compares)
{
	_cleanup_strlist_ struct strlist l = STRLIST_INIT;
	_cleanup_strlist_ struct strlist m = STRLIST_INIT;
	_cleanup_free_ char *joined = NULL;

	strlist_split(&l, " a, b ,,c", ',');
	strlist_copy(&m, &l);
	joined = strlist_join(&m, "+");
	cr_expect_str_eq(joined, "a+b+c");
	cr_expect(strlist_equal(&l, &m));
	cr_expect(strlist_has(&l, "b"));
	cr_expect_not(strlist_has(&l, "d"));
}

Test(buf, adds_drops_and_is_always_terminated)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	cr_expect_str_eq(buf_str(&b), "");
	buf_printf(&b, "%d-%s", 12, "three");
	buf_drop(&b, 3);
	cr_expect_str_eq(buf_str(&b), "three");
	cr_expect_eq(b.len, 5);
}

Test(error, a_message_is_one_line_that_a_terminal_shows)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_CA, "the CA said '%s'", "no\n\x1b[2J\xe2\x80\xae");
	error_wrap(&err, "order of '%s'",
		"a\xc2\x9b"
		"b");
	cr_expect_str_eq(err.message, "order of 'a?b': the CA said 'no [2J?'");
}

Test(error, a_new_wording_is_one_line_too)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	error_set(&err, ERROR_DNS, "first");
	error_reword(&err, "second\n\x1b[2J");
	cr_expect_eq(err.code, ERROR_DNS);
	cr_expect_str_eq(err.message, "second [2J");
}

/* Each system error has its class, and its text is at the end. */
Test(error, a_system_error_has_a_class_and_its_text)
{
	static const struct {
		int errnum;
		enum error_code code;
		const char *text;
	} cases[] = {
		{ EIO, ERROR_IO, "read x: Input/output error" },
		{ ENOSPC, ERROR_NO_SPACE, "read x: No space left on device" },
		{ EDQUOT, ERROR_NO_SPACE, "read x: Disk quota exceeded" },
		{ EACCES, ERROR_DENIED, "read x: Permission denied" },
		{ EPERM, ERROR_DENIED, "read x: Operation not permitted" },
		{ ENOENT, ERROR_NOT_FOUND, "read x: No such file or directory" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(error_set_errno(&err, cases[i].errnum, "read %s", "x"), -1);
		cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].text, error_code_name(err.code));
		cr_expect_str_eq(err.message, cases[i].text);
	}
}
