# common/api: the description of the control API (api_table.c), and what is derived from it.
libcommon_a_SOURCES += \
	common/api/alert_kinds.h \
	common/api/api.c common/api/api.h \
	common/api/api_discover.c \
	common/api/api_openapi.c \
	common/api/api_rest.c common/api/api_rest.h \
	common/api/api_words.c common/api/api_words.h \
	common/api/api_schema.c common/api/api_schema.h \
	common/api/api_table.c \
	common/api/consumer_kinds.h \
	common/api/endpoint.c common/api/endpoint.h \
	common/api/dns_kinds.c common/api/dns_kinds.h \
	common/api/event.c common/api/event.h \
	common/api/event_catalog.c common/api/event_catalog.h \
	common/api/outputs.h \
	common/api/rpc.c common/api/rpc.h
