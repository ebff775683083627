/*
 * The error object. The lowest layer says what failed and on what, each layer that knows more adds one error_wrap(),
 * the top prints one line. Expected outcomes are return values, never errors.
 */
#include "common/error.h"

#include "common/printable.h"

#undef error_set
#undef error_set_errno
#undef error_set_field
#undef error_wrap

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* One row per code: the word for scripts, certctl's exit status (grouped by what the caller can do), what it means. */
static const struct {
	const char *name;
	int exit_status;
	const char *meaning;
} codes[] = {
	[ERROR_NONE] = { "none", 0, "success" },
	[ERROR_INTERNAL] = { "internal", 70, "certd or certctl has a defect" },
	[ERROR_USAGE] = { "usage", 64, "the command line is not valid" },
	[ERROR_CONFIG] = { "config", 78, "certd.conf or a setting of the system is not valid" },
	[ERROR_INVALID] = { "invalid", 65, "a value was refused" },
	[ERROR_NOT_FOUND] = { "not-found", 66, "object not found" },
	[ERROR_EXISTS] = { "exists", 73, "another object has the name" },
	[ERROR_IN_USE] = { "in-use", 73, "another object needs the object" },
	[ERROR_DENIED] = { "denied", 77, "the role of the caller is too low, or the system refused access" },
	[ERROR_LIMIT] = { "limit", 72, "a limit is reached" },
	[ERROR_STATE] = { "state", 71, "not possible in the present state" },
	[ERROR_UNAVAILABLE] = { "unavailable", 69, "certd is not running or not ready" },
	[ERROR_IO] = { "io", 74, "a file could not be read or written" },
	[ERROR_NO_SPACE] = { "no-space", 74, "the disk or quota is full" },
	[ERROR_CORRUPT] = { "corrupt", 74, "stored data is damaged" },
	[ERROR_NETWORK] = { "network", 68, "a server cannot be reached" },
	[ERROR_TIMEOUT] = { "timeout", 68, "there was no answer in time" },
	[ERROR_TLS] = { "tls", 68, "a server's certificate or TLS handshake failed" },
	[ERROR_DNS] = { "dns", 68, "a DNS query or update failed" },
	[ERROR_PROTOCOL] = { "protocol", 76, "a server violated its protocol" },
	[ERROR_CA] = { "ca", 2, "the CA refused the request" },
	[ERROR_RATE_LIMITED] = { "rate-limited", 75, "the CA or an API demands a delay" },
	[ERROR_VALIDATION] = { "validation", 2, "the CA could not validate a name" },
	[ERROR_HOOK] = { "hook", 3, "a program that certd ran failed" },
	[ERROR_CANCELLED] = { "cancelled", 4, "cancelled on request or at shutdown" },
};
_Static_assert(ARRAY_SIZE(codes) == ERROR_CODE_COUNT, "one row per error code");

static void
error_take(struct error *err, enum error_code code, char *message)
{
	error_clear(err);
	err->code = code;
	err->message = message;
	printable_make_line(&err->message);
}

int
error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	error_take(err, code, xvasprintf(fmt, ap));
	va_end(ap);
	return -1;
}

static enum error_code
code_of_errno(int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
		return ERROR_NO_SPACE;
	case EACCES:
	case EPERM:
		return ERROR_DENIED;
	case ENOENT:
		return ERROR_NOT_FOUND;
	case ETIMEDOUT:
		return ERROR_TIMEOUT;
	case ECONNREFUSED:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ECONNRESET:
		return ERROR_NETWORK;
	default:
		return ERROR_IO;
	}
}

int
error_set_errno(struct error *err, int errnum, const char *fmt, ...)
{
	_cleanup_free_ char *what = NULL;
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	error_take(err, code_of_errno(errnum), xasprintf("%s: %s", what, strerror(errnum)));
	return -1;
}

int
error_set_field(struct error *err, const char *field, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	error_take(err, ERROR_INVALID, xvasprintf(fmt, ap));
	va_end(ap);
	err->field = xstrdup_null(field);
	return -1;
}

int
error_wrap(struct error *err, const char *fmt, ...)
{
	_cleanup_free_ char *what = NULL;
	_cleanup_free_ char *old = NULL;
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	what = xvasprintf(fmt, ap);
	va_end(ap);
	if (err->message && error_text_below(err->message, what) != err->message)
		return -1;
	old = err->message;
	err->message = xasprintf("%s: %s", what, old ? old : "unknown error");
	printable_make_line(&err->message);
	return -1;
}

const char *
error_text_below(const char *message, const char *subject)
{
	size_t len = strlen(subject);

	if (!len || strncmp(message, subject, len) != 0 || strncmp(message + len, ": ", 2) != 0)
		return message;
	return message + len + 2;
}

void
error_reword(struct error *err, const char *message)
{
	str_replace(&err->message, message);
	printable_make_line(&err->message);
}

void
error_clear(struct error *err)
{
	free(err->field);
	free(err->problem);
	free(err->message);
	*err = (struct error)ERROR_INIT;
}

void
error_copy(struct error *dst, const struct error *src)
{
	struct error copy = *src;

	copy.field = xstrdup_null(src->field);
	copy.problem = xstrdup_null(src->problem);
	copy.message = xstrdup_null(src->message);
	error_clear(dst);
	*dst = copy;
}

void
error_move(struct error *dst, struct error *src)
{
	struct error moved = *src;

	*src = (struct error)ERROR_INIT;
	error_clear(dst);
	*dst = moved;
}

bool
error_is_set(const struct error *err)
{
	return err->code != ERROR_NONE;
}

const char *
error_code_name(enum error_code code)
{
	return (unsigned)code < ARRAY_SIZE(codes) ? codes[code].name : "internal";
}

enum error_code
error_code_from_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (strcmp(codes[i].name, name) == 0)
			return (enum error_code)i;
	return ERROR_INTERNAL;
}

const char *
error_code_meaning(enum error_code code)
{
	return (unsigned)code < ARRAY_SIZE(codes) ? codes[code].meaning : "";
}

int
error_exit_status(enum error_code code)
{
	return (unsigned)code < ARRAY_SIZE(codes) ? codes[code].exit_status : 70;
}
