/* Sealing: what opens a sealed secret, and what must not. */
#include "daemon/store/store_crypt.h"
#include "tests/unit/store/tmp_store.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct tmp_store t;
static struct secret secret;
static struct buf sealed;

static void
setup(void)
{
	tmp_store_init(&t, 0);
	secret_set(&secret, "the account key", 15);
	cr_assert_eq(store_seal(t.store, STORE_PROVIDER, "id-1", &secret, &sealed, NULL), 0);
}

static void
teardown(void)
{
	secret_clear(&secret);
	buf_clear(&sealed);
	tmp_store_clear(&t);
}

TestSuite(store_crypt, .init = setup, .fini = teardown);

static void
expect_refused(enum store_db db, const char *id, const void *data, size_t len)
{
	_cleanup_secret_ struct secret opened = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_expect_eq(store_unseal(t.store, db, id, data, len, &opened, &err), -1);
	cr_expect_eq(err.code, ERROR_CORRUPT);
	cr_expect_null(opened.data);
}

Test(store_crypt, what_was_sealed_opens_and_shows_nothing)
{
	_cleanup_secret_ struct secret opened = SECRET_INIT;

	cr_expect_eq(store_unseal(t.store, STORE_PROVIDER, "id-1", sealed.data, sealed.len, &opened, NULL), 0);
	cr_expect(secret_equal(&opened, &secret));
	cr_expect_null(memmem(sealed.data, sealed.len, "account", 7));
}

Test(store_crypt, sealing_twice_gives_different_octets)
{
	_cleanup_buf_ struct buf again = BUF_INIT;

	store_seal(t.store, STORE_PROVIDER, "id-1", &secret, &again, NULL);
	cr_expect_eq(again.len, sealed.len);
	cr_expect_neq(memcmp(again.data, sealed.data, sealed.len), 0);
}

Test(store_crypt, moved_to_another_record_or_database_it_does_not_open)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_secret_ struct secret opened = SECRET_INIT;

	expect_refused(STORE_PROVIDER, "id-2", sealed.data, sealed.len);
	expect_refused(STORE_CERTIFICATE, "id-1", sealed.data, sealed.len);
	expect_refused(STORE_PROVIDER, "", sealed.data, sealed.len);
	store_unseal(t.store, STORE_PROVIDER, "id-2", sealed.data, sealed.len, &opened, &err);
	cr_expect_str_eq(err.message, "provider 'id-2': the sealed secret does not verify");
}

Test(store_crypt, no_flipped_bit_and_no_cut_goes_unnoticed)
{
	for (size_t i = 0; i < sealed.len; i++) {
		sealed.data[i] ^= (char)(1 << i % 8);
		expect_refused(STORE_PROVIDER, "id-1", sealed.data, sealed.len);
		sealed.data[i] ^= (char)(1 << i % 8);
		expect_refused(STORE_PROVIDER, "id-1", sealed.data, i);
	}
}

Test(store_crypt, a_secret_of_the_longest_size_fits_and_one_more_does_not)
{
	_cleanup_secret_ struct secret large = SECRET_INIT;
	_cleanup_secret_ struct secret opened = SECRET_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	secret_alloc(&large, STORE_SECRET_MAX);
	cr_expect_eq(store_seal(t.store, STORE_PROVIDER, "x", &large, &out, NULL), 0);
	cr_expect_eq(store_unseal(t.store, STORE_PROVIDER, "x", out.data, out.len, &opened, NULL), 0);
	cr_expect(secret_equal(&opened, &large));
	secret_alloc(&large, STORE_SECRET_MAX + 1);
	cr_expect_eq(store_seal(t.store, STORE_PROVIDER, "x", &large, &out, &err), -1);
	cr_expect_eq(err.code, ERROR_LIMIT);
}

/* What was stored by any certd has to verify with every later one. */
Test(store_crypt, tags_are_those_of_the_format)
{
	static const struct {
		enum store_db db;
		const char *key, *value, *tag;
	} cases[] = {
		{ STORE_PROVIDER, "ab", "c", "2ce5e4ca8eaa16b4946b2e345f3bd8d3" },
		{ STORE_PROVIDER, "a", "bc", "f7c098540bce70f2ef305f4464a8c440" },
		{ STORE_PROVIDER, "", "abc", "a7206709be8a14c5975cd6a008265460" },
		{ STORE_CERTIFICATE, "ab", "c", "cb7e746501e456bb4b5f0f2433814bb1" },
	};
	struct store_crypt *c = store_crypt_new(&t.key, NULL);

	cr_assert_not_null(c);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned char tag[STORE_TAG_LEN];
		char text[2 * STORE_TAG_LEN + 1];

		cr_assert_eq(store_crypt_tag(c, cases[i].db, cases[i].key, strlen(cases[i].key), cases[i].value,
				     strlen(cases[i].value), tag, NULL),
			0);
		for (size_t k = 0; k < STORE_TAG_LEN; k++)
			snprintf(text + 2 * k, 3, "%02x", tag[k]);
		cr_expect_str_eq(text, cases[i].tag, "case %zu: %s", i, text);
	}
	store_crypt_free(c);
}
