/*
 * daemon/renew/breaker.h: a CA that fails for many orders is not asked by each of them. After some failures in a row,
 * whose cause is certainly the CA or the way to it, orders wait; one at a time tests whether it works again. Pure.
 */
#ifndef DAEMON_RENEW_BREAKER_H
#define DAEMON_RENEW_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: closed, orders start. Milliseconds of any clock that never goes back. */
struct breaker {
	unsigned failures; /* in a row */
	unsigned tests;    /* of them, while it was open */
	int64_t test_at_ms;
};

/* An order has shown that the CA works, whatever its outcome. */
void
breaker_close(struct breaker *breaker);

/*
 * breaker_note() - an order has failed because of the CA
 * The fifth in a row opens it: the CA is tested after 1, 2, 4, 8, and then every 10 minutes. Failures of orders that
 * were in progress when it opened, or when the test began, do not delay the test.
 */
void
breaker_note(struct breaker *breaker, int64_t now_ms);

bool
breaker_is_open(const struct breaker *breaker);

/* When the next order may start, as the test; 0: now. The test is one order. */
int64_t
breaker_test_at(const struct breaker *breaker, int64_t now_ms);

#endif
