/*
 * daemon/base/clock.h: the two times. Wall time decides about validity and durable schedule rows; boot time (which
 * counts suspend) is for the deadlines of running work. A virtual clock stands still until it is advanced.
 */
#ifndef DAEMON_BASE_CLOCK_H
#define DAEMON_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct clock;

struct clock *
clock_new_real(void);

/* Starts at wall time @wall_at, boot time 0. */
struct clock *
clock_new_virtual(int64_t wall_at);

void
clock_free(struct clock *clock);

/* UNIX seconds. */
int64_t
clock_wall(const struct clock *clock);

/* The same in milliseconds. */
int64_t
clock_wall_ms(const struct clock *clock);

/* Milliseconds since boot, suspend included; never goes back. */
int64_t
clock_boot_ms(const struct clock *clock);

/* The same in microseconds. */
int64_t
clock_boot_us(const struct clock *clock);

bool
clock_is_virtual(const struct clock *clock);

/* Virtual only: advances both times by @ms. */
void
clock_advance_ms(struct clock *clock, int64_t ms);

/* Virtual only: sets only wall time, as an administrator or NTP does. */
void
clock_set_wall(struct clock *clock, int64_t wall_at);

/* Virtual only: how often clock_set_wall() was called; the loop reports changes to the owner of the wall timer. */
unsigned
clock_set_count(const struct clock *clock);

#endif
