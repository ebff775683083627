/* The texts are compared as CAs do: tags and names without regard to case, an accounturi octet by octet. */
#include "common/crypto/acme_txt.h"

#include "common/alloc.h"
#include "common/buf.h"
#include "common/crypto/base64url.h"
#include "common/error.h"
#include "common/name.h"
#include "common/timefmt.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#define PERSIST_LABEL "_validation-persist"
#define BLANKS " \t"

enum { LABEL_OCTETS = 10, BITS_OF_OCTET = 8, BITS_OF_LETTER = 5, TXT_STRING_MAX = 255, DIGITS_MAX = 12 };

/* --- names --- */

char *
acme_txt_account_owner(const char *account_url, const char *canonical)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char label[LABEL_OCTETS * BITS_OF_OCTET / BITS_OF_LETTER + 1];
	unsigned bits = 0, n_bits = 0;
	char *end = label;

	SHA256((const unsigned char *)account_url, strlen(account_url), digest);
	for (size_t i = 0; i < LABEL_OCTETS; i++) {
		bits = bits << BITS_OF_OCTET | digest[i];
		for (n_bits += BITS_OF_OCTET; n_bits >= BITS_OF_LETTER; n_bits -= BITS_OF_LETTER)
			*end++ = alphabet[bits >> (n_bits - BITS_OF_LETTER) & (sizeof(alphabet) - 2)];
	}
	*end = '\0';
	return xasprintf("_%s." NAME_CHALLENGE_LABEL ".%s", label, name_base(canonical));
}

char *
acme_txt_persist_owner(const char *canonical)
{
	return xasprintf(PERSIST_LABEL ".%s", name_base(canonical));
}

char *
acme_txt_account_hash(const char *prefix, const char *domain, const char *thumbprint, const char *account_url)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	_cleanup_buf_ struct buf input = BUF_INIT;
	struct buf ret = BUF_INIT;

	buf_add_char(&input, (char)strlen(domain));
	buf_printf(&input, "%s%s%s", domain, thumbprint, account_url);
	SHA256((const unsigned char *)input.data, input.len, digest);
	buf_printf(&ret, "%ssha-256/", prefix);
	base64url_encode(digest, sizeof(digest), &ret);
	return buf_steal(&ret);
}

/* --- contents --- */

void
acme_persist_clear(struct acme_persist *p)
{
	strlist_clear(&p->issuers);
	strlist_clear(&p->accounts);
	*p = (struct acme_persist){ .until_at = 0 };
}

static int
acme_persist_until(const char *value, int64_t *ret, struct error *err)
{
	size_t len = strspn(value, "0123456789");

	if (!len || len > DIGITS_MAX || value[len] || (*ret = strtoll(value, NULL, 10)) == 0)
		return error_set(err, ERROR_INVALID, "its persistUntil is not a time in seconds");
	return 0;
}

/* One "tag=value". @seen: the known tags so far. */
static int
acme_persist_parameter(const char *text, struct acme_persist *p, unsigned *seen, struct error *err)
{
	static const char *const tags[] = { "accounturi", "policy", "persistUntil" };
	const char *value = strchr(text, '=');
	size_t len = value ? (size_t)(value - text) : 0;

	if (!len || strpbrk(text, BLANKS))
		return error_set(err, ERROR_INVALID, "it has a parameter that is not TAG=VALUE");
	value++;
	for (unsigned i = 0; i < ARRAY_SIZE(tags); i++) {
		if (strlen(tags[i]) != len || strncasecmp(text, tags[i], len) != 0)
			continue;
		if (*seen & 1U << i)
			return error_set(err, ERROR_INVALID, "it has %s twice", tags[i]);
		*seen |= 1U << i;
		if (i == 0)
			strlist_add(&p->accounts, value);
		else if (i == 1)
			p->is_wildcard = strcasecmp(value, "wildcard") == 0;
		else
			return acme_persist_until(value, &p->until_at, err);
	}
	return 0;
}

/* @text without blanks at both ends; owned by the caller. */
static char *
acme_txt_trim(const char *text, size_t len)
{
	while (len && strchr(BLANKS, *text))
		text++, len--;
	while (len && strchr(BLANKS, text[len - 1]))
		len--;
	return xstrndup(text, len);
}

