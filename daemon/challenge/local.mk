# daemon/challenge: publishing the answers to challenges
libcertd_la_SOURCES += \
	daemon/challenge/http01.c daemon/challenge/http01.h \
	daemon/challenge/http01_listen.c daemon/challenge/http01_listen.h \
	daemon/challenge/http01_request.c daemon/challenge/http01_request.h \
	daemon/challenge/solver.h \
	daemon/challenge/webroot.c daemon/challenge/webroot.h
