/* daemon/dnsprovider/drivers.h: the driver of each kind, dnsprovider_<kind>, each in its own file. */
#ifndef DAEMON_DNSPROVIDER_DRIVERS_H
#define DAEMON_DNSPROVIDER_DRIVERS_H

#include "common/api/dns_kinds.h"
#include "daemon/dnsprovider/dnsprovider.h"

#define DNSPROVIDER_DECLARE(kind, help) extern const struct dnsprovider_driver dnsprovider_##kind;
DNS_KINDS(DNSPROVIDER_DECLARE)

#endif
