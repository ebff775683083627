/* Counts failures in a row. */
#include "daemon/renew/breaker.h"

enum { FAILURES = 5, TEST_MIN_MS = 60 * 1000, TEST_MAX_MS = 10 * 60 * 1000, DOUBLES_MAX = 4 };

void
breaker_close(struct breaker *b)
{
	*b = (struct breaker){ .failures = 0 };
}

bool
breaker_is_open(const struct breaker *b)
{
	return b->failures >= FAILURES;
}

void
breaker_note(struct breaker *b, int64_t now_ms)
{
	int64_t wait_ms;

	if (now_ms < b->test_at_ms)
		return;
	if (b->failures < FAILURES)
		b->failures++;
	if (!breaker_is_open(b))
		return;
	wait_ms = (int64_t)TEST_MIN_MS << (b->tests < DOUBLES_MAX ? b->tests++ : DOUBLES_MAX);
	b->test_at_ms = now_ms + (wait_ms < TEST_MAX_MS ? wait_ms : TEST_MAX_MS);
}

int64_t
breaker_test_at(const struct breaker *b, int64_t now_ms)
{
	return b->test_at_ms > now_ms ? b->test_at_ms : 0;
}
