/*
 * tests/support/store_faults.h: reads and writes of the store that fail when a test says so. The program is linked with
 * STORE_FAULTS_LDFLAGS, which puts these functions before those of daemon/store/store_lmdb.h.
 */
#ifndef TESTS_SUPPORT_STORE_FAULTS_H
#define TESTS_SUPPORT_STORE_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

/* In the message of each error that is made here. */
#define STORE_FAULT "failed on purpose"

/* From now on, read number @n (the next one is 1; 0: none) fails, once, with ERROR_IO; writes do, each of them. */
void
store_faults_begin(uint64_t n, bool fail_writes);

/* Return: whether a read has failed since. Nothing fails any more. */
bool
store_faults_end(void);

#endif
