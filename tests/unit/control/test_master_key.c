/* Where the key that wraps all others comes from, and what is refused as one. */
#include "daemon/master_key.h"

#include "common/conf.h"
#include "common/crypto/base64url.h"
#include "common/crypto/secret.h"
#include "common/error.h"
#include "tests/support/process.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RAW "0123456789abcdefghijklmnopqrstuv"              /* 32 octets */
#define TEXT "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY=" /* the same in base64 */

struct bed {
	char *dir;
	struct conf conf;
	char file[256];
};

static void
bed_init(struct bed *b)
{
	*b = (struct bed){ .dir = scratch_new() };
	b->conf.state_dir = b->dir;
	unsetenv("CREDENTIALS_DIRECTORY");
}

/* A file that only its owner reads, as certd demands of secrets. */
static const char *
bed_write(struct bed *b, const char *name, const char *text)
{
	scratch_write(b->dir, name, "%s", text);
	snprintf(b->file, sizeof(b->file), "%s/%s", b->dir, name);
	cr_assert_eq(chmod(b->file, 0400), 0);
	return b->file;
}

static void
expect_key(struct bed *b, bool is_beside)
{
	_cleanup_secret_ struct secret key = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	bool is_beside_store = !is_beside;

	cr_assert_eq(master_key_get(&b->conf, &key, &is_beside_store, &err), 0, "%s", err.message);
	cr_assert_eq(key.len, strlen(RAW));
	cr_expect_eq(memcmp(key.data, RAW, key.len), 0);
	cr_expect_eq(is_beside_store, is_beside);
}

static void
expect_refusal(struct bed *b, enum error_code code, const char *words)
{
	_cleanup_secret_ struct secret key = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	bool is_beside_store;

	cr_assert_eq(master_key_get(&b->conf, &key, &is_beside_store, &err), -1);
	cr_expect_eq(err.code, code, "%s", error_code_name(err.code));
	cr_expect(err.message && strstr(err.message, words), "%s", err.message);
}

Test(master_key, a_configured_file_has_it_raw_or_in_base64)
{
	static const char *const right[] = { RAW, TEXT, TEXT "\n" };
	/* 31 and 33 octets, then such in base64, then what is no base64 at all */
	static const char *const wrong[] = { "0123456789abcdefghijklmnopqrstu", "0123456789abcdefghijklmnopqrstuvw",
		"MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dQ==", "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3", "~~~" };
	struct bed b;

	bed_init(&b);
	b.conf.master_key_file = b.file;
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		bed_write(&b, "key", right[i]);
		expect_key(&b, false);
		unlink(b.file);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		bed_write(&b, "key", wrong[i]);
		expect_refusal(&b, ERROR_CONFIG, "is not 32 octets, raw or in base64");
		unlink(b.file);
	}
	expect_refusal(&b, ERROR_NOT_FOUND, "master key: ");
	scratch_remove(&b.dir);
}

Test(master_key, the_configured_file_is_preferred_to_the_credential_and_that_to_the_file_beside_the_store)
{
	struct bed b;

	bed_init(&b);
	bed_write(&b, "master-key", RAW);
	expect_key(&b, true);
	unlink(b.file);
	bed_write(&b, "master-key", "wrong");
	expect_refusal(&b, ERROR_CONFIG, "/master-key'");
	scratch_write(b.dir, "credentials", "%s", "");
	snprintf(b.file, sizeof(b.file), "%s/credentials", b.dir);
	unlink(b.file);
	cr_assert_eq(mkdir(b.file, 0700), 0);
	setenv("CREDENTIALS_DIRECTORY", b.file, 1);
	bed_write(&b, "credentials/master-key", RAW);
	expect_key(&b, false);
	unlink(b.file);
	bed_write(&b, "credentials/master-key", "wrong");
	expect_refusal(&b, ERROR_CONFIG, "credentials/master-key'");
	bed_write(&b, "key", RAW);
	b.conf.master_key_file = b.file;
	expect_key(&b, false);
	unsetenv("CREDENTIALS_DIRECTORY");
	scratch_remove(&b.dir);
}

Test(master_key, it_is_made_once_and_for_its_owner_alone)
{
	_cleanup_secret_ struct secret first = SECRET_INIT, second = SECRET_INIT;
	struct bed b;
	bool is_beside_store = false;
	struct stat st;

	bed_init(&b);
	cr_assert_eq(master_key_get(&b.conf, &first, &is_beside_store, NULL), 0);
	cr_expect(is_beside_store);
	cr_assert_eq(first.len, 32);
	snprintf(b.file, sizeof(b.file), "%s/master-key", b.dir);
	cr_assert_eq(stat(b.file, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0400, "%o", st.st_mode);
	cr_expect_eq(st.st_size, 32);
	cr_assert_eq(master_key_get(&b.conf, &second, &is_beside_store, NULL), 0);
	cr_assert_eq(second.len, 32);
	cr_expect_eq(memcmp(first.data, second.data, 32), 0);
	unlink(b.file);
	secret_clear(&second);
	cr_assert_eq(master_key_get(&b.conf, &second, &is_beside_store, NULL), 0);
	cr_expect_neq(memcmp(first.data, second.data, 32), 0, "two keys are alike");
	scratch_remove(&b.dir);
}

Test(master_key, none_is_made_for_a_store_that_has_lost_its_own)
{
	struct bed b;

	bed_init(&b);
	scratch_write(b.dir, "store", "%s", "");
	expect_refusal(&b, ERROR_CONFIG, "there is a store in");
	snprintf(b.file, sizeof(b.file), "%s/master-key", b.dir);
	cr_expect_lt(access(b.file, F_OK), 0);
	b.conf.state_dir = b.file;
	expect_refusal(&b, ERROR_NOT_FOUND, "/master-key'");
	scratch_remove(&b.dir);
}
