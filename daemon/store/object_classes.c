/* The tables of the resources. Tags are on disk and never reused: 1-15 are of struct object, 16 on of each class. */
#include "daemon/store/object.h"

#define OBJECT_FIELDS(struct_) \
	RECORD_FIELD(RECORD_STRING, 1, struct_, o.name, "name"), \
		RECORD_FIELD(RECORD_INT, 2, struct_, o.created_at, NULL), \
		RECORD_FIELD(RECORD_INT, 3, struct_, o.modified_at, NULL), \
		RECORD_FIELD(RECORD_STRING, 4, struct_, o.created_by, NULL), \
		RECORD_FIELD(RECORD_STRING, 5, struct_, o.modified_by, NULL), \
		RECORD_FIELD(RECORD_INT, 6, struct_, o.state, NULL), \
		RECORD_FIELD(RECORD_ERROR, 7, struct_, o.failure, NULL), \
		RECORD_FIELD(RECORD_STRING, 8, struct_, o.created_by_id, NULL), \
		RECORD_FIELD(RECORD_STRING, 9, struct_, o.modified_by_id, NULL), \
		RECORD_FIELD(RECORD_BYTES, 10, struct_, o.declared, NULL)

static const struct record_field offered_profile_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct offered_profile, name, NULL),
	RECORD_FIELD(RECORD_STRING, 2, struct offered_profile, help, NULL),
};
const struct record_class offered_profile_class = RECORD_CLASS(
	"profile", STORE_PROVIDER, struct offered_profile, offered_profile_fields, unknown);

static const struct record_field provider_fields[] = {
	OBJECT_FIELDS(struct provider),
	RECORD_FIELD(RECORD_STRING, 16, struct provider, email, "email"),
	RECORD_FIELD(RECORD_STRING, 17, struct provider, server, "server"),
	RECORD_FIELD(RECORD_STRING, 18, struct provider, eab_key_id, "externalAccountBinding.keyId"),
	RECORD_FIELD(RECORD_SECRET, 19, struct provider, eab_key, "externalAccountBinding.keySecret"),
	RECORD_FIELD(RECORD_BOOL, 20, struct provider, has_agreed_terms, "termsOfServiceAgreed"),
	RECORD_FIELD(RECORD_STRING, 21, struct provider, ca_file, "caFile"),
	RECORD_FIELD(RECORD_STRING, 22, struct provider, profile, "profile"),
	RECORD_FIELD(RECORD_STRING, 23, struct provider, preferred_chain, "preferredChain"),
	RECORD_FIELD(RECORD_STRING, 24, struct provider, account_key_algorithm, "accountKeyAlgorithm"),
	RECORD_FIELD(RECORD_INT, 25, struct provider, max_orders, "maxOrders"),
	RECORD_FIELD(RECORD_SECRET, 26, struct provider, account_key, "accountKey"),
	RECORD_FIELD(RECORD_STRING, 27, struct provider, account_url, "accountUrl"),
	RECORD_FIELD(RECORD_STRING, 28, struct provider, account_thumbprint, "accountThumbprint"),
	RECORD_FIELD(RECORD_STRING, 29, struct provider, terms_url, "termsOfService"),
	RECORD_FIELD(RECORD_INT, 30, struct provider, attempts, NULL),
	RECORD_FIELD(RECORD_BOOL, 31, struct provider, is_key_imported, NULL),
	RECORD_FIELD(RECORD_STRING, 32, struct provider, account_note, NULL),
	RECORD_FIELD(RECORD_INT, 33, struct provider, next_at, NULL),
	RECORD_FIELD(RECORD_BOOL, 34, struct provider, has_new_email, NULL),
	RECORD_FIELD(RECORD_STRING, 35, struct provider, account_lost, "accountLost"),
	RECORD_FIELD(RECORD_STRING, 36, struct provider, account_status, "accountStatus"),
	RECORD_FIELD(RECORD_INT, 37, struct provider, terms, NULL),
	RECORD_FIELD(RECORD_SECRET, 38, struct provider, next_key, NULL),
	RECORD_FIELD(RECORD_BOOL, 39, struct provider, wants_rollover, NULL),
	RECORD_FIELD(RECORD_BOOL, 40, struct provider, wants_end, NULL),
	RECORD_FIELD(RECORD_STRING, 41, struct provider, account_key_uri, "accountKeyUri"),
	RECORD_FIELD(RECORD_STRING, 50, struct provider, profile_policy, "profilePolicy"),
	RECORD_FIELD_LIST(51, struct provider, profiles, NULL, &offered_profile_class),
	RECORD_FIELD(RECORD_STRLIST, 52, struct provider, rate_limits, "rateLimits"),
	RECORD_FIELD(RECORD_STRLIST, 55, struct provider, issue_windows, "issueWindows"),
	RECORD_FIELD(RECORD_STRLIST, 56, struct provider, rollout_windows, "rolloutWindows"),
	RECORD_FIELD(RECORD_STRLIST, 57, struct provider, freezes, "freezes"),
	RECORD_FIELD(RECORD_STRING, 58, struct provider, trusted_roots, "trustedRoots"),
	RECORD_FIELD(RECORD_STRING, 59, struct provider, staging, "staging"),
};
const struct record_class provider_class = RECORD_CLASS(
	"provider", STORE_PROVIDER, struct provider, provider_fields, o.unknown);

