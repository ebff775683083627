# daemon/control: the methods of the API (service, res_*), the sockets that carry them:
# JSON-RPC (server, session) and REST (rest*), with who may come in (acceptor, peer).
libcertd_la_SOURCES += \
	daemon/control/access.c daemon/control/access.h \
	daemon/control/acceptor.c daemon/control/acceptor.h \
	daemon/control/change.c daemon/control/change.h \
	daemon/control/diff.c daemon/control/diff.h \
	daemon/control/effect.c daemon/control/effect.h \
	daemon/control/cloud66.c daemon/control/cloud66.h \
	daemon/control/explain.c \
	daemon/control/export.c \
	daemon/control/handlers.h \
	daemon/control/list.c daemon/control/list.h \
	daemon/control/import.c \
	daemon/control/passed.c daemon/control/passed.h \
	daemon/control/peer.c daemon/control/peer.h \
	daemon/control/res_authorization.c daemon/control/res_authorization.h \
	daemon/control/res_audit.c \
	daemon/control/res_autocert.c daemon/control/res_autocert.h \
	daemon/control/res_certificate.c daemon/control/res_certificate.h \
	daemon/control/res_consumer.c daemon/control/res_consumer.h \
	daemon/control/res_dnsprovider.c \
	daemon/control/res_provider.c \
	daemon/control/res_server.c \
	daemon/control/res_token.c \
	daemon/control/resource.c daemon/control/resource.h \
	daemon/control/rest.c daemon/control/rest.h \
	daemon/control/rest_answer.c daemon/control/rest_answer.h \
	daemon/control/rest_call.c daemon/control/rest_call.h \
	daemon/control/rest_conn.c daemon/control/rest_conn.h \
	daemon/control/rest_head.c daemon/control/rest_head.h \
	daemon/control/rest_tls.c daemon/control/rest_tls.h \
	daemon/control/server.c daemon/control/server.h \
	daemon/control/service.c daemon/control/service.h daemon/control/service_table.c \
	daemon/control/session.c daemon/control/session.h \
	daemon/control/slug.c daemon/control/slug.h \
	daemon/control/token.c daemon/control/token.h \
	daemon/control/troubles.c daemon/control/troubles.h \
	daemon/control/zones.c daemon/control/zones.h
