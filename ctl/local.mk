certctl_SOURCES = ctl/main.c
certctl_LDADD = $(COMMON_LIBS)
