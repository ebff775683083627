# daemon/renew: policy (pure), the jobs that the schedule runs, and the scheduler.
libcertd_la_SOURCES += \
	daemon/renew/account.c daemon/renew/account.h \
	daemon/renew/authorize.c daemon/renew/authorize.h \
	daemon/renew/clamp.c daemon/renew/clamp.h \
	daemon/renew/issue.c daemon/renew/issue.h daemon/renew/issue_private.h \
	daemon/renew/issue_key.c daemon/renew/issue_result.c \
	daemon/renew/expiry.c daemon/renew/expiry.h \
	daemon/renew/policy.c daemon/renew/policy.h \
	daemon/renew/purge.c daemon/renew/purge.h \
	daemon/renew/scheduler.c daemon/renew/scheduler.h \
	daemon/renew/time_guard.c daemon/renew/time_guard.h
