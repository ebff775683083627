/* daemon/store/store_guard.h: reading a damaged map without dying; private to the store. */
#ifndef DAEMON_STORE_STORE_GUARD_H
#define DAEMON_STORE_STORE_GUARD_H

#include <stdbool.h>

/* Takes over SIGSEGV and SIGBUS; faults outside of store_guard_run() end where they did before. Idempotent. */
void
store_guard_install(void);

/*
 * Calls @fn, which reads from the map and must be safe to leave at any read: it holds no lock, and what it allocates
 * its caller can reach. Not nested. Return: false when it was left because of a fault.
 */
bool
store_guard_run(void (*fn)(void *arg), void *arg);

/* Leaves @fn as a fault would; returns when none is running. */
void
store_guard_leave(void);

#endif
