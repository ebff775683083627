# common/api: the description of the control API (api_table.c, and the fields in api_fields.h's files), and what is
# derived from it.
libcommon_a_SOURCES += \
	common/api/alert_kinds.c common/api/alert_kinds.h \
	common/api/api.c common/api/api.h \
	common/api/api_discover.c \
	common/api/api_openapi.c \
	common/api/api_rest.c common/api/api_rest.h \
	common/api/api_words.c common/api/api_words.h \
	common/api/api_schema.c common/api/api_schema.h \
	common/api/api_table.c common/api/api_fields.h common/api/api_common.c \
	common/api/api_alert.c common/api/api_authorization.c common/api/api_autocert.c common/api/api_certificate.c \
	common/api/api_consumer.c common/api/api_dnsprovider.c common/api/api_provider.c common/api/api_server.c \
	common/api/api_token.c \
	common/api/consumer_kinds.c common/api/consumer_kinds.h \
	common/api/endpoint.c common/api/endpoint.h \
	common/api/dns_kinds.c common/api/dns_kinds.h \
	common/api/event.c common/api/event.h \
	common/api/event_catalog.c common/api/event_catalog.h \
	common/api/kinds.c common/api/kinds.h \
	common/api/revoke_reasons.h \
	common/api/outputs.h \
	common/api/provider_file.h \
	common/api/rpc.c common/api/rpc.h
