/* common/name.h: host names and identifiers in canonical form (RFC 5890 A-labels, RFC 8738 addresses). */
#ifndef COMMON_NAME_H
#define COMMON_NAME_H

#include <stdbool.h>

struct error;
struct strlist;

enum name_type { NAME_DNS, NAME_IP };

/*
 * name_canonical() - A-labels, lower case, no trailing dot
 * The name has at least two labels, or is "localhost". `*` is allowed only as the whole first label, followed by at
 * least two labels. With @may_be_ip, IP addresses are accepted and returned as RFC 5952 text.
 * ERROR_INVALID (the caller sets the field): empty, label > 63, name > 253, leading or trailing '-', '_' in a host
 * label (for a first label "_" with the hint "did the shell expand *? Write '*.example.com'"), a number as the last
 * label, in-addr.arpa and ip6.arpa with all names below them, and in U-labels anything else that IDNA 2008 refuses. An
 * A-label (xn--) must be valid punycode.
 * Return: 0 and a new string owned by the caller, or -1.
 */
int
name_canonical(const char *text, bool may_be_ip, char **ret, struct error *err);

enum name_type
name_type_of(const char *canonical);

bool
name_is_wildcard(const char *canonical);

/* The name without a leading "*."; borrowed from @canonical. */
const char *
name_base(const char *canonical);

/*
 * Whether @text could be a DNS name and is safe in messages and program arguments: letters, digits, '-', '_' and '.',
 * at most 253, neither '-' nor '.' first. Names in other zones and local names need not be host names.
 */
bool
name_is_plain(const char *text);

/* The owner name for dns-01: "_acme-challenge." and the name without "*." (RFC 8555 s8.4). Owned by the caller. */
#define NAME_CHALLENGE_LABEL "_acme-challenge"
char *
name_of_challenge(const char *canonical);

/* @name equals @zone or is below it. */
bool
name_in_zone(const char *name, const char *zone);

/*
 * A directory or file name for any kind of name: its letters, digits, '.', '-' and '_' ("*." becomes "_."), at most
 * 200, no '.' or '-' first. Owned by the caller.
 */
char *
name_slug(const char *name);

/*
 * The name list of a certificate: @common_name first, then @sans in order, canonical, without duplicates. Either may be
 * NULL, but at least one name is required. Replaces @ret.
 * @max: maximum number of names (ERROR_LIMIT). On error the field is "commonName" or "subjectAlternativeNames[i]".
 */
int
name_list(const char *common_name, const struct strlist *sans, unsigned max, bool may_be_ip, struct strlist *ret,
	struct error *err);

#endif
