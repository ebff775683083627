/*
 * daemon/store/record.h: structs as octets: a version byte, then tagged fields. Absent fields keep their zero value. A
 * field with an unknown tag was written by a later certd; it is kept when the record is saved again. Described by a
 * table per struct, so that a new field is one line.
 *
 *   01 | tag (1) length (4, big endian) octets | tag length octets | ...
 */
#ifndef DAEMON_STORE_RECORD_H
#define DAEMON_STORE_RECORD_H

#include "common/buf.h"
#include "daemon/store/store.h"

#include <stddef.h>
#include <stdint.h>

enum record_type {
	RECORD_STRING,  /* char *, owned; NULL is absent */
	RECORD_INT,     /* int64_t; 0 is absent */
	RECORD_BOOL,    /* bool; false is absent */
	RECORD_STRLIST, /* struct strlist */
	RECORD_BYTES,   /* struct buf */
	RECORD_SECRET,  /* struct secret; sealed on disk */
	RECORD_ERROR,   /* struct error */
	RECORD_LIST,    /* struct record_list: a list of structs with a table of their own */
};

struct record_class;

/* A growing array of structs. */
struct record_list {
	void *items; /* owned */
	size_t count;
};

/* Additional indexes of object_save(). */
enum record_role {
	RECORD_PLAIN = 0,
	RECORD_REF,         /* STRING, STRLIST: ids of @target's objects, which cannot be deleted while referenced */
	RECORD_WEAK_REF,    /* the same, but the target may be deleted: origin, history */
	RECORD_COMMON_NAME, /* STRING: found by OBJECT_HAS_COMMON_NAME and OBJECT_IS_BELOW */
	RECORD_EXPIRY,      /* INT: found by object_query */
	RECORD_LABEL,       /* STRLIST: found by object_query */
	RECORD_FLAG,        /* BOOL: those that have it are found by object_query, by its name */
};

struct record_field {
	uint8_t tag; /* never reused */
	enum record_type type;
	size_t offset;
	const char *name;                /* the API's name of the property, or NULL: internal */
	const struct record_class *item; /* RECORD_LIST: class of the items */
	enum record_role role;
	const struct record_class *target; /* of a reference */
};

/* A field of earlier versions that is now an item of a list of settings; read, never written. */
struct record_former {
	uint8_t tag;
	enum record_type type; /* STRING, STRLIST, BOOL or SECRET */
	size_t offset;         /* of the list (daemon/store/setting.h) */
	const char *name;      /* of the item */
};

struct record_class {
	const char *name; /* of the resource: "provider", ... */
	enum store_db db;
	size_t size; /* sizeof the struct */
	const struct record_field *fields;
	size_t n_fields;
	size_t unknown; /* offset of a struct buf that keeps fields with unknown tags; 0: the class drops them */
	const struct record_former *former;
	size_t n_former;
};

/* @unknown_: the member of the struct that keeps fields of later versions. */
#define RECORD_CLASS(name_, db_, struct_, fields_, unknown_) \
	{ \
		.name = (name_), .db = (db_), .size = sizeof(struct_), .fields = (fields_), \
		.n_fields = ARRAY_SIZE(fields_), .unknown = offsetof(struct_, unknown_) \
	}
#define RECORD_CLASS_FORMER(name_, db_, struct_, fields_, unknown_, former_) \
	{ \
		.name = (name_), .db = (db_), .size = sizeof(struct_), .fields = (fields_), \
		.n_fields = ARRAY_SIZE(fields_), .unknown = offsetof(struct_, unknown_), .former = (former_), \
		.n_former = ARRAY_SIZE(former_) \
	}

#define RECORD_FIELD(type_, tag_, struct_, member_, name_) \
	{ \
		.tag = (tag_), .type = (type_), .offset = offsetof(struct_, member_), .name = (name_) \
	}
#define RECORD_FIELD_LIST(tag_, struct_, member_, name_, item_) \
	{ \
		.tag = (tag_), .type = RECORD_LIST, .offset = offsetof(struct_, member_), .name = (name_), \
		.item = (item_) \
	}

#define RECORD_FIELD_ROLE(type_, tag_, struct_, member_, name_, role_, target_) \
	{ \
		.tag = (tag_), .type = (type_), .offset = offsetof(struct_, member_), .name = (name_), \
		.role = (role_), .target = (target_) \
	}

/*
 * record_load() - read the record @id of @cls->db, pending changes included
 * @ret: zeroed by the caller; release it with record_clear()
 * Return: 1 found, 0 absent, -1 failed (ERROR_CORRUPT: damaged; @ret is empty then).
 */
int
record_load(struct store *store, const struct record_class *cls, const char *id, void *ret, struct error *err);

/* Adds the record @id of @cls->db to @txn, which fails if a secret cannot be sealed. */
void
record_save(
	struct store *store, struct store_txn *txn, const struct record_class *cls, const char *id, const void *obj);

/* @id: the record's key, part of the AAD of its secrets. Appends to @ret. */
int
record_encode(struct store *store, const struct record_class *cls, const char *id, const void *obj, struct buf *ret,
	struct error *err);

/*
 * @obj: initialised to zero by the caller. @store NULL: secrets stay empty, nothing is unsealed. ERROR_CORRUPT names
 * the record; @obj may be half filled: record_clear().
 */
int
record_decode(struct store *store, const struct record_class *cls, const char *id, const void *data, size_t len,
	void *obj, struct error *err);

/* The bit of a RECORD_SECRET in record_secrets(): the secrets of a class are counted, of which it has at most 64. */
uint64_t
record_secret_bit(const struct record_class *cls, const struct record_field *field);

/* Which secrets a decoded record has, without unsealing them: their bits. */
uint64_t
record_secrets(const struct record_class *cls, const void *data, size_t len);

/* Releases all fields and zeroes the struct. */
void
record_clear(const struct record_class *cls, void *obj);

/* Declares the class @class_ of struct @struct_, and its record_clear() by type, for _cleanup_(). */
#define RECORD_DECLARE(struct_, class_) \
	extern const struct record_class class_; \
	static inline void struct_##_clear(struct struct_ *obj) \
	{ \
		record_clear(&class_, obj); \
	} \
	struct struct_ /* before the semicolon */

/* Deep copy into @dst (cleared first); members without a field are copied bitwise. */
void
record_copy(const struct record_class *cls, void *dst, const void *src);

/* Adds one zeroed item; returns it (borrowed until the next add). */
void *
record_list_add(const struct record_class *item, struct record_list *list);

void
record_list_clear(const struct record_class *item, struct record_list *list);

#endif
