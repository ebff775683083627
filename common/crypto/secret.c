/*
 * Secrets are in OpenSSL's secure heap: locked, excluded from core dumps, between guard pages. Half of it is left to
 * OpenSSL, whose operations with keys fail without it; secrets that do not fit into the other half get separate pages
 * with the same properties. So an exhausted heap makes an operation fail, which is retried, and never ends the process.
 *
 * OpenSSL itself leaves decoded private keys in ordinary memory and frees it without clearing (its DER decoders do), so
 * it also gets a free() that cleanses first.
 */
#include "common/crypto/secret.h"

#include "common/crypto/ossl.h"
#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECURE_HEAP_OCTETS = 1024 * 1024, SECURE_HEAP_SMALLEST = 64 };

static void *
ossl_malloc(size_t size, _unused_ const char *file, _unused_ int line)
{
	return malloc(size);
}

static void
ossl_free(void *p, _unused_ const char *file, _unused_ int line)
{
	if (!p)
		return;
	explicit_bzero(p,
		malloc_usable_size(p)); /* every free of OpenSSL passes here: OPENSSL_cleanse() works octet by octet */
	free(p);
}

/* Never realloc(): it may move the octets and leave the old ones in memory. */
static void *
ossl_realloc(void *old, size_t size, const char *file, int line)
{
	size_t old_size = old ? malloc_usable_size(old) : 0;
	void *p = malloc(size);

	if (!p)
		return NULL;
	if (old)
		memcpy(p, old, old_size < size ? old_size : size);
	ossl_free(old, file, line);
	return p;
}

/*
 * A process that ends need not release its memory. But leak checkers do not search the secure heap, where OpenSSL keeps
 * pointers to its random generators.
 */
#ifdef __SANITIZE_ADDRESS__
#define AT_EXIT 0
#else
#define AT_EXIT OPENSSL_INIT_NO_ATEXIT
#endif

