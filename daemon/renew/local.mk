# daemon/renew: policy (pure), and the jobs that get, keep and forget certificates.
libcertd_a_SOURCES += \
	daemon/renew/account.c daemon/renew/account.h daemon/renew/account_private.h daemon/renew/account_result.c \
	daemon/renew/ari.c daemon/renew/ari.h daemon/renew/ari_policy.c daemon/renew/ari_policy.h \
	daemon/renew/account_rollover.c \
	daemon/renew/approval.c daemon/renew/approval.h \
	daemon/renew/authorize.c daemon/renew/authorize.h \
	daemon/renew/breaker.c daemon/renew/breaker.h \
	daemon/renew/clients.c daemon/renew/clients.h \
	daemon/renew/decision.c daemon/renew/decision.h \
	daemon/renew/drop_names.c daemon/renew/drop_names.h \
	daemon/renew/crl.c daemon/renew/crl.h daemon/renew/crl_private.h \
	daemon/renew/crl_ask.c daemon/renew/crl_fetch.c daemon/renew/crl_found.c \
	daemon/renew/ct.c daemon/renew/ct.h daemon/renew/ct_private.h \
	daemon/renew/ct_check.c daemon/renew/ct_found.c daemon/renew/ct_own.c daemon/renew/ct_read.c daemon/renew/ct_read.h \
	daemon/renew/dane.c daemon/renew/dane.h daemon/renew/dane_job.c \
	daemon/renew/issue.c daemon/renew/issue.h daemon/renew/issue_private.h \
	daemon/renew/issue_guard.c daemon/renew/issue_key.c daemon/renew/issue_result.c \
	daemon/renew/guard.c daemon/renew/guard.h \
	daemon/renew/expiry.c daemon/renew/expiry.h \
	daemon/renew/jobs.c daemon/renew/jobs.h \
	daemon/renew/failover.c daemon/renew/failover.h \
	daemon/renew/forecast.c daemon/renew/forecast.h \
	daemon/renew/persist.c daemon/renew/persist.h \
	daemon/renew/ledger.c daemon/renew/ledger.h \
	daemon/renew/policy.c daemon/renew/policy.h \
	daemon/renew/profile.c daemon/renew/profile.h \
	daemon/renew/purge.c daemon/renew/purge.h \
	daemon/renew/rate.c daemon/renew/rate.h \
	daemon/renew/rehearse.c daemon/renew/rehearse.h \
	daemon/renew/reissue.c daemon/renew/reissue.h \
	daemon/renew/revoke.c daemon/renew/revoke.h \
	daemon/renew/trace.c daemon/renew/trace.h \
	daemon/renew/window.c daemon/renew/window.h
