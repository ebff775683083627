/* tests/support/store_invariants.h: what holds in every store of objects between two turns. */
#ifndef TESTS_SUPPORT_STORE_INVARIANTS_H
#define TESTS_SUPPORT_STORE_INVARIANTS_H

struct store;

/*
 * store_invariants_fault() - the rows of the index are those that the objects call for, no more and no fewer; the
 * counters are what a walk counts; each scheduled row has its other half
 * Return: what is wrong, owned by the caller; NULL: nothing, or an object cannot be read.
 */
char *
store_invariants_fault(struct store *store);

#endif
