/*
 * daemon/renew/policy.h: when to renew and when to try again. Pure: time is an argument; all arithmetic saturates.
 * The rule is design section 7; nothing assumes "30 days": thresholds are fractions of the lifetime.
 */
#ifndef DAEMON_RENEW_POLICY_H
#define DAEMON_RENEW_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* All times UNIX seconds, spans seconds. */
struct renewal_in {
	int64_t not_before_at;
	int64_t not_after_at;
	int64_t renew_before; /* 0: 30 days */
	int64_t ari_pick_at;  /* chosen instant of RFC 9773 s4.2; 0: none */
	uint64_t spread_seed; /* stable per auto-certificate */
	int64_t issued_at;    /* when it was issued by our own clock; 0: unknown */
};

/*
 * renewal_due() - the instant of the next renewal
 * ARI's pick if there is one, else not_after - B, B = renew_before but at most lifetime/3 (lifetime/2 below 10 days),
 * minus a spread of up to a tenth of B, stable per seed; never later than lifetime/20 before expiry.
 * A certificate that is due when it comes (the CA backdates it, or our clock is wrong) is kept for an eighth of what was
 * left of it, at least a minute: else one order would follow the other.
 */
int64_t
renewal_due(const struct renewal_in *in);

struct backoff_in {
	int64_t now;
	int64_t attempts;      /* failed in a row, this one included: >= 1 */
	int64_t not_before_at; /* of the certificate that is served */
	int64_t not_after_at;  /* 0: there is none yet */
	int64_t retry_at;      /* of the CA (Retry-After); 0: no advice */
	uint64_t jitter_seed;  /* new for each attempt */
	bool is_network; /* the CA was not reached: no wait above half an hour, the cause is not the certificate's */
};

/*
 * backoff_due() - 1, 10, 100 minutes, then daily; at most 1/8 of the life that is left (of the whole life when it is
 * over); spread within that by +-10 %, and by 5 minutes at least (60 s to 2 minutes, 7.5 to 12.5 minutes); never under
 * 60 s; without a network 10 to 30 minutes from the second time on; never before retry_at (which is clamped to a day),
 * but after it by a tenth of the wait or 10 minutes (at most as much again, and 1/8 of the life that is left then),
 * because the CA tells everybody the same
 */
int64_t
backoff_due(const struct backoff_in *in);

/* The latest instant that backoff_due() may give, whatever the attempt. */
int64_t
backoff_latest(const struct backoff_in *in);

/* The count after one more failure. Without a network it stays below the long waits. */
int64_t
backoff_count(int64_t attempts, bool is_network);

#endif
