#include "common/crypto/sealed.h"

#include "common/error.h"

#include <criterion/criterion.h>
#include <string.h>

static void
set(struct secret *s, const char *text)
{
	secret_set(s, text, strlen(text));
}

/* Return: the field of the error; NULL: none. "" : it was opened. */
static const char *
field_of(const char *label, const struct buf *text, const char *passphrase, struct error *err)
{
	_cleanup_secret_ struct secret file = SECRET_INIT;
	_cleanup_secret_ struct secret phrase = SECRET_INIT;
	_cleanup_secret_ struct secret plain = SECRET_INIT;

	secret_set(&file, text->data, text->len);
	set(&phrase, passphrase);
	error_clear(err);
	if (sealed_read(label, &file, &phrase, &plain, err) == 0)
		return "";
	cr_expect_eq(plain.len, 0, "nothing of what does not verify is returned");
	cr_expect_eq(err->code, ERROR_INVALID);
	return err->field;
}

static void
seal(const char *label, const char *text, const char *passphrase, struct buf *ret)
{
	_cleanup_secret_ struct secret plain = SECRET_INIT;
	_cleanup_secret_ struct secret phrase = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	set(&plain, text);
	set(&phrase, passphrase);
	cr_assert_eq(sealed_write(label, &plain, &phrase, ret, &err), 0, "%s", err.message);
}

Test(sealed, what_is_sealed_is_opened_by_its_passphrase_only)
{
	static const char *const wrong[] = { "correct horsf", "Correct horse", "correct horse " };
	_cleanup_buf_ struct buf file = BUF_INIT;
	_cleanup_buf_ struct buf again = BUF_INIT;
	_cleanup_secret_ struct secret text = SECRET_INIT;
	_cleanup_secret_ struct secret phrase = SECRET_INIT;
	_cleanup_secret_ struct secret plain = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	seal("CERTD TEST", "it is a secret", "correct horse", &file);
	seal("CERTD TEST", "it is a secret", "correct horse", &again);
	cr_expect_str_neq(buf_str(&file), buf_str(&again), "each has its salt and nonce");
	cr_expect_null(strstr(buf_str(&file), "secret"));
	secret_set(&text, file.data, file.len);
	set(&phrase, "correct horse");
	cr_assert_eq(sealed_read("CERTD TEST", &text, &phrase, &plain, &err), 0, "%s", err.message);
	cr_assert_eq(plain.len, strlen("it is a secret"));
	cr_expect_arr_eq(plain.data, "it is a secret", plain.len);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		cr_expect_str_eq(field_of("CERTD TEST", &file, wrong[i], &err), "passphrase", "%s", wrong[i]);
	cr_expect_null(field_of("CERTD OTHER", &file, "correct horse", &err));
}

/* Each character: no change of the file goes unnoticed. */
Test(sealed, an_altered_or_cut_file_is_refused)
{
	_cleanup_buf_ struct buf file = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	size_t body, end;

	seal("CERTD TEST", "it is a secret", "correct horse", &file);
	body = (size_t)(strchr(buf_str(&file), '\n') - buf_str(&file)) + 1;
	end = (size_t)(strstr(buf_str(&file), "\n-----END") - buf_str(&file));
	for (size_t i = body; i < end; i += 7) {
		char was = file.data[i];

		if (was == '\n' || was == '=')
			continue;
		file.data[i] = was == 'A' ? 'B' : 'A';
		cr_expect(field_of("CERTD TEST", &file, "correct horse", &err) == NULL ||
				  strcmp(field_of("CERTD TEST", &file, "correct horse", &err), "passphrase") == 0,
			"character %zu", i);
		file.data[i] = was;
	}
	cr_expect_str_eq(field_of("CERTD TEST", &file, "correct horse", &err), "");
	file.len = end - 10;
	cr_expect_null(field_of("CERTD TEST", &file, "correct horse", &err));
	buf_reset(&file);
	cr_expect_null(field_of("CERTD TEST", &file, "correct horse", &err));
}

Test(sealed, a_passphrase_has_a_length_that_is_worth_it)
{
	_cleanup_buf_ struct buf file = BUF_INIT;
	_cleanup_secret_ struct secret plain = SECRET_INIT;
	_cleanup_secret_ struct secret phrase = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	set(&plain, "text");
	set(&phrase, "seven..");
	cr_expect_eq(sealed_write("CERTD TEST", &plain, &phrase, &file, &err), -1);
	cr_expect_str_eq(err.field, "passphrase");
	error_clear(&err);
	set(&phrase, "eight...");
	cr_expect_eq(sealed_write("CERTD TEST", &plain, &phrase, &file, &err), 0, "%s", err.message);
}
