/*
 * common/api/api_fields.h: the fields of the control API, one line each. They are in one file for each resource
 * (api_RESOURCE.c), and named by the rows of api_table.c; only these files include this header. The words are those of
 * IONOS Certificate Manager where it has them.
 */
#ifndef COMMON_API_API_FIELDS_H
#define COMMON_API_API_FIELDS_H

#include "common/alloc.h"
#include "common/api/api.h"

/* clang-format off */

enum { MAX_PAGE = 1000, MAX_SPAN = 400 * 86400 };

#define END { .name = NULL }
#define NAME_FIELD(what) \
	{ .name = "name", .type = API_STRING, .flags = API_REQUIRED, .metavar = "NAME", .help = what }

#define LABELS_FIELD(what) \
	{ .name = "labels", .type = API_STRLIST, .flags = API_LABEL, .option = "label", .metavar = "LABEL", \
		.help = what }

#define PREFERRED_CHAIN_HELP \
	"prefer the chain with this common name of its topmost issuer, or with a certificate of this SHA-256 " \
	"fingerprint; shortest: the one with the fewest certificates"
#define SERVED_HELP "result of the probes: served, incomplete chain, stale, not valid, mismatch or unreachable"

#define PAGE_FIELDS \
	{ .name = "offset", .type = API_INT, .min = 0, .max = INT32_MAX, .metavar = "N", \
		.help = "skip this many", .fallback = "0" }, \
	{ .name = "limit", .type = API_INT, .min = 1, .max = MAX_PAGE, .metavar = "N", \
		.help = "maximum number of results", .fallback = "100" }
#define REF_FIELD(noun) \
	{ .name = "ref", .type = API_REF, .flags = API_REQUIRED | API_POSITIONAL, .resource = noun, \
		.metavar = "NAME", .help = "name or id" }
#define DRY_RUN \
	{ .name = "dryRun", .type = API_BOOL, .help = "show the effect without making the change" }
#define TAKE_FILES \
	{ .name = "force", .type = API_BOOL, .help = "also take away files that a consumer still has" }
#define SAME_NAME \
	{ .name = "allowSameName", .type = API_BOOL, .flags = API_BY_REST, \
		.help = "accept a name that another object of this kind has; both are then found by their ids only" }
#define FILTER_NAME \
	{ .name = "commonName", .type = API_STRING, .option = "cn", .metavar = "DOMAIN", \
		.help = "only those with this common name" }
#define FILTER_OBJECT_NAME \
	{ .name = "name", .type = API_STRING, .metavar = "NAME", .help = "only those with this name" }
#define FILTER_PROVIDER \
	{ .name = "provider", .type = API_REF, .resource = "provider", .metavar = "PROVIDER", \
		.help = "only those of this provider" }
#define FILTER_EXPIRY \
	{ .name = "expiresBefore", .type = API_TIME, .metavar = "DATE", \
		.help = "only those that expire before this date, or within a span such as 30d" }
#define FILTER_LABEL \
	{ .name = "label", .type = API_STRING, .metavar = "LABEL", .help = "only those with this label" }
#define FILTERS_CERTIFICATE \
	PAGE_FIELDS, FILTER_STATE, FILTER_OBJECT_NAME, FILTER_NAME, FILTER_LABEL, FILTER_PROVIDER, FILTER_EXPIRY
#define FILTER_STATE { .name = "state", .type = API_ENUM, .values = api_states, .help = "only those in this state" }

extern const char *const api_profile_policies[];
extern const char *const api_key_algorithms[];
extern const char *const api_states[];
extern const struct api_field api_error_fields[], api_object_ref_fields[], api_page_params[], api_create_params[],
	api_ionos_create_params[];

extern const struct api_field api_provider_properties[], api_provider_metadata[], api_provider_ref[],
	api_provider_update_params[], api_provider_change[], api_provider_deactivate_params[],
	api_provider_export_params[], api_provider_export_result[];
extern const struct api_column api_provider_columns[];

extern const struct api_field api_autocert_properties[], api_autocert_metadata[], api_autocert_list_params[],
	api_autocert_ref[], api_autocert_create_params[], api_autocert_update_params[], api_autocert_delete_params[],
	api_renew_params[], api_rehearse_params[], api_rollback_params[], api_explain_result[], api_check_result[];
extern const struct api_column api_autocert_columns[];

extern const struct api_field api_reissue_params[], api_reissue_status_params[], api_reissue_result[];

extern const struct api_field api_certificate_properties[], api_certificate_metadata[], api_certificate_list_params[],
	api_certificate_get_params[], api_certificate_create_params[], api_certificate_update_params[],
	api_certificate_change[], api_certificate_ref[], api_certificate_rollback_params[],
	api_certificate_revoke_params[], api_certificate_export_params[], api_export_result[];
extern const struct api_column api_certificate_columns[];

/* Filled before main(). */
extern struct api_field api_dnsprovider_properties[], api_consumer_properties[], api_alert_properties[];
extern const struct api_field api_dnsprovider_metadata[], api_dnsprovider_ref[], api_dnsprovider_change[];
extern const struct api_field api_dnsprovider_check_params[], api_dnsprovider_check_result[];
extern const struct api_column api_dnsprovider_columns[];

extern const struct api_field api_consumer_metadata[], api_consumer_ref[],
	api_consumer_update_params[], api_consumer_change[], api_rollout_params[], api_rollout_result[];
extern const struct api_column api_consumer_columns[];

extern const struct api_field api_token_properties[], api_token_metadata[], api_token_list_params[], api_token_ref[];
extern const struct api_column api_token_columns[];

extern const struct api_field api_authorization_properties[], api_authorization_metadata[], api_authorization_ref[],
	api_validate_params[];
extern const struct api_column api_authorization_columns[];

extern const struct api_field api_alert_metadata[], api_alert_ref[], api_alert_change[],
	api_alert_test_result[];
extern const struct api_column api_alert_columns[];

extern const struct api_field api_backup_params[], api_backup_result[], api_rekey_params[];
extern const struct api_field api_event_subscribe_params[], api_event_subscribe_result[], api_event_list_params[],
	api_event_list_result[], api_audit_list_params[], api_audit_list_result[], api_audit_verify_params[],
	api_audit_verify_result[], api_schedule_params[], api_schedule_result[], api_metrics_params[],
	api_metrics_result[], api_forecast_params[], api_forecast_result[], api_status_result[],
	api_ct_list_result[], api_ct_acknowledge_params[];
/* clang-format on */

/* Of a provider, and of an auto-certificate. */
#define WINDOW_FIELDS(fallback_text) \
	{ .name = "issueWindows", \
		.type = API_STRLIST, \
		.option = "issue-window", \
		.metavar = "WINDOW", \
		.fallback = (fallback_text), \
		.help = "renew only in these times, such as \"Mon..Fri 02:00-05:00 Europe/Berlin\"" }, \
		{ .name = "rolloutWindows", \
			.type = API_STRLIST, \
			.option = "rollout-window", \
			.metavar = "WINDOW", \
			.fallback = (fallback_text), \
			.help = "deploy renewed certificates only in these times" }, \
	{ \
		.name = "freezes", .type = API_STRLIST, .option = "freeze", .metavar = "DATES", \
		.help = "neither renew nor deploy on these days, such as \"2026-12-20..2027-01-06 Europe/Berlin\"" \
	}

#endif
