# common/: values in, values out. No loop, no socket, no store, no logging.
libcommon_la_SOURCES += \
	common/alloc.c common/alloc.h \
	common/buf.c common/buf.h \
	common/api.c common/api_discover.c common/api_table.c common/api.h \
	common/ca.c common/ca.h \
	common/nearest.c \
	common/rpc.c common/rpc.h \
	common/conf.c common/conf.h \
	common/error.c common/error.h \
	common/event.c common/event.h \
	common/strlist.c common/strlist.h
