/* The list is split into its objects, each of which is parsed alone: an answer may have megabytes. */
#include "daemon/renew/ct_read.h"

#include "common/crypto/x509.h"
#include "common/error.h"
#include "common/json.h"
#include "common/name.h"
#include "common/printable.h"
#include "common/timefmt.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { PEM_LINE = 64 };

void
ct_entry_clear(struct ct_entry *entry)
{
	free(entry->issuer);
	free(entry->serial);
	free(entry->report_to);
	strlist_clear(&entry->names);
	*entry = (struct ct_entry){ .issuer = NULL };
}

#define _cleanup_ct_entry_ _cleanup_(ct_entry_clear)

char *
ct_serial(const char *text)
{
	char digits[CT_SERIAL_MAX + 1];
	size_t n = 0;

	for (; *text; text++) {
		if (*text == ':' || (n == 0 && *text == '0'))
			continue;
		if (!isxdigit((unsigned char)*text) || n == CT_SERIAL_MAX)
			return NULL;
		digits[n++] = (char)tolower((unsigned char)*text);
	}
	digits[n] = '\0';
	return n > 0 ? xstrdup(digits) : NULL;
}

/* --- parts of an entry --- */

static int
ct_missing(const char *name, struct error *err)
{
	if (!error_is_set(err))
		error_set(err, ERROR_PROTOCOL, "'%s' is missing or malformed", name);
	return -1;
}

static char *
ct_printable(const char *text)
{
	return printable_line(text, strlen(text), CT_TEXT_MAX);
}

/* Those that are not host names are addresses or e-mail addresses. */
static void
ct_add_name(struct strlist *names, const char *text)
{
	_cleanup_free_ char *name = NULL;

	if (name_canonical(text, false, &name, NULL) == 0 && !strlist_has(names, name))
		strlist_add(names, name);
}

/* "2026-11-21T10:30:00", which is UTC, or RFC 3339. */
static int
ct_read_time(struct json_object *item, const char *name, int64_t *ret, struct error *err)
{
	const char *text = "";
	_cleanup_free_ char *with_zone = NULL;

	if (json_get_string(item, name, &text, err) < 0)
		return -1;
	with_zone = xasprintf("%.40sZ", text);
	return time_parse_rfc3339(text, ret) == 0 || time_parse_rfc3339(with_zone, ret) == 0 ? 0
											     : ct_missing(name, err);
}

static int
ct_read_crtsh(struct json_object *item, struct ct_entry *ret, struct error *err)
{
	const char *issuer = NULL, *common_name = NULL, *names = NULL, *serial = "";
	_cleanup_strlist_ struct strlist lines = STRLIST_INIT;

	if (json_get_string(item, "issuer_name", &issuer, err) < 1)
		return ct_missing("issuer_name", err);
	if (json_get_string(item, "serial_number", &serial, err) < 0 || !(ret->serial = ct_serial(serial)))
		return ct_missing("serial_number", err);
	if (json_get_string(item, "common_name", &common_name, err) < 0 ||
		json_get_string(item, "name_value", &names, err) < 0 ||
		ct_read_time(item, "not_before", &ret->not_before_at, err) < 0 ||
		ct_read_time(item, "not_after", &ret->not_after_at, err) < 0)
		return -1;
	ret->issuer = ct_printable(issuer);
	strlist_split(&lines, names ? names : "", '\n');
	for (size_t i = 0; i < lines.count; i++)
		ct_add_name(&ret->names, lines.items[i]);
	ct_add_name(&ret->names, common_name ? common_name : "");
	return 0;
}

/* @base64: of the DER. */
static int
ct_read_certificate(const char *base64, struct ct_entry *ret, struct error *err)
{
	_cleanup_(cert_info_clear) struct cert_info info = { .serial = NULL };
	_cleanup_buf_ struct buf pem = BUF_INIT;

	buf_add_str(&pem, "-----BEGIN CERTIFICATE-----\n");
	for (size_t len = strlen(base64), at = 0; at < len; at += PEM_LINE)
		buf_printf(&pem, "%.*s\n", PEM_LINE, base64 + at);
	buf_add_str(&pem, "-----END CERTIFICATE-----\n");
	if (x509_chain_describe(pem.data, pem.len, NULL, &info, err) < 0)
		return -1;
	ret->serial = ct_serial(info.serial);
	if (!ret->serial)
		return ct_missing("serial number", err);
	ret->not_before_at = info.not_before_at;
	ret->not_after_at = info.not_after_at;
	for (size_t i = 0; i < info.names.count; i++)
		ct_add_name(&ret->names, info.names.items[i]);
	ct_add_name(&ret->names, info.subject_cn ? info.subject_cn : "");
	if (!ret->issuer) {
		_cleanup_free_ char *issuer = xasprintf(
			"O=%s, CN=%s", info.issuer_org ? info.issuer_org : "?", info.issuer_cn ? info.issuer_cn : "?");

		ret->issuer = ct_printable(issuer);
	}
	return 0;
}

