/* The table of event kinds. An error or warning needs the operator's attention; notice and info report normal work. */
#include "common/api/event.h"

#include "common/alloc.h"

#include <string.h>

/* Members of data, each with '?' if it may be missing. */
#define DATA_ERROR "code field? problem? retryAt? message"
#define DATA_PROBE "consumer endpoint address? sni? sha256Fingerprint? serial? issuer? names? notAfter?"

static const struct event_info kinds[] = {
	[EVENT_SERVER_STARTED] = { "server.started", EVENT_INFO, "", "certd is ready" },
	[EVENT_SERVER_STOPPING] = { "server.stopping", EVENT_INFO, "", "certd is stopping" },
	[EVENT_SERVER_RELOADED] = { "server.reloaded", EVENT_INFO, "", "certd.conf was reloaded" },
	[EVENT_SERVER_WARNING] = { "server.warning", EVENT_WARNING, "code? field? problem? retryAt? message?",
		"certd itself needs attention" },
	[EVENT_STORE_FAILED] = { "store.failed", EVENT_ERROR, DATA_ERROR, "certd could not write to the store" },
	[EVENT_CLOCK_CHANGED] = { "clock.changed", EVENT_WARNING, "", "the system clock was changed" },
	[EVENT_ACCESS_DENIED] = { "access.denied", EVENT_WARNING, DATA_ERROR,
		"a call was refused because the caller lacks a role" },
	[EVENT_OBJECT_CREATED] = { "object.created", EVENT_INFO, "by changes?", "an object was created" },
	[EVENT_OBJECT_UPDATED] = { "object.updated", EVENT_INFO, "by changes?", "an object was changed" },
	[EVENT_OBJECT_DELETED] = { "object.deleted", EVENT_NOTICE, "by changes?", "an object was deleted" },
	[EVENT_ACCOUNT_DONE] = { "account.done", EVENT_NOTICE, "",
		"an account was registered with the CA, or has another key" },
	[EVENT_ACCOUNT_FAILED] = { "account.failed", EVENT_ERROR, DATA_ERROR,
		"an account could not be registered, or its key not replaced" },
	[EVENT_ISSUE_PROGRESS] = { "issue.progress", EVENT_DEBUG, "state why? until?", "a step of an order" },
	[EVENT_ISSUE_DONE] = { "issue.done", EVENT_NOTICE, "certificate notAfter",
		"a certificate was issued and stored" },
	[EVENT_ISSUE_FAILED] = { "issue.failed", EVENT_ERROR, DATA_ERROR, "a certificate could not be issued" },
	[EVENT_DEPLOY_DONE] = { "deploy.done", EVENT_NOTICE, "certificate directory",
		"the files were written and all consumers notified" },
	[EVENT_DEPLOY_FAILED] = { "deploy.failed", EVENT_ERROR, DATA_ERROR " consumer? step?",
		"files could not be written, or a consumer could not be notified" },
	[EVENT_PROBE_SERVED] = { "probe.served", EVENT_INFO, DATA_PROBE,
		"an endpoint presents the newest certificate" },
	[EVENT_PROBE_STALE] = { "probe.stale", EVENT_WARNING, DATA_PROBE, "an endpoint presents another certificate" },
	[EVENT_PROBE_MISMATCH] = { "probe.mismatch", EVENT_WARNING, DATA_PROBE,
		"an endpoint presents a certificate for other names" },
	[EVENT_PROBE_INCOMPLETE] = { "probe.incomplete", EVENT_WARNING, DATA_PROBE,
		"an endpoint presents the newest certificate without an intermediate" },
	[EVENT_PROBE_INVALID] = { "probe.invalid", EVENT_WARNING, DATA_PROBE,
		"an endpoint presents the newest certificate, which is not valid now" },
	[EVENT_PROBE_UNREACHABLE] = { "probe.unreachable", EVENT_WARNING, DATA_PROBE " code message",
		"a TLS connection to an endpoint failed" },
	[EVENT_CLEANUP_FAILED] = { "cleanup.failed", EVENT_WARNING, DATA_ERROR,
		"a TXT record could not be removed; certd retries" },
	[EVENT_CERTIFICATE_PURGED] = { "certificate.purged", EVENT_INFO, "", "an expired certificate was deleted" },
	[EVENT_AUTHORIZATION_PENDING] = { "authorization.pending", EVENT_NOTICE, "recordName recordContent",
		"a TXT record must be published manually" },
	[EVENT_AUTHORIZATION_DONE] = { "authorization.done", EVENT_NOTICE, "",
		"the CA has validated the record and authorized the name" },
	[EVENT_AUTHORIZATION_FAILED] = { "authorization.failed", EVENT_ERROR, DATA_ERROR,
		"a name could not be authorized" },
	[EVENT_CERTIFICATE_EXPIRING] = { "certificate.expiring", EVENT_WARNING, "notAfter days",
		"a certificate that certd does not renew expires soon: imported, or of a paused auto-certificate" },
	[EVENT_CERTIFICATE_EXPIRED] = { "certificate.expired", EVENT_ERROR, "notAfter days",
		"a certificate that is in use has expired" },
	[EVENT_CERTIFICATE_EXPORTED] = { "certificate.exported", EVENT_NOTICE, "by format",
		"a private key was exported" },
	[EVENT_CONSUMER_STALE] = { "consumer.stale", EVENT_ERROR, "consumer served activations",
		"a consumer does not serve the certificate, and retries did not help" },
	[EVENT_DEPLOY_ROLLED_BACK] = { "deploy.rolledBack", EVENT_WARNING,
		"certificate from? consumer? by? code? message?",
		"an earlier certificate was deployed instead of the newest" },
	[EVENT_DEPLOY_RESOLVED] = { "deploy.resolved", EVENT_NOTICE, "certificate",
		"the newest certificate is deployed again after a rollback" },
	[EVENT_ALERT_SENT] = { "alert.sent", EVENT_INFO, "id condition status severity subject?",
		"a message was delivered to an alert destination" },
	[EVENT_ALERT_FAILED] = { "alert.failed", EVENT_WARNING, DATA_ERROR,
		"a message could not be delivered to an alert destination" },
	[EVENT_DEPLOY_CHANGED] = { "deploy.changed", EVENT_WARNING, "files",
		"something else changed files that certd wrote; they are written again" },
	[EVENT_ACCOUNT_REPLACED] = { "account.replaced", EVENT_WARNING, "former account",
		"the CA had forgotten an account, and its key was registered again" },
	[EVENT_RENEWAL_SUGGESTED] = { "renewal.suggested", EVENT_INFO, "start end chosen explanationUrl?",
		"the CA suggests another time for the renewal of a certificate" },
	[EVENT_RENEWAL_HELD] = { "renewal.held", EVENT_WARNING, "chosen nextDate explanationUrl?",
		"the CA asks again and again to replace new certificates at once; certd waits" },
	[EVENT_RENEWAL_UNKNOWN] = { "renewal.unknown", EVENT_WARNING, DATA_ERROR,
		"the CA does not say when a certificate should be renewed; certd decides" },
	[EVENT_CERTIFICATE_REVOKED] = { "certificate.revoked", EVENT_WARNING, "reason by? list?",
		"a certificate was revoked" },
	[EVENT_CERTIFICATE_REVOKE_FAILED] = { "certificate.revokeFailed", EVENT_ERROR, DATA_ERROR,
		"a certificate could not be revoked" },
	[EVENT_ACCOUNT_DEACTIVATED] = { "account.deactivated", EVENT_NOTICE, "",
		"an account was deactivated, as requested" },
	[EVENT_RENEWAL_UNREADY] = { "renewal.unready", EVENT_WARNING, "grade findings",
		"a check found something that endangers the next renewal" },
	[EVENT_RENEWAL_READY] = { "renewal.ready", EVENT_NOTICE, "grade findings",
		"what endangered the next renewal is not found any more" },
	[EVENT_REVOCATION_UNKNOWN] = { "revocation.unknown", EVENT_WARNING, DATA_ERROR " list certificates",
		"a revocation list or an OCSP responder cannot be used; certd retries" },
	[EVENT_REHEARSAL_PROGRESS] = { "rehearsal.progress", EVENT_DEBUG, "state why? until?",
		"a step of a rehearsal" },
	[EVENT_REHEARSAL_DONE] = { "rehearsal.done", EVENT_NOTICE, "provider",
		"a rehearsal got a certificate, which was thrown away" },
	[EVENT_REHEARSAL_FAILED] = { "rehearsal.failed", EVENT_WARNING, DATA_ERROR,
		"a rehearsal did not get a certificate" },
	[EVENT_ACCOUNT_EXPORTED] = { "account.exported", EVENT_NOTICE, "by", "an account key was exported, sealed" },
	[EVENT_SERVER_BACKUP] = { "server.backup", EVENT_NOTICE, "by masterKey",
		"the store was copied for a backup, sealed" },
	[EVENT_SERVER_REKEYED] = { "server.rekeyed", EVENT_NOTICE, "", "the master key was changed" },
	[EVENT_CERTIFICATE_DIFFERS] = { "certificate.differs", EVENT_WARNING, "certificate differences",
		"a new certificate differs from the one in use, or from what is declared, and is deployed" },
	[EVENT_REISSUE_STARTED] = { "reissue.started", EVENT_NOTICE, "by certificates rate",
		"the replacement of many certificates was begun" },
	[EVENT_REISSUE_ENDED] = { "reissue.ended", EVENT_NOTICE, "by state certificates orders failing?",
		"the replacement of many certificates is over, or was cancelled" },
	[EVENT_CERTIFICATE_WAITING] = { "certificate.waiting", EVENT_WARNING, "certificate differences until",
		"a renewed certificate differs from the one in use, and waits for approval" },
	[EVENT_CERTIFICATE_FOREIGN] = { "certificate.foreign", EVENT_WARNING,
		"finding issuer serialNumber names notBefore notAfter",
		"a CT log has a certificate for a managed name that certd did not order" },
	[EVENT_TRANSPARENCY_UNKNOWN] = { "transparency.unknown", EVENT_WARNING, DATA_ERROR " domain",
		"the source of Certificate Transparency cannot be used; certd retries" },
};
_Static_assert(ARRAY_SIZE(kinds) == EVENT_KIND_COUNT, "one row per event kind");

