/*
 * The chain of the audit log. Every record contains its own hash and that of its predecessor: a changed octet is then
 * attributed to the record that contains it, not to its neighbour.
 */
#include "daemon/report/audit_chain.h"

#include "common/crypto/ossl.h"
#include "common/crypto/secret.h"

#include <endian.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The first octet of a record. */
enum { RECORD_USUAL = 1, RECORD_RESTART = 2 };
enum { NUMBER_LEN = 8, TEXT_AT = 1 + 2 * AUDIT_HASH_LEN };

static const char head_key[] = "head";
static const char domain[] = "certd-audit-1";

static void
number_write(uint64_t number, unsigned char ret[NUMBER_LEN])
{
	uint64_t be = htobe64(number);

	memcpy(ret, &be, sizeof(be));
}

static uint64_t
number_read(const void *octets)
{
	uint64_t be;

	memcpy(&be, octets, sizeof(be));
	return be64toh(be);
}

/* --- the head --- */

struct head_octets {
	unsigned char first[NUMBER_LEN], last[NUMBER_LEN];
	unsigned char before[AUDIT_HASH_LEN], hash[AUDIT_HASH_LEN];
};

int
audit_head_read(struct store *store, struct audit_head *ret, struct error *err)
{
	_cleanup_buf_ struct buf sealed = BUF_INIT;
	_cleanup_secret_ struct secret plain = SECRET_INIT;
	struct head_octets octets;
	int found = store_get(store, STORE_AUDIT, head_key, strlen(head_key), &sealed, err);

	*ret = (struct audit_head){ .first = 0 };
	if (found <= 0)
		return found;
	if (store_unseal(store, STORE_AUDIT, head_key, sealed.data, sealed.len, &plain, err) < 0)
		return -1;
	if (plain.len != sizeof(octets))
		return error_set(err, ERROR_CORRUPT, "the head of the audit log has %zu octets", plain.len);
	memcpy(&octets, plain.data, sizeof(octets));
	ret->first = number_read(octets.first);
	ret->last = number_read(octets.last);
	memcpy(ret->before, octets.before, AUDIT_HASH_LEN);
	memcpy(ret->hash, octets.hash, AUDIT_HASH_LEN);
	return 1;
}

static int
head_seal(struct store *store, const struct audit_head *head, struct buf *ret, struct error *err)
{
	_cleanup_secret_ struct secret plain = SECRET_INIT;
	struct head_octets octets;

	number_write(head->first, octets.first);
	number_write(head->last, octets.last);
	memcpy(octets.before, head->before, AUDIT_HASH_LEN);
	memcpy(octets.hash, head->hash, AUDIT_HASH_LEN);
	secret_set(&plain, &octets, sizeof(octets));
	return store_seal(store, STORE_AUDIT, head_key, &plain, ret, err);
}

/* --- records --- */

static void
record_hash(char kind, uint64_t number, const unsigned char before[AUDIT_HASH_LEN], const void *text, size_t len,
	unsigned char ret[AUDIT_HASH_LEN])
{
	_cleanup_buf_ struct buf all = BUF_INIT;
	unsigned char octets[NUMBER_LEN];

	number_write(number, octets);
	buf_add(&all, domain, sizeof(domain));
	buf_add_char(&all, kind);
	buf_add(&all, octets, sizeof(octets));
	buf_add(&all, before, AUDIT_HASH_LEN);
	buf_add(&all, text, len);
	SHA256((const unsigned char *)all.data, all.len, ret);
}

static const unsigned char *
hash_of(const struct buf *record)
{
	return (const unsigned char *)record->data + 1;
}

static const unsigned char *
before_of(const struct buf *record)
{
	return hash_of(record) + AUDIT_HASH_LEN;
}

/* The octets under that number. Return: 1, 0 there is none, -1 it is damaged. */
static int
record_read(struct store *store, uint64_t number, struct buf *ret, struct error *err)
{
	unsigned char key[NUMBER_LEN];
	unsigned char hash[AUDIT_HASH_LEN];
	int found;

	number_write(number, key);
	buf_reset(ret);
	found = store_get(store, STORE_AUDIT, key, sizeof(key), ret, err);
	if (found <= 0)
		return found;
	if (ret->len < TEXT_AT || (ret->data[0] != RECORD_USUAL && ret->data[0] != RECORD_RESTART))
		return error_set(err, ERROR_CORRUPT, "it is not a record of the audit log");
	record_hash(ret->data[0], number, before_of(ret), ret->data + TEXT_AT, ret->len - TEXT_AT, hash);
	if (memcmp(hash, hash_of(ret), AUDIT_HASH_LEN) != 0)
		return error_set(err, ERROR_CORRUPT, "its content is not what was recorded under this number");
	return 1;
}

