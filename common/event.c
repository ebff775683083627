/* The table of event kinds. What an operator must act on is error or warning; what ran well is notice or info. */
#include "common/event.h"

#include "common/alloc.h"

#include <string.h>

#define DATA_ERROR "data: {code, field, problem, retryAt, message}"
#define DATA_STEP "data: {state, why}"
#define DATA_PROBE "data: {consumer, endpoint, sni, sha256Fingerprint}"

static const struct event_info kinds[] = {
	[EVENT_SERVER_STARTED] = { "server.started", EVENT_INFO, false, "certd is ready" },
	[EVENT_SERVER_STOPPING] = { "server.stopping", EVENT_INFO, false, "certd was asked to stop" },
	[EVENT_SERVER_RELOADED] = { "server.reloaded", EVENT_INFO, false, "certd.conf was read again" },
	[EVENT_SERVER_WARNING] = { "server.warning", EVENT_WARNING, false,
		"something about certd itself needs attention" },
	[EVENT_STORE_FAILED] = { "store.failed", EVENT_ERROR, false,
		"the store could not be written; " DATA_ERROR },
	[EVENT_CLOCK_CHANGED] = { "clock.changed", EVENT_WARNING, false, "the wall clock was set" },
	[EVENT_ACCESS_DENIED] = { "access.denied", EVENT_WARNING, false,
		"a call was refused for lack of a role; data: {uid, method, role}" },
	[EVENT_OBJECT_CREATED] = { "object.created", EVENT_INFO, false, "data: {by}" },
	[EVENT_OBJECT_UPDATED] = { "object.updated", EVENT_INFO, false, "data: {by}" },
	[EVENT_OBJECT_DELETED] = { "object.deleted", EVENT_NOTICE, false, "data: {by}" },
	[EVENT_ACCOUNT_PROGRESS] = { "account.progress", EVENT_DEBUG, true,
		"a step of the account's registration; " DATA_STEP },
	[EVENT_ACCOUNT_DONE] = { "account.done", EVENT_NOTICE, false,
		"the account is registered with the CA" },
	[EVENT_ACCOUNT_FAILED] = { "account.failed", EVENT_ERROR, false,
		"the account could not be registered; " DATA_ERROR },
	[EVENT_ISSUE_PROGRESS] = { "issue.progress", EVENT_DEBUG, true, "a step of an order; " DATA_STEP },
	[EVENT_ISSUE_DONE] = { "issue.done", EVENT_NOTICE, false,
		"a certificate was issued and stored; data: {certificate, notAfter}" },
	[EVENT_ISSUE_FAILED] = { "issue.failed", EVENT_ERROR, false, "an issue failed; " DATA_ERROR },
	[EVENT_DEPLOY_PROGRESS] = { "deploy.progress", EVENT_DEBUG, true, "a step of a rollout; " DATA_STEP },
	[EVENT_DEPLOY_DONE] = { "deploy.done", EVENT_NOTICE, false,
		"the drop is written and all consumers are activated; data: {certificate, generation, "
		"directory}" },
	[EVENT_DEPLOY_FAILED] = { "deploy.failed", EVENT_ERROR, false,
		"the drop could not be written or a consumer not activated; " DATA_ERROR },
	[EVENT_PROBE_SERVED] = { "probe.served", EVENT_INFO, false,
		"an endpoint serves the newest certificate; " DATA_PROBE },
	[EVENT_PROBE_STALE] = { "probe.stale", EVENT_WARNING, false,
		"an endpoint serves another certificate; " DATA_PROBE },
	[EVENT_PROBE_UNREACHABLE] = { "probe.unreachable", EVENT_WARNING, false,
		"an endpoint did not answer over TLS; data: {consumer, endpoint, sni, code, message}" },
	[EVENT_CLEANUP_FAILED] = { "cleanup.failed", EVENT_WARNING, false,
		"a TXT record could not be removed yet; " DATA_ERROR },
	[EVENT_CERTIFICATE_PURGED] = { "certificate.purged", EVENT_INFO, false,
		"an expired certificate was deleted after its grace period" },
	[EVENT_AUTHORIZATION_PENDING] = { "authorization.pending", EVENT_NOTICE, false,
		"a TXT record is to be published by hand; data: {recordName, recordContent}" },
	[EVENT_AUTHORIZATION_DONE] = { "authorization.done", EVENT_NOTICE, false,
		"the CA has seen the record: the name is authorized" },
	[EVENT_AUTHORIZATION_FAILED] = { "authorization.failed", EVENT_ERROR, false,
		"a name could not be authorized; " DATA_ERROR },
	[EVENT_CERTIFICATE_EXPIRING] = { "certificate.expiring", EVENT_WARNING, false,
		"an imported certificate, which certd cannot renew, expires soon; data: {notAfter, days}" },
	[EVENT_CERTIFICATE_EXPIRED] = { "certificate.expired", EVENT_ERROR, false,
		"an imported certificate that is in use has expired; data: {notAfter, days}" },
	[EVENT_CERTIFICATE_EXPORTED] = { "certificate.exported", EVENT_NOTICE, false,
		"a private key was written into a descriptor; data: {by, format}" },
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
