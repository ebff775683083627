/* tests/sim/fleet.h: a fleet of auto-certificates of one CA with rate limits; see fleet.c. */
#ifndef TESTS_SIM_FLEET_H
#define TESTS_SIM_FLEET_H

#include <stddef.h>
#include <stdint.h>

/* Three years of @count auto-certificates. Ends the process when something that must hold does not. */
void
fleet_live(uint64_t seed, size_t count);

#endif
