#include "common/crypto/secret.h"
#include "common/error.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

Test(secret, the_process_has_no_core_no_dump_and_a_secure_heap_however_often_it_is_asked)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_secret_ struct secret s = SECRET_INIT;
	struct rlimit core;

	cr_expect_geq(secret_process_init(false, &err), 0, "%s", err.message);
	cr_expect_eq(secret_process_init(false, &err), 0, "%s", err.message);
	cr_expect_eq(prctl(PR_GET_DUMPABLE), 0);
	cr_expect_eq(getrlimit(RLIMIT_CORE, &core), 0);
	cr_expect_eq(core.rlim_max, 0);
	secret_set(&s, "x", 1);
	cr_expect(CRYPTO_secure_allocated(s.data));
}

Test(secret, a_released_secret_is_gone_from_memory)
{
	_cleanup_secret_ struct secret s = SECRET_INIT;
	const unsigned char *old;

	cr_assert_geq(secret_process_init(true, NULL), 0);
	secret_set(&s, "sixteen octets!!sixteen octets!!sixteen octets!!sixteen octets!!", 64);
	old = s.data;
	secret_clear(&s);
	cr_expect_null(s.data);
	cr_expect_eq(s.len, 0);
	/* The arena is still mapped; its first octets now hold the list of free blocks. */
	cr_expect_null(memmem(old, 64, "octets!!", 8));
}

Test(secret, there_is_room_for_others_until_a_quarter_is_used)
{
	_cleanup_secret_ struct secret s = SECRET_INIT;

	cr_assert_geq(secret_process_init(true, NULL), 0);
	cr_expect(secret_has_room());
	secret_alloc(&s, 300 * 1024);
	cr_expect_not(secret_has_room());
	secret_clear(&s);
	cr_expect(secret_has_room());
}

/* Takes all that is left of the secure heap. Return: how many blocks, in @blocks. */
static size_t
fill_heap(void *blocks[], size_t max)
{
	size_t n = 0;

	for (size_t size = 64 * 1024; size >= 64; size /= 2)
		while (n < max && (blocks[n] = OPENSSL_secure_malloc(size)))
			n++;
	return n;
}

/* Return: whether the flags of the mapping at @at have @flag: "dd" is not in a core dump, "lo" is locked. */
static bool
has_flag(const void *at, const char *flag)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	bool is_it = false, found = false;
	char line[512];

	while (fgets(line, sizeof(line), maps)) {
		char *end = NULL;
		unsigned long from = strtoul(line, &end, 16);

		if (*end == '-')
			is_it = (uintptr_t)at >= from && (uintptr_t)at < strtoul(end + 1, NULL, 16);
		else if (is_it && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, flag) != NULL;
	}
	fclose(maps);
	return found;
}

Test(secret, a_full_heap_is_no_end_a_secret_gets_pages_of_its_own)
{
	static void *blocks[4096];
	_cleanup_secret_ struct secret large = SECRET_INIT;
	_cleanup_secret_ struct secret copy = SECRET_INIT;
	unsigned char in_core;
	const unsigned char *at;
	size_t n;

	cr_assert_geq(secret_process_init(true, NULL), 0);
	n = fill_heap(blocks, ARRAY_SIZE(blocks));
	cr_assert_null(OPENSSL_secure_malloc(64));
	for (size_t len = 1; len < 20000; len = len * 3 + 1) {
		secret_alloc(&large, len);
		cr_assert_eq(large.len, len);
		for (size_t i = 0; i < len; i++)
			cr_assert_eq(large.data[i], 0);
		memset(large.data, 'x', len);
		secret_copy(&copy, &large);
		cr_expect(secret_equal(&copy, &large));
	}
	cr_expect(has_flag(large.data, " dd"), "it would be in a core dump");
#ifndef __SANITIZE_ADDRESS__ /* which makes mlock(2) do nothing */
	cr_expect(has_flag(large.data, " lo") || geteuid() != 0, "it is not locked");
#endif
	at = large.data;
	secret_clear(&large);
	cr_expect_eq(mincore((void *)(uintptr_t)at, 1, &in_core), -1, "the pages are still there");
	cr_expect_not(secret_has_room());
	while (n)
		OPENSSL_secure_free(blocks[--n]);
	secret_set(&large, "x", 1);
	cr_expect(CRYPTO_secure_allocated(large.data), "the heap is used again");
}

Test(secret, half_of_the_heap_is_left_to_openssl)
{
	struct secret secrets[300] = { SECRET_INIT };

	cr_assert_geq(secret_process_init(true, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		secret_alloc(&secrets[i], 8192);
	cr_expect_leq(CRYPTO_secure_used(), 512 * 1024);
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		secret_clear(&secrets[i]);
	cr_expect(secret_has_room());
}

Test(secret, values_are_copied_moved_and_compared)
{
	_cleanup_secret_ struct secret a = SECRET_INIT;
	_cleanup_secret_ struct secret b = SECRET_INIT;

	cr_expect(secret_equal(&a, &b));
	secret_set(&a, "abc", 3);
	secret_copy(&b, &a);
	cr_expect(secret_equal(&a, &b));
	cr_expect_neq(a.data, b.data);
	b.data[2] = 'd';
	cr_expect_not(secret_equal(&a, &b));
	secret_set(&b, "ab", 2);
	cr_expect_not(secret_equal(&a, &b));
	secret_move(&a, &b);
	cr_expect_eq(a.len, 2);
	cr_expect_null(b.data);
	secret_set(&a, a.data + 1, 1); /* from inside itself */
	cr_expect_eq(a.data[0], 'b');
}

Test(secret, random_octets_differ)
{
	_cleanup_secret_ struct secret a = SECRET_INIT;
	_cleanup_secret_ struct secret b = SECRET_INIT;

	cr_expect_eq(secret_random(&a, 32, NULL), 0);
	cr_expect_eq(secret_random(&b, 32, NULL), 0);
	cr_expect_eq(a.len, 32);
	cr_expect_not(secret_equal(&a, &b));
}

static char dir[] = "/tmp/certd-test-secret-XXXXXX"; /* each test is a process of its own */
static char path[sizeof(dir) + 8];

static void
make_dir(void)
{
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
}

static void
remove_dir(void)
{
	unlink(path);
	rmdir(dir);
}

static void
write_file(const char *text, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, len), (ssize_t)len);
	cr_assert_eq(fchmod(fd, mode), 0);
	close(fd);
}

