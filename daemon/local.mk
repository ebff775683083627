# daemon/: the owner of everything, and the program.
libcertd_la_SOURCES += \
	daemon/certd.c daemon/certd.h \
	daemon/master_key.c daemon/master_key.h \
	daemon/startup.c daemon/startup.h

certd_SOURCES = daemon/main.c
certd_LDADD = $(DAEMON_LIBS)
