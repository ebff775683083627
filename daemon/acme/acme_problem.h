/*
 * daemon/acme/acme_problem.h: the meaning of the CA's problems: a table from problem type (RFC 8555 s6.7, RFC 9773
 * s7.4, draft-ietf-acme-profiles) to error code, whether a retry can succeed, and which setting is at fault.
 */
#ifndef DAEMON_ACME_ACME_PROBLEM_H
#define DAEMON_ACME_ACME_PROBLEM_H

#include "common/error.h"

struct json_object;

enum { ACME_PROBLEM_TEXT_MAX = 1000, ACME_PROBLEM_TYPE_MAX = 64 };

/* The meaning depends on the source: "unauthorized" on a request differs from that of a validation. */
enum acme_problem_place {
	ACME_PROBLEM_OF_REQUEST,   /* an error answer */
	ACME_PROBLEM_OF_VALIDATION /* the "error" member of a challenge or an order */
};

/*
 * acme_problem_read() - a problem document (RFC 7807) as struct error
 * @problem: the parsed object; members of other types than expected are ignored
 * @status: HTTP status, used when the type is missing or unknown; 0: none
 */
void
acme_problem_read(struct json_object *problem, enum acme_problem_place place, int status, struct error *ret);

/* For an error answer that is not a problem document. */
void
acme_problem_of_status(int status, struct error *ret);

#endif
