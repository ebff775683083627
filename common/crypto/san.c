/* Names of certificates as OpenSSL has them. */
#include "common/crypto/san.h"

#include "common/crypto/ossl.h"
#include "common/name.h"
#include "common/strlist.h"

#include <arpa/inet.h>
#include <string.h>

static GENERAL_NAME *
san_general_name(const char *name)
{
	GENERAL_NAME *gen = GENERAL_NAME_new();
	bool is_ip = name_type_of(name) == NAME_IP;
	ASN1_STRING *value = is_ip ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
	unsigned char addr[sizeof(struct in6_addr)];
	bool is_v6 = is_ip && strchr(name, ':');
	int ok = 0;

	if (is_ip && inet_pton(is_v6 ? AF_INET6 : AF_INET, name, addr) == 1)
		ok = ASN1_STRING_set(value, addr, is_v6 ? sizeof(struct in6_addr) : sizeof(struct in_addr));
	else if (!is_ip)
		ok = ASN1_STRING_set(value, name, (int)strlen(name));
	if (!gen || !value || !ok) {
		GENERAL_NAME_free(gen);
		ASN1_STRING_free(value);
		return NULL;
	}
	GENERAL_NAME_set0_value(gen, is_ip ? GEN_IPADD : GEN_DNS, value);
	return gen;
}

GENERAL_NAMES *
san_make(const struct strlist *names)
{
	_cleanup_(ossl_general_names_freep) GENERAL_NAMES *gens = sk_GENERAL_NAME_new_null();
	GENERAL_NAMES *ret = gens;

	for (size_t i = 0; gens && i < names->count; i++) {
		GENERAL_NAME *gen = san_general_name(names->items[i]);

		if (!gen || sk_GENERAL_NAME_push(gens, gen) <= 0) {
			GENERAL_NAME_free(gen);
			return NULL;
		}
	}
	gens = NULL;
	return ret;
}
