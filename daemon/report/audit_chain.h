/*
 * daemon/report/audit_chain.h: the audit log as stored (STORE_AUDIT). Records are numbered from 1. Each contains the
 * hash of the previous one, so that none can be changed, removed, added or moved without breaking the chain. A sealed
 * head contains their number and the last hash, so that the end cannot be cut off.
 *
 *   number (8, big endian) -> kind | hash (32) | hash of the record before (32) | text
 *   "head"                 -> sealed: first number (8) last number (8) hash before the first (32) hash of the last (32)
 *
 * kind: 01, or 02 for one that starts a new chain after the head was found damaged. hash = SHA-256("certd-audit-1" NUL
 * kind number hash-of-the-record-before text). The oldest records beyond the limit are removed; the head then says
 * where the chain begins.
 */
#ifndef DAEMON_REPORT_AUDIT_CHAIN_H
#define DAEMON_REPORT_AUDIT_CHAIN_H

#include "daemon/store/store.h"

enum { AUDIT_HASH_LEN = 32, AUDIT_HASH_TEXT_SIZE = 2 * AUDIT_HASH_LEN + 1 };

/* Zero: no record yet. */
struct audit_head {
	uint64_t first; /* number of the oldest record that is kept */
	uint64_t last;
	unsigned char before[AUDIT_HASH_LEN]; /* of the record before @first */
	unsigned char hash[AUDIT_HASH_LEN];   /* of the last one */
};

/* Return: 1, 0 there is none, -1 (ERROR_CORRUPT: it does not verify). */
int
audit_head_read(struct store *store, struct audit_head *ret, struct error *err);

/*
 * audit_chain_append() - add a record in @txn
 * @text: copied
 * @max: number of records to keep
 * If the head does not verify, a record with the text @damage comes first, and the chain continues after the last
 * existing record, with a new head.
 * Return: 0 and the new head, or -1 with nothing added to @txn.
 */
int
audit_chain_append(struct store *store, struct store_txn *txn, const char *text, size_t len, const char *damage,
	uint64_t max, struct audit_head *ret, struct error *err);

/* Record @number. Return: 1 and its text (replaced) and hash, 0 there is none, -1 it does not verify. */
int
audit_chain_get(struct store *store, uint64_t number, struct buf *ret_text, unsigned char ret_hash[AUDIT_HASH_LEN],
	struct error *err);

/* A running verification; zero to start. */
struct audit_check {
	uint64_t next; /* the next number to verify */
	unsigned char before[AUDIT_HASH_LEN];
	struct audit_head head;
	uint64_t bad;  /* number of the first bad record; 0: the head */
	char why[160]; /* the fault; "" none so far */
	bool is_begun;
};

/*
 * audit_check_step() - verify up to @most records
 * Records may be added between the steps.
 * Return: 1 there are more, 0 finished: @check->why says whether all is correct; -1 the store cannot be read.
 */
int
audit_check_step(struct store *store, struct audit_check *check, size_t most, struct error *err);

/* Lower-case hexadecimal. */
void
audit_hash_text(const unsigned char hash[AUDIT_HASH_LEN], char ret[AUDIT_HASH_TEXT_SIZE]);

#endif
