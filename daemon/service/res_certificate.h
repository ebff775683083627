/* daemon/service/res_certificate.h: the interface of certificates for other resources. */
#ifndef DAEMON_SERVICE_RES_CERTIFICATE_H
#define DAEMON_SERVICE_RES_CERTIFICATE_H

#include "daemon/service/resource.h"

/*
 * Deletes it with its rows, as part of a call about another object, with its own event and audit record. ERROR_IN_USE:
 * another object still needs it.
 */
int
certificate_remove_with(struct call *call, const struct certificate *c, struct error *err);

/* Saves an imported certificate that an auto-certificate has adopted, with the time of its import in its name. */
int
certificate_save_adopted(struct call *call, struct certificate *c, struct error *err);

/* The error for a property that @c, which is held back, cannot have: ERROR_INVALID with @field. Return: -1. */
int
certificate_held_back(const struct certificate *c, const char *field, struct error *err);

#endif
