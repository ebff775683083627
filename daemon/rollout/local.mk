# daemon/rollout: from a stored certificate to a served one.
libcertd_a_SOURCES += \
	daemon/rollout/activate.c daemon/rollout/activate.h \
	daemon/rollout/consumer_exec.c daemon/rollout/consumer_kind.c daemon/rollout/consumer_kind.h \
	daemon/rollout/consumer_haproxy.c daemon/rollout/consumer_none.c daemon/rollout/consumer_notify.c daemon/rollout/consumer_signal.c daemon/rollout/consumer_unit.c \
	daemon/rollout/consumer_queue.c daemon/rollout/consumer_queue.h \
	daemon/rollout/drop.c daemon/rollout/drop.h daemon/rollout/drop_private.h \
	daemon/rollout/drop_dir.c daemon/rollout/drop_dir.h \
	daemon/rollout/drop_file.c daemon/rollout/drop_file.h \
	daemon/rollout/drop_check.c daemon/rollout/drop_content.c daemon/rollout/drop_format.c daemon/rollout/drop_queue.c \
	daemon/rollout/drop_ledger.c daemon/rollout/drop_ledger.h \
	daemon/rollout/drop_look.c daemon/rollout/drop_look.h \
	daemon/rollout/drop_output.c daemon/rollout/drop_output.h daemon/rollout/drop_output_private.h \
	daemon/rollout/drop_declare.c daemon/rollout/drop_prune.c \
	daemon/rollout/output.c daemon/rollout/output.h \
	daemon/rollout/drop_remove.c daemon/rollout/drop_versions.c daemon/rollout/drop_write.c \
	daemon/rollout/haproxy_answer.c daemon/rollout/haproxy_answer.h \
	daemon/rollout/probe.c daemon/rollout/probe.h daemon/rollout/probe_private.h \
	daemon/rollout/probe_conn.c daemon/rollout/probe_judge.c daemon/rollout/prober.c \
	daemon/rollout/starttls.c daemon/rollout/starttls.h daemon/rollout/starttls_private.h \
	daemon/rollout/starttls_ldap.c daemon/rollout/starttls_lines.c \
	daemon/rollout/starttls_postgres.c daemon/rollout/starttls_xmpp.c \
	daemon/rollout/rollout.c daemon/rollout/rollout.h daemon/rollout/rollout_private.h \
	daemon/rollout/rollout_back.c daemon/rollout/rollout_back.h daemon/rollout/rollout_check.c daemon/rollout/rollout_check.h \
	daemon/rollout/rollout_consumer.c daemon/rollout/rollout_deploy.c \
	daemon/rollout/rollout_plan.c daemon/rollout/rollout_probe.c daemon/rollout/rollout_state.c \
	daemon/rollout/subject.c daemon/rollout/subject.h \
	daemon/rollout/withdraw.c daemon/rollout/withdraw.h
