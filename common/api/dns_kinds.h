/*
 * common/api/dns_kinds.h: the kinds of DNS providers and their settings, described once. The API's properties of a DNS
 * provider, certctl's options, help and manual page, the stored record and its checks are made from these tables.
 *
 * A new kind is a row of DNS_KINDS, its settings in dns_kinds.c, and daemon/dnsprovider/<kind>.c with its functions.
 */
#ifndef COMMON_API_DNS_KINDS_H
#define COMMON_API_DNS_KINDS_H

#include "common/api/api.h"

/* clang-format off */
#define DNS_KINDS(KIND) \
	KIND(rfc2136, "DNS UPDATE with TSIG to the primary server of the zone (BIND, Knot, PowerDNS)") \
	KIND(exec, "runs a program") \
	KIND(ionoscloud, "IONOS Cloud DNS") \
	KIND(cloudflare, "Cloudflare") \
	KIND(powerdns, "HTTP API of the PowerDNS Authoritative Server")
/* clang-format on */

#define DNS_KIND_COUNTED(kind, help) +1
enum { DNS_KIND_COUNT = 0 DNS_KINDS(DNS_KIND_COUNTED) };

/*
 * Settings are texts (API_STRING, API_ENUM, API_PATH) or API_SECRET. A name that several kinds use is one property of
 * the API and must have the same type in all of them; help and default may differ.
 */
struct dns_kind {
	const char *name;
	const char *help;                 /* one line */
	const struct api_field *settings; /* API_REQUIRED: for this kind; .fallback: the driver's default */
};

extern const struct dns_kind dns_kinds[DNS_KIND_COUNT];

/* All properties of a DNS provider: the common ones, and the settings of all kinds. Filled before main(). */
extern struct api_field dns_kinds_properties[];

/* The TSIG algorithms that certd signs with (RFC 8945 s6), the default first; ends with NULL. */
extern const char *const tsig_algorithms[];

/* How kind exec calls its program (daemon/dnsprovider/exec.c), the default first; ends with NULL. */
extern const char *const dns_exec_conventions[];

/* NULL: unknown. */
const struct dns_kind *
dns_kind_find(const char *name);

/* The setting @name of @kind (NULL: of any kind); NULL if there is none. */
const struct api_field *
dns_kind_setting(const struct dns_kind *kind, const char *name);

#endif
