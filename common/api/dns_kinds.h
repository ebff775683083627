/*
 * common/api/dns_kinds.h: the kinds of DNS providers and their settings, described once (see kinds.h).
 *
 * A new kind is a row of DNS_KINDS, its settings in dns_kinds.c, and daemon/dnsprovider/<kind>.c with its functions.
 */
#ifndef COMMON_API_DNS_KINDS_H
#define COMMON_API_DNS_KINDS_H

#include "common/api/kinds.h"

/* clang-format off */
#define DNS_KINDS(KIND) \
	KIND(rfc2136, "DNS UPDATE with TSIG to the primary server of the zone (BIND, Knot, PowerDNS)") \
	KIND(exec, "runs a program") \
	KIND(acmedns, "acme-dns server, with one name for challenges") \
	KIND(azure, "Azure DNS") \
	KIND(bunny, "bunny.net DNS") \
	KIND(cloudflare, "Cloudflare") \
	KIND(desec, "deSEC") \
	KIND(digitalocean, "DigitalOcean") \
	KIND(dnsimple, "DNSimple") \
	KIND(gandi, "Gandi LiveDNS") \
	KIND(godaddy, "GoDaddy") \
	KIND(google, "Google Cloud DNS") \
	KIND(hetzner, "Hetzner, zones in the Cloud console") \
	KIND(hetznerdns, "Hetzner, zones in the old DNS console") \
	KIND(httpreq, "generic HTTP protocol of the ACME client lego") \
	KIND(inwx, "INWX") \
	KIND(ionos, "IONOS hosting (Developer API)") \
	KIND(ionoscloud, "IONOS Cloud DNS") \
	KIND(linode, "Linode, Akamai Connected Cloud") \
	KIND(namecheap, "Namecheap") \
	KIND(netcup, "netcup, zones in the Customer Control Panel") \
	KIND(ovh, "OVHcloud") \
	KIND(powerdns, "HTTP API of the PowerDNS Authoritative Server") \
	KIND(route53, "Amazon Route 53") \
	KIND(scaleway, "Scaleway Domains and DNS") \
	KIND(vultr, "Vultr")
/* clang-format on */

#define DNS_KIND_COUNTED(kind, help) +1
enum { DNS_KIND_COUNT = 0 DNS_KINDS(DNS_KIND_COUNTED) };

extern const struct api_kinds dns_kinds;

/* The TSIG algorithms that certd signs with (RFC 8945 s6), the default first; ends with NULL. */
extern const char *const tsig_algorithms[];

/* How kind exec calls its program (daemon/dnsprovider/exec.c), the default first; ends with NULL. */
extern const char *const dns_exec_conventions[];

#endif
