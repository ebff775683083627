/* common/name.h: host names and identifiers in their one canonical form (RFC 5890 A-labels, RFC 8738 addresses). */
#ifndef COMMON_NAME_H
#define COMMON_NAME_H

#include <stdbool.h>

struct error;
struct strlist;

enum name_type { NAME_DNS, NAME_IP };

/*
 * name_canonical() - A-labels, lower case, no trailing dot; `*` only as the whole first label, with two labels behind
 * it; at least two labels, or "localhost".
 * IP addresses come out in RFC 5952 text when @allow_ip.
 * Refused (ERROR_INVALID, field set by the caller): empty, NUL is impossible in text, label > 63, name > 253,
 * leading or trailing '-', '_' in a host label (for a first label "_" with the hint
 * "did the shell expand *? Write '*.example.com'"), a number as the last label, in-addr.arpa and ip6.arpa with all
 * below them, and in U-labels anything else that IDNA 2008 refuses. An A-label (xn--) has to be valid punycode.
 * Return: 0 and a new string owned by the caller, or -1.
 */
int
name_canonical(const char *text, bool allow_ip, char **ret, struct error *err);

enum name_type
name_type_of(const char *canonical);

bool
name_is_wildcard(const char *canonical);

/* The name without a leading "*."; borrowed from @canonical. */
const char *
name_base(const char *canonical);

/*
 * Whether @text could be a name in DNS and is fit for messages and for arguments of programs: letters, digits, '-',
 * '_' and '.', at most 253, neither '-' nor '.' first. Names from foreign zones and local ones need not be host names.
 */
bool
name_is_plain(const char *text);

/* The owner name of dns-01: "_acme-challenge." before the name without "*." (RFC 8555 s8.4). Owned by the caller. */
#define NAME_CHALLENGE_LABEL "_acme-challenge"
char *
name_of_challenge(const char *canonical);

/* @name equals @zone or lies below it. */
bool
name_in_zone(const char *name, const char *zone);

/*
 * Directory or file name for a name of any kind: letters, digits, '.', '-' and '_' of it ("*." becomes "_."), at most
 * 200, no '.' or '-' first. Owned by the caller.
 */
char *
name_slug(const char *name);

/*
 * The name list of a certificate: @common_name first, then @sans in order, duplicates dropped, each canonical.
 * Either may be NULL, but one name must be there. Replaces @ret.
 * @max: most names allowed (ERROR_LIMIT). On error the field is "commonName" or "subjectAlternativeNames[i]".
 */
int
name_list(const char *common_name, const struct strlist *sans, unsigned max, bool allow_ip, struct strlist *ret,
	struct error *err);

#endif