int
secret_process_init(bool may_debug, struct error *err)
{
	struct rlimit no_core = { .rlim_cur = 0, .rlim_max = 0 };
	int heap;

	if (setrlimit(RLIMIT_CORE, &no_core) < 0)
		return error_set_errno(err, errno, "cannot set the core file limit to 0");
	if (!may_debug && prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_set_errno(err, errno, "cannot make the process non-dumpable");
	if (CRYPTO_secure_malloc_initialized())
		return 0;
	/* Fails once OpenSSL has allocated; programs call this first. */
	CRYPTO_set_mem_functions(ossl_malloc, ossl_realloc, ossl_free);
	OPENSSL_init_crypto(AT_EXIT, NULL);
	heap = CRYPTO_secure_malloc_init(SECURE_HEAP_OCTETS, SECURE_HEAP_SMALLEST);
	if (heap == 0)
		return ossl_error(err, ERROR_INTERNAL, "cannot set up the memory for secrets");
	return heap == 1 ? 0 : 1;
}

/* --- separate pages: a guard page, the secret, a guard page --- */

static size_t
page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t
pages_size(size_t len)
{
	return (len + page_size() - 1) & ~(page_size() - 1);
}

/*
 * Return: zeroed; NULL: out of memory. Locked memory is limited (LimitMEMLOCK=); unlocked memory is better than none.
 */
static unsigned char *
pages_alloc(size_t len)
{
	size_t size = pages_size(len);
	unsigned char *all = mmap(
		NULL, size + 2 * page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	unsigned char *data = all + page_size();

	if (all == MAP_FAILED)
		return NULL;
	if (mprotect(data, size, PROT_READ | PROT_WRITE) < 0) {
		munmap(all, size + 2 * page_size());
		return NULL;
	}
	mlock(data, size);
	madvise(data, size, MADV_DONTDUMP);
	return data;
}

static void
pages_free(unsigned char *data, size_t len)
{
	explicit_bzero(data, len);
	munmap(data - page_size(), pages_size(len) + 2 * page_size());
}

/* What the heap or malloc() gave has a header before it, or is not at the beginning of a page. */
static bool
has_own_pages(const unsigned char *data)
{
	return CRYPTO_secure_malloc_initialized() && (uintptr_t)data % page_size() == 0 &&
	       !CRYPTO_secure_allocated(data);
}

void
secret_clear(struct secret *s)
{
	unsigned char *data = s->data;

	if (data && has_own_pages(data))
		pages_free(data, s->len);
	else
		OPENSSL_secure_clear_free(data, s->len);
	*s = (struct secret)SECRET_INIT;
}

void
secret_alloc(struct secret *s, size_t len)
{
	secret_clear(s);
	if (len == 0)
		return;
	if (!CRYPTO_secure_malloc_initialized() || CRYPTO_secure_used() + len <= SECURE_HEAP_OCTETS / 2)
		s->data = OPENSSL_secure_zalloc(len);
	if (!s->data)
		s->data = pages_alloc(len);
	if (!s->data) {
		fputs("certd: out of memory; stopping\n", stderr);
		abort();
	}
	s->len = len;
}

bool
secret_has_room(void)
{
	return CRYPTO_secure_used() <= SECURE_HEAP_OCTETS / 4;
}

void
secret_set(struct secret *s, const void *data, size_t len)
{
	struct secret copy = SECRET_INIT;

	secret_alloc(&copy, len);
	if (len)
		memcpy(copy.data, data, len);
	secret_move(s, &copy);
}

void
secret_copy(struct secret *dst, const struct secret *src)
{
	secret_set(dst, src->data, src->len);
}

void
secret_move(struct secret *dst, struct secret *src)
{
	struct secret moved = *src;

	*src = (struct secret)SECRET_INIT;
	secret_clear(dst);
	*dst = moved;
}

bool
secret_equal(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && (a->len == 0 || CRYPTO_memcmp(a->data, b->data, a->len) == 0);
}

int
secret_random(struct secret *s, size_t len, struct error *err)
{
	_cleanup_secret_ struct secret fresh = SECRET_INIT;

	secret_alloc(&fresh, len);
	if (len && RAND_priv_bytes(fresh.data, (int)len) != 1)
		return ossl_error(err, ERROR_INTERNAL, "cannot get random data");
	secret_move(s, &fresh);
	return 0;
}

static int
check_file(int fd, const char *path, size_t max, size_t *ret_size, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set_errno(err, errno, "cannot read the status of '%s'", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_DENIED, "'%s' is not a regular file", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return error_set(err, ERROR_DENIED, "'%s' belongs to uid %u; it must belong to root or uid %u", path,
			(unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & 007) != 0)
		return error_set(err, ERROR_DENIED, "'%s' is accessible to all users; run as its owner: chmod 0%o '%s'",
			path, (unsigned)(st.st_mode & 0770), path);
	if ((uintmax_t)st.st_size > max)
		return error_set(err, ERROR_LIMIT, "'%s' is larger than %zu octets", path, max);
	*ret_size = (size_t)st.st_size;
	return 0;
}

/* Return: octets read, at most @size, or -1. */
static ssize_t
read_full(int fd, unsigned char *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, data + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* Drops a byte order mark and trailing white space. Return: -1: not text with one octet per character. */
static int
secret_strip(const unsigned char **text, ssize_t *len)
{
	if (*len >= 2 && (memcmp(*text, "\xff\xfe", 2) == 0 || memcmp(*text, "\xfe\xff", 2) == 0))
		return -1;
	if (*len >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
		*text += 3;
		*len -= 3;
	}
	while (*len > 0 && (*text)[*len - 1] != '\0' && strchr(" \t\r\n", (*text)[*len - 1]))
		--*len;
	return 0;
}

static int
read_checked(int fd, struct secret *s, const char *path, size_t max, bool is_text, struct error *err)
{
	_cleanup_secret_ struct secret all = SECRET_INIT;
	const unsigned char *text;
	size_t size = 0;
	ssize_t n;

	if (check_file(fd, path, max, &size, err) < 0)
		return -1;
	secret_alloc(&all, size);
	n = read_full(fd, all.data, size);
	if (n < 0)
		return error_set_errno(err, errno, "cannot read '%s'", path);
	text = all.data;
	if (is_text && secret_strip(&text, &n) < 0)
		return error_set(err, ERROR_INVALID, "'%s' is UTF-16 text; save it as UTF-8", path);
	if (n == 0)
		return error_set(err, ERROR_INVALID, "'%s' is empty", path);
	secret_set(s, text, (size_t)n);
	return 0;
}

int
secret_read_file(struct secret *s, const char *path, size_t max, bool is_text, struct error *err)
{
	/* O_NONBLOCK: opening a FIFO must not block before its type is checked. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int rc;

	if (fd < 0)
		return error_set_errno(err, errno, "cannot open '%s'", path);
	rc = read_checked(fd, s, path, max, is_text, err);
	close(fd);
	return rc;
}
