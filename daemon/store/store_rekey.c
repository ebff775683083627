/*
 * During a change STORE_SELF has, besides "key-check" under the former master key and the format STORE_FORMAT_REKEY:
 *
 *   "next-key"     the new master key, sealed with the former one
 *   "former-key"   the former one, sealed with the new one
 *
 * Both are written in one transaction, and removed in the one that writes "key-check" under the new key.
 *
 * Each value has a tag, and so have those without a secret. Secrets are sealed with a data key of their own, which is
 * wrapped anew: the secrets themselves are not touched. Where in a record they are is found without its class: what
 * looks like a sealed secret is one if its wrapped key verifies.
 */
#include "daemon/store/store_rekey.h"

#include "common/crypto/secret.h"
#include "common/error.h"
#include "daemon/store/record_private.h"
#include "daemon/store/store_rekey_private.h"
#include "daemon/store/store_sums.h"

#include <stdio.h>
#include <string.h>

static const char next_key[] = "next-key", former_key[] = "former-key";

enum { NESTED_MOST = 8 /* levels of lists in a record */, LENGTH_LEN = 4 };

enum store_rekey
store_rekey_state(const struct store *store)
{
	if (!store_crypt_has_former(store->crypt))
		return STORE_REKEY_NONE;
	return store->is_former_key ? STORE_REKEY_FORMER : STORE_REKEY_NEW;
}

const struct secret *
store_master_key(const struct store *store)
{
	return store_crypt_master(store->crypt);
}

void
store_rekey_installed(struct store *store)
{
	store->is_former_key = false;
}

/* --- opening --- */

/* @crypt becomes the store's, and the present one its former one. */
static void
store_rekey_switch(struct store *store, struct store_crypt *crypt)
{
	store_crypt_set_former(crypt, store->crypt);
	store->crypt = crypt;
}

int
store_rekey_open(struct store *store, bool is_present, struct error *err)
{
	_cleanup_buf_ struct buf sealed = BUF_INIT;
	_cleanup_secret_ struct secret other = SECRET_INIT;
	const char *id = is_present ? next_key : former_key;
	int rc = lmdb_get(store->lmdb, STORE_SELF, id, strlen(id), &sealed, err);
	struct store_crypt *crypt;

	if (rc <= 0)
		return rc;
	if (store_unseal(store, STORE_SELF, id, sealed.data, sealed.len, &other, is_present ? err : NULL) < 0)
		return is_present ? -1 : 0;
	crypt = store_crypt_new(&other, err);
	if (!crypt)
		return -1;
	store->is_former_key = is_present;
	if (is_present)
		store_rekey_switch(store, crypt);
	else
		store_crypt_set_former(store->crypt, crypt);
	return 1;
}

/* --- beginning and ending --- */

/* What one transaction changes of STORE_SELF. */
struct rekey_change {
	struct store *store;
	struct buf next, former, key_check; /* sealed; of the first one, the first two; of the last one, the third */
};

static void
rekey_change_clear(struct rekey_change *c)
{
	buf_clear(&c->next);
	buf_clear(&c->former);
	buf_clear(&c->key_check);
}

static void
store_rekey_put_format(struct lmdb_write *w, int format)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", format);

	lmdb_put(w, STORE_SELF, "format", 6, text, (size_t)len);
}

/* lmdb_apply_fn */
static void
store_rekey_write(struct lmdb_write *w, void *arg)
{
	struct rekey_change *c = arg;
	struct store_sums unchanged = { .change = { 0 } };

	if (c->key_check.len) {
		lmdb_put(w, STORE_SELF, "key-check", 9, c->key_check.data, c->key_check.len);
		lmdb_del(w, STORE_SELF, next_key, strlen(next_key));
		lmdb_del(w, STORE_SELF, former_key, strlen(former_key));
		store_write_counters(w, c->store, c->store->counters);
	} else {
		lmdb_put(w, STORE_SELF, next_key, strlen(next_key), c->next.data, c->next.len);
		lmdb_put(w, STORE_SELF, former_key, strlen(former_key), c->former.data, c->former.len);
	}
	store_rekey_put_format(w, c->key_check.len ? STORE_FORMAT : STORE_FORMAT_REKEY);
	store_sums_write(&unchanged, w, c->store->crypt);
}

int
store_rekey_begin(struct store *store, const struct secret *new_key, struct error *err)
{
	struct rekey_change change = { .store = store };
	struct store_crypt *crypt;
	int rc = -1;

	if (store_rekey_state(store) != STORE_REKEY_NONE)
		return error_set(err, ERROR_STATE, "the master key is already being changed");
	if (new_key->len != STORE_KEY_LEN || secret_equal(new_key, store_master_key(store)))
		return error_set_field(err, "masterKey", "the new master key %s",
			new_key->len == STORE_KEY_LEN ? "is the present one" : "does not have 32 octets");
	crypt = store_crypt_new(new_key, err);
	if (!crypt)
		return -1;
	if (store_crypt_seal(store->crypt, STORE_SELF, next_key, new_key, &change.next, err) == 0 &&
		store_crypt_seal(crypt, STORE_SELF, former_key, store_master_key(store), &change.former, err) == 0)
		rc = lmdb_write(store->lmdb, store_rekey_write, &change, err);
	rekey_change_clear(&change);
	if (rc < 0) {
		store_crypt_free(crypt);
		return -1;
	}
	store_rekey_switch(store, crypt);
	store->is_former_key = true;
	return 0;
}

