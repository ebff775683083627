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

/* Leaves @fn as a fault would, or ends the process that writes; returns when it does neither. */
void
store_guard_leave(void);

/*
 * From now on (or not any more) LMDB writes: a fault or a failed assertion ends the process, with one line and the exit
 * status of ERROR_CORRUPT rather than by a signal. The next start looks at the file and says what is wrong with it.
 */
void
store_guard_set_writing(bool is_writing);

#endif
