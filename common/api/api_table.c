/*
 * The control API: one row for each resource and each method. All other code that needs facts about the API reads
 * these tables. Fields are in api_RESOURCE.c, those of methods without a resource in api_server.c.
 */
#include "common/api/alert_kinds.h"
#include "common/api/api_fields.h"
#include "common/api/consumer_kinds.h"
#include "common/api/dns_kinds.h"

/* One row per line is easier to compare. */
/* clang-format off */

const struct api_resource api_resources[] = {
	[API_PROVIDER] = { "provider", "provider", "provider", "provider", "/providers",
		"account with a certificate authority", api_provider_properties, api_provider_metadata,
		api_provider_columns, .is_ionos = true, .is_declared = true },
	[API_AUTOCERTIFICATE] = { "autoCertificate", "auto", "autocertificate", "auto-certificate",
		"/auto-certificates", "certificate that certd keeps valid",
		api_autocert_properties, api_autocert_metadata,
		api_autocert_columns, .is_ionos = true, .is_declared = true },
	[API_CERTIFICATE] = { "certificate", "cert", "certificate", "certificate", "/certificates",
		"certificate that was issued or imported", api_certificate_properties, api_certificate_metadata,
		api_certificate_columns, .is_ionos = true },
	[API_DNSPROVIDER] = { "dnsProvider", "dns", "dnsprovider", "DNS provider", "/dns-providers",
		"service that manages records of DNS zones", api_dnsprovider_properties, api_dnsprovider_metadata,
		api_dnsprovider_columns, .kinds = &dns_kinds, .is_declared = true },
	[API_CONSUMER] = { "consumer", "consumer", "consumer", "consumer", "/consumers",
		"server that uses certificates", api_consumer_properties, api_consumer_metadata, api_consumer_columns,
		.kinds = &consumer_kinds, .is_declared = true },
	[API_TOKEN] = { "token", "token", "token", "token", "/tokens",
		"access token of a REST client", api_token_properties, api_token_metadata, api_token_columns,
		.is_ionos = false },
	[API_AUTHORIZATION] = { "authorization", "authorization", "authorization", "authorization",
		"/authorizations", "name that is validated with a manually published record",
		api_authorization_properties, api_authorization_metadata,
		api_authorization_columns, .is_ionos = false },
	[API_ALERT] = { "alert", "alert", "alert", "alert", "/alerts", "destination that is notified of trouble",
		api_alert_properties, api_alert_metadata, api_alert_columns,
		.kinds = &alert_kinds, .is_declared = true },
};

/* Methods of peers without a scope: their results cover all certificates. */
#define CRUD_ROWS(ID, noun, resource, role, create, update, change, what) \
	[RPC_##ID##_CREATE] = { noun ".create", role, API_CREATE, resource, create, NULL, \
		"declare a " what, .flags = 0 }, \
	[RPC_##ID##_UPDATE] = { noun ".update", role, API_UPDATE, resource, update, NULL, "change a " what, \
		.flags = 0 }, \
	[RPC_##ID##_DELETE] = { noun ".delete", role, API_DELETE, resource, change, NULL, "delete a " what, \
		.flags = 0 }
#define READ_ROWS(ID, noun, resource, params, ref, what) \
	[RPC_##ID##_LIST] = { noun ".list", ROLE_VIEWER, API_LIST_ALL, resource, params, NULL, \
		"list " what "s", .flags = API_SCOPED }, \
	[RPC_##ID##_GET] = { noun ".get", ROLE_VIEWER, API_GET, resource, ref, NULL, "show one " what, \
		.flags = API_SCOPED }

/*
 * Declaring programs to run, or where credentials are sent, requires admin. Working with declared objects requires
 * operator.
 */
