/* common/ca.h: well-known certificate authorities: aliases of directory URLs. */
#ifndef COMMON_CA_H
#define COMMON_CA_H

#include <stdbool.h>
#include <stddef.h>

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

/* The alias nearest to @alias, or NULL. */
const char *
ca_nearest(const char *alias);

#endif
