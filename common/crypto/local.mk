# common/crypto: keys, certificates, their file formats, and secrets.
libcommon_a_SOURCES += \
	common/crypto/acme_txt.c common/crypto/acme_txt.h \
	common/crypto/alpn_cert.c common/crypto/alpn_cert.h \
	common/crypto/base64url.c common/crypto/base64url.h \
	common/crypto/cert_file.c common/crypto/cert_file.h \
	common/crypto/cert_import.c common/crypto/cert_import.h \
	common/crypto/crl.c common/crypto/crl.h common/crypto/crl_points.c common/crypto/crl_private.h \
	common/crypto/csr.c common/crypto/csr.h \
	common/crypto/digest.c common/crypto/digest.h \
	common/crypto/jks.c common/crypto/jks.h \
	common/crypto/jws.c common/crypto/jws.h \
	common/crypto/key.c common/crypto/key.h \
	common/crypto/key_engine.c common/crypto/key_engine.h \
	common/crypto/key_jwk.c \
	common/crypto/key_uri.c common/crypto/key_uri.h \
	common/crypto/ocsp.c common/crypto/ocsp.h \
	common/crypto/ossl.c common/crypto/ossl.h \
	common/crypto/pbe_cost.c common/crypto/pbe_cost.h \
	common/crypto/pem.c common/crypto/pem.h \
	common/crypto/pkcs12.c common/crypto/pkcs12.h \
	common/crypto/san.c common/crypto/san.h \
	common/crypto/sealed.c common/crypto/sealed.h \
	common/crypto/sealed_stream.c common/crypto/sealed_stream.h \
	common/crypto/secret.c common/crypto/secret.h \
	common/crypto/x509.c common/crypto/x509.h \
	common/crypto/x509_arrange.c \
	common/crypto/x509_chain.h \
	common/crypto/x509_roots.c \
	common/crypto/x509_seen.c \
	common/crypto/x509_verify.c
