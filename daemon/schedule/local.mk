# daemon/schedule: everything that will happen, as rows of the store.
libcertd_la_SOURCES += \
	daemon/schedule/schedule.c daemon/schedule/schedule.h
