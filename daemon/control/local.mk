# daemon/control: how it is asked: the JSON-RPC socket (server, session) and REST (rest*).
libcertd_a_SOURCES += \
	daemon/control/rest.c daemon/control/rest.h \
	daemon/control/rest_answer.c daemon/control/rest_answer.h \
	daemon/control/rest_call.c daemon/control/rest_call.h \
	daemon/control/rest_tls.c daemon/control/rest_tls.h \
	daemon/control/server.c daemon/control/server.h \
	daemon/control/session.c daemon/control/session.h daemon/control/session_private.h \
	daemon/control/session_answers.c
