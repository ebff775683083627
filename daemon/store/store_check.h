/*
 * daemon/store/store_check.h: is data.mdb a file that LMDB can trust? Private to the store. LMDB's pages have no
 * checksum, and a damaged one makes it follow wrong page numbers: it then overwrites sound records, or ends in an
 * assertion or
 * SIGSEGV, at each start again. So the file is looked at before LMDB opens it.
 */
#ifndef DAEMON_STORE_STORE_CHECK_H
#define DAEMON_STORE_STORE_CHECK_H

#include <stddef.h>
#include <stdint.h>

struct error;

/* A record of the database that is called so; borrowed for the call. */
typedef void
store_visit_fn(const char *name, size_t name_len, const void *key, size_t key_len, const void *value, size_t value_len,
	void *arg);

/*
 * store_check_octets() - follow each page number once, from the newer meta page on
 * @dir: for the message
 * @map: the file, @size octets, which does not change meanwhile
 * @value_max: of a value in a database of certd
 * @visit: called for each record of certd's databases; NULL: values are not looked at
 * Checks that every page in use is of the kind that its parent says, is used once and is not on the list of free pages,
 * that keys are in order and that totals add up. @visit checks the values. Reads the head of each page, and what @visit
 * reads. Return: 0; -1: ERROR_CORRUPT, with the page and what is wrong with it.
 */
int
store_check_octets(const char *dir, const void *map, size_t size, size_t value_max, store_visit_fn *visit, void *arg,
	struct error *err);

/*
 * A number for a record, such that the sum over a database changes with any record that is damaged, lost, or an older
 * one. Against accidents: no secret is in it.
 */
uint64_t
store_check_sum(const void *key, size_t key_len, const void *value, size_t value_len);

#endif
