/* Methods without a resource: events, the audit log, planned work, metrics and the state of certd. */
#include "common/api/api_fields.h"

/* One row per line is easier to compare. */
/* clang-format off */

const struct api_field api_event_fields[] = {
	{ .name = "seq", .type = API_INT, .help = "sequence number" },
	{ .name = "time", .type = API_TIME, .help = "time of the event" },
	{ .name = "level", .type = API_STRING, .help = "error, warning, notice, info or debug" },
	{ .name = "kind", .type = API_STRING, .help = "what happened, such as issue.done" },
	{ .name = "object", .type = API_OBJECT, .fields = api_object_ref_fields,
		.help = "object that the event is about" },
	{ .name = "message", .type = API_STRING, .help = "description for people" },
	{ .name = "data", .type = API_ANY, .help = "details, depending on the kind" },
	END,
};

const struct api_field api_backup_params[] = {
	{ .name = "passphrase", .type = API_SECRET, .flags = API_REQUIRED,
		.help = "passphrase of the new file, 8 characters or more" },
	{ .name = "withoutMasterKey", .type = API_BOOL,
		.help = "leave out the master key: restoring then needs it" },
	END,
};

const struct api_field api_backup_result[] = {
	{ .name = "createdDate", .type = API_TIME, .help = "time of the backup" },
	{ .name = "masterKey", .type = API_BOOL, .help = "whether it contains the master key" },
	{ .name = "octets", .type = API_INT, .help = "size of the store in it" },
	{ .name = "providers", .type = API_INT, .help = "number of providers in it" },
	{ .name = "autoCertificates", .type = API_INT, .help = "number of auto-certificates in it" },
	{ .name = "certificates", .type = API_INT, .help = "number of certificates in it" },
	{ .name = "damaged", .type = API_INT, .help = "number of records in it that are damaged in the store" },
	END,
};

const struct api_field api_rekey_params[] = {
	{ .name = "masterKey", .type = API_SECRET,
		.help = "new master key: 32 octets, in base64",
		.fallback = "a random one, if certd keeps it in its state directory" },
	END,
};

const struct api_field api_event_subscribe_params[] = {
	{ .name = "object", .type = API_STRING, .metavar = "ID",
		.help = "only events about the object with this id" },
	{ .name = "after", .type = API_INT, .min = 0, .max = INT64_MAX, .metavar = "SEQ",
		.help = "start with stored events after this number", .fallback = "new events only" },
	END,
};

const struct api_field api_event_subscribe_result[] = {
	{ .name = "object", .type = API_STRING, .help = "id of the object, from the request" },
	{ .name = "after", .type = API_INT, .help = "number of the newest event" },
	{ .name = "items", .type = API_LIST, .fields = api_event_fields, .help = "stored events after the requested "
		"number" },
	END,
};

const struct api_field api_event_list_params[] = {
	{ .name = "object", .type = API_STRING, .metavar = "ID",
		.help = "only events about the object with this id" },
	{ .name = "after", .type = API_INT, .min = 0, .max = INT64_MAX, .metavar = "SEQ",
		.help = "only those after this number", .fallback = "the newest" },
	{ .name = "limit", .type = API_INT, .min = 1, .max = MAX_PAGE, .metavar = "N",
		.help = "maximum number of results", .fallback = "100" },
	END,
};

const struct api_field api_event_list_result[] = {
	{ .name = "items", .type = API_LIST, .fields = api_event_fields, .help = "oldest first" },
	END,
};

const struct api_field api_audit_fields[] = {
	{ .name = "number", .type = API_INT, .help = "sequence number, from 1 without gaps" },
	{ .name = "time", .type = API_TIME, .help = "time of the call" },
	{ .name = "who", .type = API_STRING, .help = "user or token that made the call" },
	{ .name = "userId", .type = API_STRING, .help = "uid of the user, or id of the token" },
	{ .name = "method", .type = API_STRING, .help = "method that was called" },
	{ .name = "outcome", .type = API_STRING, .help = "done or refused" },
	{ .name = "object", .type = API_OBJECT, .fields = api_object_ref_fields, .help = "object of the call" },
	{ .name = "changes", .type = API_ANY, .help = "field, old value and new value of each change" },
	{ .name = "reason", .type = API_STRING, .help = "reason for the refusal" },
	{ .name = "times", .type = API_INT, .help = "number of calls, if more than one" },
	{ .name = "hash", .type = API_STRING, .help = "hash of this record, which covers all records before it" },
	{ .name = "damaged", .type = API_BOOL, .help = "whether the record was altered" },
	{ .name = "missing", .type = API_BOOL, .help = "whether the record is missing" },
	END,
};

