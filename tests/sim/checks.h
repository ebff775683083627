/* tests/sim/checks.h: what must hold in the world. All end the run when it does not. */
#ifndef TESTS_SIM_CHECKS_H
#define TESTS_SIM_CHECKS_H

#include "tests/sim/world.h"

/* At any time: no certificate has expired, one account at each CA, nothing was sent that no client may send. */
void
check_always(struct world *w);

/*
 * In a calm moment: nothing runs; every auto-certificate has its one row in the schedule, its certificate and a drop
 * that holds it; nothing is left of orders, challenges and rollouts.
 * Return: false when something still runs or will be tried again, and nothing was looked at.
 */
bool
check_calm(struct world *w);

#endif
