/*
 * The duration of turns: a histogram of fixed size with four buckets for each power of two. Adding costs a few
 * instructions, and a percentile is accurate to a quarter after any number of turns.
 */
#include "daemon/base/loop_private.h"

static unsigned
bucket_of(int64_t us)
{
	unsigned exp;

	if (us < 4)
		return us < 0 ? 0 : (unsigned)us;
	exp = 63 - (unsigned)__builtin_clzll((unsigned long long)us);
	return 4 * (exp - 1) + (unsigned)((us >> (exp - 2)) & 3);
}

static int64_t
bucket_end(unsigned bucket)
{
	if (bucket < 4)
		return bucket;
	return (int64_t)(((uint64_t)(4 + bucket % 4 + 1) << (bucket / 4 - 1)) - 1);
}

void
loop_stats_add(struct loop_stats *stats, int64_t us)
{
	stats->buckets[bucket_of(us)]++;
	stats->count++;
	stats->sum_us += us;
	if (us > stats->max_us)
		stats->max_us = us;
}

uint64_t
loop_stats_below(const struct loop_stats *stats, int64_t bound_us)
{
	uint64_t below = 0;

	for (unsigned i = 0; i < LOOP_STATS_BUCKETS && bucket_end(i) < bound_us; i++)
		below += stats->buckets[i];
	return below;
}

int64_t
loop_stats_percentile_us(const struct loop_stats *stats, unsigned percent)
{
	uint64_t above = stats->count * (100 - percent) / 100;
	uint64_t seen = 0;

	for (unsigned i = LOOP_STATS_BUCKETS; i-- > 0;) {
		seen += stats->buckets[i];
		if (seen > above)
			return bucket_end(i) < stats->max_us ? bucket_end(i) : stats->max_us;
	}
	return 0;
}
