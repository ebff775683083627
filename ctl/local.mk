# certctl: main.c, and all else as a library, so that tests link the same objects. common/ only: no libssl, no libcurl.
noinst_LTLIBRARIES += libctl.la
libctl_la_SOURCES = \
	ctl/args.c ctl/args.h \
	ctl/client.c ctl/client.h \
	ctl/cmd_consumer.c \
	ctl/cmd_declare.c \
	ctl/cmd_events.c \
	ctl/cmd_read.c \
	ctl/commands.c ctl/commands.h \
	ctl/complete.c \
	ctl/ctl.c ctl/ctl.h \
	ctl/help.c ctl/help.h \
	ctl/options.c \
	ctl/output.c ctl/output.h \
	ctl/progress.c ctl/progress.h \
	ctl/text.c ctl/text.h \
	ctl/tsig_file.c ctl/tsig_file.h \
	ctl/values.c ctl/values.h \
	ctl/views.c \
	ctl/wait.c ctl/wait.h

certctl_SOURCES = ctl/main.c
certctl_LDADD = libctl.la $(COMMON_LIBS)
