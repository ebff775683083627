/*
 * The DNSSEC records of the zone of a name. A resolver that validates shows what is wrong now as SERVFAIL: see
 * check_dns.c. This looks also where none validates, and for signatures that are about to expire.
 */
#include "common/timefmt.h"
#include "daemon/ready/ready_private.h"

#include <stdlib.h>

enum { LATE_SHARE = 10 }; /* signers renew a signature when at least a tenth of its life is left */

struct dnssec_signature {
	unsigned type; /* of the records that it is for */
	int64_t inception_at, expires_at;
};

static bool
dnssec_read(const char *value, struct dnssec_signature *ret)
{
	char *end;

	ret->type = (unsigned)strtoul(value, &end, 10);
	ret->expires_at = strtoll(end, &end, 10);
	ret->inception_at = strtoll(end, &end, 10);
	return end > value && !*end;
}

/* A set of records may have several signatures, while a key is replaced: one that is good is enough. */
static bool
dnssec_is_superseded(const struct strlist *values, const struct dnssec_signature *s)
{
	struct dnssec_signature other;

	for (size_t i = 0; i < values->count; i++)
		if (dnssec_read(values->items[i], &other) && other.type == s->type && other.expires_at > s->expires_at)
			return true;
	return false;
}

static void
dnssec_judge(struct ready_step *s, const struct dnssec_signature *signature)
{
	int64_t now = ready_now(s->run->ready);
	int64_t left = signature->expires_at - now;
	char when[TIME_RFC3339_SIZE];

	time_format_rfc3339(signature->expires_at, when);
	if (left <= 0)
		ready_add(s, READY_WARNING, "DNSSEC: a signature of the zone %s expired at %s; sign the zone again",
			s->zone, when);
	else if (left < (signature->expires_at - signature->inception_at) / LATE_SHARE)
		ready_add(s, READY_WARNING,
			"DNSSEC: a signature of the zone %s expires at %s, and is not renewed: does its signer run?",
			s->zone, when);
}

static void
dnssec_signatures(struct ready_step *s, const struct dns_answer *answer, const struct error *err)
{
	struct dnssec_signature first = { .expires_at = INT64_MAX }, one;

	for (size_t i = 0; !err && i < answer->values.count; i++)
		if (dnssec_read(answer->values.items[i], &one) && one.expires_at < first.expires_at &&
			!dnssec_is_superseded(&answer->values, &one))
			first = one;
	if (first.expires_at < INT64_MAX)
		dnssec_judge(s, &first);
	ready_next(s);
}

static void
dnssec_keys(struct ready_step *s, const struct dns_answer *answer, const struct error *err)
{
	if (!err && answer->rcode == 0 && !answer->values.count) {
		ready_add(s, READY_WARNING,
			"DNSSEC: the zone above has a DS record for %s, which has no key: remove the DS record, or "
			"sign the zone",
			s->zone);
		ready_next(s);
	} else {
		ready_ask_unvalidated(s, s->zone, DNS_RRSIG, dnssec_signatures);
	}
}

/* Without a DS record nothing is validated. */
static void
dnssec_delegated(struct ready_step *s, const struct dns_answer *answer, const struct error *err)
{
	if (!err && answer->rcode == 0 && answer->values.count)
		ready_ask_unvalidated(s, s->zone, DNS_DNSKEY, dnssec_keys);
	else
		ready_next(s);
}

static void
dnssec_start(struct ready_step *s)
{
	if (s->zone)
		ready_ask(s, NULL, s->zone, DNS_DS, dnssec_delegated);
	else
		ready_next(s);
}

const struct ready_check ready_check_dnssec = { .word = "dnssec", .is_of_name = true, .start = dnssec_start };
