# daemon/base
libcertd_a_SOURCES += \
	daemon/base/acceptor.c daemon/base/acceptor.h \
	daemon/base/clock.c daemon/base/clock.h \
	daemon/base/dns.c daemon/base/dns.h \
	daemon/base/dns_channel.c daemon/base/dns_channel.h \
	daemon/base/dns_doh.c daemon/base/dns_doh.h \
	daemon/base/dns_message.c daemon/base/dns_message.h \
	daemon/base/dns_tsig.c daemon/base/dns_tsig.h \
	daemon/base/dns_update.c \
	daemon/base/fair.c daemon/base/fair.h \
	daemon/base/fatal.c daemon/base/fatal.h \
	daemon/base/hook.c daemon/base/hook.h daemon/base/hook_private.h \
	daemon/base/hook_scope.c \
	daemon/base/hook_spawn.c \
	daemon/base/http.c daemon/base/http.h daemon/base/http_private.h \
	daemon/base/http_gate.c \
	daemon/base/http_host.c \
	daemon/base/http_mail.c daemon/base/http_mail.h \
	daemon/base/http_result.c \
	daemon/base/http_transfer.c \
	daemon/base/http_url.c daemon/base/http_url.h \
	daemon/base/httpd.c daemon/base/httpd.h \
	daemon/base/httpd_conn.c daemon/base/httpd_conn.h \
	daemon/base/httpd_head.c daemon/base/httpd_head.h \
	daemon/base/listen.c daemon/base/listen.h \
	daemon/base/log.c daemon/base/log.h daemon/base/log_private.h \
	daemon/base/loop.c daemon/base/loop.h daemon/base/loop_private.h \
	daemon/base/loop_stats.c \
	daemon/base/loop_timer.c \
	daemon/base/meter.c daemon/base/meter.h \
	daemon/base/notify.c daemon/base/notify.h \
	daemon/base/pid_file.c daemon/base/pid_file.h \
	daemon/base/port_owner.c daemon/base/port_owner.h \
	daemon/base/sdbus.c daemon/base/sdbus.h daemon/base/sdbus_job.c daemon/base/sdbus_private.h \
	daemon/base/signer.c daemon/base/signer.h daemon/base/signer_private.h \
	daemon/base/signer_program.c \
	daemon/base/tls_guard.c daemon/base/tls_guard.h \
	daemon/base/workers.c daemon/base/workers.h
