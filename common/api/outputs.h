/*
 * common/api/outputs.h: the words of a consumer's files, one row each: the formats of `outputs`, and the layouts of
 * other programs. The API's property "layout", certctl's help and the tables of daemon/rollout/output.c are made from
 * it.
 */
#ifndef COMMON_API_OUTPUTS_H
#define COMMON_API_OUTPUTS_H

/* clang-format off */
/* FORMAT(id, word, mode, has_password, help); @mode: of a file that declares none. */
#define OUTPUT_FORMATS(FORMAT) \
	FORMAT(KEY, "key", 0600, false, "private key, PEM (PKCS#8)") \
	FORMAT(CERT, "cert", 0644, false, "certificate, PEM") \
	FORMAT(CHAIN, "chain", 0644, false, "its issuers, PEM") \
	FORMAT(FULLCHAIN, "fullchain", 0644, false, "certificate and issuers, PEM") \
	FORMAT(BUNDLE, "bundle", 0600, false, "key, certificate, issuers, PEM") \
	FORMAT(BUNDLE_CERT_FIRST, "bundle-cert-first", 0600, false, "certificate, issuers, key, PEM") \
	FORMAT(KEY_DER, "key-der", 0600, false, "private key, DER (PKCS#8)") \
	FORMAT(CERT_DER, "cert-der", 0644, false, "certificate, DER") \
	FORMAT(PKCS12, "pkcs12", 0600, true, "key, certificate, issuers, PKCS#12") \
	FORMAT(JKS, "jks", 0600, true, "key, certificate, issuers, Java keystore")

/*
 * LAYOUT(id, word, FILES), and FILES: FILE(format, path, link). @link: the name that programs use, a symbolic link to
 * @path; or NULL. Placeholders: daemon/rollout/output.h.
 */
#define OUTPUT_LAYOUTS(LAYOUT) \
	LAYOUT(CERTBOT, "certbot", OUTPUT_LAYOUT_CERTBOT) \
	LAYOUT(LEGO, "lego", OUTPUT_LAYOUT_LEGO) \
	LAYOUT(DEHYDRATED, "dehydrated", OUTPUT_LAYOUT_DEHYDRATED) \
	LAYOUT(ACMESH, "acme.sh", OUTPUT_LAYOUT_ACMESH) \
	LAYOUT(HAPROXY, "haproxy", OUTPUT_LAYOUT_HAPROXY) \
	LAYOUT(HAPROXY_PAIRS, "haproxy-pairs", OUTPUT_LAYOUT_HAPROXY_PAIRS)

#define OUTPUT_LAYOUT_CERTBOT(FILE) \
	FILE(CERT, "archive/{name}/cert{number}.pem", "live/{name}/cert.pem") \
	FILE(KEY, "archive/{name}/privkey{number}.pem", "live/{name}/privkey.pem") \
	FILE(CHAIN, "archive/{name}/chain{number}.pem", "live/{name}/chain.pem") \
	FILE(FULLCHAIN, "archive/{name}/fullchain{number}.pem", "live/{name}/fullchain.pem")
#define OUTPUT_LAYOUT_LEGO(FILE) \
	FILE(KEY, "certificates/{name}.key", NULL) \
	FILE(CHAIN, "certificates/{name}.issuer.crt", NULL) \
	FILE(FULLCHAIN, "certificates/{name}.crt", NULL)
#define OUTPUT_LAYOUT_DEHYDRATED(FILE) \
	FILE(KEY, "certs/{name}/privkey-{time}.pem", "certs/{name}/privkey.pem") \
	FILE(CERT, "certs/{name}/cert-{time}.pem", "certs/{name}/cert.pem") \
	FILE(CHAIN, "certs/{name}/chain-{time}.pem", "certs/{name}/chain.pem") \
	FILE(FULLCHAIN, "certs/{name}/fullchain-{time}.pem", "certs/{name}/fullchain.pem")
#define OUTPUT_LAYOUT_ACMESH(FILE) \
	FILE(KEY, "{cn}{ecc}/{cn}.key", NULL) \
	FILE(CERT, "{cn}{ecc}/{cn}.cer", NULL) \
	FILE(CHAIN, "{cn}{ecc}/ca.cer", NULL) \
	FILE(FULLCHAIN, "{cn}{ecc}/fullchain.cer", NULL)
#define OUTPUT_LAYOUT_HAPROXY(FILE) \
	FILE(BUNDLE, "{name}.pem", NULL)
/* HAProxy serves NAME.pem.rsa and NAME.pem.ecdsa as one certificate with two keys. */
#define OUTPUT_LAYOUT_HAPROXY_PAIRS(FILE) \
	FILE(BUNDLE, "{domain}.pem.{type}", NULL)
/* clang-format on */

#define OUTPUT_FORMAT_WORDS(id, word, mode, has_password, help) " " word
#define OUTPUT_LAYOUT_WORD(id, word, files) word,

#endif
