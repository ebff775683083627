/*
 * daemon/store/store.h: all durable state; the only interface to LMDB.
 *
 * The changes of one turn of the loop are collected as lists of put and del, one list (txn) per owner; reads see them.
 * store_commit() at the end of the turn applies all lists in one LMDB transaction, then calls the functions that waited
 * for it. When the common transaction fails, each list is tried separately, so that only its owner gets the error.
 * Nothing of a failed list is stored.
 */
#ifndef DAEMON_STORE_STORE_H
#define DAEMON_STORE_STORE_H

#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct secret;
struct store;
struct store_txn;

/*
 * One LMDB database each. Names (store_lmdb.c) and numbers (index keys) are on disk and never change; new ones at the
 * end.
 */
enum store_db {
	STORE_META,         /* last time seen */
	STORE_PROVIDER,     /* id -> record */
	STORE_AUTOCERT,     /* id -> record */
	STORE_CERTIFICATE,  /* id -> record */
	STORE_DNSPROVIDER,  /* id -> record */
	STORE_CONSUMER,     /* id -> record */
	STORE_ISSUE,        /* autocertificate id -> issue in progress */
	STORE_ROLLOUT,      /* autocertificate id -> rollout state */
	STORE_CLEANUP,      /* random id -> TXT record to be removed */
	STORE_INDEX,        /* unique names and references: see object.h */
	STORE_SCHEDULE,     /* lane, due, kind, object -> nothing: see schedule.h */
	STORE_SCHEDULE_ROW, /* kind, object -> lane, due */
	STORE_EVENT,        /* sequence number -> event */
	STORE_TOKEN,        /* REST tokens */
	STORE_AUDIT,        /* audit chain */
	STORE_SELF,         /* the store's own: format, key check, counters */
	STORE_AUTHZ,        /* id -> record */
	STORE_REMOVAL,      /* random id -> files to be removed */
	STORE_ALERT,        /* id -> record */
	STORE_CONDITION,    /* id of its object, word -> condition that holds: see alert/condition.h */
	STORE_MESSAGE,      /* alert id, number -> message to be delivered */
	STORE_TRACE,        /* autocertificate id -> its last decisions: see renew/trace.h */
	STORE_READY,        /* autocertificate id -> result of the last check: see ready/ready.h */
	STORE_CRL,          /* id of a distribution point -> what its revocation list said */
	STORE_RATE,         /* what was used of a CA's rate limit: see renew/ledger.c */
	STORE_REISSUE,      /* user id, or "all" -> its last reissue: see renew/reissue.h */
	STORE_CT,           /* certificates of others, and the domains that were asked for: see renew/ct.h */
	STORE_DB_COUNT
};

/* The remedy for a damaged store: the end of a message. */
#define STORE_DAMAGE_ADVICE "restore the state directory from a backup, see certd(8)"

/* As on disk: "provider", ... */
const char *
store_db_name(enum store_db db);

/*
 * store_open() - open or make the store in @dir (created 0700; owner and mode are checked)
 * @master_key: 32 octets, borrowed until store_close(); wraps the per-record keys
 * Refused: a second daemon (own flock file), a newer format, a master key that is not the one the store was made with,
 * a file that is damaged so that LMDB cannot go on with it, or older in part (ERROR_CORRUPT). Single damaged records
 * are counted in the statistics. Return: store, or NULL.
 */
struct store *
store_open(const char *dir, const struct secret *master_key, struct error *err);

/* store_open() that reserves @map_size octets of address space instead of 16 GiB; it grows when that is used up. */
struct store *
store_open_sized(const char *dir, const struct secret *master_key, size_t map_size, struct error *err);

/*
 * Commits nothing: uncommitted lists end with ERROR_CANCELLED; lists that their functions begin are dropped. NULL is a
 * no-op.
 */
void
store_close(struct store *store);

/* A new list of changes in the current turn; owned by the store until the turn's commit. Never fails. */
struct store_txn *
store_begin(struct store *store);

