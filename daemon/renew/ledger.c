/*
 * The store of rate.h. Buckets that are full again are removed: each one that is written looks at the next two of the
 * whole table.
 */
#include "daemon/renew/ledger.h"

#include "common/domain.h"
#include "common/error.h"
#include "common/name.h"
#include "common/strlist.h"
#include "common/timefmt.h"
#include "daemon/base/clock.h"

#include <endian.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { KEY_HASH = 16, KEY_SIZE = 1 + KEY_HASH, TIMES_SIZE = 16, SWEPT = 2, MS = 1000, SUBJECT_SHOWN = 300 };

/* A bucket that an order uses. */
struct ledger_use {
	enum ca_limit_kind kind;
	unsigned char key[KEY_SIZE];
	char *subject;
	bool is_counted;
};

struct ledger_claim {
	struct ledger *ledger;
	struct ledger_order order;
	struct ledger_use *uses;
	size_t n_uses;
	bool is_open; /* it was allowed */
	struct ledger_claim *prev, *next;
};

struct ledger {
	struct store *store;
	const struct clock *clock;
	int64_t base_ms; /* its wall clock minus its boot clock; 0: not used yet */
	struct ledger_claim *claims;
	struct buf swept; /* the last key that was looked at */
};

struct ledger *
ledger_new(struct store *store, const struct clock *clock)
{
	struct ledger *ledger = xcalloc(1, sizeof(*ledger));

	ledger->store = store;
	ledger->clock = clock;
	return ledger;
}

/* UNIX seconds; see ledger_new(). */
static int64_t
ledger_now(struct ledger *ledger)
{
	int64_t boot_ms = clock_boot_ms(ledger->clock);

	if (ledger->base_ms == 0)
		ledger->base_ms = clock_wall(ledger->clock) * MS - boot_ms;
	return (ledger->base_ms + boot_ms) / MS;
}

/* How far the clock is ahead of that. */
static int64_t
ledger_skew(struct ledger *ledger)
{
	return clock_wall(ledger->clock) - ledger_now(ledger);
}

void
ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return;
	buf_clear(&ledger->swept);
	free(ledger);
}

/* --- buckets --- */

/* Account and names have no NUL. */
static void
ledger_key(const struct ledger_order *order, enum ca_limit_kind kind, const char *subject, unsigned char ret[KEY_SIZE])
{
	bool is_of_account = kind == CA_LIMIT_ORDERS || kind == CA_LIMIT_FAILURES;
	_cleanup_buf_ struct buf text = BUF_INIT;
	unsigned char digest[SHA256_DIGEST_LENGTH];

	buf_add_str(&text, is_of_account ? order->account : order->server);
	buf_add_char(&text, '\0');
	buf_add_str(&text, subject);
	SHA256((const unsigned char *)text.data, text.len, digest);
	ret[0] = (unsigned char)kind;
	memcpy(ret + 1, digest, KEY_HASH);
}

/* An unreadable or unknown row is an empty bucket: the CA has the last word. */
static void
bucket_decode(const struct buf *value, struct rate_bucket *ret)
{
	uint64_t be[2];

	*ret = (struct rate_bucket){ 0 };
	if (value->len < TIMES_SIZE)
		return;
	memcpy(be, value->data, sizeof(be));
	ret->full_at_ms = (int64_t)be64toh(be[0]);
	ret->last_turn_ms = (int64_t)be64toh(be[1]);
}

/* @value: the row, or NULL. Return: 0, or -1 the store failed. */
static int
bucket_load(const struct ledger *ledger, const unsigned char key[KEY_SIZE], struct rate_bucket *ret, struct buf *value,
	struct error *err)
{
	_cleanup_buf_ struct buf own = BUF_INIT;
	struct buf *row = value ? value : &own;
	int found = store_get(ledger->store, STORE_RATE, key, KEY_SIZE, row, err);

	bucket_decode(row, ret);
	return found < 0 ? -1 : 0;
}

static void
bucket_save(
	struct store_txn *txn, const unsigned char key[KEY_SIZE], const struct rate_bucket *bucket, const char *subject)
{
	uint64_t be[2] = { htobe64((uint64_t)bucket->full_at_ms), htobe64((uint64_t)bucket->last_turn_ms) };
	_cleanup_buf_ struct buf value = BUF_INIT;

	buf_add(&value, be, sizeof(be));
	buf_add(&value, subject, strnlen(subject, SUBJECT_SHOWN));
	store_put(txn, STORE_RATE, key, KEY_SIZE, value.data, value.len);
}

