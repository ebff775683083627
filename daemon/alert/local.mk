# daemon/alert: which conditions hold, and the messages about them: their queue and their delivery.
libcertd_a_SOURCES += \
	daemon/alert/alert_command.c \
	daemon/alert/alert_kind.c daemon/alert/alert_kind.h \
	daemon/alert/alert_mail.c \
	daemon/alert/alert_webhook.c \
	daemon/alert/message.c daemon/alert/message.h
