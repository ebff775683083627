/* The delays, and their jitter. */
#include "common/retry.h"

#include "common/hash.h"
#include "common/timefmt.h"

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR, SPREAD = 5 * MINUTE };

static const struct {
	int64_t steps[5];
	int64_t count;
} kinds[] = {
	[RETRY_REMOTE] = { { MINUTE, 10 * MINUTE, 100 * MINUTE, DAY }, 4 },
	[RETRY_LOCAL] = { { MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR }, 5 },
};

struct retry_wait
retry_wait(enum retry_kind kind, int64_t attempts)
{
	int64_t last = kinds[kind].count;
	int64_t step = kinds[kind].steps[(attempts < 1 ? 1 : attempts < last ? attempts : last) - 1];
	int64_t least = step < SPREAD ? step : SPREAD;
	int64_t span = step / 5 > least ? step / 5 : least;
	int64_t shortest = step - span / 2 > MINUTE ? step - span / 2 : MINUTE;

	return (struct retry_wait){ .shortest = shortest, .longest = shortest + span };
}

int64_t
retry_at(enum retry_kind kind, int64_t now, int64_t attempts, const char *id)
{
	struct retry_wait wait = retry_wait(kind, attempts);
	uint64_t seed = hash_fnv1a(HASH_FNV1A_BASIS, id) + (uint64_t)attempts;

	return time_add(time_add(now, wait.shortest), (int64_t)(seed % (uint64_t)(wait.longest - wait.shortest + 1)));
}

int64_t
retry_not_before(int64_t asked_at, int64_t now)
{
	if (asked_at <= now)
		return 0;
	return asked_at > time_add(now, RETRY_WINDOW_SEC) ? time_add(now, DAY) : asked_at;
}

int64_t
retry_after_read(const char *value, int64_t now)
{
	int64_t at, sec = 0;
	const char *p = value;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(sec, 10, &sec) || __builtin_add_overflow(sec, *p - '0', &sec))
			sec = INT64_MAX;
	if (p == value || *p) {
		if (time_parse_http(value, &at) < 0)
			return 0;
		sec = time_add(at, -now);
	}
	return sec > 1 ? sec : 1;
}

int64_t
retry_after(int64_t sec, int64_t now)
{
	return sec > 0 ? retry_not_before(time_add(now, sec), now) : 0;
}
