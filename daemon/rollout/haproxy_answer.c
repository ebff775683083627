/* The answers of HAProxy's runtime API. */
#include "daemon/rollout/haproxy_answer.h"

#include "common/alloc.h"

#include <ctype.h>
#include <string.h>

/* The value behind "@member: "; "": none. Owned by the caller. */
static char *
answer_member(const char *answer, const char *member)
{
	_cleanup_free_ char *key = xasprintf("%s: ", member);
	const char *at = strstr(answer, key);

	at = at ? at + strlen(key) : "";
	return xstrndup(at, strcspn(at, "\r\n"));
}

/* Both are hexadecimal; one has colons and perhaps leading zeros. */
static bool
is_same_serial(const char *a, const char *b)
{
	a += strspn(a, "0:");
	b += strspn(b, "0:");
	for (;; a++, b++) {
		a += strspn(a, ":");
		b += strspn(b, ":");
		if (toupper((unsigned char)*a) != toupper((unsigned char)*b))
			return false;
		if (!*a)
			return true;
	}
}

bool
haproxy_answer_is_known(const char *answer)
{
	return strstr(answer, "Filename: ");
}

bool
haproxy_answer_has_serial(const char *answer, const char *serial)
{
	_cleanup_free_ char *current = answer_member(answer, "Serial");

	return *current && is_same_serial(current, serial);
}

bool
haproxy_answer_is_unused(const char *answer)
{
	_cleanup_free_ char *status = answer_member(answer, "Status");

	return strcmp(status, "Unused") == 0;
}

/* It is marked with '*', before the list of files. */
char *
haproxy_answer_transaction(const char *answer)
{
	const char *end = strstr(answer, "# filename"), *star = strchr(answer, '*');

	if (!star || (end && star > end))
		return NULL;
	star++;
	return xstrndup(star, strcspn(star, "\r\n"));
}

bool
haproxy_answer_is_new(const char *answer)
{
	return strstr(answer, "New empty certificate store");
}

enum haproxy_taken
haproxy_answer_taken(const char *answer, const char *path)
{
	_cleanup_free_ char *about = xasprintf("for certificate %s!", path);

	if (!strstr(answer, "Transaction "))
		return HAPROXY_TAKEN_NOT;
	return strstr(answer, about) ? HAPROXY_TAKEN : HAPROXY_TAKEN_BY_OTHERS;
}

bool
haproxy_answer_is_success(const char *answer)
{
	return strstr(answer, "Success!");
}
