/*
 * daemon/renew/ari_policy.h: renewal information of CAs (RFC 9773): which time of the suggested window is chosen, and
 * when the CA is asked again. Pure: time and chance are arguments. What follows for the renewal: policy.h.
 */
#ifndef DAEMON_RENEW_ARI_POLICY_H
#define DAEMON_RENEW_ARI_POLICY_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * ari_pick() - a time in the window [@start_at, @end_at), each with the same probability (RFC 9773 s4.2)
 * @random: any number; new for each window
 * Return: UNIX seconds, at least 1.
 */
int64_t
ari_pick(int64_t start_at, int64_t end_at, uint64_t random);

struct ari_poll_in {
	int64_t now;
	int64_t retry_after_at;  /* as the CA says; 0: it does not */
	const struct error *err; /* NULL: the answer was good */
	int64_t attempts;        /* consecutive failures, including this one */
};

/*
 * ari_next_poll() - when the CA is asked again (RFC 9773 s4.3)
 * After an answer at its Retry-After, but within a minute and a day; 6 hours without one. After a failure that may be
 * over soon (timeout, 5xx, 429) in 1, 2, 4, ... minutes, and never before Retry-After (at most a day); after the eighth
 * of them, and after any other failure, in 6 hours.
 * Return: UNIX seconds.
 */
int64_t
ari_next_poll(const struct ari_poll_in *in);

/* Is the failure one that may be over soon? */
bool
ari_is_temporary(const struct error *err);

#endif
