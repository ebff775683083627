# daemon/service: what may be asked of certd: calls, resources, access, changes and their effects.
libcertd_a_SOURCES += \
	daemon/service/access.c daemon/service/access.h \
	daemon/service/adopt.c daemon/service/adopt.h \
	daemon/service/backup.c \
	daemon/service/call.c daemon/service/call.h \
	daemon/service/check.c \
	daemon/service/change.c daemon/service/change.h \
	daemon/service/cloud66.c daemon/service/cloud66.h \
	daemon/service/consequences.c daemon/service/consequences.h \
	daemon/service/diff.c daemon/service/diff.h \
	daemon/service/effect.c daemon/service/effect.h \
	daemon/service/explain.c daemon/service/revoke.c \
	daemon/service/export.c daemon/service/export_fd.c daemon/service/export_fd.h \
	daemon/service/fields.c daemon/service/fields.h \
	daemon/service/forecast.c \
	daemon/service/handlers.h \
	daemon/service/import.c \
	daemon/service/list.c \
	daemon/service/metrics.c daemon/service/metrics.h \
	daemon/service/metrics_file.c daemon/service/metrics_file.h \
	daemon/service/metrics_table.c \
	daemon/service/metrics_text.c daemon/service/metrics_text.h \
	daemon/service/passed_fds.c daemon/service/passed_fds.h \
	daemon/service/peer.c daemon/service/peer.h \
	daemon/service/settings.c daemon/service/settings.h \
	daemon/service/profiles.c daemon/service/profiles.h \
	daemon/service/provider_export.c \
	daemon/service/reissue.c daemon/service/reissue.h \
	daemon/service/res_alert.c \
	daemon/service/res_audit.c \
	daemon/service/res_ct.c \
	daemon/service/res_authorization.c daemon/service/res_authorization.h \
	daemon/service/res_autocert.c daemon/service/res_autocert.h \
	daemon/service/res_certificate.c daemon/service/res_certificate.h \
	daemon/service/res_consumer.c daemon/service/res_consumer.h \
	daemon/service/res_dnsprovider.c \
	daemon/service/res_provider.c daemon/service/res_provider.h \
	daemon/service/res_server.c \
	daemon/service/res_token.c \
	daemon/service/resource.c daemon/service/resource.h \
	daemon/service/rollback.c daemon/service/rollback.h \
	daemon/service/service.c daemon/service/service.h \
	daemon/service/service_table.c \
	daemon/service/slices.c daemon/service/slices.h \
	daemon/service/slug.c daemon/service/slug.h \
	daemon/service/token.c daemon/service/token.h \
	daemon/service/token_keys.c daemon/service/token_keys.h \
	daemon/service/troubles.c daemon/service/troubles.h \
	daemon/service/unvalidated.c daemon/service/unvalidated.h \
	daemon/service/used_files.c daemon/service/used_files.h \
	daemon/service/variant.c daemon/service/variant.h \
	daemon/service/zones.c daemon/service/zones.h