const struct api_field api_audit_list_params[] = {
	{ .name = "after", .type = API_INT, .min = 0, .max = INT64_MAX, .metavar = "NUMBER",
		.help = "only those after this number", .fallback = "the newest" },
	{ .name = "limit", .type = API_INT, .min = 1, .max = MAX_PAGE, .metavar = "N",
		.help = "maximum number of results", .fallback = "100" },
	END,
};

const struct api_field api_audit_list_result[] = {
	{ .name = "items", .type = API_LIST, .fields = api_audit_fields, .help = "oldest first" },
	END,
};

const struct api_field api_audit_verify_params[] = {
	{ .name = "known", .type = API_STRING, .metavar = "NUMBER:HASH",
		.help = "also check that this record has this hash, as logged by certd" },
	END,
};

const struct api_field api_audit_verify_result[] = {
	{ .name = "intact", .type = API_BOOL, .help = "whether the log is complete and unaltered" },
	{ .name = "first", .type = API_INT, .help = "number of the oldest record" },
	{ .name = "last", .type = API_INT, .help = "number of the newest record" },
	{ .name = "hash", .type = API_STRING, .help = "hash of the newest record" },
	{ .name = "bad", .type = API_INT, .help = "number of the first bad record; 0: the sealed head" },
	{ .name = "reason", .type = API_STRING, .help = "what is wrong with that record" },
	END,
};

const struct api_field api_schedule_params[] = { PAGE_FIELDS, END };

static const struct api_field schedule_row_fields[] = {
	{ .name = "date", .type = API_TIME, .help = "time when the work is due" },
	{ .name = "kind", .type = API_STRING,
		.help = "issue, deploy, probe, cleanup, account, purge, authorize, expiry, remove, send, check, "
			"approval, persist, readiness, renewal-info, revocation or revoke" },
	{ .name = "object", .type = API_OBJECT, .fields = api_object_ref_fields,
		.help = "object that the work is for" },
	END,
};

const struct api_field api_schedule_result[] = {
	{ .name = "items", .type = API_LIST, .fields = schedule_row_fields, .help = "earliest first" },
	{ .name = "offset", .type = API_INT, .help = "number of skipped rows, from the request" },
	{ .name = "limit", .type = API_INT, .help = "maximum number of rows, from the request" },
	{ .name = "total", .type = API_INT, .help = "total number of rows" },
	END,
};

const struct api_field api_forecast_params[] = {
	{ .name = "days", .type = API_INT, .min = 1, .max = 400, .fallback = "90", .help = "how many days ahead" },
	END,
};

static const struct api_field forecast_day_fields[] = {
	{ .name = "date", .type = API_TIME, .help = "when the day begins" },
	{ .name = "renewals", .type = API_INT, .help = "orders that are expected on that day" },
	END,
};

static const struct api_field forecast_provider_fields[] = {
	{ .name = "provider", .type = API_OBJECT, .fields = api_object_ref_fields, .help = "the provider" },
	{ .name = "autoCertificates", .type = API_INT, .help = "number of its auto-certificates" },
	{ .name = "renewals", .type = API_INT, .help = "orders that are expected" },
	{ .name = "busiest", .type = API_OBJECT, .fields = forecast_day_fields, .help = "first day with most of them" },
	{ .name = "ordersPerDay", .type = API_INT, .help = "new orders that the CA's rate limit allows a day" },
	{ .name = "renewalsAreExempt", .type = API_BOOL, .help = "whether renewals are exempt from that limit" },
	END,
};

static const struct api_field forecast_announced_fields[] = {
	{ .name = "provider", .type = API_OBJECT, .fields = api_object_ref_fields, .help = "provider of that CA" },
	{ .name = "date", .type = API_TIME, .help = "time from which it holds" },
	{ .name = "lifetime", .type = API_SPAN, .help = "longest lifetime of certificates, in seconds" },
	END,
};

