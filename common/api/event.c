/* The table of event kinds. An error or warning needs the operator's attention; notice and info report normal work. */
#include "common/api/event.h"

#include "common/alloc.h"

#include <string.h>

#define DATA_ERROR "data: {code, field, problem, retryAt, message}"
#define DATA_STEP "data: {state, why}"
#define DATA_PROBE "data: {consumer, endpoint, sni, sha256Fingerprint}"

static const struct event_info kinds[] = {
	[EVENT_SERVER_STARTED] = { "server.started", EVENT_INFO, false, "certd is ready" },
	[EVENT_SERVER_STOPPING] = { "server.stopping", EVENT_INFO, false, "certd is stopping" },
	[EVENT_SERVER_RELOADED] = { "server.reloaded", EVENT_INFO, false, "certd.conf was reloaded" },
	[EVENT_SERVER_WARNING] = { "server.warning", EVENT_WARNING, false, "certd itself needs attention" },
	[EVENT_STORE_FAILED] = { "store.failed", EVENT_ERROR, false,
		"certd could not write to the store; " DATA_ERROR },
	[EVENT_CLOCK_CHANGED] = { "clock.changed", EVENT_WARNING, false, "the system clock was changed" },
	[EVENT_ACCESS_DENIED] = { "access.denied", EVENT_WARNING, false,
		"a call was refused because the caller lacks a role; data: {uid, method, role}" },
	[EVENT_OBJECT_CREATED] = { "object.created", EVENT_INFO, false, "data: {by}" },
	[EVENT_OBJECT_UPDATED] = { "object.updated", EVENT_INFO, false, "data: {by}" },
	[EVENT_OBJECT_DELETED] = { "object.deleted", EVENT_NOTICE, false, "data: {by}" },
	[EVENT_ACCOUNT_PROGRESS] = { "account.progress", EVENT_DEBUG, true,
		"a step of the registration of an account; " DATA_STEP },
	[EVENT_ACCOUNT_DONE] = { "account.done", EVENT_NOTICE, false,
		"an account was registered with the CA" },
	[EVENT_ACCOUNT_FAILED] = { "account.failed", EVENT_ERROR, false,
		"the registration of an account failed; " DATA_ERROR },
	[EVENT_ISSUE_PROGRESS] = { "issue.progress", EVENT_DEBUG, true, "a step of an order; " DATA_STEP },
	[EVENT_ISSUE_DONE] = { "issue.done", EVENT_NOTICE, false,
		"a certificate was issued and stored; data: {certificate, notAfter}" },
	[EVENT_ISSUE_FAILED] = { "issue.failed", EVENT_ERROR, false,
		"a certificate could not be issued; " DATA_ERROR },
	[EVENT_DEPLOY_PROGRESS] = { "deploy.progress", EVENT_DEBUG, true,
		"a step of a deployment; " DATA_STEP },
	[EVENT_DEPLOY_DONE] = { "deploy.done", EVENT_NOTICE, false,
		"the files were written and all consumers notified; data: {certificate, generation, "
		"directory}" },
	[EVENT_DEPLOY_FAILED] = { "deploy.failed", EVENT_ERROR, false,
		"files could not be written, or a consumer could not be notified; " DATA_ERROR },
	[EVENT_PROBE_SERVED] = { "probe.served", EVENT_INFO, false,
		"an endpoint presents the newest certificate; " DATA_PROBE },
	[EVENT_PROBE_STALE] = { "probe.stale", EVENT_WARNING, false,
		"an endpoint presents another certificate; " DATA_PROBE },
	[EVENT_PROBE_UNREACHABLE] = { "probe.unreachable", EVENT_WARNING, false,
		"a TLS connection to an endpoint failed; data: {consumer, endpoint, sni, code, message}" },
	[EVENT_CLEANUP_FAILED] = { "cleanup.failed", EVENT_WARNING, false,
		"a TXT record could not be removed; certd retries; " DATA_ERROR },
	[EVENT_CERTIFICATE_PURGED] = { "certificate.purged", EVENT_INFO, false,
		"an expired certificate was deleted" },
	[EVENT_AUTHORIZATION_PENDING] = { "authorization.pending", EVENT_NOTICE, false,
		"a TXT record must be published manually; data: {recordName, recordContent}" },
	[EVENT_AUTHORIZATION_DONE] = { "authorization.done", EVENT_NOTICE, false,
		"the CA has validated the record and authorized the name" },
	[EVENT_AUTHORIZATION_FAILED] = { "authorization.failed", EVENT_ERROR, false,
		"a name could not be authorized; " DATA_ERROR },
	[EVENT_CERTIFICATE_EXPIRING] = { "certificate.expiring", EVENT_WARNING, false,
		"an imported certificate, which certd cannot renew, expires soon; data: {notAfter, days}" },
	[EVENT_CERTIFICATE_EXPIRED] = { "certificate.expired", EVENT_ERROR, false,
		"an imported certificate that is in use has expired; data: {notAfter, days}" },
	[EVENT_CERTIFICATE_EXPORTED] = { "certificate.exported", EVENT_NOTICE, false,
		"a private key was exported; data: {by, format}" },
};
_Static_assert(ARRAY_SIZE(kinds) == EVENT_KIND_COUNT, "one row per event kind");

const struct event_info *
event_info(enum event_kind kind)
{
	return &kinds[kind];
}

int
event_kind_find(const char *name, enum event_kind *ret_kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].name, name) == 0) {
			*ret_kind = (enum event_kind)i;
			return 1;
		}
	}
	return 0;
}

const char *
event_level_name(enum event_level level)
{
	switch (level) {
	case EVENT_ERROR:
		return "error";
	case EVENT_WARNING:
		return "warning";
	case EVENT_NOTICE:
		return "notice";
	case EVENT_INFO:
		return "info";
	case EVENT_DEBUG:
		return "debug";
	}
	return "unknown";
}