static const struct record_field autocert_fields[] = {
	OBJECT_FIELDS(struct autocert),
	RECORD_FIELD_ROLE(RECORD_STRING, 16, struct autocert, provider, "provider", RECORD_REF, &provider_class),
	RECORD_FIELD_ROLE(RECORD_STRING, 17, struct autocert, common_name, "commonName", RECORD_COMMON_NAME, NULL),
	RECORD_FIELD(RECORD_STRLIST, 18, struct autocert, sans, "subjectAlternativeNames"),
	RECORD_FIELD(RECORD_STRING, 19, struct autocert, key_algorithm, "keyAlgorithm"),
	RECORD_FIELD(RECORD_STRING, 20, struct autocert, challenge, "challenge"),
	RECORD_FIELD_ROLE(
		RECORD_STRING, 21, struct autocert, dns_provider, "dnsProvider", RECORD_REF, &dnsprovider_class),
	RECORD_FIELD(RECORD_BOOL, 22, struct autocert, reuses_key, "reuseKey"),
	RECORD_FIELD(RECORD_STRING, 23, struct autocert, profile, "profile"),
	RECORD_FIELD(RECORD_INT, 24, struct autocert, renew_before, "renewBefore"),
	RECORD_FIELD_ROLE(RECORD_STRLIST, 25, struct autocert, consumers, "consumers", RECORD_REF, &consumer_class),
	RECORD_FIELD_ROLE(RECORD_BOOL, 26, struct autocert, is_paused, "paused", RECORD_FLAG, NULL),
	RECORD_FIELD(RECORD_STRING, 27, struct autocert, slug, NULL),
	RECORD_FIELD_ROLE(RECORD_STRING, 28, struct autocert, last_certificate, "lastIssuedCertificate", RECORD_REF,
		&certificate_class),
	RECORD_FIELD(RECORD_INT, 29, struct autocert, last_not_before_at, "notBefore"),
	RECORD_FIELD_ROLE(RECORD_INT, 30, struct autocert, last_not_after_at, "notAfter", RECORD_EXPIRY, NULL),
	RECORD_FIELD(RECORD_INT, 31, struct autocert, attempts, "attempts"),
	RECORD_FIELD(RECORD_INT, 32, struct autocert, last_attempt_at, "lastAttemptDate"),
	RECORD_FIELD(RECORD_INT, 33, struct autocert, next_at, NULL),
	RECORD_FIELD(RECORD_ERROR, 34, struct autocert, last_error, NULL),
	RECORD_FIELD(RECORD_BOOL, 35, struct autocert, is_outdated, NULL),
	RECORD_FIELD_ROLE(RECORD_STRLIST, 40, struct autocert, labels, "labels", RECORD_LABEL, NULL),
	RECORD_FIELD(RECORD_BYTES, 41, struct autocert, refused_pem, NULL),
	RECORD_FIELD(RECORD_STRING, 42, struct autocert, ari_id, NULL),
	RECORD_FIELD(RECORD_INT, 43, struct autocert, ari_start_at, "renewalWindowStart"),
	RECORD_FIELD(RECORD_INT, 44, struct autocert, ari_end_at, "renewalWindowEnd"),
	RECORD_FIELD(RECORD_INT, 45, struct autocert, ari_pick_at, "renewalWindowChosen"),
	RECORD_FIELD(RECORD_STRING, 46, struct autocert, ari_url, "renewalExplanation"),
	RECORD_FIELD(RECORD_INT, 47, struct autocert, ari_attempts, NULL),
	RECORD_FIELD(RECORD_ERROR, 48, struct autocert, ari_error, NULL),
	RECORD_FIELD(RECORD_INT, 49, struct autocert, hurried_at, NULL),
	RECORD_FIELD(RECORD_INT, 50, struct autocert, hurried_before_at, NULL),
	RECORD_FIELD(RECORD_STRLIST, 51, struct autocert, standing, NULL),
	RECORD_FIELD(RECORD_ERROR, 52, struct autocert, standing_error, NULL),
	RECORD_FIELD(RECORD_STRLIST, 53, struct autocert, validations, NULL),
	RECORD_FIELD(RECORD_STRING, 54, struct autocert, key_uri, "keyUri"),
	RECORD_FIELD(RECORD_STRING, 55, struct autocert, csr, "csr"),
	RECORD_FIELD(RECORD_STRING, 70, struct autocert, profile_policy, "profilePolicy"),
	RECORD_FIELD(RECORD_STRLIST, 71, struct autocert, notes, NULL),
	RECORD_FIELD(RECORD_STRING, 72, struct autocert, preferred_chain, "preferredChain"),
	RECORD_FIELD(RECORD_STRING, 73, struct autocert, guard, "guard"),
	RECORD_FIELD_ROLE(RECORD_STRING, 74, struct autocert, waiting_certificate, "waitingCertificate", RECORD_REF,
		&certificate_class),
	RECORD_FIELD(RECORD_INT, 75, struct autocert, waiting_until_at, "waitingUntilDate"),
	RECORD_FIELD(RECORD_BOOL, 56, struct autocert, wants_new_key, NULL),
	RECORD_FIELD(RECORD_INT, 60, struct autocert, hold_at, NULL),
	RECORD_FIELD(RECORD_STRING, 61, struct autocert, hold_why, NULL),
	RECORD_FIELD(RECORD_BOOL, 62, struct autocert, skips_limits, NULL),
	RECORD_FIELD(RECORD_BOOL, 88, struct autocert, must_staple, "mustStaple"),
	RECORD_FIELD_ROLE(
		RECORD_STRLIST, 78, struct autocert, fallbacks, "fallbackProviders", RECORD_REF, &provider_class),
	RECORD_FIELD(RECORD_STRING, 79, struct autocert, provider_now, "providerInUse"),
	RECORD_FIELD(RECORD_STRING, 80, struct autocert, provider_why, "providerReason"),
	RECORD_FIELD(RECORD_INT, 81, struct autocert, provider_failures, NULL),
	RECORD_FIELD(RECORD_STRING, 76, struct autocert, reissue, NULL),
	RECORD_FIELD(RECORD_STRING, 77, struct autocert, unpause_url, "unpauseUrl"),
	RECORD_FIELD(RECORD_STRLIST, 89, struct autocert, tlsa_names, "tlsaNames"),
	RECORD_FIELD(RECORD_SECRET, 90, struct autocert, next_key, NULL),
	RECORD_FIELD(RECORD_STRING, 91, struct autocert, tlsa, "tlsa"),
	RECORD_FIELD(RECORD_STRING, 92, struct autocert, tlsa_next, "nextTlsa"),
	RECORD_FIELD(RECORD_STRING, 93, struct autocert, tlsa_former, "formerTlsa"),
	RECORD_FIELD(RECORD_INT, 94, struct autocert, tlsa_seen_at, "nextTlsaSeenDate"),
	RECORD_FIELD(RECORD_INT, 95, struct autocert, tlsa_ready_at, "nextTlsaReadyDate"),
	RECORD_FIELD(RECORD_ERROR, 96, struct autocert, tlsa_error, NULL),
	RECORD_FIELD(RECORD_STRLIST, 82, struct autocert, issue_windows, "issueWindows"),
	RECORD_FIELD(RECORD_STRLIST, 83, struct autocert, rollout_windows, "rolloutWindows"),
	RECORD_FIELD(RECORD_STRLIST, 84, struct autocert, freezes, "freezes"),
	RECORD_FIELD(RECORD_BOOL, 85, struct autocert, skips_windows, NULL),
	RECORD_FIELD(RECORD_INT, 86, struct autocert, drop_after, "dropAfter"),
	RECORD_FIELD(RECORD_STRLIST, 87, struct autocert, failing, NULL),
	RECORD_FIELD(RECORD_STRLIST, 97, struct autocert, key_algorithms, "keyAlgorithms"),
	RECORD_FIELD(RECORD_STRING, 98, struct autocert, variant, "variant"),
	RECORD_FIELD(RECORD_STRING, 99, struct autocert, variant_of, "variantOf"),
	RECORD_FIELD(RECORD_INT, 100, struct autocert, validation_failures, NULL),
	RECORD_FIELD(RECORD_INT, 101, struct autocert, rehearse_until_at, NULL),
	RECORD_FIELD(RECORD_BOOL, 102, struct autocert, is_rehearsed, NULL),
};
const struct record_class autocert_class = RECORD_CLASS(
	"autocertificate", STORE_AUTOCERT, struct autocert, autocert_fields, o.unknown);

