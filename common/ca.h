/*
 * common/ca.h: well-known certificate authorities: aliases of directory URLs, the lifetimes that they announced, and
 * their rate limits.
 */
#ifndef COMMON_CA_H
#define COMMON_CA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

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

/* The directory of the staging environment of the CA with that directory, or NULL: none is known. */
const char *
ca_staging_of(const char *url);

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

/* What a CA counts. The words are those of the setting rateLimits. */
enum ca_limit_kind {
	CA_LIMIT_ORDERS,     /* "orders": new orders of an account */
	CA_LIMIT_DOMAIN,     /* "domain": certificates of a registered domain */
	CA_LIMIT_DUPLICATES, /* "duplicates": certificates for exactly the same names */
	CA_LIMIT_FAILURES,   /* "failures": failed validations of a name by an account */
	CA_LIMIT_COUNT
};

/* A token bucket: holds @count, and refills evenly in @period seconds. @count 0: no limit. */
struct ca_limit {
	int64_t count;
	int64_t period;
};

struct ca_limits {
	struct ca_limit of[CA_LIMIT_COUNT];
	/*
	 * A renewal that names the certificate it replaces (ARI) is exempt from all; one for the same names is exempt
	 * from the limits of orders and registered domains.
	 */
	bool spares_renewals;
};

/* The published limits of the CA with that directory; all zero if it is not well-known, or publishes none. */
void
ca_limits_of(const char *url, struct ca_limits *ret);

/*
 * ca_limits_set() - change one limit
 * @text: "orders=300/3h", or "orders=none"
 * Return: 0, or -1: it is not of that form.
 */
int
ca_limits_set(struct ca_limits *limits, const char *text, struct error *err);

/* "orders", ... */
const char *
ca_limit_name(enum ca_limit_kind kind);

/* For messages: "new orders", ... */
const char *
ca_limit_title(enum ca_limit_kind kind);

/* The alias nearest to @alias, or NULL. */
const char *
ca_nearest(const char *alias);

#endif
