/* common/alloc.h: allocation that succeeds or ends the process, and release at the end of a scope. */
#ifndef COMMON_ALLOC_H
#define COMMON_ALLOC_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Releases a local when its scope ends: `_cleanup_(buf_clear) struct buf b = BUF_INIT;` */
#define _cleanup_(fn) __attribute__((cleanup(fn)))
/* `_cleanup_free_ char *s = NULL;` */
#define _cleanup_free_ _cleanup_(free_ptr)

/* Defines @name, with which _cleanup_() releases a pointer to a library's @type. */
#define FREEP(type, name, release) \
	static inline void name(type **p) \
	{ \
		release(*p); \
	} \
	_Static_assert(sizeof(type *) == sizeof(void *), "ends with a semicolon")
#define _printf_(fmt, first) __attribute__((format(printf, fmt, first)))
#define _unused_ __attribute__((unused))

/*
 * All of these end the process with a message when memory is exhausted: all state is in the store, and the service
 * manager restarts certd. Bound sizes that come from a peer before calling them.
 * Return: owned by the caller, to be released with free().
 */
void *
xmalloc(size_t size);

void *
xcalloc(size_t count, size_t size);

/* Resizes to @count elements of @size octets; an overflow of the product ends the process. */
void *
xreallocarray(void *old, size_t count, size_t size);

char *
xstrdup(const char *s);

/* xstrdup() that maps NULL to NULL. */
char *
xstrdup_null(const char *s);

/* Copies at most @len octets and appends a NUL. @s: may be NULL if @len is 0. */
char *
xstrndup(const char *s, size_t len);

void *
xmemdup(const void *data, size_t len);

char *
xasprintf(const char *fmt, ...) _printf_(1, 2);

char *
xvasprintf(const char *fmt, va_list ap) _printf_(1, 0);

/* Replaces the string at @where by a copy of @s (NULL allowed), releasing the old one. */
void
str_replace(char **where, const char *s);

/* The same text, or both NULL. */
bool
str_is_same(const char *a, const char *b);

/* For _cleanup_free_: @where points to the local that holds the pointer. */
void
free_ptr(void *where);

#endif
