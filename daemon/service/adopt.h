/*
 * daemon/service/adopt.h: a new auto-certificate takes over the imported certificate of its name: no order before its
 * renewal is due, the same drop directory, the same consumers.
 */
#ifndef DAEMON_SERVICE_ADOPT_H
#define DAEMON_SERVICE_ADOPT_H

#include "daemon/service/call.h"

/*
 * adopt_certificate() - make the imported certificate of the same name the newest one of @a, which is about to be saved
 * @a: complete except for its directory; afterwards with that of the certificate, and with its consumers unless it has
 * some
 * The key's algorithm may differ: the next renewal follows the declaration.
 * ERROR_EXISTS, field properties.name: the certificate is for other names. Return: 1 adopted, 0 there is none, -1.
 */
int
adopt_certificate(struct call *call, struct autocert *a, struct error *err);

#endif
