# daemon/challenge: publishing the answers to challenges
libcertd_a_SOURCES += \
	daemon/challenge/choice.c daemon/challenge/choice.h \
	daemon/challenge/cleanup.c daemon/challenge/cleanup.h \
	daemon/challenge/dns_check.c daemon/challenge/dns_check.h \
	daemon/challenge/dns_server.c \
	daemon/challenge/dns_target.c daemon/challenge/dns_target.h \
	daemon/challenge/dns_watch.c daemon/challenge/dns_watch.h daemon/challenge/dns_watch_private.h \
	daemon/challenge/http_check.c daemon/challenge/http_check.h \
	daemon/challenge/http01.c daemon/challenge/http01.h \
	daemon/challenge/txt_removal.c daemon/challenge/txt_removal.h \
	daemon/challenge/persist_look.c daemon/challenge/persist_look.h \
	daemon/challenge/solve_dns.c \
	daemon/challenge/solve_http.c \
	daemon/challenge/solve_manual.c \
	daemon/challenge/solve_tlsalpn.c \
	daemon/challenge/solver.c daemon/challenge/solver.h daemon/challenge/solver_private.h \
	daemon/challenge/tlsalpn.c daemon/challenge/tlsalpn.h \
	daemon/challenge/txt_queue.c daemon/challenge/txt_queue.h \
	daemon/challenge/webroot.c daemon/challenge/webroot.h