const struct api_field api_forecast_result[] = {
	{ .name = "from", .type = API_TIME, .help = "beginning of this day, UTC" },
	{ .name = "until", .type = API_TIME, .help = "end of the forecast" },
	{ .name = "renewals", .type = API_INT, .help = "orders that are expected, if each succeeds at once" },
	{ .name = "paused", .type = API_INT, .help = "auto-certificates that are not renewed" },
	{ .name = "days", .type = API_LIST, .fields = forecast_day_fields, .help = "days with renewals" },
	{ .name = "providers", .type = API_LIST, .fields = forecast_provider_fields, .help = "load of each provider" },
	{ .name = "announced", .type = API_LIST, .fields = forecast_announced_fields,
		.help = "lifetimes that CAs announced for these days, shorter than those of today" },
	END,
};

static const struct api_field ct_finding_fields[] = {
	{ .name = "finding", .type = API_STRING, .help = "its id" },
	{ .name = "issuer", .type = API_STRING, .help = "distinguished name of the CA" },
	{ .name = "serialNumber", .type = API_STRING, .help = "serial number, hexadecimal" },
	{ .name = "names", .type = API_STRLIST, .help = "up to 20 of its names, managed ones first" },
	{ .name = "notBefore", .type = API_TIME, .help = "beginning of its validity" },
	{ .name = "notAfter", .type = API_TIME, .help = "end of its validity" },
	{ .name = "reportTo", .type = API_STRING, .help = "how the CA takes reports, in the words of the source" },
	{ .name = "foundDate", .type = API_TIME, .help = "time when it was reported" },
	{ .name = "acknowledgedDate", .type = API_TIME, .help = "time when it was acknowledged" },
	{ .name = "acknowledgedBy", .type = API_STRING, .help = "user who acknowledged it" },
	END,
};

static const struct api_field ct_failing_fields[] = {
	{ .name = "domain", .type = API_STRING, .help = "registered domain" },
	{ .name = "message", .type = API_STRING, .help = "why the last attempt to ask for it failed" },
	{ .name = "nextDate", .type = API_TIME, .help = "time of the next attempt" },
	END,
};

const struct api_field api_ct_list_result[] = {
	{ .name = "source", .type = API_STRING, .help = "ct-source of certd.conf; not set: certd does not look" },
	{ .name = "nextDate", .type = API_TIME, .help = "time of the next look" },
	{ .name = "items", .type = API_LIST, .fields = ct_finding_fields,
		.help = "certificates for managed names that certd did not order" },
	{ .name = "failing", .type = API_LIST, .fields = ct_failing_fields,
		.help = "domains that certd cannot ask for" },
	END,
};

const struct api_field api_ct_acknowledge_params[] = {
	{ .name = "finding", .type = API_STRING, .flags = API_REQUIRED, .help = "id of the finding" },
	END,
};

#define REISSUE_OWNER \
	{ .name = "owner", .type = API_STRING, .metavar = "ID", \
		.help = "of the user or token with this id, which has a scope", \
		.fallback = "of callers without a scope" }

const struct api_field api_reissue_params[] = {
	{ .name = "all", .type = API_BOOL, .help = "select all certificates that certd renews" },
	{ .name = "issuer", .type = API_STRING, .metavar = "NAME",
		.help = "only those whose issuer has this organization or common name" },
	{ .name = "intermediate", .type = API_STRING, .metavar = "NAME",
		.help = "only those whose issuer has this common name" },
	{ .name = "keyAlgorithm", .type = API_ENUM, .option = "key", .values = api_key_algorithms,
		.help = "only those with a key of this algorithm" },
	{ .name = "profile", .type = API_STRING, .metavar = "PROFILE", .help = "only those with this profile" },
	FILTER_PROVIDER,
	FILTER_LABEL,
	{ .name = "issuedBefore", .type = API_TIME, .metavar = "DATE", .help = "only those issued before this date" },
	{ .name = "newKeys", .type = API_BOOL, .help = "replace the keys, too, although reuseKey is set" },
	{ .name = "rate", .type = API_INT, .min = 1, .max = 10000, .metavar = "N",
		.help = "begin at most this many orders a minute",
		.fallback = "60, or as many as begin all within 20 hours" },
	{ .name = "pause", .type = API_BOOL, .help = "begin no more orders until it is resumed" },
	{ .name = "resume", .type = API_BOOL, .help = "continue" },
	{ .name = "cancel", .type = API_BOOL, .help = "end it; orders that were begun continue" },
	REISSUE_OWNER,
	DRY_RUN,
	END,
};

