/*
 * daemon/renew/forecast.h: the renewals to come, by the rules of policy.h and the lifetimes that CAs announced. Pure.
 * It assumes that each order succeeds at once, and that ARI asks for nothing.
 */
#ifndef DAEMON_RENEW_FORECAST_H
#define DAEMON_RENEW_FORECAST_H

#include <stdint.h>

struct calendar;

/* What is known of one auto-certificate. All times are UNIX seconds. */
struct forecast_in {
	int64_t now;
	int64_t next_at;                     /* of the next order; a time in the past means now */
	int64_t not_before_at, not_after_at; /* of the newest certificate; 0: there is none yet */
	int64_t renew_before;                /* declared; 0: 30 days */
	uint64_t spread_seed;                /* of renewal_due() */
	const char *server;                  /* ACME directory URL */
	const char *profile;                 /* or NULL */
	const struct calendar *calendar;     /* of its windows (window.h); or NULL */
};

/* Called for each renewal in order of time. @lifetime: of the certificate that it brings. */
typedef void
forecast_fn(int64_t at, int64_t lifetime, void *arg);

/*
 * forecast_each() - report the orders before @until_at
 * A certificate without a predecessor is assumed to live for 90 days.
 * At most FORECAST_MOST are reported: certificates that live for minutes have no use for a forecast of years.
 */
enum { FORECAST_MOST = 10000 };

void
forecast_each(const struct forecast_in *in, int64_t until_at, forecast_fn *fn, void *arg);

#endif
