/*
 * The function for each method. A unit test fails if a method of the API table has none. resource.h has the common
 * ones.
 */
#include "daemon/service/handlers.h"

#include "daemon/service/resource.h"

#define READ_ROWS(ID, ops) [RPC_##ID##_LIST] = { resource_list, &(ops) }, [RPC_##ID##_GET] = { resource_get, &(ops) }
#define CHANGE_ROWS(ID, ops, create, update, remove) \
	[RPC_##ID##_CREATE] = { create, &(ops) }, [RPC_##ID##_UPDATE] = { update, &(ops) }, \
	[RPC_##ID##_DELETE] = { remove, &(ops) }

const struct service_method service_methods[API_METHOD_COUNT] = {
	READ_ROWS(PROVIDER, provider_ops),
	CHANGE_ROWS(PROVIDER, provider_ops, provider_create, provider_update, provider_delete),
	[RPC_PROVIDER_NEW_ACCOUNT] = { provider_new_account, &provider_ops },
	[RPC_PROVIDER_DEACTIVATE] = { provider_deactivate, &provider_ops },
	[RPC_PROVIDER_EXPORT] = { provider_export, &provider_ops },
	[RPC_PROVIDER_ROLLOVER] = { provider_rollover, &provider_ops },
	READ_ROWS(AUTOCERTIFICATE, autocert_ops),
	CHANGE_ROWS(AUTOCERTIFICATE, autocert_ops, autocert_create, autocert_update, autocert_delete),
	[RPC_AUTOCERTIFICATE_RENEW] = { autocert_renew, &autocert_ops },
	[RPC_AUTOCERTIFICATE_PAUSE] = { autocert_pause, &autocert_ops },
	[RPC_AUTOCERTIFICATE_RESUME] = { autocert_resume, &autocert_ops },
	[RPC_AUTOCERTIFICATE_CANCEL] = { autocert_cancel, &autocert_ops },
	[RPC_AUTOCERTIFICATE_ROLLBACK] = { autocert_rollback, &autocert_ops },
	[RPC_AUTOCERTIFICATE_APPROVE] = { autocert_approve, &autocert_ops },
	[RPC_AUTOCERTIFICATE_CHECK] = { autocert_check, &autocert_ops },
	[RPC_AUTOCERTIFICATE_REHEARSE] = { autocert_rehearse, &autocert_ops },
	[RPC_AUTOCERTIFICATE_EXPLAIN] = { autocert_explain, &autocert_ops },
	[RPC_CERTIFICATE_LIST] = { resource_list, &certificate_ops },
	[RPC_CERTIFICATE_GET] = { certificate_get, &certificate_ops },
	CHANGE_ROWS(CERTIFICATE, certificate_ops, certificate_create, resource_update, certificate_delete),
	[RPC_CERTIFICATE_ROLLBACK] = { certificate_rollback, &certificate_ops },
	[RPC_CERTIFICATE_EXPLAIN] = { certificate_explain, &certificate_ops },
	[RPC_CERTIFICATE_REVOKE] = { certificate_revoke, &certificate_ops },
	[RPC_CERTIFICATE_EXPORT] = { certificate_export, &certificate_ops },
	READ_ROWS(DNSPROVIDER, dnsprovider_ops),
	CHANGE_ROWS(DNSPROVIDER, dnsprovider_ops, dnsprovider_create, resource_update, resource_delete),
	[RPC_DNSPROVIDER_CHECK] = { dnsprovider_check_name, &dnsprovider_ops },
	READ_ROWS(CONSUMER, consumer_ops),
	CHANGE_ROWS(CONSUMER, consumer_ops, resource_create, resource_update, resource_delete),
	[RPC_CONSUMER_DEPLOY] = { consumer_deploy, &consumer_ops },
	[RPC_CONSUMER_PROBE] = { consumer_probe, &consumer_ops },
	READ_ROWS(TOKEN, token_ops),
	[RPC_TOKEN_CREATE] = { token_create, &token_ops },
	[RPC_TOKEN_DELETE] = { resource_delete, &token_ops },
	READ_ROWS(AUTHORIZATION, authorization_ops),
	[RPC_AUTHORIZATION_CREATE] = { authorization_create, &authorization_ops },
	[RPC_AUTHORIZATION_DELETE] = { authorization_delete, &authorization_ops },
	[RPC_AUTHORIZATION_VALIDATE] = { authorization_validate, &authorization_ops },
	READ_ROWS(ALERT, alert_ops),
	CHANGE_ROWS(ALERT, alert_ops, resource_create, resource_update, resource_delete),
	[RPC_ALERT_TEST] = { alert_test, &alert_ops },
	[RPC_AUDIT_LIST] = { audit_log_list, NULL },
	[RPC_AUDIT_VERIFY] = { audit_log_verify, NULL },
	[RPC_CT_LIST] = { ct_list, NULL },
	[RPC_CT_ACKNOWLEDGE] = { ct_acknowledge, NULL },
	[RPC_EVENT_LIST] = { event_list, NULL },
	[RPC_EVENT_SUBSCRIBE] = { event_subscribe, NULL },
	[RPC_SCHEDULE_LIST] = { schedule_list, NULL },
	[RPC_SERVER_METRICS] = { server_metrics, NULL },
	[RPC_SERVER_REISSUE] = { server_reissue, NULL },
	[RPC_SERVER_REISSUE_STATUS] = { server_reissue_status, NULL },
	[RPC_SERVER_FORECAST] = { server_forecast, NULL },
	[RPC_SERVER_STATUS] = { server_status, NULL },
	[RPC_SERVER_RELOAD] = { server_reload, NULL },
	[RPC_SERVER_BACKUP] = { server_backup, NULL },
	[RPC_SERVER_REKEY] = { server_rekey, NULL },
	[RPC_SERVER_CHECK] = { server_check, NULL },
	[RPC_DISCOVER] = { rpc_discover, NULL },
};
