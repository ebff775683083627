/* daemon/service/res_certificate.h: what other resources do with certificates. */
#ifndef DAEMON_SERVICE_RES_CERTIFICATE_H
#define DAEMON_SERVICE_RES_CERTIFICATE_H

#include "daemon/service/resource.h"

/*
 * Deletes it with its rows, as a part of a call that is about another object, with an event and an audit record of its
 * own. ERROR_IN_USE: something still needs it.
 */
int
certificate_remove_with(struct call *call, const struct certificate *c, struct error *err);

/* The words for something that @c, which is held back, cannot have: ERROR_INVALID with @field. Return: -1. */
int
certificate_held_back(const struct certificate *c, const char *field, struct error *err);

#endif