static const struct record_field certificate_fields[] = {
	OBJECT_FIELDS(struct certificate),
	RECORD_FIELD_ROLE(
		RECORD_STRING, 16, struct certificate, autocert, "autoCertificate", RECORD_WEAK_REF, &autocert_class),
	RECORD_FIELD_ROLE(RECORD_STRING, 17, struct certificate, provider, NULL, RECORD_WEAK_REF, &provider_class),
	RECORD_FIELD_ROLE(RECORD_STRING, 18, struct certificate, common_name, "commonName", RECORD_COMMON_NAME, NULL),
	RECORD_FIELD(RECORD_STRLIST, 19, struct certificate, names, "subjectAlternativeNames"),
	RECORD_FIELD(RECORD_STRING, 20, struct certificate, serial, "serialNumber"),
	RECORD_FIELD(RECORD_STRING, 21, struct certificate, sha256, "sha256Fingerprint"),
	RECORD_FIELD(RECORD_STRING, 22, struct certificate, issuer_cn, NULL),
	RECORD_FIELD(RECORD_STRING, 23, struct certificate, issuer_org, NULL),
	RECORD_FIELD(RECORD_STRING, 24, struct certificate, key_algorithm, "keyAlgorithm"),
	RECORD_FIELD(RECORD_INT, 25, struct certificate, not_before_at, "notBefore"),
	RECORD_FIELD_ROLE(RECORD_INT, 26, struct certificate, not_after_at, "notAfter", RECORD_EXPIRY, NULL),
	RECORD_FIELD(RECORD_STRING, 27, struct certificate, ari_id, NULL),
	RECORD_FIELD(RECORD_BYTES, 28, struct certificate, leaf_pem, "certificate"),
	RECORD_FIELD(RECORD_BYTES, 29, struct certificate, chain_pem, "certificateChain"),
	RECORD_FIELD(RECORD_SECRET, 30, struct certificate, key, "privateKey"),
	RECORD_FIELD(RECORD_BOOL, 31, struct certificate, is_revoked, NULL),
	RECORD_FIELD(RECORD_BYTES, 32, struct certificate, pair, NULL),
	RECORD_FIELD_ROLE(RECORD_STRLIST, 33, struct certificate, consumers, "consumers", RECORD_REF, &consumer_class),
	RECORD_FIELD(RECORD_STRING, 34, struct certificate, slug, NULL),
	RECORD_FIELD(RECORD_STRING, 35, struct certificate, replaces, NULL),
	RECORD_FIELD(RECORD_BOOL, 36, struct certificate, is_deployed_anyway, "deployAnyway"),
	RECORD_FIELD(RECORD_BOOL, 37, struct certificate, is_held_back, "heldBack"),
	RECORD_FIELD(RECORD_STRING, 41, struct certificate, revoke_reason, "revocationReason"),
	RECORD_FIELD(RECORD_BOOL, 42, struct certificate, is_revoked_by_key, NULL),
	RECORD_FIELD(RECORD_BOOL, 43, struct certificate, is_revoked_at_once, NULL),
	RECORD_FIELD(RECORD_INT, 44, struct certificate, revoke_attempts, NULL),
	RECORD_FIELD(RECORD_INT, 45, struct certificate, revoke_at, NULL),
	RECORD_FIELD(RECORD_INT, 46, struct certificate, revoked_at, "revokedDate"),
	RECORD_FIELD(RECORD_ERROR, 47, struct certificate, revoke_error, NULL),
	RECORD_FIELD(RECORD_STRING, 48, struct certificate, revoke_provider, NULL),
	RECORD_FIELD(RECORD_STRING, 49, struct certificate, revocation_list, "revocationList"),
	RECORD_FIELD_ROLE(RECORD_STRLIST, 40, struct certificate, labels, "labels", RECORD_LABEL, NULL),
};
const struct record_class certificate_class = RECORD_CLASS(
	"certificate", STORE_CERTIFICATE, struct certificate, certificate_fields, o.unknown);

