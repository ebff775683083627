/* common/ca.h: well-known certificate authorities: what may be written instead of a directory URL. */
#ifndef COMMON_CA_H
#define COMMON_CA_H

#include <stdbool.h>
#include <stddef.h>

struct ca {
	const char *alias; /* "letsencrypt" */
	const char *url;   /* ACME directory */
	bool needs_eab;    /* an external account binding (RFC 8555 s7.3.4) */
	const char *help;  /* name, and where the binding comes from */
};

/* @index from 0; NULL behind the last. */
const struct ca *
ca_at(size_t index);

/* By alias; NULL if unknown. */
const struct ca *
ca_find(const char *alias);

/* The alias nearest to @alias, or NULL. */
const char *
ca_nearest(const char *alias);

#endif
