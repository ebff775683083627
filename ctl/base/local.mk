# ctl/base: the connection to certd, and what every command has.
libctl_a_SOURCES += \
	ctl/base/client.c ctl/base/client.h \
	ctl/base/ctl.c ctl/base/ctl.h \
	ctl/base/export.c ctl/base/export.h \
	ctl/base/pages.c ctl/base/pages.h \
	ctl/base/password.c ctl/base/password.h