int
acme_persist_parse(const char *text, struct acme_persist *ret, struct error *err)
{
	_cleanup_acme_persist_ struct acme_persist p = { .until_at = 0 };
	unsigned seen = 0;

	for (const char *part = text;; part++) {
		size_t len = strcspn(part, ";");
		_cleanup_free_ char *trimmed = acme_txt_trim(part, len);

		if (!*trimmed)
			return error_set(err, ERROR_INVALID, "it has an empty part");
		if (part == text)
			strlist_add(&p.issuers, trimmed);
		else if (acme_persist_parameter(trimmed, &p, &seen, err) < 0)
			return -1;
		part += len;
		if (!*part)
			break;
	}
	if (!p.accounts.count)
		return error_set(err, ERROR_INVALID, "it has no accounturi");
	*ret = p;
	p = (struct acme_persist){ .until_at = 0 };
	return 0;
}

char *
acme_persist_text(const struct acme_persist *want)
{
	_cleanup_free_ char *until = want->until_at ? xasprintf("; persistUntil=%lld", (long long)want->until_at)
						    : xstrdup("");

	return xasprintf("%s; accounturi=%s%s%s", want->issuers.items[0], want->accounts.items[0],
		want->is_wildcard ? "; policy=wildcard" : "", until);
}

static bool
acme_persist_is_of(const struct acme_persist *want, const char *issuer)
{
	size_t len = strlen(issuer);

	if (len && issuer[len - 1] == '.')
		len--;
	for (size_t i = 0; i < want->issuers.count; i++)
		if (strlen(want->issuers.items[i]) == len && strncasecmp(want->issuers.items[i], issuer, len) == 0)
			return true;
	return false;
}

/* Why a record does not allow it; NULL: it does. Owned by the caller. @is_close: it is at least one of this CA. */
static char *
acme_persist_fault(
	const struct acme_persist *want, const char *text, int64_t now, struct acme_persist *ret, bool *is_close)
{
	_cleanup_error_ struct error err = ERROR_INIT;
	_cleanup_free_ char *issuer = acme_txt_trim(text, strcspn(text, ";"));
	char end[TIME_RFC3339_SIZE];

	*is_close = acme_persist_is_of(want, issuer);
	if (!*is_close)
		return xstrdup("there is only one of another CA");
	if (acme_persist_parse(text, ret, &err) < 0)
		return xasprintf("the one that is there is not valid: %s", err.message);
	if (!strlist_has(&want->accounts, ret->accounts.items[0]))
		return xstrdup("the one that is there is for another account");
	if (want->is_wildcard && !ret->is_wildcard)
		return xstrdup("the one that is there lacks policy=wildcard");
	if (ret->until_at && ret->until_at <= now) {
		time_format_rfc3339(ret->until_at, end);
		return xasprintf("the one that is there has expired at %s (persistUntil)", end);
	}
	return NULL;
}

int
acme_persist_find(const struct acme_persist *want, const struct strlist *values, int64_t now, size_t *ret, char **why)
{
	int64_t best = -1;
	bool has_close = false;

	*why = xstrdup("there is no such record");
	for (size_t i = 0; i < values->count; i++) {
		_cleanup_acme_persist_ struct acme_persist seen = { .until_at = 0 };
		bool is_close;
		_cleanup_free_ char *fault = acme_persist_fault(want, values->items[i], now, &seen, &is_close);
		int64_t until_at = seen.until_at ? seen.until_at : INT64_MAX;

		if (!fault && until_at > best) {
			best = until_at;
			*ret = i;
		} else if (fault && (is_close || !has_close)) {
			has_close = is_close;
			str_replace(why, fault);
		}
	}
	if (best < 0)
		return 0;
	free(*why);
	*why = NULL;
	return 1;
}

char *
acme_txt_quoted(const char *text)
{
	struct buf ret = BUF_INIT;
	size_t len;

	do {
		len = strnlen(text, TXT_STRING_MAX);
		buf_printf(&ret, "%s\"%.*s\"", ret.len ? " " : "", (int)len, text);
		text += len;
	} while (*text);
	return buf_steal(&ret);
}
