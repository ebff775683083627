/* daemon/service/handlers.h: the methods that are specific to a resource; service_table.c assigns them to names. */
#ifndef DAEMON_SERVICE_HANDLERS_H
#define DAEMON_SERVICE_HANDLERS_H

#include "daemon/service/service.h"

service_fn provider_create, provider_update, provider_delete, provider_new_account, provider_rollover,
	provider_deactivate, provider_export;
service_fn autocert_create, autocert_update, autocert_delete;
service_fn autocert_renew, autocert_pause, autocert_resume, autocert_cancel, autocert_explain, autocert_rollback,
	autocert_approve, autocert_check, autocert_rehearse;
service_fn alert_test;
service_fn certificate_create, certificate_get, certificate_delete;
service_fn certificate_export, certificate_explain, certificate_revoke, certificate_rollback;
service_fn dnsprovider_check_name, dnsprovider_create;
service_fn consumer_deploy, consumer_probe;
service_fn token_create;
service_fn authorization_create, authorization_delete, authorization_validate;
service_fn audit_log_list, audit_log_verify;
service_fn ct_list, ct_acknowledge;
service_fn event_list, event_subscribe;
service_fn server_backup, server_rekey;
service_fn schedule_list, server_metrics, server_forecast, server_reissue, server_reissue_status, server_status,
	server_reload, server_check, rpc_discover;

#endif