static void
ledger_sweep(struct ledger *ledger, struct store_txn *txn)
{
	int64_t now = ledger_now(ledger);
	_cleanup_buf_ struct buf value = BUF_INIT;
	struct rate_bucket bucket;

	for (int i = 0; i < SWEPT; i++) {
		if (store_next(ledger->store, STORE_RATE, buf_str(&ledger->swept), ledger->swept.len,
			    ledger->swept.len > 0, &ledger->swept, &value, NULL) != 1) {
			buf_reset(&ledger->swept); /* from the start next time */
			return;
		}
		bucket_decode(&value, &bucket);
		if (bucket.full_at_ms <= now * MS && bucket.last_turn_ms <= now * MS)
			store_del(txn, STORE_RATE, ledger->swept.data, ledger->swept.len);
	}
}

/* --- claims --- */

static bool
claim_has(const struct ledger_claim *claim, const unsigned char key[KEY_SIZE])
{
	for (size_t i = 0; i < claim->n_uses; i++)
		if (memcmp(claim->uses[i].key, key, KEY_SIZE) == 0)
			return true;
	return false;
}

/* @subject: taken. */
static void
claim_add(struct ledger_claim *claim, enum ca_limit_kind kind, char *subject)
{
	struct ledger_use use = { .kind = kind, .subject = subject };

	ledger_key(&claim->order, kind, subject, use.key);
	if (claim->order.limits->of[kind].count == 0 || claim_has(claim, use.key)) {
		free(subject);
		return;
	}
	claim->uses = xreallocarray(claim->uses, claim->n_uses + 1, sizeof(*claim->uses));
	claim->uses[claim->n_uses++] = use;
}

/* The same for each order of the names. */
static char *
ledger_set_of(const struct strlist *names)
{
	_cleanup_strlist_ struct strlist sorted = STRLIST_INIT;

	strlist_copy(&sorted, names);
	strlist_sort(&sorted);
	return strlist_join(&sorted, " ");
}

static bool
has_limits(const struct ca_limits *limits)
{
	for (size_t i = 0; i < CA_LIMIT_COUNT; i++)
		if (limits->of[i].count > 0)
			return true;
	return false;
}

struct ledger_claim *
ledger_claim(struct ledger *ledger, const struct ledger_order *order)
{
	struct ledger_claim *claim;

	if (!has_limits(order->limits))
		return NULL;
	claim = xcalloc(1, sizeof(*claim));
	claim->ledger = ledger;
	claim->order = *order;
	claim_add(claim, CA_LIMIT_ORDERS, xstrdup(""));
	claim_add(claim, CA_LIMIT_DUPLICATES, ledger_set_of(order->names));
	for (size_t i = 0; i < order->names->count; i++) {
		claim_add(claim, CA_LIMIT_DOMAIN, domain_registered(order->names->items[i]));
		claim_add(claim, CA_LIMIT_FAILURES, xstrdup(name_base(order->names->items[i])));
	}
	DL_APPEND(ledger->claims, claim);
	return claim;
}

void
ledger_release(struct ledger_claim *claim)
{
	if (!claim)
		return;
	DL_DELETE(claim->ledger->claims, claim);
	for (size_t i = 0; i < claim->n_uses; i++)
		free(claim->uses[i].subject);
	free(claim->uses);
	free(claim);
}

void
ledger_set_replacing(struct ledger_claim *claim, bool is_replacing)
{
	if (claim)
		claim->order.is_replacing = is_replacing;
}

void
ledger_set_ordered(struct ledger_claim *claim)
{
	for (size_t i = 0; claim && i < claim->n_uses; i++)
		claim->uses[i].is_counted = claim->uses[i].kind == CA_LIMIT_ORDERS;
	if (claim)
		claim->is_open = true;
}

static bool
ledger_counts(const struct ledger_order *order, enum ca_limit_kind kind)
{
	return rate_is_counted(order->limits, kind, order->is_renewal, order->is_replacing);
}

/* --- asking --- */

/* The orders in progress that will use that bucket. A failed validation is not planned. */
static int64_t
count_pending(const struct ledger_claim *claim, const struct ledger_use *use)
{
	const struct ledger_claim *other;
	int64_t n = 0;

	DL_FOREACH(claim->ledger->claims, other) {
		if (other == claim || !other->is_open || use->kind == CA_LIMIT_FAILURES ||
			!ledger_counts(&other->order, use->kind))
			continue;
		for (size_t i = 0; i < other->n_uses; i++)
			n += !other->uses[i].is_counted && memcmp(other->uses[i].key, use->key, KEY_SIZE) == 0;
	}
	return n;
}

static char *
hold_text(const struct ca_limit *limit, const struct ledger_use *use)
{
	char span[TIME_SPAN_SIZE];

	time_format_span(limit->period, span);
	return xasprintf("the CA's rate limit of %s (%lld in %s) is used up%s%.*s", ca_limit_title(use->kind),
		(long long)limit->count, span, *use->subject ? ": " : "", SUBJECT_SHOWN, use->subject);
}

void
ledger_hold_clear(struct ledger_hold *hold)
{
	free(hold->why);
	*hold = (struct ledger_hold){ .why = NULL };
}

