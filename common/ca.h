/* common/ca.h: well-known certificate authorities: aliases of directory URLs, and the lifetimes that they announced. */
#ifndef COMMON_CA_H
#define COMMON_CA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ca {
	const char *alias; /* "letsencrypt" */
	const char *url;   /* ACME directory */
	bool needs_eab;    /* requires an external account binding (RFC 8555 s7.3.4) */
	const char *help;  /* name, and where to get the binding */
};

/* @index from 0; NULL after the last. */
const struct ca *
ca_at(size_t index);

/* By alias; NULL if unknown. */
const struct ca *
ca_find(const char *alias);

/* A date from which a CA issues for a shorter time. */
struct ca_lifetime {
	int64_t from_at;  /* UNIX time */
	int64_t lifetime; /* seconds, at most */
};

/*
 * ca_lifetime_next() - the next announcement that concerns a directory, in order of time
 * @url: of an ACME directory; one that is not well-known has announced nothing
 * @profile: of the order; NULL: the CA's default
 * @from_at: announcements of this time or later
 * Return: false: there is none
 */
bool
ca_lifetime_next(const char *url, const char *profile, int64_t from_at, struct ca_lifetime *ret);

/* The alias nearest to @alias, or NULL. */
const char *
ca_nearest(const char *alias);

#endif