static const struct record_field dnsprovider_fields[] = {
	OBJECT_FIELDS(struct dnsprovider),
	RECORD_FIELD(RECORD_STRING, 16, struct dnsprovider, kind, "kind"),
	RECORD_FIELD(RECORD_STRLIST, 17, struct dnsprovider, zones, "zones"),
	RECORD_FIELD(RECORD_INT, 23, struct dnsprovider, ttl, "ttl"),
	RECORD_FIELD(RECORD_INT, 24, struct dnsprovider, propagation_timeout, "propagationTimeout"),
	RECORD_FIELD(RECORD_STRLIST, 25, struct dnsprovider, nameservers, "nameservers"),
	RECORD_FIELD(RECORD_BOOL, 32, struct dnsprovider, validate_unseen, "validateUnseen"),
	RECORD_FIELD(RECORD_STRLIST, 28, struct dnsprovider, zones_seen, "zonesSeen"),
	RECORD_FIELD(RECORD_INT, 29, struct dnsprovider, zones_listed_at, "zonesSeenDate"),
	RECORD_FIELD_LIST(30, struct dnsprovider, settings, NULL, &setting_class),
	RECORD_FIELD_LIST(31, struct dnsprovider, secrets, NULL, &setting_class),
	RECORD_FIELD(RECORD_STRING, 33, struct dnsprovider, account_name, NULL),
	RECORD_FIELD(RECORD_STRING, 34, struct dnsprovider, account_domain, "challengeTarget"),
	RECORD_FIELD(RECORD_SECRET, 35, struct dnsprovider, account_password, NULL),
	RECORD_FIELD(RECORD_STRLIST, 36, struct dnsprovider, resolvers, "resolvers"),
};
static const struct record_former dnsprovider_former[] = {
	{ 18, RECORD_STRING, offsetof(struct dnsprovider, settings), "server" },
	{ 19, RECORD_STRING, offsetof(struct dnsprovider, settings), "tsigName" },
	{ 20, RECORD_STRING, offsetof(struct dnsprovider, settings), "tsigAlgorithm" },
	{ 21, RECORD_SECRET, offsetof(struct dnsprovider, secrets), "tsigKey" },
	{ 22, RECORD_STRING, offsetof(struct dnsprovider, settings), "command" },
	{ 26, RECORD_SECRET, offsetof(struct dnsprovider, secrets), "token" },
	{ 27, RECORD_STRING, offsetof(struct dnsprovider, settings), "endpoint" },
};
const struct record_class dnsprovider_class = RECORD_CLASS_FORMER(
	"dnsprovider", STORE_DNSPROVIDER, struct dnsprovider, dnsprovider_fields, o.unknown, dnsprovider_former);

