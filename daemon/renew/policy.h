/*
 * daemon/renew/policy.h: when to renew and when to retry. Pure: time is an argument; all arithmetic saturates. Nothing
 * assumes "30 days": thresholds are fractions of the lifetime.
 */
#ifndef DAEMON_RENEW_POLICY_H
#define DAEMON_RENEW_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* All times are UNIX seconds, spans are seconds. */
struct renewal_in {
	int64_t not_before_at;
	int64_t not_after_at;
	int64_t renew_before; /* 0: 30 days */
	int64_t ari_pick_at;  /* selected time of RFC 9773 s4.2; 0: none */
	uint64_t spread_seed; /* stable per auto-certificate */
	int64_t issued_at;    /* issue time by certd's clock; 0: unknown */
	int64_t hurried_at;   /* the last time but one that the CA had a new certificate replaced; 0: never */
};

/*
 * The seconds before expiry at which renewal is due: @renew_before (0: the default), at most a third of @lifetime, or
 * half of one below 10 days.
 */
int64_t
renewal_margin(int64_t lifetime, int64_t renew_before);

/*
 * The time from which a renewal that has not succeeded is urgent: half of its margin is over. UNIX seconds.
 * @renew_before: as of renewal_margin()
 */
int64_t
renewal_urgent_at(int64_t not_before_at, int64_t not_after_at, int64_t renew_before);

/*
 * renewal_due() - the time of the next renewal
 * ARI's time if there is one. Otherwise not_after - B, with B = renew_before but at most lifetime/3 (lifetime/2 below
 * 10 days), minus a jitter of up to a tenth of B, stable per seed; never later than lifetime/20 before expiry.
 * ARI's time holds at any age of the certificate, also in the past. But the CA can have a new certificate replaced at
 * once (renewal_is_hurried()) only twice in 24 hours; then the next is due a day after the first, or by certd's rule.
 * Without ARI, a certificate that is already due when issued (the CA backdates it, or a clock is wrong) is kept for
 * an eighth of its remaining lifetime, and at least for a minute or half of that lifetime, whichever is shorter.
 * Otherwise orders would follow each other without a pause. One with less than ten seconds left is kept for a minute.
 */
int64_t
renewal_due(const struct renewal_in *in);

/* Which rule of renewal_due() decided. */
enum renewal_rule {
	RENEWAL_BY_CA,     /* ARI's time */
	RENEWAL_BEFORE_CA, /* ARI's time is too late */
	RENEWAL_HELD,      /* ARI's time is too early: renewal_is_held() */
	RENEWAL_KEPT,      /* it was due when issued */
	RENEWAL_BY_MARGIN, /* renew_before */
	RENEWAL_BY_LIFE,   /* renew_before is limited by the lifetime */
};

enum renewal_rule
renewal_rule(const struct renewal_in *in);

/* Would a renewal at @now be one that only the CA asks for: earlier than certd would ever order another certificate? */
bool
renewal_is_hurried(const struct renewal_in *in, int64_t now);

/* Is the renewal later than the CA asks, because it has asked too often? */
bool
renewal_is_held(const struct renewal_in *in);

struct backoff_in {
	int64_t now;
	int64_t attempts;      /* consecutive failures, including this one: >= 1 */
	int64_t not_before_at; /* of the deployed certificate */
	int64_t not_after_at;  /* 0: there is none yet */
	int64_t retry_at;      /* of the CA (Retry-After, or its text); 0: no advice */
	uint64_t jitter_seed;  /* new for each attempt */
	bool is_network; /* the CA was not reached: delays up to half an hour, since the certificate is not the cause */
};

/*
 * backoff_not_before() - when the CA allows the next attempt; a manual renewal obeys it like the scheduled one
 * That is retry_at within the limits of retry_not_before(). While there is a certificate, it is at most half of the
 * remaining lifetime ahead, or a day if that is longer: the CA must be asked again before the certificate expires.
 * Return: UNIX seconds; 0: at any time.
 */
int64_t
backoff_not_before(const struct backoff_in *in);

/*
 * backoff_due() - the time of the next attempt
 * The delays are 1, 10, 100 minutes, then daily; at most 1/8 of the remaining lifetime (of the whole lifetime when it
 * is over). The jitter within that is +-10 %, and at least 5 minutes (60 s to 2 minutes, 7.5 to 12.5 minutes). A delay
 * is never under 60 s; while a certificate with a lifetime of less than 16 minutes lasts, never under 1/16 of that or
 * 5 s. Without a network it is 10 to 30 minutes from the second failure on. It is never before
 * backoff_not_before(), but later by a tenth of the delay or 10 minutes (at most doubling it, and 1/8 of the lifetime
 * that remains then), because the CA sends the same time to all clients.
 */
int64_t
backoff_due(const struct backoff_in *in);

/* The latest time that backoff_due() may return, for any attempt. */
int64_t
backoff_latest(const struct backoff_in *in);

/* The counter after one more failure. Without a network it stays below the long delays. */
int64_t
backoff_count(int64_t attempts, bool is_network);

#endif
