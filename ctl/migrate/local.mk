# ctl/migrate: reading the directories of other ACME clients, and declaring the same to certd.
libctl_a_SOURCES += \
	ctl/migrate/acmesh.c \
	ctl/migrate/certbot.c \
	ctl/migrate/clients.c ctl/migrate/clients.h \
	ctl/migrate/declare.c ctl/migrate/declare.h ctl/migrate/declare_private.h \
	ctl/migrate/declare_consumers.c \
	ctl/migrate/dehydrated.c \
	ctl/migrate/files.c ctl/migrate/files.h \
	ctl/migrate/found.c ctl/migrate/found.h \
	ctl/migrate/hooks.c ctl/migrate/hooks.h \
	ctl/migrate/keep.c ctl/migrate/keep.h \
	ctl/migrate/lego.c \
	ctl/migrate/settings.c ctl/migrate/settings.h \
	ctl/migrate/uacme.c