static const struct record_field probe_fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct probe, host, "host"),
	RECORD_FIELD(RECORD_INT, 2, struct probe, port, "port"),
	RECORD_FIELD(RECORD_STRING, 3, struct probe, sni, "sni"),
	RECORD_FIELD(RECORD_STRING, 4, struct probe, protocol, "protocol"),
	RECORD_FIELD(RECORD_STRLIST, 5, struct probe, addresses, "addresses"),
	RECORD_FIELD(RECORD_STRLIST, 6, struct probe, alpn, "alpn"),
};
const struct record_class probe_class = RECORD_CLASS("probe", STORE_CONSUMER, struct probe, probe_fields, unknown);

static const struct record_field consumer_fields[] = {
	OBJECT_FIELDS(struct consumer),
	RECORD_FIELD(RECORD_STRING, 16, struct consumer, activate, "activate"),
	RECORD_FIELD_LIST(33, struct consumer, settings, NULL, &setting_class),
	RECORD_FIELD_LIST(34, struct consumer, secrets, NULL, &setting_class),
	RECORD_FIELD_LIST(19, struct consumer, probes, "probes", &probe_class),
	RECORD_FIELD(RECORD_STRING, 20, struct consumer, directory, "directory"),
	RECORD_FIELD(RECORD_STRING, 21, struct consumer, failing, NULL),
	RECORD_FIELD(RECORD_STRING, 23, struct consumer, rollback, "rollback"),
	RECORD_FIELD(RECORD_STRING, 28, struct consumer, layout, "layout"),
	RECORD_FIELD(RECORD_STRLIST, 29, struct consumer, outputs, "outputs"),
	RECORD_FIELD(RECORD_SECRET, 30, struct consumer, password, "outputPassword"),
};
static const struct record_former consumer_former[] = {
	{ 17, RECORD_STRING, offsetof(struct consumer, settings), "socket" },
	{ 18, RECORD_STRLIST, offsetof(struct consumer, settings), "command" },
	{ 22, RECORD_BOOL, offsetof(struct consumer, settings), "batch" },
	{ 24, RECORD_STRING, offsetof(struct consumer, settings), "unit" },
	{ 25, RECORD_STRING, offsetof(struct consumer, settings), "pidFile" },
	{ 26, RECORD_STRING, offsetof(struct consumer, settings), "signal" },
	{ 31, RECORD_STRLIST, offsetof(struct consumer, settings), "sockets" },
	{ 32, RECORD_STRING, offsetof(struct consumer, settings), "crtList" },
};
const struct record_class consumer_class = RECORD_CLASS_FORMER(
	"consumer", STORE_CONSUMER, struct consumer, consumer_fields, o.unknown, consumer_former);

