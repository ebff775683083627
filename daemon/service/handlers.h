/* daemon/service/handlers.h: one function per method (service_fn); the table that joins them to names is service_table.c. */
#ifndef DAEMON_SERVICE_HANDLERS_H
#define DAEMON_SERVICE_HANDLERS_H

#include "daemon/service/service.h"

service_fn provider_create, provider_list, provider_get, provider_update, provider_delete;
service_fn autocert_create, autocert_list, autocert_get, autocert_update, autocert_delete;
service_fn autocert_renew, autocert_pause, autocert_resume, autocert_explain;
service_fn certificate_create, certificate_list, certificate_get, certificate_update, certificate_delete;
service_fn certificate_export;
service_fn dnsprovider_create, dnsprovider_list, dnsprovider_get, dnsprovider_update, dnsprovider_delete;
service_fn consumer_create, consumer_list, consumer_get, consumer_update, consumer_delete;
service_fn consumer_deploy, consumer_probe;
service_fn token_create, token_list, token_get, token_delete;
service_fn authorization_create, authorization_list, authorization_get, authorization_delete;
service_fn authorization_validate;
service_fn audit_log_list, audit_log_verify;
service_fn event_list, event_subscribe;
service_fn schedule_list, server_status, server_reload, rpc_discover;

#endif