const struct api_method api_methods[] = {
	READ_ROWS(PROVIDER, "provider", API_PROVIDER, api_page_params, api_provider_ref, "provider"),
	CRUD_ROWS(PROVIDER, "provider", API_PROVIDER, ROLE_ADMIN, api_ionos_create_params, api_provider_update_params,
		api_provider_change, "provider"),
	[RPC_PROVIDER_NEW_ACCOUNT] = { "provider.newAccount", ROLE_ADMIN, API_CALL, API_PROVIDER, api_provider_ref,
		NULL, "register another account, with a new key, in place of one that the CA refuses", .flags = 0 },
	[RPC_PROVIDER_ROLLOVER] = { "provider.rollover", ROLE_ADMIN, API_CALL, API_PROVIDER, api_provider_ref, NULL,
		"replace the key of the account", .flags = 0 },
	[RPC_PROVIDER_DEACTIVATE] = { "provider.deactivate", ROLE_ADMIN, API_CALL, API_PROVIDER,
		api_provider_deactivate_params, NULL, "deactivate the account for good", .flags = 0 },
	[RPC_PROVIDER_EXPORT] = { "provider.export", ROLE_ADMIN, API_CALL, API_PROVIDER, api_provider_export_params,
		api_provider_export_result, "write a provider with its account key, sealed, to the passed descriptor",
		.flags = API_TAKES_FD },
	READ_ROWS(AUTOCERTIFICATE, "autoCertificate", API_AUTOCERTIFICATE, api_autocert_list_params, api_autocert_ref,
		"auto-certificate"),
	[RPC_AUTOCERTIFICATE_CREATE] = { "autoCertificate.create", ROLE_OPERATOR, API_CREATE, API_AUTOCERTIFICATE,
		api_autocert_create_params, NULL, "declare an auto-certificate", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_UPDATE] = { "autoCertificate.update", ROLE_OPERATOR, API_UPDATE, API_AUTOCERTIFICATE,
		api_autocert_update_params, NULL, "change an auto-certificate", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_DELETE] = { "autoCertificate.delete", ROLE_OPERATOR, API_DELETE, API_AUTOCERTIFICATE,
		api_autocert_delete_params, NULL, "delete an auto-certificate", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_RENEW] = { "autoCertificate.renew", ROLE_OPERATOR, API_CALL, API_AUTOCERTIFICATE,
		api_renew_params, NULL, "order a new certificate now", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_PAUSE] = { "autoCertificate.pause", ROLE_OPERATOR, API_CALL, API_AUTOCERTIFICATE,
		api_autocert_ref, NULL, "suspend renewal", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_RESUME] = { "autoCertificate.resume", ROLE_OPERATOR, API_CALL,
		API_AUTOCERTIFICATE, api_autocert_ref, NULL, "resume renewal", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_CANCEL] = { "autoCertificate.cancel", ROLE_OPERATOR, API_CALL,
		API_AUTOCERTIFICATE, api_autocert_ref, NULL, "end the order in progress", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_ROLLBACK] = { "autoCertificate.rollback", ROLE_OPERATOR, API_CALL,
		API_AUTOCERTIFICATE, api_rollback_params, NULL, "deploy an earlier certificate", .flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_APPROVE] = { "autoCertificate.approve", ROLE_OPERATOR, API_CALL,
		API_AUTOCERTIFICATE, api_autocert_ref, NULL, "deploy the certificate that waits for approval",
		.flags = API_SCOPED },
	[RPC_AUTOCERTIFICATE_EXPLAIN] = { "autoCertificate.explain", ROLE_VIEWER, API_CALL,
		API_AUTOCERTIFICATE, api_autocert_ref, api_explain_result,
		"explain the next action, its time and its reason",
		.flags = API_SCOPED },
	READ_ROWS(CERTIFICATE, "certificate", API_CERTIFICATE, api_certificate_list_params, api_certificate_get_params,
		"certificate"),
	[RPC_CERTIFICATE_CREATE] = { "certificate.create", ROLE_OPERATOR, API_CREATE, API_CERTIFICATE,
		api_certificate_create_params, NULL, "import a certificate with its key", .flags = API_SCOPED },
	[RPC_CERTIFICATE_UPDATE] = { "certificate.update", ROLE_OPERATOR, API_UPDATE, API_CERTIFICATE,
		api_certificate_update_params, NULL, "change the name, consumers or labels of a certificate",
		.flags = API_SCOPED },
	[RPC_CERTIFICATE_DELETE] = { "certificate.delete", ROLE_OPERATOR, API_DELETE, API_CERTIFICATE,
		api_certificate_change, NULL, "delete a certificate that is not in use", .flags = API_SCOPED },
	[RPC_CERTIFICATE_REVOKE] = { "certificate.revoke", ROLE_OPERATOR, API_CALL, API_CERTIFICATE,
		api_certificate_revoke_params, NULL, "revoke a certificate, after its replacement is deployed",
		.flags = API_SCOPED },
	[RPC_CERTIFICATE_ROLLBACK] = { "certificate.rollback", ROLE_OPERATOR, API_CALL, API_CERTIFICATE,
		api_certificate_rollback_params, NULL,
		"deploy the certificate that an imported one has replaced, or an earlier one", .flags = API_SCOPED },
	[RPC_CERTIFICATE_EXPLAIN] = { "certificate.explain", ROLE_VIEWER, API_CALL, API_CERTIFICATE,
		api_certificate_ref, api_explain_result,
		"explain where an imported certificate is deployed, and why not",
		.flags = API_SCOPED },
	[RPC_CERTIFICATE_EXPORT] = { "certificate.export", ROLE_VIEWER, API_CALL, API_CERTIFICATE,
		api_certificate_export_params, api_export_result,
		"write a certificate to the passed descriptor; exporting the key requires the role admin",
		.flags = API_TAKES_FD | API_SCOPED },
	READ_ROWS(DNSPROVIDER, "dnsProvider", API_DNSPROVIDER, api_page_params, api_dnsprovider_ref, "DNS provider"),
	CRUD_ROWS(DNSPROVIDER, "dnsProvider", API_DNSPROVIDER, ROLE_ADMIN, api_create_params, api_dnsprovider_change,
		api_dnsprovider_change, "DNS provider"),
	[RPC_DNSPROVIDER_CHECK] = { "dnsProvider.check", ROLE_OPERATOR, API_CALL, API_DNSPROVIDER,
		api_dnsprovider_check_params, api_dnsprovider_check_result,
		"add a TXT record for a test, look it up on all name servers, and remove it", .flags = 0 },
	READ_ROWS(CONSUMER, "consumer", API_CONSUMER, api_page_params, api_consumer_ref, "consumer"),
	CRUD_ROWS(CONSUMER, "consumer", API_CONSUMER, ROLE_ADMIN, api_create_params, api_consumer_update_params,
		api_consumer_change,
		"consumer"),
	[RPC_CONSUMER_DEPLOY] = { "consumer.deploy", ROLE_OPERATOR, API_CALL, API_CONSUMER, api_rollout_params,
		api_rollout_result, "write the files and notify the consumer again", .flags = API_SCOPED },
	[RPC_CONSUMER_PROBE] = { "consumer.probe", ROLE_OPERATOR, API_CALL, API_CONSUMER, api_rollout_params,
		api_rollout_result, "check now which certificate the consumer presents", .flags = API_SCOPED },
	[RPC_TOKEN_CREATE] = { "token.create", ROLE_ADMIN, API_CREATE, API_TOKEN, NULL, NULL, "create a token",
		.flags = 0 },
	[RPC_TOKEN_LIST] = { "token.list", ROLE_ADMIN, API_LIST_ALL, API_TOKEN, api_token_list_params, NULL,
		"list tokens", .flags = 0 },
	[RPC_TOKEN_GET] = { "token.get", ROLE_ADMIN, API_GET, API_TOKEN, api_token_ref, NULL, "show a token",
		.flags = 0 },
	[RPC_TOKEN_DELETE] = { "token.delete", ROLE_ADMIN, API_DELETE, API_TOKEN, api_token_ref, NULL,
		"delete a token, which revokes it", .flags = 0 },
	READ_ROWS(AUTHORIZATION, "authorization", API_AUTHORIZATION, api_page_params, api_authorization_ref,
		"authorization"),
	[RPC_AUTHORIZATION_CREATE] = { "authorization.create", ROLE_OPERATOR, API_CREATE, API_AUTHORIZATION, NULL,
		NULL, "request the TXT record that validates a name", .flags = API_SCOPED },
	[RPC_AUTHORIZATION_DELETE] = { "authorization.delete", ROLE_OPERATOR, API_DELETE, API_AUTHORIZATION,
		api_authorization_ref, NULL, "delete an authorization", .flags = API_SCOPED },
	[RPC_AUTHORIZATION_VALIDATE] = { "authorization.validate", ROLE_OPERATOR, API_CALL, API_AUTHORIZATION,
		api_validate_params, NULL, "ask the CA to validate the published record", .flags = API_SCOPED },
	[RPC_ALERT_LIST] = { "alert.list", ROLE_VIEWER, API_LIST_ALL, API_ALERT, api_page_params, NULL, "list alerts",
		.flags = 0 },
	[RPC_ALERT_GET] = { "alert.get", ROLE_VIEWER, API_GET, API_ALERT, api_alert_ref, NULL, "show one alert",
		.flags = 0 },
	CRUD_ROWS(ALERT, "alert", API_ALERT, ROLE_ADMIN, api_create_params, api_alert_change, api_alert_change,
		"alert"),
	[RPC_ALERT_TEST] = { "alert.test", ROLE_OPERATOR, API_CALL, API_ALERT, api_alert_ref, api_alert_test_result,
		"send a test message now", .flags = 0 },
	[RPC_AUDIT_LIST] = { "audit.list", ROLE_ADMIN, API_CALL, API_RESOURCE_COUNT, api_audit_list_params,
		api_audit_list_result, "list changes and refused calls", "/audit", .flags = API_READS },
	[RPC_AUDIT_VERIFY] = { "audit.verify", ROLE_ADMIN, API_CALL, API_RESOURCE_COUNT, api_audit_verify_params,
		api_audit_verify_result, "verify the audit log", .flags = API_READS },
	[RPC_EVENT_LIST] = { "event.list", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT, api_event_list_params,
		api_event_list_result, "list events", "/events", .flags = API_SCOPED },
	[RPC_EVENT_SUBSCRIBE] = { "event.subscribe", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT,
		api_event_subscribe_params, api_event_subscribe_result, "subscribe to \"event\" notifications",
		.flags = API_SCOPED },
	[RPC_SCHEDULE_LIST] = { "schedule.list", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT, api_schedule_params,
		api_schedule_result, "list planned work", "/schedule", .flags = API_SCOPED },
	[RPC_SERVER_FORECAST] = { "server.forecast", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT, api_forecast_params,
		api_forecast_result, "show the renewals to come", "/forecast", .flags = API_SCOPED },
	[RPC_SERVER_METRICS] = { "server.metrics", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT, api_metrics_params,
		api_metrics_result, "show metrics in the format of Prometheus", "/metrics",
		.flags = API_SCOPED | API_PLAIN_TEXT },
	[RPC_SERVER_STATUS] = { "server.status", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT, NULL,
		api_status_result, "show the state of certd", "/status", .flags = API_SCOPED },
	[RPC_SERVER_RELOAD] = { "server.reload", ROLE_ADMIN, API_CALL, API_RESOURCE_COUNT, NULL, NULL,
		"reload certd.conf", .path = "/reload" },
	[RPC_SERVER_BACKUP] = { "server.backup", ROLE_ADMIN, API_CALL, API_RESOURCE_COUNT, api_backup_params,
		api_backup_result, "write the store, sealed, to the passed descriptor, and verify it",
		.flags = API_TAKES_FD },
	[RPC_SERVER_REKEY] = { "server.rekey", ROLE_ADMIN, API_CALL, API_RESOURCE_COUNT, api_rekey_params, NULL,
		"change the master key", .flags = 0 },
	[RPC_DISCOVER] = { "rpc.discover", ROLE_VIEWER, API_CALL, API_RESOURCE_COUNT, NULL, NULL,
		"describe this API as an OpenRPC document", .flags = API_SCOPED },
};
_Static_assert(ARRAY_SIZE(api_resources) == API_RESOURCE_COUNT, "one row per resource");
_Static_assert(ARRAY_SIZE(api_methods) == API_METHOD_COUNT, "one row per method");
