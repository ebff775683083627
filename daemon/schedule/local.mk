# daemon/schedule: everything that will happen, as rows of the store, and what runs it when it is due.
libcertd_a_SOURCES += \
	daemon/schedule/clock_change.c daemon/schedule/clock_change.h \
	daemon/schedule/job.c daemon/schedule/job.h \
	daemon/schedule/schedule.c daemon/schedule/schedule.h \
	daemon/schedule/scheduler.c daemon/schedule/scheduler.h \
	daemon/schedule/time_guard.c daemon/schedule/time_guard.h
