/*
 * The problem table. A CA reports a failure by a type. Each type is one row: our error code, whether the same request
 * can succeed later without any change, and the setting that an operator would change. A status that asks for a pause
 * overrides it. The CA's text is kept, without characters that a terminal would obey.
 */
#include "daemon/acme/acme_problem.h"

#include "common/buf.h"
#include "common/json.h"
#include "common/printable.h"
#include "common/timefmt.h"

#include <stdlib.h>
#include <string.h>

#define URN "urn:ietf:params:acme:error:"

struct problem_row {
	const char *type;
	enum error_code code;
	bool may_retry;
	const char *field; /* the setting at fault: a parameter of provider or autoCertificate; or NULL */
};

static const struct problem_row problems[] = {
	{ "accountDoesNotExist", ERROR_CA, false, NULL },
	{ "alreadyReplaced", ERROR_CA, true, NULL },
	{ "alreadyRevoked", ERROR_CA, false, NULL },
	{ "badCSR", ERROR_CA, false, "keyAlgorithm" },
	{ "badNonce", ERROR_CA, true, NULL },
	{ "badPublicKey", ERROR_CA, false, "keyAlgorithm" },
	{ "badRevocationReason", ERROR_CA, false, "reason" },
	{ "badSignatureAlgorithm", ERROR_CA, false, "accountKeyAlgorithm" },
	{ "caa", ERROR_CA, true, "commonName" },
	{ "compound", ERROR_CA, false, NULL },
	{ "connection", ERROR_VALIDATION, true, NULL },
	{ "dns", ERROR_VALIDATION, true, NULL },
	{ "externalAccountRequired", ERROR_CA, false, "externalAccountBinding" },
	{ "incorrectResponse", ERROR_VALIDATION, true, NULL },
	{ "invalidContact", ERROR_CA, false, "email" },
	{ "invalidProfile", ERROR_CA, false, "profile" },
	{ "malformed", ERROR_CA, false, NULL },
	{ "orderNotReady", ERROR_CA, true, NULL },
	{ "rateLimited", ERROR_RATE_LIMITED, true, NULL },
	{ "rejectedIdentifier", ERROR_CA, false, "commonName" },
	{ "serverInternal", ERROR_CA, true, NULL },
	{ "tls", ERROR_VALIDATION, true, NULL },
	{ "unauthorized", ERROR_CA, false, NULL },
	{ "unsupportedContact", ERROR_CA, false, "email" },
	{ "unsupportedIdentifier", ERROR_CA, false, "commonName" },
	{ "userActionRequired", ERROR_CA, false, "termsOfServiceAgreed" },
};

static const struct problem_row *
find_row(const char *type)
{
	for (size_t i = 0; type && i < ARRAY_SIZE(problems); i++)
		if (strcmp(problems[i].type, type) == 0)
			return &problems[i];
	return NULL;
}

bool
acme_problem_is_known(const char *type)
{
	return find_row(type);
}

bool
acme_problem_may_be_of_replaces(const struct error *err)
{
	if (err->code != ERROR_CA)
		return false;
	if (err->problem && strcmp(err->problem, "alreadyReplaced") == 0)
		return true;
	return !err->may_retry && !err->field && !(err->problem && strcmp(err->problem, "accountDoesNotExist") == 0);
}

static bool
acme_problem_is_vague(const struct error *err)
{
	return err->code == ERROR_CA && err->problem &&
	       (strcmp(err->problem, "malformed") == 0 || strcmp(err->problem, "unauthorized") == 0);
}

bool
acme_problem_is_of_profile(const struct error *err)
{
	if (err->field)
		return strcmp(err->field, "profile") == 0;
	return acme_problem_is_vague(err) && strcasestr(err->message, "profile");
}

bool
acme_problem_may_be_of_profile(const struct error *err)
{
	return acme_problem_is_of_profile(err) || (acme_problem_is_vague(err) && !err->field);
}

/* In @text; owned by the caller, or NULL. */
static char *
acme_problem_find_unpause_url(const char *text)
{
	size_t len;

	for (const char *at = text; (at = strstr(at, "https://")); at += len) {
		len = strcspn(at, " \t\r\n\"'<>");
		while (len > 0 && strchr(".,;)", at[len - 1]))
			len--;
		if (len <= ACME_UNPAUSE_URL_MAX && memmem(at, len, "unpause", strlen("unpause")) &&
			printable_is_line(at, len))
			return xasprintf("%.*s", (int)len, at);
	}
	return NULL;
}

char *
acme_problem_unpause_url(const struct error *err)
{
	return err->problem ? acme_problem_find_unpause_url(err->message) : NULL;
}

/* String member or NULL; a member of another type counts as absent in an error answer. */
static const char *
text_member(struct json_object *obj, const char *name)
{
	const char *s = NULL;

	return json_get_string(obj, name, &s, NULL) == 1 ? s : NULL;
}

static bool
retry_of_status(int status)
{
	return status == 408 || status == 425 || status == 429 || status >= 500;
}

/* The type without its URN; types of other vocabularies unchanged; NULL for none (about:blank). */
static char *
read_type(struct json_object *problem)
{
	const char *type = text_member(problem, "type");

	if (!type || strcmp(type, "about:blank") == 0)
		return NULL;
	if (strncmp(type, URN, strlen(URN)) == 0)
		type += strlen(URN);
	return *type ? printable_line(type, strlen(type), ACME_PROBLEM_TYPE_MAX) : NULL;
}