static const struct record_field token_fields[] = {
	OBJECT_FIELDS(struct token),
	RECORD_FIELD(RECORD_STRING, 16, struct token, role, "role"),
	RECORD_FIELD(RECORD_INT, 17, struct token, lifetime, "expires"),
	RECORD_FIELD(RECORD_BYTES, 18, struct token, hash, NULL),
	RECORD_FIELD(RECORD_STRLIST, 19, struct token, domains, "domains"),
	RECORD_FIELD_ROLE(RECORD_STRLIST, 20, struct token, providers, "providers", RECORD_WEAK_REF, &provider_class),
	RECORD_FIELD(RECORD_STRLIST, 21, struct token, labels, "labels"),
};
const struct record_class token_class = RECORD_CLASS("token", STORE_TOKEN, struct token, token_fields, o.unknown);

static const struct record_field authorization_fields[] = {
	OBJECT_FIELDS(struct authorization),
	RECORD_FIELD_ROLE(RECORD_STRING, 16, struct authorization, provider, "provider", RECORD_REF, &provider_class),
	RECORD_FIELD(RECORD_STRING, 17, struct authorization, order_url, "orderUrl"),
	RECORD_FIELD_ROLE(
		RECORD_STRING, 18, struct authorization, autocert, "autoCertificate", RECORD_WEAK_REF, &autocert_class),
	RECORD_FIELD(RECORD_STRING, 19, struct authorization, authorization_url, "authorizationUrl"),
	RECORD_FIELD(RECORD_STRING, 20, struct authorization, challenge_url, "challengeUrl"),
	RECORD_FIELD(RECORD_STRING, 21, struct authorization, record_name, "recordName"),
	RECORD_FIELD(RECORD_STRING, 22, struct authorization, txt, "recordContent"),
	RECORD_FIELD(RECORD_STRING, 23, struct authorization, status, "status"),
	RECORD_FIELD(RECORD_INT, 24, struct authorization, expires_at, "expiresDate"),
	RECORD_FIELD(RECORD_INT, 25, struct authorization, attempts, NULL),
	RECORD_FIELD(RECORD_BOOL, 26, struct authorization, is_forced, NULL),
	RECORD_FIELD(RECORD_INT, 27, struct authorization, next_at, NULL),
	RECORD_FIELD(RECORD_STRING, 28, struct authorization, challenge, "challenge"),
};
const struct record_class authorization_class = RECORD_CLASS(
	"authorization", STORE_AUTHZ, struct authorization, authorization_fields, o.unknown);

