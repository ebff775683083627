#include "common/crypto/sealed_stream.h"

#include "common/error.h"

#include <criterion/criterion.h>
#include <string.h>

enum { CHUNKS = 3, LEN = 100, SEALED_LEN = LEN + SEALED_CHUNK_TAG };

static unsigned char head[SEALED_STREAM_HEAD], chunks[CHUNKS][SEALED_LEN], plain[LEN] = "a text";
static struct secret passphrase;

static void
setup(void)
{
	struct sealed_stream *s;

	secret_set(&passphrase, "correct horse", 13);
	s = sealed_stream_write(&passphrase, head, NULL);
	cr_assert_not_null(s);
	for (int i = 0; i < CHUNKS; i++)
		cr_assert_eq(sealed_stream_seal(s, plain, LEN, i == CHUNKS - 1, chunks[i], NULL), 0);
	sealed_stream_free(s);
}

static void
teardown(void)
{
	secret_clear(&passphrase);
}

TestSuite(sealed_stream, .init = setup, .fini = teardown);

/* Opens the @count chunks with these numbers, the last one of them as the last. Return: how many opened. */
static int
opened(const int *which, int count)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	struct sealed_stream *s = sealed_stream_read(&passphrase, head, &err);
	unsigned char text[LEN];
	int n = 0;

	cr_assert_not_null(s, "%s", err.message);
	while (n < count && sealed_stream_open(s, chunks[which[n]], SEALED_LEN, n == count - 1, text, &err) == 0) {
		cr_expect_arr_eq(text, plain, LEN);
		n++;
	}
	cr_expect(n == count || strcmp(err.field, "passphrase") == 0);
	sealed_stream_free(s);
	return n;
}

Test(sealed_stream, chunks_open_in_their_order_and_all_of_them_alone)
{
	cr_expect_eq(opened((int[]){ 0, 1, 2 }, 3), 3);
	cr_expect_eq(opened((int[]){ 1, 0, 2 }, 3), 0);
	cr_expect_eq(opened((int[]){ 0, 0, 2 }, 3), 1);
	cr_expect_eq(opened((int[]){ 0, 2 }, 2), 1, "one is left out");
	cr_expect_eq(opened((int[]){ 0, 1 }, 2), 1, "cut off");
	cr_expect_neq(memcmp(chunks[0], chunks[1], SEALED_LEN), 0, "equal texts differ when sealed");
}

Test(sealed_stream, another_passphrase_head_or_version_opens_nothing)
{
	_cleanup_error_ struct error err = ERROR_INIT;

	head[SEALED_STREAM_HEAD - 1] ^= 1;
	cr_expect_eq(opened((int[]){ 0 }, 1), 0);
	head[SEALED_STREAM_HEAD - 1] ^= 1;
	head[13] = '2';
	cr_expect_null(sealed_stream_read(&passphrase, head, &err));
	cr_expect_eq(err.code, ERROR_INVALID);
	head[13] = '1';
	secret_set(&passphrase, "correct horsf", 13);
	cr_expect_eq(opened((int[]){ 0, 1, 2 }, 3), 0);
	secret_set(&passphrase, "short", 5);
	error_clear(&err);
	cr_expect_null(sealed_stream_read(&passphrase, head, &err));
	cr_expect_str_eq(err.field, "passphrase");
}
