/* The renewals to come: policy.h, applied again and again to the certificates that it will bring. */
#include "daemon/renew/forecast.h"

#include "common/ca.h"
#include "common/timefmt.h"
#include "daemon/renew/policy.h"
#include "daemon/renew/window.h"

enum { DAY = 24 * 3600, USUAL_LIFETIME = 90 * DAY };

/* What the CA gives at @at, if it gave @lifetime so far. */
static int64_t
forecast_lifetime(const struct forecast_in *in, int64_t lifetime, int64_t at)
{
	struct ca_lifetime announced;
	int64_t from_at = 0; /* an earlier one concerns a certificate that was issued before it */

	while (ca_lifetime_next(in->server, in->profile, from_at, &announced) && announced.from_at <= at) {
		if (announced.lifetime < lifetime)
			lifetime = announced.lifetime;
		from_at = announced.from_at + 1;
	}
	return lifetime;
}

void
forecast_each(const struct forecast_in *in, int64_t until_at, forecast_fn *fn, void *arg)
{
	int64_t lifetime = time_add(in->not_after_at, -in->not_before_at);
	int64_t at = in->next_at < in->now ? in->now : in->next_at;

	if (in->not_after_at <= 0 || lifetime <= 0)
		lifetime = USUAL_LIFETIME;
	for (int n = 0; n < FORECAST_MOST && at < until_at; n++) {
		struct renewal_in next = { .not_before_at = at,
			.issued_at = at,
			.renew_before = in->renew_before,
			.spread_seed = in->spread_seed };

		lifetime = forecast_lifetime(in, lifetime, at);
		fn(at, lifetime, arg);
		next.not_after_at = time_add(at, lifetime);
		at = renewal_due(&next);
		if (in->calendar)
			at = window_due(
				in->calendar, at, time_add(next.not_after_at, -(lifetime / 20)), in->spread_seed);
	}
}