int
store_rekey_finish(struct store *store, struct error *err)
{
	struct rekey_change change = { .store = store };
	int rc;

	if (store_rekey_state(store) != STORE_REKEY_NEW)
		return error_set(err, ERROR_STATE, "the former master key is still in use");
	rc = store_seal_key_check(store, &change.key_check, err);
	if (rc == 0)
		rc = lmdb_write(store->lmdb, store_rekey_write, &change, err);
	rekey_change_clear(&change);
	if (rc == 0)
		store_crypt_set_former(store->crypt, NULL);
	return rc;
}

/* --- records --- */

static size_t
rekey_length(const unsigned char *p)
{
	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

struct rekey_place {
	struct store_crypt *crypt;
	enum store_db db;
	unsigned depth;
};

static bool
rekey_record(const struct rekey_place *place, const char *id, unsigned char *p, size_t len);

/* @p: of a field, which may be a list of records. */
static bool
rekey_list(const struct rekey_place *place, const char *field_id, unsigned char *p, size_t len)
{
	struct rekey_place inside = { place->crypt, place->db, place->depth + 1 };
	bool has_changed = false;

	if (inside.depth > NESTED_MOST)
		return false;
	for (size_t i = 0; len >= LENGTH_LEN; i++) {
		_cleanup_free_ char *id = xasprintf("%s[%zu]", field_id, i);
		size_t n = rekey_length(p);

		if (n > len - LENGTH_LEN)
			break;
		has_changed |= rekey_record(&inside, id, p + LENGTH_LEN, n);
		p += LENGTH_LEN + n;
		len -= LENGTH_LEN + n;
	}
	return has_changed;
}

/* The form of record.h. Other values do not look like it, or nothing in them verifies. */
static bool
rekey_record(const struct rekey_place *place, const char *id, unsigned char *p, size_t len)
{
	bool has_changed = false;

	if (!len || p[0] != RECORD_VERSION)
		return false;
	for (size_t at = 1; len - at >= RECORD_FIELD_HEAD;) {
		_cleanup_free_ char *field_id = record_secret_id(id, p[at]);
		size_t n = rekey_length(p + at + 1);

		at += RECORD_FIELD_HEAD;
		if (n > len - at)
			break;
		has_changed |= store_crypt_rewrap(place->crypt, place->db, field_id, p + at, n) ||
			       rekey_list(place, field_id, p + at, n);
		at += n;
	}
	return has_changed;
}

/* Return: whether the value as a whole, or something in it, was under the former key. */
static bool
rekey_value(struct store *store, enum store_db db, const void *key, size_t key_len, struct buf *value)
{
	_cleanup_free_ char *id = xstrndup(key, key_len);
	const struct rekey_place place = { .crypt = store->crypt, .db = db };
	unsigned char *p = (unsigned char *)value->data;

	return store_crypt_rewrap(store->crypt, db, id, p, value->len) || rekey_record(&place, id, p, value->len);
}

/* A damaged record stays as it is. */
static void
rekey_key(struct store *store, struct store_txn *txn, struct store_rekey_walk *walk, const void *key, size_t key_len)
{
	enum store_db db = (enum store_db)walk->db;
	_cleanup_error_ struct error unused = ERROR_INIT;
	_cleanup_buf_ struct buf value = BUF_INIT;
	_cleanup_buf_ struct buf stored = BUF_INIT;
	bool is_former;

	if (store_get(store, db, key, key_len, &value, &unused) != 1)
		return;
	is_former = !store_turn_find(store->turn, db, key, key_len) &&
		    lmdb_get(store->lmdb, db, key, key_len, &stored, &unused) == 1 &&
		    !store_crypt_is_own(store->crypt, db, key, key_len, stored.data, stored.len);
	if (!rekey_value(store, db, key, key_len, &value) && !is_former)
		return;
	store_put(txn, db, key, key_len, value.data, value.len);
	walk->has_changed = true;
}

/* --- the walk --- */

struct rekey_keys {
	struct buf octets; /* each as one size_t, its length, and its octets */
	size_t count, max;
};

static bool
rekey_take_key(const void *key, size_t key_len, void *arg)
{
	struct rekey_keys *keys = arg;

	buf_add(&keys->octets, &key_len, sizeof(key_len));
	buf_add(&keys->octets, key, key_len);
	return ++keys->count < keys->max;
}

static void
rekey_keys(struct store *store, struct store_txn *txn, struct store_rekey_walk *walk, const struct rekey_keys *keys)
{
	const char *p = keys->octets.data;
	size_t len = 0;

	for (size_t i = 0; i < keys->count; i++, p += len) {
		memcpy(&len, p, sizeof(len));
		p += sizeof(len);
		rekey_key(store, txn, walk, p, len);
		buf_reset(&walk->after);
		buf_add(&walk->after, p, len);
	}
}

/* STORE_SELF is the business of store_rekey_finish(). */
static void
rekey_next_db(struct store_rekey_walk *walk)
{
	buf_reset(&walk->after);
	do
		walk->db++;
	while (walk->db == STORE_SELF);
}

int
store_rekey_slice(
	struct store *store, struct store_txn *txn, struct store_rekey_walk *walk, size_t max, struct error *err)
{
	static const struct buf none = BUF_INIT;
	struct rekey_keys keys = { .octets = BUF_INIT, .max = max };
	_cleanup_buf_ struct buf from = BUF_INIT;
	int rc;

	if (walk->db == STORE_DB_COUNT) {
		if (!walk->has_changed)
			return 0;
		walk->db = 0;
		walk->has_changed = false;
	}
	buf_add(&from, walk->after.data, walk->after.len);
	rc = store_walk_keys(store, (enum store_db)walk->db, &from, from.len > 0, &none, rekey_take_key, &keys, err);
	if (rc >= 0)
		rekey_keys(store, txn, walk, &keys);
	buf_clear(&keys.octets);
	if (rc == 0)
		rekey_next_db(walk);
	return rc < 0 ? -1 : 1;
}
