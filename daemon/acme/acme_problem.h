/*
 * daemon/acme/acme_problem.h: the meaning of the CA's problems: a table from problem type (RFC 8555 s6.7, RFC 9773
 * s7.4, draft-ietf-acme-profiles) to error code, whether a retry can succeed, and which setting is at fault.
 */
#ifndef DAEMON_ACME_ACME_PROBLEM_H
#define DAEMON_ACME_ACME_PROBLEM_H

#include "common/error.h"

struct json_object;

enum { ACME_PROBLEM_TEXT_MAX = 1000, ACME_PROBLEM_TYPE_MAX = 64, ACME_UNPAUSE_URL_MAX = 700 };

/*
 * acme_problem_of_answer() - an error answer as struct error
 * HTTP status 429, and 503 with Retry-After, are ERROR_RATE_LIMITED whatever the type is. A rate limit without
 * Retry-After may have its time in the text. With a time, error.is_general says whether the limit certainly is of the
 * account or of the whole CA.
 * @problem: the problem document (RFC 7807), parsed; members of other types than expected are ignored. NULL: the answer
 * has none
 * @status: decides when the type is missing or unknown
 * @retry_after_at: Retry-After as UNIX seconds; 0: none
 */
void
acme_problem_of_answer(struct json_object *problem, int status, int64_t retry_after_at, struct error *ret);

/* Is @type (without its URN; NULL: no) one of the table? */
bool
acme_problem_is_known(const char *type);

/*
 * May the refusal of a newOrder be about its "replaces" (RFC 9773 s5)? CAs answer alreadyReplaced, malformed,
 * unauthorized, notFound, a type of their own, or none. Not when the refusal names a setting, the account or a wait.
 */
bool
acme_problem_may_be_of_replaces(const struct error *err);

/*
 * Is the refusal of a newOrder about its profile (draft-ietf-acme-profiles)? CAs answer invalidProfile, or malformed or
 * unauthorized with a text that names the profile.
 */
bool
acme_problem_is_of_profile(const struct error *err);

/* The same, or malformed or unauthorized without another reason? */
bool
acme_problem_may_be_of_profile(const struct error *err);

/*
 * acme_problem_unpause_url() - where a person tells the CA that a name is mended
 * Let's Encrypt pauses a name that could not be validated for months, and refuses its orders with a link to a page that
 * ends the pause. A longer text than ACME_PROBLEM_TEXT_MAX is cut before the link, which is kept.
 * Return: the https URL in the message of such a refusal, owned by the caller; NULL: it is none.
 */
char *
acme_problem_unpause_url(const struct error *err);

/* The "error" member of a challenge or an order: ERROR_VALIDATION ("unauthorized" differs from that of a request). */
void
acme_problem_of_validation(struct json_object *problem, struct error *ret);

#endif
