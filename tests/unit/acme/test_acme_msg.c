#include "common/buf.h"
#include "daemon/acme/acme_msg.h"

#include <criterion/criterion.h>
#include <string.h>

#define CH "{\"type\":\"http-01\",\"url\":\"https://ca/c\",\"status\":\"pending\",\"token\":"
#define TOKEN "\"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA\""
#define AUTHZ(challenges) \
	"{\"status\":\"pending\",\"identifier\":{\"type\":\"dns\",\"value\":\"www.example.com\"}," \
	"\"challenges\":[" challenges "]}"
#define ORDER(status, more) \
	"{\"status\":\"" status "\",\"identifiers\":[{\"type\":\"dns\",\"value\":\"WWW.example.com\"}]," \
	"\"authorizations\":[\"https://ca/a\"],\"finalize\":\"https://ca/f\"" more "}"
#define DIR \
	"\"newNonce\":\"https://ca/n\",\"newAccount\":\"https://ca/a\",\"newOrder\":\"https://ca/o\"," \
	"\"revokeCert\":\"https://ca/r\""

Test(acme_msg, a_directory_is_read_with_its_meta)
{
	static const char text[] =
		"{" DIR ",\"renewalInfo\":\"https://ca/ari\",\"other\":{},\"meta\":{"
		"\"termsOfService\":\"http://ca/terms\",\"externalAccountRequired\":true,"
		"\"accountHashPrefix\":\"https://ca/acct/\","
		"\"caaIdentities\":[\"ca.example\"],\"profiles\":{\"classic\":\"x\",\"short\":\"y\"}}}";
	_cleanup_(acme_directory_clear) struct acme_directory d = { .new_nonce = NULL };
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_assert_eq(acme_msg_directory(text, strlen(text), &d, &err), 0, "%s", err.message);
	cr_expect_str_eq(d.new_nonce, "https://ca/n");
	cr_expect_str_eq(d.renewal_info, "https://ca/ari");
	cr_expect_null(d.key_change);
	cr_expect_str_eq(d.terms_of_service, "http://ca/terms");
	cr_expect_str_eq(d.account_hash_prefix, "https://ca/acct/");
	cr_expect(d.needs_eab);
	cr_expect(strlist_has(&d.caa_identities, "ca.example"));
	cr_expect(strlist_has(&d.profiles, "classic") && strlist_has(&d.profiles, "short"));
	cr_expect_str_eq(d.profile_help.items[0], "x");
}

Test(acme_msg, an_order_is_read_with_canonical_names)
{
	static const char text[] = ORDER(
		"valid", ",\"certificate\":\"https://ca/c\",\"expires\":\"2026-01-02T03:04:05Z\"");
	_cleanup_(acme_order_msg_clear) struct acme_order_msg o = { .status = ACME_PENDING };
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_assert_eq(acme_msg_order(text, strlen(text), &o, &err), 0, "%s", err.message);
	cr_expect_eq(o.status, ACME_VALID);
	cr_expect_eq(o.expires_at, 1767323045);
	cr_expect_str_eq(o.names.items[0], "www.example.com");
	cr_expect_str_eq(o.certificate, "https://ca/c");
}

Test(acme_msg, an_authorization_keeps_unknown_challenges_and_errors)
{
	static const char text[] = AUTHZ(CH TOKEN "},{\"type\":\"dns-persist-01\",\"url\":\"https://ca/"
						  "p\",\"status\":\"invalid\",\"error\":{\"type\":"
						  "\"urn:ietf:params:acme:error:caa\",\"detail\":\"no\"}}");
	_cleanup_(acme_authorization_clear) struct acme_authorization a = { .url = NULL };
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_assert_eq(acme_msg_authorization(text, strlen(text), &a, &err), 0, "%s", err.message);
	cr_expect_str_eq(a.name, "www.example.com");
	cr_assert_eq(a.n_challenges, 2);
	cr_expect_str_eq(a.challenges[0].token, "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA");
	cr_expect_null(a.challenges[1].token);
	cr_expect_eq(a.challenges[1].status, ACME_INVALID);
	cr_expect_eq(a.challenges[1].error.code, ERROR_VALIDATION);
	cr_expect_str_eq(a.challenges[1].error.message, "caa: no");
}