const struct event_info *
event_info(enum event_kind kind)
{
	return &kinds[kind];
}

/* The next word of @list; its '?' is returned separately. Return: false at the end. */
static bool
next_member(const char **list, const char **ret_name, size_t *ret_len, bool *ret_is_optional)
{
	*list += strspn(*list, " ");
	*ret_name = *list;
	*ret_len = strcspn(*list, "? ");
	*list += *ret_len;
	*ret_is_optional = **list == '?';
	*list += *ret_is_optional;
	return *ret_len > 0;
}

static bool
is_declared(const struct event_info *info, const char *member)
{
	const char *list = info->data, *name;
	bool is_optional;
	size_t len;

	while (next_member(&list, &name, &len, &is_optional))
		if (strlen(member) == len && memcmp(name, member, len) == 0)
			return true;
	return false;
}

char *
event_data_fault(const struct event_info *info, struct json_object *data)
{
	const char *list = info->data, *name;
	bool is_optional;
	size_t len;

	if (data) {
		json_object_object_foreach(data, member, value) {
			(void)value;
			if (!is_declared(info, member))
				return xasprintf("%s: data has '%s', which is not declared", info->name, member);
		}
	}
	while (next_member(&list, &name, &len, &is_optional)) {
		_cleanup_free_ char *text = xstrndup(name, len);

		if (!is_optional && !(data && json_object_object_get_ex(data, text, NULL)))
			return xasprintf("%s: data lacks '%s', which is declared", info->name, text);
	}
	return NULL;
}

bool
event_is_transient(const struct event_info *info)
{
	return info->level == EVENT_DEBUG;
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