/* "unauthorized: no TXT record", or one half of it. */
static void
add_type_and_detail(struct buf *b, struct json_object *problem)
{
	_cleanup_free_ char *type = read_type(problem);
	const char *detail = text_member(problem, "detail");

	if (type)
		buf_add_str(b, type);
	if (type && detail)
		buf_add_str(b, ": ");
	if (detail)
		buf_add_str(b, detail);
}

/* "; www.example.com: caa: forbidden" for each subproblem (RFC 8555 s6.7.1) */
static void
add_subproblems(struct buf *b, struct json_object *problem)
{
	struct json_object *list = NULL;

	if (json_get_array(problem, "subproblems", &list, NULL) != 1)
		return;
	for (size_t i = 0; i < json_object_array_length(list) && b->len < ACME_PROBLEM_TEXT_MAX; i++) {
		struct json_object *sub = json_object_array_get_idx(list, i);
		struct json_object *identifier = NULL;
		const char *name = NULL;

		if (!json_object_is_type(sub, json_type_object))
			continue;
		if (json_get_object(sub, "identifier", &identifier, NULL) == 1)
			name = text_member(identifier, "value");
		buf_add_str(b, b->len ? "; " : "");
		buf_printf(b, "%s%s", name ? name : "", name ? ": " : "");
		add_type_and_detail(b, sub);
	}
}

/* Let's Encrypt also writes the time into the text: "retry after 2026-01-02 03:04:05 UTC". */
static int64_t
retry_time_in_text(const char *text)
{
	static const char intro[] = "retry after ";
	const char *s = text ? strstr(text, intro) : NULL;
	char stamp[TIME_RFC3339_SIZE];
	int64_t at;

	if (!s || strnlen(s + strlen(intro), 19) < 19)
		return 0;
	memcpy(stamp, s + strlen(intro), 19);
	stamp[10] = 'T';
	memcpy(stamp + 19, "Z", 2);
	return time_parse_rfc3339(stamp, &at) == 0 && at > 0 ? at : 0;
}

/* @text as one line. A cut leaves the link of a pause, which is its end. Owned by the caller. */
static char *
acme_problem_line(const struct buf *text)
{
	_cleanup_free_ char *url = text->len > ACME_PROBLEM_TEXT_MAX ? acme_problem_find_unpause_url(buf_str(text))
								     : NULL;
	_cleanup_free_ char *cut = NULL;

	if (!url)
		return printable_line(buf_str(text), text->len, ACME_PROBLEM_TEXT_MAX);
	cut = printable_line(buf_str(text), text->len, ACME_PROBLEM_TEXT_MAX - strlen(url) - strlen("... "));
	return xasprintf("%s... %s", cut, url);
}

/* The type decides, else the status. */
static void
acme_problem_read(struct json_object *problem, int status, struct error *ret)
{
	_cleanup_free_ char *type = read_type(problem);
	_cleanup_free_ char *message = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	const struct problem_row *row = find_row(type);
	const char *instance = text_member(problem, "instance");

	add_type_and_detail(&text, problem);
	add_subproblems(&text, problem);
	if (row && row->field && instance && strcmp(row->type, "userActionRequired") == 0)
		buf_printf(&text, " (%s)", instance);
	if (text.len == 0)
		buf_printf(&text, "HTTP status %d", status);
	message = acme_problem_line(&text);

	error_set(ret, row ? row->code : ERROR_CA, "%s", message);
	ret->may_retry = row ? row->may_retry : retry_of_status(status);
	ret->problem = type;
	type = NULL;
	ret->field = row ? xstrdup_null(row->field) : NULL;
}

/* These statuses ask the client to wait, and the type only says what for (RFC 6585 s4, RFC 9110 s15.6.4). */
static bool
status_asks_to_wait(int status, int64_t retry_after_at)
{
	return status == 429 || (status == 503 && retry_after_at > 0);
}

/*
 * Is the wait meant for every order, whatever its names? Only where that is certain: a service that is down; an answer
 * of a front end, which does not know the order; and the limits of Boulder that are of an account or an address. Its
 * limits of a domain, of a set of names and of failed validations name what they are about.
 */
static bool
concerns_all(struct json_object *problem, int status)
{
	static const char *const general[] = { "new orders (", "from this account", "service busy" };
	const char *detail = problem ? text_member(problem, "detail") : NULL;
	struct json_object *list = NULL;

	if (!problem || status == 503)
		return true;
	if (json_get_array(problem, "subproblems", &list, NULL) == 1)
		return false;
	for (size_t i = 0; detail && i < ARRAY_SIZE(general); i++)
		if (strcasestr(detail, general[i]))
			return true;
	return false;
}

void
acme_problem_of_answer(struct json_object *problem, int status, int64_t retry_after_at, struct error *ret)
{
	if (problem) {
		acme_problem_read(problem, status, ret);
	} else {
		error_set(ret, ERROR_CA, "the CA answered HTTP status %d without a reason", status);
		ret->may_retry = retry_of_status(status);
	}
	if (status_asks_to_wait(status, retry_after_at)) {
		ret->code = ERROR_RATE_LIMITED;
		ret->may_retry = true;
		str_replace(&ret->field, NULL); /* no other setting ends the wait */
	}
	ret->retry_at = retry_after_at;
	if (ret->code == ERROR_RATE_LIMITED && retry_after_at <= 0)
		ret->retry_at = problem ? retry_time_in_text(text_member(problem, "detail")) : 0;
	ret->is_general = ret->code == ERROR_RATE_LIMITED && ret->retry_at > 0 && concerns_all(problem, status);
}

void
acme_problem_of_validation(struct json_object *problem, struct error *ret)
{
	acme_problem_read(problem, 0, ret);
	ret->code = ERROR_VALIDATION;
	ret->may_retry = true; /* it may succeed later without a change of our settings */
}