/*
 * Maximum sizes of a value and a sealed secret; keys have 1 to 511 octets. A larger one fails the list (ERROR_LIMIT).
 */
enum { STORE_VALUE_MAX = 512 << 10, STORE_SECRET_MAX = 64 << 10 };

/* Key and value are copied. Values are stored as given: secrets must be sealed. */
void
store_put(
	struct store_txn *txn, enum store_db db, const void *key, size_t key_len, const void *value, size_t value_len);

void
store_del(struct store_txn *txn, enum store_db db, const void *key, size_t key_len);

/*
 * @txn depends on the pending change of that key (if there is one): if that change's list fails, @txn fails. Implied
 * for every key that @txn changes after another list.
 */
void
store_rely_on(struct store_txn *txn, enum store_db db, const void *key, size_t key_len);

/* Called after the turn's commit: @err NULL when @txn is durable, otherwise the error (borrowed). In order of calls. */
typedef void
store_then_fn(const struct error *err, void *arg);

void
store_then(struct store_txn *txn, store_then_fn *fn, void *arg);

/* Functions with that @arg are not called any more: call this when an owner is freed. */
void
store_forget(struct store *store, const void *arg);

/*
 * store_at_commit() - changes that depend on what is written before them: the next number, the end of a chain
 * @fn:  called during the commit, in order of the calls, when @txn is about to be written; never when @txn has failed.
 *       Reads then answer what is on disk and what earlier functions of this commit added; @additions takes more. -1
 *       and
 *       @err: @txn fails. Called again, with all that was added forgotten, when the write is repeated; so it keeps
 *       nothing in memory.
 * @arg: borrowed until the functions of store_then() are called
 * Lists that use this do not build on one another: one that fails leaves no gap and takes no other along.
 */
typedef int
store_hook_fn(struct store_txn *additions, void *arg, struct error *err);

void
store_at_commit(struct store_txn *txn, store_hook_fn *fn, void *arg);

/*
 * The commit of @txn may be delayed by @ms to share it with others, because no caller waits for it. Losing it in a
 * crash must be harmless, as for changes without an effect yet. Other lists are not delayed.
 */
void
store_relax(struct store_txn *txn, unsigned ms);

/*
 * A record of @db was changed in @txn; @old NULL: created, @new NULL: deleted. The module that owns the records defines
 * the type: structs of a class (object.h), rows (schedule.h). More changes may be added to @txn.
 */
typedef void
store_watch_fn(struct store_txn *txn, enum store_db db, const void *old, const void *new, void *arg);

/* Calls @fn at each store_changed() of @db, before the commit. One for each database; NULL: none. */
void
store_watch(struct store *store, enum store_db db, store_watch_fn *fn, void *arg);

/* For the modules that own records. */
void
store_changed(struct store *store, struct store_txn *txn, enum store_db db, const void *old, const void *new);

/* How long the commit of this turn can be delayed: ms; 0: it is due; -1: there is nothing to commit. */
int
store_patience_ms(const struct store *store);

/*
 * Makes @txn fail as a whole (a later check refused it): reads no longer see its changes, its store_then functions get
 * a copy of @err after the commit. The first failure sticks.
 */
void
store_fail(struct store_txn *txn, const struct error *err);

/* Reads, pending changes of this turn included. Return: 1 found (appended to @ret), 0 absent, -1 failed. */
int
store_get(struct store *store, enum store_db db, const void *key, size_t key_len, struct buf *ret, struct error *err);

/*
 * store_next() - the first record with key >= @key (or > @key when @is_after), including pending changes
 * Walks are loops of store_next(): no cursor stays open, so they can be sliced. Continue after the last key, not from
 * the start: records deleted in this turn are skipped one by one.
 * @ret_key, @ret_value: replaced; @ret_value may be NULL; @key may be inside @ret_key (a walk's last key)
 * Return: 1 found, 0 end, -1 failed.
 */
int
store_next(struct store *store, enum store_db db, const void *key, size_t key_len, bool is_after, struct buf *ret_key,
	struct buf *ret_value, struct error *err);

