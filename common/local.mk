# common/: values in, values out. No loop, no socket, no store, no logging.
libcommon_a_SOURCES += \
	common/address.c common/address.h \
	common/alloc.c common/alloc.h \
	common/buf.c common/buf.h \
	common/ca.c common/ca.h \
	common/calendar.c common/calendar.h \
	common/conf.c common/conf.h \
	common/domain.c common/domain.h \
	common/error.c common/error.h \
	common/hash.h \
	common/json.c common/json.h \
	common/name.c common/name.h \
	common/nearest.c \
	common/nearest.h \
	common/printable.c common/printable.h \
	common/random.c common/random.h \
	common/retry.c common/retry.h \
	common/scope.c common/scope.h \
	common/shell.c common/shell.h \
	common/strlist.c common/strlist.h \
	common/timefmt.c common/timefmt.h \
	common/tz.c common/tz.h \
	common/utf8.c common/utf8.h \
	common/webroot_entry.c common/webroot_entry.h \
	common/xml.c common/xml.h