int
audit_chain_get(struct store *store, uint64_t number, struct buf *ret_text, unsigned char ret_hash[AUDIT_HASH_LEN],
	struct error *err)
{
	_cleanup_buf_ struct buf record = BUF_INIT;
	int found = record_read(store, number, &record, err);

	buf_reset(ret_text);
	if (found <= 0)
		return found;
	buf_add(ret_text, record.data + TEXT_AT, record.len - TEXT_AT);
	memcpy(ret_hash, hash_of(&record), AUDIT_HASH_LEN);
	return 1;
}

static void
record_put(struct store_txn *txn, struct audit_head *head, char kind, const char *text, size_t len)
{
	_cleanup_buf_ struct buf record = BUF_INIT;
	unsigned char before[AUDIT_HASH_LEN];
	unsigned char key[NUMBER_LEN];

	memcpy(before, head->hash, sizeof(before));
	head->last++;
	record_hash(kind, head->last, before, text, len, head->hash);
	buf_add_char(&record, kind);
	buf_add(&record, head->hash, AUDIT_HASH_LEN);
	buf_add(&record, before, sizeof(before));
	buf_add(&record, text, len);
	number_write(head->last, key);
	store_put(txn, STORE_AUDIT, key, sizeof(key), record.data, record.len);
}

/* --- appending --- */

/* The numbers of existing records, whatever their content: the first and the last key before "head". */
static int
find_ends(struct store *store, struct audit_head *head, struct error *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	int found = store_prev(store, STORE_AUDIT, head_key, strlen(head_key), &key, NULL, err);

	if (found == 1 && key.len == NUMBER_LEN)
		head->last = number_read(key.data);
	if (found == 1)
		found = store_next(store, STORE_AUDIT, "", 0, true, &key, NULL, err);
	if (found == 1 && key.len == NUMBER_LEN)
		head->first = number_read(key.data);
	return found < 0 ? -1 : 0;
}

/* A chain that starts after existing records: the old part will not verify, which is correct. */
static int
head_recover(struct store *store, struct audit_head *head, struct error *err)
{
	_cleanup_buf_ struct buf record = BUF_INIT;

	*head = (struct audit_head){ .first = 0 };
	if (find_ends(store, head, err) < 0)
		return -1;
	if (head->last && record_read(store, head->last, &record, NULL) == 1)
		memcpy(head->hash, hash_of(&record), AUDIT_HASH_LEN);
	return 0;
}

/* Removes the oldest ones; the head keeps the hash of the last one removed. */
static void
drop_oldest(struct store *store, struct store_txn *txn, struct audit_head *head, uint64_t max)
{
	while (head->last - head->first >= max) {
		_cleanup_buf_ struct buf record = BUF_INIT;
		unsigned char key[NUMBER_LEN];

		/* A damaged one is removed with an unknown hash: the chain then fails to verify from here on. */
		if (record_read(store, head->first, &record, NULL) == 1)
			memcpy(head->before, hash_of(&record), AUDIT_HASH_LEN);
		number_write(head->first++, key);
		store_del(txn, STORE_AUDIT, key, sizeof(key));
	}
}

int
audit_chain_append(struct store *store, struct store_txn *txn, const char *text, size_t len, const char *damage,
	uint64_t max, struct audit_head *ret, struct error *err)
{
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_buf_ struct buf sealed = BUF_INIT;
	struct audit_head head;
	bool is_damaged = audit_head_read(store, &head, &why) < 0;

	if (is_damaged && (why.code != ERROR_CORRUPT || head_recover(store, &head, err) < 0)) {
		if (why.code != ERROR_CORRUPT)
			error_move(err, &why);
		return -1;
	}
	if (!head.first)
		head.first = 1;
	if (is_damaged)
		record_put(txn, &head, RECORD_RESTART, damage, strlen(damage));
	record_put(txn, &head, RECORD_USUAL, text, len);
	drop_oldest(store, txn, &head, max);
	if (head_seal(store, &head, &sealed, err) < 0)
		return -1;
	store_put(txn, STORE_AUDIT, head_key, strlen(head_key), sealed.data, sealed.len);
	*ret = head;
	return 0;
}

