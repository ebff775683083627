/* daemon/dnsprovider/drivers.h: the rows of the driver table, each in a file of its own. */
#ifndef DAEMON_DNSPROVIDER_DRIVERS_H
#define DAEMON_DNSPROVIDER_DRIVERS_H

#include "daemon/dnsprovider/dnsprovider.h"

extern const struct dnsprovider_driver dnsprovider_exec;
extern const struct dnsprovider_driver dnsprovider_ionoscloud;
extern const struct dnsprovider_driver dnsprovider_rfc2136;

#endif