Test(acme_msg, a_failed_validation_says_what_the_ca_asked)
{
	static const struct {
		const char *record;
		const char *message;
	} cases[] = {
		{ "[{\"url\":\"http://www.example.com/t\",\"hostname\":\"www.example.com\",\"port\":\"80\","
		  "\"addressesResolved\":[\"192.0.2.1\",\"2001:db8::1\"],\"addressUsed\":\"2001:db8::1\"},"
		  "{\"url\":\"https://www.example.com/t\",\"addressUsed\":\"192.0.2.1\"}]",
			"connection: refused; the CA asked http://www.example.com/t at 2001:db8::1 (of 192.0.2.1, "
			"2001:db8::1), then https://www.example.com/t at 192.0.2.1" },
		{ "[{\"hostname\":\"a.example\"}]", "connection: refused; the CA asked a.example" },
		{ "[{\"addressUsed\":\"192.0.2.1\"}]", "connection: refused; the CA asked it at 192.0.2.1" },
		{ "[{\"url\":\"\\u001b[2J\\n\"}]", "connection: refused; the CA asked  [2J " },
		{ "[]", "connection: refused" },
		{ "[{}]", "connection: refused" },
		{ "[7,{\"url\":7,\"addressesResolved\":7}]", "connection: refused" },
		{ "{}", "connection: refused" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = xasprintf(
			"{\"status\":\"invalid\",\"error\":{\"type\":\"urn:ietf:params:acme:error:connection\","
			"\"detail\":\"refused\"},\"validationRecord\":%s}",
			cases[i].record);
		_cleanup_(acme_challenge_clear) struct acme_challenge c = { .type = NULL };
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_assert_eq(acme_msg_challenge(text, strlen(text), &c, &err), 0, "%s", err.message);
		cr_expect_str_eq(c.error.message, cases[i].message, "%s", c.error.message);
	}
}

enum object { DIRECTORY, ORDERS, AUTHORIZATION, CHALLENGE };

static int
parse(enum object object, const char *text, struct error *err)
{
	_cleanup_(acme_directory_clear) struct acme_directory d = { .new_nonce = NULL };
	_cleanup_(acme_order_msg_clear) struct acme_order_msg o = { .status = ACME_PENDING };
	_cleanup_(acme_authorization_clear) struct acme_authorization a = { .url = NULL };
	_cleanup_(acme_challenge_clear) struct acme_challenge c = { .type = NULL };

	switch (object) {
	case DIRECTORY:
		return acme_msg_directory(text, strlen(text), &d, err);
	case ORDERS:
		return acme_msg_order(text, strlen(text), &o, err);
	case AUTHORIZATION:
		return acme_msg_authorization(text, strlen(text), &a, err);
	case CHALLENGE:
		return acme_msg_challenge(text, strlen(text), &c, err);
	}
	return 0;
}

Test(acme_msg, what_a_hostile_ca_could_use_is_refused_and_named)
{
	static const struct {
		enum object object;
		const char *text;
		const char *says; /* in the message */
	} cases[] = {
		{ DIRECTORY, "", "directory" },
		{ DIRECTORY, "<html>", "directory" },
		{ DIRECTORY, "[]", "not a JSON object" },
		{ DIRECTORY, "{\"newNonce\":\"https://ca/n\"}", "newAccount is missing" },
		{ DIRECTORY, "{\"newNonce\":\"http://ca/n\"}", "newNonce: the URL is not https" },
		{ DIRECTORY, "{\"newNonce\":\"file:///etc/passwd\"}", "newNonce: not an https URL" },
		{ DIRECTORY, "{\"newNonce\":\"https://ca@evil/n\"}", "newNonce: the URL contains a user" },
		{ DIRECTORY, "{\"newNonce\":\"https:///n\"}", "newNonce: the URL has no host" },
		{ DIRECTORY, "{\"newNonce\":\"https://ca:0/n\"}", "newNonce: the port of the URL" },
		{ DIRECTORY, "{\"newNonce\":\"https://ca:65536/n\"}", "newNonce: the port of the URL" },
		{ DIRECTORY, "{\"newNonce\":\"https://ca:4294967739/n\"}", "newNonce: the port of the URL" },
		{ DIRECTORY, "{\"newNonce\":\"https://ca:x/n\"}", "newNonce: the port of the URL" },
		{ DIRECTORY, "{\"newNonce\":\"https://ca/\\r\\nX: y\"}", "newNonce: the URL contains characters" },
		{ DIRECTORY, "{\"newNonce\":7}", "newNonce" },
		{ DIRECTORY, "{" DIR ",\"meta\":7}", "meta" },
		{ ORDERS, ORDER("revoked", ""), "status is not valid for this object" },
		{ ORDERS,
			"{\"status\":\"ready\",\"finalize\":\"https://ca/"
			"f\",\"identifiers\":[{\"type\":\"dns\","
			"\"value\":\"../../etc\"}]}",
			"identifier" },
		{ ORDERS,
			"{\"status\":\"ready\",\"finalize\":\"https://ca/"
			"f\",\"identifiers\":[{\"type\":\"onion\","
			"\"value\":\"a.example\"}]}",
			"unknown type" },
		{ AUTHORIZATION, AUTHZ(CH "\"../../../../etc/cron.d/evil\"}"), "challenges[0]: token" },
		{ AUTHORIZATION, AUTHZ(CH "\"short\"}"), "challenges[0]: token" },
		{ AUTHORIZATION, AUTHZ(CH "\"evaGxfADs6pSRb2LAv9IZf17$(reboot)\"}"), "challenges[0]: token" },
		{ CHALLENGE, "{\"type\":\"http-01\",\"url\":\"https://ca/c\",\"status\":\"ready\"}", "status" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(parse(cases[i].object, cases[i].text, &err), -1, "%s", cases[i].text);
		cr_expect_eq(err.code, ERROR_PROTOCOL, "%s: %s", cases[i].text, error_code_name(err.code));
		cr_expect(err.message && strstr(err.message, cases[i].says), "%s: %s", cases[i].text, err.message);
	}
}

Test(acme_msg, what_real_cas_leave_out_or_add_is_forgiven)
{
	static const struct {
		enum object object;
		const char *text;
	} cases[] = {
		{ ORDERS, "{\"status\":\"ready\"}" },
		{ ORDERS, "{\"finalize\":null,\"identifiers\":null,\"error\":null}" },
		{ ORDERS, ORDER("valid", "") },
		{ ORDERS, ORDER("pending", ",\"expires\":\"soon\"") },
		{ ORDERS, ORDER("pending", ",\"expires\":7") },
		{ AUTHORIZATION, "{\"status\":\"pending\",\"challenges\":[]}" },
		{ AUTHORIZATION, AUTHZ("7,null,{},{\"type\":\"email-reply-00\"},{\"url\":\"https://ca/c\"}") },
		{ AUTHORIZATION, AUTHZ("{\"type\":\"http-01\",\"url\":\"https://ca/c\",\"token\":" TOKEN "}") },
		{ CHALLENGE, "{}" },
		{ CHALLENGE, "{\"type\":\"http-01\",\"status\":\"processing\",\"token\":null}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(parse(cases[i].object, cases[i].text, &err), 0, "%s: %s", cases[i].text, err.message);
	}
}

Test(acme_msg, an_odd_challenge_does_not_spoil_a_valid_authorization)
{
	static const char text[] = "{\"status\":\"valid\",\"wildcard\":\"yes\","
				   "\"identifier\":{\"type\":\"dns\",\"value\":\"*.example.com\"},"
				   "\"challenges\":[" CH "\"../../etc\"}]}";
	_cleanup_(acme_authorization_clear) struct acme_authorization a = { .url = NULL };
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_assert_eq(acme_msg_authorization(text, strlen(text), &a, &err), 0, "%s", err.message);
	cr_expect_str_eq(a.name, "example.com");
	cr_expect(a.is_wildcard, "the star means the flag");
	cr_expect_eq(a.n_challenges, 0, "a token of another alphabet is never kept");
}

Test(acme_msg, a_url_longer_than_the_cap_is_refused)
{
	char url[ACME_URL_MAX + 2];

	memset(url, 'a', sizeof(url));
	memcpy(url, "https://", strlen("https://"));
	url[ACME_URL_MAX + 1] = '\0';
	cr_expect_eq(acme_url_check(url, NULL), -1);
	url[ACME_URL_MAX] = '\0';
	cr_expect_eq(acme_url_check(url, NULL), 0);
}

Test(acme_msg, the_host_of_a_url_is_compared_with_its_port)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "https://ca.test/x", "https://CA.test:443/y", true },
		{ "https://ca.test", "https://ca.test?x", true },
		{ "https://ca.test/x", "https://ca.test:8443/x", false },
		{ "https://ca.test:1/x", "https://ca.test:1", true },
		{ "https://ca.test/x", "https://ca.test.evil/x", false },
		{ "https://[::1]/x", "https://[::1]:443/x", true },
		{ "https://[::1]:2/x", "https://[::1]:3/x", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(
			acme_url_same_host(cases[i].a, cases[i].b), cases[i].same, "%s %s", cases[i].a, cases[i].b);
}

Test(acme_msg, links_are_found_by_their_relation)
{
	static const struct {
		const char *header;
		const char *found; /* joined by spaces */
	} cases[] = {
		{ "<https://ca/1>;rel=\"alternate\"", "https://ca/1" },
		{ "<https://ca/1>; rel=alternate", "https://ca/1" },
		{ "<https://ca/1>;title=\"x\";rel=\"index Alternate\"", "https://ca/1" },
		{ "<https://ca/1>;rel=\"index\", <https://ca/2>;rel=\"alternate\"", "https://ca/2" },
		{ "<https://ca/1>;rel=\"alternates\"", "" },
		{ "<https://ca/1>;xrel=\"alternate\"", "" },
		{ "<https://ca/1", "" },
		{ "<https://ca/1>;rel=\"", "" },
		{ "<https://ca/1>;rel=", "" },
		{ "rel=\"alternate\"", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strlist_ struct strlist links = STRLIST_INIT;
		_cleanup_strlist_ struct strlist found = STRLIST_INIT;
		_cleanup_free_ char *joined = NULL;

		strlist_add(&links, cases[i].header);
		acme_msg_links(&links, "alternate", &found);
		joined = strlist_join(&found, " ");
		cr_expect_str_eq(joined, cases[i].found, "%s: %s", cases[i].header, joined);
	}
}

Test(acme_msg, why_an_order_is_invalid_is_kept)
{
	static const char text[] = "{\"status\":\"invalid\",\"finalize\":\"https://ca.test/f\",\"authorizations\":[],"
				   "\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}],"
				   "\"error\":{\"type\":\"urn:ietf:params:acme:error:badCSR\",\"detail\":\"why\"}}";
	_cleanup_(acme_order_msg_clear) struct acme_order_msg o = { .status = ACME_PENDING };
	_cleanup_error_ struct error err = ERROR_INIT;

	cr_assert_eq(acme_msg_order(text, strlen(text), &o, &err), 0, "%s", err.message);
	cr_expect_eq(o.status, ACME_INVALID);
	cr_expect_str_eq(o.error.problem, "badCSR");
	cr_expect_str_eq(o.error.message, "badCSR: why");
}

Test(acme_msg, an_answered_challenge_says_what_became_of_it)
{
	static const char text[] =
		"{\"type\":\"http-01\",\"status\":\"invalid\",\"url\":\"https://ca.test/c\","
		"\"error\":{\"type\":\"urn:ietf:params:acme:error:unauthorized\",\"detail\":\"why\"}}";
	_cleanup_(acme_challenge_clear) struct acme_challenge c = { .type = NULL };

	cr_assert_eq(acme_msg_challenge(text, strlen(text), &c, NULL), 0);
	cr_expect_eq(c.status, ACME_INVALID);
	cr_expect_str_eq(c.error.problem, "unauthorized");
	cr_expect_str_eq(c.error.message, "unauthorized: why");
	cr_expect_eq(c.error.code, ERROR_VALIDATION);
	cr_expect(c.error.may_retry, "another try may find the answer");
	cr_expect_eq(acme_msg_challenge("{\"status\":\"odd\"}", 16, &c, NULL), -1);
}

Test(acme_msg, each_object_has_only_its_own_states)
{
	static const char *const names[] = { "pending", "ready", "processing", "valid", "invalid", "deactivated",
		"expired", "revoked", "VALID", "", NULL /* none */ };
	static const enum acme_status statuses[] = { ACME_PENDING, ACME_READY, ACME_PROCESSING, ACME_VALID,
		ACME_INVALID, ACME_DEACTIVATED, ACME_EXPIRED, ACME_REVOKED, ACME_PENDING, ACME_PENDING, ACME_PENDING };
	/* Which of these an order, an authorization, a challenge and an account can have. */
	static const char *const have[] = { "yyyyy-----y", "y--yyyyy--y", "y-yyy-----y", "---y-y-y---" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *text = names[i] ? xasprintf("{\"status\":\"%s\"}", names[i]) : xstrdup("{}");
		size_t len = strlen(text);
		_cleanup_(acme_order_msg_clear) struct acme_order_msg o = { .status = ACME_REVOKED };
		_cleanup_(acme_authorization_clear) struct acme_authorization a = { .status = ACME_READY };
		_cleanup_(acme_challenge_clear) struct acme_challenge c = { .status = ACME_REVOKED };
		enum acme_status account = ACME_READY;
		const int found[] = { acme_msg_order(text, len, &o, NULL), acme_msg_authorization(text, len, &a, NULL),
			acme_msg_challenge(text, len, &c, NULL), acme_msg_account(text, len, &account, NULL) };
		const enum acme_status read[] = { o.status, a.status, c.status, account };

		for (size_t k = 0; k < ARRAY_SIZE(found); k++) {
			cr_expect_eq(found[k], have[k][i] == 'y' ? 0 : -1, "%zu: %s", k, text);
			if (have[k][i] == 'y')
				cr_expect_eq(read[k], statuses[i], "%zu: %s", k, text);
		}
	}
}

/* Exactly at a limit, and one beyond it. */
Test(acme_msg, tokens_and_types_have_limits)
{
	static const struct {
		size_t token, type;
		int found;
		size_t challenges;
	} cases[] = {
		{ ACME_TOKEN_MIN, 64, 0, 1 },
		{ ACME_TOKEN_MIN - 1, 64, -1, 0 },
		{ ACME_TOKEN_MAX, 7, 0, 1 },
		{ ACME_TOKEN_MAX + 1, 7, -1, 0 },
		{ ACME_TOKEN_MAX, 65, 0, 0 },
		{ ACME_TOKEN_MAX + 1, 65, 0, 0 },
	};
	char letters[200];

	memset(letters, 'a', sizeof(letters));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = xasprintf(
			"{\"challenges\":[{\"type\":\"%.*s\",\"url\":\"https://ca/c\",\"token\":\"%.*s\"}]}",
			(int)cases[i].type, letters, (int)cases[i].token, letters);
		_cleanup_(acme_authorization_clear) struct acme_authorization a = { .url = NULL };
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(acme_msg_authorization(text, strlen(text), &a, &err), cases[i].found, "%zu", i);
		cr_expect_eq(a.n_challenges, cases[i].challenges, "%zu", i);
		if (cases[i].found < 0)
			cr_expect_str_eq(err.message, "authorization: challenges[0]: token is not valid (RFC 8555 "
						      "section 8.3)");
		else
			cr_expect_not(error_is_set(&err), "%s", err.message);
	}
}

/* The list of issuers decides what a record says, so a client must not answer a challenge whose list is not valid. */
Test(acme_msg, the_issuers_of_dns_persist_01_are_taken_in_both_forms_or_not_at_all)
{
	static const struct {
		const char *member;
		size_t issuers;
		bool is_hashed;
	} cases[] = {
		{ "\"issuer-domain-names\":[\"ca.example\",\"ca-two.example\"]", 2, false },
		{ "\"issuerDomainNames\":[\"ca.example\"]", 1, true },
		{ "\"issuerDomainNames\":[]", 0, false },
		{ "\"issuer-domain-names\":[\"CA.example\"]", 0, false },
		{ "\"issuer-domain-names\":[\"ca.example.\"]", 0, false },
		{ "\"issuer-domain-names\":[\"ca.example; x=y\"]", 0, false },
		{ "\"issuer-domain-names\":[7]", 0, false },
		{ "\"issuer-domain-names\":\"ca.example\"", 0, false },
		{ "\"issuers\":[\"ca.example\"]", 0, false },
		{ "\"issuerDomainNames\":[\"a.b\",\"a.b\",\"a.b\",\"a.b\",\"a.b\",\"a.b\",\"a.b\",\"a.b\",\"a.b\","
		  "\"a.b\",\"a.b\"]",
			0, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(acme_authorization_clear) struct acme_authorization a = { .url = NULL };
		_cleanup_error_ struct error err = ERROR_INIT;
		_cleanup_free_ char *text = xasprintf(
			AUTHZ("{\"type\":\"dns-persist-01\",\"url\":\"https://ca/1\",%s}"), cases[i].member);

		cr_assert_eq(acme_msg_authorization(text, strlen(text), &a, &err), 0, "%zu: %s", i, err.message);
		cr_assert_eq(a.n_challenges, 1);
		cr_expect_eq(a.challenges[0].issuers.count, cases[i].issuers, "%zu", i);
		if (!cases[i].issuers)
			continue;
		cr_expect_str_eq(a.challenges[0].issuers.items[0], "ca.example", "%zu", i);
		cr_expect_eq(a.challenges[0].is_account_hashed, cases[i].is_hashed, "%zu", i);
		cr_expect_null(a.challenges[0].token, "%zu", i);
	}
}

Test(acme_msg, an_authorization_has_at_most_64_challenges)
{
	for (size_t count = 64; count <= 65; count++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		_cleanup_(acme_authorization_clear) struct acme_authorization a = { .url = NULL };
		_cleanup_error_ struct error err = ERROR_INIT;

		buf_add_str(&text, "{\"challenges\":[");
		for (size_t i = 0; i < count; i++)
			buf_printf(&text, "%s{\"type\":\"t\",\"url\":\"https://ca/%zu\"}", i ? "," : "", i);
		buf_add_str(&text, "]}");
		if (count == 64) {
			cr_assert_eq(acme_msg_authorization(buf_str(&text), text.len, &a, &err), 0);
			cr_expect_eq(a.n_challenges, 64);
			cr_expect_str_eq(a.challenges[63].url, "https://ca/63");
			continue;
		}
		cr_expect_eq(acme_msg_authorization(buf_str(&text), text.len, &a, &err), -1);
		cr_expect_str_eq(err.message, "authorization: more than 64 challenges");
	}
}

Test(acme_msg, the_words_of_a_refusal_lead_to_the_member)
{
	static const struct {
		enum object object;
		const char *text, *says;
	} cases[] = {
		{ DIRECTORY, "[7]", "directory: not a JSON object" },
		{ DIRECTORY, "{\"newNonce\":\"https://ca/n\",\"newAccount\":\"https://ca/a\"}",
			"directory: newOrder is missing" },
		{ DIRECTORY, "{" DIR ",\"keyChange\":\"http://ca/k\"}", "directory: keyChange: the URL is not https" },
		{ DIRECTORY, "{" DIR ",\"renewalInfo\":\"https://ca/k#f\"}",
			"directory: renewalInfo: the URL contains a user or a fragment" },
		{ DIRECTORY,
			"{\"newNonce\":\"https://ca/n\",\"newAccount\":\"https://ca/a\",\"newOrder\":\"https://ca/o\","
			"\"revokeCert\":\"http://ca\"}",
			"directory: revokeCert: the URL is not https" },
		{ ORDERS, "{\"finalize\":\"http://ca/f\"}", "order: finalize: the URL is not https" },
		{ ORDERS, "{\"certificate\":\"http://ca/c\"}", "order: certificate: the URL is not https" },
		{ ORDERS, "{\"authorizations\":[\"https://ca/1\",\"http://ca/2\"]}",
			"order: authorizations[1]: the URL is not https" },
		{ ORDERS, "{\"identifiers\":[7]}", "order: identifier without type and value" },
		{ ORDERS, "{\"identifiers\":[{\"type\":\"dns\"}]}", "order: identifier without type and value" },
		{ ORDERS, "{\"identifiers\":[{\"value\":\"a.test\"}]}", "order: identifier without type and value" },
		{ ORDERS, "{\"status\":\"expired\"}", "order: status is not valid for this object" },
		{ AUTHORIZATION, "{\"identifier\":{\"type\":\"email\",\"value\":\"a.test\"}}",
			"authorization: identifier of an unknown type" },
		{ AUTHORIZATION, "{\"challenges\":[{\"type\":\"t\",\"url\":\"http://ca/c\"}]}",
			"authorization: challenges[0]: url: the URL is not https" },
		{ AUTHORIZATION, "{\"challenges\":[{},{\"type\":\"t\",\"url\":\"https://ca/c\",\"status\":\"ready\"}]}",
			"authorization: challenges[1]: status is not valid for this object" },
		{ CHALLENGE, "7", "challenge: not a JSON object" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(parse(cases[i].object, cases[i].text, &err), -1, "%s", cases[i].text);
		cr_expect_str_eq(err.message, cases[i].says);
		cr_expect_eq(err.code, ERROR_PROTOCOL, "%s", cases[i].text);
		cr_expect_null(err.field, "a member of the CA's is no setting: %s", err.field);
	}
}

Test(acme_msg, members_of_another_type_are_no_settings)
{
	static const char *const texts[] = { "{\"status\":7}", "{\"finalize\":7}", "{\"authorizations\":{}}",
		"{\"identifiers\":7}" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_error_ struct error err = ERROR_INIT;

		cr_expect_eq(parse(ORDERS, texts[i], &err), -1, "%s", texts[i]);
		cr_expect_eq(strncmp(err.message, "order: ", 7), 0, "%s", err.message);
		cr_expect_null(err.field);
	}
}

Test(acme_msg, a_profile_must_be_offered)
{
	struct acme_directory d = { .new_nonce = NULL };
	_cleanup_error_ struct error none = ERROR_INIT, other = ERROR_INIT;

	cr_expect_eq(acme_directory_check_profile(&d, "short", &none), -1);
	cr_expect_str_eq(none.message, "the CA does not offer the profile 'short'; it offers no profiles at all");
	strlist_add(&d.profiles, "classic");
	strlist_add(&d.profiles, "tls");
	cr_expect_eq(acme_directory_check_profile(&d, "short", &other), -1);
	cr_expect_str_eq(other.message, "the CA does not offer the profile 'short'; it offers classic, tls");
	cr_expect_str_eq(other.field, "profile");
	cr_expect_eq(other.code, ERROR_CA);
	cr_expect_eq(acme_directory_check_profile(&d, "short", NULL), -1);
	cr_expect_eq(acme_directory_check_profile(&d, "tls", NULL), 0);
	acme_directory_clear(&d);
}

Test(acme_msg, several_links_and_parameters_are_told_apart)
{
	static const struct {
		const char *header, *found;
	} cases[] = {
		{ "<https://ca/1>;rel=\"alternate\", <https://ca/2>;rel=\"alternate\"", "https://ca/1 https://ca/2" },
		{ "<https://ca/1>;rel=alternate;title=x", "https://ca/1" },
		{ "<https://ca/1>;\trel=\"x alternate y\"", "https://ca/1" },
		{ "<https://ca/1>;rel=up;rel=alternate", "https://ca/1" },
		{ "<https://ca/1>;rel=\"alternat\"", "" },
		{ "<https://ca/1>;rel=\"up\";title=\"alternate\"", "" },
		{ "<https://ca/1>;rel=up, <https://ca/2", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strlist_ struct strlist links = STRLIST_INIT;
		_cleanup_strlist_ struct strlist found = STRLIST_INIT;
		_cleanup_free_ char *joined = NULL;

		strlist_add(&links, cases[i].header);
		acme_msg_links(&links, "alternate", &found);
		joined = strlist_join(&found, " ");
		cr_expect_str_eq(joined, cases[i].found, "%s: %s", cases[i].header, joined);
	}
}

Test(acme_msg, renewal_information_is_a_window_with_an_explanation)
{
	static const struct {
		const char *text;
		int64_t start_at;
		const char *url; /* NULL: none that may be shown */
		const char *wrong;
	} cases[] = {
		{ "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\",\"end\":\"2025-01-03T04:00:00Z\"},"
		  "\"explanationURL\":\"https://ca.example/why\"}",
			1735790400, "https://ca.example/why", NULL },
		{ "{\"suggestedWindow\":{\"start\":\"2025-01-02T05:00:00.25+01:00\",\"end\":\"2025-01-03T04:00:00Z\"}}",
			1735790400, NULL, NULL },
		{ "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\",\"end\":\"2025-01-03T04:00:00Z\"},"
		  "\"explanationURL\":\"javascript:alert(1)\"}",
			1735790400, NULL, NULL },
		{ "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\",\"end\":\"2025-01-03T04:00:00Z\"},"
		  "\"explanationURL\":\"https://ca.example/\\u001b[2J\"}",
			1735790400, NULL, NULL },
		{ "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\",\"end\":\"2025-01-03T04:00:00Z\"},"
		  "\"explanationURL\":7}",
			1735790400, NULL, NULL },
		{ "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\",\"end\":\"2025-01-02T04:00:00Z\"}}", 0,
			NULL, "renewalInfo: the suggested window ends before it begins" },
		{ "{\"suggestedWindow\":{\"end\":\"2025-01-02T04:00:00Z\"}}", 0, NULL,
			"renewalInfo: start is missing" },
		{ "{\"suggestedWindow\":{\"start\":\"2025-01-02T04:00:00Z\",\"end\":\"2025-13-03\"}}", 0, NULL,
			"renewalInfo: end is not a date" },
		{ "{\"suggestedWindow\":\"now\"}", 0, NULL, "renewalInfo: 'suggestedWindow' must be object" },
		{ "{}", 0, NULL, "renewalInfo: suggestedWindow is missing" },
		{ "[]", 0, NULL, "renewalInfo: not a JSON object" },
		{ "<html>", 0, NULL, "renewalInfo: " },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(acme_renewal_info_clear) struct acme_renewal_info info = { .url = NULL };
		_cleanup_error_ struct error err = ERROR_INIT;
		int rc = acme_msg_renewal_info(cases[i].text, strlen(cases[i].text), &info, &err);

		cr_expect_eq(rc, cases[i].wrong ? -1 : 0, "%s: %s", cases[i].text, err.message);
		if (cases[i].wrong) {
			cr_expect(strncmp(err.message, cases[i].wrong, strlen(cases[i].wrong)) == 0, "%s", err.message);
			cr_expect_eq(err.code, ERROR_PROTOCOL, "%s", err.message);
			continue;
		}
		cr_expect_eq(info.start_at, cases[i].start_at, "%s", cases[i].text);
		cr_expect_eq(info.url && cases[i].url ? strcmp(info.url, cases[i].url) : info.url != cases[i].url, 0,
			"%s", cases[i].text);
		acme_renewal_info_clear(&info);
		cr_expect(!info.url && !info.start_at && !info.end_at);
	}
}
