/*
 * common/api/event.h: the kinds of events, described once: certd emits by the enum, certctl recognizes by the name.
 * On the wire an event is {seq, time, level, kind, object{type, id, name}, message, data{..}}; the members of
 * `data` of each kind are in the table. Clients depend on the kinds: a change needs a NEWS line.
 */
#ifndef COMMON_API_EVENT_H
#define COMMON_API_EVENT_H

#include "common/json.h"

#include <stdbool.h>

enum event_kind {
	EVENT_SERVER_STARTED,
	EVENT_SERVER_STOPPING,
	EVENT_SERVER_RELOADED,
	EVENT_SERVER_WARNING,
	EVENT_STORE_FAILED,
	EVENT_CLOCK_CHANGED,
	EVENT_ACCESS_DENIED,
	EVENT_OBJECT_CREATED,
	EVENT_OBJECT_UPDATED,
	EVENT_OBJECT_DELETED,
	EVENT_ACCOUNT_DONE,
	EVENT_ACCOUNT_FAILED,
	EVENT_ISSUE_PROGRESS,
	EVENT_ISSUE_DONE,
	EVENT_ISSUE_FAILED,
	EVENT_DEPLOY_DONE,
	EVENT_DEPLOY_FAILED,
	EVENT_PROBE_SERVED,
	EVENT_PROBE_STALE,
	EVENT_PROBE_MISMATCH,
	EVENT_PROBE_INCOMPLETE,
	EVENT_PROBE_UNREACHABLE,
	EVENT_CLEANUP_FAILED,
	EVENT_CERTIFICATE_PURGED,
	EVENT_AUTHORIZATION_PENDING,
	EVENT_AUTHORIZATION_DONE,
	EVENT_AUTHORIZATION_FAILED,
	EVENT_CERTIFICATE_EXPIRING,
	EVENT_CERTIFICATE_EXPIRED,
	EVENT_CERTIFICATE_EXPORTED,
	EVENT_CONSUMER_STALE,
	EVENT_DEPLOY_ROLLED_BACK,
	EVENT_DEPLOY_RESOLVED,
	EVENT_ALERT_SENT,
	EVENT_ALERT_FAILED,
	EVENT_DEPLOY_CHANGED,
	EVENT_ACCOUNT_REPLACED,
	EVENT_RENEWAL_SUGGESTED,
	EVENT_RENEWAL_HELD,
	EVENT_RENEWAL_UNKNOWN,
	EVENT_CERTIFICATE_REVOKED,
	EVENT_CERTIFICATE_REVOKE_FAILED,
	EVENT_ACCOUNT_DEACTIVATED,
	EVENT_PROBE_INVALID,
	EVENT_ACCOUNT_EXPORTED,
	EVENT_SERVER_BACKUP,
	EVENT_SERVER_REKEYED,
	EVENT_CERTIFICATE_DIFFERS,
	EVENT_CERTIFICATE_WAITING,
	EVENT_RENEWAL_UNREADY,
	EVENT_RENEWAL_READY,
	EVENT_REVOCATION_UNKNOWN,
	EVENT_REHEARSAL_PROGRESS,
	EVENT_REHEARSAL_DONE,
	EVENT_REHEARSAL_FAILED,
	EVENT_REISSUE_STARTED,
	EVENT_REISSUE_ENDED,
	EVENT_CERTIFICATE_FOREIGN,
	EVENT_TRANSPARENCY_UNKNOWN,
	EVENT_KIND_COUNT
};

/* syslog's numbers (RFC 5424 s6.2.1). */
enum event_level { EVENT_ERROR = 3, EVENT_WARNING = 4, EVENT_NOTICE = 5, EVENT_INFO = 6, EVENT_DEBUG = 7 };

struct event_info {
	const char *name; /* "issue.done" */
	enum event_level level;
	const char *data; /* members of data, separated by blanks, each with '?' if it may be missing; "": none */
	const char *help; /* one line: what happened */
};

/* Never NULL; @kind in range. */
const struct event_info *
event_info(enum event_kind kind);

/* Progress goes to subscribers and is not stored. */
bool
event_is_transient(const struct event_info *info);

/* The fault of @data (NULL: none) as data of such an event; owned by the caller. NULL: it is as declared. */
char *
event_data_fault(const struct event_info *info, struct json_object *data);

/* Return: 1 and the kind, 0 unknown. */
int
event_kind_find(const char *name, enum event_kind *ret_kind);

/* "error", "warning", "notice", "info", "debug". */
const char *
event_level_name(enum event_level level);

#endif
