# daemon/alert: which conditions hold, and the messages about them: their queue and their delivery.
libcertd_a_SOURCES += \
	daemon/alert/alert_command.c \
	daemon/alert/alert_deliver.c \
	daemon/alert/alert_kind.c daemon/alert/alert_kind.h \
	daemon/alert/alert_list.c daemon/alert/alert_list.h \
	daemon/alert/alert_look.c \
	daemon/alert/alert_mail.c \
	daemon/alert/alert_webhook.c \
	daemon/alert/alerts.c daemon/alert/alerts.h daemon/alert/alerts_private.h \
	daemon/alert/condition.c daemon/alert/condition.h \
	daemon/alert/mail_text.c daemon/alert/mail_text.h \
	daemon/alert/message.c daemon/alert/message.h \
	daemon/alert/queue.c daemon/alert/queue.h \
	daemon/alert/webhook_body.c daemon/alert/webhook_body.h