const struct api_field api_reissue_status_params[] = { REISSUE_OWNER, END };

static const char *const reissue_states[] = { "dryRun", "running", "paused", "done", "cancelled", NULL };

static const struct api_field reissue_item_fields[] = {
	{ .name = "id", .type = API_STRING, .help = "id of the auto-certificate" },
	{ .name = "name", .type = API_STRING, .help = "name of the auto-certificate" },
	{ .name = "notAfter", .type = API_TIME, .help = "expiry of its certificate" },
	{ .name = "message", .type = API_STRING, .help = "reason of the failure" },
	{ .name = "nextDate", .type = API_TIME, .help = "time of the next attempt" },
	END,
};

const struct api_field api_reissue_result[] = {
	{ .name = "state", .type = API_ENUM, .values = reissue_states,
		.help = "dryRun, running, paused, done or cancelled" },
	{ .name = "by", .type = API_STRING, .help = "user or token that began it" },
	{ .name = "beginDate", .type = API_TIME, .help = "time of its begin" },
	{ .name = "endDate", .type = API_TIME, .help = "time at which every order was tried, or it was cancelled" },
	{ .name = "rate", .type = API_INT, .help = "maximum number of orders a minute" },
	{ .name = "newKeys", .type = API_BOOL, .help = "whether the keys are replaced, too" },
	{ .name = "total", .type = API_INT, .help = "number of certificates that were selected at its begin" },
	{ .name = "started", .type = API_INT, .help = "number of orders that were begun" },
	{ .name = "replaced", .type = API_INT, .help = "number of those that have a new certificate" },
	{ .name = "inProgress", .type = API_INT, .help = "number of those that wait or run" },
	{ .name = "failing", .type = API_INT, .help = "number of those whose last attempt has failed; certd retries" },
	{ .name = "toCome", .type = API_INT, .help = "number of certificates to come" },
	{ .name = "paused", .type = API_INT,
		.help = "number of selected auto-certificates that are paused, and not touched" },
	{ .name = "expectedDate", .type = API_TIME, .help = "about when the last order begins" },
	{ .name = "items", .type = API_LIST, .fields = reissue_item_fields,
		.help = "the first 100 of those to come, in order" },
	{ .name = "failingItems", .type = API_LIST, .fields = reissue_item_fields,
		.help = "the first 100 of those that are failing" },
	{ .name = "pausedItems", .type = API_LIST, .fields = reissue_item_fields,
		.help = "the first 100 of those that are paused" },
	{ .name = "dryRun", .type = API_BOOL, .help = "whether it was only shown" },
	END,
};

static const char *const metrics_formats[] = { "text", "openmetrics", NULL };

const struct api_field api_metrics_params[] = {
	{ .name = "format", .type = API_ENUM, .values = metrics_formats,
		.help = "Prometheus's text format, or OpenMetrics" },
	END,
};

const struct api_field api_metrics_result[] = {
	{ .name = "contentType", .type = API_STRING, .help = "media type of the text" },
	{ .name = "text", .type = API_STRING, .help = "all metrics" },
	END,
};

static const struct api_field autocert_counts[] = {
	{ .name = "total", .type = API_INT, .help = "number of declared objects" },
	{ .name = "available", .type = API_INT, .help = "with a valid certificate" },
	{ .name = "provisioning", .type = API_INT, .help = "waiting for the first certificate" },
	{ .name = "failed", .type = API_INT,
		.help = "without a valid certificate: none could be issued, or it has expired" },
	{ .name = "failing", .type = API_INT, .help = "last attempt failed, with or without a certificate" },
	{ .name = "unserved", .type = API_INT,
		.help = "deployed, but an endpoint is stale or unreachable; also of imported certificates" },
	{ .name = "stale", .type = API_INT, .help = "those of them for which retries did not help" },
	{ .name = "paused", .type = API_INT, .help = "renewal is suspended; at most 1000 are counted" },
	{ .name = "expired", .type = API_INT, .help = "the certificate has expired; at most 1000 are counted" },
	END,
};

