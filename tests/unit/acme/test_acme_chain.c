/* The preference among chains; the choice itself is tested with the order. */
#include "daemon/acme/acme_chain.h"

#include "common/alloc.h"
#include "common/buf.h"
#include "common/error.h"

#include <criterion/criterion.h>
#include <string.h>

#define HEX32 "0123456789abcdefABCDEF9876543210"

Test(acme_chain, what_is_meant_as_a_fingerprint_has_64_digits)
{
	static const struct {
		const char *preference;
		bool is_valid;
	} cases[] = {
		{ "shortest", true },
		{ "ISRG Root X1", true },
		{ "Cafe", true }, /* a common name of few hex digits */
		{ HEX32 HEX32, true },
		{ "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF",
			true },
		{ HEX32, false },            /* MD5 */
		{ HEX32 "01234567", false }, /* SHA-1 */
		{ "01:23:45:67", false },
		{ "01:23:45:6x", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;
		int rc = acme_chain_check_preference(cases[i].preference, &err);

		cr_expect_eq(rc == 0, cases[i].is_valid, "%s", cases[i].preference);
		if (rc < 0)
			cr_expect(err.code == ERROR_INVALID && strstr(err.message, "SHA-256"), "%s", err.message);
	}
}

Test(acme_chain, an_unreadable_chain_fits_nothing)
{
	_cleanup_buf_ struct buf pem = BUF_INIT;

	buf_add_str(&pem, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	cr_expect(!acme_chain_fits("shortest", &pem));
	cr_expect(!acme_chain_fits("ISRG Root X1", &pem));
	cr_expect_eq(acme_chain_length(&pem), 0);
	cr_expect_null(acme_chain_top(&pem));
	cr_expect_eq(acme_chain_check(&pem, &pem, NULL), -1);
}