static const struct record_field alert_fields[] = {
	OBJECT_FIELDS(struct alert),
	RECORD_FIELD(RECORD_STRING, 16, struct alert, kind, "kind"),
	RECORD_FIELD_LIST(34, struct alert, settings, NULL, &setting_class),
	RECORD_FIELD_LIST(35, struct alert, secrets, NULL, &setting_class),
	RECORD_FIELD(RECORD_STRING, 28, struct alert, minimum_severity, "minimumSeverity"),
	RECORD_FIELD(RECORD_STRLIST, 29, struct alert, conditions, "conditions"),
	RECORD_FIELD(RECORD_STRLIST, 30, struct alert, labels, "labels"),
	RECORD_FIELD(RECORD_STRING, 31, struct alert, endpoint, "endpoint"),
	RECORD_FIELD(RECORD_INT, 32, struct alert, attempts, "attempts"),
	RECORD_FIELD(RECORD_INT, 33, struct alert, last_sent_at, "lastSentDate"),
};
static const struct record_former alert_former[] = {
	{ 17, RECORD_SECRET, offsetof(struct alert, secrets), "url" },
	{ 18, RECORD_STRING, offsetof(struct alert, settings), "template" },
	{ 19, RECORD_SECRET, offsetof(struct alert, secrets), "headers" },
	{ 20, RECORD_STRLIST, offsetof(struct alert, settings), "to" },
	{ 21, RECORD_STRING, offsetof(struct alert, settings), "from" },
	{ 22, RECORD_STRING, offsetof(struct alert, settings), "server" },
	{ 23, RECORD_STRING, offsetof(struct alert, settings), "security" },
	{ 24, RECORD_STRING, offsetof(struct alert, settings), "user" },
	{ 25, RECORD_SECRET, offsetof(struct alert, secrets), "password" },
	{ 26, RECORD_STRLIST, offsetof(struct alert, settings), "command" },
	{ 27, RECORD_STRING, offsetof(struct alert, settings), "caFile" },
};
const struct record_class alert_class = RECORD_CLASS_FORMER(
	"alert", STORE_ALERT, struct alert, alert_fields, o.unknown, alert_former);
