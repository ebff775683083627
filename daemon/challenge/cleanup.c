/*
 * Record of STORE_CLEANUP, by example (record.h): 01 | 01 "6f1e..-provider-id" | 02 "example.com" |
 * 03 "_acme-challenge.example.com" | 04 "gfj9Xq...Rg85nM" | 05 1700000000 | 06 2
 */
#include "daemon/challenge/cleanup.h"

#include "common/retry.h"
#include "daemon/schedule/schedule.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct record_field fields[] = {
	RECORD_FIELD(RECORD_STRING, 1, struct cleanup, dns_provider, NULL),
	RECORD_FIELD(RECORD_STRING, 2, struct cleanup, zone, NULL),
	RECORD_FIELD(RECORD_STRING, 3, struct cleanup, name, NULL),
	RECORD_FIELD(RECORD_STRING, 4, struct cleanup, value, NULL),
	/* 5 was the time at which it was added */
	RECORD_FIELD(RECORD_INT, 6, struct cleanup, attempts, NULL),
	RECORD_FIELD(RECORD_STRING, 7, struct cleanup, domain, NULL),
	RECORD_FIELD(RECORD_STRING, 8, struct cleanup, key_authorization, NULL),
};

const struct record_class cleanup_class = RECORD_CLASS("cleanup", STORE_CLEANUP, struct cleanup, fields, unknown);

void
cleanup_id(const struct cleanup *c, char ret[STORE_ID_SIZE])
{
	_cleanup_free_ char *text = xasprintf("%s/%s/%s", c->dns_provider, c->name, c->value);
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned hash_len;

	if (!EVP_Digest(text, strlen(text), hash, &hash_len, EVP_sha256(), NULL))
		abort();
	for (size_t i = 0; i < 16; i++)
		snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}

void
cleanup_save(struct store *store, struct store_txn *txn, const struct cleanup *c, int64_t due_at)
{
	char id[STORE_ID_SIZE];

	cleanup_id(c, id);
	record_save(store, txn, &cleanup_class, id, c);
	schedule_set(store, txn, SCHEDULE_CLEANUP, id, "", due_at);
}

void
cleanup_forget(struct store *store, struct store_txn *txn, const char *id)
{
	store_del(txn, STORE_CLEANUP, id, strlen(id));
	schedule_del(store, txn, SCHEDULE_CLEANUP, id);
}

int64_t
cleanup_after_clock_change(void *env _unused_, const struct schedule_row *row, int64_t now)
{
	return job_due_within(row, now, retry_wait(RETRY_REMOTE, INT64_MAX).longest);
}
