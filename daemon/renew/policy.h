/*
 * daemon/renew/policy.h: when to renew and when to try again. Pure: time is an argument; all arithmetic saturates.
 * The rule is design section 7; nothing assumes "30 days": thresholds are fractions of the lifetime.
 */
#ifndef DAEMON_RENEW_POLICY_H
#define DAEMON_RENEW_POLICY_H

#include <stdint.h>

/* All times UNIX seconds, spans seconds. */
struct renewal_in {
	int64_t not_before_at;
	int64_t not_after_at;
	int64_t renew_before; /* 0: 30 days */
	int64_t ari_pick_at;  /* chosen instant of RFC 9773 s4.2; 0: none */
	uint64_t spread_seed; /* stable per auto-certificate */
};

/*
 * renewal_due() - the instant of the next renewal
 * ARI's pick if there is one, else not_after - B, B = renew_before but at most lifetime/3 (lifetime/2 below 10 days),
 * minus a spread of up to a tenth of B, stable per seed; never later than lifetime/20 before expiry.
 */
int64_t
renewal_due(const struct renewal_in *in);

struct backoff_in {
	int64_t now;
	int64_t attempts;     /* failed in a row, this one included: >= 1 */
	int64_t not_after_at; /* of the certificate that is served; 0: none yet */
	int64_t retry_at;     /* of the CA (Retry-After); 0: no advice */
	uint64_t jitter_seed; /* new for each attempt */
};

/*
 * backoff_due() - 1, 10, 100 minutes, then daily; at most 1/8 of the life that is left; jittered by +-10 %; never under
 * 60 s; never before retry_at (which is clamped to a day)
 */
int64_t
backoff_due(const struct backoff_in *in);

/* A stable 64-bit seed from an id (FNV-1a). */
uint64_t
policy_seed(const char *id);

/* May work that depends on the date begin? now >= max(build date, last time seen - 1 day). */
int
policy_clock_is_sane(int64_t now, int64_t build_at, int64_t last_seen_at);

#endif
