/* daemon/store/certificate.h: what a certificate says of itself, in the stored struct, and what follows from it. */
#ifndef DAEMON_STORE_CERTIFICATE_H
#define DAEMON_STORE_CERTIFICATE_H

#include "daemon/store/object.h"

struct cert_info;

/* The fields of @c that come from the leaf. @key_algorithm: its name. */
void
certificate_fill(struct certificate *c, const struct cert_info *info, const char *key_algorithm);

/* "revoked", "pending" (its time has not come), "expired" or "active". @now: UNIX seconds. */
const char *
certificate_status(const struct certificate *c, int64_t now);

bool
certificate_has_wildcard(const struct certificate *c);

#endif
