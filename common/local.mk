# common/: values in, values out. No loop, no socket, no store, no logging.
libcommon_la_SOURCES += \
	common/alloc.c common/alloc.h \
	common/buf.c common/buf.h \
	common/error.c common/error.h \
	common/event.c common/event.h \
	common/strlist.c common/strlist.h
