# daemon/ready: would the next renewal succeed? A table of checks, one file for each group.
libcertd_a_SOURCES += \
	daemon/ready/caa.c daemon/ready/caa.h \
	daemon/ready/check_account.c \
	daemon/ready/check_caa.c \
	daemon/ready/check_dns.c \
	daemon/ready/check_dnssec.c \
	daemon/ready/check_fallback.c \
	daemon/ready/check_files.c \
	daemon/ready/check_http.c \
	daemon/ready/check_staple.c \
	daemon/ready/ready.c daemon/ready/ready.h daemon/ready/ready_private.h \
	daemon/ready/question.c daemon/ready/ready_state.c
