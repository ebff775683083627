# common/: values in, values out. No loop, no socket, no store, no logging.
libcommon_la_SOURCES += \
	common/address.c common/address.h \
	common/alloc.c common/alloc.h \
	common/api.c common/api_discover.c common/api_table.c common/api.h \
	common/api_openapi.c common/api_rest.c common/api_rest.h \
	common/api_schema.c common/api_schema.h \
	common/base64url.c common/base64url.h \
	common/buf.c common/buf.h \
	common/ca.c common/ca.h \
	common/cert_import.c common/cert_import.h \
	common/conf.c common/conf.h \
	common/csr.c common/csr.h \
	common/error.c common/error.h \
	common/event.c common/event.h \
	common/json.c common/json.h \
	common/jws.c common/jws.h \
	common/key.c common/key.h \
	common/name.c common/name.h \
	common/nearest.c \
	common/ossl.c common/ossl.h \
	common/pbe_cost.c common/pbe_cost.h \
	common/pem.c common/pem.h \
	common/pkcs12.c common/pkcs12.h \
	common/rpc.c common/rpc.h \
	common/scope.c common/scope.h \
	common/secret.c common/secret.h \
	common/strlist.c common/strlist.h \
	common/timefmt.c common/timefmt.h \
	common/x509.c common/x509.h \
	common/x509_arrange.c common/x509_chain.h common/x509_seen.c common/x509_verify.c
