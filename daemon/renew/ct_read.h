/*
 * daemon/renew/ct_read.h: the answers of services that search the logs of Certificate Transparency. Pure; may run in a
 * worker.
 *
 *   crt.sh (output=json)        [{"issuer_name", "common_name", "name_value" (one name a line), "serial_number" (hex),
 *                               "not_before", "not_after"}, ...]: precertificate and certificate are two of them
 *   Cert Spotter (issuances)    [{"id", "tbs_sha256", "cert_der" or "cert": {"data"}, "issuer": {"name"}?,
 *                               "problem_reporting"?}, ...]: a page; the next one has the id of its last as after=
 */
#ifndef DAEMON_RENEW_CT_READ_H
#define DAEMON_RENEW_CT_READ_H

#include "common/strlist.h"

#include <stddef.h>
#include <stdint.h>

struct error;

enum { CT_SERIAL_MAX = 64, CT_PAGE_ID_MAX = 64, CT_TEXT_MAX = 150 };

/* One certificate or precertificate. All strings are printable, at most CT_TEXT_MAX octets. */
struct ct_entry {
	char *issuer;         /* its distinguished name */
	char *serial;         /* ct_serial() */
	char *report_to;      /* how the CA takes reports about it; or NULL */
	struct strlist names; /* canonical, at least one */
	int64_t not_before_at, not_after_at;
};

void
ct_entry_clear(struct ct_entry *entry);

/* The callee may take what is in @entry. */
typedef void
ct_entry_fn(struct ct_entry *entry, void *arg);

struct ct_page {
	size_t entries;
	char last[CT_PAGE_ID_MAX + 1]; /* id for the next page; "": there are no pages */
};

/*
 * ct_read() - report each entry of an answer that has a DNS name
 * Return: 0; or -1 with ERROR_PROTOCOL: the answer is not such a list, or entries of it cannot be read: @err names the
 * first. All that can be read are reported.
 */
int
ct_read(const char *text, size_t len, ct_entry_fn *fn, void *arg, struct ct_page *ret, struct error *err);

/*
 * ct_serial() - a serial number as this module compares it: lower-case hexadecimal, without colons and leading zeros
 * Return: owned by the caller; NULL: it is not one, or too long.
 */
char *
ct_serial(const char *text);

#endif
