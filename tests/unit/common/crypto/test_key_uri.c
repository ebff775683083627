#include "common/buf.h"
#include "common/crypto/key_uri.h"
#include "common/error.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

Test(key_uri, names_a_token_and_one_key_and_nothing_else)
{
	static const struct {
		const char *uri, *why; /* NULL: accepted */
	} cases[] = {
		{ "pkcs11:token=tls;object=www", NULL },
		{ "pkcs11:serial=0a1b;id=%01%02;type=private", NULL },
		{ "pkcs11:slot-id=4;manufacturer=X%20Y;model=v2;object=a.b?pin-source=file:/etc/certd/pin", NULL },
		{ "", "must begin with 'pkcs11:'" },
		{ "/etc/ssl/private/key.pem", "must begin with 'pkcs11:'" },
		{ "pkcs11:", "'' is not NAME=VALUE" },
		{ "pkcs11:token=tls", "must name the key" },
		{ "pkcs11:object=www", "must name the token" },
		{ "pkcs11:token=tls;object=", "'object=' is not NAME=VALUE" },
		{ "pkcs11:token=tls;object=www;", "'' is not NAME=VALUE" },
		{ "pkcs11:token=tls;objekt=www", "'objekt' is not an attribute" },
		{ "pkcs11:token=tls;object=www;type=cert", "'type=cert' is not a private key" },
		{ "pkcs11:token=tls;object=www;type=private2", "'type=private2' is not a private key" },
		{ "pkcs11:token=tls;object=www;module-path=/x.so", "pkcs11-module in certd.conf" },
		{ "pkcs11:token=tls;object=www?module-path=/x.so", "pkcs11-module in certd.conf" },
		{ "pkcs11:token=tls;object=www?module-name=x", "pkcs11-module in certd.conf" },
		{ "pkcs11:token=tls;object=www?pin-value=1234", "must not be in the URI" },
		{ "pkcs11:token=tls;object=www?pin-source=/etc/pin", "only pin-source=file:/PATH" },
		{ "pkcs11:token=tls;object=www?pin-source=file:pin", "only pin-source=file:/PATH" },
		{ "pkcs11:token=tls;object=www?pin-source=|/bin/sh", "not allowed in a URI" },
		{ "pkcs11:token=tls;object=www?pin-source=file:/pin&pin-value=1", "only pin-source=file:/PATH" },
		{ "pkcs11:token=tls;object=www?", "only pin-source=file:/PATH" },
		{ "pkcs11:token=t ls;object=www", "not allowed in a URI" },
		{ "pkcs11:token=tls;object=$www", "not allowed in a URI" },
		{ "pkcs11:token=tls;object=\"www", "not allowed in a URI" },
		{ "pkcs11:token=tls;object=www\n", "not allowed in a URI" },
		{ "pkcs11:token=tls;object=w\xc3\xa4", "not allowed in a URI" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		int rc = key_uri_check(cases[i].uri, &err);

		cr_expect_eq(rc, cases[i].why ? -1 : 0, "%s: %s", cases[i].uri, err.message);
		if (cases[i].why)
			cr_expect(
				err.message && strstr(err.message, cases[i].why), "%s: %s", cases[i].uri, err.message);
	}
}

Test(key_uri, each_octet_may_be_in_a_value_or_not)
{
	for (int c = 1; c < 256; c++) {
		_cleanup_free_ char *uri = xasprintf("pkcs11:token=a%cb;object=c", c);
		/* These begin something else: another attribute, the query, an octet in hexadecimal digits. */
		bool is_other = strchr(";?%", c) != NULL;
		bool is_plain = c < 128 && (isalnum(c) || strchr("-._~:/[]@!()*+,=&", c));

		if (!is_other)
			cr_expect_eq(key_uri_check(uri, NULL), is_plain ? 0 : -1, "%d: %s", c, uri);
	}
}

Test(key_uri, has_a_length)
{
	_cleanup_buf_ struct buf uri = BUF_INIT;

	buf_add_str(&uri, "pkcs11:token=tls;object=");
	while (uri.len < KEY_URI_MAX)
		buf_add_char(&uri, 'a');
	cr_expect_eq(key_uri_check(buf_str(&uri), NULL), 0);
	buf_add_char(&uri, 'a');
	cr_expect_eq(key_uri_check(buf_str(&uri), NULL), -1);
}

Test(key_uri, the_file_of_the_pin_is_no_part_of_the_object)
{
	_cleanup_free_ char *object = NULL, *pin_file = NULL, *bare = NULL, *none = NULL;

	key_uri_split("pkcs11:token=tls;object=www?pin-source=file:/etc/certd/pin", &object, &pin_file);
	cr_expect_str_eq(object, "pkcs11:token=tls;object=www");
	cr_expect_str_eq(pin_file, "/etc/certd/pin");
	key_uri_split("pkcs11:token=tls;object=www", &bare, &none);
	cr_expect_str_eq(bare, "pkcs11:token=tls;object=www");
	cr_expect_null(none);
}