TestSuite(secret_file, .init = make_dir, .fini = remove_dir);

Test(secret_file, is_read_whole_or_without_the_newline_that_editors_add)
{
	_cleanup_secret_ struct secret s = SECRET_INIT;

	write_file("pass word \r\n\n", 13, 0640);
	cr_expect_eq(secret_read_file(&s, path, 13, false, NULL), 0);
	cr_expect_eq(s.len, 13);
	cr_expect_eq(secret_read_file(&s, path, 13, true, NULL), 0);
	cr_expect_eq(s.len, 9);
	write_file("\0\0", 2, 0600);
	cr_expect_eq(secret_read_file(&s, path, 13, true, NULL), 0);
	cr_expect_eq(s.len, 2, "NUL is no white space");
}

Test(secret_file, of_an_editor_on_windows_is_text_without_its_mark)
{
	static const struct {
		const char *octets;
		size_t len, want; /* @want: octets that are left; 0: refused */
	} cases[] = {
		{ "\xef\xbb\xbfgeheim\r\n", 11, 6 },
		{ "geheim\r\n", 8, 6 },
		{ "\xef\xbb\xbf\r\n", 5, 0 },
		{ "\xff\xfeg\0e\0", 6, 0 },
		{ "\xfe\xff\0g\0e", 6, 0 },
		{ "ge\xef\xbb\xbfheim", 9, 9 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_secret_ struct secret s = SECRET_INIT;

		write_file(cases[i].octets, cases[i].len, 0600);
		cr_expect_eq(secret_read_file(&s, path, 20, true, NULL), cases[i].want ? 0 : -1, "%zu", i);
		cr_expect_eq(s.len, cases[i].want, "%zu", i);
	}
}

Test(secret_file, that_others_may_touch_is_refused_with_the_command_that_helps)
{
	static const mode_t modes[] = { 0604, 0602, 0601, 0666 };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		_cleanup_secret_ struct secret s = SECRET_INIT;
		_cleanup_error_ struct error err = ERROR_INIT;

		write_file("x", 1, modes[i]);
		cr_expect_eq(secret_read_file(&s, path, 9, false, &err), -1);
		cr_expect_eq(err.code, ERROR_DENIED);
		cr_expect_not_null(strstr(err.message, "chmod 06"), "%s", err.message);
		cr_expect_null(s.data);
	}
}

Test(secret_file, of_somebody_else_is_refused)
{
	_cleanup_secret_ struct secret s = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	write_file("x", 1, 0600);
	if (chown(path, 12345, (gid_t)-1) < 0)
		cr_skip_test("only root can give a file away");
	cr_expect_eq(secret_read_file(&s, path, 9, false, &err), -1);
	cr_expect_eq(err.code, ERROR_DENIED);
	cr_expect_not_null(strstr(err.message, "uid 12345"), "%s", err.message);
}

Test(secret_file, that_is_too_large_empty_absent_or_no_file_is_refused)
{
	_cleanup_secret_ struct secret s = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_expect_eq(secret_read_file(&s, path, 9, false, &err), -1);
	cr_expect_eq(err.code, ERROR_NOT_FOUND);
	write_file("0123456789", 10, 0600);
	cr_expect_eq(secret_read_file(&s, path, 9, false, &err), -1);
	cr_expect_eq(err.code, ERROR_LIMIT);
	write_file(" \n", 2, 0600);
	cr_expect_eq(secret_read_file(&s, path, 9, true, &err), -1);
	cr_expect_eq(err.code, ERROR_INVALID);
	cr_expect_eq(unlink(path), 0);
	cr_expect_eq(mkfifo(path, 0600), 0);
	cr_expect_eq(secret_read_file(&s, path, 9, false, &err), -1, "and does not wait for a writer");
	cr_expect_eq(err.code, ERROR_DENIED);
}

Test(secret_file, of_root_is_read_by_certds_user)
{
	_cleanup_secret_ struct secret s = SECRET_INIT;
	_cleanup_error_ struct error err = ERROR_INIT;
	char shared[] = "/tmp/certd-secret-XXXXXX";
	int fd = mkstemp(shared);

	if (geteuid() != 0)
		cr_skip_test("needs root");
	cr_assert_eq(write(fd, "secret", 6), 6);
	cr_assert_eq(fchown(fd, 0, 65534), 0);
	cr_assert_eq(fchmod(fd, 0640), 0);
	close(fd);
	cr_assert_eq(setegid(65534), 0);
	cr_assert_eq(seteuid(65534), 0);
	cr_expect_eq(secret_read_file(&s, shared, 9, false, &err), 0, "%s", err.message);
	cr_expect_eq(s.len, 6);
	cr_assert_eq(seteuid(0), 0);
	unlink(shared);
}
