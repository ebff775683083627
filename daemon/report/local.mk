# daemon/report: events, the one stream of what happened.
libcertd_la_SOURCES += \
	daemon/report/events.c daemon/report/events.h
