certd_SOURCES = daemon/main.c
certd_LDADD = $(DAEMON_LIBS)
