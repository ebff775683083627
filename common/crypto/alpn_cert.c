/* A certificate that only a CA ever reads, and that nothing trusts. */
#include "common/crypto/alpn_cert.h"

#include "common/crypto/key.h"
#include "common/crypto/ossl.h"
#include "common/crypto/san.h"
#include "common/name.h"
#include "common/strlist.h"

#include <arpa/inet.h>
#include <openssl/sha.h>
#include <string.h>

#define ALPN_CERT_IDENTIFIER "1.3.6.1.5.5.7.1.31" /* id-pe-acmeIdentifier */

enum { ALPN_CERT_HALF_LIFE_SEC = 7 * 24 * 3600 / 2, ALPN_CERT_VERSION_3 = 2 };

static int
alpn_cert_add_names(X509 *cert, const char *name)
{
	_cleanup_strlist_ struct strlist names = STRLIST_INIT;
	_cleanup_(ossl_general_names_freep) GENERAL_NAMES *gens = NULL;

	strlist_add(&names, name);
	gens = san_make(&names);
	return gens && X509_add1_ext_i2d(cert, NID_subject_alt_name, gens, 0, X509V3_ADD_DEFAULT) == 1;
}

/* The value is an OCTET STRING in DER, 04 20 and the digest, within the one that every extension is. */
static int
alpn_cert_add_identifier(X509 *cert, const char *key_authorization)
{
	unsigned char value[2 + SHA256_DIGEST_LENGTH] = { V_ASN1_OCTET_STRING, SHA256_DIGEST_LENGTH };
	ASN1_OBJECT *id = OBJ_txt2obj(ALPN_CERT_IDENTIFIER, 1);
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext = NULL;
	int ok;

	SHA256((const unsigned char *)key_authorization, strlen(key_authorization), value + 2);
	ok = id && octets && ASN1_OCTET_STRING_set(octets, value, sizeof(value)) == 1;
	ext = ok ? X509_EXTENSION_create_by_OBJ(NULL, id, 1, octets) : NULL;
	ok = ext && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(octets);
	ASN1_OBJECT_free(id);
	return ok;
}

X509 *
alpn_cert_make(const char *name, const char *key_authorization, const struct key *key, int64_t now, struct error *err)
{
	static const unsigned char subject[] = "ACME challenge";
	_cleanup_(ossl_x509_freep) X509 *cert = X509_new();
	X509_NAME *dn = cert ? X509_get_subject_name(cert) : NULL;
	X509 *ret = cert;

	ERR_clear_error();
	if (!cert || X509_set_version(cert, ALPN_CERT_VERSION_3) != 1 ||
		ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) != 1 ||
		!ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(now - ALPN_CERT_HALF_LIFE_SEC)) ||
		!ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(now + ALPN_CERT_HALF_LIFE_SEC)) ||
		X509_NAME_add_entry_by_NID(dn, NID_commonName, MBSTRING_ASC, subject, -1, -1, 0) != 1 ||
		X509_set_issuer_name(cert, dn) != 1 || X509_set_pubkey(cert, key_evp(key)) != 1 ||
		!alpn_cert_add_names(cert, name) || !alpn_cert_add_identifier(cert, key_authorization) ||
		X509_sign(cert, key_evp(key), EVP_sha256()) <= 0) {
		ossl_error(err, ERROR_INTERNAL, "cannot make the certificate of a challenge");
		return NULL;
	}
	cert = NULL;
	return ret;
}

char *
alpn_cert_server_name(const char *name)
{
	bool is_v6 = strchr(name, ':');
	unsigned char addr[sizeof(struct in6_addr)];
	struct buf text = BUF_INIT;

	if (name_type_of(name) != NAME_IP || inet_pton(is_v6 ? AF_INET6 : AF_INET, name, addr) != 1)
		return xstrdup(name);
	for (size_t i = is_v6 ? sizeof(struct in6_addr) : sizeof(struct in_addr); i-- > 0;) {
		if (is_v6)
			buf_printf(&text, "%x.%x.", addr[i] & 0xf, addr[i] >> 4);
		else
			buf_printf(&text, "%u.", addr[i]);
	}
	buf_add_str(&text, is_v6 ? "ip6.arpa" : "in-addr.arpa");
	return buf_steal(&text);
}
