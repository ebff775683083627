# daemon/report: events, the one stream of what happened; the audit log.
libcertd_a_SOURCES += \
	daemon/report/audit.c daemon/report/audit.h \
	daemon/report/audit_chain.c daemon/report/audit_chain.h \
	daemon/report/events.c daemon/report/events.h \
	daemon/report/refusals.c daemon/report/refusals.h