static int
ct_read_certspotter(struct json_object *item, struct ct_entry *ret, struct error *err)
{
	const char *issuer = NULL, *report_to = NULL, *der = NULL;
	struct json_object *cert = NULL, *from = NULL;

	if (json_get_object(item, "issuer", &from, err) < 0 || json_get_object(item, "cert", &cert, err) < 0 ||
		(from && json_get_string(from, "name", &issuer, err) < 0) ||
		json_get_string(item, "problem_reporting", &report_to, err) < 0 ||
		json_get_string(item, "cert_der", &der, err) < 0 ||
		(!der && cert && json_get_string(cert, "data", &der, err) < 0))
		return -1;
	if (!der)
		return error_set(err, ERROR_PROTOCOL, "'cert_der' is missing: add expand=cert_der to the URL");
	ret->issuer = issuer ? ct_printable(issuer) : NULL;
	ret->report_to = report_to ? ct_printable(report_to) : NULL;
	return ct_read_certificate(der, ret, err);
}

/* It becomes a part of the next URL. */
static void
ct_note_page(struct json_object *item, struct ct_page *ret)
{
	const char *id = NULL;

	if (json_get_string(item, "id", &id, NULL) == 1 && *id && strlen(id) <= CT_PAGE_ID_MAX &&
		id[strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")] == '\0')
		memcpy(ret->last, id, strlen(id) + 1);
}

static int
ct_read_item(const char *text, size_t len, struct ct_entry *entry, struct ct_page *page, struct error *err)
{
	_cleanup_json_ struct json_object *item = json_parse(text, len, err);
	int rc;

	if (!item)
		return -1;
	page->entries++;
	if (json_object_object_get_ex(item, "tbs_sha256", NULL)) {
		ct_note_page(item, page);
		rc = ct_read_certspotter(item, entry, err);
	} else {
		rc = ct_read_crtsh(item, entry, err);
	}
	if (rc == 0 && entry->not_before_at > entry->not_after_at)
		rc = ct_missing("not_after", err);
	return rc;
}

/* --- the list --- */

static const char *
ct_skip_blank(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	return p;
}

/* The end of the object that begins at @p; NULL: it has none. */
static const char *
ct_end_of_object(const char *p, const char *end)
{
	bool is_in_string = false;
	size_t depth = 0;

	for (; p < end; p++) {
		if (is_in_string && *p == '\\' && p + 1 < end)
			p++;
		else if (*p == '"')
			is_in_string = !is_in_string;
		else if (!is_in_string && (*p == '{' || *p == '['))
			depth++;
		else if (!is_in_string && (*p == '}' || *p == ']') && --depth == 0)
			return p + 1;
	}
	return NULL;
}

int
ct_read(const char *text, size_t len, ct_entry_fn *fn, void *arg, struct ct_page *ret, struct error *err)
{
	const char *end = text + len, *p = ct_skip_blank(text, end), *next;
	_cleanup_error_ struct error first = ERROR_INIT;
	size_t number = 0;
	bool is_list = p < end && *p == '[';

	*ret = (struct ct_page){ .entries = 0 };
	if (is_list)
		p = ct_skip_blank(p + 1, end);
	while (is_list && p < end && *p == '{' && (next = ct_end_of_object(p, end))) {
		_cleanup_ct_entry_ struct ct_entry entry = { .issuer = NULL };
		_cleanup_error_ struct error why = ERROR_INIT;

		number++;
		if (ct_read_item(p, (size_t)(next - p), &entry, ret, &why) == 0) {
			if (entry.names.count)
				fn(&entry, arg);
		} else if (!error_is_set(&first)) {
			error_set(&first, ERROR_PROTOCOL, "entry %zu of the answer: %s", number, why.message);
		}
		p = ct_skip_blank(next, end);
		if (p < end && *p == ',')
			p = ct_skip_blank(p + 1, end);
	}
	if (!is_list || p == end || *p != ']' || ct_skip_blank(p + 1, end) != end)
		return error_set(err, ERROR_PROTOCOL, "the answer is not a list in JSON");
	if (!error_is_set(&first))
		return 0;
	error_copy(err, &first);
	return -1;
}
