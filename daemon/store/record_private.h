/* daemon/store/record_private.h: what encoding and decoding share. */
#ifndef DAEMON_STORE_RECORD_PRIVATE_H
#define DAEMON_STORE_RECORD_PRIVATE_H

#include "common/error.h"
#include "daemon/store/record.h"

enum { RECORD_VERSION = 1, RECORD_FIELD_HEAD = 5 };

/* The current position while encoding or decoding: for the AAD of secrets and for messages. */
struct record_place {
	struct store *store; /* NULL: secrets are omitted */
	enum store_db db;
	const char *id;
	struct error *err;
};

/* RECORD_ERROR is a nested record; the code is stored as a word, because its number may change. */
struct record_error {
	char *code;
	bool may_retry;
	int64_t retry_at;
	char *field;
	char *problem;
	char *message;
};

extern const struct record_class record_error_class;

/* The field's member of @obj. */
static inline void *
record_at(const struct record_field *f, const void *obj)
{
	return (char *)(uintptr_t)obj + f->offset;
}

/* Complete fields, one after the other, with tags that @cls does not know; only if it keeps them. */
static inline struct buf *
record_unknown(const struct record_class *cls, const void *obj)
{
	return (struct buf *)(void *)((char *)(uintptr_t)obj + cls->unknown);
}

/* The AAD of the secret: record, tag, and for list items the path to it. */
static inline char *
record_secret_id(const char *id, uint8_t tag)
{
	return xasprintf("%s/%u", id, tag);
}

#endif
