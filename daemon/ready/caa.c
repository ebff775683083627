/*
 * Text is compared in place. What does not follow the grammar of a value allows nobody (RFC 8659 s4.2), but a parameter
 * that is unknown is ignored, because CAs define their own.
 */
#include "daemon/ready/caa.h"

#include "common/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CAA_CRITICAL = 128, VALUES_SHOWN = 3 };

struct caa_span {
	const char *at;
	size_t len;
};

/* "issuer; accounturi=URL; validationmethods=a,b" */
struct caa_value {
	struct caa_span issuer; /* empty: nobody */
	struct caa_span account, methods;
	unsigned n_accounts, n_methods; /* more than one: nobody (RFC 8657 s3, s4) */
};

struct caa_record {
	long flags;
	struct caa_span tag;
	const char *value;
};

static bool
caa_is(struct caa_span span, const char *text)
{
	return span.len == strlen(text) && strncasecmp(span.at, text, span.len) == 0;
}

static const char *
caa_skip(const char *s)
{
	return s + strspn(s, " \t");
}

/* The text up to one of @ends. */
static struct caa_span
caa_take(const char **s, const char *ends)
{
	struct caa_span span = { *s, strcspn(*s, ends) };

	*s = caa_skip(*s + span.len);
	return span;
}

/* Return: is it well formed? */
static bool
caa_read_parameter(const char **s, struct caa_value *ret)
{
	struct caa_span tag = caa_take(s, " \t=;"), value;

	if (tag.len == 0 || **s != '=')
		return false;
	*s = caa_skip(*s + 1);
	value = caa_take(s, " \t;");
	if (**s != '\0' && **s != ';')
		return false;
	if (caa_is(tag, "accounturi")) {
		ret->account = value;
		ret->n_accounts++;
	} else if (caa_is(tag, "validationmethods")) {
		ret->methods = value;
		ret->n_methods++;
	}
	return true;
}

static bool
caa_read_value(const char *s, struct caa_value *ret)
{
	*ret = (struct caa_value){ .n_accounts = 0 };
	s = caa_skip(s);
	ret->issuer = caa_take(&s, " \t;");
	while (*s == ';') {
		s = caa_skip(s + 1);
		if (*s && !caa_read_parameter(&s, ret))
			return false;
	}
	return *s == '\0';
}

static bool
caa_read_record(const char *text, struct caa_record *ret)
{
	char *end;

	ret->flags = strtol(text, &end, 10);
	if (end == text || *end != ' ')
		return false;
	ret->tag.at = end + 1;
	ret->tag.len = strcspn(ret->tag.at, " ");
	if (ret->tag.at[ret->tag.len] != ' ')
		return false;
	ret->value = ret->tag.at + ret->tag.len + 1;
	return true;
}

static bool
caa_is_known(struct caa_span tag)
{
	/* The later ones concern other certificates, and contacts; not all CAs know them. */
	static const char *const tags[] = { "issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail",
		"contactphone" };

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (caa_is(tag, tags[i]))
			return true;
	return false;
}

/* A list "a,b" has @word. */
static bool
caa_lists(struct caa_span list, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i < list.len;) {
		size_t n = 0;

		while (i + n < list.len && list.at[i + n] != ',')
			n++;
		if (n == len && strncasecmp(list.at + i, word, len) == 0)
			return true;
		i += n + 1;
	}
	return false;
}

static bool
caa_names_ca(const struct caa_value *v, const struct strlist *identities)
{
	for (size_t i = 0; i < identities->count; i++)
		if (caa_is(v->issuer, identities->items[i]))
			return true;
	return false;
}

/* The record names the CA: do its parameters allow it? */
static enum caa_verdict
caa_judge_parameters(const struct caa_value *v, const struct caa_question *q, struct buf *why)
{
	buf_reset(why);
	if (v->n_accounts > 1 || v->n_methods > 1) {
		buf_add_str(why, "the record has the same parameter twice, so it allows nothing");
		return CAA_FORBIDDEN;
	}
	/* URLs are case-sensitive. */
	if (v->n_accounts && q->account_url &&
		!(strlen(q->account_url) == v->account.len &&
			memcmp(q->account_url, v->account.at, v->account.len) == 0)) {
		buf_printf(why, "it allows only the account %.*s, and the account of the provider is %s",
			(int)v->account.len, v->account.at, q->account_url);
		return CAA_FORBIDDEN;
	}
	if (v->n_methods && q->method && !caa_lists(v->methods, q->method)) {
		buf_printf(why, "it allows only validation by %.*s, and certd would use %s", (int)v->methods.len,
			v->methods.at, q->method);
		return CAA_FORBIDDEN;
	}
	if ((v->n_accounts && !q->account_url) || (v->n_methods && !q->method)) {
		buf_add_str(why, "it is not known yet whether the record's parameters are met");
		return CAA_UNKNOWN;
	}
	return CAA_ALLOWED;
}

/* The records with @tag. Return: how many. */
static size_t
caa_judge_tag(const struct strlist *records, const char *tag, const struct caa_question *q, enum caa_verdict *ret,
	struct buf *why)
{
	_cleanup_buf_ struct buf parameters = BUF_INIT, values = BUF_INIT;
	enum caa_verdict verdict = CAA_FORBIDDEN;
	bool is_named = false;
	size_t count = 0;

	for (size_t i = 0; i < records->count; i++) {
		struct caa_record r;
		struct caa_value v;

		if (!caa_read_record(records->items[i], &r) || !caa_is(r.tag, tag))
			continue;
		if (count++ < VALUES_SHOWN)
			buf_printf(&values, "%s%s \"%s\"", values.len ? ", " : "", tag, r.value);
		if (!caa_read_value(r.value, &v) || v.issuer.len == 0 || verdict == CAA_ALLOWED)
			continue;
		if (q->identities->count == 0) {
			verdict = CAA_UNKNOWN;
		} else if (caa_names_ca(&v, q->identities)) {
			enum caa_verdict one = caa_judge_parameters(&v, q, &parameters);

			is_named = true;
			if (one != CAA_FORBIDDEN)
				verdict = one;
		}
	}
	*ret = verdict;
	if (count == 0 || verdict == CAA_ALLOWED)
		return count;
	if (is_named)
		buf_printf(why, "%s: %s", buf_str(&values), buf_str(&parameters));
	else if (verdict == CAA_UNKNOWN)
		buf_printf(why, "%s: the CA does not say by which name CAA records allow it", buf_str(&values));
	else
		buf_printf(why, "%s does not allow %s", buf_str(&values),
			q->identities->count ? q->identities->items[0] : "any CA");
	return count;
}

enum caa_verdict
caa_judge(const struct strlist *records, const struct caa_question *q, struct buf *why)
{
	enum caa_verdict verdict;

	for (size_t i = 0; i < records->count; i++) {
		struct caa_record r;

		if (!caa_read_record(records->items[i], &r) || !(r.flags & CAA_CRITICAL) || caa_is_known(r.tag))
			continue;
		buf_printf(why, "the record \"%s\" is critical, and its tag is not known", records->items[i]);
		return CAA_FORBIDDEN;
	}
	if (q->is_wildcard && caa_judge_tag(records, "issuewild", q, &verdict, why))
		return verdict;
	return caa_judge_tag(records, "issue", q, &verdict, why) ? verdict : CAA_ALLOWED;
}