/* --- verifying --- */

static void _printf_(3, 4) found_bad(struct audit_check *check, uint64_t number, const char *fmt, ...)
{
	va_list ap;

	check->bad = number;
	va_start(ap, fmt);
	vsnprintf(check->why, sizeof(check->why), fmt, ap);
	va_end(ap);
}

/* There must be nothing before the first number. */
static int
check_begin(struct store *store, struct audit_check *check, struct error *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	int found = store_next(store, STORE_AUDIT, "", 0, true, &key, NULL, err);

	check->is_begun = true;
	check->next = check->head.first;
	memcpy(check->before, check->head.before, AUDIT_HASH_LEN);
	if (found < 0)
		return -1;
	if (found && key.len == NUMBER_LEN && number_read(key.data) < check->head.first)
		found_bad(check, number_read(key.data), "it is before the beginning, which is record %" PRIu64,
			check->head.first);
	return 0;
}

/* After the last number there must be only the head. */
static int
check_end(struct store *store, struct audit_check *check, struct error *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	unsigned char last[NUMBER_LEN];
	int found;

	number_write(check->head.last, last);
	found = store_next(store, STORE_AUDIT, last, sizeof(last), true, &key, NULL, err);
	if (found < 0)
		return -1;
	if (found && key.len == NUMBER_LEN)
		found_bad(check, number_read(key.data), "it is after the end, which is record %" PRIu64,
			check->head.last);
	else if (memcmp(check->before, check->head.hash, AUDIT_HASH_LEN) != 0)
		found_bad(check, check->head.last, "it is not the last one that was recorded");
	return 0;
}

static int
audit_chain_check_record(struct store *store, struct audit_check *check, struct error *err)
{
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_buf_ struct buf record = BUF_INIT;
	int found = record_read(store, check->next, &record, &why);

	if (found < 0 && why.code != ERROR_CORRUPT) {
		error_move(err, &why);
		return -1;
	}
	if (found < 0)
		found_bad(check, check->next, "%s", why.message);
	else if (found == 0)
		found_bad(check, check->next, "it is missing");
	else if (record.data[0] == RECORD_RESTART)
		found_bad(check, check->next,
			"the head did not verify when it was written: lost records cannot be detected");
	else if (memcmp(before_of(&record), check->before, AUDIT_HASH_LEN) != 0)
		found_bad(check, check->next, "it does not follow the record before it");
	else
		memcpy(check->before, hash_of(&record), AUDIT_HASH_LEN);
	check->next++;
	return 0;
}

/* The current head: since the last step records may have been added, and the oldest removed. */
static int
check_head(struct store *store, struct audit_check *check, struct error *err)
{
	_cleanup_error_ struct error why = ERROR_INIT;
	_cleanup_buf_ struct buf key = BUF_INIT;
	int found = audit_head_read(store, &check->head, &why);

	if (found < 0 && why.code != ERROR_CORRUPT) {
		error_move(err, &why);
		return -1;
	}
	if (found < 0)
		found_bad(check, 0, "%s", why.message);
	else if (found == 0 && store_next(store, STORE_AUDIT, "", 0, true, &key, NULL, NULL) == 1)
		found_bad(check, 0, "the head of the audit log is missing");
	else if (check->is_begun && check->next < check->head.first)
		check->is_begun = false;
	return 0;
}

int
audit_check_step(struct store *store, struct audit_check *check, size_t most, struct error *err)
{
	if (check_head(store, check, err) < 0)
		return -1;
	if (!check->why[0] && check->head.last && !check->is_begun && check_begin(store, check, err) < 0)
		return -1;
	for (; most && !check->why[0] && check->head.last && check->next <= check->head.last; most--)
		if (audit_chain_check_record(store, check, err) < 0)
			return -1;
	if (check->why[0] || !check->head.last)
		return 0;
	if (check->next <= check->head.last)
		return 1;
	return check_end(store, check, err);
}

void
audit_hash_text(const unsigned char hash[AUDIT_HASH_LEN], char ret[AUDIT_HASH_TEXT_SIZE])
{
	for (size_t i = 0; i < AUDIT_HASH_LEN; i++)
		snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}
