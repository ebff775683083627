/* Names of certificates as OpenSSL has them. */
#include "common/crypto/san.h"

#include "common/crypto/ossl.h"
#include "common/name.h"
#include "common/strlist.h"

#include <arpa/inet.h>
#include <stdlib.h>
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

/* A dNSName in comparable form: canonical, or else (an old certificate with '_') in lower case. NULL: unusable. */
static char *
san_dns(const ASN1_STRING *value)
{
	const unsigned char *data = ASN1_STRING_get0_data(value);
	size_t len = (size_t)ASN1_STRING_length(value);
	_cleanup_free_ char *text = NULL;
	char *canonical = NULL;

	for (size_t i = 0; i < len; i++)
		if (data[i] <= ' ' || data[i] > '~') /* a NUL here once made one name pass for another */
			return NULL;
	text = xstrndup((const char *)data, len);
	if (name_canonical(text, false, &canonical, NULL) == 0)
		return canonical;
	for (char *p = text; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return *text ? xstrdup(text) : NULL;
}

static char *
san_ip(const ASN1_STRING *value)
{
	char out[INET6_ADDRSTRLEN];
	int len = ASN1_STRING_length(value);
	int family = len == 4 ? AF_INET : AF_INET6;

	if ((len != 4 && len != 16) || !inet_ntop(family, ASN1_STRING_get0_data(value), out, sizeof(out)))
		return NULL;
	return xstrdup(out);
}

int
san_read(const GENERAL_NAMES *gens, struct strlist *ret)
{
	int others = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(gens); i++) {
		const GENERAL_NAME *gen = sk_GENERAL_NAME_value(gens, i);
		int type;
		const ASN1_STRING *value = GENERAL_NAME_get0_value(gen, &type);
		char *name;

		if (type != GEN_DNS && type != GEN_IPADD) {
			others++;
			continue;
		}
		name = type == GEN_DNS ? san_dns(value) : san_ip(value);
		if (!name)
			return -1;
		if (strlist_has(ret, name))
			free(name);
		else
			strlist_take(ret, name);
	}
	return others;
}
