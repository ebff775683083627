/* The arithmetic of RFC 9773 s4.2 and s4.3. Dates come from a CA: everything saturates. */
#include "daemon/renew/ari_policy.h"

#include "common/timefmt.h"

enum {
	MINUTE = 60,
	HOUR = 60 * MINUTE,
	DAY = 24 * HOUR,
	LONG = 6 * HOUR,
	TEMPORARY_MAX = 8, /* the eighth delay is 128 minutes; then the trouble counts as a long one */
};

static int64_t
clamp(int64_t value, int64_t least, int64_t most)
{
	return value < least ? least : value > most ? most : value;
}

int64_t
ari_pick(int64_t start_at, int64_t end_at, uint64_t random)
{
	int64_t span = time_add(end_at, start_at == INT64_MIN ? INT64_MAX : -start_at);
	int64_t at = span > 0 ? time_add(start_at, (int64_t)(random % (uint64_t)span)) : start_at;

	return at > 0 ? at : 1;
}

bool
ari_is_temporary(const struct error *err)
{
	return err->code == ERROR_TIMEOUT || err->code == ERROR_RATE_LIMITED ||
	       (err->code == ERROR_CA && err->may_retry);
}

int64_t
ari_next_poll(const struct ari_poll_in *in)
{
	int64_t asked = time_add(in->retry_after_at, -in->now);
	int64_t wait = LONG;

	if (!in->err)
		return time_add(in->now, in->retry_after_at > 0 ? clamp(asked, MINUTE, DAY) : LONG);
	if (ari_is_temporary(in->err) && in->attempts <= TEMPORARY_MAX)
		wait = (int64_t)MINUTE << (clamp(in->attempts, 1, TEMPORARY_MAX) - 1);
	if (in->retry_after_at > 0 && asked > wait)
		wait = clamp(asked, 0, DAY);
	return time_add(in->now, wait);
}
