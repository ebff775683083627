/* The only user of libpsl. Its built-in list needs no file, and canonical names need no conversion. */
#include "common/domain.h"

#include "common/alloc.h"
#include "common/name.h"

#include <arpa/inet.h>
#include <libpsl.h>
#include <string.h>

enum { PREFIX_OCTETS = 8 /* of an IPv6 address: a /64 */ };

static char *
domain_of_address(const char *address)
{
	unsigned char octets[sizeof(struct in6_addr)];
	char text[INET6_ADDRSTRLEN];

	if (inet_pton(AF_INET6, address, octets) != 1)
		return xstrdup(address);
	memset(octets + PREFIX_OCTETS, 0, sizeof(octets) - PREFIX_OCTETS);
	inet_ntop(AF_INET6, octets, text, sizeof(text));
	return xasprintf("%s/64", text);
}

char *
domain_registered(const char *canonical)
{
	const char *name = name_base(canonical);
	const char *domain;

	if (name_type_of(name) == NAME_IP)
		return domain_of_address(name);
	domain = psl_registrable_domain(psl_builtin(), name);
	return xstrdup(domain ? domain : name);
}
