/*
 * tests/support/disk_points.h: every moment at which a process may be killed, or the power cut. While it is recorded,
 * each call that changes files in some directories is a point: what the disk would have, had the process or the power
 * ended just before the call, is kept, and can be put back.
 *
 * Linked into a test program it stands before the calls of all libraries, LMDB among them. Calls of several threads are
 * recorded one after the other.
 */
#ifndef TESTS_SUPPORT_DISK_POINTS_H
#define TESTS_SUPPORT_DISK_POINTS_H

#include <stddef.h>

enum disk_end {
	DISK_KILLED, /* kill -9: all that was called is there */
	DISK_CUT,    /* nothing is there but what was synced, names by a sync of their directory */
	DISK_TORN,   /* names are there, but files that were not synced are empty */
	DISK_END_COUNT
};

/* "killed", "cut", "torn". Static. */
const char *
disk_end_name(enum disk_end end);

/* @dirs: below the present directory, borrowed until disk_points_clear(). What they have now counts as synced. */
void
disk_points_begin(const char *const *dirs, size_t n);

/* How many points there were so far. They are numbered from 0. */
size_t
disk_points_count(void);

/* Return: the number of points, and one more: the end. */
size_t
disk_points_end(void);

/* The directories are as they would have been. Nothing may use them. */
void
disk_points_restore(size_t point, enum disk_end end);

void
disk_points_clear(void);

#endif
