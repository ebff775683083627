/*
 * daemon/ready/caa.h: do the CAA records at a name allow a CA to issue a certificate (RFC 8659, RFC 8657)? Pure. The
 * records come from any DNS server.
 */
#ifndef DAEMON_READY_CAA_H
#define DAEMON_READY_CAA_H

#include "common/buf.h"
#include "common/strlist.h"

#include <stdbool.h>

struct caa_question {
	const struct strlist *identities; /* of the CA (meta.caaIdentities of its directory); none: unknown */
	const char *account_url;          /* NULL: unknown */
	const char *method;               /* "dns-01"; NULL: unknown */
	bool is_wildcard;
};

enum caa_verdict {
	CAA_ALLOWED,
	CAA_FORBIDDEN, /* by each CA that follows the RFCs */
	CAA_UNKNOWN,   /* something that decides it is not known */
};

/*
 * caa_judge() - judge all CAA records at the name closest to the one that is to be validated
 * @records: "flags tag value" each, as in struct dns_answer
 * @why: the reason is appended if the verdict is not CAA_ALLOWED, one line: which record or what is missing
 */
enum caa_verdict
caa_judge(const struct strlist *records, const struct caa_question *question, struct buf *why);

#endif
