/* common/error.h: one error object from the point of failure to the operator's terminal. */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

#include "common/alloc.h"

#include <stdbool.h>
#include <stdint.h>

/* Scripts and certctl's exit status depend on these: a change needs a NEWS line. */
enum error_code {
	ERROR_NONE = 0,
	ERROR_INTERNAL,     /* a defect of certd */
	ERROR_USAGE,        /* command line */
	ERROR_CONFIG,       /* certd.conf */
	ERROR_INVALID,      /* a value was refused; @field names it */
	ERROR_NOT_FOUND,    /* no such object */
	ERROR_EXISTS,       /* the name is taken */
	ERROR_IN_USE,       /* another object still needs it */
	ERROR_DENIED,       /* the caller's role is too low, or the system refused access */
	ERROR_LIMIT,        /* a configured limit */
	ERROR_STATE,        /* not possible in the object's current state */
	ERROR_UNAVAILABLE,  /* certd is not running or not ready */
	ERROR_IO,           /* a file or the store */
	ERROR_NO_SPACE,     /* disk or quota full */
	ERROR_CORRUPT,      /* stored data does not verify */
	ERROR_NETWORK,      /* the peer is unreachable */
	ERROR_TIMEOUT,      /* no answer in time */
	ERROR_TLS,          /* the peer's certificate or handshake */
	ERROR_DNS,          /* name resolution or DNS update */
	ERROR_PROTOCOL,     /* the peer violated its protocol */
	ERROR_CA,           /* the CA refused; @problem says why */
	ERROR_RATE_LIMITED, /* the CA or API demands a delay; @retry_at */
	ERROR_VALIDATION,   /* the CA could not validate a name */
	ERROR_HOOK,         /* a program that certd ran failed */
	ERROR_CANCELLED,    /* cancelled on request or at shutdown */
	ERROR_CODE_COUNT
};

struct error {
	enum error_code code;
	bool may_retry;   /* the same request may succeed later */
	int64_t retry_at; /* UNIX seconds, not before (from Retry-After); 0: no advice */
	bool is_general;  /* @retry_at is meant for every request to that server, not only for this one */
	char *field;      /* owned; the parameter or option at fault, e.g. "commonName"; or NULL */
	char *problem;    /* owned; ACME problem type without its URN prefix (RFC 8555 s6.7); or NULL */
	char *message;    /* owned; one printable line for people; NULL when code is ERROR_NONE */
};

#define ERROR_INIT \
	{ \
		.code = ERROR_NONE \
	}
#define _cleanup_error_ _cleanup_(error_clear)

/* All of these accept err == NULL, otherwise fill it (replacing its content), and return -1. */
int
error_set(struct error *err, enum error_code code, const char *fmt, ...) _printf_(3, 4);

/* error_set() with ": " and strerror(@errnum) appended, and ENOSPC, EDQUOT, EACCES, EPERM mapped to their codes. */
int
error_set_errno(struct error *err, int errnum, const char *fmt, ...) _printf_(3, 4);

/* ERROR_INVALID that names the parameter at fault; @field is copied. */
int
error_set_field(struct error *err, const char *field, const char *fmt, ...) _printf_(3, 4);

/* Puts "<fmt>: " before the message, unless it begins so; each layer that knows more adds one. */
int
error_wrap(struct error *err, const char *fmt, ...) _printf_(2, 3);

/* @message without "@subject: " before it, for places that name the subject anyway. Borrowed from @message. */
const char *
error_text_below(const char *message, const char *subject);

/* Replaces only the message; copied. */
void
error_reword(struct error *err, const char *message);

/* Releases what @err holds and makes it ERROR_NONE again. */
void
error_clear(struct error *err);

void
error_copy(struct error *dst, const struct error *src);

/* Moves @src into @dst (released first); @src is ERROR_NONE afterwards. */
void
error_move(struct error *dst, struct error *src);

bool
error_is_set(const struct error *err);

/* Lower-case word for scripts and JSON, e.g. "not-found". Never NULL. */
const char *
error_code_name(enum error_code code);

/* One line for the manual: "object not found". */
const char *
error_code_meaning(enum error_code code);

/* Inverse of error_code_name(); unknown words are ERROR_INTERNAL. */
enum error_code
error_code_from_name(const char *name);

/* certctl's exit status for the code, listed in certctl(1): 0 for ERROR_NONE, else 1..125. */
int
error_exit_status(enum error_code code);

#ifdef __clang_analyzer__ /* it sees one file at a time, and not that these return -1 */
#define error_set(...) (error_set(__VA_ARGS__), -1)
#define error_set_errno(...) (error_set_errno(__VA_ARGS__), -1)
#define error_set_field(...) (error_set_field(__VA_ARGS__), -1)
#define error_wrap(...) (error_wrap(__VA_ARGS__), -1)
#endif

#endif
