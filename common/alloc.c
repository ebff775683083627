/*
 * Memory. All state is in the store, so running on without memory gains nothing: allocation either succeeds or ends the
 * process, and callers need no failure path.
 */
#include "common/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
die_without_memory(void)
{
	fputs("certd: out of memory; stopping\n", stderr);
	abort();
}

void *
xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		die_without_memory();
	return p;
}

void *
xcalloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (!p)
		die_without_memory();
	return p;
}

void *
xreallocarray(void *old, size_t count, size_t size)
{
	void *p = reallocarray(old, count ? count : 1, size ? size : 1);

	if (!p)
		die_without_memory();
	return p;
}

char *
xstrdup(const char *s)
{
	return xmemdup(s, strlen(s) + 1);
}

char *
xstrdup_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

char *
xstrndup(const char *s, size_t len)
{
	char *p = strndup(len ? s : "", len);

	if (!p)
		die_without_memory();
	return p;
}

void *
xmemdup(const void *data, size_t len)
{
	void *p = xmalloc(len);

	if (len)
		memcpy(p, data, len);
	return p;
}

char *
xvasprintf(const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		die_without_memory();
	return s;
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

void
str_replace(char **where, const char *s)
{
	char *copy = xstrdup_null(s);

	free(*where);
	*where = copy;
}

bool
str_is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

void
free_ptr(void *where)
{
	free(*(void **)where);
}