int
ledger_ask(struct ledger_claim *claim, struct rate_order when, struct ledger_hold *ret, struct error *err)
{
	int64_t skew;

	if (!claim)
		return 1;
	skew = ledger_skew(claim->ledger);
	when.now = ledger_now(claim->ledger);
	if (when.urgent_at > 0)
		when.urgent_at = time_add(when.urgent_at, -skew);
	for (size_t i = 0; i < claim->n_uses; i++) {
		const struct ledger_use *use = &claim->uses[i];
		const struct ca_limit *limit = &claim->order.limits->of[use->kind];
		struct rate_bucket bucket;
		int64_t at;

		if (!rate_is_asked(claim->order.limits, use->kind, claim->order.is_renewal, claim->order.is_replacing))
			continue;
		if (bucket_load(claim->ledger, use->key, &bucket, NULL, err) < 0)
			return -1;
		bucket.pending = count_pending(claim, use);
		when.has_rivals = rate_has_rivals(claim->order.limits, use->kind);
		at = rate_ask(limit, &bucket, &when);
		if (at > 0)
			at += skew;
		if (at <= ret->until_at)
			continue;
		ledger_hold_clear(ret);
		ret->until_at = at;
		ret->why = hold_text(limit, use);
		ret->bucket = bucket;
		memcpy(ret->key, use->key, KEY_SIZE);
	}
	claim->is_open = ret->until_at == 0;
	return claim->is_open;
}

void
ledger_keep_turn(struct ledger *ledger, struct store_txn *txn, const struct ledger_hold *hold)
{
	_cleanup_buf_ struct buf row = BUF_INIT;
	struct rate_bucket stored;

	if (bucket_load(ledger, hold->key, &stored, &row, NULL) < 0)
		return; /* the turn is only for fairness */
	bucket_save(txn, hold->key, &hold->bucket, row.len > TIMES_SIZE ? row.data + TIMES_SIZE : "");
}

/* --- counting --- */

static void
use_count(struct ledger_claim *claim, struct store_txn *txn, struct ledger_use *use)
{
	const struct ca_limit *limit = &claim->order.limits->of[use->kind];
	unsigned char top_key[KEY_SIZE];
	_cleanup_error_ struct error err = ERROR_INIT;
	struct rate_bucket bucket, top;

	use->is_counted = true;
	if (bucket_load(claim->ledger, use->key, &bucket, NULL, &err) < 0) {
		store_fail(txn, &err);
		return;
	}
	rate_count(limit, &bucket, ledger_now(claim->ledger));
	bucket_save(txn, use->key, &bucket, use->subject);
	/* All buckets of a limit fill at the same rate, so the one that is full last was used most. */
	ledger_key(&claim->order, use->kind, "", top_key);
	if (*use->subject && bucket_load(claim->ledger, top_key, &top, NULL, NULL) == 0 &&
		top.full_at_ms <= bucket.full_at_ms) {
		bucket.last_turn_ms = 0;
		bucket_save(txn, top_key, &bucket, use->subject);
	}
	ledger_sweep(claim->ledger, txn);
}

static void
claim_count(struct ledger_claim *claim, struct store_txn *txn, enum ca_limit_kind kind, const char *subject)
{
	for (size_t i = 0; claim && i < claim->n_uses; i++)
		if (claim->uses[i].kind == kind && ledger_counts(&claim->order, kind) &&
			(!subject || strcmp(claim->uses[i].subject, subject) == 0))
			use_count(claim, txn, &claim->uses[i]);
}

void
ledger_count_order(struct ledger_claim *claim, struct store_txn *txn)
{
	claim_count(claim, txn, CA_LIMIT_ORDERS, NULL);
}

void
ledger_count_certificate(struct ledger_claim *claim, struct store_txn *txn)
{
	claim_count(claim, txn, CA_LIMIT_DOMAIN, NULL);
	claim_count(claim, txn, CA_LIMIT_DUPLICATES, NULL);
}

void
ledger_count_failure(struct ledger_claim *claim, struct store_txn *txn, const char *name)
{
	claim_count(claim, txn, CA_LIMIT_FAILURES, name_base(name));
}

/* --- showing --- */

void
ledger_room(struct ledger *ledger, const struct ledger_order *order, enum ca_limit_kind kind, struct ledger_room *ret)
{
	int64_t now = ledger_now(ledger);
	const struct ca_limit *limit = &order->limits->of[kind];
	_cleanup_buf_ struct buf row = BUF_INIT;
	unsigned char key[KEY_SIZE];
	struct rate_bucket bucket;

	ledger_key(order, kind, "", key);
	bucket_load(ledger, key, &bucket, &row, NULL);
	*ret = (struct ledger_room){ .room = rate_room(limit, &bucket, now) };
	if (ret->room == 0)
		ret->opens_at = rate_opens_at(limit, &bucket, now) + ledger_skew(ledger);
	if (ret->room < limit->count && row.len > TIMES_SIZE)
		ret->subject = xstrdup(row.data + TIMES_SIZE);
}