static const struct api_field status_store_fields[] = {
	{ .name = "commits", .type = API_INT, .help = "number of commits since the start" },
	{ .name = "longestCommitMicroseconds", .type = API_INT, .help = "duration of the longest commit" },
	{ .name = "turnP99Microseconds", .type = API_INT, .help = "99 of 100 turns of the loop are shorter" },
	{ .name = "usedBytes", .type = API_INT, .help = "size of the data in the store" },
	{ .name = "full", .type = API_BOOL, .help = "whether the store has no space left" },
	END,
};

static const struct api_field failing_fields[] = {
	{ .name = "object", .type = API_OBJECT, .fields = api_object_ref_fields, .help = "object that is affected" },
	{ .name = "action", .type = API_STRING, .help = "failed action: issue, deploy, account or send" },
	{ .name = "message", .type = API_STRING, .help = "reason of the failure" },
	{ .name = "date", .type = API_TIME, .help = "time of the next attempt" },
	END,
};

static const struct api_field condition_fields[] = {
	{ .name = "condition", .type = API_STRING, .help = "word of the condition, as in alerts" },
	{ .name = "severity", .type = API_STRING, .help = "warning or critical" },
	{ .name = "title", .type = API_STRING, .help = "what is wrong" },
	{ .name = "message", .type = API_STRING, .help = "reason" },
	{ .name = "object", .type = API_OBJECT, .fields = api_object_ref_fields,
		.help = "object that is affected; not set for certd itself" },
	{ .name = "since", .type = API_TIME, .help = "time of its begin" },
	END,
};

const struct api_field api_status_result[] = {
	{ .name = "version", .type = API_STRING, .help = "version of certd" },
	{ .name = "pid", .type = API_INT, .help = "process id" },
	{ .name = "startedDate", .type = API_TIME, .help = "time of the start" },
	{ .name = "state", .type = API_STRING, .help = "running or degraded" },
	{ .name = "message", .type = API_STRING, .help = "problem, if there is one" },
	{ .name = "role", .type = API_STRING, .help = "role of the caller" },
	{ .name = "scoped", .type = API_BOOL,
		.help = "whether the caller's scope hides certificates and totals" },
	{ .name = "stateDirectory", .type = API_STRING, .help = "directory of the store" },
	{ .name = "dropDirectory", .type = API_STRING, .help = "directory of the deployed files" },
	{ .name = "providers", .type = API_INT, .help = "number of declared objects" },
	{ .name = "dnsProviders", .type = API_INT, .help = "number of declared objects" },
	{ .name = "consumers", .type = API_INT, .help = "number of declared objects" },
	{ .name = "certificates", .type = API_INT, .help = "number of stored certificates" },
	{ .name = "autoCertificates", .type = API_OBJECT, .fields = autocert_counts,
		.help = "number of auto-certificates by state" },
	{ .name = "inFlight", .type = API_INT, .help = "number of orders in progress" },
	{ .name = "store", .type = API_OBJECT, .fields = status_store_fields, .help = "the store and the loop" },
	{ .name = "reissues", .type = API_STRLIST, .help = "progress of each reissue that has not ended" },
	{ .name = "nextAction", .type = API_STRING, .help = "next planned action" },
	{ .name = "nextObject", .type = API_OBJECT, .fields = api_object_ref_fields, .help = "object of that action" },
	{ .name = "nextDate", .type = API_TIME, .help = "and when" },
	{ .name = "conditions", .type = API_LIST, .fields = condition_fields,
		.help = "up to 20 conditions that hold, the worst first" },
	{ .name = "conditionCount", .type = API_INT, .help = "number of conditions that hold" },
	{ .name = "failing", .type = API_LIST, .fields = failing_fields, .help = "up to 20 failures, by time of the "
		"next attempt" },
	{ .name = "warnings", .type = API_STRLIST, .help = "problems that need attention" },
	END,
};