/* Return: false to end the walk. @key: borrowed for the call. The store may be read meanwhile, not changed. */
typedef bool
store_key_fn(const void *key, size_t key_len, void *arg);

/*
 * store_next_with() - the first record with key > @key that begins with @prefix, including pending changes
 * @key: replaced by its key; a walk begins with @prefix
 * Return: as store_next(). A record with another prefix is the end and is not even checked.
 */
int
store_next_with(struct store *store, enum store_db db, const struct buf *prefix, struct buf *key, struct buf *ret_value,
	struct error *err);

/*
 * store_walk_keys() - the keys from @from on (@is_after: after it) up to but not @end, in order, including pending
 * changes
 * Costs a tenth of store_next(), because values are neither copied nor checked: for counting, and when only some are
 * loaded.
 * @end: empty: to the last one
 * Return: 0 the end, 1 ended by @fn, -1 failed.
 */
int
store_walk_keys(struct store *store, enum store_db db, const struct buf *from, bool is_after, const struct buf *end,
	store_key_fn *fn, void *arg, struct error *err);

/* The last record with key < @key; @key_len 0: the last of all. Otherwise like store_next(). */
int
store_prev(struct store *store, enum store_db db, const void *key, size_t key_len, struct buf *ret_key,
	struct buf *ret_value, struct error *err);

/*
 * Counters that many lists of a turn change independently: each list adds its part. Four for each database, durable
 * with the list. store_counter() includes pending changes.
 */
enum { STORE_COUNTERS_PER_DB = 4 };

void
store_counter_add(struct store_txn *txn, enum store_db db, unsigned which, int64_t delta);

int64_t
store_counter(struct store *store, enum store_db db, unsigned which);

/* Number of records on disk (not counting pending changes). */
uint64_t
store_count(struct store *store, enum store_db db);

/*
 * Applies all lists of the turn in one transaction and runs their store_then functions, in order of the store_then()
 * calls; lists that they begin belong to the next commit. MDB_MAP_FULL grows and retries; ENOSPC frees the
 * reserve file and retries; a PANIC or EIO reopens and retries. Return: true if any function ran (the turn has more
 * work). This is the one blocking call on the loop. Not to be called from a store_then function.
 */
bool
store_commit(struct store *store);

/* store_commit() before there is a loop. Return: 0 @txn is durable, -1 not. */
int
store_commit_now(struct store *store, struct store_txn *txn, struct error *err);

/* Call when idle after many reads: pages of the file that they mapped no longer count as certd's memory. */
void
store_rest(struct store *store);

struct store_stats {
	uint64_t commits; /* LMDB transactions that were made durable */
	int64_t last_us;  /* last and longest store_commit() that wrote, without the functions run after it */
	int64_t max_us;
	uint64_t failed_lists;
	uint64_t damaged_records; /* found when the store was opened; others may be found when they are read */
	uint64_t reopens;         /* after failed writes */
	bool is_full;             /* the last write found the disk full */
	bool has_reserve;         /* false after it was given back to a full disk; made again when there is space */
	uint64_t used_bytes;      /* of data.mdb */
	uint64_t map_bytes;       /* address space reserved */
};

void
store_get_stats(const struct store *store, struct store_stats *ret);

/* A random version 4 UUID (RFC 9562 s5.4), 36 characters and NUL: how objects are known. */
enum { STORE_ID_SIZE = 37 };

void
store_new_id(char ret[STORE_ID_SIZE]);

/*
 * Sealing (AES-256-GCM; fresh data key per record, wrapped by the master key; AAD = database, record key, format).
 * store_seal() appends the sealed form of @secret to @ret. store_unseal(): ERROR_CORRUPT that names the record when
 * the tag fails: never "try without".
 */
int
store_seal(struct store *store, enum store_db db, const char *id, const struct secret *secret, struct buf *ret,
	struct error *err);

int
store_unseal(struct store *store, enum store_db db, const char *id, const void *sealed, size_t len, struct secret *ret,
	struct error *err);

#endif
