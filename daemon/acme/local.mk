# daemon/acme
libcertd_a_SOURCES += \
	daemon/acme/acme_account.c \
	daemon/acme/acme_call.c \
	daemon/acme/acme_chain.c daemon/acme/acme_chain.h \
	daemon/acme/acme_client.c daemon/acme/acme_client.h daemon/acme/acme_client_private.h \
	daemon/acme/acme_msg.c daemon/acme/acme_msg.h \
	daemon/acme/acme_nonce.c daemon/acme/acme_nonce.h \
	daemon/acme/acme_order.c daemon/acme/acme_order.h daemon/acme/acme_order_private.h \
	daemon/acme/acme_order_slots.c daemon/acme/acme_order_states.c daemon/acme/acme_order_validate.c \
	daemon/acme/acme_problem.c daemon/acme/acme_problem.h
