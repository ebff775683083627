/*
 * The two times. A real clock asks the kernel each time (the vDSO answers without a system call). A virtual one is two
 * numbers that only the loop and tests advance, so that tests simulate years in seconds.
 */
#include "daemon/base/clock.h"

#include "common/alloc.h"

#include <stdlib.h>
#include <time.h>

struct clock {
	bool is_virtual;
	int64_t wall_ms; /* virtual only, like all below */
	int64_t boot_ms;
	unsigned set_count;
};

struct clock *
clock_new_real(void)
{
	return xcalloc(1, sizeof(struct clock));
}

struct clock *
clock_new_virtual(int64_t wall_at)
{
	struct clock *clock = xcalloc(1, sizeof(*clock));

	clock->is_virtual = true;
	clock->wall_ms = wall_at * 1000;
	return clock;
}

void
clock_free(struct clock *clock)
{
	free(clock);
}

static int64_t
kernel_us(clockid_t id)
{
	struct timespec ts = { 0 };

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_wall_ms(const struct clock *clock)
{
	return clock->is_virtual ? clock->wall_ms : kernel_us(CLOCK_REALTIME) / 1000;
}

int64_t
clock_wall(const struct clock *clock)
{
	return clock_wall_ms(clock) / 1000;
}

int64_t
clock_boot_us(const struct clock *clock)
{
	return clock->is_virtual ? clock->boot_ms * 1000 : kernel_us(CLOCK_BOOTTIME);
}

int64_t
clock_boot_ms(const struct clock *clock)
{
	return clock_boot_us(clock) / 1000;
}

bool
clock_is_virtual(const struct clock *clock)
{
	return clock->is_virtual;
}

void
clock_advance_ms(struct clock *clock, int64_t ms)
{
	clock->wall_ms += ms;
	clock->boot_ms += ms;
}

void
clock_set_wall(struct clock *clock, int64_t wall_at)
{
	clock->wall_ms = wall_at * 1000;
	clock->set_count++;
}

unsigned
clock_set_count(const struct clock *clock)
{
	return clock->set_count;
}
